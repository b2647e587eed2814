"""The paper's claims judged from a study: reproduced, contradicted or undecided at this scale.

A claim says where a difference lies (``winnow.bench.claims``). It is *reproduced* where the whole interval of the
difference lies there, *contradicted* where the whole interval lies elsewhere, and else *undecided*, with the number of
seeds that would decide it. The p-value of a claim is the smallest tail whose interval decides it, either way. Claims
at the base setting share one error rate (Holm); what is said of other settings and other held-out texts goes by its own
interval and shows how the order moves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

from winnow.bench.claims import ALIKE, APART, CLAIMS, Claim, RankClaim
from winnow.bench.measured import Evidence, Measured, Outcome, outcome_of
from winnow.bench.pruning import Agreement, Scoring, Setting, Study
from winnow.bench.statistics import TAIL, holm
from winnow.bench.verdict import MAX_SEEDS

RANKS = "rank correlation"
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One contrast of a claim, as it was measured; or a rank correlation."""

    what: str
    fractions: tuple[float, ...]
    """Shares of the pool that it is the mean over; none for a rank correlation."""
    value: float
    interval: tuple[float, float] | None
    """Holds the truth in 95 of 100 cases, taken alone; None where nothing was repeated."""
    seeds: tuple[int, ...] = ()
    """Runs of each arm."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one setting says of one claim."""

    number: int
    claim: str
    section: str
    published: str
    setting: Setting
    metric: str
    """What was measured; ``rank correlation`` where scorings were compared."""
    verdict: Outcome
    words: str
    """The verdict and what would decide it."""
    parts: tuple[Part, ...]
    """The one nearest to failing first; empty where the arms were not run."""
    at_base: bool
    """Whether it is the study's answer to the claim."""
    p: float | None = None
    adjusted_p: float | None = None
    """Holm's, over the answers; None elsewhere."""
    more_seeds: int | None = None
    """Runs more of each arm that would decide, were the differences as large as they look."""

    def to_plain(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def summary(findings: Sequence[Finding]) -> str:
    """How many claims were answered how, in one sentence."""
    answers = [one for one in findings if one.at_base]
    number = Counter(one.verdict for one in answers)
    told = [f"{number[name]} {name}" for name in OUTCOMES if number[name]]
    return f"Of {len(answers)} claims {', '.join(told)} at this scale."


def judge_study(study: Study) -> tuple[Finding, ...]:
    """Every claim at the base, then at other settings and in other held-out texts wherever its arms were run.

    Items are compared in pairs where the runs kept them; training noise is pooled over all arms of a scale.
    """
    evidence = Evidence(study)
    measured = {one: _measured(one, evidence) for one in CLAIMS if isinstance(one, Claim)}
    answers = {claim: found[0] for claim, found in measured.items() if found and found[0].parts}
    adjusted = dict(zip(answers, holm([one.p for one in answers.values()]), strict=True))
    at_base = [
        _ranked(one, study, study.base)
        if isinstance(one, RankClaim)
        else _judged(answers[one], adjusted[one], at_base=True)
        if one in answers
        else _not_run(one, study.base)
        for one in CLAIMS
    ]
    others = [_judged(one, one.p) for found in measured.values() for one in found[1:] if one.parts]
    return *at_base, *others, *_ranked_elsewhere(study)


def _measured(claim: Claim, evidence: Evidence) -> list[Measured]:
    """The claim where it is answered, then at other settings and in other metrics."""
    study = evidence.study
    metrics = study.accuracies if claim.of_accuracy else study.heldout
    settings = study.settings()
    if claim.at_largest:
        of_pool = [one for one in settings if one.pool == study.base.pool]
        sizes = study.ledger.names("scale")
        largest = max(of_pool, key=lambda one: sizes.index(one.scale))
        return [] if largest == study.base else [evidence.measured(claim, largest, metrics[0])]
    places = [*((one, metric) for metric in metrics[:1] for one in settings), *((study.base, m) for m in metrics[1:])]
    return [evidence.measured(claim, *place) for place in places]


def _judged(found: Measured, adjusted: float | None, *, at_base: bool = False) -> Finding:
    """The verdict by the intervals of the tail that the adjusted p-value leaves."""
    verdict: Outcome = "undecided"
    words, more = "undecided: one seed cannot decide, training noise is unknown", None
    if found.p is not None and adjusted is not None:
        tail = TAIL * found.p / adjusted
        verdict = found.outcome(tail)
        more = found.more_seeds(tail) if verdict == "undecided" else None
        words = _missing(more) if verdict == "undecided" else verdict
    return Finding(
        **_about(found.claim, found.setting),
        metric=found.metric,
        verdict=verdict,
        words=words,
        parts=_parts(found),
        at_base=at_base,
        p=found.p,
        adjusted_p=adjusted if at_base else None,
        more_seeds=more,
    )


def _missing(more: int | None) -> str:
    if more is None:
        return f"undecided; nor would {MAX_SEEDS} more seeds decide"
    return f"undecided; {more} more {'seed' if more == 1 else 'seeds'} of each would"


def _parts(found: Measured) -> tuple[Part, ...]:
    parts = [
        Part(what=str(one), fractions=fractions, value=apart.value, interval=apart.interval, seeds=apart.seeds)
        for one, fractions, apart in found.parts
    ]
    return tuple(sorted(parts, key=lambda part: found.room(part.value)))


def _not_run(claim: Claim, setting: Setting) -> Finding:
    return Finding(**_about(claim, setting), metric="", verdict="not run", words="not run", parts=(), at_base=True)


def _about(claim: Claim | RankClaim, setting: Setting) -> dict[str, Any]:
    return {
        "number": claim.number,
        "claim": claim.statement,
        "section": claim.section,
        "published": claim.published,
        "setting": setting,
    }


def _ranked_elsewhere(study: Study) -> Iterator[Finding]:
    """What other pools say of the claims about ranks."""
    first = {one.pool: one for one in reversed(study.settings())}
    for claim in CLAIMS:
        if isinstance(claim, RankClaim):
            found = [_ranked(claim, study, one) for one in first.values() if one.pool != study.base.pool]
            yield from (one for one in found if one.parts)


def _ranked(claim: RankClaim, study: Study, setting: Setting) -> Finding:
    """The verdict on two scorings of the setting's pool, by the interval of their rank correlation."""
    wanted = [
        Scoring(metric=metric, reference=study.scorer(metric), pool=setting.pool, checkpoint=checkpoint)
        for metric, checkpoint in (claim.one, claim.other)
    ]
    found = next((one for one in study.agreements if wanted in ([one.one, one.other], [one.other, one.one])), None)
    verdict = "not run" if found is None else _rank_outcome(claim, found)
    part = () if found is None else (_rank_part(found),)
    return Finding(
        **_about(claim, setting),
        metric=RANKS,
        verdict=verdict,
        words=verdict,
        parts=part,
        at_base=setting == study.base,
    )


def _rank_part(found: Agreement) -> Part:
    what = f"{found.one.name} and {found.other.name}"
    return Part(what=what, fractions=(), value=found.value, interval=(found.low, found.high))


def _rank_outcome(claim: RankClaim, found: Agreement) -> Outcome:
    if claim.alike:
        return outcome_of("better", found.low - ALIKE, found.high - ALIKE, 0.0)
    return outcome_of("alike", found.low, found.high, APART)
