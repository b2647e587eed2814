"""fastText beside the ``fasttext`` package: are the numbers the same, how fast, and how good is what was trained?

    python benchmarks/scorers/fasttext_models.py [--repetitions 5]

One core, processor time, in turn, medians; the package in an environment of its own. Documents are real.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import zstandard

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from environment import CACHE, DATA, peer_python, read_texts

from winnow.kernels.buffers import text_buffers
from winnow.kernels.fasttext_classifier import make_classifier, open_classifier
from winnow.kernels.fasttext_file import SOFTMAX, Shape, StoredModel, write_model
from winnow.kernels.fasttext_train import count_vocabulary, train
from winnow.measure.examples import auc

REQUIREMENTS = Path(__file__).with_name("fasttext.txt")
RUNNER = Path(__file__).with_name("with_fasttext.py")
NUM_DOCUMENTS = 10_000
PER_SOURCE = 500
DCLM = {"lr": 0.1, "dim": 100, "epoch": 5, "wordNgrams": 2, "bucket": 2_000_000}
LABELS = ("cc", "hq")

WANTED = ("openstax_textbooks", "wikitext2_valid_test", "medquad_medical_qa", "brown", "bbc_news", "gutenberg_books_en")
UNWANTED = ("reddit_selfposts_2013", "enron1_spam_ham", "nltk_webtext_chat", "c4_sample", "movie_reviews")
UNSEEN = (
    (("openstax_textbooks", "wikitext2_valid_test"), ("reddit_selfposts_2013", "enron1_spam_ham")),
    (("openstax_textbooks",), ("c4_sample",)),
    (("wikitext2_valid_test",), ("nltk_webtext_chat",)),
    (("brown",), ("movie_reviews",)),
    (("bbc_news",), ("reddit_selfposts_2013",)),
)
"""Sources that are left out when a classifier is fitted on the others, and told apart by it."""

Examples = list[tuple[str, int]]


def texts_of(source: str, number: int | None = None) -> list[str]:
    found = read_texts(DATA / "text" / source / f"{source}.jsonl.zst", number)
    return [text for text in found if text.strip()]


def one_line(text: str) -> str:
    """As the package wants it."""
    return text.replace("\n", " ") + "\n"


def shuffled(wanted: Sequence[str], unwanted: Sequence[str]) -> Examples:
    examples = [(text, 1) for text in wanted] + [(text, 0) for text in unwanted]
    random.Random(0).shuffle(examples)
    return examples


def peer(task: str, given: dict[str, Any], directory: Path) -> dict[str, Any]:
    path = directory / "given.json"
    path.write_text(json.dumps(given))
    command = [str(peer_python(CACHE, REQUIREMENTS)), str(RUNNER), task, str(path)]
    told: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return told


def peer_train(name: str, examples: Examples, directory: Path, **given: Any) -> tuple[Path, float]:
    """Where the package's model is, and the processor seconds of its training."""
    lines, model = directory / "lines.txt", directory / f"{name}.bin"
    lines.write_text("".join(f"__label__{LABELS[label]} {one_line(text)}" for text, label in examples))
    return model, peer("train", {"lines": str(lines), "model": str(model), **given}, directory)["seconds"]


def peer_predict(model: Path, texts: Sequence[str], directory: Path) -> tuple[dict[str, Any], float]:
    """The package's probabilities by label, and its processor seconds."""
    given, out = directory / "texts.json", directory / "found.npy"
    given.write_text(json.dumps([one_line(text) for text in texts]))
    told = peer("predict", {"model": str(model), "texts": str(given), "out": str(out)}, directory)
    return dict(zip(told["labels"], np.load(out).T, strict=True)), told["seconds"]


def native_train(examples: Examples, dim: int = 16) -> tuple[StoredModel, float, int]:
    """Our model with DCLM's settings but for ``dim``, the processor seconds, the number of tokens."""
    began = time.process_time()
    data, offsets = text_buffers(pa.array([text for text, _ in examples], pa.large_string()))
    positive = np.array([label for _, label in examples]) == 1
    vocabulary = count_vocabulary(data, offsets, positive, LABELS, 1)
    shape = Shape(dim=dim, loss=SOFTMAX, word_ngrams=2, min_chars=0, max_chars=0, bucket=2_000_000)
    model = train(data, offsets, positive, vocabulary, shape, epochs=5, rate=0.1, seed=0)
    return model, time.process_time() - began, vocabulary.num_tokens


def save(model: StoredModel, num_tokens: int, path: Path) -> Path:
    with path.open("wb") as opened:
        write_model(opened, model, epoch=5, min_count=1, num_tokens=num_tokens)
    return path


def write_languages(directory: Path) -> None:
    """A file of web pages with their languages, for a model of the shape of lid.176."""
    source = DATA / "text/register_web_multilingual/register_web_multilingual.jsonl.zst"
    with zstandard.open(source, "rb") as opened:
        rows = [json.loads(line) for line in io.TextIOWrapper(opened, "utf-8")]
    random.Random(0).shuffle(rows)
    (directory / "languages.txt").write_text(
        "".join(f"__label__{row['lang']} {one_line(row['text'][:1000])}" for row in rows)
    )


def models(directory: Path) -> dict[str, Path]:
    """The models whose predictions are compared: of either trainer, quantised, and of every loss."""
    examples = shuffled(
        [text for source in WANTED for text in texts_of(source, PER_SOURCE)],
        [text for source in UNWANTED for text in texts_of(source, PER_SOURCE)],
    )
    native, _, num_tokens = native_train(examples)
    found = {"two labels, trained here": save(native, num_tokens, directory / "native.bin")}
    quantized = directory / "two.ftz"
    settings = {"settings": DCLM, "quantized": str(quantized), "quantize": {"qnorm": True, "cutoff": 200_000}}
    found["two labels, trained by the package, dim 100"], _ = peer_train("two", examples, directory, **settings)
    found["the same, .ftz: pruned, quantised norms"] = quantized
    write_languages(directory)
    shape = {"dim": 20, "minn": 2, "maxn": 4, "bucket": 2_000_000, "epoch": 5}
    for loss in ("hs", "softmax", "ova", "ns"):
        path = directory / f"{loss}.bin"
        given = {"lines": str(directory / "languages.txt"), "model": str(path), "settings": {**shape, "loss": loss}}
        peer("train", given, directory)
        found[f"8 languages, 2 to 4 characters, {loss}"] = path
    return found


def agreement(repetitions: int) -> str:
    """Differences and speed, model by model."""
    sources = sorted(path.name for path in (DATA / "text").iterdir() if path.is_dir())
    texts = [text for source in sources for text in texts_of(source)]
    random.Random(1).shuffle(texts)
    texts = texts[:NUM_DOCUMENTS]
    array, size = pa.array(texts), sum(len(text.encode()) for text in texts) / 1e6
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for label, path in models(Path(name)).items():
            classifier = open_classifier(path)
            classifier.predict(array[:10])
            ours, theirs = [], []
            for _ in range(repetitions):
                began = time.process_time()
                got = classifier.predict(array).probabilities
                ours.append(time.process_time() - began)
                expected, seconds = peer_predict(path, texts, Path(name))
                theirs.append(seconds)
            told = np.stack([expected[label] for label in classifier.labels], axis=1)
            apart = np.where(told > 0, np.abs(np.minimum(told, 1) - got), 0)
            ratio = statistics.median(their / our for our, their in zip(ours, theirs, strict=True))
            num_apart = int((apart > 1e-5).any(axis=1).sum())
            speeds = [f"{size / statistics.median(seconds):.0f}" for seconds in (ours, theirs)]
            rows.append(f"| {label} | {apart.max():.1e} | {num_apart} | {' | '.join(speeds)} | {ratio:.1f}x |")
    return "\n".join(
        [
            f"## The same numbers, and how fast: {len(texts):,} documents of {len(sources)} sources, {size:.0f} MB\n",
            "Of `ova` and `ns` the package rounds to steps of 0.008; a document at a step may fall to either side.\n",
            "| model | largest difference | documents that differ by more than 1e-5 | winnow, MB/s | package, MB/s | |",
            "|---|---|---|---|---|---|",
            *rows,
        ]
    )


def scored(model: StoredModel, texts: Sequence[str]) -> Any:
    return make_classifier(model).predict(pa.array(texts, pa.large_string())).logits[:, LABELS.index("hq")]


def package_scored(model: Path, texts: Sequence[str], directory: Path) -> Any:
    return peer_predict(model, texts, directory)[0]["__label__hq"]


def cell(scores: Any, positive: Any) -> str:
    area = auc(np.asarray(scores), positive)
    return f"{area.value:.4f} ({area.low:.4f} to {area.high:.4f})"


def training() -> str:
    """Our trainer at several dimensions and the package's, on the same documents."""
    examples = shuffled(
        [text for source in WANTED for text in texts_of(source)],
        [text for source in UNWANTED for text in texts_of(source)],
    )
    cut = len(examples) * 4 // 5
    learnt, texts = examples[:cut], [text for text, _ in examples[cut:]]
    positive = np.array([label for _, label in examples[cut:]]) == 1
    size = sum(len(text.encode()) for text, _ in learnt) / 1e6
    rows = []
    for dim in (4, 8, 16, 100):
        model, seconds, _ = native_train(learnt, dim)
        rows.append(f"| winnow, dim {dim} | {seconds:.0f} | {cell(scored(model, texts), positive)} |")
    with tempfile.TemporaryDirectory() as name:
        for dim in (16, 100):
            path, seconds = peer_train("two", learnt, Path(name), settings={**DCLM, "dim": dim})
            rows.append(
                f"| package, dim {dim} | {seconds:.0f} | {cell(package_scored(path, texts, Path(name)), positive)} |"
            )
    return "\n".join(
        [
            f"## Training: {len(learnt):,} documents, {size:.0f} MB, 5 epochs, bigrams; {len(texts):,} held out\n",
            "| trainer | processor seconds | AUC (95%) |",
            "|---|---|---|",
            *rows,
        ]
    )


def unseen() -> str:
    """Sources that the classifier never saw."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for wanted, unwanted in UNSEEN:
            seen = shuffled(
                [text for source in WANTED if source not in wanted for text in texts_of(source, PER_SOURCE)],
                [text for source in UNWANTED if source not in unwanted for text in texts_of(source, PER_SOURCE)],
            )
            sides = [[t for source in side for t in texts_of(source, PER_SOURCE)] for side in (wanted, unwanted)]
            positive = np.arange(sum(map(len, sides))) < len(sides[0])
            texts = [*sides[0], *sides[1]]
            model = native_train(seen)[0]
            path, _ = peer_train("two", seen, Path(name), settings=DCLM)
            cells = (scored(model, texts), package_scored(path, texts, Path(name)))
            told = " | ".join(cell(scores, positive) for scores in cells)
            rows.append(f"| {', '.join(wanted)} against {', '.join(unwanted)} | {told} |")
    return "\n".join(
        [
            "## Sources that were not learnt from\n",
            f"Fitted on {PER_SOURCE:,} documents at most of each of {len(WANTED)} wanted and {len(UNWANTED)} other "
            "sources but those named; AUC (95%).\n",
            "| left out and told apart | winnow, dim 16 | package, dim 100 |",
            "|---|---|---|",
            *rows,
        ]
    )


def sections(repetitions: int = 5) -> list[str]:
    """The parts of the report, as Markdown."""
    return [agreement(repetitions), training(), unseen()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    print("\n\n".join(sections(parser.parse_args().repetitions)))


if __name__ == "__main__":
    main()
