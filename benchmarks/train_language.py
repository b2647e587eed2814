"""Trains the embedded language identifier: python benchmarks/train_language.py udhr2.jsonl.zst

Reads the Universal Declaration of Human Rights in 112 languages (NLTK's udhr2 corpus, public domain: rows of
``lang_code`` and ``text``) and writes src/winnow/measure/data/langid.npz. About 12,000 letters a language, nothing
else: no text that any benchmark of this project judges with. Takes ten seconds.
"""

from __future__ import annotations

import io
import json
import sys
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from winnow.kernels.langid import LETTER_BITS, SPACE, WEIGHTS_PER_NAT

MODEL = Path(__file__).resolve().parents[1] / "src/winnow/measure/data/langid.npz"

FILES = """
af afr|am amh|ar arb|az azj_latn/azj_cyrl|be bel|bg bul|bn ben|bo bod|br bre|bs bos_latn|ca cat|ceb ceb|ckb ckb|cs ces
cy cym|da dan|de deu deu_1901|dv div|el ell_monotonic ell_polytonic|en eng|eo epo|es spa|et est|eu eus|fa pes_1 pes_2
fi fin|fo fao|fr fra|fy fri|ga gle|gd gla|gl glg|gu guj|ha hau_NG hau_NE|he heb|hi hin|hr hrv|ht hat_popular hat_kreyol
hu hun|hy hye|id ind|ig ibo|is isl|it ita|ja jpn|jv jav|ka kat|kk kaz|km khm|kn kan|ko kor|ky kir|la lat lat_1|lb ltz
lg lug|lo lao|lt lit|lv lav|mg plt|mi mri|mk mkd|ml mal|mn khk|mr mar|ms mly_latn|mt mlt|my mya|nb nob|ne nep|nl nld
nn nno|oc lnc|os oss|pa pan|pl pol|pt por_BR por_PT|ro ron ron_1993|ru rus|rw kin|sk slk|sl slv|sn sna|so som|sq als
sr srp_cyrl/srp_latn|st sot|su sun|sv swe|sw swh|ta tam|tg tgk|th tha|ti tir|tk tuk_latn|tl tgl|tn tsn|tr tur
ts tso_MZ|tt tat|ug uig_arab|uk ukr|ur urd|uz uzn_latn/uzn_cyrl|vi vie|xh xho|yi ydd|yo yor|zh cmn_hans cmn_hant|zu zul
"""
"""Language (ISO 639-1, else 639-3) and its files in udhr2; a slash parts the scripts it is written in."""

OWN_SCRIPTS = {"te": range(0xC00, 0xC80), "si": range(0xD80, 0xE00), "or": range(0xB00, 0xB80)}
"""Languages that udhr2 lacks, known by a script that no other language here is written in."""
FOLDED = {"CJK", "HANGUL"}
"""Scripts of too many letters to learn one by one: Chinese is Han letters without kana, Japanese is both."""

MIN_COUNT = 2
UNSEEN = 0.05
"""Share of each language's probability that goes to what its text happens not to hold."""
OTHER = "?"

Array = NDArray[Any]


def read_texts(path: Path) -> dict[str, list[str]]:
    """Training texts by language, one for each script that it is written in."""
    with zstandard.open(path, "rb") as compressed:
        rows = map(json.loads, io.TextIOWrapper(compressed, "utf-8"))
        declaration = {row["lang_code"]: row["text"] for row in rows}
    texts = {}
    for entry in FILES.replace("\n", "|").strip("|").split("|"):
        language, files = entry.split(" ", 1)
        texts[language] = ["\n".join(declaration[name] for name in script.split()) for script in files.split("/")]
    for language, codes in OWN_SCRIPTS.items():
        letters = "".join(chr(code) for code in codes if is_letter(chr(code)))
        texts[language] = [" ".join([letters[:7], letters[7:]] * 50)]
    return dict(sorted(texts.items()))


def is_letter(character: str) -> bool:
    """Letters and the marks that belong to them."""
    return unicodedata.category(character)[0] in "LM"


def script(character: str) -> str:
    """The script, by the first word of the character's Unicode name."""
    return unicodedata.name(character, "?").split()[0]


def make_alphabet(texts: dict[str, list[str]]) -> Array:
    """The letter of each code point: itself in small, or its script's where one language owns that, or ``OTHER``."""
    counts = {language: Counter("".join(parts).lower()) for language, parts in texts.items()}
    total: Counter[str] = sum(counts.values(), Counter())
    users = defaultdict(set)
    for language, counted in counts.items():
        for character, count in counted.items():
            if is_letter(character) and count > 20:
                users[script(character)].add(language)
    owned = {name for name, languages in users.items() if len(languages) == 1} | FOLDED
    alphabet, numbers = np.zeros(1 << 16, np.uint16), {OTHER: SPACE + 1}
    for code in filter(lambda code: is_letter(chr(code)), range(1 << 16)):
        small = chr(code).lower()[0]
        name = script(small) if script(small) in owned else small if total[small] > MIN_COUNT else OTHER
        alphabet[code] = numbers.setdefault(name, len(numbers) + SPACE + 1)
    assert len(numbers) + SPACE < 1 << LETTER_BITS
    return alphabet


def ngrams_of(text: str, alphabet: Array, length: int) -> Array:
    """All n-grams of a text, spaces collapsed, as integers of ``LETTER_BITS`` a letter."""
    codes = np.frombuffer(f" {text} ".encode("utf-32-le"), np.uint32)
    letters = np.maximum(alphabet[np.minimum(codes, 0xFFFF)], SPACE).astype(np.int64)
    letters = letters[np.append(True, (letters[1:] != SPACE) | (letters[:-1] != SPACE))]
    windows = np.lib.stride_tricks.sliding_window_view(letters, length)
    shifts = LETTER_BITS * np.arange(length - 1, -1, -1)
    ngrams: Array = np.bitwise_or.reduce(windows << shifts, axis=1)
    return ngrams


def learn(texts: dict[str, list[str]], alphabet: Array, length: int) -> tuple[Array, Array]:
    """The n-grams of one length that occur often enough, and their log-likelihood ratios against the mean language."""
    found = [[ngrams_of(text, alphabet, length) for text in scripts] for scripts in texts.values()]
    ngrams, total = np.unique(np.concatenate([each for scripts in found for each in scripts]), return_counts=True)
    frequency = np.zeros((len(ngrams), len(texts)))
    for language, scripts in enumerate(found):
        for each in scripts:  # added, not averaged: a second script must not halve what the first one says
            frequency[:, language] += np.bincount(np.searchsorted(ngrams, each), minlength=len(ngrams)) / len(each)
    ratio = frequency / frequency.mean(axis=1, keepdims=True)
    frequent = total >= MIN_COUNT
    return ngrams[frequent], np.log((1 - UNSEEN) * ratio + UNSEEN)[frequent]


def main() -> None:
    texts = read_texts(Path(sys.argv[1]))
    alphabet = make_alphabet(texts)
    bigrams, bigram_weights = learn(texts, alphabet, 2)
    trigrams, trigram_weights = learn(texts, alphabet, 3)
    last_two = trigrams & (1 << 2 * LETTER_BITS) - 1
    at = np.searchsorted(bigrams, last_two)
    assert (bigrams[at] == last_two).all()  # a trigram seen twice holds a bigram seen twice
    ngrams = np.concatenate([bigrams, trigrams]).astype(np.uint32)
    weights = np.concatenate([bigram_weights, trigram_weights + bigram_weights[at]])
    quantized = np.clip(np.round(weights * WEIGHTS_PER_NAT), -127, 127).astype(np.int8)
    languages = np.array(list(texts))
    np.savez_compressed(MODEL, languages=languages, alphabet=alphabet, ngrams=ngrams, weights=quantized)
    print(f"{len(texts)} languages, {len(ngrams)} n-grams, {MODEL.stat().st_size / 1e6:.2f} MB -> {MODEL}")


if __name__ == "__main__":
    main()
