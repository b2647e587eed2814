"""A study of a rater as data: what was trained on which part of the pool, what that cost and what it gained.

DataRater (Calian et al. 2025, arXiv 2505.17895) meta-learns a rater, drops what it rates lowest, and trains on the
rest. An ``RaterArm`` is one such choice, or one that it is compared with; the runs of all arms are a ledger whose
candidates are the arms' names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

from winnow.bench.ledger import Curve, Ledger, read_ledger
from winnow.bench.rated_pool import Kept, Pool, Shown, SourceScores, Told
from winnow.bench.rater_cost import Gain, Paid, Prices
from winnow.bench.rater_gaps import Gap
from winnow.core.errors import InputError
from winnow.core.files import read_json, write_json

Kind = Literal["rater", "random", "unfiltered", "oracle"]
STUDY = "rater_study.json"
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class RaterArm:
    """What a model is trained on."""

    kind: Kind
    discard: float = 0.0
    """Share of the pool's tokens that is dropped, in [0, 1); an oracle drops what it knows to be spoiled."""

    @property
    def name(self) -> str:
        """The candidate's name in the ledger."""
        if self.kind == "random":
            return f"random {100 * (1 - self.discard):g}%"
        return f"rater, {100 * self.discard:g}% dropped" if self.kind == "rater" else self.kind


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """How the rater was learnt."""

    steps: int
    chunks: int
    heldout_chunks: int
    heldout: str
    """``split`` where it is a part of the pool, else ``documents``."""
    left_out: int
    """Documents of the pool that stand in the held-out set too, for the most part."""
    seconds: float
    backend: str
    warnings: tuple[str, ...]
    curves: Mapping[str, Curve]
    """Points (meta-step, value) by what was measured."""


@dataclass(frozen=True, kw_only=True)
class RaterResult:
    """Everything that was measured."""

    ledger: Ledger
    """Candidates are arms' names."""
    arms: tuple[RaterArm, ...]
    rule: str
    """How documents were dropped: ``top``, ``batch`` or ``accept``."""
    metrics: tuple[str, ...]
    """Bits per byte of every validation set, the one that judges first."""
    optimal: Mapping[str, float]
    """By scale, the discard after which the judging metric is lowest."""
    gaps: tuple[Gap, ...]
    gains: tuple[Gain, ...]
    """In the judging metric."""
    prices: Prices
    amortised: tuple[Paid, ...]
    """Empty where the arm that is judged never reaches the unfiltered run at the largest scale."""
    learnt: Learnt
    pool: Pool
    overlaps: Mapping[str, int]
    """Documents of each validation set that stand in the pool or the held-out set too, by their ids; none is right."""

    @property
    def scales(self) -> tuple[str, ...]:
        """From small to large."""
        return self.ledger.names("scale")

    @property
    def judged(self) -> RaterArm:
        """The rater's arm that verdicts are about: that with the best discard at the smallest scale."""
        return RaterArm(kind="rater", discard=self.optimal[self.scales[0]])

    def named(self, kind: Kind) -> tuple[RaterArm, ...]:
        """The arms of a kind."""
        return tuple(arm for arm in self.arms if arm.kind == kind)

    def gap(self, arm: str, other: str, scale: str, metric: str | None = None) -> Gap | None:
        """How far an arm lies from another, in the judging metric or in another; None where one was not run."""
        wanted = (arm, other, scale, metric or self.metrics[0])
        return next((one for one in self.gaps if (one.arm, one.other, one.scale, one.metric) == wanted), None)

    def gain(self, arm: str, scale: str) -> Gain | None:
        """How early an arm reaches the unfiltered run's end."""
        return next((one for one in self.gains if (one.arm, one.scale) == (arm, scale)), None)

    def to_plain(self) -> dict[str, Any]:
        """Everything but the ledger, as JSON."""
        plain = {name: value for name, value in asdict(self).items() if name != "ledger"}
        for row, gain in zip(plain["gains"], self.gains, strict=True):
            row |= {name: getattr(gain, name) for name in _TOLD_OF_GAINS}
        plain["prices"] |= {name: getattr(self.prices, name) for name in _TOLD_OF_PRICES}
        return plain


_TOLD_OF_GAINS = ("share", "with_scoring", "with_everything", "half_with_scoring")
_TOLD_OF_PRICES = ("meta_learning", "scoring", "total")
"""What follows from the rest and is told beside it."""


def write_result(result: RaterResult, directory: Path) -> None:
    """Write ``rater_study.json`` beside the ledger's files."""
    write_json(directory / STUDY, result.to_plain())


def read_result(directory: Path) -> RaterResult:
    """The study in a directory that holds ``rater_study.json`` and a ledger; InputError where it does not."""
    if not (directory / STUDY).is_file():
        raise InputError(f"{directory} holds no {STUDY}: give the files of a study of a rater")
    plain = read_json(directory / STUDY)
    pool = {**plain["pool"], "sources": _all(SourceScores, plain["pool"]["sources"])}
    for name, kind in (("told", Told), ("lowest", Shown), ("highest", Shown), ("kept", Kept)):
        pool[name] = _all(kind, pool[name])
    curves = {name: tuple((point[0], point[1]) for point in one) for name, one in plain["learnt"]["curves"].items()}
    return RaterResult(
        **{
            **_tuples(plain),
            "ledger": read_ledger(directory),
            "arms": _all(RaterArm, plain["arms"]),
            "gaps": _all(Gap, plain["gaps"]),
            "gains": _all(Gain, plain["gains"]),
            "prices": _all(Prices, [plain["prices"]])[0],
            "amortised": _all(Paid, plain["amortised"]),
            "learnt": Learnt(**{**_tuples(plain["learnt"]), "curves": curves}),
            "pool": Pool(**_tuples(pool)),
        }
    )


def _all(kind: type[T], rows: list[dict[str, Any]]) -> tuple[T, ...]:
    """Rows of JSON as what they were; what followed from the rest follows again."""
    own = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    return tuple(kind(**_tuples({name: row[name] for name in own})) for row in rows)


def _tuples(row: Mapping[str, Any]) -> dict[str, Any]:
    """With tuples for JSON's lists."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
