"""Questions: how probabilities of tokens become numbers, by closed forms."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.core.errors import RecipeError
from winnow.measure.llm_questions import (
    ASK_LLM_PROMPT,
    CRITERIA_PROMPT,
    EDUCATION_PROMPT,
    Answer,
    Rubric,
    YesNo,
    around_document,
    option_in,
    option_of,
    sum_logprobs,
)


@pytest.mark.parametrize("prompt", [ASK_LLM_PROMPT, CRITERIA_PROMPT, EDUCATION_PROMPT])
def test_the_shipped_prompts_hold_the_document_once(prompt: str) -> None:
    before, after = around_document(prompt)
    assert before and after and before + "{document}" + after == prompt


@pytest.mark.parametrize("prompt", ["Is it good?", "{document} or {document}"])
def test_a_prompt_that_does_not_hold_the_document_once_is_refused(prompt: str) -> None:
    with pytest.raises(RecipeError, match=r"must hold it once"):
        around_document(prompt)


@pytest.mark.parametrize("token", ["yes", "Yes", "YES", " yes", "▁Yes", "Ġyes", "\nYES", "yes\n"])
def test_every_spelling_of_an_option_is_that_option(token: str) -> None:
    assert option_of(token, YesNo.options) == "yes"


@pytest.mark.parametrize("token", ["", " ", "yesterday", "ye", "y", "not", "oui"])
def test_a_token_that_only_resembles_an_option_is_none(token: str) -> None:
    assert option_of(token, YesNo.options) is None


@pytest.mark.parametrize(
    ("text", "option"),
    [("Yes.", "yes"), (" **No**, it", "no"), ("Answer: yes", "yes"), ("_yes_", "yes"), ("Yesterday", None), ("", None)],
)
def test_an_answer_in_words_is_what_it_begins_with(text: str, option: str | None) -> None:
    assert option_in(text, YesNo.options) == option


@pytest.mark.parametrize(
    ("text", "option"), [("4", "4"), ("Score: 3/5", "3"), ("**5**", "5"), ("12", None), ("7", None), ("It is 4", None)]
)
def test_a_rating_in_words_is_the_digit_it_begins_with(text: str, option: str | None) -> None:
    assert option_in(text, Rubric.options) == option


def test_spellings_add_up() -> None:
    listed = [("Yes", math.log(0.5)), (" yes", math.log(0.2)), ("No", math.log(0.1)), ("maybe", math.log(0.2))]
    summed = sum_logprobs(listed, YesNo.options)
    assert {option: math.exp(logprob) for option, logprob in summed.items()} == pytest.approx({"yes": 0.7, "no": 0.1})


def test_log_odds_do_not_saturate() -> None:
    yes, no, odds = YesNo().values(Answer(logprobs={"yes": -1e-30, "no": -80.0}))
    assert yes == 1.0
    assert (no, odds) == pytest.approx((math.exp(-80), 80))


def test_an_option_that_was_not_listed_counts_as_much_as_it_can() -> None:
    yes, no, odds = YesNo().values(Answer(logprobs={"yes": math.log(0.9)}, most=math.log(0.01)))
    assert (yes, no, odds) == pytest.approx((0.9, 0.01, math.log(90)))


def test_an_answer_in_words_has_no_log_odds() -> None:
    assert YesNo().values(Answer(logprobs={"yes": 0.0})) == (1.0, 0.0, None)
    assert YesNo().values(Answer(logprobs={"no": 0.0})) == (0.0, 1.0, None)


def test_a_rating_is_the_mean_of_the_digits_by_their_probabilities() -> None:
    shares = {"0": 0.1, "2": 0.3, "5": 0.2}
    answer = Answer(logprobs={digit: math.log(share) for digit, share in shares.items()})
    assert Rubric().values(answer) == pytest.approx(((0.3 * 2 + 0.2 * 5) / 0.6,))
    assert Rubric().values(Answer(logprobs={"4": 0.0})) == (4.0,)


@given(st.dictionaries(st.sampled_from(Rubric.options), st.floats(-1000, 0), min_size=1))
def test_a_rating_lies_between_the_lowest_and_the_highest_digit_that_was_listed(logprobs: dict[str, float]) -> None:
    (score,) = Rubric().values(Answer(logprobs=logprobs))
    digits = [int(digit) for digit in logprobs]
    assert score is not None
    assert min(digits) - 1e-9 <= score <= max(digits) + 1e-9
