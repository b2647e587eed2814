from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from networks import opened, random_requests, save_tiny

from winnow.core.errors import InputError
from winnow.evaluate import engine_reference
from winnow.evaluate.engine import Engine
from winnow.evaluate.hugging_face import HuggingFaceNetwork
from winnow.evaluate.prefixes import Size
from winnow.evaluate.requests import Request

SIZES = [
    Size(tokens=1, cells=1, pass_cost=1),
    Size(tokens=150, cells=10**6, pass_cost=8),
    Size(tokens=10**6, cells=10**6, pass_cost=1),
]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> HuggingFaceNetwork:
    return opened(save_tiny(tmp_path_factory.mktemp("models") / "gpt2"))


class Counting:
    """A network that counts what it reads."""

    def __init__(self, inner: HuggingFaceNetwork) -> None:
        self.inner = inner
        self.num_read = self.num_predicted = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def read(self, tokens: torch.Tensor, past: Any) -> tuple[torch.Tensor, Any]:
        self.num_read += tokens.numel()
        return self.inner.read(tokens, past)

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        self.num_predicted += len(states)
        return self.inner.logits(states)


@pytest.fixture
def counting(network: HuggingFaceNetwork) -> Iterator[Any]:
    yield Counting(network)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", range(3))
def test_answers_are_those_of_one_request_at_a_time(network: HuggingFaceNetwork, size: Size, seed: int) -> None:
    requests = random_requests(seed)
    for found, request in zip(Engine(network, size).answer(requests), requests, strict=True):
        expected = engine_reference.answer(request, network)
        assert found.nats == pytest.approx(expected.nats, abs=1e-4)
        assert (found.num_tokens, found.greedy) == (expected.num_tokens, expected.greedy)


def test_answers_come_in_the_order_of_the_requests_whatever_stands_beside_them(network: HuggingFaceNetwork) -> None:
    requests = random_requests(7)
    together = Engine(network).answer(requests)
    backwards = Engine(network).answer(requests[::-1])[::-1]
    assert [answer.nats for answer in together] == pytest.approx([answer.nats for answer in backwards], abs=1e-4)


def test_the_context_of_options_is_read_once(counting: Any) -> None:
    Engine(counting).answer([Request("t" * 60, f" {option}x") for option in "abcd"])
    assert counting.num_read == 61 + 4 * 1


def test_a_state_goes_through_the_head_once_and_only_where_something_is_asked(counting: Any) -> None:
    Engine(counting).answer([Request("t" * 60, option) for option in "abcd"])
    assert (counting.num_read, counting.num_predicted) == (60, 1)


def test_of_equals_the_lowest_token_is_the_most_probable(network: HuggingFaceNetwork) -> None:
    class Tied(Counting):
        def logits(self, states: torch.Tensor) -> torch.Tensor:
            return torch.zeros(len(states), 260)

    engine = Engine(Tied(network))
    answers = engine.answer([Request("a", "\x00"), Request("a", "b")])
    assert [answer.greedy for answer in answers] == [True, False]
    assert answers[0].nats == pytest.approx(torch.log(torch.tensor(260.0)).item())


def test_a_batch_that_does_not_fit_is_halved(network: HuggingFaceNetwork) -> None:
    class Small(Counting):
        def read(self, tokens: torch.Tensor, past: Any) -> tuple[torch.Tensor, Any]:
            if len(tokens) > 2:
                raise torch.OutOfMemoryError
            return super().read(tokens, past)

    requests = random_requests(3)
    found = Engine(Small(network)).answer(requests)
    assert [one.nats for one in found] == pytest.approx(
        [one.nats for one in Engine(network).answer(requests)], abs=1e-4
    )


def test_the_whole_of_a_text_is_a_request_with_an_empty_context(network: HuggingFaceNetwork) -> None:
    text = "the cat sat on a mat and " * 20
    (answer,) = Engine(network).answer([Request("", text, "joint")])
    assert answer.num_tokens == len(text)
    assert answer.nats == pytest.approx(engine_reference.answer(Request("", text, "joint"), network).nats, abs=1e-3)


def test_a_continuation_without_tokens_is_refused(network: HuggingFaceNetwork) -> None:
    with pytest.raises(InputError, match="has no token of its own after the context that ends in 'the mat'"):
        Engine(network).answer([Request("the mat", "")])


def test_nothing_asked_nothing_answered(network: HuggingFaceNetwork) -> None:
    assert Engine(network).answer([]) == []
