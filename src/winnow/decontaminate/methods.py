"""How the field decides that a document holds an evaluation item: four methods over one search.

=========  ======================================================================  ==================
method     overlap of a document with an item                                      condemned from
=========  ======================================================================  ==================
coverage   IDF-weighted share of the question's 5-grams found in one place, times  0.8
           how telling what was found is (see ``Coverage``)
decon      AI2's decon: question, answer and passage shares, weighted              0.8
dclm       DCLM: the question's last sentence and one of its options               1.0
gpt3       GPT-3: any 13-gram of the item                                          more than 0
=========  ======================================================================  ==================
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from winnow.core.errors import RecipeError, did_you_mean
from winnow.decontaminate.items import Item
from winnow.kernels.matching import Search

if TYPE_CHECKING:
    from numpy.typing import NDArray

FAR = 1 << 30


@dataclass(frozen=True)
class Evidence:
    """What was found of items in documents, one entry a match; -1 where an item has no such part."""

    question: NDArray[np.float64]
    answer: NDArray[np.float64]
    passage: NDArray[np.float64]
    answer_bits: NDArray[np.float64]
    choice_bits: NDArray[np.float64]
    question_bits: NDArray[np.float64]
    passage_bits: NDArray[np.float64]
    num_words: NDArray[np.int64]
    """Of the question."""
    is_printed: NDArray[np.bool_]
    """Whether the question is there sign for sign, its right answer behind it."""


class Method(ABC):
    """How items are looked for and how what was found becomes one number."""

    search: ClassVar[Search]
    seed_window: ClassVar[int]
    """Of so many consecutive n-grams of a question one is a seed; 1 makes all of them seeds."""
    is_weighted: ClassVar[bool]
    """Whether a question's n-grams count by their IDF, else all the same."""
    threshold: ClassVar[float]
    """Overlap from which a document is contaminated, by the method's authors."""
    reads_print: ClassVar[bool] = False
    """Whether items that tell too little by their words are looked for as they are printed."""

    def looked_for(self, items: Sequence[Item]) -> list[Item]:
        """The items in the form in which they are looked for; all, as they are, where the method does not say."""
        return list(items)

    @abstractmethod
    def gram_sizes(self, tasks: Sequence[str], num_words: NDArray[np.int64]) -> NDArray[np.int64]:
        """Words in an n-gram of each question, by its task and length; 0 where it is not looked for."""

    @abstractmethod
    def overlap(self, evidence: Evidence) -> NDArray[np.float64]:
        """The overlap, in [0, 1], of a document with an item, one entry a match."""


class Coverage(Method):
    """Our own: the share of the question that stands in one place, times how telling what stands there is.

    overlap = found * min(1, bits / 80)

    *found* is the IDF-weighted share of the question's distinct 5-grams within one stretch of the document; what is
    missing of a question of L < 40 words counts 40 / L times, so a short one must be there whole. IDF is ln(1 + N / df)
    over the questions of all tasks.

    *bits* is how much the found words tell. Those of the question count in full, but of one of at most five words,
    which may be a name, a list or a phrase, for at most 51. Added are up to 40 of the right answer within 100 words of
    it (its first 17 bits count as 12, for a single word may follow by itself) and of the other choices, if all of them
    are there and the question is longer than five words; and up to 30 of the passage. 12 are taken off if the item has
    an answer that is not there. So a passage alone never condemns, nor do a few common words.

    An item that would not reach 0.8 in a copy of itself ("2 + 3 =") is looked for as it is printed instead, sign for
    sign with its right answer behind it (see ``winnow.kernels.matching_printed``); there overlap is
    0.8 + 0.2 * min(1, bits / 80).

    A word's bits are -log2 of its share of the words of all items, counted together with 100,000 words whose frequency
    falls with their length (Zipf's law of abbreviation), which stand in where the items are few; at most 17, and 3 a
    character for words of one or two, since single letters and small numbers come in rows by themselves.
    """

    search = Search(stride=1, max_misses=10, near=100, least=0.5)
    seed_window = 8
    is_weighted = True
    threshold = 0.8
    reads_print = True
    enough_bits: ClassVar[float] = 80.0
    long_words: ClassVar[int] = 40
    one_word_bits: ClassVar[float] = 17.0
    one_answer_bits: ClassVar[float] = 12.0
    few_words: ClassVar[int] = 5
    most_bits_of_few: ClassVar[float] = 51.0
    most_answer_bits: ClassVar[float] = 40.0
    most_passage_bits: ClassVar[float] = 30.0

    def gram_sizes(self, tasks: Sequence[str], num_words: NDArray[np.int64]) -> NDArray[np.int64]:
        """Five, or the whole question where it is shorter; one of fewer than three words says too little."""
        return np.where(num_words >= 3, np.minimum(num_words, 5), 0)

    def overlap(self, evidence: Evidence) -> NDArray[np.float64]:
        """See the class."""
        passage = np.maximum(evidence.passage, 0) * np.minimum(evidence.passage_bits, self.most_passage_bits)
        is_short = evidence.num_words <= self.few_words
        asked = np.minimum(evidence.question_bits, np.where(is_short, self.most_bits_of_few, np.inf))
        bits = evidence.question * asked + self._answer_bits(evidence) + passage
        missing = (1.0 - evidence.question) * np.maximum(1.0, self.long_words / np.maximum(1, evidence.num_words))
        certain = np.clip(bits / self.enough_bits, 0.0, 1.0)
        in_print = self.threshold + (1.0 - self.threshold) * certain
        as_words = np.clip(1.0 - missing, 0.0, 1.0) * certain
        overlap: NDArray[np.float64] = np.where(evidence.is_printed, in_print, as_words)
        return overlap

    def _answer_bits(self, evidence: Evidence) -> NDArray[np.float64]:
        listed = np.where(evidence.num_words > self.few_words, evidence.choice_bits, 0.0)
        one = np.minimum(evidence.answer_bits, self.one_answer_bits)
        told = np.maximum(one, evidence.answer_bits - self.one_word_bits + listed)
        is_missing = (evidence.answer >= 0) & (evidence.answer_bits <= 0)
        return np.where(is_missing, -self.one_answer_bits, np.minimum(told, self.most_answer_bits))


class Decon(Method):
    """AI2's decon (github.com/allenai/decon, doc/simple-details.md): sampled 5-grams, clusters, three weighted shares.

    Every tenth 5-gram of a document is looked up; from a hit the walk goes on until 11 consecutive words belong to no
    5-gram of the item. overlap = weights * (question, answer, passage) with 0.7/0.2/0.1, 0.75/0.25, 0.85/0.15 or 1 for
    the parts that an item has; a question of fewer than 20 5-grams gives part of its weight to the others. Questions of
    fewer than 50 words are scaled down by up to a fifth unless all was found. Without its answer near, an item that has
    one is not found.

    Words here are ours, not cl100k tokens, so 20 and 50 reach further, and what their documents leave open (how weight
    passes from one part to the others) is our reading.
    """

    search = Search(stride=10, max_misses=11, near=50, least=0.3)
    seed_window = 1
    is_weighted = True
    threshold = 0.8

    def looked_for(self, items: Sequence[Item]) -> list[Item]:
        """With the right answers alone: decon knows no other choices."""
        return [replace(item, choices=()) for item in items]

    def gram_sizes(self, tasks: Sequence[str], num_words: NDArray[np.int64]) -> NDArray[np.int64]:
        """Five words."""
        return np.where(num_words >= 5, 5, 0)

    def overlap(self, evidence: Evidence) -> NDArray[np.float64]:
        """See the class."""
        has_answer, has_passage = evidence.answer >= 0, evidence.passage >= 0
        weights = np.select([has_answer & has_passage, has_answer, has_passage], [0.7, 0.75, 0.85], default=1.0)
        confidence = np.minimum(1.0, 0.5 + 0.5 * (evidence.num_words - 4) / 20)
        weights = np.where(has_answer | has_passage, weights * confidence, 1.0)
        answer_share = np.select([has_answer & has_passage, has_answer], [2 / 3, 1.0], default=0.0)
        rest = answer_share * np.maximum(evidence.answer, 0) + (1 - answer_share) * np.maximum(evidence.passage, 0)
        score = weights * evidence.question + (1 - weights) * rest
        scale = 1.0 - 0.2 * np.clip((50 - evidence.num_words) / 30, 0, 1)
        scaled = np.where(score >= 1 - 1e-6, 1.0, score * scale)
        return np.where(has_answer & (evidence.answer <= 0), 0.0, scaled)


class Dclm(Method):
    """DCLM's check of MMLU and HellaSwag (Li et al. 2024, section 4.6): the last sentence of a question and an option.

    overlap is 1 where both stand anywhere in the document, word for word, else 0. Items without answers or choices are
    not looked for, nor are sentences of fewer than three words. Their text describes it; their code is not published.
    """

    search = Search(stride=1, max_misses=0, near=FAR, least=0.999)
    seed_window = FAR
    is_weighted = False
    threshold = 1.0

    def looked_for(self, items: Sequence[Item]) -> list[Item]:
        """With the last sentence for the question, and every option as good as the right answer."""
        return [
            replace(item, question=_last_sentence(item.question), answers=item.answers + item.choices, choices=())
            for item in items
            if item.answers or item.choices
        ]

    def gram_sizes(self, tasks: Sequence[str], num_words: NDArray[np.int64]) -> NDArray[np.int64]:
        """Up to eight words; a sentence of one or two is not looked for."""
        return np.where(num_words >= 3, np.minimum(num_words, 8), 0)

    def overlap(self, evidence: Evidence) -> NDArray[np.float64]:
        """See the class."""
        return np.where((evidence.question >= 0.999) & (evidence.answer >= 0.999), 1.0, 0.0)


class Gpt3(Method):
    """GPT-3's filter (Brown et al. 2020, appendix C): a document that shares any 13-gram with an item.

    N is the 5th percentile of the lengths of a task's items in words, but at least 8 and at most 13; shorter items are
    not looked for. The item is all of its text. overlap is the share of its N-grams in the place that has most, above 0
    where there is one. In the paper N-grams that stand in more than ten documents of the corpus do not count, which
    needs a look at all of it first; here they count.
    """

    search = Search(stride=1, max_misses=50, near=0, least=0.0)
    seed_window = 1
    is_weighted = False
    threshold = 1e-9

    def looked_for(self, items: Sequence[Item]) -> list[Item]:
        """With all of their text for the question."""
        return [
            replace(item, question="\n".join([item.passage, item.question, *item.answers[:1]]), answers=(), choices=(),
                    passage="")
            for item in items
        ]  # fmt: skip

    def gram_sizes(self, tasks: Sequence[str], num_words: NDArray[np.int64]) -> NDArray[np.int64]:
        """N of the task."""
        names = np.array(tasks)
        sizes = np.zeros(len(names), np.int64)
        for task in np.unique(names):
            lengths = num_words[names == task]
            sizes[names == task] = int(np.clip(np.percentile(lengths, 5, method="lower"), 8, 13))
        return np.where(num_words >= sizes, sizes, 0)

    def overlap(self, evidence: Evidence) -> NDArray[np.float64]:
        """The share."""
        return evidence.question


METHODS: Mapping[str, Method] = {"coverage": Coverage(), "decon": Decon(), "dclm": Dclm(), "gpt3": Gpt3()}


def method(name: str) -> Method:
    """The method of that name; RecipeError with the nearest names for another."""
    if name not in METHODS:
        raise RecipeError(f"no method of decontamination is called {name!r}; {did_you_mean(name, METHODS)}")
    return METHODS[name]


_SENTENCE = re.compile(r"(?<=[.?!])\s+")


def _last_sentence(text: str) -> str:
    sentences = [sentence for sentence in _SENTENCE.split(text.strip()) if any(map(str.isalnum, sentence))]
    return sentences[-1] if sentences else text
