"""URLs and IP addresses out of a batch of texts, exactly as DCLM's two regular expressions find them.

``[up to 10 white space][http://|https://|ftp://]host.tld[rest]``, and the same with four numbers for host and domain.
Every match has a dot, and few dots stand where one could be, so the kernel goes from dot to dot and looks around those.
Which names are top-level domains is a trie over bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from winnow.kernels.characters import decode_before
from winnow.kernels.edit_characters import (
    WORD,
    Bytes,
    Classes,
    Counts,
    Offsets,
    copy,
    find_byte,
    has_class,
    skip_space_before,
    terms,
)
from winnow.kernels.jit import kernel, leaf

MAX_HOST = 256
MAX_SPACE = 10
HOST, REST = 1, 2
_ALNUM = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_SCHEMES, _SCHEME_SIZES = terms("https://", "http://", "ftp://"), (8, 7, 6)
DOT = ord(".")


def _url_bytes() -> Bytes:
    table = np.zeros(256, np.uint8)
    table[[ord(character) for character in _ALNUM + "-@:%._+~#="]] |= HOST
    table[[ord(character) for character in _ALNUM + "-()@:%_+.~#?&/="]] |= REST
    return table


_URL_BYTES = _url_bytes()


class Names(NamedTuple):
    """A trie of names: ``children[node, byte]`` is the next node or 0, ``last[node]`` says how a name ends there."""

    children: NDArray[np.int16]
    last: Bytes  # 0 no name ends here, 1 one with a letter or digit as its last character, 2 another


def names_trie(names: Iterable[str]) -> Names:
    """The trie of some names (1,591 top-level domains take 3 MB and 10 ms)."""
    nodes: list[dict[int, int]] = [{}]
    last = {}
    for name in names:
        node = 0
        for byte in name.encode():
            node = nodes[node].setdefault(byte, len(nodes))
            if node == len(nodes):
                nodes.append({})
        last[node] = 1 if name[-1].isalnum() else 2
    children = np.zeros((len(nodes), 256), np.int16)
    for node, following in enumerate(nodes):
        for byte, child in following.items():
            children[node, byte] = child
    return Names(children, np.array([last.get(node, 0) for node in range(len(nodes))], np.uint8))


@kernel
def remove_urls(
    text: Bytes, offsets: Offsets, classes: Classes, names: Names, chosen: NDArray[np.bool_]
) -> tuple[Bytes, Offsets, Counts]:
    """New texts (bytes, offsets) without the URLs of the chosen documents, and the URLs removed by document (int32)."""
    new_text, new_offsets = np.empty_like(text), np.zeros_like(offsets)
    counts = np.zeros(len(offsets) - 1, np.int32)
    for document in range(len(counts)):
        at = done = offsets[document]
        end, written = offsets[document + 1], new_offsets[document]
        while at < end and chosen[document]:
            dot = find_byte(text, at, end, DOT)
            start, stop = _url_around(text, done, dot, end, classes, names)
            at = dot + 1
            if start < stop:
                written = copy(text, done, start, new_text, written)
                at = done = stop
                counts[document] += 1
        new_offsets[document + 1] = copy(text, done, end, new_text, written)
    return new_text, new_offsets, counts


@kernel
def remove_addresses(text: Bytes, offsets: Offsets, classes: Classes) -> tuple[Bytes, Offsets, Counts]:
    """The same for the IP addresses of all documents."""
    new_text, new_offsets = np.empty_like(text), np.zeros_like(offsets)
    counts = np.zeros(len(offsets) - 1, np.int32)
    for document in range(len(counts)):
        at = done = offsets[document]
        end, written = offsets[document + 1], new_offsets[document]
        while at < end:
            dot = find_byte(text, at, end, DOT)
            start, stop = _address_around(text, done, dot, end, classes)
            at = dot + 1
            if start < stop:
                written = copy(text, done, start, new_text, written)
                at = done = stop
                counts[document] += 1
        new_offsets[document + 1] = copy(text, done, end, new_text, written)
    return new_text, new_offsets, counts


@leaf
def _url_around(text: Bytes, done: int, dot: int, end: int, classes: Classes, names: Names) -> tuple[int, int]:
    """The URL with a dot at ``dot``, ``done`` or later; an empty span if there is none."""
    stop = _name_end(text, dot + 1, end, classes, names)
    if stop < 0:
        return dot, dot
    start = dot
    while start > max(done, dot - MAX_HOST) and _URL_BYTES[text[start - 1]] & HOST:
        start -= 1
    if start == dot:
        return dot, dot
    at = dot + 1
    while at < min(end, start + MAX_HOST + 1) and _URL_BYTES[text[at]] & HOST:
        if text[at] == DOT:
            stop = max(stop, _name_end(text, at + 1, end, classes, names))
        at += 1
    if start == done or not _URL_BYTES[text[start - 1]] & HOST:
        start = skip_space_before(text, done, _scheme_before(text, done, start), classes, MAX_SPACE)
    return start, _rest_end(text, stop, end)


@leaf
def _name_end(text: Bytes, at: int, end: int, classes: Classes, names: Names) -> int:
    """Where the name that starts at ``at`` and ends at a word boundary ends, else -1."""
    node = 0
    found = -1
    while at < end:
        node = names.children[node, text[at]]
        if node == 0:
            break
        at += 1
        if names.last[node] and (names.last[node] == 2) == (at < end and has_class(text, at, end, classes, WORD)):
            found = at
    return found


@leaf
def _rest_end(text: Bytes, at: int, end: int) -> int:
    while at < end and _URL_BYTES[text[at]] & REST:
        at += 1
    return at


@leaf
def _scheme_before(text: Bytes, done: int, at: int) -> int:
    """Where the scheme that ends at ``at`` starts; ``at`` if there is none."""
    for k in range(len(_SCHEMES)):
        start = at - _SCHEME_SIZES[k]
        if start >= done and _reads(text, start, _SCHEMES[k]):
            return start
    return at


@leaf
def _reads(text: Bytes, at: int, term: Bytes) -> bool:
    for k in range(len(term)):
        if term[k] == 0:
            break
        if text[at + k] != term[k]:
            return False
    return True


@leaf
def _address_around(text: Bytes, done: int, dot: int, end: int, classes: Classes) -> tuple[int, int]:
    """The IP address whose first dot is ``dot``, ``done`` or later; an empty span if there is none."""
    start = dot
    while start > done and _is_digit(text[start - 1]):
        start -= 1
    at = start
    for _ in range(3):
        at = _after_number(text, at, end)
    if at < 0 or at >= end or not _is_digit(text[at]):
        return dot, dot
    scheme = _scheme_before(text, done, start)
    if not _follows_word(text, done, scheme, classes):
        start = scheme
    elif _follows_word(text, done, start, classes):
        return dot, dot
    return skip_space_before(text, done, start, classes, MAX_SPACE), _rest_end(text, at, end)


@leaf
def _after_number(text: Bytes, at: int, end: int) -> int:
    """Past the number below 300 and the dot that stand at ``at``, else -1 (also for ``at`` -1)."""
    stop = at
    while 0 <= stop < end and _is_digit(text[stop]):
        stop += 1
    if at < 0 or stop == end or text[stop] != DOT or not 1 <= stop - at <= 3:
        return -1
    return -1 if stop - at == 3 and text[at] > ord("2") else stop + 1


@leaf
def _is_digit(byte: int) -> bool:
    return ord("0") <= byte <= ord("9")


@leaf
def _follows_word(text: Bytes, start: int, at: int, classes: Classes) -> bool:
    return at > start and classes[decode_before(text, start, at)[0]] & WORD != 0
