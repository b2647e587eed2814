"""What a kernel counts: one structured row a document, whose fields are int64 and named as the columns they become."""

from __future__ import annotations

from typing import Any

import numpy as np

Counts = Any
"""A row of an array of ``counts_type``: kernels write ``counts.num_words += 1``."""


def counts_type(*names: str) -> np.dtype[np.void]:
    """The type of a row with such counts."""
    return np.dtype([(name, np.int64) for name in names])
