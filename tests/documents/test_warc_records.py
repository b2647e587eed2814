"""The two readers of records: on sound files one is the other's twin; on damaged ones nothing whole is lost."""

from __future__ import annotations

import gzip
import io
import random
import struct
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.documents.warc_format import Damage, Record
from winnow.documents.warc_records import read_records

Compress = Callable[[bytes], bytes]
COMPRESS: dict[str, Compress] = {"plain": bytes, "gzip": gzip.compress, "zstd": zstandard.compress}
HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"


def record(number: int, *, body: bytes | None = None, length: object = None, type: str = "response") -> bytes:
    block = HTTP + (b"<p>page %d " % number + b"word " * 40 if body is None else body)
    header = (
        f"WARC/1.0\r\nWARC-Type: {type}\r\nWARC-Record-ID: <urn:x:{number}>\r\nWARC-Target-URI: http://a/{number}\r\n"
        f"Content-Length: {len(block) if length is None else length}\r\n"
        "Content-Type: application/http; msgtype=response\r\n\r\n"
    )
    return header.encode() + block + b"\r\n\r\n"


def read(data: bytes, *, max_bytes: int = 1 << 20) -> list[Record | Damage]:
    """The file's records by both readers, which must agree."""
    fast = list(read_records(io.BytesIO(data), max_bytes=max_bytes))
    assert fast == list(read_records(io.BytesIO(data), max_bytes=max_bytes, damaged=True))
    return fast


def name(item: Record | Damage) -> str:
    """``3`` for a whole record, ``damage 3`` for one that is known to be lost."""
    number = (item.id or "").removeprefix("<urn:x:").removesuffix(">")
    return f"damage {number}".strip() if isinstance(item, Damage) else number


def ids(data: bytes) -> list[str]:
    return [name(item) for item in read(data)]


@pytest.mark.parametrize("kind", COMPRESS)
def test_every_record_is_read_with_its_offset_and_block(kind: str) -> None:
    parts = [COMPRESS[kind](record(number)) for number in range(5)]
    offsets = [len(b"".join(parts[:number])) for number in range(5)]
    found = read(b"".join(parts))
    assert [item.offset for item in found] == offsets
    first = found[0]
    assert isinstance(first, Record)
    assert (first.type, first.url, first.id) == ("response", "http://a/0", "<urn:x:0>")
    assert first.block == record(0).split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n\r\n")
    assert first.num_bytes == len(first.block)


def test_blocks_that_hold_no_document_are_not_kept() -> None:
    found = read(record(0, type="request") + record(1, type="Metadata"))
    assert [(item.type, item.block, item.num_bytes > 0) for item in found if isinstance(item, Record)] == [
        ("request", b"", True),
        ("metadata", b"", True),
    ]


def test_a_file_that_is_one_gzip_stream_is_read_and_its_records_share_its_offset() -> None:
    found = read(gzip.compress(b"".join(record(number) for number in range(5))))
    assert [(item.offset, item.id) for item in found] == [(0, f"<urn:x:{number}>") for number in range(5)]


def with_dictionary(records: list[bytes]) -> list[bytes]:
    """zstd frames that need a dictionary, behind a frame that holds it (IIPC, Zstandard compression of WARC, 1.0)."""
    dictionary = zstandard.train_dictionary(4096, [record(number) for number in range(300)])
    compressor = zstandard.ZstdCompressor(dict_data=dictionary)
    content = dictionary.as_bytes()
    return [struct.pack("<II", 0x184D2A5D, len(content)) + content, *map(compressor.compress, records)]


def test_zstd_with_a_dictionary_is_read_up_to_the_first_damage() -> None:
    parts = with_dictionary([record(number) for number in range(4)])
    found = read(b"".join(parts))
    assert [name(item) for item in found] == ["0", "1", "2", "3"]
    assert found[0].offset == len(parts[0])
    parts[3] = parts[3][:20] + b"\xff" + parts[3][21:]
    assert ids(b"".join(parts))[-1] == "damage"
    assert ids(b"".join(parts))[0] == "0"


def test_a_file_compressed_in_blocks_is_read() -> None:
    whole = b"".join(record(number) for number in range(9))
    blocks = [gzip.compress(whole[start : start + 700]) for start in range(0, len(whole), 700)]
    assert ids(b"".join(blocks)) == [str(number) for number in range(9)]


@pytest.mark.parametrize("kind", COMPRESS)
@pytest.mark.parametrize("length", [3, 300, 5000, 10**30, -5, "abc", "", "0x10", "\u0664"])
def test_a_wrong_length_costs_its_record_alone(kind: str, length: object) -> None:
    parts = [record(0), record(1, length=length), record(2), record(3)]
    assert ids(b"".join(map(COMPRESS[kind], parts))) == ["0", "damage 1", "2", "3"]


def test_a_missing_or_doubtful_length_costs_its_record_alone() -> None:
    missing = record(1).replace(b"Content-Length", b"Content-Lungth")
    twice = record(1).replace(b"Content-Length", b"Content-Length: 12\r\nContent-Length")
    for broken in (missing, twice):
        assert ids(record(0) + broken + record(2)) == ["0", "damage 1", "2"]


@pytest.mark.parametrize("kind", COMPRESS)
def test_garbage_between_records_costs_none(kind: str) -> None:
    parts = [COMPRESS[kind](record(number)) for number in range(3)]
    assert ids(parts[0] + b"garbage\r\n\0\xff\r\n" + parts[1] + parts[2]) == ["0", "damage", "1", "2"]
    assert ids(b"garbage\n" * 30 + parts[0] + parts[1]) == ["damage", "0", "1"]
    assert ids(parts[0] + b"garbage") == ["0", "damage"]


@pytest.mark.parametrize("position", [0, 1, 3, 12, 60, -7, -2])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_broken_gzip_member_costs_its_record_alone(number: int, position: int) -> None:
    parts = [bytearray(gzip.compress(record(number))) for number in range(3)]
    parts[number][position] ^= 0x55
    whole = [found for found in ids(b"".join(parts)) if not found.startswith("damage")]
    assert whole == [str(other) for other in range(3) if other != number]


@pytest.mark.parametrize("kind", COMPRESS)
def test_a_file_cut_off_inside_a_record_keeps_the_records_before(kind: str) -> None:
    parts = [COMPRESS[kind](record(number, body=random.Random(number).randbytes(500))) for number in range(3)]
    whole = b"".join(parts)
    assert ids(whole[:-200]) == ["0", "1", "damage" if kind == "zstd" else "damage 2"]
    start_of_last = len(whole) - len(parts[2])
    assert ids(whole[: start_of_last + 20])[:2] == ["0", "1"]


def test_a_record_that_is_whole_but_for_its_last_line_ends_is_kept() -> None:
    assert ids((record(0) + record(1)).removesuffix(b"\r\n\r\n")) == ["0", "1"]


def test_lines_that_end_otherwise_are_understood() -> None:
    assert ids(record(0).replace(b"\r\n", b"\n", 7) + record(1)) == ["0", "1"]
    assert ids(record(0, body=b"").replace(b"\r\n", b"\r\r\n", 7) + record(1)) == ["0", "1"]
    assert ids(b"\r\n\n" + record(0) + b"\r\n\r\n\r\n" + record(1).removesuffix(b"\r\n\r\n") + record(2)) == [
        "0",
        "1",
        "2",
    ]


def test_strange_bytes_in_a_header_are_kept_as_text() -> None:
    odd = record(1).replace(b"http://a/1", b"http://a/ \xff\0 b").replace(b"<urn:x:1>", b"\r\n <urn:x:1>")
    found = read(record(0) + odd)[1]
    assert (found.url, found.id) == ("http://a/ \ufffd\0 b", "<urn:x:1>")


def test_a_header_longer_than_fastwarc_takes_is_read() -> None:
    assert ids(
        record(0) + record(1).replace(b"WARC-Type", b"X: " + b"y" * 50_000 + b"\r\nWARC-Type") + record(2)
    ) == list("012")


def test_a_record_that_is_too_large_is_given_without_its_body_and_the_next_is_found() -> None:
    data = record(0) + record(1, body=b"x" * 3_000_000) + record(2)
    found = read(data, max_bytes=1 << 20)
    assert [item.id for item in found] == ["<urn:x:0>", "<urn:x:1>", "<urn:x:2>"]
    large = found[1]
    assert isinstance(large, Record)
    assert len(large.block) == 64 << 10
    assert large.num_bytes == len(HTTP) + 3_000_000


@pytest.mark.parametrize("kind", COMPRESS)
def test_a_record_that_claims_to_be_too_large_hides_none(kind: str) -> None:
    parts = [record(0), record(1, length=10**17), record(2), record(3)]
    assert ids(b"".join(map(COMPRESS[kind], parts))) == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (b"PK\x03\x04" + bytes(100), "archive/ folder"),
        (b"filedesc://x.arc 0.0.0.0 20080430204825 text/plain 76\n", "warcio recompress"),
        (gzip.compress(b"filedesc://x.arc 0.0.0.0 20080430204825 text/plain 76\n"), "warcio recompress"),
        (b"http://a/ 1.2.3.4 20080430204825 text/html 76\n<p>", "warcio recompress"),
        (b" CDX N b a m s k r M S V g\n", "index of captures"),
        (b"hello world\n" * 100, "no WARC record begins here"),
        (gzip.compress(b'{"text": "x"}\n'), "no WARC record begins here"),
        (b"\x1f\x8b", "gzip"),
        (b"\xff" * 5000, "no WARC record begins here"),
    ],
    ids=["empty", "zip", "arc", "arc.gz", "arc without head", "cdx", "text", "jsonl.gz", "stub", "binary"],
)
def test_a_file_that_is_no_warc_file_says_what_to_do(data: bytes, words: str) -> None:
    (damage,) = read(data)
    assert isinstance(damage, Damage)
    assert words in damage.error
    assert damage.offset == 0


def test_an_error_of_the_stream_itself_is_not_damage() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 100_000:
                raise ConnectionError("reset by peer")
            return super().read(size)

    data = b"".join(record(number, body=b"x" * 10_000) for number in range(30))
    for damaged in (False, True):
        with pytest.raises(ConnectionError, match="reset"):
            list(read_records(Broken(data), max_bytes=1 << 20, damaged=damaged))


def test_fastwarc_is_believed_to_the_end_of_a_sound_file(monkeypatch: pytest.MonkeyPatch) -> None:
    starts = []

    def careful(stream: io.BytesIO, compression: object, max_bytes: int, start: int = 0) -> list[Record]:
        starts.append(start)
        return []

    monkeypatch.setattr("winnow.documents.warc_records.read_damaged", careful)
    rng = random.Random(0)
    parts = [gzip.compress(record(number, body=rng.randbytes(rng.randrange(200_000))), 1) for number in range(60)]
    assert len(list(read_records(io.BytesIO(b"".join(parts)), max_bytes=1 << 20))) == 59
    assert starts == [sum(map(len, parts[:-1]))]


def damaged(data: bytes, kind: str, start: int, size: int, noise: bytes) -> bytes:
    match kind:
        case "overwrite":
            return data[:start] + noise[: min(size, len(data) - start)] + data[start + size :]
        case "cut":
            return data[:start] + data[start + size :]
        case "insert":
            return data[:start] + noise[:size] + data[start:]
    return data[:start]


@settings(max_examples=400)
@given(
    st.sampled_from(sorted(COMPRESS)),
    st.sampled_from(["overwrite", "cut", "insert", "truncate"]),
    st.integers(0, 10**6),
    st.sampled_from([1, 3, 40, 900]),
    st.randoms(use_true_random=False),
)
def test_whatever_happens_to_a_file_the_records_it_does_not_touch_are_read(
    kind: str, how: str, at: int, size: int, rng: random.Random
) -> None:
    parts = [COMPRESS[kind](record(number, body=b"word %d " % number * rng.randrange(1, 200))) for number in range(8)]
    data = b"".join(parts)
    start = at % len(data)
    broken = damaged(data, how, start, size, rng.randbytes(size))
    end = len(data) if how == "truncate" else start + (0 if how == "insert" else size)
    found = Counter(item for item in read_records(io.BytesIO(broken), max_bytes=1 << 20) if isinstance(item, Record))
    offset = 0
    for number, part in enumerate(parts):
        begin, offset = offset, offset + len(part)
        if offset < start or begin > end + 4:
            (original,) = read_records(io.BytesIO(part), max_bytes=1 << 20)
            swallowed = any(part[:60] in item.block for item in found)  # by chance a length leads to another's end
            assert swallowed or any(item[1:] == original[1:] for item in found), number


@settings(max_examples=200)
@given(st.binary(max_size=400), st.sampled_from([b"", b"WARC/1.0\r\n", b"\x1f\x8b\x08\0", record(0)]))
def test_any_bytes_are_read_without_an_exception(data: bytes, beginning: bytes) -> None:
    for item in read_records(io.BytesIO(beginning + data), max_bytes=1 << 20):
        assert isinstance(item, Record | Damage)


def test_on_real_files_both_readers_agree(shared_data: Path) -> None:
    for path in sorted((shared_data / "warc").rglob("*.*")):
        if path.is_file() and path.suffix != ".md":
            read(path.read_bytes(), max_bytes=64 << 20)
