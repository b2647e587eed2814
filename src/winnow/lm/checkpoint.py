"""Where a run stands, in one file that appears whole: weights, moments, step and curves.

A checkpoint says what it is of; one of another run, or of the same recipe on other data, is not taken up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)

from winnow.core.files import appearing

FILE = "checkpoint.pt"
WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)
"""Every weight in one piece, whether the run has one process or many."""


@dataclass
class Curves:
    """What a run has measured so far."""

    losses: list[tuple[int, int, float, float, float]] = field(default_factory=list)
    """Step, tokens seen, loss in nats per token, learning rate, norm of the gradient before it was clipped."""
    heldout: list[tuple[int, int, str, float]] = field(default_factory=list)
    """Step, tokens seen, name of the held-out set, bits per byte."""
    seconds: float = 0.0
    """Spent on steps."""


def weights_of(objective: nn.Module) -> dict[str, Any]:
    """Every weight by its name in the model, whole, on this machine's memory; all processes must ask."""
    state = get_model_state_dict(objective, options=WHOLE)
    return {name.removeprefix("model."): value for name, value in state.items()}


def save(
    directory: Path,
    run: str,
    step: int,
    objective: nn.Module,
    optimizer: torch.optim.Optimizer,
    curves: Curves,
    *,
    write: bool,
) -> None:
    """Leave a checkpoint in place of the last one; all processes must call it, and one of them writes."""
    state = {
        "run": run,
        "step": step,
        "model": get_model_state_dict(objective, options=WHOLE),
        "optimizer": get_optimizer_state_dict(objective, optimizer, options=WHOLE),
        "curves": vars(curves),
    }
    if write:
        with appearing(directory / FILE) as temporary:
            torch.save(state, temporary)


def restore(directory: Path, run: str, objective: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[int, Curves]:
    """Take up where the run's checkpoint stands: the next step and the curves; step 0 where there is none."""
    path = directory / FILE
    if not path.exists():
        return 0, Curves()
    state = torch.load(path, map_location="cpu", weights_only=True)
    if state["run"] != run:
        return 0, Curves()
    set_model_state_dict(objective, state["model"], options=WHOLE)
    set_optimizer_state_dict(objective, optimizer, state["optimizer"], options=WHOLE)
    return state["step"], Curves(**state["curves"])
