from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.lm.order import Order, bytes_drawn, draw_documents, interleave
from winnow.lm.shares import allot

Lengths = np.ndarray[Any, np.dtype[np.int64]]
LENGTHS = st.lists(st.integers(0, 9), min_size=1, max_size=12).filter(any)


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[Lengths], list[int]]:
    """Sources with their documents' lengths, and the tokens to draw of each, up to three epochs."""
    sources = draw(st.lists(LENGTHS, min_size=1, max_size=4))
    quotas = [draw(st.integers(0, 3 * sum(lengths))) for lengths in sources]
    if not any(quotas):
        quotas[0] = 1
    return [np.array(lengths, np.int64) for lengths in sources], quotas


@given(LENGTHS, st.integers(1, 60), st.integers(0, 5))
def test_each_epoch_holds_every_document_once_before_any_comes_again(lengths: list[int], quota: int, seed: int) -> None:
    drawn = draw_documents(np.array(lengths), quota, seed).tolist()
    whole = sorted(np.flatnonzero(lengths).tolist())
    for start in range(0, len(drawn), len(whole)):
        epoch = drawn[start : start + len(whole)]
        assert len({*epoch}) == len(epoch)
        assert sorted(epoch) == whole or start + len(whole) > len(drawn)
    sizes = [lengths[document] for document in drawn]
    assert sum(sizes) >= quota > sum(sizes[:-1])


def test_each_epoch_has_another_order_and_the_seed_decides_it() -> None:
    lengths = np.ones(50, np.int64)
    drawn = draw_documents(lengths, 100, seed=1)
    assert drawn[:50].tolist() != drawn[50:].tolist()
    assert drawn.tolist() == draw_documents(lengths, 100, seed=1).tolist()
    assert drawn.tolist() != draw_documents(lengths, 100, seed=2).tolist()
    assert drawn[:30].tolist() == draw_documents(lengths, 30, seed=1).tolist()


@given(streams())
def test_every_source_gives_exactly_its_tokens(stream: tuple[list[Lengths], list[int]]) -> None:
    lengths, quotas = stream
    order = interleave(lengths, quotas, range(len(quotas)))
    sizes = np.diff(order.starts, append=sum(quotas))
    source = np.searchsorted(np.cumsum([len(one) for one in lengths]), order.documents, "right")
    assert [int(sizes[source == number].sum()) for number in range(len(quotas))] == quotas
    whole = np.concatenate(lengths)[order.documents]
    assert np.all(sizes > 0)
    assert np.all(sizes <= whole)
    assert sum(sizes < whole) <= len(quotas)


@given(streams())
def test_any_beginning_of_the_stream_has_the_mix(stream: tuple[list[Lengths], list[int]]) -> None:
    """Source i has its share of the tokens so far, give or take half a document of it and of the others' by share."""
    lengths, quotas = stream
    order = interleave(lengths, quotas, range(len(quotas)))
    sizes = np.diff(order.starts, append=sum(quotas))
    source = np.searchsorted(np.cumsum([len(one) for one in lengths]), order.documents, "right")
    longest = [int(one.max()) if quota else 0 for one, quota in zip(lengths, quotas, strict=True)]
    given_so_far = np.zeros(len(quotas))
    for size, number in zip(sizes, source, strict=True):
        given_so_far[number] += size
        for other, quota in enumerate(quotas):
            share = quota / sum(quotas)
            slack = longest[other] / 2 + share * sum(longest) / 2
            assert abs(given_so_far[other] - share * given_so_far.sum()) <= slack + 1e-9


def test_a_stream_of_two_sources_in_full() -> None:
    """One document of 8 against four of 1, twice: middles at 4/8, and at 1/8, 3/8, 5/8, 7/8 of the second's part."""
    order = interleave([np.array([8]), np.array([1, 1, 1, 1])], [8, 4], [0, 0])
    small = [1 + document for document in draw_documents(np.ones(4, np.int64), 4, 0)]
    assert order.documents.tolist() == [small[0], small[1], 0, small[2], small[3]]
    assert order.starts.tolist() == [0, 1, 2, 10, 11]


def test_a_cut_document_has_its_share_of_the_bytes() -> None:
    order = Order(np.array([1, 0, 1]), np.array([0, 4, 6]))
    lengths, num_bytes = np.array([2, 4]), np.array([7, 11])
    assert bytes_drawn(order, 9, lengths, num_bytes).tolist() == [11, 7, 11 * 3 // 4]


@given(st.integers(1, 10**12), st.lists(st.fractions(0, 100), min_size=1, max_size=6).filter(any))
def test_tokens_are_allotted_to_the_last_one(num_tokens: int, weights: list[Fraction]) -> None:
    named = {str(number): weight for number, weight in enumerate(weights)}
    tokens = allot(num_tokens, named)
    assert sum(tokens.values()) == num_tokens
    for name, weight in named.items():
        assert abs(tokens[name] - num_tokens * weight / sum(weights)) < 1


@pytest.mark.parametrize("sizes", [(7, 11, 13), (10**12 + 1, 3), (1,)])
def test_the_sizes_themselves_are_allotted_exactly(sizes: tuple[int, ...]) -> None:
    named = {str(number): size for number, size in enumerate(sizes)}
    assert allot(sum(sizes), {name: Fraction(size) for name, size in named.items()}) == named
