"""The phrases that decide a line or a document under C4's rules.

Cheap two- and three-byte patterns, compared 64 positions at once, name the places to look at; ``phrase_at`` looks.
Letters are compared without regard to ASCII case, which is ``str.lower`` but for U+212A (the Kelvin sign).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from winnow.kernels.characters import DECIMAL, decode
from winnow.kernels.jit import inlined, leaf
from winnow.kernels.simd import equal, equal_folded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes
    from winnow.kernels.characters import Classes

NOTHING, CURLY, LOREM_IPSUM, JAVASCRIPT, POLICY, CITATION = range(6)


def _bytes(phrase: str) -> NDArray[np.uint8]:
    return np.frombuffer(phrase.encode(), np.uint8)


_LOREM_IPSUM = _bytes("lorem ipsum")
_JAVASCRIPT = _bytes("javascript")
_TERMS_OF_USE = _bytes("terms of use")
_PRIVACY_POLICY = _bytes("privacy policy")
_COOKIE_POLICY = _bytes("cookie policy")
_USES_COOKIES = _bytes("uses cookies")
_USE_OF_COOKIES = _bytes("use of cookies")
_USE_COOKIES = _bytes("use cookies")
_EDIT = _bytes("[edit]")
_CITATION_NEEDED = _bytes("[citation needed]")


@inlined
def find_candidates(data: Bytes, at: int) -> np.uint64:
    """Mask of the positions among 64 where a phrase may start; all that do are among them."""
    brackets = equal(data, at, ord("{")) | equal(data, at, ord("["))
    javascript = equal_folded(data, at, ord("j")) & equal_folded(data, at + 2, ord("v"))
    lorem_ipsum = equal_folded(data, at, ord("l")) & equal_folded(data, at + 4, ord("m"))
    terms = equal_folded(data, at, ord("t")) & equal_folded(data, at + 3, ord("m"))
    privacy = equal_folded(data, at, ord("p")) & equal_folded(data, at + 3, ord("v"))
    cookie = equal_folded(data, at, ord("c")) & equal_folded(data, at + 3, ord("k"))
    use = equal_folded(data, at, ord("u")) & equal_folded(data, at + 1, ord("s")) & equal_folded(data, at + 2, ord("e"))
    return brackets | javascript | lorem_ipsum | terms | privacy | cookie | use


@leaf
def phrase_at(data: Bytes, at: int, end: int, classes: Classes) -> int:
    """Which phrase starts at ``at`` and ends by ``end``."""
    first = data[at] | 0x20
    if data[at] == ord("{"):
        return CURLY
    if data[at] == ord("["):
        return CITATION if citation_length(data, at, end, classes) > 0 else NOTHING
    if first == ord("l"):
        return LOREM_IPSUM if _reads(data, at, end, _LOREM_IPSUM, True) else NOTHING
    if first == ord("j"):
        return JAVASCRIPT if _reads(data, at, end, _JAVASCRIPT, True) else NOTHING
    return POLICY if _is_policy(data, at, end) else NOTHING


@leaf
def _is_policy(data: Bytes, at: int, end: int) -> bool:
    return (
        _reads(data, at, end, _TERMS_OF_USE, True)
        or _reads(data, at, end, _PRIVACY_POLICY, True)
        or _reads(data, at, end, _COOKIE_POLICY, True)
        or _reads(data, at, end, _USES_COOKIES, True)
        or _reads(data, at, end, _USE_OF_COOKIES, True)
        or _reads(data, at, end, _USE_COOKIES, True)
    )


@leaf
def citation_length(data: Bytes, at: int, end: int, classes: Classes) -> int:
    """Bytes of the Wikipedia mark ``[12]``, ``[]``, ``[edit]`` or ``[citation needed]`` at ``at``; 0 if none."""
    if _reads(data, at, end, _EDIT, False):
        return _EDIT.size
    if _reads(data, at, end, _CITATION_NEEDED, False):
        return _CITATION_NEEDED.size
    stop = at + 1
    while stop < end:
        if data[stop] == ord("]"):
            return stop + 1 - at
        code, length = decode(data, stop, end)
        if not classes[code] & DECIMAL:
            return 0
        stop += length
    return 0


@leaf
def _reads(data: Bytes, at: int, end: int, phrase: Bytes, fold: bool) -> bool:
    if end - at < phrase.size:
        return False
    for k in range(phrase.size):
        byte = data[at + k]
        if fold and ord("A") <= byte <= ord("Z"):
            byte |= 0x20
        if byte != phrase[k]:
            return False
    return True
