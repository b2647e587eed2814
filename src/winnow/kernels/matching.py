"""Which known items stand in a text: rare n-grams of theirs are looked up, and around a hit the item is measured.

An item has a question, perhaps answers and a passage; each is a *part*, the set of its distinct n-grams with weights.
Only a few n-grams of each question are *seeds*, chosen when the index is made. A text's n-grams are asked of a Bloom
filter, which all but a few leave as "no"; the others are looked up. From a seed the walk goes both ways while the
item's n-grams go on, so the work per text is one hash and one bit test a word, and everything else is rare.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.jit import inlined, kernel, leaf
from winnow.kernels.matching_printed import Page, printed_from
from winnow.kernels.matching_words import Words, gram_hash, split_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes
    from winnow.kernels.matching_printed import Spelling
    from winnow.kernels.matching_words import Folds

MATCH = np.dtype(
    [
        ("text", np.int32),
        ("item", np.int32),
        ("question", np.float32),  # share of the question's weight that was found
        ("answer", np.float32),  # of the right answer that was found best; -1 where the item has none
        ("passage", np.float32),  # -1 where the item has none
        ("answer_bits", np.float32),  # information of that answer, as far as it was found
        ("choice_bits", np.float32),  # of the other choices, if all of them were found, else 0
        ("start", np.int64),  # where the question was found, in bytes
        ("end", np.int64),
        ("is_printed", np.uint8),  # the question, sign for sign, and its answer behind it
    ]
)

_ONE = np.uint64(1)
_LOW = np.uint64(63)
_SIX = np.uint64(6)
_TWELVE = np.uint64(12)
_HALF = np.uint64(32)
_BLANK = ord(" ")


class Parts(NamedTuple):
    """Questions, answers and passages: part p has the n-grams ``grams[first[p]:first[p + 1]]``, sorted."""

    first: NDArray[np.int64]
    sizes: NDArray[np.int32]  # n
    num_words: NDArray[np.int32]
    totals: NDArray[np.float32]  # sum of the weights
    bits: NDArray[np.float32]  # how telling the words are
    grams: NDArray[np.uint32]  # the upper half of each hash
    weights: NDArray[np.float32]


class Items(NamedTuple):
    """Which parts make an item: question i is part i."""

    passages: NDArray[np.int32]  # a part, or -1
    first_answer: NDArray[np.int64]
    answers: NDArray[np.int32]  # parts, the item's answers from ``first_answer[i]`` on
    is_right: NDArray[np.uint8]  # of each answer


class Seeds(NamedTuple):
    """The n-grams at which a match may begin, and the items that have them."""

    sizes: NDArray[np.int64]
    bloom: NDArray[np.uint64]
    slots: NDArray[np.int32]  # 1 + the number of a seed; 0 is empty
    hashes: NDArray[np.uint64]
    first: NDArray[np.int64]
    items: NDArray[np.int32]


class Search(NamedTuple):
    """How to look."""

    stride: int  # every so many words of the text are looked up
    max_misses: int  # consecutive words at which no n-gram of the item begins, before the walk stops
    near: int  # so many words around the question are searched for answers and passage
    least: float  # smallest share of a question that is reported, if it is not 0


class Room(NamedTuple):
    """Memory to work in: for texts of one size, for one index, and zeros for each call."""

    words: Words
    is_found: NDArray[np.uint8]  # for every n-gram of a part
    found: NDArray[np.int32]  # which of them are
    searched_text: NDArray[np.int64]  # for every item, 1 + the last text in which it was measured ...
    searched_until: NDArray[np.int64]  # ... and the last word that this covered


@inlined
def bloom_bits(hashed: np.uint64) -> np.uint64:
    """The two bits of a hash, both in one word."""
    return _ONE << (hashed & _LOW) | _ONE << (hashed >> _SIX & _LOW)


@inlined
def find_seed(seeds: Seeds, hashed: np.uint64) -> int:
    """The slot of a seed, or the empty one where it belongs."""
    last = np.uint64(seeds.slots.size - 1)
    slot = hashed >> _HALF & last
    while seeds.slots[slot] != 0 and seeds.hashes[seeds.slots[slot] - 1] != hashed:
        slot = (slot + _ONE) & last
    return np.int64(slot)


@inlined
def _seed_of(seeds: Seeds, hashed: np.uint64) -> int:
    """The seed with a hash, -1 where there is none: the Bloom filter is asked first."""
    wanted = bloom_bits(hashed)
    if seeds.bloom[hashed >> _TWELVE & np.uint64(seeds.bloom.size - 1)] & wanted != wanted:
        return -1
    return seeds.slots[find_seed(seeds, hashed)] - 1


@kernel
def fill_seeds(seeds: Seeds) -> None:
    """Enter all seeds into the empty Bloom filter and the empty table."""
    last = np.uint64(seeds.bloom.size - 1)
    for seed in range(seeds.hashes.size):
        hashed = seeds.hashes[seed]
        seeds.bloom[hashed >> _TWELVE & last] |= bloom_bits(hashed)
        seeds.slots[find_seed(seeds, hashed)] = seed + 1


@kernel
def mark_most_telling(
    values: NDArray[np.float64], starts: NDArray[np.int64], window: int, marked: NDArray[np.bool_]
) -> None:
    """Mark the largest of every ``window`` consecutive values, the first if equal, in each run from start to start."""
    for run in range(starts.size - 1):
        begin, end = starts[run], starts[run + 1]
        best = begin
        for at in range(begin, end):
            if at - best >= window:
                best += 1
                for later in range(best + 1, at + 1):
                    best = later if values[later] > values[best] else best
            elif values[at] > values[best]:
                best = at
            if at - begin + 1 >= window or at == end - 1:
                marked[best] = True


@kernel
def find_matches(
    data: Bytes,
    offsets: NDArray[np.int64],
    begin: int,
    folds: Folds,
    signs: NDArray[np.int32],
    powers: NDArray[np.uint64],
    seeds: Seeds,
    openings: Seeds,
    items: Items,
    parts: Parts,
    spelling: Spelling,
    search: Search,
    room: Room,
    matches: NDArray[np.void],
) -> tuple[int, int]:
    """Write the matches of the texts from ``begin`` on; gives how many, and the first text that found no room."""
    number = 0
    for text in range(begin, offsets.size - 1):
        num_words = split_words(data, offsets[text], offsets[text + 1], folds, room.words)
        after = _match(text, num_words, powers, seeds, items, parts, search, room, matches, number)
        if after >= 0 and openings.hashes.size:
            page = Page(data, offsets[text], offsets[text + 1], signs)
            after = _match_printed(
                text, page, num_words, powers, openings, items, parts, spelling, search, room, matches, after
            )
        if after < 0:
            return number, text
        for match in range(number, after):
            matches[match].start -= offsets[text]
            matches[match].end -= offsets[text]
        number = after
    return number, offsets.size - 1


@leaf
def _match(
    text: int,
    num_words: int,
    powers: NDArray[np.uint64],
    seeds: Seeds,
    items: Items,
    parts: Parts,
    search: Search,
    room: Room,
    matches: NDArray[np.void],
    number: int,
) -> int:
    """Append the matches of one text; gives their number with those before, or -1 where they do not fit."""
    for at in range(0, num_words, search.stride):
        for place in range(seeds.sizes.size):
            size = seeds.sizes[place]
            if at + size > num_words:
                continue
            seed = _seed_of(seeds, gram_hash(room.words.prefixes, at, size, powers))
            if seed < 0:
                continue
            for posting in range(seeds.first[seed], seeds.first[seed + 1]):
                item = seeds.items[posting]
                if room.searched_text[item] == text + 1 and at <= room.searched_until[item]:
                    continue
                if number == matches.size:
                    return -1
                number += _measure(text, item, at, num_words, powers, items, parts, search, room, matches, number)
    return number


@leaf
def _match_printed(
    text: int,
    page: Page,
    num_words: int,
    powers: NDArray[np.uint64],
    openings: Seeds,
    items: Items,
    parts: Parts,
    spelling: Spelling,
    search: Search,
    room: Room,
    matches: NDArray[np.void],
    number: int,
) -> int:
    """Append the items that are printed in a text; the result as of ``_match``."""
    words = room.words
    for at in range(num_words):
        if at and words.starts[at] - words.ends[at - 1] == 1 and page.data[words.ends[at - 1]] == _BLANK:
            continue  # amid a phrase
        for place in range(openings.sizes.size):
            size = openings.sizes[place]
            if at + size > num_words:
                continue
            seed = _seed_of(openings, gram_hash(words.prefixes, at, size, powers))
            if seed < 0:
                continue
            for posting in range(openings.first[seed], openings.first[seed + 1]):
                item = openings.items[posting]
                if room.searched_text[item] == text + 1:
                    continue
                begin, stop = printed_from(page, words.starts[at], item, items, parts, spelling)
                if begin < 0:
                    continue
                if number == matches.size:
                    return -1
                room.searched_text[item] = text + 1
                after = min(num_words, at + parts.num_words[item])
                _write_match(matches, number, text, item, 1.0, at, after, num_words, powers, items, parts, search, room)
                match = matches[number]
                match.start, match.end, match.is_printed = begin, stop, 1
                match.answer = 1.0 if match.answer >= 0.0 else -1.0
                number += 1
    return number


@leaf
def _measure(
    text: int,
    item: int,
    at: int,
    num_words: int,
    powers: NDArray[np.uint64],
    items: Items,
    parts: Parts,
    search: Search,
    room: Room,
    matches: NDArray[np.void],
    number: int,
) -> int:
    """Measure an item around the word where a seed of it stands; writes a match and gives 1 if enough is there."""
    share, first, last = _walk(item, at, num_words, powers, parts, search, room)
    room.searched_text[item], room.searched_until[item] = text + 1, max(at, last)
    if share == 0.0 or share < search.least:
        return 0
    end = last + parts.sizes[item]
    _write_match(matches, number, text, item, share, first, end, num_words, powers, items, parts, search, room)
    return 1


@leaf
def _write_match(
    matches: NDArray[np.void],
    number: int,
    text: int,
    item: int,
    share: float,
    first: int,
    end: int,
    num_words: int,
    powers: NDArray[np.uint64],
    items: Items,
    parts: Parts,
    search: Search,
    room: Room,
) -> None:
    """Write what stands at the words ``first`` to ``end``, and what of the answers and the passage around them."""
    match = matches[number]
    match.text, match.item, match.question, match.is_printed = text, item, share, 0
    match.start, match.end = room.words.starts[first], room.words.ends[end - 1]
    best, best_bits, choice_bits, all_found = -1.0, 0.0, 0.0, True
    for place in range(items.first_answer[item], items.first_answer[item + 1]):
        part = items.answers[place]
        found = _around(part, first, end, search.near, num_words, powers, parts, room)
        bits = found * parts.bits[part]
        if items.is_right[place]:
            best, best_bits = max(best, found), max(best_bits, bits)
        else:
            choice_bits += bits
            all_found &= found > 0.999
    match.answer, match.answer_bits, match.choice_bits = best, best_bits, choice_bits if all_found else 0.0
    match.passage = -1.0
    if items.passages[item] >= 0:
        match.passage = _around(items.passages[item], first, end, search.near, num_words, powers, parts, room)


@leaf
def _walk(
    part: int, at: int, num_words: int, powers: NDArray[np.uint64], parts: Parts, search: Search, room: Room
) -> tuple[float, int, int]:
    """Walk right and left from a word; gives the share found, and the first and last words where it begins."""
    size, reach = parts.sizes[part], 2 * parts.num_words[part] + search.max_misses
    last_start = num_words - size
    number, total, misses = 0, 0.0, 0
    first, last, here = -1, -1, at
    while here <= min(last_start, at + reach) and misses <= search.max_misses:
        weight = _find(part, gram_hash(room.words.prefixes, here, size, powers), parts, room, number)
        misses = 0 if weight >= 0.0 else misses + 1
        if weight > 0.0:
            number, total, last = number + 1, total + weight, here
            first = here if first < 0 else first
        here += 1
    here, misses = at - 1, 0
    while here >= max(0, at - reach) and misses <= search.max_misses:
        weight = _find(part, gram_hash(room.words.prefixes, here, size, powers), parts, room, number)
        misses = 0 if weight >= 0.0 else misses + 1
        if weight > 0.0:
            number, total, first = number + 1, total + weight, here
            last = here if last < 0 else last
        here -= 1
    _forget(number, room)
    return min(1.0, total / parts.totals[part]), first, last


@leaf
def _around(
    part: int,
    first: int,
    end: int,
    near: int,
    num_words: int,
    powers: NDArray[np.uint64],
    parts: Parts,
    room: Room,
) -> float:
    """The share of a part that stands before or after the words ``first`` to ``end``, no further off than allowed."""
    size, reach = parts.sizes[part], near + parts.num_words[part]
    number, total = 0, 0.0
    if size == 0:
        return 0.0
    for side in range(2):
        begin = max(0, first - reach) if side == 0 else end
        stop = first if side == 0 else min(num_words, end + reach)
        for here in range(begin, stop - size + 1):
            weight = _find(part, gram_hash(room.words.prefixes, here, size, powers), parts, room, number)
            if weight > 0.0:
                number, total = number + 1, total + weight
                if number == parts.first[part + 1] - parts.first[part]:
                    _forget(number, room)
                    return 1.0
    _forget(number, room)
    return min(1.0, total / parts.totals[part])


@leaf
def _find(part: int, hashed: np.uint64, parts: Parts, room: Room, number: int) -> float:
    """The weight of an n-gram of a part that is met for the first time, 0 if met again, -1 if it is none of it."""
    wanted = np.uint32(hashed >> _HALF)
    low, high = parts.first[part], parts.first[part + 1]
    base = low
    while low < high:
        middle = (low + high) >> 1
        if parts.grams[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    if low == parts.first[part + 1] or parts.grams[low] != wanted:
        return -1.0
    if room.is_found[low - base]:
        return 0.0
    room.is_found[low - base] = 1
    room.found[number] = low - base
    return np.float64(parts.weights[low])


@inlined
def _forget(number: int, room: Room) -> None:
    for place in range(number):
        room.is_found[room.found[place]] = 0
