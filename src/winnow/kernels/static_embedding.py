"""Sums of the vectors of tokens, one a text: what a static embedding is, up to its length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from winnow.kernels.jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray


@kernel
def sum_vectors(
    tokens: NDArray[np.int32], offsets: NDArray[np.int64], vectors: NDArray[np.int8], scales: NDArray[np.float32]
) -> NDArray[np.float32]:
    """For each text the sum over its tokens of ``scales[token] * vectors[token]``, shape (texts, dimensions).

    The tokens of text ``i`` are ``tokens[offsets[i]:offsets[i + 1]]``; they are added in order, so the sum is the same
    wherever the text stands.
    """
    sums = np.zeros((offsets.size - 1, vectors.shape[1]), np.float32)
    for text in range(offsets.size - 1):
        total = sums[text]
        for position in range(offsets[text], offsets[text + 1]):
            token = tokens[position]
            vector, scale = vectors[token], scales[token]
            for dimension in range(total.size):
                total[dimension] += scale * np.float32(vector[dimension])
    return sums
