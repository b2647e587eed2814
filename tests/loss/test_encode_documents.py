from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from winnow.loss.encode import EMPTY, Encoded, encode_documents

tokenizers = pytest.importorskip("tokenizers")


@dataclass
class Words:
    """A network's tokenizer of the library: words of a small vocabulary, none of which stands for unknown ones."""

    calls: list[int] = field(default_factory=list)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        self.calls.append(len(texts))
        inner = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "b": 1}, unk_token="[UNK]"))
        inner.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
        return [found.ids for found in inner.encode_batch_fast(list(texts))]


@dataclass
class Letters:
    """A tokenizer that leaves out what it does not know."""

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [[ord(letter) for letter in text if letter.isascii()] for text in texts]


def encode(texts: Sequence[str | None], network: Any) -> list[Encoded]:
    return encode_documents(texts, network)


def test_documents_are_their_tokens_in_one_call() -> None:
    network = Words()
    assert encode(["a b", "b"], network) == [Encoded([0, 1]), Encoded([1])]
    assert network.calls == [2]


@pytest.mark.parametrize("place", range(5))
def test_a_text_that_the_tokenizer_fails_at_harms_no_other(place: int) -> None:
    texts = ["a", "b", "a b", "b a"]
    found = encode([*texts[:place], "a c", *texts[place:]], Words())
    assert "UNK" in (found[place].reason or "")
    assert (found[place].reason or "").startswith("not encoded: ")
    assert found[:place] + found[place + 1 :] == encode(texts, Words())


def test_characters_without_any_token_are_a_reason() -> None:
    found = encode(["é", "aé"], Letters())
    assert found[0] == Encoded([], "not encoded: the tokenizer knows none of its characters")
    assert found[1].ids == [97]


def test_an_empty_or_missing_text_is_never_encoded() -> None:
    network = Words()
    assert encode(["", "a", None], network) == [Encoded([], EMPTY), Encoded([0]), Encoded([], EMPTY)]
    assert encode(["", None], network) == [Encoded([], EMPTY)] * 2
    assert network.calls == [1]
