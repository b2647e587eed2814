"""How much faster is deduplication than the peers', and what does it find? All on the same documents, in turn.

    python benchmarks/dedup.py [--repetitions 3] [--only fuzzy]

Every figure is the processor-seconds of one process on one core, all its threads counted; imports, the peers' reading
of documents and a first call on a few of them are not. Peers run in environments of their own (from the package
registry, kept in ``--cache``); ``benchmarks/dedup/with_*.py`` say what each of them runs. Documents are real English
text with planted copies (``planted.py``); what is a duplicate is decided by exact Jaccard similarity of all pairs
(``brute_force.py``).
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brute_force import numbered, similar_pairs, word_ngrams
from environment import CACHE, DATA, REQUIREMENTS, peer_python, read_texts, write_results
from planted import planted_copies

Answers = dict[str, list[dict[str, Any]]]
"""What each contender said, once per repetition."""

SUPPORT = Path(__file__).with_suffix("")
SEED = 1
SIGNATURE_SOURCES = {"c4_sample": 600, "reddit_selfposts_2013": 600, "bbc_news": 600}
FUZZY_SOURCES = {
    "c4_sample": 1480,
    "bbc_news": 2225,
    "reddit_selfposts_2013": 9000,
    "movie_reviews": 1000,
    "enron1_spam_ham": 1500,
    "gutenberg_books_en": 300,
    "openstax_textbooks": 100,
}
"""English web, news, forum, mail and books, with few templates."""
TEMPLATE_SOURCES = {"medquad_medical_qa": 5486}
EXACT_SOURCES = {
    **FUZZY_SOURCES,
    "reddit_selfposts_2013": 27952,
    "enron1_spam_ham": 5172,
    **TEMPLATE_SOURCES,
    "gpteacher_instruct": 8854,
    "nltk_speeches_news": 15887,
    "movie_reviews": 2000,
}
NOTE = (
    "One core, processor time, in turn; other work shared the machine, so ratios count. Peers get documents in memory, "
    "winnow reads its own from a store. Peak memory is that of the whole process, documents and imports included."
)
PLANTED = 1 / 3
"""Copies per document."""
SHORTEST = 50
"""Words of the shortest document that takes part in fuzzy deduplication."""
THRESHOLDS = (0.7, 0.8, 0.9)
NUMBER = re.compile(r"\d+")
BINS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True)
class Contender:
    """One way to do it: a task of ``with_{peer}.py`` in the peer's environment."""

    label: str
    peer: str
    task: str


@dataclass
class Contest:
    """The contenders of one section, what they are measured in and what was hoped for."""

    title: str
    contenders: Sequence[Contender]
    unit: str
    target: str
    notes: list[str] = field(default_factory=list)


FUZZY_CONTENDERS = [
    Contender("winnow, preset fineweb", "winnow", "fuzzy"),
    Contender("winnow, preset fineweb at 0.7", "winnow", "fuzzy_70"),
    Contender("winnow, preset thorough with numbers folded", "winnow", "fuzzy_thorough"),
    Contender("datatrove 0.10.1, as shipped (spaCy words)", "datatrove", "fuzzy"),
    Contender("datatrove 0.10.1, words between spaces", "datatrove", "fuzzy_whitespace"),
]
CONTESTS = {
    "signatures": Contest(
        "MinHash signatures from text: word 5-grams, 112 permutations",
        [
            Contender("winnow", "winnow", "signatures"),
            Contender("datatrove 0.10.1, as shipped (spaCy words)", "datatrove", "signatures"),
            Contender("datatrove 0.10.1, words between spaces", "datatrove", "signatures_whitespace"),
            Contender("text-dedup 0.4.0, as shipped (SHA-1)", "text_dedup", "signatures"),
            Contender("text-dedup 0.4.0, XXH3", "text_dedup", "signatures_xxh3"),
            Contender("Data-Juicer 1.6.1", "data_juicer", "signatures"),
            Contender("datasketch 2.0.0, shingles in Python", "datasketch", "signatures"),
            Contender("rensa 0.5.0, shingles in Python", "rensa", "signatures"),
            Contender("rensa 0.5.0, shingles given", "rensa", "permutations_alone"),
        ],
        "MB/s",
        "at least 300x datatrove as shipped, 10x rensa, 400 MB/s",
    ),
    "fuzzy": Contest(
        "Whole fuzzy deduplication: text to decisions",
        FUZZY_CONTENDERS,
        "MB/s",
        "at least 40x datatrove at no lower recall",
    ),
    "templates": Contest(
        "Fuzzy deduplication of texts from templates: MedQuAD's answers, nothing planted",
        FUZZY_CONTENDERS,
        "MB/s",
        "none; documents that share a template resemble each other in chains",
    ),
    "exact": Contest(
        "Exact deduplication: text to decisions",
        [
            Contender("winnow", "winnow", "exact"),
            Contender("datatrove 0.10.1", "datatrove", "exact"),
            Contender("Data-Juicer 1.6.1", "data_juicer", "exact"),
            Contender("dolma 1.2.1 (Bloom filter; reads and writes files)", "dolma", "exact"),
        ],
        "documents/s",
        "at least 100,000 documents/s",
    ),
    "bloom": Contest(
        "Bloom filter of 13-grams",
        [
            Contender("winnow", "winnow", "bloom"),
            Contender("dolma 1.2.1, paragraphs (reads and writes files)", "dolma", "bloom"),
            Contender("datatrove 0.10.1, documents, words between spaces", "datatrove", "bloom_whitespace"),
        ],
        "MB/s",
        "at least 100 MB/s",
    ),
}
FUZZY = ("fuzzy", "templates")
"""Contests whose decisions are judged."""
REQUIRED = {"datatrove": REQUIREMENTS, "rensa": REQUIREMENTS, "datasketch": REQUIREMENTS}
"""Peers that share an environment; the others' requirements lie beside their scripts."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--only", choices=CONTESTS, help="measure one part anew; the others stay as they were")
    parser.add_argument("--cache", type=Path, default=CACHE)
    own = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ |= {"RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
    for name in [own.only] if own.only else CONTESTS:
        part_path(name, own.cache).write_text(measure(name, own.repetitions, own.cache))
    parts = [part_path(name, own.cache) for name in CONTESTS]
    write_results("dedup", "\n\n".join([NOTE, *(part.read_text() for part in parts if part.exists())]))


def part_path(contest: str, cache: Path) -> Path:
    """Where the results of a contest are kept until it is held again."""
    return cache / f"dedup-{contest}.md"


def measure(name: str, repetitions: int, cache: Path) -> str:
    """Hold a contest; gives its part of the results."""
    texts = documents(name)
    answers, failures = contest(name, texts, repetitions, cache)
    judged = [after_signatures(answers), quality_table(texts, answers)] if name in FUZZY else []
    return "\n\n".join([section(CONTESTS[name], texts, answers, failures), *judged])


def documents(contest: str) -> list[str]:
    """What one contest is about."""
    if contest == "signatures":
        return read_sources(SIGNATURE_SOURCES)
    if contest == "exact":
        texts = read_sources(EXACT_SOURCES)
        return [*texts, *texts[:: round(1 / PLANTED)]]
    if contest == "templates":
        return read_sources(TEMPLATE_SOURCES)
    texts = [text for text in read_sources(FUZZY_SOURCES) if len(text.split()) >= SHORTEST]
    return [*texts, *planted_copies(texts, int(len(texts) * PLANTED), SEED)]


def read_sources(sources: dict[str, int]) -> list[str]:
    return [
        text for name, number in sources.items() for text in read_texts(DATA / f"text/{name}/{name}.jsonl.zst", number)
    ]


def contest(name: str, texts: list[str], repetitions: int, cache: Path) -> tuple[Answers, dict[str, str]]:
    """The answers of all contenders, taken in turn, and why others have none."""
    path = cache / f"dedup-{name}.jsonl"
    cache.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"id": str(place), "text": text}) + "\n" for place, text in enumerate(texts)))
    answers: Answers = {}
    failures: dict[str, str] = {}
    for _ in range(repetitions):
        for contender in CONTESTS[name].contenders:
            if contender.label in failures:
                continue
            try:
                answer = ask(contender, path, cache)
                answers.setdefault(contender.label, []).append(answer)
            except subprocess.CalledProcessError as error:
                failures[contender.label] = reason(error.stderr)
    return answers, failures


def ask(contender: Contender, documents: Path, cache: Path) -> dict[str, Any]:
    """One run in a process of its own; raises CalledProcessError where it, or its installation, fails."""
    required = REQUIRED.get(contender.peer, SUPPORT / f"{contender.peer}.txt")
    python = Path(sys.executable) if contender.peer == "winnow" else peer_python(cache, required)
    directory = cache / "dedup-work"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    command = [python, SUPPORT / f"with_{contender.peer}.py", contender.task, documents, directory]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    shutil.rmtree(directory)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def reason(stderr: str) -> str:
    """The line that says what went wrong."""
    lines = [line for line in stderr.splitlines() if "Error" in line or "ERROR" in line]
    return (lines or stderr.splitlines() or ["no reason given"])[-1][:200]


def section(contest: Contest, texts: list[str], answers: Answers, failures: dict[str, str]) -> str:
    """Speed, memory and the ratio to winnow of every contender."""
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    amount = len(texts) if contest.unit == "documents/s" else megabytes
    speeds = {label: [amount / one["seconds"] for one in found] for label, found in answers.items()}
    ours = speeds.get(contest.contenders[0].label)
    repetitions = max(map(len, speeds.values()))
    lines = [
        f"## {contest.title}",
        "",
        f"{len(texts)} documents, {megabytes:.1f} MB; repetitions in turn: {repetitions}. Target: {contest.target}.",
        "",
        f"| what | {contest.unit} (median) | min | max | the first is faster by | peak memory, MB | found |",
        "|---|---|---|---|---|---|---|",
    ]
    for contender in contest.contenders:
        if contender.label in failures:
            lines.append(f"| {contender.label} | {failures[contender.label]} | | | | | |")
            continue
        speed = speeds[contender.label]
        ratio = f"{statistics.median(a / b for a, b in zip(ours, speed, strict=True)):.3g}x" if ours else ""
        peak = max(one["peak"] for one in answers[contender.label])
        cells = [four_digits(value) for value in (statistics.median(speed), min(speed), max(speed))]
        found = finding(answers[contender.label][-1], len(texts))
        lines.append(f"| {' | '.join([contender.label, *cells, ratio, f'{peak:.0f}', found])} |")
    return "\n".join([*lines, *step_lines(answers)])


def four_digits(value: float) -> str:
    """119,900 for 119,931; 0.3444 for 0.34438."""
    return f"{float(f'{value:.4g}'):,.10g}"


def finding(answer: dict[str, Any], number: int) -> str:
    """What a contender removed, in words."""
    if "kept" in answer:
        return f"removes {number - len(answer['kept'])}"
    if "num_kept" in answer:
        return f"removes {number - answer['num_kept']}"
    shares = {name: answer[f"removed_{name}"] for name in ("documents", "text") if f"removed_{name}" in answer}
    return ", ".join(f"removes {share:.1%} of {name}" for name, share in shares.items())


def step_lines(answers: Answers) -> list[str]:
    """The median processor-seconds of every step of those chains that name them."""
    lines = []
    for label, found in answers.items():
        if "steps" in found[0]:
            medians = {step: statistics.median(one["steps"][step] for one in found) for step in found[0]["steps"]}
            parts = [f"{step} {taken:.2f}" for step, taken in medians.items()]
            lines += ["", f"Processor-seconds of {label}: {', '.join(parts)}."]
    return lines


def after_signatures(answers: Answers) -> str:
    """What comes after the signatures, which is most of a run over many documents."""
    taken = {label: [one["seconds"] - one["signatures"] for one in found] for label, found in answers.items()}
    lines = ["| from signatures to decisions | processor-seconds | the first is faster by |", "|---|---|---|"]
    first = next(iter(taken.values()))
    for label, seconds in taken.items():
        ratio = statistics.median(b / a for a, b in zip(first, seconds, strict=True))
        lines.append(f"| {label} | {statistics.median(seconds):.2f} | {ratio:.3g}x |")
    return "\n".join(lines)


def quality_table(texts: list[str], answers: Answers) -> str:
    """What was removed, against the exact Jaccard similarity of word 5-grams of all pairs."""
    pairs = similar_pairs(numbered([word_ngrams(NUMBER.sub("0", text), 5) for text in texts]), BINS[0])
    lines = [
        "Against the exact Jaccard similarity J of word 5-grams (small letters, 0 for every number) of all pairs; "
        f"{len(pairs)} have at least {BINS[0]}. Recall: pairs of which at most one document is kept. Precision: "
        "removed documents that a kept one resembles so much.",
        "",
        "| what | " + " | ".join(f"recall, precision at J >= {least}" for least in THRESHOLDS) + " |",
        "|---|" + "---|" * len(THRESHOLDS),
    ]
    kept = {label: set(found[-1]["kept"]) for label, found in answers.items()}
    for label, some in kept.items():
        cells = [
            f"{recall(pairs, some, least):.3f}, {precision(pairs, some, least, len(texts)):.3f}" for least in THRESHOLDS
        ]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    edges = [*itertools.pairwise(BINS)]
    lines += ["", "| pairs removed, by J | " + " | ".join(f"{low} to {high}" for low, high in edges) + " | 1 |"]
    lines.append("|---|" + "---|" * (len(edges) + 1))
    groups = [{p: j for p, j in pairs.items() if low <= j < high} for low, high in [*edges, (1, 2)]]
    lines.append(f"| number | {' | '.join(str(len(group)) for group in groups)} |")
    lines += [
        f"| {label} | {' | '.join(f'{recall(g, some, 0):.3f}' for g in groups)} |" for label, some in kept.items()
    ]
    return "\n".join(lines)


def recall(pairs: dict[tuple[int, int], float], kept: set[int], least: float) -> float:
    """Share of the similar pairs that do not survive whole."""
    similar = [pair for pair, jaccard in pairs.items() if jaccard >= least]
    return sum(not kept.issuperset(pair) for pair in similar) / max(len(similar), 1)


def precision(pairs: dict[tuple[int, int], float], kept: set[int], least: float, number: int) -> float:
    """Share of the removed documents that a kept one resembles."""
    similar = [pair for pair, jaccard in pairs.items() if jaccard >= least]
    justified = {b for a, b in similar if a in kept} | {a for a, b in similar if b in kept}
    return len(justified - kept) / max(number - len(kept), 1)


if __name__ == "__main__":
    main()
