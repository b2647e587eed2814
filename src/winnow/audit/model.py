"""What an audit found, as plain data: what the terminal, the page and ``--json`` show."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Literal

from winnow.measure.examples import Auc
from winnow.report.passages import SideBySide

MAX_EXAMPLES = 4
"""Cases shown per kind, rate and outcome."""
MAX_OWN = 12
"""Duplicates among the user's own documents that are shown."""

Outcome = Literal["found", "missed", "false", "spared", "lost"]
"""Of what should be found: found or missed; of what should not: false (dropped all the same) or spared. ``lost``: other
rules removed it before it could be judged, which counts for neither."""
Subject = Literal["duplicate", "contamination", "repeated passage"]


NUM_DOCUMENTS = 4000
NUM_PLANTS = 40
"""Cases of every kind and rate: all found says at least 91% would be, half found says 35 to 65%."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is audited, and how much is read and planted."""

    name: str
    """The recipe's."""
    command: str
    """What to type to do it again."""
    documents: int = NUM_DOCUMENTS
    plants: int = NUM_PLANTS
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Share:
    """A share of some cases, with the interval that holds the true one in 95 of 100 audits."""

    hits: int
    of: int
    low: float
    high: float

    @property
    def share(self) -> float | None:
        """The share; None of no cases."""
        return self.hits / self.of if self.of else None


def wilson(hits: int, of: int) -> Share:
    """A share with Wilson's score interval (Wilson 1927, JASA 22; 95%); of no cases it is all of [0, 1].

    >>> one = wilson(10, 10); round(one.low, 4), one.high
    (0.7225, 1.0)
    """
    if not of:
        return Share(hits=0, of=0, low=0.0, high=1.0)
    z = 1.959963984540054
    middle = (hits + z * z / 2) / (of + z * z)
    half = z * math.sqrt(hits * (of - hits) / of + z * z / 4) / (of + z * z)
    low = 0.0 if hits == 0 else middle - half
    high = 1.0 if hits == of else middle + half
    return Share(hits=hits, of=of, low=low, high=high)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How much larger one share is than another, with the interval that holds the true difference in 95 of 100."""

    value: float
    low: float
    high: float


def difference(one: Share, other: Share) -> Difference | None:
    """Two shares' difference with Newcombe's interval from Wilson's (Newcombe 1998, Statistics in Medicine 17, 873).

    None where either is a share of no cases.

    >>> found = difference(wilson(56, 70), wilson(48, 80)); [round(x, 4) for x in (found.value, found.low, found.high)]
    [0.2, 0.0524, 0.3339]
    """
    if one.share is None or other.share is None:
        return None
    value = one.share - other.share
    below = math.hypot(one.share - one.low, other.high - other.share)
    above = math.hypot(one.high - one.share, other.share - other.low)
    return Difference(value=value, low=value - below, high=value + above)


@dataclass(frozen=True, kw_only=True)
class Example:
    """One planted case and what became of it."""

    id: str
    other: str
    """Its twin, what it was taken for, or the item."""
    outcome: Outcome
    cause: str
    similarity: float | None
    """True similarity of the planted pair; None where that means nothing."""
    beside: SideBySide | None = None


@dataclass(frozen=True, kw_only=True)
class Cell:
    """All cases of one kind and rate."""

    subject: Subject
    kind: str
    about: str
    """What the kind is, in one line."""
    rate: float | None
    wanted: bool
    """Whether the recipe should find it."""
    planted: int
    lost: int
    """Removed by other rules before they could be judged."""
    share: Share
    """Recall where it is wanted; else the share that was dropped all the same."""
    similarity: float | None
    """Median of the true similarities."""
    causes: dict[str, int]
    """Why the others were missed, dropped or lost."""
    examples: tuple[Example, ...]


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Planted pairs whose true similarity lies in ``[low, high)``, the last bin in ``[low, high]``."""

    low: float
    high: float
    dropped: Share
    """Those of which one was dropped as a duplicate."""


@dataclass(frozen=True, kw_only=True)
class Own:
    """A document of the user's that the recipe drops as a duplicate of another one of theirs."""

    id: str
    duplicate_of: str
    method: str
    reported: float | None
    similarity: float
    """Jaccard of word 5-grams, counted from the texts."""
    beside: SideBySide


@dataclass(frozen=True, kw_only=True)
class NoiseKind:
    """One kind of noise that documents were spoiled with."""

    name: str
    about: str
    """What it is, in one line."""
    planted: int
    example: SideBySide
    """One of them, beside the document as it was."""


@dataclass(frozen=True, kw_only=True)
class Ordered:
    """How a number orders the documents with one kind of noise among the untouched ones."""

    auc: Auc | None
    """How often it is higher than that of an untouched document; None where either have none."""
    raised: Share
    """Of those whose number is another than before they were spoiled, those whose number is higher."""
    missing: int
    """Those without a number."""


@dataclass(frozen=True, kw_only=True)
class NoisyScore:
    """A measured column, by kind of noise."""

    column: str
    description: str
    is_read: bool
    """Whether a choice names it."""
    is_ranked_by: bool
    """Whether a cut by rank does."""
    kinds: dict[str, Ordered]


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What a choice does to the documents with one kind of noise, of those that come to it."""

    dropped: Share
    more: Difference | None
    """How much oftener than the untouched ones they are dropped."""
    auc: Auc | None
    """How often one is dropped before an untouched one, as the share that is kept goes down; None for rules."""
    newly_dropped: Share
    """Of those that it keeps as they were, those that it drops spoiled."""
    newly_kept: Share
    """Of those that it drops as they were, those that it keeps spoiled."""
    reasons: dict[str, int]
    """The rules that reject them, the most frequent first."""


@dataclass(frozen=True, kw_only=True)
class NoisyChoice:
    """A rule set, a cut by rank or the recipe as a whole, by kind of noise."""

    name: str
    untouched: Share
    """Of the documents that are as they were, those that it drops."""
    kinds: dict[str, Chosen]

    @property
    def prefers(self) -> tuple[str, ...]:
        """The kinds of noise that it keeps oftener than untouched documents, the whole interval below zero."""
        return tuple(kind for kind, one in self.kinds.items() if one.more is not None and one.more.high < 0)

    @property
    def misses(self) -> tuple[str, ...]:
        """The kinds that it does not tell from untouched documents: the interval holds zero."""
        told = {kind: one.more for kind, one in self.kinds.items() if one.more is not None}
        return tuple(kind for kind, more in told.items() if more.low <= 0 <= more.high)


@dataclass(frozen=True, kw_only=True)
class Noise:
    """What a recipe's scores and choices make of spoiled documents."""

    untouched: int
    """Documents of the same copy, of the same lengths, that were left as they are."""
    kinds: tuple[NoiseKind, ...]
    choices: tuple[NoisyChoice, ...]
    scores: tuple[NoisyScore, ...]


@dataclass(frozen=True, kw_only=True)
class Audit:
    """Everything that an audit tells."""

    recipe: str
    command: str
    source: str
    made: str
    seed: int
    documents: int
    """The user's documents that the copy was made of."""
    kept: int
    """Those of them that the recipe keeps when nothing is planted; of a comparison, those that it chooses from."""
    methods: tuple[str, ...]
    """What is audited, by the names of the columns."""
    notes: tuple[str, ...]
    """What was not audited, and why."""
    cells: tuple[Cell, ...]
    threshold: float | None
    """The similarity from which the last method of deduplication calls documents duplicates."""
    above: Share | None
    """Of the planted pairs that reach the threshold, those that were found."""
    bins: tuple[Bin, ...]
    """What was dropped, by true similarity."""
    precision: dict[Subject, Share]
    """Of the planted cases that were dropped as such, those that should have been."""
    num_own: int
    """The user's own documents that are dropped as duplicates when nothing is planted."""
    own: tuple[Own, ...]
    """Some of them, the least alike first; whether they are duplicates is for the reader to say."""
    libraries: dict[str, str]
    noise: Noise | None = None
    """What became of spoiled documents; None where the recipe chooses by no measure."""

    def to_json(self) -> str:
        """The same as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
