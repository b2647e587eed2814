"""Evaluation items planted in documents, as published and in other words, and what decontamination made of them.

======================  ==================================================================  =====
kind                    what stands in a document                                           found
======================  ==================================================================  =====
item as published       question, choices and right answer                                  yes
item reformatted        the same words in capitals, other punctuation, letters and lines    yes
item, words replaced    some of its words replaced by words of other documents              yes
item reworded by rules  common words and phrases replaced by synonyms from a short list     yes
passage of an item      what is given to read before a question, without the question       no
looks like an item      a question with four choices, made of the document's own words      no
======================  ==================================================================  =====

The rewording is mechanical: it stands for a lazy paraphrase, not for another author's words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from random import Random
from typing import Any

from winnow.audit.changes import pieces, replaced_words, sentences
from winnow.audit.fates import Fates
from winnow.audit.judge import Verdict
from winnow.audit.model import Outcome
from winnow.audit.plants import Ground, Plant, Planted, put_between_sentences
from winnow.core.errors import InputError
from winnow.core.step import Rows, ordered
from winnow.core.table import Store
from winnow.decontaminate.contamination import Contamination
from winnow.decontaminate.index import LEAST_OVERLAP
from winnow.decontaminate.items import Item, read_items
from winnow.decontaminate.tasks import task_files
from winnow.report.similarity import jaccard, shingles

ITEM_RATES = (0.05, 0.1, 0.2, 0.4)
"""Shares of an item's words that are replaced."""
MIN_PASSAGE_WORDS = 30

REWORDING = {
    "which of the following": "which one of these", "in order to": "so as to", "as a result of": "because of",
    "is called": "goes by the name of", "most likely": "in all likelihood", "because": "since", "which": "what",
    "begin": "start", "begins": "starts", "began": "started", "large": "big", "small": "little", "many": "a lot of",
    "people": "persons", "make": "produce", "makes": "produces", "made": "produced", "use": "employ",
    "used": "employed", "uses": "employs", "show": "demonstrate", "shows": "demonstrates", "help": "assist",
    "find": "determine", "how many": "what number of", "best": "most fittingly", "describes": "characterises",
    "cause": "bring about", "causes": "brings about", "caused": "brought about", "during": "in the course of",
    "important": "significant", "increase": "rise", "increases": "rises", "decrease": "fall", "get": "obtain",
    "needs": "requires", "need": "require", "about": "concerning", "after": "following", "before": "prior to",
    "if": "in case", "when": "at the time that", "must": "has to", "can": "is able to", "do not": "don't",
    "does not": "doesn't", "is not": "isn't", "only": "solely", "also": "as well", "but": "yet", "however": "still",
    "main": "chief", "job": "occupation", "money": "funds", "child": "kid", "children": "kids", "woman": "lady",
    "man": "gentleman", "car": "automobile", "house": "home", "buy": "purchase", "bought": "purchased",
    "want": "wish", "wants": "wishes", "wanted": "wished", "say": "state", "says": "states", "said": "stated",
}  # fmt: skip
_REWORDED = re.compile(r"\b(" + "|".join(sorted(map(re.escape, REWORDING), key=len, reverse=True)) + r")\b", re.I)

ABOUT = {
    "item as published": "question, choices and right answer between two sentences of a document",
    "item reformatted": "the same words in capitals, with other punctuation, letters and lines",
    "item, words replaced": "that share of its words is replaced by words of other documents",
    "item reworded by rules": "common words and phrases are replaced by synonyms of a short list; no human paraphrase",
    "passage of an item": "what is given to read before a question, without it: public text, no contamination",
    "looks like an item": "a question with four choices, made of the document's own words",
}


@dataclass(frozen=True)
class Decontamination:
    """What a recipe looks for, and the store that holds its index."""

    step: Contamination
    store: Store

    def items(self) -> list[Item]:
        """The items that it looks for; InputError where there are none."""
        index = self.step.index
        table = index.items(self.store)
        rows = zip(table.column("id").to_pylist(), table.column("left_out").to_pylist(), strict=True)
        looked_for = {id for id, left_out in rows if left_out is None}
        found = [item for file in task_files(index.tasks) for item in read_items(file, index.fields)]
        found = [item for item in found if item.id in looked_for]
        if not found:
            raise InputError(f"none of the items of {', '.join(index.tasks)} is looked for: nothing to plant")
        return found

    def questions(self) -> dict[str, str]:
        """What every item asks, by id."""
        table = self.step.index.items(self.store)
        return dict(zip(table.column("id").to_pylist(), table.column("question").to_pylist(), strict=True))

    def rows(self) -> dict[str, dict[str, Any]]:
        """What was found in each document, by id."""
        table = self.store.table(self.step)
        columns = ["id", "overlap", "item", "matched"]
        shards = range(len(table.manifest.shards))
        return {row["id"]: row for shard in shards for row in table.shard(shard, columns).to_pylist()}


def decontamination(recipe: Rows) -> Contamination | None:
    """The step of a recipe that looks for evaluation items."""
    return next((step for step in ordered(recipe) if isinstance(step, Contamination)), None)


def num_item_cells() -> int:
    """Documents that one case of every kind takes."""
    return len(ABOUT) - 1 + len(ITEM_RATES)


def plant_items(ground: Ground, items: Sequence[Item]) -> Planted:
    """Plant cases of every kind; an item is planted again where there are fewer items than cases."""
    planted = Planted()
    for kind, rate, item, text in _cases(ground, items):
        wanted = kind != "passage of an item"
        alike = jaccard(shingles(published(item)), shingles(text)) if wanted else None
        planted.items[item.id] = published(item)
        id = put_between_sentences(planted, next(ground.documents), text)
        planted.plants.append(Plant(kind=kind, rate=rate, id=id, others=(item.id,), wanted=wanted, jaccard=alike))
    for host in islice(ground.documents, ground.each):
        put_between_sentences(planted, host, _cloze(host.text, ground.chance))
        planted.plants.append(
            Plant(kind="looks like an item", rate=None, id=host.id, others=(), wanted=False, jaccard=None)
        )
    return planted


def _cases(ground: Ground, items: Sequence[Item]) -> Iterator[tuple[str, float | None, Item, str]]:
    """Kind, rate, item and the text to plant."""
    worded = [item for item in items if reworded(item.question) != item.question]
    with_passage = [item for item in items if len(item.passage.split()) >= MIN_PASSAGE_WORDS]

    def replaced(rate: float, item: Item) -> str:
        return replaced_words(published(item), rate, ground.chance, ground.words)

    kinds: list[tuple[str, float | None, Sequence[Item], Callable[[Item], str]]] = [
        ("item as published", None, items, published),
        ("item reformatted", None, items, lambda item: reformatted(published(item))),
        *(("item, words replaced", rate, items, partial(replaced, rate)) for rate in ITEM_RATES),
        ("item reworded by rules", None, worded, lambda item: reworded(published(item))),
        ("passage of an item", None, with_passage, lambda item: item.passage),
    ]
    for kind, rate, some, write in kinds:
        for item in islice(cycle(ground.chance.sample(some, len(some))), ground.each):
            yield kind, rate, item, write(item)


def published(item: Item) -> str:
    """An item as a web page would give it: the question, the choices in an order by the alphabet, the right answer."""
    choices = sorted({*item.choices, *item.answers[:1]}) if item.choices else []
    listed = [f"{letter}. {choice}" for letter, choice in zip("ABCDEFGHIJ", choices, strict=False)]
    return "\n".join([item.question, *listed, *(f"Answer: {answer}" for answer in item.answers[:1])])


def reformatted(text: str) -> str:
    """The same words in capitals, all in one line, with other letters for choices and without most punctuation."""
    lettered = re.sub(r"^([A-J])\. ", lambda found: f"({found[1].lower()}) ", text, flags=re.M)
    lettered = lettered.replace("Answer: ", " => ")
    return "Q) " + re.sub(r"[,.;:?!\"']", " ", " / ".join(lettered.split("\n"))).upper()


def reworded(text: str) -> str:
    """Every word and phrase that the list knows is replaced by its synonym.

    >>> reworded("Which of the following is used?")
    'Which one of these is employed?'
    """

    def synonym(found: re.Match[str]) -> str:
        other = REWORDING[found[0].lower()]
        return other[0].upper() + other[1:] if found[0][0].isupper() else other

    return _REWORDED.sub(synonym, text)


def _cloze(host: str, chance: Random) -> str:
    """A question about the host's longest sentence: which word was left out of it."""
    longest = max(sentences(host), key=len)
    words = [part.strip() for part in longest]
    place = chance.randrange(len(words))
    choices = sorted({words[place], *chance.sample([part.strip() for part in pieces(host)], 3)})
    asked = " ".join([*words[:place], "_____", *words[place + 1 :]])
    listed = [f"{letter}. {choice}" for letter, choice in zip("ABCD", choices, strict=False)]
    question = "Question: Which of the following words completes the sentence best?"
    return "\n".join([question, asked, *listed, f"Answer: {words[place]}"])


def judge_item(plant: Plant, fates: Fates, rows: Mapping[str, Mapping[str, Any]]) -> Verdict:
    """What became of a document that an item, or what only looks like one, was planted in."""
    planted = plant.others[0] if plant.others else ""
    row = rows.get(plant.id)
    if row is not None and fates.is_dropped_by(plant.id, {"contamination"}):
        taken_for = row["item"] or planted
        outcome: Outcome = "found" if plant.wanted else "false"
        return Verdict(
            outcome,
            f"taken for an item, with an overlap of {row['overlap']:.1f}",
            planted if plant.wanted else taken_for,
        )
    if row is None:
        return Verdict("lost", f"it was removed before by {fates.remover(plant.id)}", planted)
    if not plant.wanted:
        return Verdict("spared", "kept", planted)
    none = f"no overlap with any item is as high as {LEAST_OVERLAP:g}, from where they are recorded"
    seen = "the overlap that was found is below the threshold" if row["item"] else none
    return Verdict("missed", seen, planted)
