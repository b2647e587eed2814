"""What a report shows, as plain data: whatever the page draws is here, so that it can be had as JSON too.

Every list is bounded by a constant of this module, whatever the size of the corpus, so that a page stays below 3 MB.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Literal

from winnow.report.passages import SideBySide

MAX_EXCERPT_CHARS = 800
"""Characters of a document's text that a report may hold."""
MAX_EXCERPT_BYTES = 2400
"""The same in bytes, once escaped."""
MAX_URL_CHARS = 300
MAX_REASONS = 8
"""Reasons named beside a sampled document."""
MAX_REJECTED = 5
"""Sampled documents per rule that it rejects."""
MAX_NEAREST = 3
"""Documents per rule that it spares by the narrowest margin."""
MAX_SAMPLES = 184
"""Sampled documents in the whole report; later rules get none."""
MAX_SOURCES = 20
"""Sources shown by name; the rest are summed."""
MAX_SKIPPED = 30
"""Reasons to skip a record that are named; the rest are summed."""
MAX_HISTOGRAMS = 120
"""Distributions in the whole report."""
MAX_FAILURES = 40
"""Kinds of failure in the quarantine, most frequent first."""
MAX_BROKEN = 5
"""Quarantined records shown per kind of failure."""
MAX_ERROR_CHARS = 400
NUM_BINS = 40
"""Bins of a histogram."""
SOURCE_ALARM = 0.5
"""A source that loses a larger share of its documents to deduplication raises an alarm."""
SOURCE_ALARM_DOCUMENTS = 20
"""Sources with fewer documents raise none: a share of a few says little."""
CLUSTER_ALARM = 1000
"""A cluster of more documents raises an alarm: real pages are seldom repeated so often, boilerplate is."""
MAX_LARGEST = 8
"""Largest clusters shown per method of deduplication."""
MAX_SAMPLED = 12
"""Clusters drawn by chance that are looked at per method."""
MAX_MEMBERS = 5
"""Members of a cluster that are compared, besides the kept one."""
LENGTH_ALARM = 0.4
"""A score whose rank correlation with the length of documents is stronger raises an alarm: it may measure length."""
MAX_DRAWN = 200_000
"""Documents, drawn by their ids, from which scores are compared."""
MAX_SCORES = 8
"""Scores in the whole report whose documents are shown; the others are compared without."""
MAX_BESIDE_CUT = 2
"""Documents shown on each side of a score's cut."""
QUANTILES = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)
"""Where in the order of a score a document is shown."""


@dataclass(frozen=True, kw_only=True)
class Amount:
    """How much there is; None where nobody measured it."""

    documents: int
    words: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Loss:
    """Documents (or records) that one reason took away on the way into a stage."""

    reason: str
    documents: int


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One level of the funnel: what is there, and what was lost since the stage before."""

    name: str
    what: str
    """One line on what this stage is."""
    total: Amount
    sources: dict[str, Amount] = field(default_factory=dict)
    losses: tuple[Loss, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Removed:
    """What a step removed here and in the paper that the recipe follows, as shares of all documents that were read."""

    what: str
    documents: int
    fraction: float
    published_fraction: float
    source: str


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One comparison of a rule: it rejects where ``expression operator threshold`` holds."""

    expression: str
    operator: str
    threshold: float


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A document and the numbers that decided about it."""

    id: str
    url: str
    source: str
    excerpt: str
    num_chars: int
    """Length of the whole text, of which ``excerpt`` is the beginning."""
    values: dict[str, float | str | None]
    """What the rule looked at."""
    reasons: tuple[str, ...] = ()
    """Every rule that rejects it."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A reason, how often it held, and documents on both sides of it."""

    name: str
    condition: str
    first: int
    """Documents that it was the first to reject."""
    any: int
    """Documents that it rejects at all."""
    only: int
    """Documents that nothing else rejects."""
    limits: tuple[Limit, ...] = ()
    rejected: tuple[Sample, ...] = ()
    nearest: tuple[Sample, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A step that made fewer documents."""

    name: str
    label: str
    documents: int
    kept: int
    rules: tuple[Rule, ...]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A threshold drawn in a histogram."""

    rule: str
    operator: str
    threshold: float
    alone: bool = True
    """Whether being beyond it is enough to be rejected, or only together with another comparison of the rule."""


Scale = Literal["linear", "logarithmic", "whole"]
"""How the bins divide the axis; ``whole``: one bin per whole number."""


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """How a number is distributed over the documents that a choice kept and those that it dropped.

    Bin ``i`` holds the values in ``[edges[i], edges[i + 1])``; the first and the last bin hold the tails as well.
    """

    expression: str
    choice: str
    description: str
    unit: str
    edges: tuple[float, ...]
    kept: tuple[int, ...]
    dropped: tuple[int, ...]
    scale: Scale = "linear"
    missing: int = 0
    """Documents without a value."""
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EditSummary:
    """What an edit took out of the documents."""

    name: str
    label: str
    documents: int
    changed: int
    removed: dict[str, int]
    """Lines (or phrases) removed, by rule."""
    fraction: Histogram | None
    """Fraction of words removed, per document."""


@dataclass(frozen=True, kw_only=True)
class SourceShare:
    """What deduplication takes from one source."""

    source: str
    documents: int
    removed: int
    alarm: bool = False


@dataclass(frozen=True, kw_only=True)
class Member:
    """A document of a cluster beside the one that is kept."""

    id: str
    url: str
    source: str
    reported: float | None
    """The similarity that the method found."""
    jaccard: float
    """That of the two texts' word 5-grams, counted here from the texts."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A kept document and some of those that repeat it."""

    kept: Sample
    size: int
    alarm: bool = False
    members: tuple[Member, ...] = ()
    """Those that were looked at, the least alike first."""
    among: tuple[float, ...] = ()
    """Similarity of every two of them to each other."""
    beside: SideBySide | None = None
    """The kept document and the least alike member."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Where some numbers lie."""

    number: int
    lowest: float
    tenth: float
    """A tenth of them are lower."""
    median: float


@dataclass(frozen=True, kw_only=True)
class Deduplication:
    """What one method found to be duplicates."""

    name: str
    label: str
    documents: int
    removed: int
    num_clusters: int
    """Kept documents of these that something repeats."""
    removed_bytes: int | None
    """Bytes of text removed, estimated from the shards that were looked at; None without text."""
    bytes_are_exact: bool
    """Whether all shards were looked at."""
    sources: tuple[SourceShare, ...]
    """Those that lose the largest share first."""
    similarities: Histogram | None
    largest: tuple[Cluster, ...]
    sampled: tuple[Cluster, ...]
    """Clusters of documents that were drawn by chance: what the purity is judged by."""
    to_kept: Spread | None
    """Similarity of their members to the kept document, counted from the texts."""
    among: Spread | None
    """Similarity of every two of those members."""
    alarms: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A document and where a score puts it."""

    sample: Sample
    quantile: float
    value: float


@dataclass(frozen=True, kw_only=True)
class ScoreLook:
    """A score, the choice by it, and documents along its order."""

    name: str
    expression: str
    label: str
    """The choice's table."""
    documents: int
    kept: int
    length_correlation: float | None
    """Rank correlation with the number of characters."""
    source_share: float | None
    """Share of the variance of ranks that lies between sources."""
    histogram: Histogram
    along: tuple[Placed, ...]
    """The documents at ``QUANTILES``."""
    just_kept: tuple[Placed, ...]
    just_dropped: tuple[Placed, ...]


@dataclass(frozen=True, kw_only=True)
class SourceMix:
    """A source's share of the pool, and of what each score keeps."""

    source: str
    documents: int
    """Among those drawn."""
    pool_fraction: float
    kept_fractions: tuple[float, ...]
    """Of the documents that each score keeps, the share from this source."""
    mean_quantiles: tuple[float | None, ...]
    """Where each score puts its documents on average."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Scores that documents are chosen by, compared."""

    drawn: int
    """Documents that the comparison rests on."""
    scores: tuple[ScoreLook, ...]
    correlations: tuple[tuple[float | None, ...], ...]
    """Rank correlation of every two scores."""
    agreements: tuple[tuple[float, ...], ...]
    """Of the documents that either of two scores keeps, the share that both keep."""
    sources: tuple[SourceMix, ...]
    alarms: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class StepTime:
    """What a step cost: processor-seconds over all workers, and the bytes it read."""

    label: str
    kind: str
    documents: int
    quarantined: int
    bytes: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Broken:
    """One quarantined record."""

    where: str
    url: str
    error: str


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Quarantined records that broke the same step in the same way."""

    step: str
    kind: str
    error: str
    """What their errors have in common."""
    count: int
    examples: tuple[Broken, ...]


@dataclass(frozen=True, kw_only=True)
class Node:
    """A part of the recipe: a step, a field, or an item of one."""

    name: str
    value: str = ""
    children: tuple[Node, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReportData:
    """Everything that a report shows."""

    recipe: str
    command: str
    """What to type to make it again."""
    source: str
    made: str
    """When the last step was finished, ISO 8601."""
    stages: tuple[Stage, ...]
    removed: tuple[Removed, ...]
    """For a recipe whose authors say what their steps removed."""
    choices: tuple[Choice, ...]
    histograms: tuple[Histogram, ...]
    edits: tuple[EditSummary, ...]
    deduplications: tuple[Deduplication, ...]
    scores: tuple[Scores, ...]
    """For every pool that is chosen from by rank."""
    steps: tuple[StepTime, ...]
    failures: tuple[Failure, ...]
    skipped: dict[str, int]
    """Records that are no documents by their nature, by reason."""
    tree: tuple[Node, ...]
    libraries: dict[str, str]

    def alarms(self) -> tuple[str, ...]:
        """What somebody should look at before the documents are used."""
        alarms = [one.alarms for one in self.deduplications] + [one.alarms for one in self.scores]
        return tuple(alarm for some in alarms for alarm in some)

    def to_json(self) -> str:
        """The data as JSON, as the page embeds it and ``report.json`` holds it."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
