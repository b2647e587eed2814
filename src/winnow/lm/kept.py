"""A model that was kept along a run, as a model of its own: what a reference looked like early on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from winnow.core.errors import RecipeError
from winnow.core.files import copy, read_json
from winnow.core.step import Whole
from winnow.core.table import Store
from winnow.lm.train import Train, kept_step
from winnow.lm.trained import CONFIG, kept_directory


@dataclass(frozen=True, kw_only=True)
class Checkpoint(Whole):
    """The model of a run as it was at a share of its steps: weights, configuration and tokenizer.

    It stands wherever a ``Model`` does, and ``open_trained`` opens it. Its learning rate had not come down yet, so it
    is a little worse than the last model of a run that ends there.
    """

    trained: Train
    at: float
    """One of the run's ``keep_checkpoints``."""

    def check(self) -> None:
        """Refuse a share at which the run keeps nothing."""
        kept = self.trained.keep_checkpoints
        if self.at not in kept:
            raise RecipeError(
                f"at is {self.at:g}, and the run keeps {f'its models at {_listed(kept)}' if kept else 'no models'}: "
                "take a share that is kept, or add it to keep_checkpoints of the run"
            )

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Copy the model's files."""
        run = store.table(self.trained)
        step = kept_step(self.at, read_json(run.file(CONFIG))["recipe"]["num_steps"])
        beginning = f"{kept_directory(step)}/"
        for name in [file.name for file in run.manifest.shards if file.name.startswith(beginning)]:
            copy(run.file(name), directory / name.removeprefix(beginning))
        return {"step": step}


def _listed(shares: tuple[float, ...]) -> str:
    return ", ".join(f"{share:g}" for share in shares)
