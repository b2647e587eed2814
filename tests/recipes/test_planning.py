from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from winnow import Read, Score, Step, Text
from winnow.core.errors import RecipeError
from winnow.core.executors import Inline
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.dedup.exact import exact_duplicates
from winnow.recipes.estimate import num_bytes, size
from winnow.recipes.planning import duration, plan_recipe


@pytest.fixture
def source(tmp_path: Path) -> str:
    """Forty files of the same size."""
    words = random.Random(1)
    (tmp_path / "in").mkdir()
    for number in range(40):
        lines = [json.dumps({"text": words.randbytes(300).hex()}) for _ in range(50)]
        (tmp_path / "in" / f"{number:02d}.jsonl").write_text("\n".join(lines) + "\n")
    return str(tmp_path / "in")


def recipe(source: str) -> Step:
    return exact_duplicates(Read(source=source))


def test_a_plan_runs_nothing_unless_a_sample_is_asked_for(source: str, tmp_path: Path) -> None:
    planned = plan_recipe(recipe(source), tmp_path / "store", workers=1)
    assert planned.estimate is None
    assert not (tmp_path / "store").exists()


def test_an_estimate_comes_near_what_the_run_leaves(source: str, tmp_path: Path) -> None:
    step = recipe(source)
    estimate = plan_recipe(step, tmp_path / "store", workers=4, sample_bytes=200_000).estimate
    assert estimate is not None
    assert estimate.sample_bytes < estimate.source_bytes / 5
    assert not (tmp_path / "store").exists()
    materialize(step, tmp_path / "store", Inline())
    for label, cost in estimate.costs.items():
        shards = [path.stat().st_size for path in (tmp_path / "store" / label / "shards").iterdir()]
        if label.startswith(("read", "score", "keys")):
            assert cost.disk_bytes == pytest.approx(sum(shards), rel=0.25)
        assert cost.memory_bytes > 20 << 20


def test_an_estimate_tells_what_is_shuffled(source: str, tmp_path: Path) -> None:
    estimate = plan_recipe(recipe(source), tmp_path, workers=1, sample_bytes=100_000).estimate
    assert estimate is not None
    shuffled = {label.split("-")[0] for label, cost in estimate.costs.items() if cost.shuffled_bytes}
    assert shuffled == {"keys", "equalkeys"}


def test_only_what_is_to_do_is_estimated(source: str, tmp_path: Path) -> None:
    read = Read(source=source)
    materialize(read, tmp_path)
    estimate = plan_recipe(Score(documents=read, measure=Text()), tmp_path, workers=1, sample_bytes=100_000).estimate
    assert estimate is not None
    assert [label.split("-")[0] for label in estimate.costs] == ["score"]


def test_of_a_file_that_is_larger_than_the_sample_the_beginning_is_read(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text("".join(json.dumps({"text": f"document {number} " * 30}) + "\n" for number in range(20_000)))
    estimate = plan_recipe(Read(source=str(path)), tmp_path / "store", workers=1, sample_bytes=500_000).estimate
    assert estimate is not None
    assert estimate.source_bytes == path.stat().st_size
    assert 400_000 < estimate.sample_bytes < 600_000
    (cost,) = estimate.costs.values()
    materialize(Read(source=str(path)), tmp_path / "store")
    assert cost.disk_bytes == pytest.approx(
        Store(tmp_path / "store").table(Read(source=str(path))).path(0).stat().st_size, rel=0.5
    )


def test_more_workers_than_tasks_are_of_no_use(source: str, tmp_path: Path) -> None:
    estimate = plan_recipe(Read(source=source), tmp_path, workers=1, sample_bytes=10_000_000).estimate
    assert estimate is not None
    (cost,) = estimate.costs.values()
    assert cost.tasks == 1
    assert estimate.wall_seconds(100) == estimate.wall_seconds(1) == estimate.seconds


@pytest.mark.parametrize(
    ("text", "number"), [("64MiB", 64 << 20), ("1.5 GB", 1_500_000_000), ("10k", 10_000), ("7", 7)]
)
def test_sizes_are_read_in_the_usual_words(text: str, number: int) -> None:
    assert num_bytes(text) == number


@pytest.mark.parametrize("text", ["", "much", "64 miles", "-1", "0"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(RecipeError, match="must be a size like 64MiB"):
        num_bytes(text)


def test_numbers_are_told_in_words() -> None:
    assert [size(n) for n in (12, 2_400_000, 1.5e15)] == ["12 B", "2.4 MB", "1.5 PB"]
    assert [duration(s) for s in (1.25, 90, 5400, 200_000)] == ["1.2 s", "1.5 min", "1.5 h", "2.3 d"]
