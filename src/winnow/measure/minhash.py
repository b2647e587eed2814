"""What near-duplicates of a document are found by: its shingles, and a MinHash signature of them cut into bands.

Cost: 176 MB of English text a second and core with 112 permutations on AVX2 (``benchmarks/dedup.py``), of which
normalising takes about a quarter and the permutations a quarter. The table is about two thirds of the text that it
describes (``benchmarks/scale.py``), nearly all of it shingles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
import pyarrow as pa

from winnow.core.errors import RecipeError, did_you_mean
from winnow.measure.measure import Judge, column

Shingles = Literal["words", "characters"]


@dataclass(frozen=True, kw_only=True)
class MinHash:
    """The distinct n-grams of a document's normalised text, and hashes that are equal where such sets are alike.

    Text is normalised as datatrove does before MinHash (``winnow.kernels.normalize``): small letters, no punctuation or
    accents, and ``0`` for every number unless ``fold_numbers`` is off. A document shorter than ``ngram`` is one
    shingle; one without words has none, its bands are empty, and it resembles nothing. Of two documents with Jaccard
    similarity s, each band is equal with probability s^rows (Leskovec, Rajaraman, Ullman, Mining of Massive Datasets,
    3.4).
    """

    shingles: Shingles = "words"
    """What an n-gram is made of."""
    ngram: int = 5
    bands: int = 14
    rows: int = 8
    """Permutations a band: ``bands * rows`` in all."""
    seed: int = 1
    fold_numbers: bool = True
    """Whether numbers count as equal; where only they differ (prices, results, lists of parts), they may matter."""

    version: ClassVar[str] = "1"

    def __post_init__(self) -> None:
        if self.shingles not in get_args(Shingles):
            raise RecipeError(f"no shingles of {self.shingles!r}; {did_you_mean(self.shingles, get_args(Shingles))}")
        for name in ("ngram", "bands", "rows"):
            if getattr(self, name) < 1:
                raise RecipeError(f"{name} is {getattr(self, name)}; it must be at least 1")

    @property
    def name(self) -> str:
        """``minhash_signature``."""
        return "minhash_signature"

    def columns(self) -> pa.Schema:
        """The number of shingles, a hash per band, the shingles."""
        ngrams = f"{self.ngram}-grams of {self.shingles}"
        return pa.schema(
            [
                column("num_shingles", pa.int64(), f"Distinct {ngrams}", unit="shingles", range="[0, inf)"),
                column("bands", pa.list_(pa.uint64()), f"Hash of the {self.rows} minima of each of {self.bands} bands"),
                column("shingles", pa.list_(pa.uint32()), f"32-bit hashes of the distinct {ngrams}, in order"),
            ]
        )

    def files(self) -> tuple[str, ...]:
        """None."""
        return ()

    def load(self) -> Judge:
        """Compile the kernels, or find them compiled."""
        from winnow.kernels.buffers import text_buffers
        from winnow.kernels.minhash import Sketcher, permutations, sketch
        from winnow.kernels.normalize import character_folds

        is_words = self.shingles == "words"
        folds = character_folds(self.fold_numbers)
        drawn = permutations(self.bands * self.rows, self.seed)
        sketcher = Sketcher(*drawn, self.bands, self.rows, self.ngram, is_words, self.seed, folds)
        schema = self.columns()

        def judge(batch: pa.RecordBatch) -> pa.RecordBatch:
            sketches = sketch(*text_buffers(batch.column("text")), sketcher)
            numbers = np.diff(sketches.offsets)
            bounds = np.cumsum(np.append(0, np.where(numbers, self.bands, 0)))
            bands = pa.ListArray.from_arrays(
                pa.array(bounds, pa.int32()), pa.array(sketches.bands[numbers > 0].ravel())
            )
            shingles = pa.ListArray.from_arrays(pa.array(sketches.offsets, pa.int32()), pa.array(sketches.shingles))
            return pa.RecordBatch.from_arrays([pa.array(numbers), bands, shingles], schema=schema)

        return judge
