"""The PageRank of the host, the registered domain or the page that a document comes from.

Takes 3 to 6 microseconds a document, most of it for the name of its node. Ranks are looked up in a file that is mapped
into memory, so the workers of a machine share one copy, and of 300 million nodes only what is met is read. Nodes are
told apart by 64-bit hashes of their names: one document in 10^11 whose host is not in such a graph gets the rank of
another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, get_args

import numpy as np
import pyarrow as pa

from winnow.core.errors import RecipeError, did_you_mean
from winnow.documents.addresses import Level, nodes_of
from winnow.measure.measure import Judge, column
from winnow.measure.model import Model, given_files, model_file

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class PageRank:
    """Rank and percentile of a document's node among those of a graph of links; null where the graph has it not.

    The direction is the choice's. DCLM (Li et al. 2024, table 15) found no quintile of hosts by PageRank to be better
    training data than all of them.
    """

    model: Model
    """``FitPageRank``, or the ``lookup.npy`` that it wrote."""
    level: Level = "host"
    """What the nodes of the graph are."""

    name: ClassVar[str] = "page_rank"
    version: ClassVar[str] = "1"

    def __post_init__(self) -> None:
        if self.level not in get_args(Level):
            raise RecipeError(f"no PageRank of a {self.level!r}; {did_you_mean(self.level, get_args(Level))}")

    def columns(self) -> pa.Schema:
        """The rank, and where it stands among all."""
        missing = f"null where the graph has no such {self.level}, or the document no URL"
        return pa.schema(
            [
                column("rank", pa.float64(), f"PageRank of its {self.level}; {missing}", range="[0, )"),
                column("percentile", pa.float64(), f"Share of the graph's nodes below; {missing}", range="[0, 1]"),
            ]
        )

    def files(self) -> tuple[str, ...]:
        """The ranks, where they are a file of the user."""
        return given_files(self.model)

    def load(self) -> Judge:
        """Map the ranks into memory."""
        from winnow.kernels.passages import hash_strings

        table: NDArray[np.uint64] = np.load(model_file(self.model, "lookup.npy"), mmap_mode="r")
        hashes, ranks, percentiles = table[0], table[1].view(np.float64), table[2].view(np.float64)

        def judge(documents: pa.RecordBatch) -> pa.RecordBatch:
            nodes = nodes_of(documents.column("url").cast(pa.string()), self.level)
            wanted = hash_strings(nodes, 0)
            places = np.minimum(np.searchsorted(hashes, wanted), len(hashes) - 1)
            absent = nodes.is_null().to_numpy(zero_copy_only=False) | (hashes[places] != wanted)
            columns = [pa.array(values[places], mask=absent) for values in (ranks, percentiles)]
            return pa.record_batch(columns, schema=self.columns())

        return judge
