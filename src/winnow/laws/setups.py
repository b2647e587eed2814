"""What is trained: how many tokens of which pool, how often, by a model of which size; and what came out of it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from winnow.core.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Setups:
    """Trainings as arrays, a row each; n of them on p pools."""

    pools: tuple[str, ...]
    """Names, best first."""
    unique: NDArray[np.float64]
    """[n, p] tokens that there are of a pool; samples where a study counts those. 0 where none is offered."""
    seen: NDArray[np.float64]
    """[n, p] tokens drawn from it, repetitions included."""
    num_params: NDArray[np.float64]
    """[n] of the model; 1 where all are alike."""

    def __post_init__(self) -> None:
        rows = len(self.num_params)
        for name in ("unique", "seen"):
            if getattr(self, name).shape != (rows, len(self.pools)):
                raise InputError(
                    f"{name} has the shape {getattr(self, name).shape}; {rows} trainings on {len(self.pools)} pools "
                    f"need {(rows, len(self.pools))}"
                )
        if bad := np.flatnonzero((self.seen.sum(1) <= 0) | ((self.seen > 0) & (self.unique <= 0)).any(1)).tolist():
            raise InputError(f"row {bad[0]} draws from a pool that has nothing, or draws nothing at all")

    def __len__(self) -> int:
        return len(self.num_params)

    @cached_property
    def tokens(self) -> NDArray[np.float64]:
        """[n] drawn in all."""
        found: NDArray[np.float64] = self.seen.sum(1)
        return found

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """[n, p] of what is drawn; they sum to one."""
        return self.seen / self.tokens[:, None]

    @cached_property
    def epochs(self) -> NDArray[np.float64]:
        """[n, p] times that a token of a pool is drawn on the mean; 0 of a pool that is not used."""
        return self.seen / np.where(self.seen > 0, self.unique, 1.0)

    @cached_property
    def used(self) -> NDArray[np.float64]:
        """[n] unique tokens of all pools that are drawn from."""
        found: NDArray[np.float64] = np.where(self.seen > 0, self.unique, 0.0).sum(1)
        return found

    @cached_property
    def distinct(self) -> NDArray[np.float64]:
        """[n, p] tokens of a pool that are drawn at all: all of them from one epoch on."""
        return np.minimum(self.unique, self.seen)

    def rows(self, chosen: Any) -> Self:
        """Those of these numbers, or where a flag is true."""
        arrays = {one.name: getattr(self, one.name) for one in fields(self)}
        return replace(self, **{name: one[chosen] for name, one in arrays.items() if isinstance(one, np.ndarray)})


@dataclass(frozen=True)
class Runs(Setups):
    """Trainings that were measured."""

    value: NDArray[np.float64]
    """[n] loss, bits per byte or error: lower is better."""
    run: NDArray[np.str_]
    """[n] which rows are measurements of one training; they are resampled together."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if bad := np.flatnonzero(~(np.isfinite(self.value) & (self.value > 0))).tolist():
            raise InputError(f"run {self.run[bad[0]]} has the value {self.value[bad[0]]}; laws are of positive numbers")


def one_pool(unique: ArrayLike, tokens: ArrayLike, num_params: ArrayLike, name: str = "pool") -> Setups:
    """Trainings on one pool each of its own size."""
    columns = [np.asarray(one, np.float64) for one in (unique, tokens, num_params)]
    return Setups((name,), columns[0][:, None], columns[1][:, None], columns[2])
