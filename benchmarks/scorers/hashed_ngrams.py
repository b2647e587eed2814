"""Hashed n-grams beside fastText and DSIR's own code: how fast, what do they tell apart, and what does a student learn?

    python benchmarks/scorers/hashed_ngrams.py [--repetitions 3]

One core, processor time, in turn; the peers in an environment of their own, fastText with DCLM's settings (dim 100, 5
epochs, bigrams, rate 0.1: made for 400,000 documents), one thread. Documents are real; nobody wrote them for this.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from environment import CACHE, DATA, peer_python, read_texts

from winnow.choose.distil import STUDENTS, distil
from winnow.core.files import read_json
from winnow.core.run import materialize
from winnow.core.step import Aligned, Rows
from winnow.core.table import Store
from winnow.documents.read import Read
from winnow.kernels.hashed_ngrams import count_ngrams, learn, weigh
from winnow.measure.agreement import spearman_interval
from winnow.measure.benchmark_examples import BenchmarkExamples
from winnow.measure.betr import benchmark_rank
from winnow.measure.dsir import SMOOTHING
from winnow.measure.embedding import Embedding
from winnow.measure.examples import auc
from winnow.measure.ngram_classifier import FitNgramClassifier
from winnow.measure.score import Score

Texts = Sequence[str]
REQUIREMENTS = Path(__file__).with_name("hashed_ngrams.txt")
RUNNER = Path(__file__).with_name("with_hashed_ngrams.py")

WANTED = ("wikitext2_valid_test", "openstax_textbooks", "bbc_news", "medquad_medical_qa", "brown", "gutenberg_books_en")
OTHERS = ("c4_sample", "reddit_selfposts_2013", "enron1_spam_ham", "nltk_webtext_chat", "movie_reviews")
PER_SOURCE = 800
UNSEEN = (
    ("wikitext2_valid_test", "reddit_selfposts_2013"),
    ("openstax_textbooks", "c4_sample"),
    ("bbc_news", "enron1_spam_ham"),
    ("medquad_medical_qa", "nltk_webtext_chat"),
    ("gutenberg_books_en", "movie_reviews"),
    ("brown", "c4_sample"),
)
"""A wanted and another source that are left out when a classifier is fitted, and told apart by it."""
TASKS = ("arc_easy", "boolq", "openbook_qa", "piqa")
SAMPLES = (0.1, 0.4)


def texts_of(source: str, number: int | None = None) -> list[str]:
    found: list[str] = read_texts(DATA / "text" / source / f"{source}.jsonl.zst", number)
    return [text for text in found if text.strip()]


def megabytes(texts: Texts) -> float:
    return sum(len(text.encode()) for text in texts) / 1e6


def timed(do: Callable[[], Any]) -> tuple[float, Any]:
    """Processor-seconds of a call, and what it gives."""
    began = time.process_time()
    found = do()
    return time.process_time() - began, found


def peer(task: str, given: object) -> dict[str, Any]:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(given, file)
        file.flush()
        command = [str(peer_python(CACHE, REQUIREMENTS)), str(RUNNER), task, file.name]
        done = subprocess.run(command, capture_output=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def table(title: str, about: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]
    return "\n".join([f"## {title}\n", *([about + "\n"] if about else []), *lines])


def interval(value: float, low: float, high: float) -> str:
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


def area(scores: Sequence[float], positive: Any) -> str:
    found = auc(np.array(scores), positive)
    return interval(found.value, found.low, found.high)


def times(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """How many times as long as ours theirs takes."""
    return f"{statistics.median(b / a for a, b in zip(ours, theirs, strict=True)):.3g}x"


def winnow(train: Sequence[tuple[str, int]], tests: dict[str, list[str]]) -> dict[str, Any]:
    """The native classifier with its defaults, in the form that the peer answers in."""
    fields = FitNgramClassifier.__dataclass_fields__
    usual: dict[str, Any] = {name: fields[name].default for name in ("ngram", "num_buckets", "epochs", "rate")}
    texts = pa.array([text for text, _ in train], pa.large_string())
    targets = np.array([target for _, target in train], float)
    taken, (weights, bias) = timed(lambda: learn(texts, targets, is_logistic=True, **usual))
    arrays = {name: pa.array(some, pa.large_string()) for name, some in tests.items()}
    scoring, found = timed(lambda: {name: weigh(some, usual["ngram"], weights) for name, some in arrays.items()})
    scores = {name: bias + sums / np.maximum(numbers, 1) for name, (sums, numbers) in found.items()}
    return {"train": taken, "score": scoring, "scores": scores}


def shuffled(wanted: Texts, others: Texts) -> list[tuple[str, int]]:
    both = [(text, 1) for text in wanted] + [(text, 0) for text in others]
    return [both[place] for place in np.random.default_rng(1).permutation(len(both))]


def speed(repetitions: int) -> str:
    """Training and scoring, in turn."""
    some = [[text for source in sources for text in texts_of(source, PER_SOURCE)] for sources in (WANTED, OTHERS)]
    both = shuffled(*some)
    train, heldout = both[: len(both) * 4 // 5], both[len(both) * 4 // 5 :]
    tests = {"heldout": [text for text, _ in heldout]}
    positive = np.array([target for _, target in heldout]) == 1
    work = {"train": 5 * megabytes([text for text, _ in train]), "score": megabytes(tests["heldout"])}
    winnow(train[:100], tests)
    found: dict[str, list[dict[str, Any]]] = {"winnow": [], "fasttext-numpy2 0.10.4": []}
    for _ in range(repetitions):
        found["winnow"].append(winnow(train, tests))
        found["fasttext-numpy2 0.10.4"].append(peer("fasttext", {"train": train, "tests": tests}))
    taken = {name: {what: [one[what] for one in some] for what in work} for name, some in found.items()}
    rows = []
    for name, seconds in taken.items():
        cells = [
            (f"{work[what] / statistics.median(seconds[what]):.0f}", times(taken["winnow"][what], seconds[what]))
            for what in work
        ]
        rows.append([name, *cells[0], *cells[1], area(found[name][0]["scores"]["heldout"], positive)])
    return table(
        f"Classifiers of {work['train'] / 5:.0f} MB in {len(train):,} documents, asked about {work['score']:.0f} MB",
        "",
        ["what", "MB/s and epoch", "time", "MB/s scored", "time", "AUC on held-out documents (95%)"],
        rows,
    )


def unseen() -> str:
    """Sources that the classifier never saw, told apart."""
    rows = []
    for pair in UNSEEN:
        seen = [[t for s in sources if s not in pair for t in texts_of(s, PER_SOURCE)] for sources in (WANTED, OTHERS)]
        train = shuffled(*seen)
        sides = [texts_of(source, PER_SOURCE) for source in pair]
        tests = {"pair": [*sides[0], *sides[1]]}
        positive = np.arange(len(tests["pair"])) < len(sides[0])
        answers = (winnow(train, tests), peer("fasttext", {"train": train, "tests": tests}))
        rows.append([" against ".join(pair), *(area(answer["scores"]["pair"], positive) for answer in answers)])
    return table(
        "Sources that were not learnt from",
        f"Fitted on up to {PER_SOURCE} documents of each of {len(WANTED)} wanted and {len(OTHERS)} other sources but "
        "the pair. AUC (95%) of telling these two apart.",
        ["left out", "winnow", "fastText"],
        rows,
    )


def dsir(repetitions: int) -> str:
    """Log weights by our hash and by SHA-256."""
    target = texts_of("wikitext2_valid_test") + texts_of("openstax_textbooks", 100)
    raw = texts_of("c4_sample") + texts_of("reddit_selfposts_2013", 1500)
    size = megabytes(target) + 2 * megabytes(raw)
    arrays = [pa.array(texts, pa.large_string()) for texts in (target, raw)]
    dsir_weights(*arrays)
    seconds: dict[str, list[float]] = {"winnow": [], "data-selection 1.0.3": []}
    control: list[float] = []
    for _ in range(repetitions):
        taken, (weights, numbers) = timed(lambda: dsir_weights(*arrays))
        answer = peer("dsir", {"target": target, "raw": raw, "control": not seconds["winnow"]})
        control = answer["by_md5"] or control
        seconds["winnow"].append(taken)
        seconds["data-selection 1.0.3"].append(answer["seconds"])
    rows = [
        [name, f"{size / statistics.median(taken):,.1f}", times(seconds["winnow"], taken)]
        for name, taken in seconds.items()
    ]
    theirs, lengths = np.array(answer["weights"]), numbers.astype(float)
    alike = [spearman_interval(theirs, other)[0] for other in (weights, np.array(control))]
    by_length = [spearman_interval(ours, lengths)[0] for ours in (weights, weights / numbers)]
    return table(
        f"DSIR of {len(raw):,} documents, {megabytes(raw):.1f} MB, with a target of {megabytes(target):.1f} MB",
        f"Spearman's correlation of the log weights by our hash and by SHA-256: {alike[0]:.4f}; by MD5 and by SHA-256: "
        f"{alike[1]:.4f}. Which n-grams share a bucket is chance, and 10,000 buckets are few. "
        f"Of the weight with length: {by_length[0]:+.2f}, of that per n-gram {by_length[1]:+.2f}.",
        ["what", "MB/s counted and weighed", "time"],
        rows,
    )


def dsir_weights(target: pa.Array, raw: pa.Array) -> Any:
    """The log weights of the raw texts, and how many n-grams each has."""
    counts = [np.zeros(10_000, np.int64) for _ in range(2)]
    for texts, held in zip((target, raw), counts, strict=True):
        count_ngrams(texts, 2, held)
    p, q = (held / held.sum() + SMOOTHING for held in counts)
    return weigh(raw, 2, np.log(p / q).astype(np.float32))


def distillation() -> str:
    """What students learn of a teacher that ranks by benchmark examples (BETR), by the size of the sample."""
    names = [*WANTED, *OTHERS, "nltk_speeches_news", "gpteacher_instruct"]
    pages = Read(source=tuple(str(DATA / "text" / name / f"{name}.jsonl.zst") for name in names))
    tasks = tuple(str(next((DATA / "eval_tasks" / "llm_foundry").glob(f"*/{task}.jsonl.zst"))) for task in TASKS)
    examples = Score(documents=BenchmarkExamples(tasks=tasks), measure=Embedding())

    def teacher(documents: Rows) -> Aligned:
        return benchmark_rank(documents, vectors=Score(documents=documents, measure=Embedding()), examples=examples)

    score, rows = "betr.similarity / 2 - betr.best_rank", []
    with tempfile.TemporaryDirectory() as directory:
        for sample in SAMPLES:
            for name, student in STUDENTS.items():
                scores = distil(pages, teacher=teacher, score=score, sample=sample, student=student)
                materialize(scores, directory)
                report = read_json(Store(directory).table(scores.agreement).file("report.json"))
                found = [interval(report[what], *report[f"{what}_interval"]) for what in ("auc", "spearman")]
                rows.append([f"{sample:.0%}", name, f"{report['num_documents']:,}", *found, f"{report['overlap']:.0%}"])
        number = Store(directory).table(pages).manifest.rows
    return table(
        f"Distillation: {number:,} documents, the teacher BETR with examples of {', '.join(TASKS)}",
        "The exam is a tenth of the sample, which no student saw. Good is the teacher's top tenth.",
        ["sample", "student", "exam", "AUC for what is good (95%)", "Spearman (95%)", "share of the good in its top"],
        rows,
    )


def sections(repetitions: int = 3) -> list[str]:
    """The parts of the report, as Markdown."""
    return [speed(repetitions), unseen(), dsir(repetitions), distillation()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=3)
    print("\n\n".join(sections(parser.parse_args().repetitions)))


if __name__ == "__main__":
    main()
