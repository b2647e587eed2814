"""Item by item, what lm-evaluation-harness says of a model is what we say."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("lm_eval", exc_type=ImportError)

from datasets import Dataset
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.evaluator import evaluate
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from networks import random_requests, save_tiny, save_trained

from winnow.core.errors import RecipeError
from winnow.evaluate.engine import Engine
from winnow.evaluate.harness import HarnessModel
from winnow.evaluate.models import open_model
from winnow.evaluate.prompts import build_items
from winnow.evaluate.requests import LanguageModel
from winnow.evaluate.shapes import ACCURACY, Choice, Continuation, Item
from winnow.evaluate.task_files import TaskFiles
from winnow.evaluate.tasks import Normalization, all_tasks
from winnow.lm.hf_export import write_hugging_face
from winnow.lm.trained import open_trained

TASKS = ["arc_easy", "arc_challenge", "piqa", "hellaswag_zeroshot", "lambada_openai", "winogrande"]


@dataclass(frozen=True)
class Pair:
    """A model as we open it, and the same model as the harness does."""

    ours: Engine
    peer: LM


@pytest.fixture(scope="module", params=["hugging_face", "checkpoint"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Pair:
    """A random model over GPT-NeoX's tokens: one of transformers, and one of ours beside its export."""
    root = tmp_path_factory.mktemp("models")
    tokenizer = shared_data / "tokenizers" / "gpt-neox-olmo-dolma-v1_5.json.zst"
    if request.param == "hugging_face":
        theirs = ours = save_tiny(root / "gpt2", "gpt2", context=1024, tokenizer=tokenizer)
    else:
        ours, theirs = save_trained(root / "ours", context=1024, tokenizer=tokenizer), root / "exported"
        theirs.mkdir()
        write_hugging_face(open_trained(ours), theirs)
    return Pair(open_model(str(ours)), HFLM(pretrained=str(theirs), device="cpu", batch_size=4))


def items_of(task: str, files: TaskFiles, count: int) -> list[Item]:
    found = files.find(all_tasks()[task])
    assert found
    return list(build_items(found.task, found.rows(), file=found.name.path, max_items=count))


def harness_task(name: str, items: Sequence[Item]) -> dict[str, Any]:
    """A task of the harness that asks what the items ask, configured as its own tasks of that shape are."""
    rows = [_row(item) for item in items]
    config: dict[str, Any] = {"task": name, "test_split": "test", "target_delimiter": "", "metric_list": METRICS}
    if "continuations" in rows[0]:
        shape = {"output_type": "multiple_choice", "doc_to_text": _get("context"), "doc_to_target": _get("gold")}
        shape["doc_to_choice"] = _get("continuations")
    elif "contexts" in rows[0]:
        shape = {"output_type": "multiple_choice", "doc_to_text": _get("gold"), "doc_to_target": _get("continuation")}
        shape["doc_to_choice"] = _get("contexts")
    else:
        shape = {"output_type": "loglikelihood", "doc_to_text": _get("context"), "doc_to_target": _get("continuation")}
        config["metric_list"] = METRICS[:1]
    return {**config, **shape, "custom_dataset": lambda **_: {"test": Dataset.from_list(rows)}}


METRICS = [{"metric": "acc"}, {"metric": "acc_norm"}]


def _get(field: str) -> Any:
    return lambda row: row[field]


def _row(item: Item) -> Mapping[str, Any]:
    requests = item.requests
    if isinstance(item, Continuation):
        return {"context": requests[0].context, "continuation": requests[0].continuation}
    assert isinstance(item, Choice)
    contexts, continuations = [[getattr(one, name) for one in requests] for name in ("context", "continuation")]
    if len(set(contexts)) > 1:
        return {"contexts": contexts, "continuation": continuations[0], "gold": item.gold}
    return {"context": contexts[0], "continuations": continuations, "gold": item.gold}


def samples(model: LM, name: str, items: Sequence[Item]) -> list[dict[str, Any]]:
    """What the harness says of each item."""
    found = evaluate(model, TaskManager(include_defaults=False).load([harness_task(name, items)]), bootstrap_iters=0)
    assert found
    return sorted(found["samples"][name], key=lambda sample: int(sample["doc_id"]))


def accuracy(item: Item, model: LanguageModel, normalization: Normalization) -> float:
    if isinstance(item, Choice):
        item = dataclasses.replace(item, normalization=normalization)
    scores = item.scores(model.answer(item.requests), [])
    (score,) = [score for score in scores if score.metric == ACCURACY]
    return score.numerator


@pytest.mark.parametrize("name", TASKS)
def test_every_item_has_the_likelihoods_and_the_accuracy_that_the_harness_finds(
    name: str, pair: Pair, shared_data: Path
) -> None:
    items = items_of(name, TaskFiles([str(shared_data / "eval_tasks")]), 6)
    for item, sample in zip(items, samples(pair.peer, name, items), strict=True):
        likelihoods = [response for ((response),) in sample["resps"]]
        answers = pair.ours.answer(item.requests)
        assert [-answer.nats for answer in answers] == pytest.approx([one for one, _ in likelihoods], abs=1e-3)
        assert [answer.greedy for answer in answers] == [greedy for _, greedy in likelihoods]
        assert accuracy(item, pair.ours, "none") == sample["acc"]
        if "acc_norm" in sample and name != "winogrande":
            assert accuracy(item, pair.ours, "characters") == sample["acc_norm"]


def test_the_adapter_gives_the_harness_what_its_own_model_gives(pair: Pair) -> None:
    adapter = HarnessModel(pair.ours)
    pairs = [(request.context, request.continuation) for request in random_requests(2)]
    for (found, greedy), (expected, most) in zip(
        adapter.loglikelihood(instances("loglikelihood", pairs)),
        pair.peer.loglikelihood(instances("loglikelihood", pairs)),
        strict=True,
    ):
        assert found == pytest.approx(expected, abs=1e-3)
        assert greedy == most


def test_the_adapter_reads_whole_texts_as_the_harness_does(pair: Pair) -> None:
    texts = [("the cat sat on a mat and " * count,) for count in (1, 50, 200)]
    found = HarnessModel(pair.ours).loglikelihood_rolling(instances("loglikelihood_rolling", texts))
    assert found == pytest.approx(pair.peer.loglikelihood_rolling(instances("loglikelihood_rolling", texts)), rel=1e-5)


def test_the_adapter_generates_what_the_harness_does(pair: Pair) -> None:
    options = {"until": ["e"], "max_gen_toks": 12}
    prompts = [(context, options) for context in ("the cat", "dogs were there but nobody", "a mat")]
    found = HarnessModel(pair.ours).generate_until(instances("generate_until", prompts))
    assert found == pair.peer.generate_until(instances("generate_until", prompts))


def test_the_adapter_refuses_to_sample(pair: Pair) -> None:
    with pytest.raises(RecipeError, match="models here generate greedily"):
        HarnessModel(pair.ours).generate_until(instances("generate_until", [("the cat", {"do_sample": True})]))


def test_the_harness_evaluates_a_model_by_the_adapter(pair: Pair, shared_data: Path) -> None:
    items = items_of("piqa", TaskFiles([str(shared_data / "eval_tasks")]), 4)
    found, expected = (samples(model, "piqa", items) for model in (HarnessModel(pair.ours), pair.peer))
    assert [one["acc"] for one in found] == [one["acc"] for one in expected]


def instances(kind: Any, arguments: Sequence[tuple[Any, ...]]) -> list[Instance]:
    return [Instance(request_type=kind, doc={}, arguments=one, idx=0) for one in arguments]
