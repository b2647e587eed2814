"""Measures the embedded language identifier beside others: python benchmarks/language.py DATA > results/language_….md

DATA holds ``langid/`` (lingua's test data of 75 languages and the published reports on it) and ``text/`` (web pages
with a language label). resiliparse's detector comes with winnow; py3langid is measured where it is installed. Every
tenth row was looked at while the n-gram lengths and the window were chosen, so it is left out here. CPU seconds.
"""

from __future__ import annotations

import csv
import functools
import io
import json
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import zstandard
from numpy.typing import NDArray

from winnow.measure.language import Language
from winnow.measure.measure import Judge

Verdicts = tuple[NDArray[np.str_], NDArray[np.float64], NDArray[np.float64]]
"""Top language, its probability, the probability of English."""
Detector = Callable[[list[str]], Verdicts]

KINDS = ("sentences", "word-pairs", "single-words")
PUBLISHED = ("cld2", "cld3", "langdetect", "langid", "lingua-low-accuracy", "lingua-high-accuracy", "simplemma")
THRESHOLD = 0.65
NAMES = {"no": "nb"}
EMBEDDED = "winnow, embedded"


def read(path: Path) -> Iterator[dict[str, Any]]:
    with zstandard.open(path, "rb") as compressed:
        yield from map(json.loads, io.TextIOWrapper(compressed, "utf-8"))


def held_out(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for number, row in enumerate(rows) if number % 10]


@functools.cache
def judge() -> Judge:
    return Language().load()


def embedded(texts: list[str]) -> Verdicts:
    judged = judge()(pa.record_batch({"text": pa.array(texts)}))
    lang, score, english = (np.array(judged.column(name)) for name in ("lang", "score", "en_score"))
    return lang, score, english


def resiliparse(texts: list[str]) -> Verdicts:
    from resiliparse.parse.lang import detect_fast

    lang = np.array([detect_fast(text, cutoff=1 << 30)[0] for text in texts])
    return lang, np.ones(len(texts)), (lang == "en") * 1.0


def py3langid(texts: list[str]) -> Verdicts:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    found = [identifier.classify(text) for text in texts]
    lang = np.array([each[0] for each in found])
    score = np.array([each[1] for each in found])
    return lang, score, np.where(lang == "en", score, 0)


def macro_accuracy(lang: NDArray[np.str_], truth: NDArray[np.str_]) -> float:
    """Mean over languages of the share of texts that are right."""
    return float(np.mean([np.mean(lang[truth == language] == language) for language in np.unique(truth)]))


def published(data: Path) -> dict[str, dict[str, float]]:
    """Accuracy of other detectors on the same data; a language that a detector lacks counts as 0."""
    accuracy: dict[str, dict[str, float]] = {name: {} for name in PUBLISHED}
    for kind in KINDS:
        with (data / f"langid/lingua_accuracy_reports/{kind}-accuracy-values.csv").open(newline="") as opened:
            rows = list(csv.DictReader(opened))
        for name in PUBLISHED:
            accuracy[name][kind] = (
                sum(float(row[name]) for row in rows if row[name] not in ("NaN", "")) / len(rows) / 100
            )
    return accuracy


def report_sentences(detectors: dict[str, Detector], data: Path) -> None:
    rows = held_out(read(data / "langid/lingua_testdata.jsonl.zst"))
    truth = np.array([row["lang"] for row in rows])
    kind = np.array([row["kind"] for row in rows])
    foreign = (kind == "sentences") & (truth != "en")
    print(
        f"## 75 languages\n\n{len(rows):,} texts of lingua's test data; mean over languages; a missing language is 0."
    )
    print(
        f"Mistaken: of {foreign.sum():,} sentences that are not English, those with English at {THRESHOLD} or more.\n"
    )
    print("| detector | " + " | ".join(KINDS) + " | mistaken |\n|---|---|---|---|---|")
    verdicts = {name: detect([row["text"] for row in rows]) for name, detect in detectors.items()}
    for name, (lang, _, english) in verdicts.items():
        renamed = np.array([NAMES.get(each, each) for each in lang])
        cells = [f"{macro_accuracy(renamed[kind == each], truth[kind == each]):.1%}" for each in KINDS]
        print(f"| {name} | " + " | ".join(cells) + f" | {np.mean(english[foreign] >= THRESHOLD):.2%} |")
    for name, accuracy in published(data).items():
        print(f"| {name} (published) | " + " | ".join(f"{accuracy[each]:.1%}" for each in KINDS) + " | |")
    lang, score, _ = verdicts[EMBEDDED]
    report_calibration(lang, score, truth, kind)


def report_calibration(
    lang: NDArray[np.str_], score: NDArray[np.float64], truth: NDArray[np.str_], kind: NDArray[np.str_]
) -> None:
    edges = [0, 0.3, 0.5, 0.65, 0.8, 0.95, 1.01]
    print("\nWhat the embedded identifier's score is worth (mean score: share that is right):\n")
    print("| score | " + " | ".join(KINDS) + " |\n|---|---|---|---|")
    for low, high in pairwise(edges):
        cells = []
        for each in KINDS:
            members = (kind == each) & (score >= low) & (score < high)
            right = np.mean(lang[members] == truth[members])
            cells.append(f"{score[members].mean():.2f}: {right:.2f} ({members.sum():,})")
        print(f"| {low} to {min(high, 1)} | " + " | ".join(cells) + " |")
    sentences = kind == "sentences"
    right = {each: np.mean(lang[sentences & (truth == each)] == each) for each in np.unique(truth)}
    hardest = sorted(right, key=lambda language: right[language])[:10]
    print("\nHardest languages (sentences): " + ", ".join(f"{each} {right[each]:.0%}" for each in hardest) + ".")


def web_pages(data: Path) -> list[dict[str, Any]]:
    labelled = list(read(data / "text/register_web_multilingual/register_web_multilingual.jsonl.zst"))
    return labelled + [row | {"lang": "en"} for row in read(data / "text/c4_sample/c4_sample.jsonl.zst")]


def report_pages(detectors: dict[str, Detector], data: Path) -> None:
    pages = held_out(web_pages(data))
    texts = [page["text"] for page in pages]
    truth = np.array([page["lang"] for page in pages])
    size = sum(len(text.encode()) for text in texts) / 1e6
    print(f"\n## Web pages\n\n{len(pages):,} pages, {size:.1f} MB: TurkuNLP registers in 8 languages, and C4.")
    print(f"Kept: probability of English at least {THRESHOLD}.\n")
    print("| detector | right | English kept | others kept | MB/s |\n|---|---|---|---|---|")
    for name, detect in detectors.items():
        detect(texts[:1])
        started = time.process_time()
        lang, _, english = detect(texts)
        speed = size / (time.process_time() - started)
        kept = english >= THRESHOLD
        others = f"{kept[truth != 'en'].sum()} of {(truth != 'en').sum():,}"
        right = macro_accuracy(lang, truth)
        print(f"| {name} | {right:.1%} | {kept[truth == 'en'].mean():.1%} | {others} | {speed:.0f} |")


def cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(":")[2].strip() for line in lines if "model name" in line), platform.machine())


def main() -> None:
    data = Path(sys.argv[1])
    detectors: dict[str, Detector] = {
        EMBEDDED: embedded,
        f"resiliparse {metadata.version('resiliparse')} detect_fast": resiliparse,
    }
    if find_spec("py3langid"):
        detectors[f"py3langid {metadata.version('py3langid')}"] = py3langid
    print(f"# Language identification\n\n{cpu_name()}, one core, Python {platform.python_version()}.\n")
    report_sentences(detectors, data)
    report_pages(detectors, data)


if __name__ == "__main__":
    main()
