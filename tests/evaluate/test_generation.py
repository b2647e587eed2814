from __future__ import annotations

import random
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from networks import opened, save_tiny, words

from winnow.evaluate import engine_reference
from winnow.evaluate.engine import Engine
from winnow.evaluate.generation import before_stop
from winnow.evaluate.hugging_face import HuggingFaceNetwork
from winnow.evaluate.requests import Prompt


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> HuggingFaceNetwork:
    return opened(save_tiny(tmp_path_factory.mktemp("models") / "gpt2", "gpt2", context=100))


def random_prompts(seed: int) -> list[Prompt]:
    draw = random.Random(seed)
    lengths = [draw.choice([0, 1, 5, 6, 30]) for _ in range(20)]
    return [
        Prompt(words(draw, length), draw.randrange(1, 25), draw.choice([(), ("e", "zz"), ("\n",)]))
        for length in lengths
    ]


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("seed", range(2))
def test_texts_are_those_of_one_prompt_at_a_time(network: HuggingFaceNetwork, seed: int, cached: bool) -> None:
    network.cached = cached
    prompts = random_prompts(seed)
    try:
        assert Engine(network).generate(prompts) == [engine_reference.generate(prompt, network) for prompt in prompts]
    finally:
        network.cached = True


def test_generation_ends_at_the_end_of_text(network: HuggingFaceNetwork) -> None:
    states, _ = network.read(torch.tensor(network.encode(["dogs were"])), None)
    first = int(network.logits(states[0, -1:]).argmax())
    end, network.end_of_text = network.end_of_text, first
    try:
        assert Engine(network).generate([Prompt("dogs were", 12)]) == [""]
    finally:
        network.end_of_text = end


def test_no_more_is_generated_than_asked_for_and_than_fits(
    network: HuggingFaceNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    num_read = 0
    read = network.read

    def counted(tokens: torch.Tensor, past: Any) -> Any:
        nonlocal num_read
        num_read += tokens.numel()
        return read(tokens, past)

    monkeypatch.setattr(network, "read", counted)
    Engine(network).generate([Prompt("dogs were", 5)])
    assert num_read == len("dogs were") + 4
    assert Engine(network).generate([Prompt("dogs were", 0)]) == [""]
    num_read = 0
    Engine(network).generate([Prompt("dogs were", 10**6)])
    assert num_read == network.context


def test_text_ends_before_the_first_of_the_stops() -> None:
    assert before_stop("one two three", ("three", "two")) == ("one ", True)
    assert before_stop("one two three", ("four", "")) == ("one two three", False)


def test_the_order_of_prompts_does_not_matter(network: HuggingFaceNetwork) -> None:
    prompts = random_prompts(5)
    assert Engine(network).generate(prompts[::-1])[::-1] == Engine(network).generate(prompts)
