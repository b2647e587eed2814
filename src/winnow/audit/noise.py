"""Kinds of noise as the web has them: each spoils a clean text, so that what filters make of it can be counted.

====================  ========================================================================================
kind                  why
====================  ========================================================================================
misread words         scanned books and newspapers; at three rates, since a filter should mind the worst most
mojibake              UTF-8 read as Windows-1252: what wrong declarations of the encoding leave behind
mojibake twice        the same by two programs in a row
words shuffled        fluent by its words alone: what counts words cannot see
lines repeated        forums, captions, templates; nothing is easier to predict than what was said before
menu                  the navigation of a page, taken for its text
teasers               archives and search results: every sentence breaks off within a word
keywords              a page that is made for search engines
markup left in        extraction that failed
random letters        fonts and ciphers that nobody decoded: no language at all
====================  ========================================================================================

The same text and random numbers give the same noise.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import cycle, islice
from random import Random
from string import ascii_lowercase

from winnow.audit.changes import ocr_noise, pieces, sentences

Spoil = Callable[[str, Random], str]
"""Takes a text and random numbers; gives the spoiled text."""

MISREAD_RATES = (0.05, 0.2, 0.5)
"""Shares of the words that are misread."""
NUM_LINES = 3
"""Lines that a repetitive document consists of."""
NUM_KEYWORDS = 8
KEYWORD_LETTERS = 5
"""A keyword has so many letters at least."""
MENU_WORDS = (1, 3)
"""Words of a menu's entry, at least and at most."""
TEASER_WORDS = (5, 12)
"""Words of a teaser, at least and at most; the last one breaks off."""
LINKED = 0.1
"""Share of the words that are links where markup is left in."""

_LETTER = re.compile(r"[^\W\d_]")
_EDGES = ".,;:!?\"'()[]"


def misread_words(rate: float, text: str, chance: Random) -> str:
    """That share of the words is misread: a letter of each is taken for another that looks like it."""
    return ocr_noise(text, rate, chance, ())


def misencoded(times: int, text: str, chance: Random) -> str:
    """Typographic quotes, dashes and spaces as word processors set them, then UTF-8 read so often as Windows-1252."""
    found = typographic(text)
    for _ in range(times):
        found = read_as_windows_1252(found)
    return found


def typographic(text: str) -> str:
    """Straight quotes made curly, hyphens between spaces dashes, and a no-break space after each sentence's end."""
    for pattern, character in _TYPOGRAPHY:
        text = pattern.sub(character, text)
    return text


_TYPOGRAPHY = (
    (re.compile(r'(?<!\S)"'), "\N{LEFT DOUBLE QUOTATION MARK}"),
    (re.compile('"'), "\N{RIGHT DOUBLE QUOTATION MARK}"),
    (re.compile(r"(?<!\S)'"), "\N{LEFT SINGLE QUOTATION MARK}"),
    (re.compile("'"), "\N{RIGHT SINGLE QUOTATION MARK}"),
    (re.compile(r"(?<= )--?(?= )"), "\N{EN DASH}"),
    (re.compile(r"(?<=[.!?]) (?=\S)"), "\N{NO-BREAK SPACE} "),
)


def read_as_windows_1252(text: str) -> str:
    """The text's UTF-8 as browsers read Windows-1252: its five bytes without a character are control characters."""
    return "".join(_WINDOWS_1252[byte] for byte in text.encode("utf-8", "surrogatepass"))


_UNDEFINED = (0x81, 0x8D, 0x8F, 0x90, 0x9D)
_WINDOWS_1252 = [chr(byte) if byte in _UNDEFINED else bytes([byte]).decode("cp1252") for byte in range(256)]


def shuffled_words(text: str, chance: Random) -> str:
    """The same words and the same white space, the words in an order by chance."""
    parts = pieces(text)
    words = [part.lstrip() for part in parts]
    spaces = [part[: len(part) - len(word)] for part, word in zip(parts, words, strict=True)]
    chance.shuffle(words)
    return "".join(space + word for space, word in zip(spaces, words, strict=True))


def repeated_lines(text: str, chance: Random) -> str:
    """Three sentences in a row, on lines of their own, over and over until it is as long as it was."""
    lines = ["".join(sentence).strip() for sentence in sentences(text)]
    start = chance.randrange(max(1, len(lines) - NUM_LINES + 1))
    repeated = lines[start : start + NUM_LINES]
    words = len(pieces(text))
    turns = -(-words // sum(len(line.split()) for line in repeated))
    return "\n".join(islice(cycle(repeated), turns * len(repeated)))


def menu(text: str, chance: Random) -> str:
    """Its words, one to three a line and capitalised, without sentences."""
    words = [word.strip(_EDGES).capitalize() for word in text.split()]
    return "\n".join(" ".join(entry) for entry in _runs([word for word in words if word], MENU_WORDS, chance))


def teasers(text: str, chance: Random) -> str:
    """The beginning of each sentence on a line of its own, broken off within a word."""
    beginnings = []
    for sentence in sentences(text):
        words = "".join(sentence).split()[: chance.randint(*TEASER_WORDS)]
        beginnings.append(" ".join([*words[:-1], words[-1][: (len(words[-1]) + 1) // 2]]) + "...")
    return "\n".join(beginnings)


def keywords(text: str, chance: Random) -> str:
    """The most frequent of its longer words in an order by chance, two to four between commas, as long as it was."""
    words = text.split()
    plain = [word.strip(_EDGES).lower() for word in words]
    frequent = Counter(word for word in plain if len(word) >= KEYWORD_LETTERS) or Counter(plain)
    drawn = chance.choices([word for word, _ in frequent.most_common(NUM_KEYWORDS)], k=len(words))
    return ", ".join(" ".join(phrase) for phrase in _runs(drawn, (2, 4), chance))


def markup_left_in(text: str, chance: Random) -> str:
    """The text between the tags of a page: its paragraphs, links, styles and a script."""
    parts = pieces(text)
    for place in chance.sample(range(len(parts)), max(1, round(LINKED * len(parts)))):
        word = parts[place].lstrip()
        space = parts[place][: len(parts[place]) - len(word)]
        parts[place] = f'{space}<a href="/tag/{word.strip(_EDGES).lower()}" class="tag-link" target="_blank">{word}</a>'
    paragraphs = [line for line in "".join(parts).split("\n") if line.strip()]
    body = "\n".join(f'<p class="body-text" style="margin: 0 0 12px;">{line}&nbsp;</p>' for line in paragraphs)
    head = '<script type="text/javascript">window.dataLayer = window.dataLayer || [];</script>\n'
    return f'{head}<div id="content" class="col-md-8">\n{body}\n</div>'


def random_letters(text: str, chance: Random) -> str:
    """Every letter replaced by one by chance; lengths, capitals, digits and punctuation stay."""

    def other(letter: re.Match[str]) -> str:
        drawn = chance.choice(ascii_lowercase)
        return drawn.upper() if letter[0].isupper() else drawn

    return _LETTER.sub(other, text)


NOISE: dict[str, Spoil] = {
    **{f"misread words, {rate:.0%}": partial(misread_words, rate) for rate in MISREAD_RATES},
    "mojibake": partial(misencoded, 1),
    "mojibake twice": partial(misencoded, 2),
    "words shuffled": shuffled_words,
    "lines repeated": repeated_lines,
    "menu": menu,
    "teasers": teasers,
    "keywords": keywords,
    "markup left in": markup_left_in,
    "random letters": random_letters,
}
"""What each kind of noise is called, and how it is made."""


def about(kind: str) -> str:
    """What a kind is, in one line."""
    spoil = NOISE[kind]
    return ((spoil.func if isinstance(spoil, partial) else spoil).__doc__ or "").split("\n")[0]


def _runs(words: list[str], sizes: tuple[int, int], chance: Random) -> list[list[str]]:
    """The words in runs of so many, in order."""
    runs, place = [], 0
    while place < len(words):
        size = chance.randint(*sizes)
        runs.append(words[place : place + size])
        place += size
    return runs
