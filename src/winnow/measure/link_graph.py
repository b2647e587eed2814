"""A graph of links as files: nodes with numbers, and links between numbers, sorted by target.

A graph is made out of core: DuckDB numbers the nodes and sorts the links within 1 GB, and what is more spills to a
directory. In memory is one number for each node. Its files:

===============  ========================================================================================
nodes.parquet    ``node``: the names, in the order of their numbers
starts.npy       where the links to each node begin among the links, and where the last end; int64
sources.bin      the number of each link's source, uint32; the links of one target in order of their sources
counts.bin       how often each link was found, uint32; absent where that is once for all
===============  ========================================================================================
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from winnow.core.database import connect
from winnow.core.errors import InputError, RecipeError
from winnow.core.run import num_shards
from winnow.core.step import Rows, Whole
from winnow.core.table import Store
from winnow.measure.given_tables import BATCH_ROWS, Paths, read_batches, sql_of, stamps_of, turned

if TYPE_CHECKING:
    import duckdb
    from numpy.typing import NDArray

MAX_NODES = 1 << 32
_NODES = """
CREATE TEMP TABLE nodes AS
SELECT row_number() OVER () - 1 AS id, node
FROM (SELECT DISTINCT unnest([source, target]) AS node FROM found ORDER BY node)
"""
_NUMBERED = """
SELECT f.id AS source, t.id AS target, sum(links.count) AS count
FROM found AS links JOIN nodes AS f ON links.source = f.node JOIN nodes AS t ON links.target = t.node
GROUP BY ALL
"""


class Adjacency(NamedTuple):
    """The links of a graph, mapped into memory."""

    starts: NDArray[np.int64]
    sources: NDArray[np.uint32]
    counts: NDArray[np.uint32]
    """Empty where every link counts once."""

    @classmethod
    def open(cls, directory: Path) -> Adjacency:
        """Those of a graph that was made."""
        counts = directory / "counts.bin"
        return cls(
            np.load(directory / "starts.npy", mmap_mode="c"),
            np.memmap(directory / "sources.bin", np.uint32, mode="c"),
            np.memmap(counts, np.uint32, mode="c") if counts.exists() else np.zeros(0, np.uint32),
        )


@dataclass(frozen=True, kw_only=True)
class Graph(Whole):
    """A graph of links; see the module for its files."""

    self_links: bool = True
    """Whether the links of a node to itself are kept: at the level of hosts, most links of a page."""

    @abstractmethod
    def number(self, connection: duckdb.DuckDBPyConnection, store: Store) -> str:
        """Make the table ``nodes`` (``id`` from 0, ``node``) and give SQL of ``source``, ``target``, ``count``."""

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Number the nodes, sort the links."""
        import duckdb

        connection = connect()
        try:
            numbered = self.number(connection, store)
            num_nodes = _write_nodes(connection, directory / "nodes.parquet")
            kept = "true" if self.self_links else "source <> target"
            ordered = f"SELECT source, target, count FROM ({numbered}) WHERE {kept} ORDER BY target, source"
            num_links = _write_links(read_batches(connection, ordered), directory, num_nodes)
        except duckdb.Error as error:
            raise InputError(f"{self.label} cannot be made of its files: {error}") from error
        finally:
            connection.close()
        return {"nodes": num_nodes, "links": num_links}


@dataclass(frozen=True, kw_only=True)
class LinkGraph(Graph):
    """The graph of a table of links (``Links``); nodes are numbered in the order of their names."""

    links: Rows
    """Columns ``source``, ``target`` and ``count``."""

    def check(self) -> None:
        """Refuse a table that holds no links."""
        names = self.links.schema().names
        if missing := {"source", "target", "count"}.difference(names):
            raise RecipeError(f"{self.links.label} has no column {min(missing)!r}; it has {', '.join(names)}")

    def number(self, connection: duckdb.DuckDBPyConnection, store: Store) -> str:
        """Read the table into the database."""
        names = ["source", "target", "count"]
        connection.execute("CREATE TEMP TABLE found (source VARCHAR, target VARCHAR, count UBIGINT)")
        for shard in range(num_shards(self.links, store)):
            for batch in self.links.open_shard(store, shard, names):
                connection.register("batch", pa.Table.from_batches([batch]))
                connection.execute("INSERT INTO found SELECT source, target, count FROM batch")
        connection.execute(_NODES)
        return _NUMBERED


@dataclass(frozen=True, kw_only=True)
class EdgeList(Graph):
    """The graph of files that list links: CSV, TSV or Parquet with ``source``, ``target`` and, if any, ``count``.

    Names are taken as they stand; documents are found again where they are those of ``nodes_of``.
    """

    source: Paths
    """Files, directories, globs or fsspec URLs; the first line of CSV and TSV names the columns. .gz and .zst are
    opened as such."""

    def outside(self) -> dict[str, str]:
        """Size and time of change of every file."""
        return stamps_of(self.source)

    def number(self, connection: duckdb.DuckDBPyConnection, store: Store) -> str:
        """Read the files into the database."""
        table = sql_of(connection, self.source, has_header=True)
        names = [name for name, *_ in connection.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()]
        if missing := {"source", "target"}.difference(names):
            raise InputError(f"{self.source} has no column {min(missing)!r}; it has {', '.join(names)}")
        count = "CAST(count AS UBIGINT)" if "count" in names else "1"
        connection.execute(
            f"CREATE TEMP TABLE found AS SELECT CAST(source AS VARCHAR) AS source, CAST(target AS VARCHAR) AS target, "
            f"{count} AS count FROM {table} WHERE source IS NOT NULL AND target IS NOT NULL"
        )
        connection.execute(_NODES)
        return _NUMBERED


@dataclass(frozen=True, kw_only=True)
class WebGraph(Graph):
    """A graph in the text format of Common Crawl's web graphs, of hosts or of domains, with their numbers.

    Names are turned: ``org.example`` becomes ``example.org``.
    """

    vertices: Paths
    """Lines of a number from 0 and a name that begins with the top-level domain; columns behind are ignored."""
    edges: Paths
    """Lines of two numbers: who links, to whom."""

    def outside(self) -> dict[str, str]:
        """Size and time of change of every file."""
        return {**stamps_of(self.vertices), **stamps_of(self.edges)}

    def number(self, connection: duckdb.DuckDBPyConnection, store: Store) -> str:
        """Take the numbers as they are."""
        vertices = sql_of(connection, self.vertices, has_header=False)
        columns = f"CAST(column0 AS UBIGINT) AS id, {turned('column1')} AS node"
        connection.execute(f"CREATE TEMP TABLE nodes AS SELECT {columns} FROM {vertices}")
        edges = sql_of(connection, self.edges, has_header=False)
        return f"SELECT CAST(column0 AS UBIGINT) AS source, CAST(column1 AS UBIGINT) AS target, 1 AS count FROM {edges}"


def _write_nodes(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    """Write the names in the order of their numbers; gives how many there are."""
    done = 0
    schema = pa.schema([pa.field("node", pa.string())])
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1, use_dictionary=False) as writer:
        for batch in read_batches(connection, "SELECT id, node FROM nodes ORDER BY id"):
            ids = batch.column("id").to_numpy()
            wrong = np.flatnonzero(ids != np.arange(done, done + len(ids)))
            if len(wrong):
                raise InputError(
                    f"node {done + wrong[0]} is missing or there twice: number the nodes 0, 1, 2 and so on"
                )
            writer.write_batch(pa.record_batch([batch.column("node")], schema=schema))
            done += len(ids)
    if not 0 < done <= MAX_NODES:
        raise InputError(f"the graph has {done:,} nodes: it must have 1 to {MAX_NODES:,}")
    return done


def _write_links(links: Iterator[pa.RecordBatch], directory: Path, num_nodes: int) -> int:
    """Write links that come sorted by target; gives how many there are."""
    starts = np.zeros(num_nodes + 1, np.int64)
    is_counted = False
    with (directory / "sources.bin").open("wb") as sources_file, (directory / "counts.bin").open("wb") as counts_file:
        for batch in links:
            sources, targets, counts = (batch.column(name).cast(pa.uint64()).to_numpy() for name in range(3))
            _check(max(sources.max(), targets.max()), num_nodes, counts)
            nodes, numbers = np.unique(targets, return_counts=True)
            starts[nodes + np.uint64(1)] += numbers
            is_counted = is_counted or bool((counts != 1).any())
            sources.astype(np.uint32).tofile(sources_file)
            counts.astype(np.uint32).tofile(counts_file)
    if not is_counted:
        (directory / "counts.bin").unlink()
    np.cumsum(starts, out=starts)
    if not starts[-1]:
        raise InputError("the graph has no links, so its nodes cannot be ranked")
    np.save(directory / "starts.npy", starts)
    return int(starts[-1])


def _check(highest: int, num_nodes: int, counts: NDArray[np.uint64]) -> None:
    if highest >= num_nodes:
        raise InputError(
            f"a link names node {highest}, and there are {num_nodes:,}: give vertices and edges of one graph"
        )
    if counts.min() < 1 or counts.max() >= 1 << 32:
        raise InputError(f"a link counts {counts.min()} or {counts.max()} times: counts lie in [1, {(1 << 32) - 1}]")


def names_of(directory: Path) -> Iterator[pa.Array]:
    """The names of a graph's nodes in their order, some at a time."""
    with pq.ParquetFile(directory / "nodes.parquet") as opened:
        for batch in opened.iter_batches(BATCH_ROWS, use_threads=False):
            yield batch.column(0)
