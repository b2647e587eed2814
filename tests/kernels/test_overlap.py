from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from winnow.kernels.leaders_reference import similarity
from winnow.kernels.overlap import TOO_FEW, least_common, num_common, similarity_of

sets = st.sets(st.integers(0, 60) | st.integers(2**32 - 3, 2**32 - 1), max_size=50)


def as_array(numbers: set[int]) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    return np.array(sorted(numbers), np.uint32)


@given(sets, sets, st.integers(0, 60))
def test_common_numbers_are_counted_unless_they_are_too_few(one: set[int], other: set[int], least: int) -> None:
    common = len(one & other)
    assert num_common(as_array(one), as_array(other), least) == (common if common >= least else TOO_FEW)


@given(sets.filter(bool), sets.filter(bool), st.booleans())
def test_the_least_number_never_turns_away_a_pair_as_similar_as_asked(
    one: set[int], other: set[int], is_containment: bool
) -> None:
    found = similarity(one, other, is_containment)
    common = len(one & other)
    assert similarity_of(len(one), len(other), common, is_containment) == found
    assert least_common(len(one), len(other), found, is_containment) <= common
    assert least_common(len(one), len(other), 1.0, is_containment) >= common or one == other or is_containment
