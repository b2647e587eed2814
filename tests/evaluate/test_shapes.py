"""Items turn answers into scores: closed cases of every shape and normalization."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.evaluate.requests import Answer, Prompt, Request
from winnow.evaluate.shapes import Choice, Continuation, Generation, Score, Source, normalized
from winnow.evaluate.tasks import Normalization

SOURCE = Source(task="toy", item="toy/7", category="birds")


def choice(continuations: list[str], gold: int, normalization: Normalization = "tokens") -> Choice:
    requests = tuple(Request("A:", continuation) for continuation in continuations)
    return Choice(source=SOURCE, choices=requests, gold=gold, normalization=normalization)


def said(nats: float, num_tokens: int = 1, greedy: bool = False) -> Answer:
    return Answer(nats=nats, num_tokens=num_tokens, greedy=greedy)


def test_the_choice_with_the_lowest_nats_per_token_is_taken() -> None:
    item = choice([" yes", " by no means"], gold=1)
    right, bits = item.scores([said(2.0, 1), said(3.0, 3)])
    assert right == Score(
        task="toy",
        metric="accuracy",
        item="toy/7",
        category="birds",
        numerator=1.0,
        denominator=1,
        prediction="1",
        gold="1",
    )
    assert bits.metric == "bits_per_byte"
    assert bits.numerator == pytest.approx(3.0 / math.log(2))
    assert bits.denominator == len(" by no means")


@pytest.mark.parametrize(
    ("normalization", "taken"), [("none", 0), ("tokens", 1), ("characters", 2)], ids=lambda value: str(value)
)
def test_normalizations_take_different_choices(normalization: Normalization, taken: int) -> None:
    item = choice([" a", " bcd", " efghijklmnop"], gold=0, normalization=normalization)
    answers = [said(2.0, 1), said(4.0, 4), said(6.0, 2)]
    assert item.scores(answers)[0].prediction == str(taken)


def test_unconditional_takes_what_the_question_makes_most_probable() -> None:
    item = choice([" common", " rare"], gold=1, normalization="unconditional")
    assert item.requests[2:] == (Request("Answer:", " common"), Request("Answer:", " rare"))
    assert item.scores([said(1.0), said(5.0), said(1.5), said(9.0)])[0].numerator == 1.0
    # The bits of the gold answer are those after the question.
    assert item.scores([said(1.0), said(5.0), said(1.5), said(9.0)])[1].numerator == pytest.approx(5.0 / math.log(2))


def test_of_equal_choices_the_first_is_taken() -> None:
    assert choice([" a", " b", " c"], gold=2).scores([said(2.0), said(1.0), said(1.0)])[0].prediction == "1"


@given(st.lists(st.tuples(st.floats(0.01, 50), st.integers(1, 9)), min_size=2, max_size=6))
def test_exactly_one_gold_makes_an_item_right(told: list[tuple[float, int]]) -> None:
    answers = [said(nats, num_tokens) for nats, num_tokens in told]
    continuations = [f" {number}" for number in range(len(told))]
    right = [choice(continuations, gold).scores(answers)[0].numerator for gold in range(len(told))]
    assert sorted(right) == [0.0] * (len(told) - 1) + [1.0]


def test_bits_per_byte_counts_utf8_bytes_with_the_leading_space() -> None:
    (_, bits) = choice([" é", " e"], gold=0).scores([said(3 * math.log(2)), said(9.0)])
    assert bits.numerator / bits.denominator == pytest.approx(1.0)


@pytest.mark.parametrize("greedy", [True, False])
def test_a_continuation_is_right_where_every_token_was_the_most_probable(greedy: bool) -> None:
    item = Continuation(source=SOURCE, request=Request("Paris is in", " France"))
    right, bits = item.scores([said(1.4, 1, greedy)])
    assert right.numerator == float(greedy)
    assert bits.gold == " France"


def generation(*accepted: str, chain_delimiter: str = "") -> Generation:
    return Generation(
        source=SOURCE,
        prompt=Prompt("Q:", 9),
        accepted=accepted,
        chain_delimiter=chain_delimiter,
        gold=Request("Q:", f" {accepted[0]}"),
    )


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (" Paris", True),
        (" paris, France", True),
        ("The PARIS of 1900\nQuestion: Who", True),
        (" La Ville Lumière.", True),
        (" in Paris", False),
        (" Pari", False),
        ("", False),
    ],
)
def test_what_is_written_is_right_where_it_begins_with_an_accepted_answer(text: str, right: bool) -> None:
    score, bits = generation("Paris", "la ville-lumière").scores([said(2.0)], [text])
    assert score.numerator == float(right)
    assert score.prediction == text
    assert bits.denominator == len(" Paris")


def test_an_accepted_answer_of_which_normalizing_leaves_nothing_accepts_everything_as_in_llm_foundry() -> None:
    assert generation("$a$").scores([said(2.0)], ["no idea"])[0].numerator == 1.0


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (" 3 + 4 = 7 #### 7", True),
        (" 3 + 4 = 7", False),
        ("7", True),
        (" 1 #### 8 #### 7", True),
        (" 7 #### 8", False),
    ],
)
def test_the_answer_stands_after_the_last_delimiter_of_the_chain_of_thought(text: str, right: bool) -> None:
    item = generation("7", chain_delimiter=" #### ")
    assert item.scores([said(2.0)], [text])[0].numerator == float(right)


@pytest.mark.parametrize(
    ("answer", "same"),
    [
        ("A  dog", "dog"),
        ("the theatre", "theatre"),
        ("O'Neill_(1888–1953)", "o neill 1888–1953"),
        ("‘Quoted’ `words´", "quoted words"),
        ("An", ""),
    ],
)
def test_answers_are_normalized_as_triviaqa_does(answer: str, same: str) -> None:
    assert normalized(answer) == same
