"""Looking up items in batches of texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from winnow.decontaminate.index import LEAST_OVERLAP, Index
from winnow.decontaminate.methods import Evidence, Method
from winnow.kernels.buffers import text_buffers
from winnow.kernels.matching import MATCH, Room, Search, find_matches
from winnow.kernels.matching_printed import signs
from winnow.kernels.matching_words import folds, new_words, powers

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST_ROOM = 4096
"""Matches of a batch for which there is room at first."""


@dataclass(frozen=True)
class Found:
    """The best match of each item in each text, by text, then by falling overlap."""

    matches: NDArray[Any]  # of MATCH
    overlaps: NDArray[np.float64]


def find_items(texts: pa.Array, index: Index, method: Method) -> Found:
    """The items that texts overlap with, from ``LEAST_OVERLAP`` or the method's own threshold on."""
    matches = search_texts(texts, index, method.search)
    overlaps = method.overlap(_evidence(matches, index))
    enough = overlaps >= min(LEAST_OVERLAP, method.threshold)
    matches, overlaps = matches[enough], overlaps[enough]
    order = np.lexsort((matches["start"], -overlaps, matches["item"], matches["text"]))
    matches, overlaps = matches[order], overlaps[order]
    is_best = np.ones(len(matches), bool)
    is_best[1:] = (matches["text"][1:] != matches["text"][:-1]) | (matches["item"][1:] != matches["item"][:-1])
    matches, overlaps = matches[is_best], overlaps[is_best]
    order = np.lexsort((matches["item"], -overlaps, matches["text"]))
    return Found(matches[order], overlaps[order])


def search_texts(texts: pa.Array, index: Index, search: Search) -> NDArray[Any]:
    """All matches (MATCH) of every text, in the order of texts and of the seeds that led to them."""
    data, offsets = text_buffers(texts)
    most_grams = int(np.diff(index.parts.first).max(initial=0)) + 1
    words = new_words(int(np.diff(offsets).max(initial=0)))
    found = [np.zeros(0, MATCH)]
    begin, size = 0, FIRST_ROOM
    while begin < len(texts):
        room = Room(
            words,
            np.zeros(most_grams, np.uint8),
            np.empty(most_grams, np.int32),
            np.zeros(len(index.ids), np.int64),
            np.empty(len(index.ids), np.int64),
        )
        matches = np.zeros(size, MATCH)
        number, begin = find_matches(
            data, offsets, begin, folds(), signs(), powers(), index.seeds, index.openings, index.items, index.parts,
            index.spelling, search, room, matches,
        )  # fmt: skip
        found.append(matches[:number])
        size = FIRST_ROOM if number else 4 * size
    return np.concatenate(found)


def _evidence(matches: NDArray[Any], index: Index) -> Evidence:
    questions, parts = matches["item"], index.parts
    passages = index.items.passages[questions]
    passage_bits = np.where(passages >= 0, parts.bits[passages], 0.0) if len(parts.bits) else np.zeros(0)
    return Evidence(
        question=matches["question"].astype(np.float64),
        answer=matches["answer"].astype(np.float64),
        passage=matches["passage"].astype(np.float64),
        answer_bits=matches["answer_bits"].astype(np.float64),
        choice_bits=matches["choice_bits"].astype(np.float64),
        question_bits=parts.bits[questions].astype(np.float64),
        passage_bits=passage_bits.astype(np.float64),
        num_words=parts.num_words[questions].astype(np.int64),
        is_printed=matches["is_printed"] != 0,
    )
