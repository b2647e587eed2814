"""The packaged crawl is what its script makes, and holds what the demo needs to meet."""

from __future__ import annotations

import io
import sys
import zlib
from collections import Counter
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fastwarc.warc import ArchiveIterator

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import make_sample

SAMPLE = files("winnow.recipes") / "sample"


def gunzip(member: bytes) -> bytes:
    return zlib.decompress(member, wbits=31)


def is_whole(member: bytes) -> bool:
    try:
        return bool(gunzip(member))
    except zlib.error:
        return False


def read_crawl() -> list[bytes]:
    """The members of the packaged file; their lengths come from the script, whose members they must be."""
    stream = io.BytesIO((SAMPLE / "crawl.warc.gz").read_bytes())
    return [*(stream.read(len(member)) for member in make_sample.members()), stream.read()]


def test_the_packaged_crawl_is_what_the_script_makes() -> None:
    if "zlib-ng" in zlib.ZLIB_RUNTIME_VERSION:
        pytest.skip("zlib-ng stands in for zlib here and packs the same bytes differently")
    assert (SAMPLE / "crawl.warc.gz").read_bytes() == b"".join(make_sample.members())


def test_the_packaged_blocklist_is_what_the_script_makes() -> None:
    assert (SAMPLE / "blocklist.txt").read_text("utf-8") == make_sample.blocklist()


def test_the_crawl_is_small() -> None:
    assert len((SAMPLE / "crawl.warc.gz").read_bytes()) < 1_000_000


def test_fastwarc_reads_every_record_but_the_damaged_one() -> None:
    members = read_crawl()
    assert members.pop() == b""
    whole = [member for member in members if is_whole(member)]
    records = [record for member in whole for record in ArchiveIterator(io.BytesIO(member), parse_http=False)]
    assert len(records) == len(whole) == len(members) - 1


def test_every_kind_of_response_is_there() -> None:
    responses = make_sample.responses()
    statuses = Counter(response.status[:3] for response in responses)
    types = Counter(response.content_type.partition(";")[0] for response in responses)
    assert statuses == {"200": len(responses) - 2, "404": 1, "301": 1}
    assert types["text/html"] >= 60
    assert {"application/pdf", "image/png", "text/plain"} < set(types)


@pytest.mark.parametrize("encoding", ["windows-1252", "iso-8859-1", "shift_jis", "windows-1251"])
def test_legacy_encodings_are_there_and_decode_to_what_was_written(encoding: str) -> None:
    pages = [page for page in make_sample.read_pages() if page.get("encoding") == encoding]
    assert pages
    for page in pages:
        assert page.body.splitlines()[0] in make_sample.respond(page).body.decode(encoding)


def test_a_wrong_charset_is_declared_once() -> None:
    responses = [response for response in make_sample.responses() if "charset=utf-8" in response.content_type]
    wrong = [response.url for response in responses if "�" in response.body.decode(errors="replace")]
    assert "https://dachnik.example/zametki/yabloki" in wrong


def test_every_host_is_invented() -> None:
    assert all((urlsplit(response.url).hostname or "").endswith(".example") for response in make_sample.responses())


def test_blocked_hosts_are_in_the_crawl_under_other_spellings() -> None:
    netlocs = {urlsplit(response.url).netloc for response in make_sample.responses()}
    assert "WWW.Lucky-Wheel-Casino.example:8080" in netlocs
    assert "velvet-evenings.example" in netlocs
