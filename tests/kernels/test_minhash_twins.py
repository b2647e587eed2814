"""MinHash signatures against their readable twin and against what theory says of their error."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.kernels import minhash_reference
from winnow.kernels.buffers import text_buffers
from winnow.kernels.minhash import LANES, Sketcher, minimize, permutations, sketch
from winnow.kernels.normalize import character_folds


@pytest.mark.parametrize(("bands", "rows", "seed"), [(1, 1, 0), (3, 5, 7), (14, 8, 1), (5, 4, 2**40)])
def test_bands_are_the_twins(bands: int, rows: int, seed: int) -> None:
    texts = ["one two three four five six seven", "", "short", "a b c d e f g h i j k l m n o p q r s t u v w x y z"]
    sketcher = Sketcher(*permutations(bands * rows, seed), bands, rows, 5, True, seed, character_folds())
    found = sketch(*text_buffers(pa.array(texts)), sketcher)
    for row in range(len(texts)):
        shingles = found.shingles[found.offsets[row] : found.offsets[row + 1]].tolist()
        expected = minhash_reference.band_hashes(shingles, bands, rows, seed) if shingles else [0] * bands
        assert found.bands[row].tolist() == expected


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=40), st.integers(1, 2 * LANES), st.integers(0, 9))
def test_minima_are_the_twins(shingles: list[int], number: int, seed: int) -> None:
    factors, terms = permutations(number, seed)
    found = np.full(len(factors), 2**32 - 1, np.uint32)
    minimize(np.array(shingles, np.uint32), factors, terms, found)
    assert found[:number].tolist() == minhash_reference.minima(shingles, number, seed)


@pytest.mark.parametrize("number", [112, 1395])
def test_the_share_of_equal_minima_estimates_jaccard_as_well_as_independent_permutations_do(number: int) -> None:
    factors, terms = permutations(number, 1)
    draw = np.random.default_rng(0)
    errors, variances = [], []
    for _ in range(400):
        common, apart = draw.integers(20, 300, 2)
        numbers = draw.integers(0, 1 << 32, common + 2 * apart, np.uint32)
        pair = np.full((2, len(factors)), 2**32 - 1, np.uint32)
        minimize(numbers[: common + apart], factors, terms, pair[0])
        minimize(np.concatenate([numbers[:common], numbers[common + apart :]]), factors, terms, pair[1])
        jaccard = common / (common + 2 * apart)
        errors.append(np.mean(pair[0, :number] == pair[1, :number]) - jaccard)
        variances.append(jaccard * (1 - jaccard) / number)
    assert np.mean(np.square(errors)) == pytest.approx(np.mean(variances), rel=0.2)  # 3 standard errors
    assert abs(np.mean(errors)) < 3 * np.sqrt(np.mean(variances) / len(errors))
