from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from winnow.kernels.components import ALONE, connect, labels


def components(number: int, pairs: list[tuple[int, int]]) -> dict[int, int]:
    parents = np.full(number, ALONE)
    connect(parents, *(np.array(side, np.int64) for side in ([a for a, _ in pairs], [b for _, b in pairs])))
    things, lowest = labels(parents, 0, number)
    return dict(zip(things.tolist(), lowest.tolist(), strict=True))


def by_spreading(number: int, pairs: list[tuple[int, int]]) -> dict[int, int]:
    """Each thing takes the lower label of every pair until nothing changes."""
    label = list(range(number))
    for _ in range(number):
        for a, b in pairs:
            label[a] = label[b] = min(label[a], label[b])
    return {thing: label[thing] for thing in sorted({thing for pair in pairs for thing in pair})}


@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15)), max_size=30))
def test_what_is_paired_hangs_together_and_what_is_in_no_pair_is_left_out(pairs: list[tuple[int, int]]) -> None:
    assert components(16, pairs) == by_spreading(16, pairs)


def test_a_long_chain_is_one_component_in_any_order() -> None:
    number = 100_000
    pairs = [(k, k + 1) for k in range(number - 1)]
    for order in (pairs, pairs[::-1], pairs[::2] + pairs[1::2]):
        assert set(components(number, order).values()) == {0}


def test_labels_of_a_range_are_those_of_the_whole() -> None:
    parents = np.full(10, ALONE)
    connect(parents, np.array([1, 8]), np.array([8, 9]))
    things, lowest = labels(parents, 5, 10)
    assert (things.tolist(), lowest.tolist()) == ([8, 9], [1, 1])
