"""The trainings that laws of filtering are fitted to: pools alone and together, for some epochs, at small scales.

Their ledger says of every run what was drawn of which pool, and how much there was to draw from; ``runs_of`` turns it
into what ``winnow.laws`` takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from winnow.bench.ledger import Drawn, Ledger
from winnow.bench.metrics import lower_is_better
from winnow.bench.tracks import Bench, Candidate, Trial, bench
from winnow.core.errors import InputError, did_you_mean
from winnow.core.files import write_json
from winnow.core.table import Store
from winnow.laws.design import EPOCHS, offers
from winnow.laws.plans import Pool
from winnow.laws.setups import Runs
from winnow.lm.shares import Epochs
from winnow.lm.token_table import TokenTable, document_sizes

POOLS = "pools.json"


@dataclass(frozen=True, kw_only=True)
class ScalingBench(Bench):
    """A ledger of trainings on pools, and ``pools.json``, which says how much there is of each."""

    pools: tuple[tuple[str, TokenTable], ...]
    """By quality, best first; no document in two."""

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Write the ledger, and the sizes of the pools."""
        sizes = [Pool(name, document_sizes(table, store).num_tokens) for name, table in self.pools]
        write_json(directory / POOLS, [asdict(pool) for pool in sizes])
        return super().make(store, directory)


def scaling_bench(
    pools: Sequence[tuple[str, TokenTable]], trial: Trial, epochs: Sequence[float] = EPOCHS
) -> ScalingBench:
    """Every pool by itself, and the first ones together, for each number of epochs.

    A run has at most the trial's tokens: pools that would give more are cut, to whole documents and one at least, so
    that small runs repeat their data as often as large ones will.
    """
    offered = [tuple(pools[place] for place in places) for places in offers(len(pools))]
    made = bench("scaling", [_repeated(some, times) for some in offered for times in epochs], trial)
    return ScalingBench(track=made.track, entries=made.entries, pools=tuple(pools))


def runs_of(ledger: Ledger, pools: Sequence[Pool], metric: str | None = None) -> tuple[Runs, str]:
    """The runs of a ledger that drew from these pools alone, for laws; and the metric that they are of.

    Unless told, the metric is the only loss that the ledger has. InputError where it has several or none, for a metric
    that is no loss, and where no run drew from the pools.
    """
    metric = metric or _only_loss(ledger)
    names = [pool.name for pool in pools]
    if not lower_is_better(metric):
        raise InputError(f"{metric} is better when higher, and laws are of losses: take bits per byte")
    drawn = [run for run in ledger if run.sources and set(run.sources) <= set(names)]
    if not drawn:
        there = sorted({name for run in ledger for name in run.sources})
        raise InputError(f"no run of the ledger drew from {', '.join(names)} alone; its sources: {', '.join(there)}")
    kept = [run for run in drawn if metric in run.metrics and run.num_params]
    if not kept:
        raise InputError(f"no run has the metric {metric!r}; {did_you_mean(metric, ledger.metrics())}")
    rows = np.array([[run.sources.get(name, Drawn(0, 0)) for name in names] for run in kept], np.float64)
    found = Runs(
        pools=tuple(names),
        unique=rows[:, :, 1],
        seen=rows[:, :, 0],
        num_params=np.array([run.num_params for run in kept], np.float64),
        value=np.array([run.metrics[metric] for run in kept]),
        run=np.array([run.run for run in kept]),
    )
    return found, metric


def _repeated(pools: tuple[tuple[str, TokenTable], ...], times: float) -> Candidate:
    """Pools as often each."""
    names = [name for name, _ in pools]
    return Candidate(f"{' + '.join(names)}, {times:g} epochs", pools, Epochs(tuple((name, times) for name in names)))


def _only_loss(ledger: Ledger) -> str:
    losses = [metric for metric in ledger.metrics() if lower_is_better(metric)]
    if len(losses) != 1:
        raise InputError(f"the ledger has {len(losses)} losses ({', '.join(losses) or 'none'}): name one by --metric")
    return losses[0]
