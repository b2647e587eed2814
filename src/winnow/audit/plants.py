"""What is planted, in whose documents, and what a perfect recipe would do with it.

=================  ============================================================================  ===========
kind               what                                                                          a duplicate
=================  ============================================================================  ===========
exact copy         the same text under another id and URL                                        yes
near-copies        five kinds of change at six rates (``changes``)                               yes
chain              windows that slide along one text: each is near the next, the ends are far    neighbours
chain ends         the same windows, three steps apart or more (Jaccard of words below 0.67)     no
shared licence     different documents that end in the same long text (50, 80, 90% of the words)  no
=================  ============================================================================  ===========
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from winnow.audit.changes import CHANGES, RATES, pieces, sentences
from winnow.core.errors import InputError
from winnow.report.similarity import jaccard, shingles

MIN_WORDS = 100
"""Words (between white space) of a document that copies are made of: in a shorter one 1% is less than a word."""
MAX_WORDS = 5000
CHAIN = 5
"""Windows of a chain."""
CHAIN_STEP = 0.07
"""How far each window lies beyond the one before, in windows: neighbours share 93% of 107%, a Jaccard of 0.87."""
FAR = 3
"""Steps of a chain after which two windows are no copies of each other."""
LICENCE_SHARES = (0.5, 0.8, 0.9)
"""Shares of a document's words that the licence is."""
DONATED_WORDS = 5000
"""Words of other documents that licences, headers and replacements are made of; those documents are left out."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """A document that something is planted beside or in."""

    id: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Plant:
    """One planted case."""

    kind: str
    rate: float | None
    id: str
    others: tuple[str, ...]
    """Its twin; for what is no duplicate, the documents that it must not be taken for."""
    wanted: bool
    """Whether a perfect recipe drops it."""
    jaccard: float | None
    """Similarity to the first of the others: that of the sets of word 5-grams; None where that means nothing."""


@dataclass
class Planted:
    """The cases, and how the documents have to change for them."""

    plants: list[Plant] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    """New texts of documents that are there, by id."""
    copies: dict[str, tuple[str, str]] = field(default_factory=dict)
    """New documents, by id: the id of the document whose other columns they take, and their text."""
    inserted: dict[str, str] = field(default_factory=dict)
    """What was put into documents, by their id."""
    items: dict[str, str] = field(default_factory=dict)
    """The evaluation items that it was made of, as published, by id."""

    def add(self, other: Planted) -> None:
        """Take over what else is planted."""
        self.plants += other.plants
        self.texts |= other.texts
        self.copies |= other.copies
        self.inserted |= other.inserted
        self.items |= other.items


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What is planted in: documents in an order by chance, each for one case, and words of some that are left out."""

    documents: Iterator[Document]
    each: int
    """Cases of every kind and rate."""
    words: list[str]
    donors: frozenset[str]
    """The documents that the words are from."""
    chance: Random


def num_cells() -> int:
    """Documents that one case of every kind of duplicate takes."""
    return 1 + len(CHANGES) * len(RATES) + 1 + len(LICENCE_SHARES)


def prepare(documents: Sequence[Document], number: int, cells: int, seed: int) -> Ground:
    """Ground for ``number`` cases of every kind and rate, or as many as the documents suffice for.

    InputError where there are fewer documents than one case of every kind takes.
    """
    chance = Random(seed)
    usable = [one for one in documents if MIN_WORDS <= len(pieces(one.text)) <= MAX_WORDS]
    chance.shuffle(usable)
    donors = _donors(usable)
    each = min(number, (len(usable) - len(donors)) // cells)
    if each < 1:
        raise InputError(
            f"{len(usable)} of the documents that the recipe keeps have {MIN_WORDS} to {MAX_WORDS} words; planting one "
            f"case of every kind takes {cells + max(1, len(donors))}: read more (--documents) or audit a larger source"
        )
    return Ground(
        documents=iter(usable[len(donors) :]),
        each=each,
        words=[word for donor in donors for word in donor.text.split()],
        donors=frozenset(donor.id for donor in donors),
        chance=chance,
    )


def plant_duplicates(ground: Ground) -> Planted:
    """Plant cases of every kind of duplicate, and of what is none."""
    planted = Planted()
    for _ in range(ground.each):
        original = next(ground.documents)
        _copy(planted, "exact copy", None, original, original.text)
        for kind, change in CHANGES.items():
            for rate in RATES:
                original = next(ground.documents)
                _copy(planted, kind, rate, original, change(original.text, rate, ground.chance, ground.words))
        _chain(planted, next(ground.documents))
    for share in LICENCE_SHARES:
        _licensed(planted, share, [next(ground.documents) for _ in range(ground.each)], ground.words)
    return planted


def _donors(documents: Sequence[Document]) -> list[Document]:
    """The first documents that have enough words together, but no more than a fifth of all."""
    donors: list[Document] = []
    total = 0
    for one in documents[: max(1, len(documents) // 5)]:
        if total < DONATED_WORDS:
            donors.append(one)
            total += len(one.text.split())
    return donors


def planted_id(*about: object) -> str:
    """An id that says nothing, as a computed one does: the order of ids must not favour what is planted."""
    return hashlib.blake2b(repr(about).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def put_between_sentences(planted: Planted, host: Document, text: str) -> str:
    """Put a text on lines of its own in the middle of a document; gives the document's id."""
    parts = ["".join(sentence) for sentence in sentences(host.text)]
    middle = len(parts) // 2
    planted.texts[host.id] = "".join(parts[:middle]) + f"\n\n{text}\n\n" + "".join(parts[middle:]).lstrip()
    planted.inserted[host.id] = text
    return host.id


def _copy(planted: Planted, kind: str, rate: float | None, original: Document, text: str) -> None:
    id = planted_id(kind, rate, original.id)
    planted.copies[id] = (original.id, text)
    similarity = jaccard(shingles(original.text), shingles(text))
    planted.plants.append(Plant(kind=kind, rate=rate, id=id, others=(original.id,), wanted=True, jaccard=similarity))


def _chain(planted: Planted, original: Document) -> None:
    """Windows along the original, which becomes the first of them."""
    windows = list(_windows(pieces(original.text)))
    ids = [original.id, *(planted_id("chain", number, original.id) for number in range(1, CHAIN))]
    planted.texts[original.id] = windows[0]
    planted.copies |= {id: (original.id, text) for id, text in zip(ids[1:], windows[1:], strict=True)}
    grams = [shingles(text) for text in windows]
    for place, id in enumerate(ids):
        far = [other for other in range(CHAIN) if abs(other - place) >= FAR]
        for kind, others in (("chain", [place - 1] if place else []), ("chain ends", far)):
            if others:
                planted.plants.append(
                    Plant(
                        kind=kind,
                        rate=None,
                        id=id,
                        others=tuple(ids[other] for other in others),
                        wanted=kind == "chain",
                        jaccard=jaccard(grams[place], grams[others[0]]),
                    )
                )


def _windows(parts: Sequence[str]) -> Iterator[str]:
    size = int(len(parts) / (1 + (CHAIN - 1) * CHAIN_STEP))
    step = (len(parts) - size) // (CHAIN - 1)
    for number in range(CHAIN):
        yield "".join(parts[number * step : number * step + size]).lstrip()


def _licensed(planted: Planted, share: float, documents: Sequence[Document], words: Sequence[str]) -> None:
    """Different documents, cut to the same length, before a licence that is that share of the whole."""
    own = min(len(pieces(one.text)) for one in documents)
    size = round(own * share / (1 - share))
    licence = " ".join(words[place % len(words)] for place in range(size))
    texts = {one.id: "".join([*pieces(one.text)[:own], "\n\n", licence]) for one in documents}
    planted.texts |= texts
    for place, one in enumerate(documents if len(documents) > 1 else ()):
        others = tuple(other.id for other in (*documents[place + 1 :], *documents[:place]))
        similarity = jaccard(shingles(texts[one.id]), shingles(texts[others[0]]))
        planted.plants.append(
            Plant(kind="shared licence", rate=share, id=one.id, others=others, wanted=False, jaccard=similarity)
        )
