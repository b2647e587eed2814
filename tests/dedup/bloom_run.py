"""A Bloom pass of several partitions that leaves a checkpoint after each; run on its own, it takes its time.

python bloom_run.py STORE
"""

from __future__ import annotations

import random
import sys
import time
from typing import Any

import pyarrow as pa
from toys import Given

from winnow.core import shuffle
from winnow.core.run import materialize
from winnow.core.step import Rows
from winnow.core.table import Store
from winnow.dedup import bloom_pass
from winnow.dedup.bloom import BloomDuplicates, bloom_duplicates

WORDS = [f"w{number}" for number in range(40)]
PAUSE = 0.2


def prose(seed: int, num_lines: int = 4) -> str:
    chance = random.Random(seed)
    return "\n".join(" ".join(chance.choices(WORDS, k=12)) for _ in range(num_lines))


def found() -> BloomDuplicates:
    """Of a hundred documents in two shards some thirty repeat others."""
    rows = [(f"{number}", prose(number % 70)) for number in range(100)]
    return bloom_duplicates(Given(shards=(tuple(rows[:30]), tuple(rows[30:]))), ngram=3)


def slowly(step: Rows, store: Store, partition: int) -> pa.Table:
    """Gather a partition after a pause."""
    time.sleep(PAUSE)
    return shuffle.gather(step, store, partition)


SMALL: tuple[tuple[Any, str, Any], ...] = (
    (shuffle, "PARTITION_BYTES", 1 << 9),
    (bloom_pass, "HELD_BYTES", 1),
    (bloom_pass, "CHECKPOINT_SECONDS", 0.0),
    (bloom_pass, "CHECKPOINT_SHARE", 1e9),
)
"""Constants that make many partitions of few documents."""

if __name__ == "__main__":
    for module, name, value in (*SMALL, (bloom_pass, "gather", slowly)):
        setattr(module, name, value)
    materialize(found(), sys.argv[1])
