"""Finding items in texts: the kernel against its readable twin on random items and texts."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.decontaminate.index import Index, build_index
from winnow.decontaminate.items import Item
from winnow.decontaminate.methods import Coverage
from winnow.decontaminate.search import search_texts
from winnow.kernels.matching import Search, mark_most_telling
from winnow.kernels.matching_reference import (
    Part,
    ReferenceItem,
    find_matches_reference,
    grams_of,
    split_words_reference,
)


class Everything(Coverage):
    """Every item is looked for, and every n-gram of it is a seed."""

    seed_window = 1
    threshold = 0.0


WORDS = st.sampled_from(["red", "blue", "tree", "x", "12", "Été", "東"])
PHRASES = st.lists(WORDS, min_size=1, max_size=9).map(" ".join)
QUESTIONS = st.lists(WORDS, min_size=3, max_size=9).map(" ".join)


@st.composite
def items(draw: st.DrawFn) -> list[Item]:
    """A few items with different questions."""
    questions = draw(st.lists(QUESTIONS, min_size=1, max_size=5, unique_by=lambda text: tuple(split(text))))
    return [
        Item(
            id=f"t#{number}",
            task="t",
            question=question,
            answers=tuple(draw(st.lists(PHRASES, max_size=2, unique=True))),
            choices=tuple(draw(st.lists(PHRASES, max_size=2, unique=True))),
            passage=draw(st.one_of(st.just(""), PHRASES)),
        )
        for number, question in enumerate(questions)
    ]


def split(text: str) -> list[str]:
    return [word.text for word in split_words_reference(text.encode())]


def part(text: str, weights: dict[tuple[str, ...], float] | None = None) -> Part:
    words = split(text)
    size = min(5, len(words))
    grams = grams_of(words, size)
    return Part(size, len(words), {gram: weights[gram] if weights else 1.0 for gram in grams}, bits=0.0)


def reference(items: list[Item]) -> tuple[list[ReferenceItem], dict[tuple[str, ...], list[int]]]:
    grams = [set(grams_of(split(item.question), min(5, len(split(item.question))))) for item in items]
    frequency = Counter(gram for of_item in grams for gram in of_item)
    weights = {gram: math.log1p(len(items) / number) for gram, number in frequency.items()}
    found = [
        ReferenceItem(
            part(item.question, weights),
            tuple([(part(text), True) for text in item.answers] + [(part(text), False) for text in item.choices]),
            part(item.passage) if item.passage else None,
        )
        for item in items
    ]
    seeds: dict[tuple[str, ...], list[int]] = {}
    for number, item in enumerate(items):
        words = split(item.question)
        for gram in dict.fromkeys(grams_of(words, 5 if len(words) >= 5 else 3)):
            seeds.setdefault(gram, []).append(number)
    return found, seeds


@settings(max_examples=150)
@given(
    items=items(),
    texts=st.lists(st.lists(WORDS, max_size=60).map(", ".join), min_size=1, max_size=3),
    stride=st.integers(1, 3),
    max_misses=st.integers(0, 4),
    near=st.integers(0, 12),
    least=st.sampled_from([0.0, 0.3, 0.9]),
)
def test_the_twin_agrees(
    items: list[Item], texts: list[str], stride: int, max_misses: int, near: int, least: float
) -> None:
    index = build_index(items, Everything()).index
    assert index.ids == [item.id for item in items]
    search = Search(stride=stride, max_misses=max_misses, near=near, least=least)
    found = search_texts(pa.array(texts), index, search)
    expected, seeds = reference(items)
    for number, text in enumerate(texts):
        mine = found[found["text"] == number]
        matches = find_matches_reference(text.encode(), expected, seeds, search)
        assert [int(item) for item in mine["item"]] == [match.item for match in matches]
        for one, match in zip(mine, matches, strict=True):
            assert (int(one["start"]), int(one["end"])) == (match.start, match.end)
            for name in ("question", "answer", "passage"):
                assert float(one[name]) == pytest.approx(getattr(match, name), abs=1e-5)


@given(runs=st.lists(st.lists(st.integers(0, 4), max_size=12), max_size=4), window=st.integers(1, 6))
def test_the_largest_of_every_window_is_a_seed(runs: list[list[int]], window: int) -> None:
    values = np.array([value for run in runs for value in run], np.float64)
    starts = np.cumsum([0, *map(len, runs)]).astype(np.int64)
    marked = np.zeros(len(values), bool)
    mark_most_telling(values, starts, window, marked)
    expected = np.zeros(len(values), bool)
    for begin, end in pairwise(starts):
        for first in range(begin, max(begin + 1, end - window + 1)) if end > begin else ():
            expected[first + int(np.argmax(values[first : min(end, first + window)]))] = True
    assert marked.tolist() == expected.tolist()


def test_more_matches_than_there_is_room_for_are_all_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("winnow.decontaminate.search.FIRST_ROOM", 1)
    wanted = [Item(f"t#{n}", "t", f"alpha beta gamma delta item{n} epsilon") for n in range(7)]
    index = build_index(wanted, Everything()).index
    texts = pa.array([" . ".join(item.question for item in wanted), "nothing", wanted[3].question])
    found = search_texts(texts, index, Coverage.search)
    whole = {(int(text), int(item)) for text, item, share in found[["text", "item", "question"]] if share > 0.999}
    assert whole == {(0, n) for n in range(7)} | {(2, 3)}


def test_an_index_of_nothing_finds_nothing() -> None:
    index = build_index([], Coverage()).index
    assert len(search_texts(pa.array(["a b c", None, ""]), index, Coverage.search)) == 0


def test_texts_may_be_sliced_null_empty_and_broken() -> None:
    item = Item("t#0", "t", "where does the quick brown fox jump over")
    index = build_index([item], Everything()).index
    texts = pa.array([b"x", item.question.encode(), None, b"", b"\xff\xfe " + item.question.encode()], pa.binary())
    found = search_texts(texts[1:], index, Coverage.search)
    assert found["text"].tolist() == [0, 3]
    assert found["start"].tolist() == [0, 3]


def test_a_saved_index_is_the_same(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("index")
    index = build_index(
        [Item("t#0", "t", "where does the quick brown fox jump over", ("a fence",))], Everything()
    ).index
    index.save(directory)
    saved = Index.load(directory.joinpath).arrays()
    assert saved.keys() == index.arrays().keys()
    for name, array in index.arrays().items():
        assert (saved[name] == array).all()
