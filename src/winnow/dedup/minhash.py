"""Documents that are nearly the same, by MinHash and LSH; nothing is removed that was not compared.

LSH only proposes. A document is a duplicate where a *kept* document resembles it at the threshold or above, by the
exact similarity of their sets of shingles; that document and that similarity are its evidence. So there is no chaining:
where A resembles B and B resembles C, but A not C, C is kept or goes for a kept document of its own.

=================  ====================================================  ==========================================
step               does                                                  costs
=================  ====================================================  ==========================================
``Score``          shingles and band hashes of each document             one read of the text
``BandHashes``     brings equal band hashes together                     16 bytes a band and document on disk
``Links``          pairs of documents with an equal band hash            a sort per partition
``Components``     which documents hang together by such pairs           8 bytes a document, memory-mapped
``Candidates``     brings those that hang together together              a read of the signatures
``NearDuplicates`` keeps or removes, in order of preference              a comparison of sorted lists per candidate
``Duplicates``     lays what was found beside the documents              a look-up
=================  ====================================================  ==========================================

Every step but ``Components`` works a shard or a partition at a time, on any number of workers, and the decisions depend
on the documents, the preference and their ids alone: not on files, shards or their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from winnow.core.errors import RecipeError, did_you_mean
from winnow.core.step import Aligned, Rows
from winnow.dedup.duplicates import Duplicates
from winnow.dedup.minhash_links import BandHashes, Components, Links
from winnow.dedup.minhash_pairs import Candidates, NearDuplicates, Similarity
from winnow.dedup.preference import Preference
from winnow.measure.measure import Measure
from winnow.measure.minhash import MinHash
from winnow.measure.score import Score


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Settings under a name that the field knows."""

    minhash: MinHash
    threshold: float


PRESETS = {
    "fineweb": Preset(minhash=MinHash(ngram=5, bands=14, rows=8), threshold=0.75),
    "dolma3": Preset(minhash=MinHash(ngram=5, bands=26, rows=11), threshold=0.8),
    "dclm": Preset(minhash=MinHash(ngram=5, bands=93, rows=15), threshold=0.8),
    "thorough": Preset(minhash=MinHash(ngram=5, bands=22, rows=5, fold_numbers=False), threshold=0.7),
}
"""
===========  =====  ====  =======================  =========  =========================================================
preset       bands  rows  shingles                 threshold  source
===========  =====  ====  =======================  =========  =========================================================
``fineweb``  14     8     word 5-grams             0.75       Penedo et al. 2024 (arXiv 2406.17557), section 3.4;
                                                              datatrove's ``MinhashConfig``
``dolma3``   26     11    word 5-grams             0.80       duplodocus, the deduplicator of Dolma 3 (arXiv 2512.13961)
``dclm``     93     15    word 5-grams             0.80       Li et al. 2024 (arXiv 2406.11794), runs ``b15.r93``
``thorough`` 22     5     word 5-grams             0.70       ours: as many permutations as FineWeb's, cut so that LSH
                                                              proposes 98% of pairs at the threshold (FineWeb's: 56%),
                                                              and numbers kept apart: what differs in dates or prices
                                                              alone is no duplicate
===========  =====  ====  =======================  =========  =========================================================

The references remove every candidate and all that hang together, without a comparison; their threshold is where LSH is
more likely than not to propose a pair (0.72, 0.74, 0.74), ours is what a pair must reach.
"""


def minhash_duplicates(
    documents: Rows,
    *,
    preset: str = "thorough",
    minhash: MinHash | None = None,
    threshold: float | None = None,
    similarity: Similarity = "jaccard",
    prefer: Sequence[str] = (),
    measures: Sequence[Measure | Aligned] = (),
    against: Sequence[Duplicates] = (),
) -> Duplicates:
    """Find documents that nearly repeat a kept one, in time linear in documents and memory for a fraction of them.

    Args:
        documents: what to look at.
        preset: "thorough", "fineweb", "dolma3" or "dclm" (see ``PRESETS``): a signature and a threshold.
        minhash: another signature than the preset's.
        threshold: another threshold than the preset's, in (0, 1].
        similarity: "jaccard", or "containment": the share of the removed document's shingles that stand in the kept
            one. LSH proposes pairs by Jaccard similarity, so a short excerpt of a long document is rarely compared.
        prefer: SQL of numbers: of two alike the one with the higher is kept, then the lower id (``Preference``).
        measures: what ``prefer`` refers to.
        against: finished minhash deduplications of other documents with an equal signature. What was kept there is
            kept, comes before all documents here, and is read as signatures, never as text.

    Raises:
        RecipeError: an unknown preset, a threshold outside (0, 1], ``against`` something else.
    """
    chosen = _preset(preset)
    signatures = Score(documents=documents, measure=minhash or chosen.minhash)
    bands = BandHashes(signatures=signatures)
    others = tuple(_bands_of(other, signatures) for other in against)
    candidates = Candidates(
        components=Components(links=Links(bands=bands, others=others)),
        preference=Preference(by=tuple(prefer), measures=tuple(measures)),
        others=tuple(against),
    )
    found = NearDuplicates(
        candidates=candidates,
        threshold=chosen.threshold if threshold is None else threshold,
        similarity=similarity,
    )
    return Duplicates(documents=documents, found=found, method="minhash")


def lsh_recall(similarity: float, *, bands: int, rows: int) -> float:
    """The probability that LSH proposes a pair of some Jaccard similarity: 1 - (1 - s^rows)^bands."""
    return 1 - (1 - similarity**rows) ** bands


def _preset(name: str) -> Preset:
    if name not in PRESETS:
        raise RecipeError(f"no preset {name!r}; {did_you_mean(name, PRESETS)}")
    return PRESETS[name]


def _bands_of(other: Duplicates, signatures: Score) -> BandHashes:
    """The band hashes of another deduplication; RecipeError where its signatures are of another kind."""
    found = other.found
    if not isinstance(found, NearDuplicates) or found.candidates.bands.signatures.measure != signatures.measure:
        raise RecipeError(
            f"{other.label} is not a minhash deduplication by {signatures.measure}: `against` takes results of "
            "minhash_duplicates with the same preset or `minhash`"
        )
    return found.candidates.bands
