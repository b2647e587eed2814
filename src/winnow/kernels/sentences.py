"""Sentences, word by word.

Whether a word ends a sentence or begins the next one depends on the word alone, so each distinct word gets a small code
and a line is counted by adding codes: the number of sentences is 1 + the number of words that begin another one.

code = 8 * (sentences begun inside the word) + 4 * (it begins one if a sentence has just ended)
     + 2 * (a sentence has just ended after it, had none ended before) + 1 * (the same, had one ended before)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.characters import PUNCTUATION, TERMINAL, decode, decode_before
from winnow.kernels.jit import inlined, leaf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes
    from winnow.kernels.characters import Classes

ENDS = 4 + 2 + 1
GOES_ON = 4


@leaf
def is_closer(code: int) -> bool:
    """Whether a character is a quote or bracket that may follow the mark that ends a sentence: one of \"'”’»)]}`."""
    if code < 0x80:
        return code in (ord('"'), ord("'"), ord(")"), ord("]"), ord("}"), ord("`"))
    return code in (0x201D, 0x2019, 0xBB)


@leaf
def without_closers(text: Bytes, start: int, end: int) -> int:
    """Where a range ends without the quotes and brackets that close it."""
    while start < end:
        code, length = decode_before(text, start, end)
        if not is_closer(code):
            break
        end -= length
    return end


@leaf
def code_by_rule(text: Bytes, start: int, end: int) -> int:
    """The code of a word by the plain rule: it ends a sentence if it ends in . ! or ?, closers aside."""
    last = text[end - 1]
    if ord("0") <= last <= ord("9") or ord("a") <= last <= ord("z"):  # most words, soon told
        return GOES_ON
    end = without_closers(text, start, end)
    return ENDS if start < end and text[end - 1] in (ord("."), ord("!"), ord("?")) else GOES_ON


@leaf
def code_of_words(
    text: Bytes,
    spans: NDArray[np.void],
    num_words: int,
    classes: Classes,
) -> int:
    """The code of a chunk of several words, as spaCy's sentencizer would treat them.

    A word that is one TERMINAL character ends a sentence; the next word that is not all punctuation begins another.
    """
    begun = begins = 0
    has_begun = just_ended = False
    for word in range(num_words):
        is_end, is_punctuation = _kind(text, spans[word].start, spans[word].end, classes)
        if is_end:
            just_ended = True
        elif not is_punctuation:
            begun += just_ended
            begins |= not (has_begun or just_ended)
            has_begun, just_ended = True, False
    return begun << 3 | begins << 2 | just_ended << 1 | np.int64(just_ended or not has_begun)


@leaf
def _kind(text: Bytes, start: int, end: int, classes: Classes) -> tuple[bool, bool]:
    """Whether a word is one character that ends a sentence, and whether it is punctuation alone."""
    code, length = decode(text, start, end)
    is_end = length == end - start and classes[code] & TERMINAL != 0
    while classes[code] & PUNCTUATION:
        start += length
        if start == end:
            return is_end, True
        code, length = decode(text, start, end)
    return is_end, False


MARK = np.dtype([("position", np.int32), ("code", np.int32)])


class Marks(NamedTuple):
    """The words of a sequence that do anything but go on with a sentence: few, so a line is counted quickly."""

    words: NDArray[np.void]  # of MARK
    state: NDArray[np.int64]  # how many there are, and how many lie before the line that was counted last


def new_marks(room: int) -> Marks:
    """Room for the marks of so many words and one more."""
    return Marks(np.empty(room + 1, MARK), np.zeros(2, np.int64))


@leaf
def mark_sentences(sequence: NDArray[np.int32], entries: NDArray[np.void], by_rule: bool, marks: Marks) -> None:
    """Find the marks in a sequence of words of a vocabulary, by the plain rule or by the words' codes."""
    num_marks = 0
    for position in range(sequence.size):
        entry = entries[sequence[position]]
        code = np.int64(entry.rule_code) if by_rule else np.int64(entry.code)
        marks.words[num_marks].position, marks.words[num_marks].code = position, code
        num_marks += code != GOES_ON
    marks.state[0], marks.state[1] = num_marks, 0


@inlined
def count_sentences(marks: Marks, first: int, last: int) -> int:
    """Number of sentences of the words ``first`` to ``last - 1``, which come after all that were asked for before."""
    if first == last:
        return 0
    number, just_ended, next_word = 1, False, first
    num_marks, place = marks.state[0], marks.state[1]
    while place < num_marks and marks.words[place].position < first:
        place += 1
    while place < num_marks and marks.words[place].position < last:
        if marks.words[place].position > next_word:
            number, just_ended = number + just_ended, False
        begun, just_ended = read_code(marks.words[place].code, just_ended)
        number += begun
        next_word = marks.words[place].position + 1
        place += 1
    marks.state[1] = place
    return number + (just_ended and next_word < last)


@inlined
def read_code(code: int, just_ended: bool) -> tuple[int, bool]:
    """The sentences that a word begins, and whether one has just ended after it, given whether one had before."""
    return (code >> 3) + (just_ended and code & 4 != 0), code & (1 if just_ended else 2) != 0
