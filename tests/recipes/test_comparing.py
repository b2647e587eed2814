"""Which of its two comparisons ``winnow compare`` makes."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from winnow.core.errors import RecipeError
from winnow.core.files import copy
from winnow.core.storage import place
from winnow.recipes.comparing import compare_any
from winnow.report.two_runs import TwoRuns


@pytest.fixture
def runs(tmp_path: Path) -> tuple[str, str]:
    for name, ids in (("a", ["1", "2"]), ("b", ["2", "3", "4"])):
        (tmp_path / name / "documents").mkdir(parents=True)
        pq.write_table(pa.table({"id": ids, "text": ids}), tmp_path / name / "documents" / "0.parquet")
    return str(tmp_path / "a"), str(tmp_path / "b")


def test_two_outputs_are_compared_by_their_documents_wherever_they_lie(runs: tuple[str, str], tmp_path: Path) -> None:
    copy(Path(runs[1]) / "documents" / "0.parquet", place(f"memory://{tmp_path.name}/documents/0.parquet"))
    for b in (runs[1], f"memory://{tmp_path.name}"):
        found = compare_any(runs[0], b, "winnow-bench", None, None)
        assert isinstance(found, TwoRuns)
        assert (found.both.documents, found.only_a.documents, found.only_b.documents) == (1, 1, 2)


def test_an_output_and_a_candidate_are_not_compared(runs: tuple[str, str]) -> None:
    with pytest.raises(RecipeError, match="clean is not: give two of one"):
        compare_any(runs[0], "clean", "winnow-bench", None, None)


def test_options_of_ledgers_are_refused_for_outputs(runs: tuple[str, str]) -> None:
    with pytest.raises(RecipeError, match="--scale and --metric are for ledgers"):
        compare_any(*runs, "winnow-bench", "1M", None)
