"""Ranks that someone else has computed, in the form in which ``PageRank`` looks them up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from winnow.core.database import connect
from winnow.core.errors import InputError
from winnow.core.files import write_json
from winnow.core.step import Whole
from winnow.core.table import Store
from winnow.measure.fit_page_rank import percentiles_of, write_lookup
from winnow.measure.given_tables import Paths, read_batches, sql_of, stamps_of, turned

if TYPE_CHECKING:
    import duckdb
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class GivenRanks(Whole):
    """Ranks of nodes from files with a header: by default Common Crawl's ``*-ranks.txt.gz``, of hosts or of domains.

    Writes ``lookup.npy`` and ``report.json`` as ``FitPageRank`` does. Takes 56 bytes of memory for each node.
    """

    source: Paths
    """CSV, TSV (``.tsv``, ``.txt``) or Parquet; .gz and .zst are opened as such."""
    node: str = "#host_rev"
    rank: str = "#pr_val"
    """Columns; ``#harmonicc_val`` is harmonic centrality, which link spam moves less."""
    is_turned: bool = True
    """Whether names begin with the top-level domain: ``org.example`` is ``example.org``."""

    def outside(self) -> dict[str, str]:
        """Size and time of change of every file."""
        return stamps_of(self.source)

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Read the names and the ranks."""
        import duckdb

        connection = connect()
        try:
            hashes, ranks = self._read(connection)
        except duckdb.Error as error:
            raise InputError(f"{self.source} cannot be read as a table of ranks: {error}") from error
        finally:
            connection.close()
        write_lookup(directory / "lookup.npy", hashes, ranks, percentiles_of(ranks))
        write_json(directory / "report.json", {"nodes": len(ranks), "sum": float(ranks.sum())})
        return {"nodes": len(ranks)}

    def _read(self, connection: duckdb.DuckDBPyConnection) -> tuple[NDArray[np.uint64], NDArray[np.float64]]:
        """The hash of each node's name, and its rank."""
        from winnow.kernels.passages import hash_strings

        node = turned(f'"{self.node}"') if self.is_turned else f'"{self.node}"'
        table = sql_of(connection, self.source, has_header=True)
        hashes, ranks = [np.zeros(0, np.uint64)], [np.zeros(0)]
        for batch in read_batches(connection, f'SELECT {node}, CAST("{self.rank}" AS DOUBLE) FROM {table}'):
            if batch.column(0).null_count or batch.column(1).null_count:
                raise InputError(
                    f"{self.source} has a row without {self.node!r} or {self.rank!r}: give every node a rank"
                )
            hashes.append(hash_strings(batch.column(0), 0))
            ranks.append(batch.column(1).to_numpy())
        if len(ranks) == 1:
            raise InputError(f"{self.source} holds no ranks")
        return np.concatenate(hashes), np.concatenate(ranks)
