"""How well is main text found, how fast, and what does the sandbox cost?

    python benchmarks/extraction.py

Quality: 181 news pages whose main text was marked by hand, by the metric of the benchmark that published them, beside
the outputs of 19 extractors that it publishes. Speed: processor time of each adapter on those pages, in turn.
The sandbox: WARC to text by ``read_warc``, with everything it does, against a bare loop of FastWARC, UTF-8 and
resiliparse on the same file in turn; processor time of all processes together, and time on the wall. Charsets: pages
in many languages that do not say what they are in.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import zstandard
from environment import DATA, write_results
from fastwarc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text

from winnow.core.guard import Guard, Suspects
from winnow.documents.charset import codec_for, decode
from winnow.documents.source import Span
from winnow.documents.warc import page_sandbox, read_warc
from winnow.extract.extractor import Extractor
from winnow.extract.f1 import extraction_scores
from winnow.extract.resiliparse import Resiliparse
from winnow.extract.trafilatura import Trafilatura

GOLD = "html_gold/scrapinghub_181.jsonl.zst"
PEERS = "html_gold/scrapinghub_peer_outputs.jsonl.zst"
MORE = "html_gold/mozilla_readability.jsonl.zst"
ADAPTERS: tuple[tuple[Extractor, str], ...] = (
    (Resiliparse(), "resiliparse"),
    (Resiliparse(main_content=False), "resiliparse"),
    (Trafilatura(), "trafilatura"),
    (Trafilatura(favor_precision=False), "trafilatura"),
)
CHARSETS = (
    ("ar", "cp1256"),
    ("cs", "cp1250"),
    ("de", "cp1252"),
    ("el", "cp1253"),
    ("es", "cp1252"),
    ("fr", "cp1252"),
    ("he", "cp1255"),
    ("ja", "euc_jp"),
    ("ja", "shift_jis"),
    ("ko", "euc_kr"),
    ("pl", "iso8859-2"),
    ("ru", "cp1251"),
    ("ru", "koi8-r"),
    ("th", "cp874"),
    ("tr", "cp1254"),
    ("uk", "cp1251"),
    ("vi", "cp1258"),
    ("zh", "big5"),
    ("zh", "gb18030"),
)
SPEED_RUNS = 3
SANDBOX_RUNS = 9


def main() -> None:
    gold = list(read_rows(GOLD))
    rows = sorted([*peer_rows(gold), *adapter_rows(gold)], reverse=True)
    quality = ["| F1 | precision | recall | extractor | MB of HTML/s |", "|---|---|---|---|---|"]
    quality += [
        f"| {f1:.3f} | {precision:.3f} | {recall:.3f} | {name} | {speed} |"
        for f1, precision, recall, name, speed in rows
    ]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "pages.warc.gz"
        megabytes = write_warc(path)
        sandbox = sandbox_table(path, megabytes, Path(directory))
    write_results("extraction", "\n".join([*quality, "", *sandbox, "", *charset_table()]))


def read_rows(name: str) -> Iterator[dict[str, str]]:
    """The rows of a ``.jsonl.zst`` file."""
    content = zstandard.ZstdDecompressor().stream_reader((DATA / name).read_bytes(), read_across_frames=True)
    for line in io.TextIOWrapper(content, "utf-8"):
        yield json.loads(line)


def peer_rows(gold: list[dict[str, str]]) -> Iterator[tuple[float, float, float, str, str]]:
    """The published outputs of other extractors."""
    outputs: dict[str, dict[str, str]] = {}
    for row in read_rows(PEERS):
        outputs.setdefault(row["extractor"], {})[row["id"]] = row["text"] or ""
    for name, texts in outputs.items():
        yield (
            *extraction_scores((page["text"], texts.get(page["id"], "")) for page in gold),
            f"{name} (published output)",
            "",
        )


def adapter_rows(gold: list[dict[str, str]]) -> Iterator[tuple[float, float, float, str, str]]:
    """This project's adapters."""
    megabytes = sum(len(page["html"].encode()) for page in gold) / 1e6
    functions = [extractor.load() for extractor, _ in ADAPTERS]
    seconds: list[list[float]] = [[] for _ in ADAPTERS]
    for _ in range(SPEED_RUNS):
        for function, spent in zip(functions, seconds, strict=True):
            start = time.process_time()
            for page in gold:
                function(page["html"])
            spent.append(time.process_time() - start)
    for (extractor, package), function, spent in zip(ADAPTERS, functions, seconds, strict=True):
        scores = extraction_scores((page["text"], function(page["html"])) for page in gold)
        yield *scores, f"**{extractor}**, {version(package)}", f"{megabytes / statistics.median(spent):.1f}"


def write_warc(path: Path) -> float:
    """Every gold page as Common Crawl has it: request, response, metadata records; gives megabytes of HTML."""
    total = 0
    with path.open("wb") as file:
        for name in (GOLD, MORE):
            for page in read_rows(name):
                body = page["html"].encode()
                http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nServer: nginx\r\n\r\n" + body
                url = page.get("url") or f"https://example.org/{page['id']}"
                for kind, block in (
                    ("request", b"GET / HTTP/1.1\r\n\r\n"),
                    ("response", http),
                    ("metadata", b"fetchTimeMs: 100\r\n"),
                ):
                    file.write(gzip.compress(_record(kind, url, block), 6))
                total += len(body)
    return total / 1e6


def _record(kind: str, url: str, block: bytes) -> bytes:
    content_type = "application/warc-fields" if kind == "metadata" else f"application/http; msgtype={kind}"
    header = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Date: 2024-05-18T01:02:03Z\r\nWARC-Record-ID: <urn:uuid:{url}>\r\n"
        f"Content-Length: {len(block)}\r\nContent-Type: {content_type}\r\nWARC-Target-URI: {url}\r\n\r\n"
    )
    return header.encode() + block + b"\r\n\r\n"


def sandbox_table(path: Path, megabytes: float, directory: Path) -> list[str]:
    """WARC to text with and without everything."""
    with page_sandbox(Resiliparse()) as sandbox:
        span = Span(path=str(path), kind="warc", source="gold", size=path.stat().st_size)

        def whole() -> int:
            guard = Guard(directory / "note", Suspects())
            batches = list(read_warc(span, sandbox, guard, 0))
            guard.close()
            return sum(batch.documents.num_rows for batch in batches)

        start = time.perf_counter()
        whole()
        first = time.perf_counter() - start
        results = [(timed(lambda: bare(path)), timed(whole)) for _ in range(SANDBOX_RUNS)]
    names = ("bare loop", "`read_warc`")
    rows = [
        f"| {name} | {megabytes / statistics.median(run[side][0] for run in results):.0f} | "
        f"{megabytes / statistics.median(run[side][1] for run in results):.0f} |"
        for side, name in enumerate(names)
    ]
    ratios = [statistics.median(run[1][what] / run[0][what] for run in results) for what in (0, 1)]
    return [
        f"| WARC to text, {megabytes:.0f} MB of HTML, MB/s | all processors' time | wall |",
        "|---|---|---|",
        *rows,
        f"| ratio, median of {SANDBOX_RUNS} pairs (target: at most 1.10) | {ratios[0]:.3f} | {ratios[1]:.3f} |",
        "",
        f"Starting the sandbox and its server, once a task: "
        f"{first - statistics.median(run[1][1] for run in results):.2f} s.",
    ]


def charset_table() -> list[str]:
    """Pages in the charsets that languages were written in before UTF-8, with nothing said of their charset."""
    sentences: dict[str, list[str]] = {}
    for row in read_rows("langid/lingua_testdata.jsonl.zst"):
        if row["kind"] == "sentences":
            sentences.setdefault(row["lang"], []).append(row["text"])
    cells = []
    for language, charset in CHARSETS:
        pages = [sentences[language][start : start + 10] for start in range(0, 400, 10)]
        bodies = ["<html><body><p>" + "</p><p>".join(page) for page in pages]
        encoded = [body.encode(charset, "ignore") for body in bodies]
        num_right = sum(decode(data).text == data.decode(codec_for(charset) or charset) for data in encoded)
        cells.append(f"| {language} | {charset} | {num_right} |")
    return ["| language | charset, not declared | pages of 40 read without an error |", "|---|---|---|", *cells]


def bare(path: Path) -> int:
    """What a script would do."""
    number = 0
    with path.open("rb") as file:
        for record in ArchiveIterator(file, record_types=WarcRecordType.response):
            number += bool(extract_plain_text(record.reader.read().decode("utf-8"), main_content=True))
    return number


def timed(run: Callable[[], int]) -> tuple[float, float]:
    """Processor seconds of this process group, and seconds."""
    processor, wall = processor_seconds(), time.perf_counter()
    run()
    return processor_seconds() - processor, time.perf_counter() - wall


def processor_seconds() -> float:
    """What all threads of all processes of this group have used so far."""
    nanoseconds = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(process.name)) == os.getpgrp():
                nanoseconds += sum(int(path.read_text().split()[0]) for path in process.glob("task/*/schedstat"))
        except (ProcessLookupError, FileNotFoundError):
            continue
    return nanoseconds / 1e9


if __name__ == "__main__":
    if os.getpgrp() != os.getpid():
        os.setpgrp()
    main()
