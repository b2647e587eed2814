from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch")

import torch
from networks import save_tiny, save_trained
from toys import Given

from winnow.core.errors import InputError, RecipeError
from winnow.core.run import fresh, materialize
from winnow.core.step import Whole
from winnow.core.table import Store
from winnow.evaluate import evaluate
from winnow.evaluate.evaluate import Evaluate
from winnow.evaluate.models import open_model
from winnow.evaluate.prompts import build_items
from winnow.evaluate.task_files import TaskFiles
from winnow.evaluate.tasks import all_tasks
from winnow.lm.heldout import heldout_bits
from winnow.lm.mix import Mix
from winnow.lm.stream import TokenStream
from winnow.lm.tokenize import Tokenize
from winnow.lm.trained import open_trained

TASKS = ("copa", "bigbench_repeat_copy_logic", "svamp_cot")
TEXTS = ("the cat sat on a mat", "dogs were there but nobody saw them", "a" * 300)


@pytest.fixture(scope="module")
def task_files(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("tasks")
    choices = [{"query": f"the cat {n}", "choices": [f"sat {n}", "ran home"], "gold": n % 2} for n in range(100)]
    copies = [{"context": f"say cat {n}", "continuation": f"cat {n}"} for n in range(32)]
    sums = [{"context": f"{n} and 1", "answer": str(n + 1), "chain_of_thought": "so"} for n in range(300)]
    write_rows(root / "commonsense_reasoning" / "copa.jsonl", choices)
    write_rows(root / "symbolic_problem_solving" / "bigbench_repeat_copy_logic.jsonl", copies)
    write_rows(root / "symbolic_problem_solving" / "svamp.jsonl", sums)
    return str(root)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_trained(tmp_path_factory.mktemp("models") / "ours"))


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")


def heldout_mix(name: str = "set") -> Mix:
    documents = Given(shards=(tuple((f"{name}-{row}", text) for row, text in enumerate(TEXTS)),))
    return Mix(sources=((name, Tokenize(documents=documents, tokenizer="bytes")),))


def rows_of(directory: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(directory / "files" / "items.parquet").to_pylist()
    return rows


def summary_of(directory: Path) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((directory / "files" / "report.json").read_text())
    return summary


@pytest.fixture(scope="module")
def step(checkpoint: str, task_files: str) -> Evaluate:
    return Evaluate(
        model=checkpoint,
        tasks=(*TASKS, "piqa"),
        task_files=(task_files,),
        heldout=(("given", heldout_mix()),),
        max_items=5,
    )


@pytest.fixture(scope="module")
def done(step: Evaluate, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return materialize(step, tmp_path_factory.mktemp("store"))


def test_every_metric_is_the_sum_of_its_items_numerators_over_their_denominators(done: Path) -> None:
    metrics = summary_of(done)["metrics"]
    for name in (*(f"{task}/accuracy" for task in TASKS), "copa/bits_per_byte", "heldout/given/bits_per_byte"):
        task, metric = name.rsplit("/", 1)
        rows = [row for row in rows_of(done) if (row["task"], row["metric"]) == (task, metric)]
        assert metrics[name] == sum(row["numerator"] for row in rows) / sum(row["denominator"] for row in rows)


def test_items_are_what_the_model_says_of_them(done: Path, checkpoint: str, task_files: str) -> None:
    found = TaskFiles([task_files]).find(all_tasks()["copa"])
    assert found
    model = open_model(checkpoint)
    rows = [row for row in rows_of(done) if (row["task"], row["metric"]) == ("copa", "accuracy")]
    items = list(build_items(found.task, found.rows(), file=found.name.path, max_items=5))
    for row, item in zip(rows, items, strict=True):
        assert row["item"] == item.source.item
        assert row["nats"] == pytest.approx([answer.nats for answer in model.answer(item.requests)], abs=1e-4)
        assert row["num_tokens"] == [len(request.continuation) for request in item.requests]


def test_the_manifest_counts_tasks_and_items(done: Path, step: Evaluate) -> None:
    assert Store(done.parent).table(step).manifest.counts == {"num_items": 3 * 5 + len(TEXTS), "num_tasks": 3}


def test_tasks_without_a_file_are_missing(done: Path) -> None:
    summary = summary_of(done)
    assert sorted(summary["tasks"]) == sorted(TASKS)
    assert summary["missing"] == ["piqa"]


def test_held_out_sets_have_the_bits_that_training_measures(done: Path, step: Evaluate, checkpoint: str) -> None:
    stream = TokenStream.open(step.heldout[0][1], Store(done.parent))
    bits, num_bytes = heldout_bits(open_trained(checkpoint).model, stream)
    rows = [row for row in rows_of(done) if row["task"] == "heldout/given"]
    assert [row["numerator"] for row in rows] == pytest.approx(bits.tolist())
    assert [row["denominator"] for row in rows] == num_bytes.tolist()
    assert {row["item"] for row in rows} == {"set-0", "set-1", "set-2"}


def test_an_interrupted_evaluation_goes_on_at_the_task(
    step: Evaluate, done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    whole = evaluate.evaluate_items

    def interrupted(items: Any, model: Any) -> Any:
        asked.append(items[0].source.task)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return whole(items, model)

    monkeypatch.setattr(evaluate, "evaluate_items", interrupted)
    with pytest.raises(KeyboardInterrupt):
        materialize(step, tmp_path)
    again = materialize(step, tmp_path)
    assert len(asked) == 4
    assert asked[1] == asked[2]
    assert len(set(asked)) == 3
    assert rows_of(again) == rows_of(done)
    assert (again / "files" / "items.parquet").read_bytes() == (done / "files" / "items.parquet").read_bytes()
    assert not (again / "parts").exists()


def test_a_task_file_that_changes_is_evaluated_again(checkpoint: str, tmp_path: Path) -> None:
    file = tmp_path / "tasks" / "copa.jsonl"
    rows: list[dict[str, Any]] = [{"query": f"the {n}", "choices": ["a", "b"], "gold": 0} for n in range(100)]
    write_rows(file, rows)
    step = Evaluate(model=checkpoint, tasks=("copa",), task_files=(str(tmp_path / "tasks"),), max_items=2)
    materialize(step, tmp_path / "store")
    assert fresh(step, Store(tmp_path / "store"))
    rows[0]["gold"] = 1
    write_rows(file, rows)
    assert not fresh(step, Store(tmp_path / "store"))


def test_the_seed_draws_the_items(checkpoint: str, task_files: str, tmp_path: Path) -> None:
    def items(seed: int) -> list[str]:
        step = Evaluate(model=checkpoint, tasks=("copa",), task_files=(task_files,), max_items=4, seed=seed)
        return [row["item"] for row in rows_of(materialize(step, tmp_path)) if row["metric"] == "accuracy"]

    assert len(items(0)) == len(items(1)) == 4
    assert items(0) != items(1)


def test_a_hugging_face_model_is_evaluated_by_the_same_step(task_files: str, tmp_path: Path) -> None:
    model = str(save_tiny(tmp_path / "gpt2", "gpt2"))
    step = Evaluate(
        model=model, tasks=("copa",), task_files=(task_files,), heldout=(("given", heldout_mix()),), max_items=3
    )
    done = materialize(step, tmp_path / "store")
    network = open_model(model).network
    stream = TokenStream.open(step.heldout[0][1], Store(tmp_path / "store"))
    first = stream.slice(0, int(stream.documents()[0][1])).tolist()
    with torch.inference_mode():
        states, _ = network.read(torch.tensor([[256, *first[:-1]]]), None)
        bits = -network.logits(states[0]).log_softmax(-1)[range(len(first)), first].sum() / math.log(2)
    rows = [row for row in rows_of(done) if row["task"] == "heldout/given"]
    assert rows[0]["numerator"] == pytest.approx(float(bits), rel=1e-4)


@dataclass(frozen=True, kw_only=True)
class Checkpoint(Whole):
    """A step that makes a model."""

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        save_trained(directory / "made")
        for file in (directory / "made").iterdir():
            file.rename(directory / file.name)
        (directory / "made").rmdir()
        return {}


def test_the_model_of_a_step_is_made_first(task_files: str, tmp_path: Path) -> None:
    step = Evaluate(model=Checkpoint(), tasks=("copa",), task_files=(task_files,), max_items=2)
    assert summary_of(materialize(step, tmp_path))["tasks"] == ["copa"]


def test_tokens_of_another_tokenizer_are_refused(tmp_path: Path, shared_data: Path) -> None:
    tokenizer = shared_data / "tokenizers" / "gpt-neox-olmo-dolma-v1_5.json.zst"
    model = str(save_tiny(tmp_path / "gpt2", "gpt2", tokenizer=tokenizer))
    step = Evaluate(model=model, tasks=(), heldout=(("given", heldout_mix()),))
    with pytest.raises(InputError, match="the held-out set given has the tokens of another tokenizer"):
        materialize(step, tmp_path / "store")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tasks": ()}, "nothing to evaluate"),
        ({"tasks": ("copaa",)}, "did you mean"),
        ({"tasks": ("copa",), "task_files": ()}, "no directory of task files is given"),
        ({"max_items": 0}, "max_items is 0; it must be at least 1"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_runs(fields: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"model": "m", "tasks": ("copa",), "task_files": ("t",), **fields}
    with pytest.raises(RecipeError, match=message):
        Evaluate(**given).check()


def test_directories_without_any_file_of_the_tasks_are_refused(
    checkpoint: str, task_files: str, tmp_path: Path
) -> None:
    step = Evaluate(model=checkpoint, tasks=("piqa",), task_files=(task_files,))
    with pytest.raises(InputError, match="none of the files of piqa is under"):
        materialize(step, tmp_path)
