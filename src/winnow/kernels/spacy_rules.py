"""What the tokenizer of spaCy's blank English pipeline knows: character classes, units, exceptions (spaCy 3.8).

datatrove@0.10.1 takes its words from it. The facts stand in
``spacy/lang/{char_classes,punctuation,tokenizer_exceptions}.py`` and ``spacy/lang/en/``; here they are written as
rules, and ``spacy_words`` and ``spacy_reference`` apply them. Wherever it can, a class is derived from Python's
Unicode tables.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterator

import numpy as np

from winnow.kernels.characters import NUM_CODE_POINTS, Classes, Ranges, mark, mark_where

LOWER = 1 << 8  # small letters, and letters of scripts without case
UPPER = 1 << 9  # capitals, and letters of scripts without case
PREFIX = 1 << 10  # split off at the start of a word
SUFFIX = 1 << 11  # split off at the end of a word
INFIX = 1 << 12  # always split off inside a word: pictures and the ellipsis
QUOTE = 1 << 13
BEFORE_STOP = 1 << 14  # a final "." is split off after it
CURRENCY = 1 << 15

_CASED: Ranges = (
    (0x41, 0x5A), (0x61, 0x7A), (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x1BA), (0x1BC, 0x1BF), (0x1C4, 0x1C4),
    (0x1C6, 0x1C7), (0x1C9, 0x1CA), (0x1CC, 0x1F1), (0x1F3, 0x2AF), (0x386, 0x386), (0x388, 0x38A), (0x38C, 0x38C),
    (0x38E, 0x38F), (0x391, 0x3A9), (0x3AC, 0x3AF), (0x3B1, 0x3C9), (0x3CC, 0x3CE), (0x400, 0x401), (0x403, 0x40A),
    (0x40C, 0x40D), (0x410, 0x451), (0x453, 0x45A), (0x45C, 0x45D), (0x490, 0x491), (0x496, 0x497), (0x4A2, 0x4A3),
    (0x4AE, 0x4AF), (0x4BA, 0x4BB), (0x4D8, 0x4D9), (0x4E8, 0x4E9), (0x1D00, 0x1D25), (0x1D6B, 0x1D77),
    (0x1D79, 0x1D9A), (0x1E00, 0x1EFF), (0x2C60, 0x2C7B), (0x2C7E, 0x2C7F), (0xA722, 0xA76F), (0xA771, 0xA787),
    (0xA78B, 0xA78E), (0xA790, 0xA7B9), (0xA7FA, 0xA7FA), (0xAB30, 0xAB5A), (0xAB60, 0xAB64), (0xFF21, 0xFF3A),
    (0xFF41, 0xFF5A),
)  # fmt: skip
"""Latin, Greek and Cyrillic letters; Python says which of them are small."""

_UNCASED: Ranges = (
    (0x591, 0x5F4), (0x620, 0x64A), (0x66E, 0x6D5), (0x6E5, 0x6FF), (0x750, 0x77F), (0x8A0, 0x8BD), (0x900, 0x9FF),
    (0xB80, 0xCFF), (0xD80, 0xDFF), (0x1100, 0x137F), (0x2E80, 0x2FDF), (0x2FF0, 0x30FF), (0x31C0, 0x31EF),
    (0x3200, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7AF), (0xF900, 0xFAFF), (0xFB1D, 0xFBB1), (0xFBD3, 0xFD3D),
    (0xFD50, 0xFDC7), (0xFDF0, 0xFDFB), (0xFE30, 0xFE4F), (0xFE70, 0xFEFC), (0x1EE00, 0x1EEBB), (0x1F200, 0x1F2FF),
    (0x20000, 0x2A6DF), (0x2A700, 0x2EBEF), (0x2F800, 0x2FA1F),
)  # fmt: skip
"""Blocks of scripts without case, marks and all."""

_YOUNG_PICTURES: Ranges = (
    (0x166D, 0x166D), (0x2B97, 0x2B97), (0x2BC9, 0x2BC9), (0x2BFF, 0x2BFF), (0x2E50, 0x2E51), (0x32FF, 0x32FF),
    (0xFD40, 0xFD4F), (0xFDCF, 0xFDCF), (0xFDFE, 0xFDFF), (0x1019C, 0x1019C), (0x11FD5, 0x11FF1), (0x1CC00, 0x1CFC3),
    (0x1D1E9, 0x1D1EA), (0x1E14F, 0x1E14F), (0x1ED2E, 0x1ED2E), (0x1F10D, 0x1F10F), (0x1F16C, 0x1F16F),
    (0x1F1AD, 0x1F1AD), (0x1F6D5, 0x1F6DF), (0x1F6FA, 0x1F6FC), (0x1F776, 0x1F77F), (0x1F7D9, 0x1F7FF),
    (0x1F8B0, 0x1F8BF), (0x1F90C, 0x1F90F), (0x1F93F, 0x1F93F), (0x1F971, 0x1F972), (0x1F977, 0x1F979),
    (0x1F97B, 0x1F97B), (0x1F9A3, 0x1F9AF), (0x1F9BA, 0x1F9BF), (0x1F9C3, 0x1F9CF), (0x1FA00, 0x1FA5F),
    (0x1FA6E, 0x1FBFF),
)  # fmt: skip
"""Pictures (category So) younger than Unicode 11, of which spaCy does not know."""

_MARKS = "…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪"
_QUOTES = "'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉\u2329\u232a⟦⟧"
_CURRENCIES = "$£€¥฿₽﷼₴₠₡₢₣₤₥₦₧₨₩₪₫₭₮₯₰₱₲₳₵₶₷₸₹₺₻₼₾₿"
PREFIXES = ("US$", "C$", "A$")
"""Longer things that are split off at the start of a word, beside runs of two and more full stops."""

UNITS = tuple(
    "km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg µg t lb oz m/s km/h kmh mph hPa Pa "
    "mbar mb MB kb KB gb GB tb TB T G M K % км км² км³ м м² м³ дм дм² дм³ см см² см³ мм мм² мм³ нм кг г "
    "мг м/с км/ч кПа "
    "Па мбар Кб КБ кб Мб МБ мб Гб ГБ гб Тб ТБ тбكم كم² كم³ م م² م³ سم سم² سم³ مم مم² مم³ كم غرام جرام جم كغ ملغ كوب "
    "اكواب".split()
)
"""Split off at the end of a word after a digit ("тбكم" is two units that lost their space)."""

HYPHENS = ("-", "–", "—", "--", "---", "——", "~")
"""Split off between letters, or between a digit and a letter."""

_CONTRACTIONS = (
    ("i", "'m 'm+a"),
    ("i you he she it we they who what when where why how there that this these those", "'ll 'll+'ve 'd 'd+'ve"),
    ("i you we they who what when where why how there these those could might must should would", "'ve"),
    ("you we they who what when where why how there these those", "'re"),
    ("he she it who what when where why how there that this", "'s"),
    ("ca could do does did had may might must need ought sha should wo would", "n't n't+'ve"),
    ("ai are is was were have has dare", "n't"),
)
_NO_CONTRACTIONS = set("Ill ill Its its Hell hell Shell shell Shed shed were Were Well well Whore whore".split())

_SPLIT = (
    "y'+all y+all how+'d+'y How+'d+'y not+'ve not+ve Not+'ve Not+ve can+not Can+not gon+na Gon+na got+ta Got+ta let+'s "
    "Let+'s c'm+on C'm+on"
).split()

_WHOLE = (
    "' \\\") <space> '' C++ \\t \\n — ä. ö. ü. a. b. c. d. e. f. g. h. i. j. k. l. m. n. o. p. q. r. s. "
    "t. u. v. w. x. y. z. "
    "doin Doin goin Goin nothin Nothin nuthin Nuthin ol Ol somethin Somethin doin' Doin' goin' Goin' nothin' Nothin' "
    "nuthin' Nuthin' ol' Ol' somethin' Somethin' em 'em ll 'll nuff 'nuff 'S 's \u2018S \u2018s and/or "
    "w/o 're 'Cause 'cause 'cos 'Cos 'coz 'Coz "
    "'cuz 'Cuz 'bout ma'am Ma'am o'clock O'clock lovin' Lovin' lovin Lovin havin' Havin' havin Havin Mt. Ak. Ala. Apr. "
    "Ariz. Ark. Aug. Calif. Colo. Conn. Dec. Del. Feb. Fla. Ga. Ia. Id. Ill. Ind. Jan. Jul. Jun. Kan. "
    "Kans. Ky. La. Mar. "
    "Mass. Mich. Minn. Miss. N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Nov. Oct. Okla. Ore. Pa. S.C. "
    "Sep. Sept. Tenn. "
    "Va. Wash. Wis. 'd a.m. Adm. Bros. co. Co. Corp. D.C. Dr. e.g. E.g. E.G. Gen. Gov. i.e. I.e. I.E. "
    "Inc. Jr. Ltd. Md. "
    "Messrs. Mo. Mont. Mr. Mrs. Ms. p.m. Ph.D. Prof. Rep. Rev. Sen. St. vs. v.s."
).split()

_EMOTICONS = r"""
:) :-) :)) :-)) :))) :-))) (: (-: =) (= :] :-] [: [-: [= =] :o) (o: :} :-} 8) 8-) (-8 ;) ;-) (; (-; :( :-( :(( :-((
:((( :-((( ): )-: =( >:( :') :'-) :'( :'-( :/ :-/ =/ =| :| :-| ]= =[ :1 :P :-P :p :-p :O :-O :o :-o :0 :-0 :() >:o :*
:-* :3 :-3 =3 :> :-> :X :-X :x :-x :D :-D ;D ;-D =D xD XD xDD XDD 8D 8-D ^_^ ^__^ ^___^ >.< >.> <.< ._. ;_; -_- -__-
v.v V.V v_v V_V o_o o_O O_o O_O 0_o o_0 0_0 o.O O.o O.O o.o 0.0 o.0 0.o @_@ <3 <33 <333 </3 (^_^) (-_-) (._.) (>_<)
(*_*) (¬_¬) ಠ_ಠ ಠ︵ಠ (ಠ_ಠ) ¯\(ツ)/¯ (╯°□°）╯︵┻━┻ ><(((*>
""".split()


def _exceptions() -> Iterator[list[str]]:
    """The pieces of every exception."""
    for words, endings in _CONTRACTIONS:
        for word in words.split():
            for ending in endings.split():
                for orth in (word, word.title()):
                    yield [orth, *ending.split("+")]
                    yield [orth, *ending.replace("'", "").split("+")]
    for pieces in _SPLIT:
        yield pieces.split("+")
    for whole in (*_WHOLE, *_EMOTICONS):
        yield [whole]
    for hour in range(1, 13):
        for period in ("a.m.", "am", "p.m.", "pm"):
            yield [str(hour), period]
    for scale in "cfkCFK":
        yield ["°", scale, "."]


@functools.cache
def exceptions() -> dict[str, tuple[str, ...]]:
    """Words that are cut as listed, whatever the rules say, with their pieces."""
    found = {"".join(pieces): tuple(pieces) for pieces in _exceptions()}
    found |= {word.replace("'", "’"): tuple(piece.replace("'", "’") for piece in found[word]) for word in found}
    return {word: pieces for word, pieces in found.items() if word not in _NO_CONTRACTIONS}


@functools.cache
def spacy_classes() -> Classes:
    """spaCy's classes of every code point: flags, shape (0x110000,)."""
    table = np.zeros(NUM_CODE_POINTS, np.uint32)
    cased = np.zeros(NUM_CODE_POINTS, bool)
    mark(cased, _CASED, True)
    small = np.zeros(NUM_CODE_POINTS, bool)
    mark_where(small, lambda letter: letter.islower() or unicodedata.category(letter) == "Lo", True)
    table[cased & small] = LOWER
    table[cased & ~small] = UPPER
    mark(table, _UNCASED, LOWER | UPPER)
    pictures = np.zeros(NUM_CODE_POINTS, bool)
    mark_where(pictures, lambda letter: unicodedata.category(letter) == "So", True)
    for low, high in _YOUNG_PICTURES:
        pictures[low : high + 1] = False
    table[pictures] |= PREFIX | SUFFIX | INFIX
    _mark_letters(table, "…", INFIX)
    _mark_letters(table, _MARKS + _QUOTES + "—–", PREFIX | SUFFIX)
    _mark_letters(table, "§%=" + _CURRENCIES, PREFIX)
    _mark_letters(table, _QUOTES, QUOTE)
    _mark_letters(table, _CURRENCIES, CURRENCY)
    _mark_letters(table, "0123456789%²-+|" + _MARKS + _QUOTES, BEFORE_STOP)
    table[table & LOWER > 0] |= BEFORE_STOP
    return table


def _mark_letters(table: Classes, letters: str, flag: int) -> None:
    mark(table, ((ord(letter), ord(letter)) for letter in letters), flag)
