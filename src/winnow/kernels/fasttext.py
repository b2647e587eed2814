"""What fastText makes of a line of text: rows of a model's input matrix, and the sum of numbers that rows hold.

A line becomes the rows of its words, of their character n-grams and of its word n-grams; ``</s>`` ends it. What a word
is, every hash and the order of hashing are those of fastText 0.9.2 (dictionary.cc), sign-extended bytes included. A
word is found by 64 bits of a hash of its bytes rather than by the bytes: one in 10^12 unknown words is taken for a
known one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.buffers import PADDING
from winnow.kernels.hashing import hash_bytes, num_slots
from winnow.kernels.jit import inlined, kernel, leaf
from winnow.kernels.simd import word_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes
    from winnow.kernels.fasttext_file import Entries, Shape

SLOT = np.dtype([("hash", np.uint64), ("row", np.int64)])
"""Of a dictionary; a hash of 0 is an empty slot."""
WORD = np.dtype([("start", np.int64), ("end", np.int64), ("row", np.int32), ("hash", np.int32)])
"""Of a line: where it stands, its row or UNKNOWN, fastText's hash of it."""
UNKNOWN = -1
LABEL = -2

_SEPARATORS = np.uint64(sum(1 << ord(character) for character in "\0\t\n\v\f\r "))
_FNV_START = np.uint32(2166136261)
_FNV_PRIME = np.uint32(16777619)
_NGRAM_PRIME = np.uint64(116049371)
_END_OF_LINE = b"</s>"
_END_BYTES = np.uint64(int.from_bytes(_END_OF_LINE, "little"))
_LABEL_BYTES = np.uint64(int.from_bytes(b"__label_", "little"))
_END_LENGTH, _LABEL_LENGTH = 4, 9
_OPEN, _CLOSE, _UNDERSCORE = b"<>_"


class Lines(NamedTuple):
    """What turns a line into rows: the dictionary, the buckets, the lengths of n-grams."""

    slots: NDArray[np.void]  # of SLOT
    bucket_rows: NDArray[np.int32]  # the row of each bucket after the words, UNKNOWN if pruned; empty: its number
    end: Bytes  # </s>
    folded: NDArray[np.int32]  # how many rows each word's stands for, with its character n-grams in it; empty: one
    num_words: int
    num_buckets: int
    word_ngrams: int
    min_chars: int
    max_chars: int


class Room(NamedTuple):
    """Where the words and the rows of one line are kept."""

    words: NDArray[np.void]  # of WORD
    rows: NDArray[np.int32]


def make_lines(shape: Shape, entries: Entries, num_words: int, kept_buckets: NDArray[np.int32] | None = None) -> Lines:
    """A dictionary of words, then labels, as kernels read it; the arguments are those of a ``StoredModel``."""
    slots = np.zeros(num_slots(len(entries)), SLOT)
    insert_words(entries.data, entries.starts, entries.ends, num_words, slots)
    bucket_rows = np.zeros(0, np.int32)
    if kept_buckets is not None:
        bucket_rows = np.full(max(1, shape.bucket), UNKNOWN, np.int32)
        bucket_rows[kept_buckets[:, 0]] = kept_buckets[:, 1]
    end = np.zeros(len(_END_OF_LINE) + PADDING, np.uint8)
    end[: len(_END_OF_LINE)] = list(_END_OF_LINE)
    word_ngrams, max_chars = (shape.word_ngrams, shape.max_chars) if shape.bucket > 0 else (1, 0)
    folded = np.zeros(0, np.int32)
    return Lines(slots, bucket_rows, end, folded, num_words, shape.bucket, word_ngrams, shape.min_chars, max_chars)


def make_room(lines: Lines, num_bytes: int) -> Room:
    """Room for lines of so many bytes."""
    num_words = num_bytes // 2 + 2
    lengths = max(0, lines.max_chars - lines.min_chars + 1) if lines.max_chars > 0 else 0
    num_rows = num_words * max(1, lines.word_ngrams) + lengths * (num_bytes + 2 * num_words)
    return Room(np.empty(num_words, WORD), np.empty(num_rows, np.int32))


@kernel
def insert_words(
    data: Bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], num_words: int, slots: NDArray[np.void]
) -> None:
    """Fill an empty table of slots with a dictionary's entries: the words, then the labels."""
    for entry in range(starts.size):
        hashed = hash_bytes(data, starts[entry], ends[entry])
        slot = find_slot(slots, hashed)
        slots[slot].hash = hashed
        slots[slot].row = entry if entry < num_words else LABEL


@inlined
def find_slot(slots: NDArray[np.void], hashed: np.uint64) -> int:
    """The slot of the entry with a hash, or the empty one where it belongs."""
    last = np.uint64(slots.size - 1)
    slot = hashed & last
    while slots[slot].hash != 0 and slots[slot].hash != hashed:
        slot = (slot + np.uint64(1)) & last
    return np.int64(slot)


@inlined
def is_separator(byte: int) -> bool:
    """Whether words end here: NUL, tab, newline, vertical tab, form feed, carriage return, space."""
    return byte <= 32 and (_SEPARATORS >> np.uint64(byte)) & np.uint64(1) != 0


@inlined
def fnv_step(state: np.uint32, byte: np.uint8) -> np.uint32:
    """One byte more of fastText's hash: FNV-1a, but bytes from 128 on are negative there, as ``char`` is on x86."""
    extended = np.uint32(byte) | np.uint32(0xFFFFFF00) if byte >= 128 else np.uint32(byte)
    return np.uint32((state ^ extended) * _FNV_PRIME)


@leaf
def read_words(data: Bytes, at: int, end: int, lines: Lines, words: NDArray[np.void]) -> int:
    """Find the words of ``data[at:end]``, whatever separates them, and give their number; the last is ``</s>``.

    The text ends at a word ``</s>``, if it has one. Labels are no words, nor is what looks like one.
    """
    num_words = 0
    while True:
        while at < end and is_separator(data[at]):
            at += 1
        start, hashed = at, _FNV_START
        while at < end and not is_separator(data[at]):
            hashed = fnv_step(hashed, data[at])
            at += 1
        if at == start or (at - start == _END_LENGTH and _is_end(data, start)):
            break
        num_words = _add_word(data, start, at, hashed, lines, words, num_words)
    hashed = _FNV_START
    for place in range(_END_LENGTH):
        hashed = fnv_step(hashed, lines.end[place])
    num_words = _add_word(lines.end, 0, _END_LENGTH, hashed, lines, words, num_words)
    words[num_words - 1].start = words[num_words - 1].end = end
    return num_words


@inlined
def _add_word(
    data: Bytes, start: int, end: int, hashed: np.uint32, lines: Lines, words: NDArray[np.void], num_words: int
) -> int:
    slot = find_slot(lines.slots, hash_bytes(data, start, end))
    row = lines.slots[slot].row if lines.slots[slot].hash != 0 else UNKNOWN
    if row == LABEL or (row == UNKNOWN and _looks_like_label(data, start, end)):
        return num_words
    word = words[num_words]
    word.start, word.end, word.row, word.hash = start, end, row, np.int32(hashed)
    return num_words + 1


@inlined
def _is_end(data: Bytes, start: int) -> bool:
    return word_at(data, start) & np.uint64(0xFFFFFFFF) == _END_BYTES


@inlined
def _looks_like_label(data: Bytes, start: int, end: int) -> bool:
    return end - start >= _LABEL_LENGTH and word_at(data, start) == _LABEL_BYTES and data[start + 8] == _UNDERSCORE


@leaf
def line_rows(data: Bytes, lines: Lines, room: Room, num_words: int) -> int:
    """Write the rows of a line whose words were read; gives their number. Pruned buckets have none."""
    num_rows = 0
    for index in range(num_words):
        word = room.words[index]
        is_known = word.row >= 0
        if is_known:
            room.rows[num_rows] = word.row
            num_rows += 1
        is_whole = is_known and lines.folded.size > 0
        if lines.max_chars > 0 and index < num_words - 1 and not is_whole:
            num_rows = _add_characters(data, word.start, word.end, lines, room.rows, num_rows)
    for first in range(num_words):
        hashed = _ngram_start(room.words[first].hash)
        for last in range(first + 1, min(num_words, first + lines.word_ngrams)):
            hashed = _ngram_step(hashed, room.words[last].hash)
            num_rows = _add_bucket(hashed % np.uint64(lines.num_buckets), lines, room.rows, num_rows)
    return num_rows


@inlined
def _ngram_start(word_hash: np.int32) -> np.uint64:
    """The hash of a word n-gram of which only the first word is known."""
    return np.uint64(np.int64(word_hash))


@inlined
def _ngram_step(hashed: np.uint64, word_hash: np.int32) -> np.uint64:
    """One word more of a word n-gram."""
    return hashed * _NGRAM_PRIME + np.uint64(np.int64(word_hash))


@inlined
def _add_bucket(bucket: np.uint64, lines: Lines, rows: NDArray[np.int32], num_rows: int) -> int:
    row = np.int64(bucket)
    if lines.bucket_rows.size > 0:
        row = np.int64(lines.bucket_rows[row])
        if row == UNKNOWN:
            return num_rows
    rows[num_rows] = lines.num_words + row
    return num_rows + 1


@leaf
def _add_characters(data: Bytes, start: int, end: int, lines: Lines, rows: NDArray[np.int32], num_rows: int) -> int:
    """The character n-grams of ``<word>``; the two marks alone are none."""
    length = end - start + 2
    for first in range(length):
        if _is_continued(_marked(data, start, length, first)):
            continue
        hashed, at = _FNV_START, first
        for num_characters in range(1, lines.max_chars + 1):
            if at == length:
                break
            hashed = fnv_step(hashed, _marked(data, start, length, at))
            at += 1
            while at < length and _is_continued(_marked(data, start, length, at)):
                hashed = fnv_step(hashed, _marked(data, start, length, at))
                at += 1
            is_mark = num_characters == 1 and (first == 0 or at == length)
            if num_characters >= lines.min_chars and not is_mark:
                bucket = np.uint64(hashed) % np.uint64(np.uint32(lines.num_buckets))  # a division of 32 bits
                num_rows = _add_bucket(bucket, lines, rows, num_rows)
    return num_rows


@inlined
def _marked(data: Bytes, start: int, length: int, place: int) -> np.uint8:
    """A byte of ``<word>``."""
    if place == 0:
        return np.uint8(_OPEN)
    if place == length - 1:
        return np.uint8(_CLOSE)
    return data[start + place - 1]


@inlined
def _is_continued(byte: np.uint8) -> bool:
    return byte & 0xC0 == 0x80


@leaf
def add_up(numbers: NDArray[np.float32], rows: NDArray[np.int32], num_rows: int, sums: NDArray[np.float64]) -> None:
    """The sum of some rows, in double precision."""
    if numbers.shape[1] == 1:
        total = 0.0
        for index in range(num_rows):
            total += numbers[rows[index], 0]
        sums[0] = total
        return
    sums[:] = 0
    for index in range(num_rows):
        row = rows[index]
        for column in range(sums.size):
            sums[column] += numbers[row, column]


@kernel
def fold_characters(
    data: Bytes,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    lines: Lines,
    room: Room,
    numbers: NDArray[np.float32],
) -> NDArray[np.int32]:
    """Add to each known word's numbers those of its character n-grams; gives how many rows its row now stands for."""
    sums = np.empty((1, numbers.shape[1]))
    counts = np.ones(lines.num_words, np.int32)
    for word in range(lines.num_words):
        is_end = ends[word] - starts[word] == _END_LENGTH and _is_end(data, starts[word])
        num_rows = 0 if is_end else _add_characters(data, starts[word], ends[word], lines, room.rows, 0)
        add_up(numbers, room.rows, num_rows, sums[0])
        numbers[word] += sums[0].astype(np.float32)
        counts[word] += num_rows
    return counts


@kernel
def sum_lines(
    data: Bytes,
    offsets: NDArray[np.int64],
    lines: Lines,
    room: Room,
    numbers: NDArray[np.float32],
    sums: NDArray[np.float64],
    counts: NDArray[np.int64],
) -> None:
    """For each text, all of it one line, the number of its rows and the sum of what ``numbers`` holds for them.

    Where character n-grams were folded into their words, these count as all the rows they stand for.

    Text ``d`` is ``data[offsets[d]:offsets[d + 1]]``; ``numbers`` has the model's rows, ``sums`` shape (texts, columns
    of ``numbers``).
    """
    for text in range(counts.size):
        num_words = read_words(data, offsets[text], offsets[text + 1], lines, room.words)
        num_rows = line_rows(data, lines, room, num_words)
        add_up(numbers, room.rows, num_rows, sums[text])
        counts[text] = num_rows
        for word in range(num_words if lines.folded.size > 0 else 0):
            row = room.words[word].row
            counts[text] += lines.folded[row] - 1 if row >= 0 else 0
