"""spaCy's English words once more, as regular expressions: slow, and what the tests hold ``spacy_words`` to.

The algorithm (spaCy 3.8 ``tokenizer.pyx``) looks at one whitespace-delimited chunk at a time: split marks off both ends
until an exception or nothing is found, leave URLs whole, split what remains inside, and join what then reads as an
exception in pieces. Left out: URLs whose host is a number (none of 160 MB of text differs), and joining across white
space.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable

import numpy as np

from winnow.kernels import spacy_rules as rules
from winnow.kernels.characters import TERMINAL, character_classes


def split(text: str) -> list[str]:
    """The words of a text."""
    return [word for chunk in text.split() for word in split_chunk(chunk)]


def split_chunk(chunk: str) -> list[str]:
    """The words of a string without white space."""
    return _join_exceptions(_cut(chunk, rules.exceptions()))


def count_sentences(line: str) -> int:
    """Sentences of a line as spaCy's sentencizer counts them: a new one starts at a word after a mark that ends one."""
    words = split(line)
    number, just_ended = int(len(words) > 0), False
    for word in words:
        is_end = len(word) == 1 and bool(character_classes()[ord(word)] & TERMINAL)
        if just_ended and not is_end and not all(unicodedata.category(letter)[0] == "P" for letter in word):
            number, just_ended = number + 1, False
        just_ended |= is_end
    return number


def _cut(chunk: str, exceptions: dict[str, tuple[str, ...]]) -> list[str]:
    prefixes: list[str] = []
    suffixes: list[str] = []
    while chunk and chunk not in exceptions:
        prefix = _match(_prefix(), chunk)
        suffix = _match(_suffix(), chunk[len(prefix) :])
        if prefix and chunk[len(prefix) :] in exceptions:
            suffix = ""
        elif suffix and chunk[: -len(suffix)] in exceptions:
            prefix = ""
        if not prefix and not suffix:
            break
        prefixes += [prefix] * bool(prefix)
        suffixes += [suffix] * bool(suffix)
        chunk = chunk[len(prefix) : len(chunk) - len(suffix)]
    return prefixes + _cut_inside(chunk, exceptions) + suffixes[::-1]


def _match(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[0] if found else ""


def _cut_inside(chunk: str, exceptions: dict[str, tuple[str, ...]]) -> list[str]:
    if chunk in exceptions:
        return list(exceptions[chunk])
    words, start = [], 0
    for infix in [] if _url().match(chunk) else _infix().finditer(chunk):
        if infix.start() > 0:
            words += [chunk[start : infix.start()], infix[0]]
            start = infix.end()
    return [word for word in (*words, chunk[start:]) if word]


@functools.cache
def _patterns() -> dict[tuple[str, ...], str]:
    """Exceptions that the rules would cut, by their pieces."""
    return {tuple(_cut(word, {})): word for word in rules.exceptions() if len(_cut(word, {})) > 1}


def _join_exceptions(words: list[str]) -> list[str]:
    """Find exceptions among the pieces: the longest first, then the leftmost."""
    longest = max(map(len, _patterns()))
    seen: set[int] = set()
    found: dict[int, tuple[int, str]] = {}
    for length in range(min(longest, len(words)), 1, -1):
        for start in range(len(words) - length + 1):
            exception = _patterns().get(tuple(words[start : start + length]))
            if exception is None:
                continue
            if start not in seen and start + length - 1 not in seen:
                found[start] = (length, exception)
            seen |= set(range(start, start + length))
    joined: list[str] = []
    at = 0
    while at < len(words):
        length, exception = found.get(at, (1, None))
        joined += [words[at]] if exception is None else rules.exceptions()[exception]
        at += length
    return joined


def _letters(flag: int) -> str:
    """The inside of a regular expression's [...] for a class."""
    members = np.flatnonzero(rules.spacy_classes() & flag)
    runs = np.split(members, np.flatnonzero(np.diff(members) > 1) + 1)
    return "".join(f"\\U{run[0]:08x}-\\U{run[-1]:08x}" for run in runs)


def _any_of(strings: tuple[str, ...]) -> str:
    return "|".join(map(re.escape, strings))


def _cached(build: Callable[[], str]) -> Callable[[], re.Pattern[str]]:
    return functools.cache(lambda: re.compile(build()))


@_cached
def _prefix() -> str:
    return rf"^(?:[{_letters(rules.PREFIX)}]|\+(?![0-9])|\.\.+|{_any_of(rules.PREFIXES)})"


@_cached
def _suffix() -> str:
    after_digit = _any_of((*rules.UNITS, *rules.PREFIXES, "+"))
    return (
        rf"(?:……|[{_letters(rules.SUFFIX)}]|\.\.+|['’][sS]|(?<=[0-9])(?:{after_digit}|[{_letters(rules.CURRENCY)}])"
        rf"|(?<=°[FfCcKk])\.|(?<=[{_letters(rules.BEFORE_STOP)}])\.|(?<=[{_letters(rules.UPPER)}]{{2}})\.)\Z"
    )


@_cached
def _infix() -> str:
    letter, quote = _letters(rules.LOWER | rules.UPPER), _letters(rules.QUOTE)
    return (
        rf"\.\.+|[{_letters(rules.INFIX)}]|(?<=[0-9])[+\-*^](?=[0-9-])"
        rf"|(?<=[{_letters(rules.LOWER)}{quote}])\.(?=[{_letters(rules.UPPER)}{quote}])|(?<=[{letter}]),(?=[{letter}])"
        rf"|(?<=[{letter}0-9])(?:{_any_of(rules.HYPHENS)}|[:<>=/])(?=[{letter}])"
    )


@_cached
def _url() -> str:
    host = r"A-Za-z0-9\u00a1-\uffff"
    return (
        rf"(?:[\w+\-.]{{2,}}://)?(?:\S+@)?(?:(?:[{host}][{host}_-]{{0,62}})?[{host}]\.)+[{_letters(rules.LOWER)}]{{2,63}}"
        r"(?::[0-9]{2,5})?(?:[/?#]\S*)?\Z"
    )
