"""N-gram models beside KenLM: how fast are queries and fitting, do they agree, and what does perplexity fall for?

    python benchmarks/scorers/ngram_model.py [--repetitions 5] [--kenlm DIRECTORY]

One core, processor time, in turn. KenLM's Python package is installed into an environment of its own (it is built from
source, which takes cmake, g++ and three minutes). ``--kenlm`` names a directory with the binaries ``query`` and
``lmplz`` of a KenLM of one's own, which are measured too where they are given.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from environment import CACHE, DATA, peer_python, read_texts

from winnow.kernels.buffers import text_buffers
from winnow.kernels.ngram_model import score_texts
from winnow.kernels.ngram_model_arpa import read_arpa
from winnow.kernels.ngram_model_estimate import Estimate, estimate
from winnow.kernels.ngram_model_file import Ngrams, make_model, open_binary
from winnow.kernels.ngram_model_text import normalize_lines
from winnow.kernels.ngram_model_words import new_words, number_texts, spell
from winnow.measure.perplexity import Perplexity, perplexity

CLEAN = ("wikitext2_valid_test", "openstax_textbooks", "gutenberg_books_en")
OTHERS = (
    "brown", "reddit_selfposts_2013", "movie_reviews", "medquad_medical_qa", "bbc_news", "c4_sample",
    "nltk_speeches_news", "enron1_spam_ham", "gpteacher_instruct", "mt_mbpp_code_17langs", "gutenberg_books_fr_es",
    "register_web_multilingual",
)  # fmt: skip
PER_SOURCE = 1000
LINES_A_TEXT = 20
ORDER = 5
REQUIREMENTS = Path(__file__).with_name("kenlm.txt")
RUNNER = Path(__file__).with_name("with_kenlm.py")


def texts_of(source: str, number: int | None = None) -> list[str]:
    texts: list[str] = read_texts(DATA / "text" / source / f"{source}.jsonl.zst", number)
    return texts


def timed(do: Callable[[], object]) -> float:
    started = time.process_time()
    do()
    return time.process_time() - started


def children_seconds(command: list[str], stdin: Path, stdout: Path | None = None) -> float:
    """Processor-seconds of a command, its loading of the model included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with stdin.open("rb") as given, (stdout or Path("/dev/null")).open("wb") as out:
        subprocess.run(command, stdin=given, stdout=out, stderr=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def write_lines(path: Path, prepared: pa.Array) -> Path:
    """Write the sentences of texts, which are their lines without the blank ones: KenLM counts those as sentences."""
    lines = (" ".join(line.split()) for text in prepared.to_pylist() for line in text.split("\n"))
    path.write_text("\n".join(line for line in lines if line) + "\n", encoding="utf-8")
    return path


class Setting:
    """A model of the clean sources, and the lines of others that it is asked about."""

    def __init__(self, directory: Path) -> None:
        self.clean = normalize_lines(pa.array([text for name in CLEAN for text in texts_of(name)]), apart=True)
        words, tokens = number_texts(*text_buffers(self.clean), new_words())
        self.num_tokens, self.num_words, self.tokens = len(tokens), int(words.size[0]), tokens
        self.model = directory / "model.bin"
        make_model(spell(words), estimate(tokens, self.num_words, ORDER).ngrams).data.tofile(self.model)
        prepared = normalize_lines(pa.array([t for name in OTHERS for t in texts_of(name, PER_SOURCE)]), apart=True)
        self.lines = write_lines(directory / "lines.txt", prepared)
        self.corpus = write_lines(directory / "clean.txt", self.clean)


def queries(setting: Setting, repetitions: int, kenlm: Path | None) -> str:
    content = setting.lines.read_text(encoding="utf-8").removesuffix("\n")
    lines = content.split("\n")
    texts = pa.array(["\n".join(lines[at : at + LINES_A_TEXT]) for at in range(0, len(lines), LINES_A_TEXT)])
    size = len(content.encode()) / 1e6
    model = open_binary(setting.model)
    scores = score_texts(texts, model)
    python = str(peer_python(CACHE, REQUIREMENTS))
    seconds: dict[str, list[float]] = {}
    answer: dict[str, Any] = {}
    for _ in range(repetitions):
        seconds.setdefault("winnow", []).append(timed(lambda: score_texts(texts, model)))
        said = subprocess.run(
            [python, str(RUNNER), str(setting.model), str(setting.lines)], capture_output=True, check=True
        )
        answer = json.loads(said.stdout)
        seconds.setdefault("kenlm 0.3.0, Model.score a line", []).append(answer.pop("seconds"))
        if kenlm is not None:
            command = [str(kenlm / "query"), "-v", "summary", str(setting.model)]
            name = "KenLM's query (C++), loading included"
            seconds.setdefault(name, []).append(children_seconds(command, setting.lines))
    fastest = statistics.median(seconds["winnow"])
    rows = [
        f"| {name} | {size / statistics.median(each):.1f} | "
        f"{scores.num_tokens.sum() / statistics.median(each) / 1e6:.2f} | {statistics.median(each) / fastest:.2f} |"
        for name, each in seconds.items()
    ]
    single, double = (float(np.max(np.abs(scores.log10_prob / answer[name] - 1))) for name in ("scores", "exact"))
    short = scores.num_tokens < 1000
    usual = float(np.max(np.abs(scores.log10_prob / answer["scores"] - 1)[short]))
    gigabytes = setting.model.stat().st_size / 1e9
    return "\n".join(
        [
            f"## Queries: {size:.0f} MB of prepared lines, a {ORDER}-gram model of {gigabytes:.2f} GB\n",
            "| | MB/s | million tokens/s | time of winnow's |",
            "|---|---|---|---|",
            *rows,
            f"\nLargest relative difference of a line's log10 probability from `Model.score`: {usual:.0e} of lines"
            f" with less than 1,000 tokens, {single:.0e} of all (the longest has {scores.num_tokens.max():,}, and KenLM"
            f" adds in single precision); from the same probabilities added in double precision: {double:.0e}.",
        ]
    )


def fitting(setting: Setting, repetitions: int, kenlm: Path | None) -> str:
    fitted: list[Estimate] = []
    spelled: list[bytes] = []

    def fit() -> None:
        words, tokens = number_texts(*text_buffers(setting.clean), new_words())
        fitted[:] = [estimate(tokens, int(words.size[0]), ORDER)]
        spelled[:] = spell(words)
        make_model(spelled, fitted[0].ngrams)

    seconds: dict[str, list[float]] = {}
    agreement = ""
    with tempfile.TemporaryDirectory() as directory:
        for _ in range(repetitions):
            seconds.setdefault("winnow", []).append(timed(fit))
            if kenlm is not None:
                arpa, binary = Path(directory) / "model.arpa", Path(directory) / "model.bin"
                command = [str(kenlm / "lmplz"), "-o", str(ORDER), "-S", "4G", "-T", directory, "--discount_fallback"]
                spent = children_seconds(command, setting.corpus, arpa)
                spent += children_seconds([str(kenlm / "build_binary"), str(arpa), str(binary)], setting.corpus)
                seconds.setdefault("KenLM's lmplz and build_binary (C++)", []).append(spent)
        if kenlm is not None:
            difference = largest_difference(spelled, fitted[0].ngrams, *read_arpa(arpa))
            agreement = f"\nLargest difference of a log10 probability or backoff from lmplz's: {difference:.0e}."
    fastest = statistics.median(seconds["winnow"])
    size = setting.corpus.stat().st_size / 1e6
    rows = [
        f"| {name} | {statistics.median(each):.1f} | {size / statistics.median(each):.1f} | "
        f"{statistics.median(each) / fastest:.2f} |"
        for name, each in seconds.items()
    ]
    num_ngrams = sum(len(each.words) for each in fitted[0].ngrams)
    return "\n".join(
        [
            f"## Fitting: {size:.0f} MB, {setting.num_tokens:,} tokens, {num_ngrams:,} n-grams of order 1 to {ORDER}\n",
            "| text to a binary model | seconds | MB/s | time of winnow's |",
            "|---|---|---|---|",
            *rows,
            agreement,
        ]
    )


def largest_difference(words: list[bytes], ours: list[Ngrams], their_words: list[bytes], theirs: list[Ngrams]) -> float:
    """The largest difference of a probability or backoff between two models of the same n-grams."""
    number = {word: place for place, word in enumerate(their_words)}
    renumbered = np.array([number[word] for word in words], np.uint32)
    found = 0.0
    for mine, other in zip(ours, theirs, strict=True):
        numbers = renumbered[mine.words]
        order, their_order = np.lexsort(numbers.T), np.lexsort(other.words.T)
        assert np.array_equal(numbers[order], other.words[their_order])
        for column in ("log10_prob", "backoff"):
            difference = getattr(mine, column)[order] - getattr(other, column)[their_order]
            found = max(found, float(np.abs(difference).max()))
    return found


def sources(setting: Setting) -> str:
    rows = []
    for name in OTHERS:
        texts = texts_of(name, PER_SOURCE)
        columns = judged(setting, texts)
        low, middle, high = np.quantile(columns["document"], [0.05, 0.5, 0.95])
        unknown = float(np.mean(columns["unknown_fraction"]))
        rows.append((middle, f"| {name} | {low:,.0f} | {middle:,.0f} | {high:,.0f} | {unknown:.1%} |"))
    return "\n".join(
        [
            "## Sources by their perplexity, a model of encyclopedia, textbooks and old novels\n",
            "| source | 5% | median | 95% | unknown words |",
            "|---|---|---|---|---|",
            *(row for _, row in sorted(rows)),
        ]
    )


def judged(setting: Setting, texts: list[str]) -> dict[str, np.ndarray]:
    found = Perplexity(model=str(setting.model)).load()(pa.record_batch({"text": pa.array(texts)}))
    kept = found.filter(found.column("document").is_valid())
    return {name: kept.column(name).to_numpy() for name in kept.schema.names}


def pitfalls(setting: Setting) -> str:
    """What lowers or raises perplexity without making a text better or worse: English web pages and posts."""
    names = ("c4_sample", "reddit_selfposts_2013", "enron1_spam_ham")
    texts = [text for name in names for text in texts_of(name, PER_SOURCE) if len(text) > 600]
    model = open_binary(setting.model)

    def easiest_line(text: str) -> str:
        lines = [line for line in text.split("\n") if len(line.split()) > 3] or [text]
        scores = score_texts(normalize_lines(pa.array(lines), apart=True), model)
        best = int(np.argmin(perplexity(scores.log10_prob, scores.num_tokens))) if len(scores.num_tokens) else 0
        return "\n".join([lines[min(best, len(lines) - 1)]] * len(lines))

    changes: dict[str, Callable[[str], str]] = {
        "as it is": lambda text: text,
        "its first 200 characters": lambda text: text[:200],
        "its first 50 characters": lambda text: text[:50],
        "every line replaced by its easiest line": easiest_line,
        "its words shuffled": lambda text: " ".join(np.random.default_rng(0).permutation(text.split()).tolist()),
        "in capitals": str.upper,
        "ends of lines deleted (the newline trap of CCNet)": lambda text: text.replace("\n", ""),
        '"the the the ..." instead': lambda text: "the " * len(text.split()),
    }
    rows = []
    for name, change in changes.items():
        found = judged(setting, [change(text) for text in texts])["document"]
        low, middle, high = np.quantile(found, [0.05, 0.5, 0.95])
        spread = float(np.std(np.log10(found)))
        rows.append(f"| {name} | {low:,.0f} | {middle:,.0f} | {high:,.0f} | {spread:.2f} |")
    return "\n".join(
        [
            f"## What perplexity falls for: {len(texts):,} web pages, posts and mails of more than 600 characters\n",
            "| the text | 5% | median | 95% | sd of log10 |",
            "|---|---|---|---|---|",
            *rows,
        ]
    )


def sections(repetitions: int = 5, kenlm: Path | None = None) -> list[str]:
    """The parts of the report, as Markdown."""
    with tempfile.TemporaryDirectory() as directory:
        setting = Setting(Path(directory))
        return [
            queries(setting, repetitions, kenlm),
            fitting(setting, min(repetitions, 3), kenlm),
            sources(setting),
            pitfalls(setting),
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--kenlm", type=Path, help="directory of KenLM's query, lmplz and build_binary")
    options = parser.parse_args()
    print("\n\n".join(sections(options.repetitions, options.kenlm)))


if __name__ == "__main__":
    main()
