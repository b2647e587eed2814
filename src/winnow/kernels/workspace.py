"""The memory in which documents are counted, one after the other.

It is made once for a batch and made anew, larger, when a document does not fit, so that kernels neither allocate nor
touch fresh pages for each document, which took a sixth of the time. Arrays are as long as a document needs at most;
what is not written to is not taken. English text takes about 5 bytes a byte of the longest document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.buffers import PADDING
from winnow.kernels.hashing import Tally, new_tally
from winnow.kernels.masks import new_masks
from winnow.kernels.ngrams import NgramSpace, new_ngram_space
from winnow.kernels.sentences import Marks, new_marks
from winnow.kernels.tokens import Cuts, new_cuts
from winnow.kernels.vocabulary import Vocabulary, new_vocabulary
from winnow.kernels.words import Sequence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes


class Room(NamedTuple):
    """How large a document may be."""

    num_bytes: int
    num_words: int  # words by the definition, words of str.split, and twice the lines
    longest_chunk: int  # in bytes


class Workspace(NamedTuple):
    """Room for a document, and the vocabulary that is kept from one to the next."""

    room: Room
    vocabulary: Vocabulary
    masks: NDArray[np.uint64]
    sequence: Sequence
    distinct: NDArray[np.int32]
    rule_marks: Marks  # where sentences end by the plain rule
    word_marks: Marks  # the same by spaCy's words
    cuts: Cuts
    ngrams: NgramSpace
    tally: Tally
    edited: Bytes  # a line without its citation marks


def new_workspace(room: Room) -> Workspace:
    """A workspace for documents of a size, with an empty vocabulary."""
    num_words = room.num_words
    return Workspace(
        room,
        new_vocabulary(num_words),
        new_masks(room.num_bytes),
        Sequence(np.empty(num_words, np.int32), np.empty(num_words, np.int32), np.empty(num_words, np.int32)),
        np.empty(num_words + 1, np.int32),
        new_marks(num_words),
        new_marks(num_words),
        new_cuts(room.longest_chunk),
        new_ngram_space(num_words),
        new_tally(num_words),
        np.empty(room.num_bytes + PADDING, np.uint8),
    )
