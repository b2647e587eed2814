from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from networks import opened, random_requests, save_tiny

from winnow.core.errors import InputError, RecipeError
from winnow.evaluate import engine_reference
from winnow.evaluate.engine import Engine
from winnow.evaluate.hugging_face import HuggingFaceNetwork
from winnow.evaluate.prefixes import Size
from winnow.evaluate.requests import Prompt

KINDS: dict[str, dict[str, Any]] = {
    "gpt2": {},
    "gpt_neox": {},
    "stablelm": {},
    "bloom": {},  # positions by attention biases
    "mistral": {"sliding_window": 16},
    "gemma2": {"sliding_window": 16},  # logits that are more than a head's
    "mamba": {},  # no keys and values
}


@pytest.mark.parametrize("kind", KINDS)
def test_models_of_every_kind_answer_as_one_request_at_a_time(kind: str, tmp_path: Path) -> None:
    network = opened(save_tiny(tmp_path / kind, kind, **KINDS[kind]))
    requests = random_requests(1)
    for found, request in zip(Engine(network, Size(300, 10**6, 8)).answer(requests), requests, strict=True):
        expected = engine_reference.answer(request, network)
        assert found.nats == pytest.approx(expected.nats, abs=1e-4)
        assert found.greedy == expected.greedy
    prompts = [Prompt("the cat sat", 9, ("e",)), Prompt("dogs were there but nobody saw", 6)]
    assert Engine(network).generate(prompts) == [engine_reference.generate(prompt, network) for prompt in prompts]


def test_what_a_model_can_do_is_found_out(tmp_path: Path) -> None:
    def kinds(kind: str) -> tuple[bool, bool]:
        network = opened(save_tiny(tmp_path / kind, kind))
        return network.cached, network.split

    assert kinds("gpt2") == (True, True)
    assert kinds("gemma2") == (True, False)
    assert kinds("mamba") == (False, True)


def test_the_configuration_says_how_much_a_model_sees_at_once(tmp_path: Path) -> None:
    assert opened(save_tiny(tmp_path / "gpt2", "gpt2", context=77)).context == 77
    assert opened(save_tiny(tmp_path / "stablelm", "stablelm", context=100_000)).context == 2048


@pytest.mark.parametrize("kind", ["bert", "t5"])
def test_what_is_no_causal_model_is_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="causal language model"):
        opened(save_tiny(tmp_path / kind, kind))


def test_a_missing_directory_is_refused_before_the_hub_is_asked(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="there is no directory"):
        opened(tmp_path / "none")


def test_a_directory_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be opened as a causal language model"):
        opened(tmp_path)


def test_a_tokenizer_that_opens_texts_opens_contexts(tmp_path: Path) -> None:
    network = opened(save_tiny(tmp_path / "gpt2", "gpt2"))
    assert network.opening == ()

    class Opening:
        def __getattr__(self, name: str) -> Any:
            return getattr(network.tokenizer, name)

        def __call__(self, text: str | list[str], *, add_special_tokens: bool = True, **options: Any) -> dict[str, Any]:
            found: dict[str, Any] = network.tokenizer(text, **options)
            if add_special_tokens:
                found["input_ids"] = [256, *found["input_ids"], 256]
            return found

    assert HuggingFaceNetwork("opening", network.model, Opening(), 2048).opening == (256,)


def test_a_space_that_the_tokenizer_puts_before_texts_is_not_put_before_continuations(tmp_path: Path) -> None:
    network = opened(save_tiny(tmp_path / "gpt2", "gpt2"))

    class Spacing:
        """As SentencePiece: every text gets a space before it."""

        def __getattr__(self, name: str) -> Any:
            return getattr(network.tokenizer, name)

        def __call__(self, text: str | list[str], **options: Any) -> dict[str, Any]:
            texts = f" {text}" if isinstance(text, str) else [f" {one}" for one in text]
            found: dict[str, Any] = network.tokenizer(texts, **options)
            return found

    spacing = HuggingFaceNetwork("spacing", network.model, Spacing(), 2048)
    assert spacing.encode_continuations([" cat"]) == network.encode([" cat"])
    assert spacing.encode([" cat"]) == network.encode(["  cat"])
    assert network.encode_continuations([" cat"]) == network.encode([" cat"])
