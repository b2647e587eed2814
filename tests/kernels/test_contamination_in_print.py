"""Finding items as they are printed: the kernel against its readable twin, and signs in their order."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.decontaminate.index import build_index
from winnow.decontaminate.items import Item
from winnow.decontaminate.methods import Coverage
from winnow.decontaminate.parts import Texts
from winnow.decontaminate.search import search_texts
from winnow.kernels.buffers import text_buffers
from winnow.kernels.matching_printed import AFTER_SPACE, ENOUGH_BITS, IS_LETTER, signs, spell_texts
from winnow.kernels.matching_printed_reference import ReferencePrinted, find_printed_reference, signs_reference


class InPrint(Coverage):
    """No item tells enough as words."""

    enough_bits = 1e9


SYMBOLS = st.sampled_from(["=", "+", "-", "*", ".", "(", ")", "?", "'", "’", "$", "•", "#"])
LETTERS = st.sampled_from(["4", "8", "32", "Red", "blue", "É", "東", "is", "a", "A", "answer"])
SPACES = st.sampled_from(["", "", " ", "  ", "\n", "\u00a0", "\u200b"])
PIECES = st.tuples(st.one_of(LETTERS, LETTERS, SYMBOLS), SPACES).map("".join)
PHRASES = st.lists(PIECES, min_size=1, max_size=4).map("".join)
LABELS = st.sampled_from(["\n", " ", "", "\nA: ", "\n(a) ", " = ", "\nAnswer:\n", ". ", " b. ", "\nChoices:\nA. "])


@st.composite
def items(draw: st.DrawFn) -> list[Item]:
    """A few items with different words."""
    questions = draw(st.lists(PHRASES, min_size=1, max_size=4, unique=True))
    return [
        Item(
            id=f"t#{number}",
            task="t",
            question=question,
            answers=tuple(draw(st.lists(PHRASES, max_size=2, unique=True))),
            choices=tuple(draw(st.lists(PHRASES, max_size=2, unique=True))),
        )
        for number, question in enumerate(questions)
    ]


@st.composite
def pages(draw: st.DrawFn, wanted: list[Item]) -> str:
    """Questions, answers and other signs, some in the order of items."""
    pieces = []
    for _ in range(draw(st.integers(0, 6))):
        item = draw(st.sampled_from(wanted))
        options = [*item.answers, *item.choices]
        pieces.append(draw(st.one_of(PHRASES, LABELS)))
        pieces.append(item.question)
        for _ in range(draw(st.integers(0, 3))):
            pieces += [draw(LABELS), draw(st.sampled_from(options) if options else PHRASES)]
    return "".join(pieces) + draw(st.one_of(PHRASES, SPACES))


def reference(wanted: list[Item], ids: list[str]) -> list[ReferencePrinted]:
    """The items of some ids, with the bits that an index gives their words."""
    texts = Texts(wanted)
    found = {}
    for number, item in enumerate(wanted):
        options = zip(item.answers + item.choices, texts.answers[number], strict=True)
        answers = [(text, place < len(item.answers), texts.bits[part]) for place, (text, part) in enumerate(options)]
        found[item.id] = ReferencePrinted(item.question, texts.bits[number], tuple(answers))
    return [found[id] for id in ids]


@settings(max_examples=100)
@given(data=st.data(), wanted=items())
def test_the_twin_agrees(data: st.DataObject, wanted: list[Item]) -> None:
    index = build_index(wanted, InPrint()).index
    expected = reference(wanted, index.ids)
    page = data.draw(pages(wanted))
    found = search_texts(pa.array(["", page]), index, Coverage.search)
    assert set(found["text"].tolist()) <= {1}
    mine = {int(one["item"]): (int(one["start"]), int(one["end"])) for one in found if one["is_printed"]}
    assert mine == find_printed_reference(page.encode(), expected, ENOUGH_BITS)


@given(text=st.text(alphabet=st.sampled_from("aBé 4-+=’'\"“\n\t\u00a0\u200b東\u0301"), max_size=30))
def test_signs_are_those_of_the_twin(text: str) -> None:
    data, offsets = text_buffers(pa.array([text], pa.large_string()))
    spelled, ends = np.zeros(len(text.encode()), np.int32), np.zeros(1, np.int64)
    spell_texts(data, offsets, signs(), spelled, ends)
    expected = signs_reference(text.encode())[:-1]
    assert ends.tolist() == [len(expected)]
    assert [chr(sign & IS_LETTER - 1) for sign in spelled[: ends[0]]] == [sign.text for sign in expected]
    assert [bool(sign & IS_LETTER) for sign in spelled[: ends[0]]] == [sign.is_letter for sign in expected]
    between = [a.is_letter and b.is_letter and bool(b.gap) for a, b in pairwise(expected)]
    assert [bool(sign & AFTER_SPACE) for sign in spelled[1 : ends[0]]] == between


EQUATION = Item("t#0", "t", "4 * 8 =", ("32",), ("30", "36"))
ROW = Item("t#1", "t", "2 4 6 8", ("10",))
COMMAS = Item("t#1", "t", "2, 4, 6, 8", ("10",))
FACT = Item("t#2", "t", "Marmosets often devour", ("tree gum",))
ALONE = Item("t#3", "t", "it 's slow -- very , very sluggish .")
CASES = [
    (EQUATION, "4*8=32", True),
    (EQUATION, "As it is: 4  *  8 = 32, and so on", True),
    (EQUATION, "- 4 * 8 = 32", True),
    (EQUATION, "4 * 8 =\nA. 30\nB. 36\nC. 32\nAnswer: 32", True),
    (EQUATION, "4 * 8 = (a) 30 (b) 32 (c) 36", True),
    (EQUATION, "Q: 4 * 8 = A: 32", True),
    (EQUATION, "4 * 8 =", False),  # without its answer
    (EQUATION, "4 * 8 =\nA. 30\nB. 36", False),
    (EQUATION, "4 + 8 = 32", False),
    (EQUATION, "14 * 8 = 32", False),
    (EQUATION, "3 + 4 * 8 = 32", False),
    (EQUATION, "4 * 8 = 32.5", False),
    (EQUATION, "4 * 8 = 32 + x", False),
    (EQUATION, "4 * 8 = 320", False),
    (EQUATION, "so 4 * 8 = 32", False),  # amid a phrase
    (ROW, "2 4 6 8\n(a) 10", True),
    (ROW, "2 4 6 8 A: 10", True),
    (ROW, "2 4 6 8 10", False),
    (ROW, "2 4 6 8\n10\n", False),
    (ROW, "2 4 6 8 10 12", False),
    (ROW, "rows: 2 4 6 8 10", False),
    (ROW, "2\n4\n6\n8\n10", False),
    (ROW, "2468\n10", False),
    (ROW, "2, 4, 6, 8, 10", False),
    (COMMAS, "[2, 4, 6, 8, 10]", False),
    (COMMAS, "Q: 2, 4, 6, 8 A: 10", True),
    (FACT, "We went home. Marmosets often devour tree gum. Then it rained.", True),
    (FACT, "We know that marmosets often devour tree gum.", False),
    (FACT, "Marmosets often devour tree gum and insects.", False),
    (ALONE, "\nIt’s slow -- very, very sluggish.\n", True),
    (ALONE, "We say: it's slow -- very, very sluggish.", False),
    (ALONE, "it's slow, very, very sluggish.", False),
]


@pytest.mark.parametrize(("item", "text", "is_there"), CASES)
def test_what_is_printed_and_what_is_not(item: Item, text: str, is_there: bool) -> None:
    index = build_index([item], InPrint()).index
    found = search_texts(pa.array([text]), index, Coverage.search)
    assert found["is_printed"].tolist() == [1] * is_there


def test_items_printed_the_same_are_one() -> None:
    alike = [
        Item("t#0", "t", "4*8=", ("32",)),
        Item("t#1", "t", "4 * 8 =", (" 32",)),
        Item("t#2", "t", "4+8=", ("12",)),
    ]
    indexed = build_index(alike, InPrint())
    assert indexed.index.ids == ["t#0", "t#2"]
    assert indexed.alike == {"t#1": "t#0"}
