from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from ledgers import make_ledger

from winnow.bench.imported import ImportedRuns, export_results, import_results
from winnow.bench.ledger import Run, read_ledger, write_ledger
from winnow.core.errors import InputError
from winnow.core.executors import Inline
from winnow.core.run import materialize
from winnow.core.table import Store

DCLM = """\
Model JSON,Dataset,model,params,tokens,Core,Extended,name,creation_date,missing tasks,hellaswag,dataset_uuid
a.json,books,open_lm_1b,1439795200,28795904000,0.25,,/eval/heavy,2024_01_12-23_37_47,[],0.54,u1
b.json,web,open_lm_1b,1439795200,143979520000,0.31,0.16,/eval/heavy,2024_01_16-03_58_41,[],,u2
"""
"""Two made-up rows under the headings of the DCLM paper's database of runs."""


def write(directory: Path, text: str) -> Path:
    path = directory / "results.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_headings_of_the_dclm_database_are_understood(tmp_path: Path) -> None:
    books, web = import_results(write(tmp_path, DCLM))
    assert (books.candidate, books.num_params, books.num_tokens) == ("books", 1_439_795_200, 28_795_904_000)
    assert (books.scale, web.scale) == ("1B-1x", "1B-5x")
    assert books.dataset == "u1" and books.made == "2024_01_12-23_37_47" and books.seed is None
    assert books.metrics == {"Core": 0.25, "hellaswag": 0.54}
    assert web.metrics == {"Core": 0.31, "Extended": 0.16}
    assert json.loads(books.recipe or "")["model"] == "open_lm_1b"
    assert books.track == "imported" and books.run != web.run


def test_a_scale_that_nobody_named_is_parameters_and_tokens_for_each(tmp_path: Path) -> None:
    runs = import_results(write(tmp_path, "candidate,params,tokens\na,1300000000,26e9\nb,5e7,5e8\nc,5e7,\n"))
    assert [run.scale for run in runs] == ["1.3B-1x", "50M-0.5x", None]


def test_columns_can_be_named_and_left_out(tmp_path: Path) -> None:
    columns = {"model": "scale", "Model JSON": "run", "Extended": None}
    runs = import_results(write(tmp_path, DCLM), columns, track="dclm")
    assert [(run.run, run.scale, run.track) for run in runs] == [
        ("a.json", "open_lm_1b", "dclm"),
        ("b.json", "open_lm_1b", "dclm"),
    ]
    assert "Extended" not in runs[1].metrics


def test_imported_runs_are_rows_of_a_ledger(tmp_path: Path) -> None:
    runs = import_results(write(tmp_path, DCLM))
    assert write_ledger(runs, tmp_path / "ledger").runs == runs == read_ledger(tmp_path / "ledger").runs


@pytest.mark.parametrize("cell", ["", "nan", "NaN", "None", "N/A", " "])
def test_missing_values_stay_missing(cell: str, tmp_path: Path) -> None:
    first, second = import_results(write(tmp_path, f"candidate,seed,score\na,{cell},{cell}\nb,1,0.5\n"))
    assert first.seed is None and first.metrics == {}
    assert second.seed == 1 and second.metrics == {"score": 0.5}


def test_a_column_called_dataset_is_the_candidate_only_where_no_other_is(tmp_path: Path) -> None:
    (alone,) = import_results(write(tmp_path, "dataset,score\nbooks,1\n"))
    assert (alone.candidate, alone.dataset) == ("books", None)
    (beside,) = import_results(write(tmp_path, "dataset,candidate,score\nabc,books,1\n"))
    assert (beside.candidate, beside.dataset) == ("books", "abc")


def test_equal_rows_are_one_run(tmp_path: Path) -> None:
    assert len(import_results(write(tmp_path, "candidate,score\na,1\na,1\na,2\n"))) == 2


@pytest.mark.parametrize(
    ("text", "columns", "told"),
    [
        ("candidate,score\n", {}, "holds no results"),
        ("score,loss\n1,2\n", {}, "name it: columns={'score': 'candidate'}"),
        ("candidate,score\na,1\n", {"scor": "seed"}, "did you mean score"),
        ("candidate,score\na,1\n", {"score": "sede"}, "did you mean seed"),
        ("candidate,seed\na,first\n", {}, "line 2, seed: seed is 'first', which is no number"),
        ("candidate,seed\na,1.5\n", {}, "no whole number"),
        ("candidate,score\n,1\n", {}, "line 2 names no candidate"),
        ("candidate,score\na,1,2\n", {}, "line 2 has more cells"),
        ("candidate,score,score\na,1,2\n", {}, "two columns 'score'"),
        ("run,candidate,score\nx,a,1\nx,a,2\n", {}, "two different rows of the run 'x'"),
    ],
)
def test_what_cannot_be_imported_is_told(text: str, columns: dict[str, str], told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        import_results(write(tmp_path, text), columns)
    assert told in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        import_results(tmp_path / "none.csv")


def test_what_was_exported_is_imported_again(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, {"clean": 0.1, "spoiled": 0.0}, seeds=2, items=5)
    ledger = write_ledger([Run(run="bare", candidate='a,b "c"', recipe='{"keep": 0.1}')], tmp_path)
    export_results(ledger, tmp_path / "out.csv")
    again = import_results(tmp_path / "out.csv")
    expected = [dataclasses.replace(run, curves={}, items=None, track=run.track or "imported") for run in ledger]
    assert list(again) == expected


def test_a_file_of_results_is_a_step(tmp_path: Path) -> None:
    path = write(tmp_path, DCLM)
    store = Store(tmp_path / "store")
    step = ImportedRuns(results=str(path), columns=(("model", "scale"),), track="dclm")
    materialize(step, store.root, Inline())
    assert read_ledger(store.table(step).files()).runs == import_results(path, {"model": "scale"}, "dclm")
    before = step.outside()
    write(tmp_path, DCLM.replace("0.25", "0.26"))
    assert step.outside() != before
