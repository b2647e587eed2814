"""Does the testbed tell good data from bad, and nothing from nothing?

Four candidates of the filtering track from real text: ``clean`` (textbooks, news, medical answers, books), ``spoiled``
(a third of that, repeated documents, spam, chat, and text whose words were shuffled), and two halves of clean, which
differ in nothing but chance. ``winnow bench`` trains each at two scales of the ladder with three seeds and evaluates
them on text of sources that nobody trained on; ``winnow compare`` judges. What must come out: clean is better than
spoiled on brown and nltk_speeches_news with an interval that excludes zero, and the halves are not decided.

    python benchmarks/testbed.py [--scale 0.3M 1M] [--tokens N] [--seeds N]
"""

from __future__ import annotations

import argparse
import hashlib
import random
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from corpora import Document, first, read, winnow, write
from environment import CACHE, DATA, write_results

WORK = CACHE / "testbed"
CLEAN = {"openstax_textbooks": 2, "bbc_news": 2, "medquad_medical_qa": 1, "gutenberg_books_en": 2}
"""Megabytes of each source in the clean set."""
HELDOUT = {"brown": 200, "nltk_speeches_news": 400, "wikitext2_valid_test": 60}
"""Sources that nobody trains on, and how many of their documents are asked about. The last is there as a warning: its
punctuation stands apart (``word , word``), as in the spam and the reviews of the spoiled set and nowhere in clean."""
HELDOUT_CHARS = 200, 600
"""A document's least length, and where it is cut: many documents for little work."""
SCALES = ("0.3M", "1M")


def shuffled(document: Document, draws: random.Random) -> Document:
    """A document whose words stand in random order."""
    words = document["text"].split()
    draws.shuffle(words)
    return {**document, "id": f"{document['id']}#shuffled", "text": " ".join(words)}


def spoiled(clean: Sequence[Document]) -> list[Document]:
    """A third of the clean text; the rest repeats it, sells something, chats, or says nothing."""
    draws = random.Random(0)
    total = sum(len(document["text"].encode()) for document in clean) / 1e6
    kept = list(first(clean, total / 3))
    repeated = [
        {**document, "id": f"{document['id']}#copy-{copy}"} for document in first(kept, total / 48) for copy in range(8)
    ]
    spam = [document for document in read("enron1_spam_ham") if document["label"] == "spam"]
    noise = [shuffled(document, draws) for document in first(read("movie_reviews"), total / 6)]
    return [*kept, *repeated, *first(spam, total / 6), *first(read("nltk_webtext_chat"), total / 6), *noise]


def make_sets() -> tuple[dict[str, Path], dict[str, Path]]:
    """The candidates and the held-out sets."""
    clean = [document for source, size in CLEAN.items() for document in first(read(source), size)]
    clean.sort(key=lambda document: hashlib.sha256(str(document["id"]).encode()).hexdigest())
    candidates = {
        "clean": write(WORK / "clean.jsonl", clean),
        "spoiled": write(WORK / "spoiled.jsonl", spoiled(clean)),
        "half_a": write(WORK / "half_a.jsonl", clean[::2]),
        "half_b": write(WORK / "half_b.jsonl", clean[1::2]),
    }
    heldout = {
        source: write(WORK / f"heldout_{source}.jsonl", islice(beginnings(source), number))
        for source, number in HELDOUT.items()
    }
    return candidates, heldout


def beginnings(source: str) -> Iterator[Document]:
    """The beginnings of a source's documents that are long enough."""
    least, most = HELDOUT_CHARS
    return (
        {**document, "text": document["text"][:most]} for document in read(source) if len(document["text"]) >= least
    )


def judged(a: str, b: str, out: Path) -> list[str]:
    """Rows of a table: what ``winnow compare`` says of two candidates, in bits per byte."""
    found = winnow(
        "compare", a, b, "--ledger", str(out), "--metric", *(f"heldout/{name}/bits_per_byte" for name in HELDOUT)
    )
    rows = []
    for row in found["rows"]:
        low, high = row["interval"]
        cells = [a, b, row["scale"], row["metric"].split("/")[1], f"{row['a']:.3f}", f"{row['b']:.3f}"]
        cells += [f"{row['difference']:+.3f}", f"{low:+.3f} to {high:+.3f}", row["verdict"]["words"]]
        rows.append("| " + " | ".join(cells) + " |")
    return rows


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--scale", nargs="+", default=list(SCALES))
    arguments.add_argument("--tokens", type=int, default=800_000)
    arguments.add_argument("--seeds", type=int, default=3)
    given = arguments.parse_args()
    candidates, heldout = make_sets()
    began, out = time.perf_counter(), WORK / "out"
    benched = winnow(
        *("bench", "filtering", "--scale", *given.scale, "--seeds", str(given.seeds), "--tokens", str(given.tokens)),
        *("--candidate", *(f"{name}={path}" for name, path in candidates.items())),
        *("--heldout", *(f"{name}={path}" for name, path in heldout.items())),
        *("--tasks", "small", "--task-files", str(DATA / "eval_tasks"), "--max-items", "50"),
        *("--store", str(WORK / "store"), "--out", str(out)),
    )
    minutes = (time.perf_counter() - began) / 60
    head = "| a | b | scale | held out | a, bits per byte | b | a - b | 95% interval | verdict |"
    rows = [*judged("clean", "spoiled", out), *judged("half_a", "half_b", out)]
    runs = benched["runs"]
    repeated = {run["candidate"]: run["epochs"] for run in runs}
    told = [
        f"{len(runs)} runs of {given.tokens:,} tokens trained and evaluated in {minutes:.0f} minutes (of this command; "
        "what an earlier one made is not made again).",
        "Epochs: " + ", ".join(f"{name} {epochs:.2f}" for name, epochs in repeated.items()) + ".",
        "\n".join([head, "|" + "---|" * 9, *rows]),
    ]
    write_results("testbed", "\n\n".join(told))


if __name__ == "__main__":
    main()
