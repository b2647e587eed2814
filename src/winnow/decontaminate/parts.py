"""The texts that items are made of, as words: how long they are, how much they tell, which n-grams they hold."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from winnow.decontaminate.items import Item
from winnow.kernels.buffers import text_buffers
from winnow.kernels.matching_printed import signs, spell_texts
from winnow.kernels.matching_words import folds, hash_grams, new_words, powers, split_texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRAM_WORDS = 5
"""Words in an n-gram of an answer or a passage, or all of it where it is shorter."""
PRIOR_WORDS = 100_000
MOST_BITS = 17.0
SHORT_BITS = 3.0
"""A word of one or two characters tells no more for each of them: numbers and letters come in rows by themselves."""


class Texts:
    """The questions of items, in order, then each distinct answer, choice and passage.

    Attributes:
        answers: of each item the numbers of its answers, the right ones first, then its choices.
        num_right: how many of them are right.
        passages: of each item the number of its passage, or -1.
        num_words: of each text.
        bits: of each text, how much its distinct words tell.
    """

    def __init__(self, items: Sequence[Item]) -> None:
        self._texts = [item.question for item in items]
        numbers: dict[str, int] = {}
        self.num_items = len(items)
        self.answers = [self._numbered(item.answers + item.choices, numbers) for item in items]
        self.num_right = np.array([len(item.answers) for item in items], np.int64)
        passages = [self._numbered((item.passage,), numbers)[0] if item.passage else -1 for item in items]
        self.passages = np.array(passages, np.int64)
        lengths = self._split()
        self.num_words = np.diff(self._ends, prepend=0)
        self._word_bits, self.bits = self._measure(lengths)

    def beside(self, item: int) -> list[int]:
        """Answers, choices and passage of an item."""
        passage = int(self.passages[item])
        return [*self.answers[item], passage] if passage >= 0 else list(self.answers[item])

    def read_as(self, item: int) -> Hashable:
        """The words of an item without its wrong choices: equal for items that read the same."""
        wrong = self.answers[item][self.num_right[item] :]
        return tuple(self._words(text) for text in (item, *self.beside(item)) if text not in wrong)

    def printed_as(self, item: int) -> Hashable:
        """The signs of an item's question, answers and choices: equal for items that are printed the same."""
        signs, ends = self.signs(np.array([item, *self.answers[item]]))
        return tuple(part.tobytes() for part in np.split(signs, ends))

    def _words(self, text: int) -> bytes:
        return self._hashes[self._ends[text] - self.num_words[text] : self._ends[text]].tobytes()

    def signs(self, texts: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The signs of some texts, one after the other, and where each text's end."""
        data, offsets = text_buffers(pa.array([_encoded(self._texts[text]) for text in texts], pa.large_binary()))
        spelled, ends = np.empty(int(offsets[-1] - offsets[0]), np.int32), np.zeros(len(texts), np.int64)
        spell_texts(data, offsets, signs(), spelled, ends)
        return spelled[: int(ends[-1]) if len(texts) else 0].copy(), ends

    def grams(self, sizes: NDArray[np.int64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Hashes of all n-grams of all texts, in order, and the text of each; none of texts of size 0."""
        counts = np.where(sizes > 0, np.maximum(0, self.num_words - sizes + 1), 0)
        grams = np.empty(int(counts.sum()), np.uint64)
        prefixes = np.zeros(int(self.num_words.max(initial=0)) + 1, np.uint64)
        hash_grams(self._hashes, self._ends, sizes, powers(), prefixes, grams)
        return grams, np.repeat(np.arange(len(sizes)), counts)

    def gram_bits(self, owners: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.float64]:
        """How much each n-gram tells; ``owners`` as ``grams`` gives them."""
        sums = np.concatenate([[0.0], np.cumsum(self._word_bits)])
        place = np.arange(len(owners)) - np.searchsorted(owners, owners)
        begins = (self._ends - self.num_words)[owners] + place
        bits: NDArray[np.float64] = sums[begins + sizes[owners]] - sums[begins]
        return bits

    def _numbered(self, texts: Sequence[str], numbers: dict[str, int]) -> list[int]:
        for text in texts:
            if text not in numbers:
                numbers[text] = len(self._texts)
                self._texts.append(text)
        return [numbers[text] for text in texts]

    def _split(self) -> NDArray[np.int32]:
        """Cut all texts into words; gives the bytes of each word."""
        encoded = [_encoded(text) for text in self._texts]
        data, offsets = text_buffers(pa.array(encoded, pa.large_binary()))
        num_bytes = int(offsets[-1] - offsets[0])
        words = new_words(int(np.diff(offsets).max(initial=0)))
        hashes, lengths = np.empty(num_bytes, np.uint64), np.empty(num_bytes, np.int32)
        self._ends = np.zeros(len(encoded), np.int64)
        split_texts(data, offsets, folds(), words, hashes, lengths, self._ends)
        total = int(self._ends[-1]) if len(encoded) else 0
        self._hashes = hashes[:total].copy()
        return lengths[:total]

    def _measure(self, lengths: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Bits of every word, and the sum over the distinct words of every text (see ``Coverage``)."""
        _, which, counts = np.unique(self._hashes, return_inverse=True, return_counts=True)
        prior = PRIOR_WORDS * 2.0 ** -np.minimum(MOST_BITS, 3.0 + 2.0 * lengths)
        share = (counts[which] + prior) / (len(which) + PRIOR_WORDS)
        most = np.where(lengths <= 2, SHORT_BITS * lengths, MOST_BITS)
        word_bits = np.minimum(-np.log2(share), most)
        owners = np.repeat(np.arange(len(self._ends)), self.num_words)
        _, first = np.unique(owners * (len(counts) + 1) + which, return_index=True)
        bits = np.bincount(owners[first], word_bits[first], minlength=len(self._ends))
        return word_bits, bits.astype(np.float64)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
