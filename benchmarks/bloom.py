"""How fast is the Bloom pass beside Dolma's deduper, what do both mark, and is the rate of false positives as asked?

    python benchmarks/bloom.py [--repetitions 5]

Speeds are megabytes of text per processor-second on one core, in turn, medians. For winnow: hashing the n-grams of all
documents, looking them up in a filter whose memory has been touched before, and both. For Dolma (in an environment of
its own, ``bloom_dolma.py``): its Rust deduper over a gzipped JSONL file, less a run over the first five documents. Both
look up all 13-grams of a line with eight bits each and mark a line of which over 80% were met.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from environment import CACHE, DATA, peer_python, read_texts, write_results

from winnow.kernels.bloom import BLOCK_BYTES, blocks_for, count_seen, false_positive_rate, new_blocks
from winnow.kernels.bloom_ngrams import paragraph_ngrams
from winnow.kernels.buffers import text_buffers

HERE = Path(__file__).parent
SOURCES = {
    "c4_sample": None,
    "bbc_news": None,
    "reddit_selfposts_2013": 15000,
    "enron1_spam_ham": None,
    "movie_reviews": None,
    "openstax_textbooks": None,
    "gutenberg_books_en": None,
}
FILTERS = {"16 MiB": 16 << 20, "1 GiB": 1 << 30}
RATES = (0.1, 0.01, 0.001, 0.0001)
NGRAM, THRESHOLD = 13, 0.8
FEW = 5


@dataclass
class Measured:
    """Seconds of each repetition, and the share of characters marked."""

    hashing: list[float] = field(default_factory=list)
    looking: list[float] = field(default_factory=list)
    dolma: list[float] = field(default_factory=list)
    removed: float = 0.0
    dolma_removed: float = 0.0


def measure(texts: list[str], filter_bytes: int, python: Path, directory: Path, repetitions: int) -> Measured:
    """Both sides in turn."""
    measured = Measured()
    data, offsets = text_buffers(pa.array(texts))
    paths = {name: write_documents(some, directory / f"{name}.json.gz") for name, some in parts(texts).items()}
    look_up(data, offsets, 1 << 20)
    for _ in range(repetitions):
        hashing, looking, measured.removed = look_up(data, offsets, filter_bytes)
        measured.hashing.append(hashing)
        measured.looking.append(looking)
        few, _ = run_dolma(python, paths["few"], directory / "run", filter_bytes)
        all_, measured.dolma_removed = run_dolma(python, paths["all"], directory / "run", filter_bytes)
        measured.dolma.append(all_ - few)
    return measured


def parts(texts: list[str]) -> dict[str, list[str]]:
    return {"few": texts[:FEW], "all": texts}


def look_up(data: np.ndarray, offsets: np.ndarray, filter_bytes: int) -> tuple[float, float, float]:
    """Seconds to hash and to look up, and the share of characters in duplicates."""
    blocks = new_blocks(filter_bytes // BLOCK_BYTES)
    blocks[:] = 0
    began = time.process_time()
    ngrams = paragraph_ngrams(data, offsets, NGRAM, NGRAM, True)
    hashed = time.process_time()
    sizes = np.ascontiguousarray(ngrams.paragraphs["num_ngrams"])
    seen = np.empty(len(sizes), np.int32)
    count_seen(blocks, ngrams.hashes, sizes, THRESHOLD, seen)
    looked = time.process_time()
    lengths = ngrams.paragraphs["end"] - ngrams.paragraphs["start"]
    chars = np.count_nonzero((data[offsets[0] : offsets[-1]] & 0xC0) != 0x80)
    return hashed - began, looked - hashed, float(lengths[seen / sizes > THRESHOLD].sum() / chars)


def write_documents(texts: list[str], path: Path) -> Path:
    lines = [json.dumps({"id": str(place), "text": text}) + "\n" for place, text in enumerate(texts)]
    path.write_bytes(gzip.compress("".join(lines).encode(), 1))
    return path


def run_dolma(python: Path, documents: Path, directory: Path, filter_bytes: int) -> tuple[float, float]:
    command = [str(part) for part in (python, HERE / "bloom_dolma.py", documents, directory, filter_bytes)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    answer = json.loads(told)
    return answer["seconds"], answer["removed"]


def rates(num_entries: int = 4_000_000, num_asked: int = 4_000_000) -> list[str]:
    """Bits an n-gram and the share of n-grams found that were never inserted, for each rate asked for."""
    hashes = np.random.default_rng(1).integers(0, 2**64, num_entries + num_asked, np.uint64)
    rows = []
    for rate in RATES:
        blocks, seen = new_blocks(blocks_for(num_entries, rate)), np.empty(1, np.int32)
        count_seen(blocks, hashes[:num_entries], np.array([num_entries], np.int32), 1.0, seen)
        count_seen(blocks, hashes[num_entries:], np.array([num_asked], np.int32), 0.0, seen)
        bits = 8 * blocks.nbytes / num_entries
        classic = -np.log(rate) / np.log(2) ** 2
        foreseen = false_positive_rate(num_entries / len(blocks))
        rows.append(f"| {rate} | {foreseen:.6f} | {seen[0] / num_asked:.6f} | {bits:.1f} | {classic:.1f} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--cache", type=Path, default=CACHE)
    options = parser.parse_args()
    python = peer_python(options.cache, HERE / "dedup" / "dolma.txt")
    texts = [
        text
        for name, number in SOURCES.items()
        for path in sorted((DATA / "text" / name).glob("*.jsonl.zst"))
        for text in read_texts(path, number)
    ]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    lines = [f"{len(texts)} documents, {megabytes:.1f} MB; medians of {options.repetitions} repetitions, in turn.", ""]
    lines += ["| filter | hashing | look-ups | both | dolma 1.2.1 | ratio | marked | dolma marked |", "|---" * 8 + "|"]
    with tempfile.TemporaryDirectory() as directory:
        for name, size in FILTERS.items():
            found = measure(texts, size, python, Path(directory), options.repetitions)
            both = [one + other for one, other in zip(found.hashing, found.looking, strict=True)]
            speeds = [
                megabytes / statistics.median(taken) for taken in (found.hashing, found.looking, both, found.dolma)
            ]
            ratio = statistics.median(dolma / own for dolma, own in zip(found.dolma, both, strict=True))
            cells = [*(f"{speed:.0f} MB/s" for speed in speeds[:3]), f"{speeds[3]:.1f} MB/s", f"{ratio:.0f}x"]
            cells += [f"{found.removed:.2%}", f"{found.dolma_removed:.2%}"]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "| rate asked for | foreseen | measured | bits an n-gram | classic filter |",
        "|---" * 5 + "|",
        *rates(),
    ]
    write_results("bloom", "\n".join(lines))


if __name__ == "__main__":
    main()
