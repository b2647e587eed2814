"""C4's line rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import pyarrow as pa

from winnow.edit.editor import Rewrite, check_choice, count_column, native


@dataclass(frozen=True, kw_only=True)
class C4Lines:
    """C4's line rules (Raffel et al. 2020, section 2.2); what they say of whole documents is for rules over numbers.

    A line, stripped, is removed where

    1. a word has more than 1,000 characters (after this, ``[12]``, ``[edit]`` and ``[citation needed]`` are cut);
    2. it ends in no end mark, or in "..." (only with ``terminal_punctuation``; FineWeb does without);
    3. it has too few words;
    4. it says "javascript"; 5. it says "terms of use", "privacy policy", "cookie policy" or "use(s) (of) cookies".

    ============= ============== ========================= ===============================================
    rules         end marks      words at least            source
    ============= ============== ========================= ===============================================
    ``tfds``      ``. ? ! "``    5, citations not counted  tensorflow_datasets ``c4_utils.py`` @ 0560e68
    ``datatrove`` ``. ? ! " '``  3, citations counted      datatrove 0.10.1 ``C4QualityFilter``
    ============= ============== ========================= ===============================================

    Lines end where ``str.splitlines`` says; those that stay are joined by newlines. Blank lines go and are not counted.
    """

    version: ClassVar[str] = "1"
    rules: Literal["tfds", "datatrove"] = "tfds"
    terminal_punctuation: bool = True

    def __post_init__(self) -> None:
        check_choice("rules", self.rules, ("tfds", "datatrove"))

    def columns(self) -> pa.Schema:
        """Lines removed by each rule, citations cut from the lines that stay."""
        return pa.schema(
            [
                count_column("num_lines_removed_long_word", "Lines removed: a word of over 1,000 characters"),
                count_column("num_lines_removed_no_end_mark", "Lines removed: no end mark, or '...'"),
                count_column("num_lines_removed_few_words", "Lines removed: too few words"),
                count_column("num_lines_removed_javascript", "Lines removed: 'javascript'"),
                count_column("num_lines_removed_policy", "Lines removed: a phrase about terms, privacy or cookies"),
                count_column("num_citations_removed", "Citation marks cut from lines that stay", "citations"),
            ]
        )

    def load(self) -> Rewrite:
        """Compile the kernel and make its table of characters."""
        from winnow.kernels.characters import character_classes
        from winnow.kernels.edit_c4 import c4_lines

        classes, datatrove = character_classes(), self.rules == "datatrove"
        return native(
            lambda text, offsets: c4_lines(text, offsets, classes, datatrove, self.terminal_punctuation), self.columns()
        )
