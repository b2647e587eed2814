"""The edits of one text in plain Python: the readable twins of ``edit_refinedweb``, ``edit_c4`` and ``edit_urls``.

Two hundred times slower than the kernels and the same to the byte. Broken UTF-8 comes as surrogate escapes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from winnow.kernels.edit_c4 import MAX_WORD_CHARS, MIN_WORDS_DATATROVE, MIN_WORDS_TFDS
from winnow.kernels.edit_refinedweb import MAX_DIGIT_FRACTION, MAX_PHRASE_WORDS, MAX_UPPER_FRACTION, MIN_WORDS

_COUNTED = "likes|shares|comments|retweets|reposts|quotes|bookmarks|upvotes|downvotes|downloads|views|followers"
_COUNTER = re.compile(rf"\W*\d[\d,.]*[kmb]?\s+(?:{_COUNTED})\W*")
_CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")
_POLICY = re.compile(
    "terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies", re.ASCII | re.I
)
_JAVASCRIPT = re.compile("javascript", re.ASCII | re.I)
_SCHEME = "(?:https?://|ftp://)?"
_REST = r"[-a-zA-Z0-9()@:%_+.~#?&/=]*"
_NUMBER = "[0-2]?[0-9]{1,2}"
_ADDRESS = re.compile(rf"\s{{0,10}}\b{_SCHEME}(?:{_NUMBER}\.){{3}}{_NUMBER}{_REST}")


def count_words_reference(text: str) -> int:
    """Words between ASCII white space or NUL that start with a letter or a number."""
    return sum(word[:1].isalnum() for word in re.split("[ \n\r\t\v\f\0]", text))


def refinedweb_lines_reference(text: str, *, any_dots: bool) -> tuple[str, list[int]]:
    """The new text, and how many lines each rule removed or shortened."""
    dots = "..." if any_dots else r"\.\.\."
    phrases = [r"\s?items in cart", rf"\s?read more{dots}\Z", r"\Asign-in\s?"]
    counts = []
    for breaks in (_is_uppercase, _is_numeric, _is_counter, _is_short):
        lines = text.split("\n")
        kept = [line for line in lines if not line or not breaks(line)]
        counts.append(len(lines) - len(kept))
        text = "\n".join(kept).strip()
    for phrase in phrases:
        text, num_cut = _cut_phrase(text, re.compile(phrase, re.IGNORECASE))
        counts.append(num_cut)
    return text, counts


def _is_uppercase(line: str) -> bool:
    return sum(map(str.isupper, line)) / len(line) > MAX_UPPER_FRACTION


def _is_numeric(line: str) -> bool:
    return sum(map(str.isdigit, line)) / len(line) > MAX_DIGIT_FRACTION


def _is_counter(line: str) -> bool:
    return _COUNTER.fullmatch(line.lower()) is not None


def _is_short(line: str) -> bool:
    return len(line.split()) < MIN_WORDS


def _cut_phrase(text: str, phrase: re.Pattern[str]) -> tuple[str, int]:
    kept, num_cut = [], 0
    for line in text.split("\n"):
        new = phrase.sub("", line) if len(line.split()) <= MAX_PHRASE_WORDS else line
        num_cut += new != line
        if new == line or new.strip():
            kept.append(new)
    return "\n".join(kept).strip(), num_cut


def c4_lines_reference(text: str, *, datatrove: bool, terminal: bool) -> tuple[str, list[int]]:
    """The new text, and how many lines each rule removed and how many citations went."""
    kept, counts = [], [0] * 6
    for line in filter(None, map(str.strip, text.splitlines())):
        new, num_citations = _CITATION.subn("", line)
        rules = [
            any(len(word) > MAX_WORD_CHARS for word in line.split()),
            terminal and not _is_ended(new, ".?!\"'" if datatrove else '.?!"'),
            len(line.split()) < MIN_WORDS_DATATROVE if datatrove else len(new.split()) < MIN_WORDS_TFDS,
            _JAVASCRIPT.search(new) is not None,
            _POLICY.search(new) is not None,
        ]
        if any(rules):
            counts[rules.index(True)] += 1
        else:
            counts[-1] += num_citations
            kept.append(new)
    return "\n".join(kept).strip(), counts


def _is_ended(line: str, marks: str) -> bool:
    return line.endswith(tuple(marks)) and not line.endswith("...")


def url_remover_reference(domains: Iterable[str]) -> Callable[[str], tuple[str, int]]:
    """The function that takes the URLs out of a text and counts them."""
    names = "|".join(sorted(map(re.escape, domains), key=len, reverse=True))
    url = re.compile(rf"\s{{0,10}}{_SCHEME}[-a-zA-Z0-9@:%._+~#=]{{1,256}}\.(?:{names})\b{_REST}")
    return lambda text: url.subn("", text)


def remove_addresses_reference(text: str) -> tuple[str, int]:
    """The text without IP addresses, and their number."""
    return _ADDRESS.subn("", text)
