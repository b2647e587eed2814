"""Every statistic that the heuristic rules of the field read, in one pass over the text.

The statistics are counts and lengths; ratios and thresholds are the rules' business (``winnow.choose.presets``). What a
word is decides more than any threshold, so the definition is a field and the columns of each stand in a namespace of
their own. Two kinds of repetition are told apart throughout: *duplicate* counts all copies of what occurs more than
once (the Gopher paper, DCLM), *repeated* those after the first (datatrove).

Cost: 100 to 200 MB of English text a second and core (benchmarks/kernels.py), about 5 bytes of memory per byte of the
longest document.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import pyarrow as pa

from winnow.core.errors import RecipeError, did_you_mean
from winnow.measure.measure import Judge, column

Words = Literal["whitespace", "spacy", "unicode"]
NAMESPACES: dict[Words, str] = {"whitespace": "text", "spacy": "text_spacy", "unicode": "text_unicode"}


@dataclass(frozen=True, kw_only=True)
class Text:
    """Counts of characters, words, n-grams, lines, paragraphs and sentences; all lengths in code points."""

    version: ClassVar[str] = "1"
    words: Words = "whitespace"
    """What a word is: what stands between white space (Gopher, C4, DCLM's page rules), a token of spaCy's blank English
    pipeline, where punctuation marks are words (datatrove 0.10.1, FineWeb), or a word of Unicode's UAX 29 that begins
    with a letter or digit (DCLM's repetition rules)."""

    @property
    def name(self) -> str:
        """``text``, ``text_spacy`` or ``text_unicode``; RecipeError for another definition."""
        if self.words not in NAMESPACES:
            raise RecipeError(f"words={self.words!r} is not known; {did_you_mean(self.words, NAMESPACES)}")
        return NAMESPACES[self.words]

    def columns(self) -> pa.Schema:
        """One int64 column per statistic."""
        return pa.schema(
            [column(name, pa.int64(), text, unit=unit, range="[0, inf)") for name, text, unit in _columns()]
        )

    def files(self) -> tuple[str, ...]:
        """None."""
        return ()

    def load(self) -> Judge:
        """Compile the kernels, or find them compiled."""
        from winnow.kernels.buffers import text_buffers
        from winnow.kernels.text import count_text, word_rules

        rules = word_rules(self.words)
        schema = self.columns()

        def judge(documents: pa.RecordBatch) -> pa.RecordBatch:
            counts = count_text(*text_buffers(documents.column("text")), rules)
            return pa.RecordBatch.from_arrays([pa.array(counts[name]) for name in schema.names], schema=schema)

        return judge


def _columns() -> Iterator[tuple[str, str, str]]:
    """Name, description and unit of every column, in order."""
    yield from _CHARACTERS
    yield from _WORDS
    for n in (2, 3, 4):
        yield f"top_{n}gram_count", f"times that the most frequent {n}-gram occurs", "n-grams"
        yield f"top_{n}gram_chars", f"characters of its words; of the first such {n}-gram", "characters"
        yield f"top_{n}gram_max_chars", f"characters of its words; of the longest such {n}-gram", "characters"
    for n in range(5, 11):
        yield f"duplicate_{n}gram_chars", f"characters of words within any {n}-gram that occurs twice", "characters"
        yield (
            f"repeated_{n}gram_chars",
            f"characters of {n}-grams seen before, found greedily (datatrove)",
            "characters",
        )
    yield from _LINES
    for form in ("tfds", "datatrove", "fineweb"):
        rules = f"C4's line rules as {form} runs them"
        yield f"c4_{form}_num_lines", f"lines that {rules} keep", "lines"
        yield f"c4_{form}_num_sentences", f"sentences in the lines that {rules} keep", "sentences"
        yield f"c4_{form}_lorem_ipsum", f"1 if a line that {rules} reach says lorem ipsum", ""
        yield f"c4_{form}_curly_bracket", f"1 if a line that {rules} reach holds a curly bracket", ""


_CHARACTERS = (
    ("num_chars", "characters", "characters"),
    ("num_newlines", "line feeds", "characters"),
    ("num_hashes", "number signs (#)", "characters"),
    ("num_ellipses", "'...' and the ellipsis character", "marks"),
    ("num_spaced_ellipses", "'. . .'", "marks"),
    ("num_fasttext_words", "fastText's words that begin with a letter or digit, whatever the definition", "words"),
)
_WORDS = (
    ("num_words", "words", "words"),
    ("num_word_chars", "characters of words", "characters"),
    ("num_words_with_alpha", "words with a letter", "words"),
    ("num_nonsymbol_words", "words that are not all punctuation (datatrove's set)", "words"),
    ("num_nonsymbol_word_chars", "characters of those words", "characters"),
    ("num_stop_words", "occurrences of the, be, to, of, and, that, have, with, in any case", "words"),
    ("num_distinct_stop_words", "how many of the eight occur, in any case", "words"),
    ("num_distinct_stop_words_cased", "how many of the eight occur in lower case", "words"),
)
_LINES = (
    ("num_lines", "lines that are not blank", "lines"),
    ("num_line_chars", "their characters, stripped", "characters"),
    ("num_bullet_lines", "lines that begin with a bullet, * or -", "lines"),
    ("num_ellipsis_lines", "lines that end with an ellipsis", "lines"),
    ("num_terminal_lines", "lines that end with a terminal mark, closing quotes and brackets apart", "lines"),
    ("num_duplicate_lines", "copies of lines that occur more than once", "lines"),
    ("num_duplicate_line_chars", "their characters", "characters"),
    ("num_raw_terminal_lines", "unstripped lines whose last character is a terminal mark (FineWeb)", "lines"),
    ("num_raw_short_lines", "unstripped lines of at most 30 characters (FineWeb)", "lines"),
    ("num_raw_repeated_line_chars", "characters of unstripped lines seen before (FineWeb)", "characters"),
    ("num_line_runs", "pieces between runs of line feeds (datatrove)", "lines"),
    ("num_repeated_line_runs", "such pieces seen before", "lines"),
    ("num_repeated_line_run_chars", "their characters", "characters"),
    ("num_paragraphs", "paragraphs that are not blank", "paragraphs"),
    ("num_paragraph_chars", "their characters, stripped", "characters"),
    ("num_duplicate_paragraphs", "copies of paragraphs that occur more than once", "paragraphs"),
    ("num_duplicate_paragraph_chars", "their characters", "characters"),
    ("num_paragraph_runs", "pieces between runs of two or more line feeds (datatrove)", "paragraphs"),
    ("num_repeated_paragraph_runs", "such pieces seen before", "paragraphs"),
    ("num_repeated_paragraph_run_chars", "their characters", "characters"),
    ("num_splitlines", "lines as Python's splitlines cuts them, blank ones too", "lines"),
    ("num_bullet_splitlines", "of those, lines that begin with a bullet or - (datatrove)", "lines"),
    ("num_ellipsis_splitlines", "of those, lines that end with an ellipsis", "lines"),
)
