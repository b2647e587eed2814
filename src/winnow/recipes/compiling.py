"""Compile every native kernel ahead of the first run: ``python -m winnow.recipes.compiling``.

A first run would do it by itself, in about a minute. This is for images, clusters and test machines, where many workers
would otherwise wait for it at the same time.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pyarrow as pa

from winnow.core.executors import Processes
from winnow.edit.c4 import C4Lines
from winnow.edit.editor import chain
from winnow.edit.newlines import NewlineRemoval
from winnow.edit.refinedweb import RefinedWebLines
from winnow.edit.urls import UrlRemoval
from winnow.measure.language import Language
from winnow.measure.minhash import MinHash
from winnow.measure.text import Text
from winnow.measure.url import Url

USERS: tuple[Callable[[], Callable[[pa.RecordBatch], pa.RecordBatch]], ...] = (
    Text().load,
    chain((UrlRemoval(), NewlineRemoval(), RefinedWebLines())).load,
    chain((C4Lines(),)).load,
    Language().load,
    MinHash().load,
    Url().load,
)
"""What runs kernels, the slowest to compile first; one kernel of Text serves every definition of words."""


def use(index: int) -> float:
    """Run one of the users on a small batch; gives the seconds that it took."""
    began = time.perf_counter()
    batch = pa.RecordBatch.from_pydict({"id": ["a"], "text": ["A few words."], "url": ["https://a.example/b"]})
    USERS[index]()(batch)
    return time.perf_counter() - began


def main() -> None:
    """Compile what the cache does not hold yet."""
    for _ in Processes().run(use, range(len(USERS))):
        pass


if __name__ == "__main__":
    main()
