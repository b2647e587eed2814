"""Do the presets decide as their references do? One command that asks both and writes the table.

    python benchmarks/golden.py

Makes an environment of its own with datatrove and what DCLM and C4 split words and sentences with (from the package
registry, into ``--cache``, kept), asks the references for their decision on a sample of ``../shared/data`` and on
altered copies of it that come close to every threshold, asks winnow for the same, prints the agreement and writes it
to ``benchmarks/results`` and into docs/presets.md. The references need about five minutes on one core; their
decisions are kept beside the environment. Where ``NLTK_DATA`` holds NLTK's English Punkt model, C4's sentences are
split with it, as TensorFlow Datasets does; else by Punkt without a model.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import pyarrow as pa
from environment import CACHE, DATA, ROOT, peer_python, read_texts, write_results

from winnow.choose.presets import RULE_SETS
from winnow.choose.rules import RuleSet
from winnow.core.sql import evaluate

SUPPORT = Path(__file__).with_suffix("")
PAGE = ROOT / "docs" / "presets.md"
MARKS = ("<!-- agreement: written by benchmarks/golden.py -->", "<!-- end of agreement -->")

SOURCES = {
    "text/c4_sample/c4_sample.jsonl.zst": 700,
    "html_gold/scrapinghub_peer_outputs.jsonl.zst": 700,
    "text/reddit_selfposts_2013/reddit_selfposts_2013.jsonl.zst": 400,
    "text/enron1_spam_ham/enron1_spam_ham.jsonl.zst": 200,
    "text/medquad_medical_qa/medquad_medical_qa.jsonl.zst": 200,
    "text/openstax_textbooks/openstax_textbooks.jsonl.zst": 100,
    "text/bbc_news/bbc_news.jsonl.zst": 200,
    "text/brown/brown.jsonl.zst": 50,
    "text/gutenberg_books_en/gutenberg_books_en.jsonl.zst": 80,
    "text/movie_reviews/movie_reviews.jsonl.zst": 150,
    "text/nltk_webtext_chat/nltk_webtext_chat.jsonl.zst": 150,
    "text/nltk_speeches_news/nltk_speeches_news.jsonl.zst": 150,
    "text/wikitext2_valid_test/wikitext2_valid_test.jsonl.zst": 40,
    "text/gpteacher_instruct/gpteacher_instruct.jsonl.zst": 150,
    "text/mt_mbpp_code_17langs/mt_mbpp_code_17langs.jsonl.zst": 100,
    "text/register_web_multilingual/register_web_multilingual.jsonl.zst": 250,
    "text/gutenberg_books_fr_es/gutenberg_books_fr_es.jsonl.zst": 30,
    "quality_labels/turku_line_quality.jsonl.zst": 250,
    "peer_fixtures/datatrove_filter_cases.jsonl.zst": 25,
}
"""Files of the sample and how many documents of each, evenly spaced; mostly English, web pages first."""

APART = (
    ("gopher@paper", "gopher@dclm"),
    ("gopher@paper", "gopher@datatrove"),
    ("gopher@dclm", "gopher@datatrove"),
    ("gopher@paper", "gopher@fixed"),
    ("refinedweb@dclm", "refinedweb@fixed"),
    ("c4@tfds", "c4@datatrove"),
    ("c4@datatrove", "c4@fineweb"),
    ("fineweb@datatrove", "fineweb@fixed"),
)
"""Presets that carry one name, or one of which mends the other."""

LONGEST = 60_000
"""Characters; DCLM's word splitter takes seconds for a longer text."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How one preset and its reference decided on the same documents."""

    preset: str
    documents: int
    kept: int
    decisions: int
    reasons: int
    differences: Counter[tuple[str, str]]


def main() -> None:
    arguments = _arguments()
    documents = [*sample(arguments.data), *altered(sample(arguments.data))]
    expected = reference_decisions(documents, arguments.cache)
    decided = {
        name: decide(rules, [text for _, text in documents]) for name, rules in RULE_SETS.items() if rules.measures
    }
    table = report(documents, expected, decided)
    write_results("golden", table)
    if PAGE.exists():
        PAGE.write_text(_between_marks(PAGE.read_text(), table))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="where the documents are")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where environment and decisions are kept")
    return parser.parse_args()


def sample(data: Path) -> list[tuple[str, str]]:
    """(Source, text) of every document of the sample."""
    documents = []
    for path, number in SOURCES.items():
        short = [text for text in read_texts(data / path) if len(text) <= LONGEST]
        step = max(1, len(short) // number)
        documents += [(path.split("/")[-1].split(".")[0], text) for text in short[::step][:number]]
    return documents


def altered(documents: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Copies of every fourth document, changed so that they lie on both sides of every threshold."""
    alter: tuple[Callable[[str, int], str], ...] = (
        lambda text, i: " ".join(text.split()[: 45 + i % 11]),
        lambda text, i: text + "\n\n" + text[: len(text) * (i % 7 + 1) // 10],
        lambda text, i: "\n".join(
            line for line in text.split("\n") for _ in range(1 + (crc32(line.encode()) + i) % 4 // 3)
        ),
        lambda text, i: "\n".join(
            f"- {line}" if (crc32(line.encode()) + i) % 12 else line for line in text.split("\n")
        ),
        lambda text, i: "\n".join(line + "..." * ((crc32(line.encode()) + i) % 3 // 2) for line in text.split("\n")),
        lambda text, i: " ".join(word if j % (4 + i % 3) else f"{j}" for j, word in enumerate(text.split(" "))),
        lambda text, i: " ".join(word if j % (9 + i % 4) else f"#{word}" for j, word in enumerate(text.split(" "))),
        lambda text, i: text.replace("\n", "\r\n"),
        lambda text, i: text + " " + " ".join(text.split()[-(5 + i % 6) :]) * (2 + i % 3),
        lambda text, i: text.replace(" ", "\u00a0" if i % 2 else "  "),
        lambda text, i: text.replace(". ", ".\n"),
        lambda text, i: text.replace(".", "") + "\n{ if javascript }" * (i % 2),
    )
    for i, (_, text) in enumerate(documents[::4]):
        yield "altered", alter[i % len(alter)](text, i)


def reference_decisions(documents: Sequence[tuple[str, str]], cache: Path) -> list[dict[str, str]]:
    """For every document, the first reason of every reference ("" to keep); kept in the cache."""
    cache.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps({"text": text}) + "\n" for _, text in documents)
    support = b"".join(path.read_bytes() for path in sorted(SUPPORT.iterdir()) if path.is_file())
    state = lines.encode() + support + os.environ.get("NLTK_DATA", "").encode()
    decisions = cache / f"golden-{hashlib.blake2b(state, digest_size=8).hexdigest()}.jsonl"
    if not decisions.exists():
        python = peer_python(cache)
        source = decisions.with_suffix(".documents")
        source.write_text(lines)
        unfinished = decisions.with_suffix(".unfinished")
        print(f"asking the references about {len(documents)} documents", file=sys.stderr)
        subprocess.run([python, SUPPORT / "references.py", source, unfinished], check=True)
        unfinished.rename(decisions)
    return [json.loads(line) for line in decisions.read_text().splitlines()]


def decide(rules: RuleSet, texts: Sequence[str]) -> list[str]:
    """The first reason of the rule set for every text, "" to keep."""
    batch = pa.RecordBatch.from_pydict({"text": texts})
    tables = {measure.name: pa.Table.from_batches([measure.load()(batch)]) for measure in rules.measures}
    cases = " ".join(f"WHEN {condition} THEN '{reason}'" for reason, condition in rules.rules)
    return [str(reason) for reason in evaluate(tables, {"reason": f"CASE {cases} ELSE '' END"})["reason"].to_pylist()]


def compare(preset: str, expected: Sequence[str], decided: Sequence[str]) -> Agreement:
    """Counts of agreement between two lists of reasons ("" is kept)."""
    pairs = Counter(zip(expected, decided, strict=True))
    return Agreement(
        preset=preset,
        documents=len(expected),
        kept=expected.count(""),
        decisions=sum(number for (a, b), number in pairs.items() if bool(a) == bool(b)),
        reasons=sum(number for (a, b), number in pairs.items() if a == b),
        differences=Counter({pair: number for pair, number in pairs.items() if pair[0] != pair[1]}),
    )


def report(
    documents: Sequence[tuple[str, str]], expected: Sequence[dict[str, str]], decided: dict[str, list[str]]
) -> str:
    """Markdown: agreement with the references, what they disagree on, and how far the presets lie apart."""
    sources = Counter(source for source, _ in documents)
    groups = {
        "as found": [i for i, (source, _) in enumerate(documents) if source != "altered"],
        "altered": [i for i, (source, _) in enumerate(documents) if source == "altered"],
    }
    found = {
        (name, group): compare(name, [expected[i][name] for i in rows], [decided[name][i] for i in rows])
        for name in expected[0]
        for group, rows in groups.items()
    }
    apart = [_apart([decided[name][i] for i in groups["as found"]] for name in pair) for pair in APART]
    return "\n".join(
        [
            f"{len(documents)} documents: {', '.join(f'{source} {number}' for source, number in sources.items())}.",
            "",
            "| preset | documents | | kept by the reference | same decision | same first reason |",
            "|---|---|---|---|---|---|",
            *(_row(group, agreement) for (_, group), agreement in found.items()),
            "",
            "| preset | documents | reference: winnow | number |",
            "|---|---|---|---|",
            *(line for (_, group), agreement in found.items() for line in _differences(group, agreement)),
            "",
            "| presets | documents as found on which they decide differently |",
            "|---|---|",
            *(f"| {a} and {b} | {share:.1%} |" for (a, b), share in zip(APART, apart, strict=True)),
            "",
        ]
    )


def _row(group: str, found: Agreement) -> str:
    shares = " | ".join(f"{n / found.documents:.2%}" for n in (found.kept, found.decisions, found.reasons))
    return f"| {found.preset} | {group} | {found.documents} | {shares} |"


def _differences(group: str, found: Agreement) -> Iterator[str]:
    for (reference, ours), number in found.differences.most_common(8):
        yield f"| {found.preset} | {group} | {reference or 'keep'}: {ours or 'keep'} | {number} |"


def _apart(pair: Iterable[list[str]]) -> float:
    one, other = pair
    return sum(bool(a) != bool(b) for a, b in zip(one, other, strict=True)) / len(one)


def _between_marks(page: str, table: str) -> str:
    start, end = (page.index(mark) for mark in MARKS)
    return f"{page[: start + len(MARKS[0])]}\n{table}{page[end:]}"


if __name__ == "__main__":
    main()
