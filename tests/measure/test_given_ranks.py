from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from winnow.core.errors import InputError
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.measure.given_ranks import GivenRanks
from winnow.measure.page_rank import PageRank

COMMON_CRAWL = (
    "#harmonicc_pos\t#harmonicc_val\t#pr_pos\t#pr_val\t#host_rev\n"
    "1\t3.4626736E7\t3\t0.005384977821460953\tcom.facebook\n"
    "3\t3.007577E7\t1\t0.008634952900502719\tcom.google\n"
    "14\t2.3150846E7\t47\t3.794876113587071E-4\tbe.youtu\n"
)


def ranks(step: GivenRanks, store: Path, *urls: str) -> list[dict[str, Any]]:
    materialize(step, store)
    model = str(Store(store).table(step).files())
    rows: list[dict[str, Any]] = PageRank(model=model).load()(pa.RecordBatch.from_pydict({"url": urls})).to_pylist()
    return rows


def test_ranks_of_common_crawl_are_looked_up(tmp_path: Path) -> None:
    (tmp_path / "host-ranks.txt.gz").write_bytes(gzip.compress(COMMON_CRAWL.encode()))
    step = GivenRanks(source=str(tmp_path / "host-ranks.txt.gz"))
    found = ranks(step, tmp_path / "store", "https://www.google.com/x", "https://youtu.be/y", "https://com.google/")
    assert found == [
        {"rank": 0.008634952900502719, "percentile": 2.5 / 3},
        {"rank": 3.794876113587071e-4, "percentile": 0.5 / 3},
        {"rank": None, "percentile": None},
    ]
    report = json.loads((Store(tmp_path / "store").table(step).files() / "report.json").read_text())
    assert report == {"nodes": 3, "sum": pytest.approx(0.0143994183)}


def test_another_column_is_a_rank_too(tmp_path: Path) -> None:
    (tmp_path / "ranks.tsv").write_text(COMMON_CRAWL)
    step = GivenRanks(source=str(tmp_path / "ranks.tsv"), rank="#harmonicc_val")
    assert ranks(step, tmp_path / "store", "https://facebook.com/")[0]["rank"] == 34626736.0


def test_names_may_be_as_they_are_in_urls(tmp_path: Path) -> None:
    (tmp_path / "ranks.csv").write_text("host,score\na.org,2\nb.org,1\n")
    step = GivenRanks(source=str(tmp_path / "ranks.csv"), node="host", rank="score", is_turned=False)
    found = ranks(step, tmp_path / "store", "https://a.org/", "https://b.org/")
    assert [row["rank"] for row in found] == [2.0, 1.0]
    table = np.load(Store(tmp_path / "store").table(step).files() / "lookup.npy")
    assert (np.diff(table[0]) > 0).all()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("host,score\n", "holds no ranks"),
        ("host,score\na.org,\n", "a row without"),
        ("host,score\na.org,high\n", "cannot be read as a table of ranks"),
        ("host,points\na.org,1\n", "cannot be read as a table of ranks"),
    ],
)
def test_a_table_without_ranks_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "ranks.csv").write_text(text)
    step = GivenRanks(source=str(tmp_path / "ranks.csv"), node="host", rank="score", is_turned=False)
    with pytest.raises(InputError, match=complaint):
        materialize(step, tmp_path / "store")
