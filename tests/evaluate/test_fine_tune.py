from __future__ import annotations

import json
import random
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch")

import torch
import zstandard
from networks import WORDS, save_tiny, save_trained

from winnow.core.errors import InputError, RecipeError
from winnow.core.run import fresh, materialize
from winnow.core.step import Whole
from winnow.core.table import Store
from winnow.evaluate.classifier import Classifier, cut, default_learning_rate, encode
from winnow.evaluate.evaluate import SCHEMA
from winnow.evaluate.fine_tune import FineTune
from winnow.evaluate.local import LocalNetwork
from winnow.evaluate.models import open_model
from winnow.lm.trained import open_trained


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_trained(tmp_path_factory.mktemp("models") / "ours"))


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file whose labels are told by a text's last word."""
    draw = random.Random(0)
    rows = [{"text": f"{' '.join(draw.choices(WORDS, k=2))} {n} {'ab'[n % 2]}", "label": n % 2} for n in range(100)]
    return write_rows(tmp_path_factory.mktemp("tasks") / "toy.jsonl", rows)


def write_rows(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def rows_of(directory: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(directory / "files" / "items.parquet").to_pylist()
    return rows


def report_of(directory: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((directory / "files" / "report.json").read_text())
    return report


@pytest.fixture(scope="module")
def step(checkpoint: str, toy: str) -> FineTune:
    return FineTune(model=checkpoint, tasks=(f"toy={toy}",), epochs=5, learning_rate=1e-2)


@pytest.fixture(scope="module")
def done(step: FineTune, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return materialize(step, tmp_path_factory.mktemp("store"))


def test_a_task_that_can_be_learnt_is_learnt(done: Path) -> None:
    assert report_of(done)["metrics"] == {"fine_tuned/toy/accuracy": 1.0}
    assert report_of(done)["runs"] == {"fine_tuned/toy/accuracy": [1.0] * 5}


def test_without_an_epoch_a_model_guesses(step: FineTune, tmp_path: Path) -> None:
    report = report_of(materialize(replace(step, epochs=0), tmp_path))
    assert 0.3 < report["metrics"]["fine_tuned/toy/accuracy"] < 0.7


def test_every_row_of_a_file_is_an_item_of_the_metric(done: Path) -> None:
    table = pq.read_table(done / "files" / "items.parquet")
    assert table.schema.equals(SCHEMA)
    rows = table.to_pylist()
    assert sorted(row["item"] for row in rows) == sorted(f"toy/{number}" for number in range(100))
    assert {f"{row['task']}/{row['metric']}" for row in rows} == {*report_of(done)["metrics"]}
    for row in rows:
        assert (row["numerator"], row["denominator"]) == (float(row["prediction"] == row["gold"]), 1.0)


def test_the_report_has_the_share_of_the_most_frequent_label(checkpoint: str, tmp_path: Path) -> None:
    rows = [{"text": str(number), "label": number % 4 == 0} for number in range(40)]
    train, test = (write_rows(tmp_path / f"{name}.jsonl", rows[:size]) for name, size in (("one", 40), ("two", 24)))
    step = FineTune(model=checkpoint, tasks=(f"mine={train},{test}",), epochs=0, num_runs=2)
    report = report_of(materialize(step, tmp_path / "store"))
    assert report["majority"] == {"fine_tuned/mine/accuracy": 0.75}
    assert (report["tasks"], report["notes"]) == (["mine"], [])


def test_runs_that_ask_the_same_items_are_added_up(checkpoint: str, toy: str, tmp_path: Path) -> None:
    test = write_rows(tmp_path / "test.jsonl", [json.loads(line) for line in Path(toy).read_text().splitlines()[:10]])
    step = FineTune(model=checkpoint, tasks=(f"toy={toy},{test}",), epochs=1, num_runs=3)
    done = materialize(step, tmp_path / "store")
    for row in rows_of(done):
        assert row["denominator"] == 3
        assert row["numerator"] == row["prediction"].split().count(row["gold"])
    report = report_of(done)
    accuracy = sum(row["numerator"] for row in rows_of(done)) / 30
    assert report["metrics"]["fine_tuned/toy/accuracy"] == pytest.approx(accuracy)
    assert sum(report["runs"]["fine_tuned/toy/accuracy"]) / 3 == pytest.approx(accuracy, abs=1e-4)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_model(
    step: FineTune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights: list[torch.Tensor] = []
    whole = Classifier.predict

    def predict(classifier: Classifier, texts: Any) -> list[int]:
        weights.append(torch.cat([weight.detach().flatten() for weight in classifier.parameters()]))
        found: list[int] = whole(classifier, texts)
        return found

    monkeypatch.setattr(Classifier, "predict", predict)
    step = replace(step, epochs=1, num_runs=2)
    one, same = (materialize(step, tmp_path / name) for name in ("one", "same"))
    other = materialize(replace(step, seed=1), tmp_path / "one")
    assert (one / "files" / "items.parquet").read_bytes() == (same / "files" / "items.parquet").read_bytes()
    assert torch.equal(weights[0], weights[2])
    assert torch.equal(weights[1], weights[3])
    assert not torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[4])
    assert {row["item"] for row in rows_of(one)} != {row["item"] for row in rows_of(other)}


def test_all_weights_are_trained_and_the_model_stays_as_it_was(checkpoint: str) -> None:
    trained = open_trained(checkpoint)
    network = LocalNetwork(checkpoint, trained, 2048, torch.device("cpu"))
    classifier = Classifier(network, 2, seed=0)
    before = {name: weight.clone() for name, weight in classifier.named_parameters()}
    classifier.fit(encode([("a cat",), ("a dog",)], network), [0, 1], epochs=3, peak=1e-3)
    changed = {name for name, weight in classifier.named_parameters() if not torch.equal(weight, before[name])}
    assert changed == {*before} - {"body.head.weight"}
    assert all(torch.equal(weight, before[f"body.{name}"]) for name, weight in trained.model.named_parameters())


@pytest.mark.parametrize("kind", ["ours", "gpt2", "gpt_neox", "opt"])
def test_a_text_is_told_by_its_last_token_whatever_it_is_padded_with(kind: str, tmp_path: Path) -> None:
    path = save_trained(tmp_path / kind) if kind == "ours" else save_tiny(tmp_path / kind, kind)
    network = open_model(str(path)).network
    classifier = Classifier(network, 3, seed=0)
    texts = encode([("the cat",), ("",), ("a much longer text", "and another")], network)
    with torch.no_grad():
        together = classifier(texts)
        for row, text in enumerate(texts):
            torch.testing.assert_close(together[row], classifier([text])[0], atol=1e-4, rtol=1e-4)
            states = classifier.states(torch.tensor([text]))
            torch.testing.assert_close(together[row], classifier.head(states[0, -1]), atol=1e-4, rtol=1e-4)


def test_a_hugging_face_model_is_fine_tuned_by_the_same_step(toy: str, tmp_path: Path) -> None:
    model = str(save_tiny(tmp_path / "gpt2", "gpt2"))
    step = FineTune(model=model, tasks=(f"toy={toy}",), epochs=8, learning_rate=1e-2, num_runs=1)
    assert report_of(materialize(step, tmp_path / "store"))["metrics"]["fine_tuned/toy/accuracy"] > 0.9


@dataclass(frozen=True, kw_only=True)
class Copied(Whole):
    """A step that makes a model."""

    source: str

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        shutil.copytree(self.source, directory, dirs_exist_ok=True)
        return {}


def test_the_model_of_a_step_is_made_first(step: FineTune, checkpoint: str, tmp_path: Path) -> None:
    step = replace(step, epochs=1, num_runs=1)
    by_path = materialize(step, tmp_path)
    by_step = materialize(replace(step, model=Copied(source=checkpoint)), tmp_path)
    assert rows_of(by_step) == rows_of(by_path)


def test_pairs_follow_each_other_with_a_line_end_between_them(checkpoint: str) -> None:
    network = open_model(checkpoint).network
    assert [network.decode(ids) for ids in encode([("one", "two"), ("three",)], network)] == ["one\ntwo", "three"]


@pytest.mark.parametrize(
    ("first", "second", "room", "kept"),
    [
        ("abcdef", "", 4, "abcd"),
        ("abcdef", "uvwxyz", 4, "abuv"),
        ("abcdef", "uvwxyz", 5, "abuvw"),
        ("ab", "uvwxyz", 5, "abuvw"),
        ("abcdef", "u", 5, "abcdu"),
        ("ab", "uv", 5, "abuv"),
    ],
)
def test_what_is_too_long_loses_its_end_the_longer_half_first(first: str, second: str, room: int, kept: str) -> None:
    assert cut([*first], [*second], room) == [*kept]


def test_the_default_learning_rate_falls_with_size_to_that_of_the_paper() -> None:
    sizes = [10**5, 10**6, 10**7, 124 * 10**6, 10**9]
    rates = [default_learning_rate(size) for size in sizes]
    assert rates[:2] == [1e-2, 1e-2]
    assert rates[1] > rates[2] > rates[3]
    assert rates[3:] == [1e-5, 1e-5]


def test_a_text_longer_than_the_context_is_cut_to_it(checkpoint: str) -> None:
    network = open_model(checkpoint).network
    assert [len(ids) for ids in encode([("a" * 500, "b" * 500)], network)] == [network.context]


def test_a_step_that_is_interrupted_goes_on_at_the_run(
    step: FineTune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = replace(step, epochs=1, num_runs=3)
    done = materialize(step, tmp_path / "whole")
    begun: list[int] = []
    whole = Classifier.fit

    def interrupted(*args: Any) -> None:
        begun.append(len(begun))
        if len(begun) == 2:
            raise KeyboardInterrupt
        whole(*args)

    monkeypatch.setattr(Classifier, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        materialize(step, tmp_path / "store")
    again = materialize(step, tmp_path / "store")
    assert len(begun) == 4
    assert (again / "files" / "items.parquet").read_bytes() == (done / "files" / "items.parquet").read_bytes()
    assert not (again / "parts").exists()


def test_a_task_file_that_changes_is_learnt_again(checkpoint: str, tmp_path: Path) -> None:
    rows = [{"text": str(number), "label": number % 2} for number in range(40)]
    path = write_rows(tmp_path / "toy.jsonl", rows)
    step = FineTune(model=checkpoint, tasks=(f"toy={path}",), epochs=0, num_runs=1)
    materialize(step, tmp_path / "store")
    assert fresh(step, Store(tmp_path / "store"))
    write_rows(tmp_path / "toy.jsonl", rows[1:])
    assert not fresh(step, Store(tmp_path / "store"))


def test_a_loss_that_is_no_number_says_to_lower_the_learning_rate(checkpoint: str) -> None:
    network = open_model(checkpoint).network
    classifier = Classifier(network, 2, seed=0)
    with torch.no_grad():
        classifier.head.weight.fill_(float("nan"))
    with pytest.raises(
        InputError, match=r"the loss is nan at step 1 of 1: fine-tune with a lower learning_rate than 0\.1"
    ):
        classifier.fit(encode([("a",), ("b",)], network), [0, 1], epochs=1, peak=0.1)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tasks": ()}, "nothing to fine-tune on"),
        ({"tasks": ("sst2", "sst2=a,b")}, "the tasks sst2, sst2 repeat a name"),
        ({"fields": ("a", "b", "c")}, "fields are a, b, c: a classification has one text or two"),
        ({"num_runs": 0}, "num_runs is 0"),
        ({"epochs": -1}, "epochs -1"),
        ({"learning_rate": 1.0}, r"learning_rate is 1\.0; it must lie in \(0, 1\)"),
    ],
)
def test_what_cannot_be_learnt_is_refused_before_anything_runs(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        FineTune(**{"model": "m", "tasks": ("sst2",), **fields}).check()


def test_a_real_task_is_learnt_from_and_asked(checkpoint: str, shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "eval_tasks" / "olmo_extra" / "glue_sst2.jsonl.zst"
    lines = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read().splitlines(keepends=True)
    (tmp_path / "glue_sst2.jsonl").write_bytes(b"".join(lines[:120]))
    step = FineTune(model=checkpoint, tasks=("sst2",), task_files=(str(tmp_path),), epochs=1)
    done = materialize(step, tmp_path / "store")
    assert len(rows_of(done)) == 120
    assert 0.35 < report_of(done)["metrics"]["fine_tuned/sst2/accuracy"] < 0.65
    assert 0.5 <= report_of(done)["majority"]["fine_tuned/sst2/accuracy"] < 0.6
    assert "do not compare to published ones" in report_of(done)["notes"][0]
