"""Repeated n-grams of the words of a document, for n = 2..10 in one cascade.

An n-gram can only repeat where both of its (n-1)-grams repeat. So level n looks at the places that survived level n-1,
names a pair of (n-1)-grams by a new number, and keeps the places whose pair was seen more than once: exact, with no
joined strings, and after the bigrams little is left to look at in ordinary text. Counting every n-gram anew for each of
the nine lengths, as all peers do, was rejected: 9x the table look-ups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.counts import counts_type
from winnow.kernels.hashing import mix, num_slots
from winnow.kernels.jit import inlined, leaf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.words import Words

SHORTEST, SHORTEST_LONG, LONGEST = 2, 5, 10
"""The most frequent n-gram is asked for n = 2..4, the text that repeats for n = 5..10 (Rae et al. 2021, table A1)."""

NGRAM_COUNTS = counts_type(
    *(f"top_{n}gram_{what}" for n in range(SHORTEST, SHORTEST_LONG) for what in ("count", "chars", "max_chars")),
    *(f"{what}_{n}gram_chars" for n in range(SHORTEST_LONG, LONGEST + 1) for what in ("duplicate", "repeated")),
)
_NUM_TOP = 3 * (SHORTEST_LONG - SHORTEST)


PLACE = np.dtype(
    [
        ("position", np.int32),  # word index where the n-gram starts
        ("gram", np.int32),  # which n-gram it is
        ("key", np.uint64),  # its two (n-1)-grams, mixed
    ]
)
GRAM = np.dtype(
    [
        ("key", np.uint64),
        ("length", np.int32),  # characters of the n-gram's words
        ("count", np.int32),  # occurrences
    ]
)


class NgramSpace(NamedTuple):
    """Room for the n-grams of a document."""

    places: NDArray[np.void]  # where an n-gram may occur more than once, ascending; fewer from level to level
    below: NDArray[np.void]  # the distinct (n-1)-grams
    above: NDArray[np.void]  # the distinct n-grams
    table: NDArray[np.int32]


def new_ngram_space(room: int) -> NgramSpace:
    """Room for so many words and one more; memory that is not written to is not taken."""
    return NgramSpace(
        np.empty(room + 1, PLACE), np.empty(room, GRAM), np.empty(room, GRAM), np.empty(num_slots(room), np.int32)
    )


@leaf
def count_ngrams(words: Words, space: NgramSpace, counts: NDArray[np.int64]) -> None:
    """Write the counts (NGRAM_COUNTS, as an array) of the n-grams of a document's words."""
    places, below, above, table = space
    num_places = _keep_repeated_words(words, places)
    for n in range(SHORTEST, min(LONGEST, words.sequence.size) + 1):
        if num_places == 0 and n >= SHORTEST_LONG:
            break
        num_places = _keep_pairs(places, num_places, table)
        num_grams = _name_pairs(places, num_places, below, above, words, n, table)
        if n < SHORTEST_LONG:
            _write_top(above, num_grams, words, n, counts[3 * (n - SHORTEST) :])
        num_places = _keep_repeated(places, num_places, above)
        if n >= SHORTEST_LONG:
            at = _NUM_TOP + 2 * (n - SHORTEST_LONG)
            counts[at] = _covered_chars(places, num_places, words, n)
            counts[at + 1] = _greedy_chars(places, num_places, above, n)
        below, above = above, below


@inlined
def _keep_repeated_words(words: Words, places: NDArray[np.void]) -> int:
    kept = 0
    for position in range(words.sequence.size):
        word = words.sequence[position]
        places[kept].position, places[kept].gram = position, word
        kept += words.entries[word].frequency > 1
    return kept


@inlined
def _length(words: Words, position: int) -> int:
    return np.int64(words.entries[words.sequence[position]].length)


@inlined
def _keep_repeated(places: NDArray[np.void], num_places: int, grams: NDArray[np.void]) -> int:
    """Drop the places whose n-gram occurs once."""
    kept = 0
    for place in range(num_places):
        gram = places[place].gram
        places[kept].position, places[kept].gram = places[place].position, gram
        kept += grams[gram].count > 1
    return kept


@inlined
def _keep_pairs(places: NDArray[np.void], num_places: int, table: NDArray[np.int32]) -> int:
    """Keep the places where two (n-1)-grams follow each other, in a pair that seems to occur more than once.

    Pairs are counted by a few bits of their keys, so some that occur once are kept; none that repeats is lost. It costs
    no branch that the processor cannot foresee, and spares the exact table most of its entries.
    """
    counters = table[: num_slots(num_places)]
    counters[:] = 0
    last = np.uint64(counters.size - 1)
    for place in range(num_places - 1):
        key = _mixed_pair(places[place].gram, places[place + 1].gram)
        places[place].key = key
        counters[key & last] += places[place + 1].position == places[place].position + 1
    kept = 0
    for place in range(num_places - 1):
        position, key = places[place].position, places[place].key
        is_pair = places[place + 1].position == position + 1
        places[kept].position, places[kept].gram, places[kept].key = position, places[place].gram, key
        kept += is_pair & (counters[key & last] > 1)
    return kept


@inlined
def _mixed_pair(first: int, second: int) -> np.uint64:
    """A different number for every pair, spread over all bits."""
    return mix(np.uint64(first) << np.uint64(32), np.uint64(second))


@inlined
def _find_gram(slots: NDArray[np.int32], grams: NDArray[np.void], key: np.uint64) -> int:
    """The slot of the n-gram with a key, or the empty one where it belongs."""
    last = np.uint64(slots.size - 1)
    slot = key & last
    while slots[slot] != 0 and grams[slots[slot] - 1].key != key:
        slot = (slot + np.uint64(1)) & last
    return np.int64(slot)


@inlined
def _name_pairs(
    places: NDArray[np.void],
    num_places: int,
    below: NDArray[np.void],
    above: NDArray[np.void],
    words: Words,
    n: int,
    table: NDArray[np.int32],
) -> int:
    """Number the distinct pairs in order of appearance and count them; gives how many there are."""
    slots = table[: num_slots(num_places)]
    slots[:] = 0
    num_grams = 0
    for place in range(num_places):
        key = places[place].key
        slot = _find_gram(slots, above, key)
        if slots[slot] == 0:
            position = places[place].position
            length = _length(words, position) if n == SHORTEST else below[places[place].gram].length
            above[num_grams].key = key
            above[num_grams].length = length + _length(words, position + n - 1)
            above[num_grams].count = 0
            num_grams += 1
            slots[slot] = num_grams
        gram = slots[slot] - 1
        above[gram].count += 1
        places[place].gram = gram
    return num_grams


@inlined
def _write_top(
    grams: NDArray[np.void],
    num_grams: int,
    words: Words,
    n: int,
    counts: NDArray[np.int64],
) -> None:
    """The count of the most frequent n-gram, the characters of the first such, and those of the longest such."""
    for gram in range(num_grams):
        count, length = grams[gram].count, grams[gram].length
        if count > max(counts[0], 1):
            counts[0], counts[1], counts[2] = count, length, length
        elif count == counts[0]:
            counts[2] = max(counts[2], length)
    if counts[0] == 0:
        _write_single(words, n, counts)


@leaf
def _write_single(words: Words, n: int, counts: NDArray[np.int64]) -> None:
    """The same where no n-gram repeats: the first of all, and the longest of all."""
    length = 0
    for position in range(words.sequence.size):
        length += _length(words, position)
        if position >= n:
            length -= _length(words, position - n)
        if position == n - 1:
            counts[0], counts[1] = 1, length
        if position >= n - 1:
            counts[2] = max(counts[2], length)


@inlined
def _covered_chars(places: NDArray[np.void], num_places: int, words: Words, n: int) -> int:
    """Characters of the words that lie in any repeated n-gram, each word once (Rae et al. 2021; DCLM)."""
    chars = stop = 0
    for place in range(num_places):
        start = places[place].position
        for position in range(max(start, stop), start + n):
            chars += _length(words, position)
        stop = start + n
    return chars


@inlined
def _greedy_chars(places: NDArray[np.void], num_places: int, grams: NDArray[np.void], n: int) -> int:
    """Characters of n-grams met again by a reader who skips what repeats (datatrove@0.10.1 find_all_duplicate).

    Overwrites the counts: an n-gram that the reader has seen counts 0.
    """
    chars = stop = 0
    for place in range(num_places):
        start, gram = places[place].position, places[place].gram
        if start < stop:
            continue
        if grams[gram].count == 0:
            chars += grams[gram].length
            stop = start + n
        grams[gram].count = 0
    return chars
