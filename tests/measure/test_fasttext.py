"""A classifier's columns, its newlines, its refusals; and the step that fits one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from winnow.choose.rank import Top
from winnow.choose.select import Select
from winnow.core.errors import InputError, RecipeError
from winnow.core.executors import Inline, Processes
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.documents.read import Read
from winnow.kernels.fasttext_file import SOFTMAX, Dense, Entries, Shape, StoredModel, write_model
from winnow.measure.fasttext import FastText, Newlines
from winnow.measure.fit_fasttext import FitFastText
from winnow.measure.score import Score


def write(path: Path, words: dict[str, float], labels: tuple[str, ...] = ("cc", "hq")) -> str:
    """A model in which words speak for the second label by so many nats."""
    encoded = [*(word.encode() for word in words), *(f"__label__{label}".encode() for label in labels)]
    ends = np.cumsum([len(word) for word in encoded])
    starts = ends - [len(word) for word in encoded]
    model = StoredModel(
        shape=Shape(dim=1, loss=SOFTMAX, word_ngrams=1, min_chars=0, max_chars=0, bucket=0),
        entries=Entries(np.frombuffer(b"".join(encoded), np.uint8), starts, ends, np.full(len(encoded), 5)),
        num_words=len(words),
        kept_buckets=None,
        input=Dense(np.array(list(words.values()), np.float32)[:, None]),
        output=np.arange(len(labels), dtype=np.float32)[:, None],
    )
    with path.open("wb") as opened:
        write_model(opened, model, epoch=1, min_count=1, num_tokens=9)
    return str(path)


@pytest.fixture
def model(tmp_path: Path) -> str:
    return write(tmp_path / "hq.bin", {"good": 4.0, "bad": -2.0, "goodbad": 1.0})


def judged(measure: FastText, *texts: str | None) -> dict[str, list[Any]]:
    rows = measure.load()(pa.record_batch({"text": pa.array(texts, pa.string())}))
    assert rows.schema.equals(measure.columns(), check_metadata=True)
    found: dict[str, list[Any]] = rows.to_pydict()
    return found


def test_a_label_gets_its_probability_and_its_logit(model: str) -> None:
    found = judged(FastText(model=model), "good", "bad", "good bad", "good unknown")
    assert list(found) == ["label", "hq", "hq_logit"]
    assert found["label"] == ["hq", "cc", "hq", "hq"]
    assert found["hq_logit"] == [4, -2, 1, 4]
    assert found["hq"] == pytest.approx([1 / (1 + np.exp(-z)) + 1e-5 for z in (4, -2, 1, 4)])


def test_what_the_model_knows_nothing_of_is_null(model: str) -> None:
    found = judged(FastText(model=model), "", None, "unknown", "good")
    assert found["hq"][:3] == found["hq_logit"][:3] == found["label"][:3] == [None, None, None]
    assert found["label"][3] == "hq"
    assert (
        "null where the model knows nothing"
        in FastText(model=model).columns().field("hq").metadata[b"description"].decode()
    )


@pytest.mark.parametrize(
    ("newlines", "text", "logit"),
    [
        ("space", "good\nbad", 1),
        ("space", "good\u2028bad", None),
        ("splitlines", "good\nbad", 1),
        ("splitlines", "\u3000good\u2028bad\x85 ", 1),
        ("delete", "good\nbad", 1),
        ("delete", "good\n\nbad good", 2.5),
    ],
)
def test_newlines_are_as_the_model_was_trained(model: str, newlines: Newlines, text: str, logit: float | None) -> None:
    assert judged(FastText(model=model, newlines=newlines), text)["hq_logit"] == [logit]


def test_an_unknown_way_with_newlines_is_refused(model: str) -> None:
    with pytest.raises(RecipeError, match="newlines is 'spaces'; did you mean space"):
        FastText(model=model, newlines="spaces").load()  # type: ignore[arg-type]


def test_several_labels_get_columns_that_sql_can_name(tmp_path: Path) -> None:
    path = write(tmp_path / "genre.bin", {"x": 1.0, "y": 2.0}, ("how-to", "9", "c++", "été"))
    measure = FastText(model=path, labels=("__label__how-to", "9", "c++", "été"), name="genre")
    assert measure.columns().names == [
        *("label", "how_to", "how_to_logit", "label_9", "label_9_logit", "c__", "c___logit", "_t_", "_t__logit")
    ]
    found = judged(measure, "x", "y")
    assert found["label"] == ["été", "été"]
    assert [found[name][0] for name in ("how_to", "label_9", "c__", "_t_")] == pytest.approx(
        (np.exp(np.arange(4)) / np.exp(np.arange(4)).sum()).tolist(), abs=2e-5
    )


def test_labels_that_would_share_a_column_are_refused(model: str) -> None:
    with pytest.raises(RecipeError, match="make two columns 'a_b'"):
        FastText(model=model, labels=("a-b", "a_b")).columns()
    with pytest.raises(RecipeError, match="make two columns 'label'"):
        FastText(model=model, labels=("label",)).columns()


def test_an_unknown_label_is_refused_with_the_nearest(model: str) -> None:
    with pytest.raises(RecipeError, match="knows no label 'HQ': known: cc, hq"):
        FastText(model=model, labels=("HQ",)).load()


def test_the_file_counts_among_what_the_scores_depend_on(model: str) -> None:
    assert FastText(model=model).files() == (model,)


def write_documents(path: Path, word: str, number: int) -> Read:
    rng = np.random.default_rng(len(word))
    common = "the of and a to in is that it for was on".split()
    with path.open("w") as opened:
        for index in range(number):
            words = [*rng.choice(common, 30).tolist(), *[f"{word}{rng.integers(20)}"] * 3]
            opened.write(json.dumps({"id": f"{word}{index}", "text": " ".join(rng.permutation(words).tolist())}) + "\n")
    return Read(source=str(path))


@pytest.fixture
def fit(tmp_path: Path) -> FitFastText:
    positives = write_documents(tmp_path / "good.jsonl", "theorem", 150)
    negatives = write_documents(tmp_path / "bad.jsonl", "casino", 200)
    return FitFastText(positives=positives, negatives=negatives, heldout_fraction=0.3, bucket=5000, rate=1.0, epochs=20)


def test_a_fitted_classifier_scores_by_its_step(fit: FitFastText, tmp_path: Path) -> None:
    chosen = Select(documents=fit.negatives, measures=(FastText(model=fit),), keep=Top("fasttext.hq_logit", 0.25))
    score = Score(documents=fit.positives, measure=FastText(model=fit))
    store = Store(tmp_path / "store")
    materialize(score, store, Inline())
    materialize(chosen, store, Inline())
    logits = store.table(score).shard(0, ["hq_logit"]).column("hq_logit").to_pylist()
    assert np.mean([logit > 0 for logit in logits]) > 0.95
    assert sum(batch.num_rows for batch in chosen.open_shard(store, 0)) == 50


def test_the_report_says_how_well_it_was_learnt_and_what_tells(fit: FitFastText, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    materialize(fit, store, Inline())
    report = json.loads(store.table(fit).file("report.json").read_text())
    assert report["num_positives"] + report["num_negatives"] + report["num_heldout"] == 350
    assert report["auc"] > 0.99
    assert report["auc_interval"][0] <= report["auc"] <= report["auc_interval"][1]
    assert sum(each["num"] for each in report["calibration"]) == report["num_heldout"]
    speak_for = [each["ngram"] for each in report["telling"] if each["weight"] > 0]
    speak_against = [each["ngram"] for each in report["telling"] if each["weight"] < 0]
    assert all("theorem" in ngram for ngram in speak_for[:5])
    assert all("casino" in ngram for ngram in speak_against[:5])


def test_the_same_examples_give_the_same_bytes_on_any_number_of_workers(fit: FitFastText, tmp_path: Path) -> None:
    stores = [Store(tmp_path / name) for name in ("one", "two")]
    materialize(fit, stores[0], Inline())
    materialize(fit, stores[1], Processes(2))
    first, second = (store.table(fit).file("model.bin").read_bytes() for store in stores)
    assert first == second


@pytest.mark.parametrize("wrong", [{"dim": 0}, {"epochs": 0}, {"rate": 0.0}, {"bucket": 0}, {"heldout_fraction": 1.0}])
def test_sizes_that_train_nothing_are_refused(fit: FitFastText, tmp_path: Path, wrong: dict[str, Any]) -> None:
    bad = FitFastText(**{"positives": fit.positives, "negatives": fit.negatives} | wrong)
    with pytest.raises(RecipeError, match=f"{next(iter(wrong))} is"):
        materialize(bad, tmp_path / "store", Inline())


def test_a_model_that_ran_off_to_infinity_is_an_error_that_says_what_to_do(
    fit: FitFastText, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("winnow.kernels.fasttext_train.descend", lambda *given: given[6].fill(np.inf))
    with pytest.raises(InputError, match=r"rate 1\.0 ran off to infinity: give a lower rate"):
        materialize(fit, tmp_path / "store", Inline())
