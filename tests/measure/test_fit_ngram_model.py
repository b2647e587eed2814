"""Fitting an n-gram model of documents, and measuring others by it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from winnow.core.errors import InputError, RecipeError
from winnow.core.executors import Inline
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.documents.read import Read
from winnow.kernels.ngram_model import score_texts
from winnow.kernels.ngram_model_arpa import read_arpa
from winnow.kernels.ngram_model_file import make_model, open_binary
from winnow.measure.fit_ngram_model import FitNgramModel
from winnow.measure.perplexity import Perplexity
from winnow.measure.score import Score

SUBJECTS = ["the fox", "a crow", "the old dog", "my neighbour", "nobody"]
VERBS = ["saw", "ate", "sang about", "wanted", "found"]
OBJECTS = ["the grapes", "a piece of cheese", "the water", "some meat", "it"]
CLEAN = [f"{a} {b} {c}.\n{c} was what {a} {b}!" for a in SUBJECTS for b in VERBS for c in OBJECTS]


def documents(path: Path, texts: Sequence[str]) -> Read:
    lines = [json.dumps({"id": f"{path.stem}{number}", "text": text}) for number, text in enumerate(texts)]
    path.write_text("\n".join(lines))
    return Read(source=str(path))


@pytest.fixture
def clean(tmp_path: Path) -> Read:
    return documents(tmp_path / "clean.jsonl", CLEAN)


def made(step: FitNgramModel, store: Path) -> tuple[Path, dict[str, Any]]:
    materialize(step, store, Inline())
    files = Store(store).table(step).files()
    return files, json.loads((files / "report.json").read_text())


def perplexities(fit: FitNgramModel, tmp_path: Path, *texts: str, **fields: Any) -> list[float | None]:
    others = documents(tmp_path / "others.jsonl", texts)
    score = Score(documents=others, measure=Perplexity(model=fit, **fields))
    materialize(score, tmp_path / "store", Inline())
    found: list[float | None] = Store(tmp_path / "store").table(score).shard(0)["document"].to_pylist()
    return found


def test_text_like_that_which_was_fitted_on_is_less_surprising(clean: Read, tmp_path: Path) -> None:
    fit = FitNgramModel(documents=clean, order=3)
    like, shuffled, foreign = perplexities(
        fit, tmp_path, "The old dog wanted the grapes.", "grapes wanted the dog the old.", "Der Fuchs sah die Trauben."
    )
    assert like is not None and shuffled is not None and foreign is not None
    assert like < shuffled / 3 < shuffled < foreign


def test_the_report_says_what_was_counted_and_how_well_it_does(clean: Read, tmp_path: Path) -> None:
    _, report = made(FitNgramModel(documents=clean, order=3, heldout_fraction=0.3), tmp_path / "store")
    assert 1500 < report["num_tokens"] < 2000
    assert len(report["num_ngrams"]) == len(report["discounts"]) == 3
    assert report["num_ngrams"][0] == report["num_words"]
    assert 1 < report["heldout"]["perplexity"] < 10
    assert report["heldout"]["unknown_fraction"] < 0.01


def test_what_is_held_out_is_not_fitted_on(clean: Read, tmp_path: Path) -> None:
    whole, _ = made(FitNgramModel(documents=clean, order=3, heldout_fraction=0), tmp_path / "store")
    most, report = made(FitNgramModel(documents=clean, order=3, heldout_fraction=0.5), tmp_path / "store")
    assert (most / "model.bin").stat().st_size < (whole / "model.bin").stat().st_size
    assert 1000 < report["num_tokens"] < 2000


def test_without_documents_held_out_the_report_says_so(clean: Read, tmp_path: Path) -> None:
    _, report = made(FitNgramModel(documents=clean, order=2, heldout_fraction=0), tmp_path / "store")
    assert report["heldout"] is None


def test_the_model_is_the_same_however_the_documents_are_split_into_shards(tmp_path: Path) -> None:
    one = documents(tmp_path / "clean.jsonl", CLEAN)
    lines = (tmp_path / "clean.jsonl").read_text().split("\n")
    for number, part in enumerate((lines[:40], lines[40:50], lines[50:])):
        (tmp_path / f"part{number}.jsonl").write_text("\n".join(part))
    many = Read(source=tuple(str(tmp_path / f"part{number}.jsonl") for number in range(3)))
    files = [made(FitNgramModel(documents=each, order=4), tmp_path / "store")[0] for each in (one, many)]
    assert (files[0] / "model.bin").read_bytes() == (files[1] / "model.bin").read_bytes()


def test_the_arpa_file_is_the_same_model(clean: Read, tmp_path: Path) -> None:
    files, _ = made(FitNgramModel(documents=clean, order=3, arpa=True), tmp_path / "store")
    texts = pa.array(["the fox found some meat .\nan unseen word", "nobody"])
    from_arpa = score_texts(texts, make_model(*read_arpa(files / "model.arpa")))
    assert from_arpa.log10_prob == pytest.approx(score_texts(texts, open_binary(files / "model.bin")).log10_prob)
    plain, _ = made(FitNgramModel(documents=clean, order=3), tmp_path / "store")
    assert not (plain / "model.arpa").exists()


def test_pruning_leaves_out_rare_ngrams(clean: Read, tmp_path: Path) -> None:
    _, whole = made(FitNgramModel(documents=clean, order=3), tmp_path / "store")
    _, pruned = made(FitNgramModel(documents=clean, order=3, prune=(0, 0, 20)), tmp_path / "store")
    assert pruned["num_ngrams"][:2] == whole["num_ngrams"][:2]
    assert 0 < pruned["num_ngrams"][2] < whole["num_ngrams"][2]
    assert pruned["heldout"]["perplexity"] > whole["heldout"]["perplexity"]


def test_text_is_prepared_as_the_measure_prepares_it(clean: Read, tmp_path: Path) -> None:
    fit = FitNgramModel(documents=clean, order=3, prepare="none")
    small, capital = perplexities(fit, tmp_path, "the fox saw it.", "THE FOX saw it.", prepare="none")
    assert small is not None and capital is not None and small < capital
    with pytest.raises(RecipeError, match="fitted on text with prepare='none'"):
        perplexities(fit, tmp_path, "the fox saw it.")


def test_pieces_of_a_sentencepiece_model_may_be_fitted_on(clean: Read, tmp_path: Path) -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    (tmp_path / "clean.txt").write_text("\n".join(CLEAN).lower())
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "clean.txt"),
        model_prefix=str(tmp_path / "pieces"),
        vocab_size=60,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    pieces = str(tmp_path / "pieces.model")
    fit = FitNgramModel(documents=clean, order=3, sentencepiece=pieces)
    assert list(fit.outside()) == [pieces]
    like, unlike = perplexities(fit, tmp_path, "The foxes saw grapes.", "Xylophone quartz", sentencepiece=pieces)
    assert like is not None and unlike is not None and like < unlike
    with pytest.raises(RecipeError, match=r"fitted on text with sentencepiece='.*pieces\.model'"):
        perplexities(fit, tmp_path, "The fox.")


def test_empty_texts_are_passed_over(tmp_path: Path) -> None:
    gaps = documents(tmp_path / "gaps.jsonl", ["", *CLEAN, "\n"])
    _, report = made(FitNgramModel(documents=gaps, order=2), tmp_path / "store")
    assert report["num_tokens"] > 2000
    assert perplexities(FitNgramModel(documents=gaps, order=2), tmp_path, "", "\n\n") == [None, None]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"order": 1}, "order is 1; it must be 2 to 16"),
        ({"order": 17}, "order is 17"),
        ({"heldout_fraction": 1.0}, r"heldout_fraction is 1\.0; it must lie in \[0, 1\)"),
        ({"prune": (1,)}, r"prune is \(1,\): .* the first 0"),
        ({"prune": (0, 2, 1)}, "none lower than the one before"),
        ({"order": 2, "prune": (0, 1, 1)}, "at most one number an order"),
    ],
)
def test_fields_that_make_no_model_are_refused(clean: Read, fields: dict[str, Any], told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        FitNgramModel(documents=clean, **fields).check()


def test_too_little_text_is_refused(tmp_path: Path) -> None:
    few = documents(tmp_path / "few.jsonl", ["a few words"])
    with pytest.raises(InputError, match="5 tokens to fit a model on: give at least 100"):
        materialize(FitNgramModel(documents=few, heldout_fraction=0), tmp_path / "store", Inline())


def test_more_text_than_memory_holds_is_refused_before_it_is_counted(
    clean: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sysconf", lambda name: 400 if name == "SC_PAGE_SIZE" else 1000)
    with pytest.raises(RecipeError, match=r"more than 1,500 tokens.*sample of the documents"):
        materialize(FitNgramModel(documents=clean), tmp_path / "store", Inline())
