from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
from networks import random_requests, save_tiny, save_trained

from winnow.core.errors import RecipeError
from winnow.evaluate import engine_reference
from winnow.evaluate.engine import Engine
from winnow.evaluate.local import LocalNetwork
from winnow.evaluate.models import is_trained, open_model, ready_model
from winnow.evaluate.prefixes import Size
from winnow.evaluate.requests import Prompt, Request

SIZES = [Size(1, 1, 1), Size(150, 10**6, 8), Size(10**6, 10**6, 1)]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_trained(tmp_path_factory.mktemp("models") / "ours")


@pytest.mark.parametrize("size", SIZES)
def test_answers_are_those_of_one_request_at_a_time(checkpoint: Path, size: Size) -> None:
    network = open_model(str(checkpoint)).network
    requests = random_requests(4)
    for found, request in zip(Engine(network, size).answer(requests), requests, strict=True):
        expected = engine_reference.answer(request, network)
        assert found.nats == pytest.approx(expected.nats, abs=1e-4)
        assert (found.num_tokens, found.greedy) == (expected.num_tokens, expected.greedy)


def test_texts_are_those_of_one_prompt_at_a_time(checkpoint: Path) -> None:
    engine = open_model(str(checkpoint))
    prompts = [Prompt(text, 9, ("e",)) for text in ("", "the cat", "the dog", "dogs were there but nobody saw")]
    assert engine.generate(prompts) == [engine_reference.generate(prompt, engine.network) for prompt in prompts]


def test_nats_are_those_of_the_model_itself(checkpoint: Path) -> None:
    engine = open_model(str(checkpoint))
    assert isinstance(engine.network, LocalNetwork)
    ids = engine.network.encode(["the cat sat"])[0]
    tokens = torch.tensor([[256, *ids]])
    (answer,) = engine.answer([Request("", "the cat sat", "joint")])
    assert answer.nats == pytest.approx(float(engine.network.model.nats(tokens[:, :-1], tokens[:, 1:]).sum()), abs=1e-4)


def test_fewer_tokens_than_the_model_sees_may_be_asked_for(checkpoint: Path) -> None:
    assert open_model(str(checkpoint)).context == 128
    assert open_model(str(checkpoint), 50).context == 50


def test_a_path_says_whose_model_it_is(checkpoint: Path, tmp_path: Path) -> None:
    assert is_trained(str(checkpoint))
    assert not is_trained(str(save_tiny(tmp_path / "gpt2")))
    with pytest.raises(RecipeError, match="there is no directory"):
        open_model(str(tmp_path / "nothing"))


def test_a_model_is_ready_for_one_thread_if_it_is_small(checkpoint: Path) -> None:
    torch.set_num_threads(2)
    try:
        with ready_model(str(checkpoint)):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
