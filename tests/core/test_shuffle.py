from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from winnow.core.shuffle import MAX_PARTITIONS, PARTITION_BYTES, ScatterWriter, num_partitions, partition_of

SCHEMA = pa.schema([("n", pa.int64())])


def written(directory: Path, partitions: list[list[int]], num: int) -> pq.ParquetFile:
    """A file of the numbers 0, 1, 2... scattered batch by batch."""
    writer = ScatterWriter(directory, 0, SCHEMA, num)
    start = 0
    for batch in partitions:
        numbers = list(range(start, start + len(batch)))
        writer.scatter(pa.RecordBatch.from_pydict({"n": numbers}, schema=SCHEMA), np.array(batch))
        start += len(batch)
    record = writer.close(1.0)
    assert record.rows == start and record.shards[0].rows == start
    return pq.ParquetFile(directory / "shards" / record.shards[0].name)


def test_a_row_group_holds_one_partition_in_the_order_of_arrival(tmp_path: Path) -> None:
    opened = written(tmp_path, [[2, 0, 2], [0, 2]], 4)
    groups = [opened.read_row_group(i).column("n").to_pylist() for i in range(opened.num_row_groups)]
    assert groups == [[1, 3], [], [0, 2, 4], []]


def test_a_task_without_rows_leaves_empty_partitions(tmp_path: Path) -> None:
    assert written(tmp_path, [], 3).num_row_groups == 3


@pytest.mark.parametrize(
    ("num_bytes", "expected"),
    [
        (0, 1),
        (PARTITION_BYTES, 1),
        (PARTITION_BYTES + 1, 2),
        (3 * PARTITION_BYTES, 4),
        (10**18, MAX_PARTITIONS),
    ],
)
def test_partitions_are_a_power_of_two_that_bounds_a_tasks_memory(num_bytes: int, expected: int) -> None:
    assert num_partitions(num_bytes) == expected


def test_a_hash_lies_in_the_partition_that_its_highest_bits_name() -> None:
    hashes = np.array([0, 2**62, 2**63, 2**64 - 1], np.uint64)
    assert partition_of(hashes, 1).tolist() == [0, 0, 0, 0]
    assert partition_of(hashes, 4).tolist() == [0, 1, 2, 3]
    finer, coarser = partition_of(hashes, 64), partition_of(hashes, 4)
    assert (finer // 16 == coarser).all()
