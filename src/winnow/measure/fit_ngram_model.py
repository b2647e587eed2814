"""An n-gram model of clean text, for ``Perplexity`` to measure other text by.

Modified Kneser-Ney smoothing, interpolated, as KenLM's ``lmplz`` does it and to the same numbers; the model is a KenLM
binary file, which KenLM and all that is built on it open too. Everything is counted in memory, at most 200 bytes a
token of order 5, so a machine of 64 GiB takes 250 million tokens (1.2 GB of English); more is refused before it is
counted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from winnow.core.errors import InputError, RecipeError
from winnow.core.files import fingerprint, write_json
from winnow.core.run import num_shards
from winnow.core.step import Rows, Whole
from winnow.core.table import Store
from winnow.measure.examples import draw
from winnow.measure.model import given_files
from winnow.measure.perplexity import Prepare, perplexity, tokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.ngram_model import NgramModel
    from winnow.kernels.ngram_model_words import Words

MIN_TOKENS = 100
"""Less text than this is a mistake."""
MAX_MEMORY_SHARE = 0.75
"""Share of the machine's memory that fitting may take."""


@dataclass(frozen=True, kw_only=True)
class FitNgramModel(Whole):
    """An n-gram model of documents, by interpolated modified Kneser-Ney smoothing.

    Writes ``model.bin``, a KenLM binary file (probing), and ``report.json``: what was counted, the discounts, and the
    perplexity of the documents that were held out. A document's share in it depends on its id and the seed alone.
    """

    documents: Rows
    """Clean text, none of it from what will be measured: a model finds whatever it was fitted on unsurprising."""
    order: int = 5
    prune: tuple[int, ...] = ()
    """For orders 1, 2, ...: n-grams that occur at most so often are left out, the last number for all longer ones, as
    by ``lmplz --prune``: ``(0, 0, 1)``."""
    prepare: Prepare = "lines"
    """What is done to texts, as by ``Perplexity``, which must do the same."""
    sentencepiece: str | None = None
    """Path of a SentencePiece model that cuts sentences into pieces."""
    heldout_fraction: float = 0.05
    """Share of the documents that is not fitted on but measured, in [0, 1)."""
    arpa: bool = False
    """Also write ``model.arpa``, the same model as text that every tool reads; twice the size."""
    seed: int = 0

    def check(self) -> None:
        """Refuse an order, thresholds or a share that make no model."""
        from winnow.kernels.ngram_model import MAX_ORDER

        if not 2 <= self.order <= MAX_ORDER:
            raise RecipeError(f"order is {self.order}; it must be 2 to {MAX_ORDER}")
        if not 0 <= self.heldout_fraction < 1:
            raise RecipeError(f"heldout_fraction is {self.heldout_fraction}; it must lie in [0, 1)")
        if list(self.prune) != sorted(self.prune) or any(self.prune[:1]) or len(self.prune) > self.order:
            raise RecipeError(
                f"prune is {self.prune}: give at most one number an order, the first 0 and none lower than the one "
                "before it, such as (0, 0, 1)"
            )

    def outside(self) -> dict[str, str]:
        """Digest of the SentencePiece model."""
        return {path: fingerprint(path) for path in given_files(self.sentencepiece)}

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Count the n-grams of what is not held out, smooth them, and measure the rest."""
        from winnow.kernels.ngram_model_arpa import write_arpa
        from winnow.kernels.ngram_model_estimate import estimate
        from winnow.kernels.ngram_model_file import make_model
        from winnow.kernels.ngram_model_words import spell

        words, tokens = self._read(store)
        fitted = estimate(tokens, int(words.size[0]), self.order, self.prune)
        spelled = spell(words)
        model = make_model(spelled, fitted.ngrams)
        model.data.tofile(directory / "model.bin")
        if self.arpa:
            write_arpa(directory / "model.arpa", spelled, fitted.ngrams)
        counts = {"num_tokens": len(tokens), "num_words": len(spelled)}
        report = {
            "prepare": self.prepare,
            "sentencepiece": self.sentencepiece,
            **counts,
            "num_ngrams": [len(each.words) for each in fitted.ngrams],
            "discounts": [asdict(each) for each in fitted.discounts],
            "heldout": self._measured(store, model),
        }
        write_json(directory / "report.json", report)
        return counts

    def _read(self, store: Store) -> tuple[Words, NDArray[np.int32]]:
        """The vocabulary and the sentences of the documents that are not held out, in the order of the table."""
        from winnow.kernels.buffers import text_buffers
        from winnow.kernels.ngram_model_words import new_words, number_texts

        words, read, size = new_words(), [], 0
        most = self._most_tokens()
        for sentences in self._sentences(store, heldout=False):
            words, tokens = number_texts(*text_buffers(sentences), words)
            read.append(tokens)
            size += len(tokens)
            if size > most:
                raise RecipeError(
                    f"{self.documents.label} has more than {most:,} tokens, all that a model of order {self.order} may "
                    "be fitted on in three quarters of this machine's memory: fit on a sample of the documents "
                    "(Select with keep=Sample(...)), of a lower order, or on a larger machine"
                )
        if size < MIN_TOKENS:
            raise InputError(f"{self.documents.label} has {size} tokens to fit a model on: give at least {MIN_TOKENS}")
        return words, np.concatenate(read)

    def _most_tokens(self) -> int:
        from winnow.kernels.ngram_model_estimate import BYTES_PER_TOKEN_AND_ORDER

        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return int(MAX_MEMORY_SHARE * memory / (BYTES_PER_TOKEN_AND_ORDER * self.order))

    def _sentences(self, store: Store, *, heldout: bool) -> Iterator[pa.Array]:
        """The texts that are held out, or the others, as sentences."""
        sentences = tokenizer(self.prepare, self.sentencepiece)
        for shard in range(num_shards(self.documents, store)):
            for batch in self.documents.open_shard(store, shard, ["id", "text"]):
                wanted = [(draw(id, self.seed) < self.heldout_fraction) == heldout for id in batch["id"].to_pylist()]
                yield sentences(batch["text"].filter(pa.array(wanted, pa.bool_())))

    def _measured(self, store: Store, model: NgramModel) -> dict[str, float] | None:
        """What the model says of the documents that were held out, taken together; None of no text."""
        from winnow.kernels.ngram_model import score_texts

        log10_prob, num_tokens, num_unknown, num_lines = np.zeros(1), np.zeros(1, np.int64), 0, 0
        for sentences in self._sentences(store, heldout=True):
            scores = score_texts(sentences, model)
            log10_prob += scores.log10_prob.sum()
            num_tokens += scores.num_tokens.sum()
            num_unknown += int(scores.num_unknown.sum())
            num_lines += len(scores.num_tokens)
        if num_lines == 0:
            return None
        return {
            "num_tokens": int(num_tokens[0]),
            "perplexity": float(perplexity(log10_prob, num_tokens)[0]),
            "unknown_fraction": num_unknown / int(num_tokens[0] - num_lines),
        }
