"""The methods' formulas, on cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from winnow.decontaminate.items import Item
from winnow.decontaminate.methods import METHODS, Evidence


def overlap(method: str, **found: float) -> float:
    """The overlap of one match; parts that are not named are those of a long question without anything else."""
    one = {"question": 1, "answer": -1, "passage": -1, "answer_bits": 0, "choice_bits": 0, "passage_bits": 0}
    values = {**one, "question_bits": 500, "num_words": 60, "is_printed": 0, **found}
    evidence = {name: np.array([n], bool if name == "is_printed" else np.float64) for name, n in values.items()}
    return float(METHODS[method].overlap(Evidence(**evidence))[0])


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({}, 1.0),
        ({"question": 0.9}, 0.9),  # 40 words and more: what is missing counts once
        ({"question": 0.9, "num_words": 10}, 0.6),  # 10 words: four times
        ({"question_bits": 60}, 0.75),
        ({"question_bits": 60, "answer": 1, "answer_bits": 9}, 69 / 80),
        ({"question_bits": 60, "answer": 1, "answer_bits": 17}, 72 / 80),
        ({"question_bits": 60, "answer": 0}, 48 / 80),  # its answer is missing
        ({"question_bits": 30, "answer": 1, "answer_bits": 200}, 70 / 80),  # 40 at most
        ({"question_bits": 30, "answer": 1, "answer_bits": 17, "choice_bits": 25}, 55 / 80),
        ({"question_bits": 70, "num_words": 5, "answer": 1, "answer_bits": 17, "choice_bits": 25}, 63 / 80),
        ({"question_bits": 40, "passage": 0.5, "passage_bits": 900}, 55 / 80),
        ({"is_printed": 1, "question_bits": 6, "num_words": 2, "answer": 1, "answer_bits": 6}, 0.8 + 0.2 * 12 / 80),
        ({"is_printed": 1, "question_bits": 50, "answer": 1, "answer_bits": 300}, 1.0),
        ({"question": 0, "passage": 1, "passage_bits": 900, "answer": 1, "answer_bits": 50}, 0.0),
    ],
)
def test_coverage_asks_what_is_there_and_whether_it_could_be_chance(found: dict[str, float], expected: float) -> None:
    assert overlap("coverage", **found) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"question": 0.8}, 0.8),
        ({"question": 0.8, "answer": 1}, 0.85),
        ({"question": 0.8, "passage": 1}, 0.83),
        ({"question": 0.8, "answer": 1, "passage": 0.5}, 0.81),
        ({"question": 1, "answer": 0}, 0.0),
        ({"question": 0.9, "num_words": 20}, 0.72),
        ({"question": 1, "num_words": 20}, 1.0),
    ],
)
def test_decon_weights_question_answer_and_passage(found: dict[str, float], expected: float) -> None:
    assert overlap("decon", **found) == pytest.approx(expected)


def test_dclm_needs_the_whole_sentence_and_an_option() -> None:
    assert overlap("dclm", question=1, answer=1) == 1
    assert overlap("dclm", question=1, answer=0.9) == 0
    assert overlap("dclm", question=0.9, answer=1) == 0


def test_dclm_looks_for_the_last_sentence_and_any_option() -> None:
    item = Item("t#0", "t", "Ann fell. Who helped her?", ("Ben",), ("Cy",))
    (found,) = METHODS["dclm"].looked_for([item, Item("t#1", "t", "No options here?")])
    assert (found.question, found.answers, found.choices) == ("Who helped her?", ("Ben", "Cy"), ())


def test_gpt3_takes_its_n_from_the_lengths_of_a_task() -> None:
    lengths = np.array([3, 9, 9, 10, 30, 40, 50])
    sizes = METHODS["gpt3"].gram_sizes(["short"] * 4 + ["long"] * 3, lengths)
    assert sizes.tolist() == [0, 8, 8, 8, 13, 13, 13]
