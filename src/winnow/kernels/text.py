"""Every integer statistic of a batch of documents that the heuristic rules of the field read, in one pass.

``masks`` looks at the bytes once; ``words``, ``ngrams``, ``lines`` and ``c4`` walk over what it found. On one core of 2024
the pass takes 7 ns a byte of English text (``benchmarks/kernels.py``), 500 times less than datatrove's four filters. All
lengths are code points. Documents are at most 2 GB long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from winnow.kernels.c4 import C4_COUNTS, FORMS, SPLITLINE_COUNTS, count_splitlines
from winnow.kernels.characters import character_classes
from winnow.kernels.counts import Counts
from winnow.kernels.jit import leaf
from winnow.kernels.lines import LINE_COUNTS, PARAGRAPH_COUNTS, count_lines, count_paragraphs
from winnow.kernels.masks import CHARACTER_COUNTS, scan
from winnow.kernels.ngrams import NGRAM_COUNTS, count_ngrams
from winnow.kernels.sentences import mark_sentences
from winnow.kernels.spacy_rules import spacy_classes
from winnow.kernels.spacy_words import spacy_strings
from winnow.kernels.tokens import (
    DEFINITIONS,
    WHITESPACE,
    Rules,
    cut_new_chunks,
    keep_within_limits,
    num_words_of,
    write_out,
)
from winnow.kernels.unicode_rules import word_breaks
from winnow.kernels.words import WORD_COUNTS, Words, count_frequencies, count_words, forget_frequencies, number_chunks
from winnow.kernels.workspace import Room, Workspace, new_workspace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes

SECTIONS = (
    CHARACTER_COUNTS,
    WORD_COUNTS,
    NGRAM_COUNTS,
    LINE_COUNTS,
    PARAGRAPH_COUNTS,
    SPLITLINE_COUNTS,
    C4_COUNTS,
)
COLUMNS = tuple(name for section in SECTIONS for name in section.names or ())


def word_rules(definition: str) -> Rules:
    """The rules of a word definition: "whitespace", "spacy" or "unicode"."""
    classes = character_classes() | spacy_classes() | word_breaks()
    return Rules(DEFINITIONS.index(definition), classes, spacy_strings())


def count_text(data: Bytes, offsets: NDArray[np.int64], rules: Rules) -> dict[str, NDArray[np.int64]]:
    """The statistics (COLUMNS) of the documents ``data[offsets[i]:offsets[i + 1]]``, one int64 array a column.

    ``data`` has PADDING bytes after the last document (see ``buffers``).
    """
    num_documents = len(offsets) - 1
    sections = [np.zeros(num_documents, section) for section in SECTIONS]
    plain = [section.view(np.int64).reshape(num_documents, -1) for section in sections]
    plain[-1] = plain[-1].reshape(num_documents, len(FORMS), -1)
    room = Room(int(np.diff(offsets).max(initial=0)), 1 << 12, 1 << 12)
    done = 0
    while done < num_documents:
        space = new_workspace(DEFINITIONS[rules.definition], room)
        done, room = _count_documents(data, offsets, done, rules, space, *sections, plain[2], plain[6])
    return {name: np.ascontiguousarray(section[name]) for section in sections for name in section.dtype.names or ()}
