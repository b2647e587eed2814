"""Bands of quality of a pool, and the runs on them, as a user makes them."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path

import pytest
from toys import Given, Length

from winnow.bench.ledger import read_ledger
from winnow.cli import main
from winnow.core.errors import RecipeError
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.lm.tokenize import Tokenize
from winnow.recipes.scaling import in_bands, scaling


def test_bands_are_the_pool_in_parts_by_score_the_best_first(tmp_path: Path) -> None:
    documents = Given(shards=(tuple((f"d{number:02}", "a" * number) for number in range(1, 21)),))
    made = list(in_bands(documents, (Length(documents=documents),), "length.length", (0.1, 0.15, 0.75)))
    assert [name for name, _ in made] == ["0-10%", "10-25%", "25-100%"]
    ids = []
    for _, rows in made:
        materialize(rows, tmp_path)
        ids.append([id for batch in rows.open_shard(Store(tmp_path), 0, ["id"]) for id in batch["id"].to_pylist()])
    assert sorted(chain.from_iterable(ids)) == [f"d{number:02}" for number in range(1, 21)]
    assert ids[0] == ["d19", "d20"] and ids[1] == ["d18"]  # 210 characters in all: bands end after 21 and 52.5 of them


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"bands": (0.5, 0.4)}, r"--bands are \(0.5, 0.4\), in all 0.9; they must be above 0 and add up to 1"),
        ({"bands": (1.5, -0.5)}, r"--bands are"),
        ({"epochs": (1.0, 1.0)}, r"--epochs are \(1.0, 1.0\); give numbers above 0, each once"),
        ({"epochs": (0.0, 1.0)}, r"--epochs are"),
        ({"seeds": 0}, r"--seeds is 0"),
        ({"filter": "desir"}, r"--filter is 'desir'; did you mean dsir\?"),
        ({"score": "1"}, r"what is good must be told in one way: give --positives or --score"),
        ({"positives": None}, r"what is good must be told in one way"),
    ],
)
def test_what_is_no_design_is_refused(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(RecipeError, match=complaint):
        scaling("pool.jsonl", ("web=web.jsonl",), **({"positives": "good.jsonl"} | options))  # type: ignore[arg-type]


def test_bands_may_go_by_a_score_that_the_documents_bring(tmp_path: Path) -> None:
    rows = [{"id": f"d{number}", "text": "a" * 40, "edu": number % 4} for number in range(40)]
    (tmp_path / "pool.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    made = scaling(
        str(tmp_path / "pool.jsonl"),
        (f"web={tmp_path / 'pool.jsonl'}",),
        score="documents.metadata->>'edu'",
        bands=(0.25, 0.75),
        tokenizer="bytes",
    )
    kept = []
    for _, table in made.pools:
        assert isinstance(table, Tokenize)
        materialize(table.documents, tmp_path / "store")
        batches = table.documents.open_shard(Store(tmp_path / "store"), 0, ["id"])
        kept.append({int(id[1:]) % 4 for batch in batches for id in batch["id"].to_pylist()})
    assert kept == [{3}, {0, 1, 2}]


def test_runs_on_bands_of_a_pool_leave_a_ledger_and_pools_that_advice_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    texts = {
        "pool": [
            f"Page {number} of a pool tells of {'cats' if number % 2 else 'prices'}. " * 9 for number in range(60)
        ],
        "good": [f"Page {number} tells of cats. " * 9 for number in range(20)],
        "web": ["Another page tells of cats. " * 20],
    }
    for name, some in texts.items():
        rows = [{"id": f"{name}{number}", "text": text} for number, text in enumerate(some)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    source, positives, web = (str(tmp_path / f"{name}.jsonl") for name in texts)
    out = tmp_path / "out"
    options = [
        *("--source", source, "--positives", positives, "--heldout", f"web={web}", "--filter", "dsir"),
        *("--bands", "0.5", "0.5", "--scale", "0.1M", "--epochs", "2", "--seeds", "1", "--tokens", "5000"),
        *("--tokenizer", "bytes", "--store", str(tmp_path / "store"), "--out", str(out), "--workers", "2"),
    ]
    assert main(["bench", "scaling", *options]) == 0
    ledger, pools = read_ledger(out), json.loads((out / "pools.json").read_text())
    assert [run.candidate for run in ledger] == [
        "0-50% + 50-100%, 2 epochs",
        "0-50%, 2 epochs",
        "50-100%, 2 epochs",
    ]
    assert [pool["name"] for pool in pools] == ["0-50%", "50-100%"]
    assert all(run.num_tokens <= 5000 and run.epochs == 2 for run in ledger if run.num_tokens)
    assert f"winnow advise fit {out}" in capsys.readouterr().out.replace("\n", "")
    assert main(["advise", "fit", str(out), "--out", str(tmp_path / "fit")]) == 3
    assert "next, train on one of the pools for 0.5 and 4 epochs" in capsys.readouterr().err
