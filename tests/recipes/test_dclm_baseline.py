"""DCLM-Baseline over real pages: the funnel, a model fitted on the way, and another keep-fraction."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
import zstandard

from winnow.cli import main
from winnow.core.errors import RecipeError
from winnow.recipes.dclm_baseline import dclm_baseline

NUM_PAGES = 70


def rows(path: Path, number: int) -> list[dict[str, Any]]:
    with path.open("rb") as opened:
        lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(opened), "utf-8")
        return [json.loads(line) for _, line in zip(range(number), lines, strict=False)]


def response(url: str, html: str) -> bytes:
    """A WARC record of a page, compressed as one member."""
    body = html.encode()
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2026-01-01T00:00:00Z\r\n"
        f"WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-{abs(hash(url)) % 10**12:012}>\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + http + b"\r\n\r\n")


@pytest.fixture(scope="module")
def work(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real pages as a WARC, one of them twice, and textbook pages as what is wanted."""
    root = tmp_path_factory.mktemp("dclm")
    pages = [row["html"] for row in rows(shared_data / "html_gold" / "scrapinghub_181.jsonl.zst", NUM_PAGES)]
    records = [response(f"http://example.org/{place}", html) for place, html in enumerate([*pages, pages[0]])]
    (root / "crawl.warc.gz").write_bytes(b"".join(records))
    texts = rows(shared_data / "text" / "openstax_textbooks" / "openstax_textbooks.jsonl.zst", 80)
    wanted = [{"id": row["id"], "text": row["text"][:3000]} for row in texts]
    (root / "wanted.jsonl").write_text("".join(json.dumps(row) + "\n" for row in wanted))
    return root


def run(work: Path, keep: str, capsys: pytest.CaptureFixture[str]) -> Any:
    arguments = ["--source", str(work / "crawl.warc.gz"), "--positives", str(work / "wanted.jsonl"), "--keep", keep]
    places = ["--store", str(work / "store"), "--out", str(work / f"out{keep}"), "--workers", "0"]
    assert main(["run", "dclm_baseline", *arguments, *places, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_funnel_ends_with_the_share_asked_for_and_stands_beside_the_papers(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = run(work, "0.1", capsys)
    names = [stage["what"] for stage in data["stages"]]
    assert names[-1] == "by top 10% by fasttext.hq_logit"
    ranked, chosen = (stage["total"]["documents"] for stage in data["stages"][-2:])
    assert ranked > 20
    assert chosen == pytest.approx(0.1 * ranked, abs=1)
    shares = {one["what"]: one for one in data["removed"]}
    assert shares["language"]["published_fraction"] == 0.508
    assert shares["Bloom filter"]["documents"] >= 1  # the page that came twice
    assert sum(one["documents"] for one in data["removed"]) == NUM_PAGES + 1 - chosen
    assert data["scores"][0]["scores"][0]["expression"] == "fasttext.hq_logit"


def test_another_share_chooses_again_and_makes_nothing_else(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = run(work, "0.1", capsys)
    before = {path.name for path in (work / "store").iterdir()}
    second = run(work, "0.3", capsys)
    made = {path.name.rpartition("-")[0] for path in (work / "store").iterdir() if path.name not in before}
    assert made == {"select", "export"}
    assert second["stages"][-1]["total"]["documents"] > first["stages"][-1]["total"]["documents"]


def test_without_a_model_or_what_to_fit_one_on_it_says_what_to_give() -> None:
    with pytest.raises(RecipeError, match=r"--quality-model .* or .* --positives"):
        dclm_baseline("crawl")


def test_a_model_that_is_given_is_used(tmp_path: Path) -> None:
    step = dclm_baseline("crawl", quality_model="hq.bin", positives="wanted")
    assert not any(type(needed).__name__ == "FitFastText" for needed in step.inputs())
