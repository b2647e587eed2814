"""What the pictures of a pruning study show: scores against how much of a pool is kept, or which model chose it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from winnow.bench.claims import find_reference
from winnow.bench.measured import Evidence
from winnow.bench.pruning import Arm, Reference, Setting
from winnow.bench.statistics import Scores, difference

METRIC = "perplexity"
"""What is pruned by wherever metrics are not what is compared."""
COLOURS = {"bottom": "c1", "middle": "c0", "top": "c2", "random": "c3"}
SHARES = tuple((share, f"{share:.0%}") for share in (0.1, 0.3, 0.5, 0.7, 1.0))


@dataclass(frozen=True, kw_only=True)
class Point:
    """Mean over the seeds of an arm."""

    place: float
    """Along the axis, from 0 to 1: the share that is kept, or where a reference model stands among others."""
    mean: float
    half: float | None
    """Of the 95% interval of training noise; None where that is unknown."""
    seeds: int


@dataclass(frozen=True, kw_only=True)
class Line:
    """Arms that differ in one thing only."""

    name: str
    colour: str
    points: tuple[Point, ...]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One picture: lines, and a level for comparison."""

    title: str
    about: str
    axis: tuple[tuple[float, str], ...]
    """Places and what stands there."""
    lines: tuple[Line, ...]
    level: Point | None
    level_name: str = "no pruning"


@dataclass(frozen=True, kw_only=True)
class Mark:
    """How far a part of a pool lies from no pruning, in bits per byte."""

    subset: str
    value: float
    half: float | None
    """Of the 95% interval; None where training noise is unknown."""


@dataclass(frozen=True, kw_only=True)
class Strip:
    """The parts of one size at one setting, the best first."""

    setting: Setting
    fraction: float
    marks: tuple[Mark, ...]


def of_metrics(evidence: Evidence) -> Iterator[Panel]:
    """A picture per metric at the base, each under its own reference model at its end."""
    base = evidence.study.base
    metrics = dict.fromkeys(arm.metric for arm in _own(evidence, base))
    return (_subsets(evidence, metric or "", metric, base) for metric in metrics)


def of_settings(evidence: Evidence) -> Iterator[Panel]:
    """A picture per other pool and scale, where several shares were kept there."""
    for setting in evidence.study.settings()[1:]:
        panel = _subsets(evidence, str(setting), METRIC, setting)
        if any(len(line.points) > 1 for line in panel.lines if line.name != "random"):
            yield panel


def of_sizes(evidence: Evidence) -> Iterator[Panel]:
    """The reference models of the own one's corpus, from small to large."""
    own = find_reference(evidence.study, "own")
    alike = [one for one in evidence.study.references if own is not None and one.corpus == own.corpus]
    return _of_references(evidence, "by the size of the reference", sorted(alike, key=lambda one: one.num_params))


def of_corpora(evidence: Evidence) -> Iterator[Panel]:
    """The reference models of the own one's size, the clean ones last."""
    own = find_reference(evidence.study, "own")
    alike = [one for one in evidence.study.references if own is not None and one.num_params == own.num_params]
    return _of_references(evidence, "by what the reference was trained on", sorted(alike, key=lambda one: one.clean))


def of_checkpoints(evidence: Evidence) -> Iterator[Panel]:
    """The own reference model along its training."""
    own = [arm for arm in _there(evidence, evidence.study.base) if arm.reference == evidence.study.reference]
    ages = sorted({arm.checkpoint for arm in own})
    groups = [(_age(age), [arm for arm in own if arm.checkpoint == age]) for age in ages]
    return _compared(evidence, "by how long the reference was trained", groups)


def _age(checkpoint: float) -> str:
    return "at its end" if checkpoint == 1 else f"at {checkpoint:.0%}"


def strips(evidence: Evidence) -> Iterator[Strip]:
    """The order of the parts of every size, setting by setting; only where there are three of them."""
    fractions = sorted({arm.fraction for arm in evidence.study.arms if arm.scored}, reverse=True)
    for fraction in fractions:
        for setting in evidence.study.settings():
            arms = [
                arm
                for arm in (*_own(evidence, setting), *_random(evidence, setting))
                if arm.metric in (METRIC, None) and arm.fraction == fraction
            ]
            marks = [mark for arm in arms if (mark := _mark(evidence, arm, setting)) is not None]
            if len(marks) > 2:
                marks.sort(key=lambda mark: mark.value)
                yield Strip(setting=setting, fraction=fraction, marks=tuple(marks))


def _there(evidence: Evidence, setting: Setting) -> list[Arm]:
    """The arms that were run at a setting."""
    scores = _scores(evidence, setting)
    return [arm for arm in evidence.study.arms if arm.pool == setting.pool and arm.name in scores]


def _scores(evidence: Evidence, setting: Setting) -> dict[str, Scores]:
    return dict(evidence.scores(setting.scale, evidence.study.yardstick))


def _own(evidence: Evidence, setting: Setting) -> list[Arm]:
    """Those that the reference model of their metric chose at its end."""
    scorer = evidence.study.scorer
    there = [arm for arm in _there(evidence, setting) if arm.checkpoint == 1]
    return [arm for arm in there if arm.metric is not None and arm.reference == scorer(arm.metric)]


def _random(evidence: Evidence, setting: Setting) -> list[Arm]:
    return [arm for arm in _there(evidence, setting) if arm.subset == "random"]


def _of_references(evidence: Evidence, about: str, references: Sequence[Reference]) -> Iterator[Panel]:
    ended = [arm for arm in _there(evidence, evidence.study.base) if arm.checkpoint == 1]
    return _compared(
        evidence, about, [(one.name, [arm for arm in ended if arm.reference == one.name]) for one in references]
    )


def _compared(evidence: Evidence, about: str, groups: Sequence[tuple[str, Sequence[Arm]]]) -> Iterator[Panel]:
    """A picture per metric and share for which two groups or more have arms: a place per group, a line per part."""
    base = evidence.study.base
    for kind in dict.fromkeys((arm.metric, arm.fraction) for _, arms in groups for arm in arms):
        having = [(name, [arm for arm in arms if (arm.metric, arm.fraction) == kind]) for name, arms in groups]
        there = [(name, arms) for name, arms in having if arms]
        if len(there) < 2:
            continue
        places = [(place + 0.5) / len(there) for place in range(len(there))]
        random = [arm for arm in _random(evidence, base) if arm.fraction == kind[1]]
        parts = [(place, arm) for place, (_, arms) in zip(places, there, strict=True) for arm in (*arms, *random)]
        yield Panel(
            title=f"{kind[0]}, {kind[1]:.0%} kept",
            about=about,
            axis=tuple((place, name) for place, (name, _) in zip(places, there, strict=True)),
            lines=_lines(evidence, parts, base),
            level=_level(evidence, base),
        )


def _subsets(evidence: Evidence, title: str, metric: str | None, setting: Setting) -> Panel:
    """The parts by a metric and random parts, against the share that is kept."""
    arms = [*(arm for arm in _own(evidence, setting) if arm.metric == metric), *_random(evidence, setting)]
    lines = _lines(evidence, [(arm.fraction, arm) for arm in arms], setting)
    return Panel(title=title, about="", axis=SHARES, lines=lines, level=_level(evidence, setting))


def _lines(evidence: Evidence, parts: Sequence[tuple[float, Arm]], setting: Setting) -> tuple[Line, ...]:
    """A line per part, in the order of the colours."""
    lines = []
    for subset, colour in COLOURS.items():
        points = [_point(evidence, arm, setting, place) for place, arm in parts if arm.subset == subset]
        points.sort(key=lambda point: point.place)
        lines += [Line(name=subset, colour=colour, points=tuple(points))] if points else []
    return tuple(lines)


def _level(evidence: Evidence, setting: Setting) -> Point | None:
    none = [arm for arm in _there(evidence, setting) if arm.subset == "all"]
    return _point(evidence, none[0], setting, 1.0) if none else None


def _point(evidence: Evidence, arm: Arm, setting: Setting, place: float) -> Point:
    values = _scores(evidence, setting)[arm.name].values
    noise = evidence.noise(setting.scale, evidence.study.yardstick)
    half = None if noise is None else noise.half(len(values))
    return Point(place=place, mean=float(values.mean()), half=half, seeds=len(values))


def _mark(evidence: Evidence, arm: Arm, setting: Setting) -> Mark | None:
    """The arm beside no pruning; None where that was not run."""
    scores = _scores(evidence, setting)
    none = scores.get(Arm(subset="all", pool=setting.pool).name)
    if none is None:
        return None
    found = difference(scores[arm.name], none, evidence.noise(setting.scale, evidence.study.yardstick))
    return Mark(subset=arm.subset, value=found.value, half=None if found.interval is None else found.half())
