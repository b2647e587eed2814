"""Newlines in excess out of the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.errors import RecipeError
from winnow.edit.editor import EditedText, Rewrite, count_column


@dataclass(frozen=True, kw_only=True)
class NewlineRemoval:
    """Leaves at most so many newlines in a row, 1 to 998 (DCLM ``newline_removal_modifier``, 2 there)."""

    version: ClassVar[str] = "1"
    max_consecutive: int = 2

    def __post_init__(self) -> None:
        if not 1 <= self.max_consecutive <= 998:
            raise RecipeError(f"max_consecutive={self.max_consecutive} is out of range: give 1 to 998")

    def columns(self) -> pa.Schema:
        """Newlines cut."""
        return pa.schema([count_column("num_newlines_removed", "Newlines cut from longer rows", "newlines")])

    def load(self) -> Rewrite:
        """Arrow's regular expressions are fast enough for this one (700 MB/s)."""
        pattern, most = f"\n{{{self.max_consecutive + 1},}}", "\n" * self.max_consecutive

        def rewrite(texts: pa.StringArray) -> EditedText:
            new = pc.replace_substring_regex(texts, pattern=pattern, replacement=most)
            removed = pc.subtract(pc.binary_length(texts), pc.binary_length(new))
            return EditedText(new, pa.RecordBatch.from_arrays([removed], schema=self.columns()))

        return rewrite
