"""C4's page rules as TensorFlow Datasets has them, restated to be read: what ``c4@tfds`` has to agree with.

Source of the definitions: tensorflow/datasets@3e77995, tensorflow_datasets/text/c4_utils.py, ``clean_page``.
TensorFlow Datasets splits sentences with NLTK's English Punkt model, which is data outside every package: it is used
where ``NLTK_DATA`` holds it; else Punkt without a model, which takes every abbreviation for the end of a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from nltk.tokenize.punkt import (  # type: ignore[import-not-found,unused-ignore]
    PunktSentenceTokenizer,
    PunktTokenizer,
)

CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")
POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")


def load() -> Callable[[str], str]:
    """The function from a text to the first reason to reject it, or "" to keep it."""
    try:
        sentences = PunktTokenizer("english").tokenize
    except LookupError:
        sentences = PunktSentenceTokenizer().tokenize
    return lambda text: _decide(text, sentences)


def _decide(text: str, sentences: Callable[[str], list[str]]) -> str:
    num_sentences = 0
    for line in map(str.strip, text.splitlines()):
        cited = CITATION.sub("", line)
        lower = cited.lower()
        if max(map(len, line.split()), default=0) > 1000 or not _ends_well(cited) or len(cited.split()) < 5:
            continue
        if "lorem ipsum" in lower:
            return "loremipsum"
        if "javascript" in lower:
            continue
        if "{" in cited:
            return "squigglybracket"
        if not any(phrase in lower for phrase in POLICY):
            num_sentences += len(sentences(cited))
    return "too_few_sentences" if num_sentences < 3 else ""


def _ends_well(line: str) -> bool:
    return line.endswith((".", "?", "!", '"')) and not line.endswith("...")
