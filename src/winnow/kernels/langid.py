"""Which languages a text is written in, from its letter bigrams and trigrams: naive Bayes at native speed.

A text becomes a string of letters of one alphabet (small letters; scripts that one language owns are one letter; any
run of other characters is one space). Each letter is looked up with the two before it, or, where that trigram was
never seen in training, with the one before it: a row of weights, one per language, says what that tells. The rows of a
window of 256 letters are added up and turned into probabilities, and a text's share for a language is the mean over its
windows. So a page that is half English has an English share near one half, which the sum over a whole page would
report as a certainty.

Costs 10 ns a letter: two thirds for the look-up, the rest for adding a row of 128 bytes.
Rejected: 4-grams (one point better on sentences, twice the table); hashing without keys (an unseen n-gram reads the row
of another: one point worse); one posterior for the whole text (always near 0 or 1, so no threshold on it means much).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.characters import decode
from winnow.kernels.jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPACE = 1
"""The letter that stands for any run of characters that are no letters; 0 in an alphabet means "no letter"."""
LETTER_BITS = 10
WINDOW = 256
"""Letters a window. Also the most that can be added up: 256 x 127 is the last multiple that an int16 holds."""
WEIGHTS_PER_NAT = 16
EVIDENCE = 1 / 6
"""How much of a window's log-likelihood counts. Every letter is in three trigrams and two bigrams, so the plain sum
counts it several times over; of the factors tried from 1 to 1/12 this one's probabilities came nearest to hit rates."""

MAX_LANGUAGES = 128
"""Columns of a weight row, used or not: two cache lines, and a number that the compiler knows."""

_ONE_LETTER, _TWO_LETTERS, _THREE_LETTERS = ((1 << LETTER_BITS * count) - 1 for count in (1, 2, 3))
_SCALE = np.float32(EVIDENCE / WEIGHTS_PER_NAT)
_NEGLIGIBLE = np.float32(-20.0)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class Model(NamedTuple):
    """A trained language identifier, ready for ``language_shares``."""

    languages: tuple[str, ...]
    alphabet: NDArray[np.uint16]
    """Shape (65536,): the letter of each code point of the basic plane; 0 for no letter."""
    slots: NDArray[np.uint32]
    """Hash table of the known bigrams and trigrams: ``LETTER_BITS`` a letter, the last one lowest; 0 where empty."""
    rows: NDArray[np.int32]
    """The row of ``weights`` for the n-gram in each slot; 0 where empty."""
    weights: NDArray[np.int8]
    """Shape (1 + n-grams, MAX_LANGUAGES): log-likelihood ratios in 1/16 nat, a trigram's with its bigram's added. Row 0
    is zero, for what is not known."""


def make_model(
    languages: tuple[str, ...], alphabet: NDArray[np.uint16], ngrams: NDArray[np.uint32], weights: NDArray[np.int8]
) -> Model:
    """The model of these trained arrays; ``weights`` has a row per n-gram and a column per language."""
    padded = np.zeros((1 + len(ngrams), MAX_LANGUAGES), np.int8)
    padded[1:, : len(languages)] = weights
    slots = np.zeros(1 << (2 * len(ngrams)).bit_length(), np.uint32)
    rows = np.zeros(len(slots), np.int32)
    _fill(ngrams, slots, rows)
    return Model(languages, alphabet, slots, rows, padded)


@kernel
def _fill(ngrams: NDArray[np.uint32], slots: NDArray[np.uint32], rows: NDArray[np.int32]) -> None:
    for index in range(ngrams.size):
        slot = _slot(slots, ngrams[index])
        slots[slot] = ngrams[index]
        rows[slot] = index + 1


@kernel
def _slot(slots: NDArray[np.uint32], wanted: np.uint32) -> np.uint64:
    """The slot that holds the wanted n-gram, or the empty one where it belongs."""
    last = np.uint64(slots.size - 1)
    slot = ((np.uint64(wanted) * _FACTOR) >> np.uint64(40)) & last
    while slots[slot] != wanted and slots[slot] != 0:
        slot = (slot + np.uint64(1)) & last
    return slot


@kernel
def _find_rows(
    data: NDArray[np.uint8],
    at: int,
    end: int,
    letters: int,
    alphabet: NDArray[np.uint16],
    slots: NDArray[np.uint32],
    rows: NDArray[np.int32],
    window: NDArray[np.int32],
) -> tuple[int, int, int]:
    """Fill ``window`` with the weight rows of the letters from ``at`` on, or as many as are left.

    Takes the three letters before ``at``; gives the next place to read (beyond ``end`` after the space that closes
    every text), the three letters before that, and the number of rows written.
    """
    num_letters = 0
    while at <= end and num_letters < window.size:
        letter, length = SPACE, 1
        if at < end:
            code = int(data[at])
            if code >= 0x80:
                code, length = decode(data, at, end)
            if code < alphabet.size and alphabet[code] != 0:
                letter = int(alphabet[code])
        at += length
        if letter == SPACE and letters & _ONE_LETTER == SPACE:
            continue
        letters = (letters << LETTER_BITS | letter) & _THREE_LETTERS
        slot = _slot(slots, np.uint32(letters))
        if slots[slot] == 0:
            slot = _slot(slots, np.uint32(letters & _TWO_LETTERS))
        window[num_letters] = rows[slot]
        num_letters += 1
    return at, letters, num_letters


@kernel
def _add_rows(rows: NDArray[np.int32], weights: NDArray[np.int8], sums: NDArray[np.int16]) -> None:
    """Add up weight rows, whose number is a multiple of four: sums are loaded and stored a quarter as often."""
    for first in range(0, rows.size, 4):
        one, two = weights[rows[first]], weights[rows[first + 1]]
        three, four = weights[rows[first + 2]], weights[rows[first + 3]]
        for language in range(MAX_LANGUAGES):
            sums[language] += one[language] + two[language] + three[language] + four[language]


@kernel
def _add_probabilities(sums: NDArray[np.int16], num_letters: int, shares: NDArray[np.float32]) -> None:
    """Add each language's probability given these sums, times the number of letters, to ``shares``."""
    best = sums[: shares.size].max()
    total = np.float32(0)
    for language in range(shares.size):
        evidence = np.float32(sums[language] - best) * _SCALE
        if evidence > _NEGLIGIBLE:
            total += np.exp(evidence)
    for language in range(shares.size):
        evidence = np.float32(sums[language] - best) * _SCALE
        if evidence > _NEGLIGIBLE:
            shares[language] += np.exp(evidence) / total * np.float32(num_letters)


@kernel
def language_shares(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    max_bytes: int,
    alphabet: NDArray[np.uint16],
    slots: NDArray[np.uint32],
    rows: NDArray[np.int32],
    weights: NDArray[np.int8],
    shares: NDArray[np.float32],
) -> None:
    """Write each text's share of each language; a row adds up to 1, or is all 0 for a text without letters.

    Text ``d`` is the UTF-8 in ``data[offsets[d]:offsets[d + 1]]``, of which the first ``max_bytes`` are read (half a
    character counts as no letter); ``shares`` has shape (documents, languages).
    """
    window = np.empty(WINDOW, np.int32)
    sums = np.empty(MAX_LANGUAGES, np.int16)
    for document in range(shares.shape[0]):
        at, end = offsets[document], min(offsets[document + 1], offsets[document] + max_bytes)
        letters, total = SPACE << LETTER_BITS | SPACE, 0
        shares[document] = 0
        while at <= end:
            at, letters, num_letters = _find_rows(data, at, end, letters, alphabet, slots, rows, window)
            window[num_letters:] = 0
            sums[:] = 0
            _add_rows(window[: (num_letters + 3) // 4 * 4], weights, sums)
            _add_probabilities(sums, num_letters, shares[document])
            total += num_letters
        if total > 0:
            shares[document] /= np.float32(total)


def language_shares_reference(text: str, model: Model) -> dict[str, float]:
    """The readable twin of ``language_shares`` for one text that is read to its end."""
    known = {int(ngram): model.weights[row] for ngram, row in zip(model.slots, model.rows, strict=True) if ngram}
    letters = [SPACE, SPACE]
    evidence = []
    for character in text + " ":
        letter = int(model.alphabet[ord(character)]) if ord(character) < len(model.alphabet) else 0
        letters.append(letter or SPACE)
        if letters[-2:] == [SPACE, SPACE]:
            letters.pop()
            continue
        first, second, third = letters[-3:]
        bigram = second << LETTER_BITS | third
        found = known.get(first << 2 * LETTER_BITS | bigram, known.get(bigram))
        evidence.append(np.zeros(model.weights.shape[1]) if found is None else found.astype(float))
    windows = [np.array(evidence[first : first + WINDOW]) for first in range(0, len(evidence), WINDOW)]
    shares = np.zeros(len(model.languages))
    for window in windows:
        logarithms = window.sum(axis=0)[: len(model.languages)] * EVIDENCE / WEIGHTS_PER_NAT
        odds = np.exp(logarithms - logarithms.max())
        shares += odds / odds.sum() * len(window) / len(evidence)
    return dict(zip(model.languages, shares.tolist(), strict=True))
