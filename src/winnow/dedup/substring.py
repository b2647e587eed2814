"""Passages of so many words that stand in the corpus more than once, found exactly and out of core.

The peers' method is a suffix array (Lee et al. 2022), which takes several times the text, in memory or in files of one
machine. Here every window of ``length`` words that may repeat becomes a row with a hash, and equal hashes meet. Which
may repeat is found first: a window's anchor (see ``kernels.substrings``) stands for it, and where an anchor stands in
one place alone, no window of it repeats. There is one anchor for a dozen words, so that costs little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.errors import RecipeError, did_you_mean
from winnow.core.guard import Guard, guarded_over, with_names
from winnow.core.shuffle import Gathering, Scattering, ScatterWriter, gather, num_partitions, partition_of
from winnow.core.step import Aligned, Part, Rows, Step
from winnow.core.table import Store
from winnow.dedup.passages import Passages
from winnow.dedup.passages_shuffle import Find, HashedParts, RepeatedParts, total
from winnow.dedup.preference import Preference
from winnow.kernels.buffers import text_buffers
from winnow.measure.measure import Judge, Measure, column
from winnow.measure.score import Score

if TYPE_CHECKING:
    from numpy.typing import NDArray

Tokens = Literal["words", "characters"]
ANCHOR = pa.schema([("hash", pa.uint64()), ("shard", pa.int32()), ("is_repeat", pa.bool_())])
"""An anchor of a shard, and whether it stands there in two places or more."""
ANCHOR_BYTES = 13
REPEATED = pa.schema([("hash", pa.uint64())])


def substring_duplicates(
    documents: Rows,
    *,
    length: int = 50,
    tokens: Tokens = "words",
    prefer: Sequence[str] = (),
    measures: Sequence[Measure | Aligned] = (),
    seed: int = 0,
) -> Passages:
    """Find passages of ``length`` or more words that stand elsewhere too, in the same document or another.

    Of every run of ``length`` words that occurs more than once all copies but one are marked, so a passage is marked as
    far as all its words lie in such copies. Words are compared byte by byte, the white space between them is not.

    Args:
        documents: what is judged; nothing is removed.
        length: words of the shortest passage, 2 or more; 50 as in Lee et al. 2022 and RefinedWeb, whose tokens are
            pieces of words: so 50 words are about 65 of theirs.
        tokens: ``words`` between white space, or ``characters`` for scripts that are written without it.
        prefer: which copy is kept (see ``Preference``); between equals, that of the document whose id has the lowest
            hash, the first one in it.
        measures: what ``prefer`` refers to.
        seed: of the hash of ids.
    """
    kind = Windows(length=length, tokens=tokens)
    repeated = RepeatedAnchors(anchors=Anchors(documents=documents, kind=kind))
    parts = HashedWindows(
        documents=documents,
        kind=kind,
        anchors=repeated,
        preference=Preference(by=tuple(prefer), measures=tuple(measures)),
        seed=seed,
    )
    return Passages(documents=documents, found=RepeatedParts(parts=parts), method="substrings")


@dataclass(frozen=True, kw_only=True)
class Windows:
    """How many windows of so many tokens a document has."""

    version: ClassVar[str] = "1"
    length: int = 50
    tokens: Tokens = "words"

    def __post_init__(self) -> None:
        if self.tokens not in get_args(Tokens):
            raise RecipeError(f"tokens={self.tokens!r} is not known; {did_you_mean(self.tokens, get_args(Tokens))}")
        if self.length < 2:
            raise RecipeError(f"length={self.length} is out of range: give 2 or more {self.tokens}")

    @property
    def by_word(self) -> bool:
        """Whether a token is a word."""
        return self.tokens == "words"

    @property
    def name(self) -> str:
        """``windows``."""
        return "windows"

    def columns(self) -> pa.Schema:
        """``num_windows``."""
        about = f"Runs of {self.length} {self.tokens}, overlapping ones too"
        return pa.schema([column("num_windows", pa.int64(), about, range="[0, )")])

    def files(self) -> tuple[str, ...]:
        """None."""
        return ()

    def load(self) -> Judge:
        """Nothing to open."""
        return self._judge

    def anchors(self, texts: pa.Array) -> NDArray[np.uint64]:
        """The hashes of the anchors of all texts."""
        from winnow.kernels.substrings import anchors

        return anchors(*text_buffers(texts), self.length, self.by_word)

    def find(self, wanted: NDArray[np.uint64], texts: pa.Array) -> tuple[NDArray[np.void], NDArray[np.int64]]:
        """The windows (of UNIT) whose anchors are ``wanted``, and where those of each text end."""
        from winnow.kernels.substrings import windows

        return windows(*text_buffers(texts), self.length, self.by_word, wanted)

    def _judge(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        from winnow.kernels.substrings import count_windows

        counts = count_windows(*text_buffers(batch.column("text")), self.length, self.by_word)
        return pa.RecordBatch.from_arrays([pa.array(counts)], schema=self.columns())


@dataclass(frozen=True, kw_only=True)
class Anchors(Scattering):
    """The anchors of every document, brought together by their hashes."""

    kind: Windows

    @property
    def counts(self) -> Score:
        """How many windows there are."""
        return Score(documents=self.documents, measure=self.kind)

    def inputs(self) -> tuple[Step, ...]:
        """The documents, and the number of their windows."""
        return (self.documents, self.counts)

    def schema(self) -> pa.Schema:
        """``ANCHOR``."""
        return ANCHOR

    def partitions(self, store: Store) -> int:
        """By the number of windows."""
        num_anchors = 4 * total(self.counts, store) // self.kind.length
        return num_partitions(num_anchors * ANCHOR_BYTES)

    def scatter(self, shard: int, store: Store, out: ScatterWriter, guard: Guard) -> None:
        """Scatter the anchors of one shard."""
        batches = self.documents.open_shard(store, shard, with_names(["text"], self.documents))
        found = guarded_over(batches, self.documents.label, self._anchors, out, guard)
        hashes = np.concatenate([np.zeros(0, np.uint64), *found])
        hashes, counts = np.unique(hashes, return_counts=True)
        shard = pa.repeat(pa.scalar(shard, pa.int32()), len(hashes))
        rows = pa.RecordBatch.from_arrays([pa.array(hashes), shard, pa.array(counts > 1)], schema=ANCHOR)
        out.scatter(rows, partition_of(hashes, out.num_partitions))

    def _anchors(self, documents: pa.RecordBatch) -> NDArray[np.uint64]:
        return self.kind.anchors(documents.column("text"))


@dataclass(frozen=True, kw_only=True)
class RepeatedAnchors(Gathering):
    """For each shard of the documents those of its anchors that stand in two places or more."""

    anchors: Anchors

    def inputs(self) -> tuple[Step, ...]:
        """The anchors, and the documents whose shards they go back to."""
        return (self.anchors, self.anchors.documents)

    def schema(self) -> pa.Schema:
        """``REPEATED``."""
        return REPEATED

    @property
    def gathered(self) -> tuple[Anchors, ...]:
        """The anchors."""
        return (self.anchors,)

    @property
    def judged(self) -> Rows:
        """Their documents."""
        return self.anchors.documents

    def settle(self, part: Part, store: Store, out: ScatterWriter) -> None:
        """Find what occurs twice in one partition."""
        rows = gather(self.anchors, store, part["partition"])
        out.num_bytes, out.num_records = rows.nbytes, rows.num_rows
        _, which, counts = np.unique(rows.column("hash").to_numpy(), return_inverse=True, return_counts=True)
        is_repeat = (counts[which] > 1) | rows.column("is_repeat").to_numpy()
        for batch in rows.filter(pa.array(is_repeat)).combine_chunks().to_batches():
            out.scatter(batch, batch.column("shard").to_numpy())


@dataclass(frozen=True, kw_only=True)
class HashedWindows(HashedParts):
    """One row per window that may repeat."""

    kind: Windows
    anchors: RepeatedAnchors

    @property
    def counts(self) -> Score:
        """How many windows there are."""
        return Score(documents=self.documents, measure=self.kind)

    def inputs(self) -> tuple[Step, ...]:
        """What finding parts needs, and the anchors."""
        return (*super().inputs(), self.anchors)

    def opened(self, store: Store, shard: int) -> Find:
        """Read the anchors of one shard."""
        hashes = gather(self.anchors, store, shard, ["hash"]).column("hash")
        return partial(self.kind.find, pc.unique(hashes).sort().to_numpy())
