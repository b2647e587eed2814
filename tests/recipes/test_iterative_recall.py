"""Iterative recall on pages whose topic and sites are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from winnow.core.errors import RecipeError
from winnow.core.executors import Inline
from winnow.core.run import materialize
from winnow.core.step import ordered
from winnow.core.table import Store
from winnow.measure.fit_fasttext import FitFastText
from winnow.recipes.iterative_recall import RecallReport, Together, iterative_recall

COMMON = "the of and a to in is that it for was on are as with".split()
TOPICS = {
    "seed": "proof lemma theorem",
    "school": "proof lemma homework",
    "forum": "lemma homework grade",
    "shop": "buy price offer",
}


def page(id: str, topic: str, url: str | None) -> dict[str, Any]:
    rng = np.random.default_rng(list(id.encode()))
    words = [*rng.choice(COMMON, 20).tolist(), *rng.choice(TOPICS[topic].split(), 10).tolist()]
    return {"id": id, "text": " ".join(rng.permutation(words).tolist()), "url": url}


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    """Of a pool of 400 pages 60 are like the seed, on two sites that have pages on neighbouring things too."""
    pool = [page(f"school{n}", "school", f"https://www.school.example/{n}") for n in range(60)]
    pool += [page(f"forum{n}", "forum", f"https://www.school.example/forum/{n}") for n in range(60)]
    pool += [page(f"shop{n}", "shop", f"https://shop.example/{n}") for n in range(260)]
    pool += [page(f"nowhere{n}", "shop", None) for n in range(20)]
    return {
        "seed": write(tmp_path / "seed.jsonl", [page(f"seed{n}", "seed", None) for n in range(60)]),
        "pool": write(tmp_path / "pool.jsonl", pool),
        "num_rounds": 3,
        "fraction": 0.15,
        "epochs": 30,
        "rate": 1.0,
        "min_count": 1,
        "word_ngrams": 1,
    }


def rounds_of(store: Store, recipe: Any) -> list[dict[str, Any]]:
    report = next(step for step in ordered(recipe) if isinstance(step, RecallReport))
    found: list[dict[str, Any]] = json.loads(store.table(report).file("report.json").read_text())["rounds"]
    return found


def test_pages_of_the_sites_that_are_found_join_the_seed(options: dict[str, Any], tmp_path: Path) -> None:
    recipe, store = iterative_recall(**options), Store(tmp_path / "store")
    materialize(recipe, store, Inline())
    kept = [id for batch in recipe.open_shard(store, 0, ["id"]) for id in batch.column("id").to_pylist()]
    rounds = rounds_of(store, recipe)
    assert [one["recalled"] for one in rounds] == [60, 60, 60] == [len(kept)] * 3
    assert all(id.startswith(("school", "forum")) for id in kept)
    assert [one["sites"] for one in rounds] == [1, 1, 1]
    assert rounds[0]["positives"] < 60 < rounds[1]["positives"] <= rounds[2]["positives"]
    assert rounds[0]["jaccard"] is None
    assert rounds[2]["known_fraction"] == pytest.approx(2 * rounds[2]["jaccard"] / (1 + rounds[2]["jaccard"]))


def test_a_site_below_the_share_brings_nothing_and_the_rounds_stay_the_same(
    options: dict[str, Any], tmp_path: Path
) -> None:
    recipe, store = iterative_recall(**options, min_domain_fraction=0.99), Store(tmp_path / "store")
    materialize(recipe, store, Inline())
    rounds = rounds_of(store, recipe)
    assert [one["sites"] for one in rounds] == [0, 0, 0]
    assert [one["jaccard"] for one in rounds] == [None, 1.0, 1.0]


def test_each_page_knows_its_rounds(options: dict[str, Any], tmp_path: Path) -> None:
    recipe, store = iterative_recall(**options), Store(tmp_path / "store")
    materialize(recipe, store, Inline())
    (recall,) = recipe.scores()  # type: ignore[attr-defined]
    rows = store.table(recall).shard(0).to_pylist()
    chosen = {row["id"] for row in rows if row["last_round"] == 3}
    assert len(chosen) == 60
    assert all((row["num_rounds"] == 0) == (row["first_round"] is None) for row in rows)
    assert all(row["num_rounds"] <= row["last_round"] - row["first_round"] + 1 for row in rows if row["num_rounds"])


def test_the_seed_stays_among_the_positives_of_every_round(options: dict[str, Any], tmp_path: Path) -> None:
    recipe, store = iterative_recall(**options), Store(tmp_path / "store")
    materialize(recipe, store, Inline())
    fits = [step for step in ordered(recipe) if isinstance(step, FitFastText)]
    together = fits[-1].positives
    assert isinstance(together, Together)
    shards = range(len(store.table(together).manifest.shards))
    read = [batch for shard in shards for batch in together.open_shard(store, shard, ["id", "text"])]
    ids = pa.Table.from_batches(read).column("id").to_pylist()
    assert ids[:60] == [f"seed{n}" for n in range(60)]
    assert set(ids[60:]) <= {f"{kind}{n}" for kind in ("school", "forum") for n in range(60)}
    kept = [id for shard in shards for id in store.table(together).shard(shard, ["id"]).column("id").to_pylist()]
    assert kept == ids


def test_senseless_shares_and_rounds_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="--num-rounds is 0"):
        iterative_recall(**options | {"num_rounds": 0})
    with pytest.raises(RecipeError, match=r"--min-domain-fraction is 1\.5"):
        iterative_recall(**options, min_domain_fraction=1.5)
