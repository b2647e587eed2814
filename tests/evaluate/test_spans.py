from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.evaluate.requests import Encoding, Prompt, Request
from winnow.evaluate.spans import prompt_tokens, spans

START, END = 1000, 1001


@dataclass
class Pairs:
    """A tokenizer that joins two equal letters into one token; its texts open with nothing unless told so."""

    context: int = 8
    opening: tuple[int, ...] = ()
    start: int = START
    encoded: list[str] = field(default_factory=list)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        self.encoded += texts
        return [pairs(text) for text in texts]

    def encode_continuations(self, texts: Sequence[str]) -> list[list[int]]:
        return self.encode(texts)


def pairs(text: str) -> list[int]:
    tokens: list[int] = []
    for letter in text:
        if tokens and tokens[-1] == ord(letter):
            tokens[-1] = 2 * ord(letter)
        else:
            tokens.append(ord(letter))
    return tokens


def only(request: Request, network: Any) -> tuple[list[int], int]:
    (span,) = spans([request], network)
    return span.tokens.tolist(), span.asked


def letters(text: str) -> list[int]:
    return [ord(letter) for letter in text]


def test_apart_the_continuation_is_encoded_by_itself() -> None:
    assert only(Request("ab", "bc", "apart"), Pairs()) == (letters("abbc"), 2)


def test_jointly_the_continuation_is_what_follows_the_tokens_of_the_context() -> None:
    assert only(Request("ab", "ca", "joint"), Pairs()) == (letters("abca"), 2)
    assert only(Request("ab", "bca", "joint"), Pairs()) == (letters("abca"), 2)
    assert only(Request("ab", "bca", "apart"), Pairs()) == (letters("abbca"), 3)


def test_jointly_spaces_that_end_the_context_belong_to_the_continuation() -> None:
    assert only(Request("ab ", "c", "joint"), Pairs()) == (letters("ab c"), 2)
    assert only(Request("ab ", "c", "apart"), Pairs()) == (letters("ab c"), 1)


@pytest.mark.parametrize("encoding", ["joint", "apart"])
def test_an_empty_context_is_the_start(encoding: Encoding) -> None:
    assert only(Request("", "ab", encoding), Pairs()) == ([START, *letters("ab")], 2)


@pytest.mark.parametrize("encoding", ["joint", "apart"])
def test_a_context_opens_as_the_tokenizer_has_it(encoding: Encoding) -> None:
    assert only(Request("a", "b", encoding), Pairs(opening=(5,))) == ([5, *letters("ab")], 1)
    assert only(Request("", "b", encoding), Pairs(opening=(5,))) == ([5, *letters("b")], 1)


def test_apart_context_and_continuation_keep_as_many_tokens_as_the_model_sees() -> None:
    assert only(Request("abcdefgh", "xyz", "apart"), Pairs()) == (letters("defghxyz"), 3)


def test_jointly_one_more_is_kept_because_the_last_token_is_never_read() -> None:
    assert only(Request("abcdefgh", "xyz", "joint"), Pairs()) == (letters("cdefghxyz"), 3)


@given(st.text("abcdef", max_size=6), st.text("abcdef", min_size=1, max_size=60), st.sampled_from(["joint", "apart"]))
def test_a_long_continuation_is_predicted_once_token_by_token(context: str, text: str, encoding: Encoding) -> None:
    network: Any = Pairs(context=4)
    found = list(spans([Request(context, text, encoding)], network))
    predicted = [token for span in found for token in span.tokens[len(span.tokens) - span.asked :].tolist()]
    whole = pairs(context + text)
    assert predicted == (whole[len(pairs(context)) :] if encoding == "joint" else pairs(text))
    assert all(len(span.read) <= 4 for span in found)
    assert all(len(span.read) == 4 for span in found[1:])


def test_windows_are_those_of_lm_evaluation_harness() -> None:
    network: Any = Pairs(context=4)
    found = [(span.tokens.tolist(), span.asked) for span in spans([Request("", "0123456789", "joint")], network)]
    digits = letters("0123456789")
    assert found == [([START, *digits[:4]], 4), (digits[3:8], 4), (digits[5:10], 2)]


def test_each_text_is_encoded_once() -> None:
    network: Any = Pairs()
    list(spans([Request("ab", " x", "apart"), Request("ab", " y", "apart"), Request("cd", " x", "apart")], network))
    assert sorted(network.encoded) == [" x", " y", "ab", "cd"]


def test_prompts_leave_room_for_what_follows() -> None:
    network: Any = Pairs()
    assert prompt_tokens([Prompt("abcdefgh", 3), Prompt("ab", 3), Prompt("", 3)], network) == [
        letters("defgh"),
        letters("ab"),
        [START],
    ]
    assert prompt_tokens([Prompt("abcdefgh", 100)], network) == [letters("h")]
