"""What spaCy's tokenizer takes for a URL and leaves whole.

``scheme://user@host.tld:port/path``, of which only the host and its lower-case top-level domain are required. (Left
out: hosts that are numbers.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from winnow.kernels.characters import ALNUM, decode
from winnow.kernels.jit import leaf
from winnow.kernels.spacy_rules import LOWER

if TYPE_CHECKING:
    from winnow.kernels.buffers import Bytes
    from winnow.kernels.characters import Classes

_LONGEST_LABEL = 64
_LONGEST_DOMAIN = 63


@leaf
def is_url(text: Bytes, start: int, end: int, classes: Classes) -> bool:
    """Whether ``text[start:end]`` is a URL."""
    if not _has_stop(text, start, end):
        return False
    if _is_host(text, start, end, classes):
        return True
    host = _after_scheme(text, start, end, classes)
    if host > start and _is_host(text, host, end, classes):
        return True
    for at in range(start + 1, end):
        if text[at] == ord("@") and _is_host(text, at + 1, end, classes):
            return True
    return False


@leaf
def _has_stop(text: Bytes, start: int, end: int) -> bool:
    for at in range(start, end):
        if text[at] == ord("."):
            return True
    return False


@leaf
def _after_scheme(text: Bytes, start: int, end: int, classes: Classes) -> int:
    """Where the text after ``scheme://`` starts, or ``start`` if there is no scheme."""
    at, num_chars = start, 0
    while at < end and text[at] != ord(":"):
        code, length = decode(text, at, end)
        if not classes[code] & ALNUM and code not in (ord("_"), ord("+"), ord("-"), ord(".")):
            return start
        at, num_chars = at + length, num_chars + 1
    is_scheme = num_chars >= 2 and at + 2 < end and text[at + 1] == ord("/") and text[at + 2] == ord("/")
    return at + 3 if is_scheme else start


@leaf
def _is_host(text: Bytes, start: int, end: int, classes: Classes) -> bool:
    """Whether a range is a host and, perhaps, a port and a path."""
    stop = start
    while stop < end and text[stop] not in (ord(":"), ord("/"), ord("?"), ord("#"), ord("@")):
        stop += 1
    domain = stop
    while domain > start and text[domain - 1] != ord("."):
        domain -= 1
    if domain == start or not _is_domain(text, domain, stop, classes):
        return False
    return _are_labels(text, start, domain) and _is_rest(text, stop, end)


@leaf
def _is_domain(text: Bytes, at: int, end: int, classes: Classes) -> bool:
    """Whether a range is a top-level domain: 2 to 63 small letters."""
    num_chars = 0
    while at < end:
        code, length = decode(text, at, end)
        if not classes[code] & LOWER:
            return False
        at, num_chars = at + length, num_chars + 1
    return 2 <= num_chars <= _LONGEST_DOMAIN


@leaf
def _are_labels(text: Bytes, at: int, end: int) -> bool:
    """Whether a range is labels, each followed by a full stop; a label neither starts nor ends with "-" or "_"."""
    num_chars, is_open = 0, True  # whether the label may not end here
    while at < end:
        code, length = decode(text, at, end)
        at += length
        if code == ord("."):
            if is_open:
                return False
            num_chars, is_open = 0, True
            continue
        is_open = code in (ord("-"), ord("_"))
        num_chars += 1
        if num_chars > _LONGEST_LABEL or (is_open and num_chars == 1) or not (is_open or _is_host_letter(code)):
            return False
    return True


@leaf
def _is_host_letter(code: int) -> bool:
    if code < 0x80:
        folded = code | 0x20
        return ord("a") <= folded <= ord("z") or ord("0") <= code <= ord("9")
    return 0xA1 <= code <= 0xFFFF


@leaf
def _is_rest(text: Bytes, at: int, end: int) -> bool:
    """Whether a range is empty, or a port and a path of which one may be missing."""
    if at < end and text[at] == ord(":"):
        port = at + 1
        at = port
        while at < end and ord("0") <= text[at] <= ord("9"):
            at += 1
        if not 2 <= at - port <= 5:
            return False
    return at == end or text[at] in (ord("/"), ord("?"), ord("#"))
