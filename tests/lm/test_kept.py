from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

import tiny  # noqa: E402

from winnow.core.errors import RecipeError  # noqa: E402
from winnow.core.files import read_json  # noqa: E402
from winnow.core.plain import from_plain, to_plain  # noqa: E402
from winnow.core.run import materialize  # noqa: E402
from winnow.core.table import Store  # noqa: E402
from winnow.evaluate.evaluate import Evaluate  # noqa: E402
from winnow.lm.kept import Checkpoint  # noqa: E402
from winnow.lm.scales import SCALES  # noqa: E402
from winnow.lm.train import Train  # noqa: E402
from winnow.lm.trained import open_trained  # noqa: E402

SHARES = (0.14, 0.55)


@pytest.fixture(autouse=True)
def tiny_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCALES, "tiny", tiny.TINY)


def train(keep_checkpoints: tuple[float, ...] = SHARES, num_tokens: int = 2600) -> Train:
    return Train(tokens=tiny.mix(num_tokens), scale="tiny", keep_checkpoints=keep_checkpoints)


def test_it_is_the_model_that_was_kept_and_stands_alone(tmp_path: Path) -> None:
    run = train()  # of 20 steps
    early, late = (materialize(Checkpoint(trained=run, at=share), tmp_path) for share in SHARES)
    assert {path.name for path in (early / "files").iterdir()} == {
        "model.safetensors",
        "config.json",
        "tokenizer.json",
    }
    made = materialize(run, tmp_path) / "files"
    for checkpoint, step in ((early, 3), (late, 11)):
        kept = made / "checkpoints" / f"{step:07d}"
        for name in ("model.safetensors", "config.json", "tokenizer.json"):
            assert (checkpoint / "files" / name).read_bytes() == (kept / name).read_bytes()
        opened = open_trained(checkpoint)
        assert (opened.context, opened.tokenizer.vocab_size, opened.report) == (16, 257, {})
    weights = [open_trained(path).model.head.weight for path in (early, late, made)]
    assert not torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[1], weights[2])


def test_what_else_is_kept_changes_nothing(tmp_path: Path) -> None:
    one, other = train((0.2,)), train((0.2, 0.4))
    paths = [materialize(Checkpoint(trained=run, at=0.2), tmp_path) for run in (one, other)]
    first, second = ((path / "files" / "model.safetensors").read_bytes() for path in paths)
    assert first == second
    assert Checkpoint(trained=one, at=0.2).key != Checkpoint(trained=other, at=0.2).key


def test_it_is_evaluated_like_any_model(tmp_path: Path) -> None:
    held = (("made", tiny.mix(200, 1, "held")),)
    run = Train(tokens=tiny.mix(2600), scale="tiny", keep_checkpoints=SHARES, heldout=held)
    models = (Checkpoint(trained=run, at=0.14), Checkpoint(trained=run, at=0.55), run)
    paths = [materialize(Evaluate(model=model, tasks=(), heldout=held), tmp_path) for model in models]
    reports = [read_json(path / "files" / "report.json") for path in paths]
    bits = [report["metrics"]["heldout/made/bits_per_byte"] for report in reports]
    assert bits[0] > bits[1] > bits[2]


def test_it_is_made_where_the_store_is_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNOW_CACHE", str(tmp_path / "cache"))
    step = Checkpoint(trained=train(num_tokens=1500), at=0.55)
    materialize(step, "memory://kept")
    here = materialize(step, tmp_path / "store")
    there = Store("memory://kept").table(step).files()
    assert open_trained(there).config == open_trained(here).config
    assert (there / "model.safetensors").read_bytes() == (here / "files" / "model.safetensors").read_bytes()


def test_a_share_that_is_not_kept_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"at is 0.5, and the run keeps its models at 0.14, 0.55: take a share"):
        materialize(Checkpoint(trained=train(), at=0.5), tmp_path)
    assert not list(tmp_path.iterdir())
    with pytest.raises(RecipeError, match=r"at is 0\.5, and the run keeps no models"):
        Checkpoint(trained=train(()), at=0.5).check()


def test_a_recipe_names_it() -> None:
    step = Checkpoint(trained=train(), at=0.14)
    assert from_plain(to_plain(step)) == step
    assert step.inputs() == (step.trained,)
