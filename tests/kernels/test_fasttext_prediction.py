"""fastText's prediction: closed forms, the readable twin, and the reference package on models that it trained."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.core.errors import RecipeError
from winnow.kernels.buffers import text_buffers
from winnow.kernels.fasttext import line_rows, make_lines, make_room, read_words
from winnow.kernels.fasttext_classifier import huffman_paths, make_classifier, open_classifier
from winnow.kernels.fasttext_file import (
    HIERARCHICAL,
    NEGATIVE,
    ONE_VS_ALL,
    SOFTMAX,
    Dense,
    Entries,
    Shape,
    StoredModel,
    read_model,
    write_model,
)
from winnow.kernels.fasttext_reference import fnv, line_rows_reference, predict_reference
from winnow.kernels.jit import kernel

TOPICS = {
    "cook": "stir the warm soup and season it with salt before serving bread",
    "code": "compile the source file and fix every warning before pushing code",
    "sail": "hoist the main sail and steer the small boat before the wind turns",
    "très": "écrire à l’été où naïve Zoë mange du pâté façon grand-mère ñandú",
}
KINDS: dict[str, dict[str, Any]] = {
    "softmax": {"loss": "softmax", "wordNgrams": 2, "dim": 20, "bucket": 1000},
    "softmax-narrow": {"loss": "softmax", "wordNgrams": 3, "dim": 10, "bucket": 500},
    "unigrams": {"loss": "softmax", "dim": 20},
    "characters": {"loss": "softmax", "minn": 2, "maxn": 4, "dim": 10, "bucket": 700},
    "single-characters": {"loss": "ova", "minn": 1, "maxn": 1, "dim": 20, "bucket": 50},
    "ova": {"loss": "ova", "wordNgrams": 2, "dim": 20, "bucket": 300},
    "ns": {"loss": "ns", "wordNgrams": 2, "dim": 10, "bucket": 300},
    "many": {"loss": "softmax", "dim": 10},
    "hs": {"loss": "hs", "wordNgrams": 2, "minn": 3, "maxn": 3, "dim": 10, "bucket": 300},
}
"""Of a dimension that is no multiple of 10 the package leaves a few numbers uninitialised."""
QUANTIZED: dict[str, dict[str, Any]] = {
    "whole": {"dsub": 2},
    "norms": {"dsub": 3, "qnorm": True},
    "pruned": {"cutoff": 300, "dsub": 2, "qnorm": True, "retrain": False},
    "output": {"dsub": 2, "qout": True},
}
ODD = [
    "",
    " ",
    "x",
    "zzz qqq",
    "the",
    "the soup\nand\r\nthe code\tof\vthe\fboat\0turns",
    "the </s> soup",
    "</s>",
    "__label__cook1 the soup",
    "__label__none the soup __label__",
    "\u2028\x85\xa0 naïve\x1cZoë",
    "été " * 50,
    "日本語 の テキスト 🙂🙂",
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lines of each topic's words in an order of their own; beside them the same with hundreds of labels."""
    rng = np.random.default_rng(1)
    path = tmp_path_factory.mktemp("fasttext") / "train.txt"
    lines = []
    for number in range(600):
        topic = list(TOPICS)[int(rng.choice(4, p=[0.4, 0.3, 0.2, 0.1]))]
        words = [*rng.choice(TOPICS[topic].split(), 12).tolist(), f"{topic}{rng.integers(200)}"]
        lines.append(f"__label__{topic}{rng.integers(3)} " + " ".join(words) + f" n{number % 120}")
    path.write_text("\n".join(lines) + "\n")
    many = [f"__label__{number % 270}{line[line.index(' ') :]}" for number, line in enumerate(lines)]
    path.with_name("many.txt").write_text("\n".join(many) + "\n")
    return path


@pytest.fixture(scope="module")
def trained(corpus: Path) -> Callable[[str, str], tuple[Path, Any]]:
    """A model file of a kind, quantised in a way or not, and the package's own model of it; each is made once."""
    fasttext = pytest.importorskip("fasttext")
    made: dict[tuple[str, str], tuple[Path, Any]] = {}

    def train(kind: str, quantized: str = "") -> tuple[Path, Any]:
        if (kind, quantized) not in made:
            # with fewer than ten threads the package leaves a part of its matrix uninitialised
            lines = corpus.with_name("many.txt") if kind == "many" else corpus
            model = fasttext.train_supervised(str(lines), epoch=5, thread=10, verbose=0, **KINDS[kind])
            path = corpus.with_name(f"{kind}{quantized}.bin")
            if quantized:
                model.quantize(str(lines), verbose=0, thread=1, **QUANTIZED[quantized])
                path = path.with_suffix(".ftz")
            model.save_model(str(path))
            made[kind, quantized] = path, fasttext.load_model(str(path))
        return made[kind, quantized]

    return train


def package_probabilities(model: Any, labels: tuple[str, ...], texts: list[str]) -> np.ndarray[Any, Any]:
    """What the package says of each text, with its newlines as spaces, and each label; 0 for one that it leaves out."""
    found = np.zeros((len(texts), len(labels)))
    for row, text in enumerate(texts):
        for probability, label in model.f.predict(text.replace("\n", " ") + "\n", -1, 0.0, "strict"):
            found[row, labels.index(label)] = min(1, probability)
    return found


def real_texts(shared_data: Path, number: int) -> list[str]:
    texts: list[str] = []
    for source in ("c4_sample", "register_web_multilingual", "mt_mbpp_code_17langs"):
        content = zstandard.decompress((shared_data / f"text/{source}/{source}.jsonl.zst").read_bytes(), 1 << 28)
        rows = io.TextIOWrapper(io.BytesIO(content), "utf-8").readlines()
        texts += [json.loads(row)["text"] for row in rows[:: len(rows) // number]]
    return texts


CASES = [(kind, "") for kind in KINDS] + [("softmax", how) for how in ("whole", "norms", "pruned")]
CASES += [("hs", "norms"), ("ova", "pruned"), ("many", "output")]


@pytest.mark.parametrize(("kind", "quantized"), CASES)
def test_probabilities_are_those_of_the_package(
    trained: Callable[[str, str], tuple[Path, Any]], shared_data: Path, kind: str, quantized: str
) -> None:
    path, package = trained(kind, quantized)
    texts = ODD + real_texts(shared_data, 60)
    classifier = open_classifier(path)
    got = classifier.predict(pa.array(texts))
    expected = package_probabilities(package, classifier.labels, texts)
    assert set(classifier.labels) == set(package.labels)
    # of fewer than 1e-5 the package says nothing; at the step of its sigmoid both sides are right, and a logit that is
    # the sum of thousands of numbers in single precision is off by less than 1e-3
    steps = np.abs((got.logits + 8) * 32 - np.round((got.logits + 8) * 32)) < 32 * 1e-3
    is_stepped = KINDS[kind]["loss"] in ("ova", "ns")
    compared = (expected > 0) & ~(steps & is_stepped)
    assert np.abs(got.probabilities - expected)[compared].max() <= 1e-5
    assert np.abs(got.probabilities - expected)[expected > 0].max() <= 1 / 128 + 1e-5  # one step, where it is steepest
    assert compared.mean() > 0.9
    assert np.isfinite(got.logits).all()


@pytest.mark.parametrize(("kind", "quantized"), CASES)
def test_the_readable_twin_says_the_same(
    trained: Callable[[str, str], tuple[Path, Any]], kind: str, quantized: str
) -> None:
    model = read_model(trained(kind, quantized)[0])
    texts = [text[:2000] for text in ODD] + list(TOPICS.values())
    got = make_classifier(model).predict(pa.array(texts))
    for text, probabilities, logits in zip(texts, got.probabilities, got.logits, strict=True):
        expected = predict_reference(text.encode(), model)
        assert probabilities.tolist() == pytest.approx(expected[0], abs=2e-6)
        assert logits.tolist() == pytest.approx(expected[1], abs=2e-4, rel=1e-5)


def test_a_text_of_a_megabyte_is_summed_more_exactly_than_the_package_does(
    trained: Callable[[str, str], tuple[Path, Any]],
) -> None:
    path, package = trained("unigrams", "")
    text = "the soup with salt and the main sail " * 28_000
    classifier = open_classifier(path)
    got = classifier.predict(pa.array([text])).probabilities[0]
    short = classifier.predict(pa.array(["the soup with salt and the main sail"])).probabilities[0]
    assert np.abs(got - package_probabilities(package, classifier.labels, [text])[0]).max() < 1e-3  # single precision
    assert np.abs(got - predict_reference(text.encode(), read_model(path))[0]).max() < 1e-6
    assert np.abs(got - short).max() > 1e-3  # </s> weighs less in a long text


@kernel
def _rows(data: Any, end: int, lines: Any, room: Any) -> int:
    return line_rows(data, lines, room, read_words(data, 0, end, lines, room.words))


def rows_of(text: bytes, model: StoredModel) -> list[int]:
    lines = make_lines(model.shape, model.entries, model.num_words, model.kept_buckets)
    room = make_room(lines, len(text))
    data, offsets = text_buffers(pa.array([text]))
    return list(room.rows[: _rows(data, int(offsets[1]), lines, room)])


PIECES = st.sampled_from(
    [*" \0\t\n\v\f\r", "the", "soup", "été", "</s>", "__label__", "__label__cook1", "日", "<", ">", "n1"]
)
TEXTS = st.one_of(
    st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=40).map(lambda pieces: "".join(pieces).encode()),
    st.binary(max_size=60),
)


@settings(max_examples=200)
@given(text=TEXTS)
@pytest.mark.parametrize(
    "case", [("softmax-narrow", ""), ("characters", ""), ("single-characters", ""), ("softmax", "pruned")]
)
def test_any_bytes_become_the_rows_of_the_twin(
    trained: Callable[[str, str], tuple[Path, Any]], text: bytes, case: tuple[str, str]
) -> None:
    model = read_model(trained(*case)[0])
    assert sorted(rows_of(text, model)) == sorted(line_rows_reference(text, model))


def test_the_hash_is_that_of_fasttext() -> None:
    assert fnv(b"") == 2166136261
    assert fnv(b"a") == 0xE40C292C  # FNV-1a of ASCII, by its authors' test suite
    assert fnv("é".encode()) != 0x2C5F5E85  # but not of other bytes, which fastText takes for negative


def stored(words: dict[str, list[float]], output: list[list[float]], loss: int = SOFTMAX) -> StoredModel:
    """A model of words alone."""
    labels = [f"__label__{label}" for label in "abcdefgh"[: len(output)]]
    encoded = [word.encode() for word in [*words, *labels]]
    ends = np.cumsum([len(word) for word in encoded])
    starts = ends - [len(word) for word in encoded]
    counts = np.array([9] * len(words) + [5, 3, 1, 1][: len(labels)])
    data = np.frombuffer(b"".join(encoded) + bytes(128), np.uint8).copy()
    dim = len(output[0])
    return StoredModel(
        shape=Shape(dim=dim, loss=loss, word_ngrams=1, min_chars=0, max_chars=0, bucket=0),
        entries=Entries(data, starts, ends, counts),
        num_words=len(words),
        kept_buckets=None,
        input=Dense(np.array(list(words.values()), np.float32).reshape(-1, dim)),
        output=np.array(output, np.float32),
    )


def test_two_labels_leave_one_number_a_row_and_their_logits_are_opposite() -> None:
    classifier = make_classifier(stored({"up": [2.0, 1.0], "down": [-3.0, 0.0]}, [[1.0, 0.0], [-1.0, 4.0]]))
    assert classifier.numbers.tolist() == [[0.0], [6.0]]  # the second output row less the first is (-2, 4)
    got = classifier.predict(pa.array(["up", "down", "up down", "down down up"]))
    assert got.logits[:, 1].tolist() == pytest.approx([0, 6, 3, 4])
    assert got.logits[:, 0].tolist() == pytest.approx([0, -6, -3, -4])
    assert got.probabilities[:, 1].tolist() == pytest.approx([1 / (1 + math.exp(-z)) + 1e-5 for z in (0, 6, 3, 4)])


def test_logits_tell_apart_what_probabilities_do_not() -> None:
    classifier = make_classifier(stored({"a": [40.0], "b": [50.0], "c": [-700.0]}, [[0.0], [1.0], [0.0]]))
    got = classifier.predict(pa.array(["a", "b", "c"]))
    assert got.probabilities[:2, 1].tolist() == [1.0, 1.0]
    assert got.logits[:, 1].tolist() == pytest.approx([40 - math.log(2), 50 - math.log(2), -700 - math.log(2)])
    assert got.logits[2, 0] == pytest.approx(0)  # the other two share what is left


def test_a_text_of_which_nothing_is_known_is_told_from_an_even_one() -> None:
    classifier = make_classifier(stored({"even": [0.0]}, [[1.0], [-1.0]]))
    got = classifier.predict(pa.array(["even", "other", "", None]))
    assert got.known.tolist() == [True, False, False, False]
    assert got.logits[0].tolist() == [0, 0]


def test_the_rarest_labels_lie_deepest_in_the_huffman_tree() -> None:
    depth = np.abs(huffman_paths(np.array([5, 3, 1, 1]))).sum(axis=1)
    assert depth.tolist() == [1, 2, 3, 3]


@pytest.mark.parametrize("loss", [HIERARCHICAL, SOFTMAX])
def test_probabilities_of_labels_that_exclude_each_other_add_up_to_one(loss: int) -> None:
    output = np.random.default_rng(3).normal(size=(4, 2)).tolist()
    classifier = make_classifier(stored({"a": [1.0, -2.0], "b": [3.0, 0.5]}, output, loss))
    got = classifier.predict(pa.array(["a", "a b", "b"]))
    assert got.probabilities.sum(axis=1) == pytest.approx([1, 1, 1], abs=1e-4)
    assert 1 / (1 + np.exp(-got.logits)) == pytest.approx(got.probabilities, abs=1e-4)


@pytest.mark.parametrize("loss", [ONE_VS_ALL, NEGATIVE])
def test_labels_that_do_not_exclude_each_other_have_logits_of_their_own(loss: int) -> None:
    classifier = make_classifier(stored({"a": [2.0], "b": [20.0]}, [[1.0], [-1.0], [0.5]], loss))
    got = classifier.predict(pa.array(["a", "b"]))
    assert got.logits.tolist() == [[2.0, -2.0, 1.0], [20.0, -20.0, 10.0]]
    assert got.probabilities[0].tolist() == pytest.approx([1 / (1 + math.exp(-z)) + 1e-5 for z in (2, -2, 1)])
    assert got.probabilities[1].tolist() == pytest.approx([1, 1e-5, 1], abs=1e-9)


def test_a_model_cut_short_within_its_matrices_is_refused(
    trained: Callable[[str, str], tuple[Path, Any]], tmp_path: Path
) -> None:
    for quantized in ("", "norms"):
        whole = trained("softmax", quantized)[0].read_bytes()
        for size in (len(whole) - 1, len(whole) - 400, len(whole) // 2):
            path = tmp_path / "short.bin"
            path.write_bytes(whole[:size])
            with pytest.raises(RecipeError, match=f"ends within its matrices, after {size:,} bytes"):
                open_classifier(path)


def test_a_model_of_one_label_is_refused(corpus: Path, tmp_path: Path) -> None:
    path = tmp_path / "one.bin"
    with path.open("wb") as opened:
        write_model(opened, stored({"a": [1.0]}, [[1.0]]), epoch=1, min_count=1, num_tokens=1)
    with pytest.raises(RecipeError, match="knows 1 labels: a classifier needs two"):
        open_classifier(path)
