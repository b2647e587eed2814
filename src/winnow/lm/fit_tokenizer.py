"""A tokenizer fitted on the user's own text: byte-level BPE, the same for the same documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from winnow.core.errors import InputError, RecipeError
from winnow.core.files import write_json
from winnow.core.run import num_shards
from winnow.core.step import Rows, Whole
from winnow.core.table import Store
from winnow.lm.tokenizer import END_OF_TEXT, fast_tokenizer, tokenizers_library
from winnow.measure.examples import draw, lowest_limit

MIN_VOCABULARY = 257
"""Every byte, and the end of text."""


@dataclass(frozen=True, kw_only=True)
class FitTokenizer(Whole):
    """Byte-level BPE (Sennrich et al. 2016, arXiv 1508.07909; on bytes as Radford et al. 2019, section 2.2).

    Text is split as GPT-2 splits it; no normalizer, so every text comes back as it was. Writes ``tokenizer.json``,
    which the tokenizers library and transformers read, and ``report.json``. Which documents it is fitted on depends on
    their ids and the seed alone; their order and their files change nothing. Memory: the distinct words of the sample.
    """

    documents: Rows | tuple[Rows, ...]
    """One table, or several that are drawn from as one; a document that stands in two of them may be drawn twice."""
    vocab_size: int = 4096
    """Ids in all, the 256 bytes and the end of text (id 0) among them; fewer where no pair occurs twice."""
    max_documents: int = 200_000
    """How many documents are drawn at most."""
    seed: int = 0

    @property
    def tables(self) -> tuple[Rows, ...]:
        """The tables to draw from."""
        return self.documents if isinstance(self.documents, tuple) else (self.documents,)

    def check(self) -> None:
        """Refuse sizes that hold no bytes or no documents."""
        if self.vocab_size < MIN_VOCABULARY:
            raise RecipeError(
                f"vocab_size is {self.vocab_size}; it must be at least {MIN_VOCABULARY}: bytes and end of text"
            )
        if not self.tables:
            raise RecipeError("documents is empty: give at least one table to fit a tokenizer on")
        if self.max_documents < 1:
            raise RecipeError(f"max_documents is {self.max_documents}; it must be at least 1")

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Count words in the drawn documents and merge their most frequent pairs."""
        library = tokenizers_library()
        inner = library.Tokenizer(library.models.BPE())
        inner.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
        inner.decoder = library.decoders.ByteLevel()
        trainer = library.trainers.BpeTrainer(
            vocab_size=self.vocab_size,
            min_frequency=2,
            special_tokens=[END_OF_TEXT],
            initial_alphabet=library.pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        sample = _Sample()
        inner.train_from_iterator(sample.counted(self._drawn(store)), trainer)
        if not sample.num_bytes:
            raise InputError(f"{', '.join(table.label for table in self.tables)} has no text to fit a tokenizer on")
        fitted = fast_tokenizer(inner, None, "the fitted tokenizer")
        fitted.save(directory)
        counts = {"vocab_size": fitted.vocab_size, "fitted_on": sample.num_documents, "num_bytes": sample.num_bytes}
        write_json(directory / "report.json", counts)
        return counts

    def _drawn(self, store: Store) -> Iterator[list[str]]:
        """The texts of the documents with the lowest draws, a batch at a time."""
        limit = lowest_limit(
            (found for draws, _ in self._batches(store, ["id"]) for found in draws), self.max_documents
        )
        for draws, batch in self._batches(store, ["id", "text"]):
            chosen = pa.array([found <= limit for found in draws], pa.bool_())
            yield batch.column("text").filter(chosen).drop_null().to_pylist()

    def _batches(self, store: Store, columns: list[str]) -> Iterator[tuple[list[float], pa.RecordBatch]]:
        """The documents with their draws."""
        shards = [(table, shard) for table in self.tables for shard in range(num_shards(table, store))]
        for table, shard in shards:
            for batch in table.open_shard(store, shard, columns):
                yield [draw(id, self.seed) for id in batch.column("id").to_pylist()], batch


@dataclass
class _Sample:
    """How much text passed by."""

    num_documents: int = 0
    num_bytes: int = 0

    def counted(self, batches: Iterator[list[str]]) -> Iterator[list[str]]:
        for texts in batches:
            self.num_documents += len(texts)
            self.num_bytes += sum(len(text.encode()) for text in texts)
            yield texts
