"""Every statistic that the heuristic rules of the field read, in one pass over the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import pyarrow as pa

from winnow.core.errors import RecipeError, did_you_mean
from winnow.measure.measure import Judge, column

NAMESPACES = {"whitespace": "text", "spacy": "text_spacy", "unicode": "text_unicode"}


@dataclass(frozen=True, kw_only=True)
class Text:
    """Counts of characters, words, n-grams, lines and paragraphs; ratios and thresholds are the rules' business."""

    version: ClassVar[str] = "1"
    words: Literal["whitespace", "spacy", "unicode"] = "whitespace"

    @property
    def name(self) -> str:
        """``text``, ``text_spacy`` or ``text_unicode``, by the definition of words."""
        if self.words not in NAMESPACES:
            raise RecipeError(f"words={self.words!r} is not known; {did_you_mean(self.words, NAMESPACES)}")
        return NAMESPACES[self.words]

    def columns(self) -> pa.Schema:
        """One int64 column per statistic."""
        from winnow.kernels.text import COLUMNS

        return pa.schema([column(name, pa.int64(), name.replace("_", " ")) for name in COLUMNS])

    def files(self) -> tuple[str, ...]:
        """None."""
        return ()

    def load(self) -> Judge:
        """Compile or load the kernels."""
        from winnow.kernels.buffers import text_buffers
        from winnow.kernels.text import count_text, word_rules

        rules = word_rules(self.words)
        schema = self.columns()

        def judge(documents: pa.RecordBatch) -> pa.RecordBatch:
            counts = count_text(*text_buffers(documents.column("text")), rules)
            return pa.RecordBatch.from_arrays([pa.array(counts[name]) for name in schema.names], schema=schema)

        return judge
