"""Greedy deduplication against its readable twin."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from winnow.kernels import leaders_reference
from winnow.kernels.leaders import MAX_LEADERS, Decisions, Sets, settle

documents = st.lists(
    st.tuples(
        st.sets(st.integers(0, 12), min_size=1, max_size=9),
        st.lists(st.integers(0, 6), min_size=3, max_size=3),
        st.booleans(),
    ),
    min_size=1,
    max_size=25,
)


def decide(some: list[tuple[set[int], list[int], bool]], threshold: float, is_containment: bool = False) -> Decisions:
    shingles: list[Any] = [np.array(sorted(numbers), np.uint32) for numbers, _, _ in some]
    sizes = np.array([len(numbers) for numbers in shingles])
    # The signatures lie in another order than that of preference.
    places = np.arange(len(some))[::-1].copy()
    starts = (np.cumsum(sizes[::-1]) - sizes[::-1])[::-1].copy()
    bands = np.array([bands for _, bands, _ in some[::-1]], np.uint64)
    settled = np.array([settled for _, _, settled in some])
    return settle(
        Sets(places, starts, sizes, bands, np.concatenate(shingles[::-1]), settled), threshold, is_containment
    )


@given(documents, st.sampled_from([0.3, 0.5, 2 / 3, 0.75, 1.0]), st.booleans())
def test_decisions_are_the_twins(
    some: list[tuple[set[int], list[int], bool]], threshold: float, is_containment: bool
) -> None:
    decided = decide(some, threshold, is_containment)
    found = list(zip(decided.kept.tolist(), decided.similarity.tolist(), strict=True))
    shingles, bands, settled = (list(column) for column in zip(*some, strict=True))
    expected = leaders_reference.settle(shingles, bands, settled, threshold, is_containment)
    assert found == expected


def test_a_chain_is_not_followed() -> None:
    a, b, c = {1, 2, 3, 4}, {2, 3, 4, 5}, {3, 4, 5, 6}
    band = [7]
    assert decide([(a, band, False), (b, band, False), (c, band, False)], 0.6).kept.tolist() == [0, 0, 2]
    assert decide([(b, band, False), (a, band, False), (c, band, False)], 0.6).kept.tolist() == [0, 0, 0]


def test_the_most_similar_kept_one_is_the_evidence() -> None:
    some = [({1, 2, 3, 4, 5, 6}, [1], False), ({1, 2, 3, 7, 8, 9}, [1], False), ({1, 2, 3, 7, 8}, [1], False)]
    decided = decide(some, 0.3)
    assert decided.kept.tolist() == [0, 0, 0]
    decided = decide(some, 0.35)
    assert decided.kept.tolist() == [0, 1, 1]
    assert decided.similarity[2] == 5 / 6


def test_a_full_bucket_takes_no_more_leaders_and_says_so() -> None:
    strangers = [({10 * k}, [1], False) for k in range(MAX_LEADERS + 3)]
    copies = [(set(numbers), bands, False) for numbers, bands, _ in strangers]
    decided = decide(strangers + copies, 0.5)
    repeated = decided.kept[len(strangers) :] != np.arange(len(strangers), 2 * len(strangers))
    assert repeated.tolist() == [True] * MAX_LEADERS + [False] * 3
    assert decided.num_left_out == 6
