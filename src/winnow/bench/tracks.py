"""Three tracks of one testbed: everything is fixed but the training stream, so what differs afterwards is its doing.

filtering   one pool: candidates are choices from it, each a stream of its own documents
mixing      several sources: candidates are shares of them
scaling     several pools by quality: candidates are numbers of epochs over some of them

A candidate is trained at every scale with every seed by the fixed recipe, then evaluated; a ``Bench`` is the ledger of
all these runs (DCLM, Li et al. 2024, section 3: the first two tracks, fixed scales, one recipe, one evaluation).
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from winnow.bench.ledger import Drawn, Run, read_curves, write_ledger
from winnow.core.errors import RecipeError
from winnow.core.files import open_parquet, read_json
from winnow.core.plain import digest, to_plain
from winnow.core.step import Whole
from winnow.core.table import Store
from winnow.evaluate.evaluate import ITEMS, REPORT, Evaluate
from winnow.evaluate.fine_tune import FineTune
from winnow.lm.mix import ABOUT, Mix
from winnow.lm.scales import Scale, find_scale
from winnow.lm.shares import Proportional, Shares
from winnow.lm.token_table import TokenTable
from winnow.lm.train import Train

Track = Literal["filtering", "mixing", "scaling"]

_REPORTED = ("dataset", "num_params", "num_tokens", "unique_tokens", "epochs", "flops", "machine")
"""What a training run says of itself."""


@dataclass(frozen=True)
class Candidate:
    """What is compared: tokens, and how much of the stream each of them gets."""

    name: str
    sources: tuple[tuple[str, TokenTable], ...]
    shares: Shares = field(default_factory=Proportional)

    def stream(self, num_tokens: int, seed: int) -> Mix:
        """So many tokens of it, in an order of the seed's; at most so many where it asks for ``Epochs``."""
        return Mix(sources=self.sources, num_tokens=num_tokens, shares=self.shares, seed=seed)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What is the same for every candidate."""

    scales: tuple[str, ...]
    """Names in the table of scales, with a multiplier or without: ``0.3M``, ``1M-2x``."""
    seeds: tuple[int, ...]
    """Each is a run of its own: another initialisation, another order, another part of a set larger than the budget."""
    num_tokens: int | None = None
    """Tokens to train on instead of each scale's own budget; a smaller set is repeated."""
    heldout: tuple[tuple[str, Mix], ...] = ()
    tasks: tuple[str, ...] = ()
    """Names of tasks or groups of them."""
    task_files: tuple[str, ...] = ()
    """Directories in which the tasks' files are looked for."""
    max_items: int | None = None
    """Items drawn of each task at most."""


@dataclass(frozen=True, kw_only=True)
class Bench(Whole):
    """The ledger of candidates that were trained and evaluated alike.

    Writes ``ledger.parquet``, its twin ``ledger.json``, and ``items/``, the score of every item in every run.
    """

    track: Track
    entries: tuple[tuple[str, tuple[Evaluate | FineTune, ...]], ...]
    """A candidate's name and what was measured of one model trained on it."""

    def check(self) -> None:
        """Refuse a bench that compares nothing."""
        if not self.entries:
            raise RecipeError("the bench has no runs: give at least one candidate, one scale and one seed")
        for name, measured in self.entries:
            if not all(isinstance(one.model, Train) for one in measured):
                raise RecipeError(f"{name} is a model from elsewhere; a bench trains what it compares")
            if len({one.model for one in measured}) != 1:
                raise RecipeError(f"{name} was not measured, or as several models: a run is one model")

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Write a row for every run; one that is measured again takes the place of its row in a ledger."""
        commit = _commit()
        runs = [self._run(name, measured, store, directory, commit) for name, measured in self.entries]
        write_ledger(runs, directory)
        return {"runs": len(runs), "candidates": len({name for name, _ in self.entries})}

    def _run(
        self,
        candidate: str,
        measured: Sequence[Evaluate | FineTune],
        store: Store,
        directory: Path,
        commit: str | None,
    ) -> Run:
        train = measured[0].model
        assert isinstance(train, Train)
        trained, tables = store.table(train), [store.table(one) for one in measured]
        report = read_json(trained.file("report.json"))
        items = directory / "items" / f"{digest([one.key for one in measured])[:16]}.parquet"
        items.parent.mkdir(exist_ok=True)
        pq.write_table(pa.concat_tables(_items(table.file(ITEMS)) for table in tables), items, compression="zstd")
        metrics = [read_json(table.file(REPORT))["metrics"] for table in tables]
        return Run(
            run=digest([self.track, candidate, train.tokens.key, train.scale, train.seed]),
            candidate=candidate,
            track=self.track,
            scale=scale_label(find_scale(train.scale), report["num_tokens"]),
            seed=train.seed,
            recipe=orjson.dumps(to_plain(train)).decode(),
            **{name: report[name] for name in _REPORTED},
            sources=_sources(read_json(store.table(train.tokens).file(ABOUT))),
            metrics={name: value for some in metrics for name, value in some.items()},
            curves=read_curves(trained.file("losses.parquet"), trained.file("heldout.parquet")),
            items=f"items/{items.name}",
            seconds=trained.manifest.seconds,
            commit=commit,
            made=trained.manifest.made,
        )


def bench(track: Track, candidates: Sequence[Candidate], trial: Trial) -> Bench:
    """Every candidate at every scale with every seed."""
    names = [candidate.name for candidate in candidates]
    if twice := [name for name in names if names.count(name) > 1]:
        raise RecipeError(f"two candidates are called {twice[0]!r}: name each once")
    entries = [
        (candidate.name, (_evaluation(candidate, find_scale(name), seed, trial),))
        for name in trial.scales
        for candidate in candidates
        for seed in trial.seeds
    ]
    return Bench(track=track, entries=tuple(entries))


def scale_label(scale: Scale, num_tokens: int) -> str:
    """A scale's name with the multiplier that so many tokens are, to two digits: runs of other budgets stay apart.

    >>> scale_label(find_scale("1M"), find_scale("1M-2x").num_tokens)
    '1M-2x'
    """
    own = replace(scale, multiplier=1.0).num_tokens
    if abs(num_tokens - scale.num_tokens) <= scale.batch_tokens:
        return scale.name
    size = scale.name.rsplit("-", 1)[0]
    return f"{size}-{num_tokens / own:.2g}x"


def _evaluation(candidate: Candidate, scale: Scale, seed: int, trial: Trial) -> Evaluate:
    num_tokens = scale.num_tokens if trial.num_tokens is None else trial.num_tokens
    train = Train(tokens=candidate.stream(num_tokens, seed), scale=scale.name, seed=seed, heldout=trial.heldout)
    return Evaluate(
        model=train,
        tasks=trial.tasks,
        task_files=trial.task_files,
        heldout=trial.heldout,
        max_items=trial.max_items,
    )


def _sources(mix: Mapping[str, Any]) -> dict[str, Drawn]:
    """What a mix drew of each of its sources."""
    drawn = [one for one in mix["sources"] if one["num_tokens"]]
    return {one["name"]: Drawn(one["num_tokens"], round(one["num_tokens"] / one["epochs"])) for one in drawn}


def _items(path: Path) -> pa.Table:
    with open_parquet(path) as opened:
        return opened.read()


def _commit() -> str | None:
    """The commit of the directory that the run was started in, if any: that of the user's own code."""
    try:
        found = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()
