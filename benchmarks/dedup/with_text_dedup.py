"""text-dedup's side, in its environment: the function that its command maps over a dataset, without the dataset."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from runner import BANDS, NGRAM, NUM_PERMUTATIONS, ROWS, Answer, each, main
from text_dedup.minhash import embed_func
from text_dedup.utils import sha1_hash, xxh3_32hash

PRIME = np.uint64((1 << 61) - 1)


def signatures(hash: Callable[[bytes], int], texts: list[str], _: Path) -> Answer:
    """Its default configuration but for the number of permutations."""
    random = np.random.RandomState(42)
    permutations = [random.randint(low, PRIME, size=(NUM_PERMUTATIONS,), dtype=np.uint64) for low in (1, 0)]
    signature = partial(
        embed_func,
        idx=0,
        num_perm=NUM_PERMUTATIONS,
        ngram_size=NGRAM,
        min_length=NGRAM,
        hashranges=[(band * ROWS, (band + 1) * ROWS) for band in range(BANDS)],
        permutations=tuple(permutations),
        hash_func=hash,
        dtype=np.uint64,
        max_hash=np.uint32((1 << 32) - 1),
        modulo_prime=PRIME,
    )
    return each(texts, signature)


if __name__ == "__main__":
    main(
        {
            "signatures": partial(signatures, partial(sha1_hash, d=32)),
            "signatures_xxh3": partial(signatures, xxh3_32hash),
        }
    )
