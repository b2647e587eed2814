"""The index in which documents look up evaluation items: arrays that the search reads, made once from all items."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from winnow.core.files import read_json, write_json
from winnow.decontaminate.items import Item
from winnow.decontaminate.methods import Evidence, Method
from winnow.decontaminate.parts import GRAM_WORDS, Texts
from winnow.kernels.hashing import num_slots
from winnow.kernels.matching import Items, Parts, Seeds, fill_seeds, mark_most_telling
from winnow.kernels.matching_printed import ENOUGH_BITS, Spelling

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED_SIZES = np.array([1, 2, 3, 5, 8])
"""Words in a seed: the most that a question's n-grams have. Few sizes, since a text is looked up in each of them."""
OPENING_WORDS = 3
"""The most first words by which a question is looked up that is looked for as it is printed."""
BLOOM_BITS = 16
"""Bits for each seed; two of them are set."""
LEAST_OVERLAP = 0.8
"""Lower overlaps are not kept; an item that could not reach this one, were all of it found, is not looked for."""


@dataclass(frozen=True)
class Index:
    """What the search reads."""

    ids: list[str]
    """Of the items, in the order of their questions."""
    items: Items
    parts: Parts
    seeds: Seeds
    openings: Seeds
    """First words of the questions that are looked for as they are printed."""
    spelling: Spelling

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays by name."""
        groups = {name: getattr(self, name) for name in ("items", "parts", "seeds", "openings", "spelling")}
        return {f"{group}.{name}": array for group, held in groups.items() for name, array in held._asdict().items()}

    @property
    def num_bytes(self) -> int:
        """Memory that the search takes besides the documents."""
        return sum(array.nbytes for array in self.arrays().values())

    def save(self, directory: Path) -> None:
        """Write every array to a file of its own, so that workers map them into memory and share it."""
        write_json(directory / "ids.json", self.ids)
        for name, array in self.arrays().items():
            np.save(directory / f"{name}.npy", array)

    @classmethod
    def load(cls, path_of: Callable[[str], Path]) -> Index:
        """A saved index, its arrays mapped and read-only; ``path_of`` gives the place of a file by its name."""

        def held(group: str, names: Sequence[str]) -> list[NDArray[Any]]:
            return [np.load(path_of(f"{group}.{name}.npy"), mmap_mode="r").view(np.ndarray) for name in names]

        return cls(
            read_json(path_of("ids.json")),
            Items(*held("items", Items._fields)),
            Parts(*held("parts", Parts._fields)),
            Seeds(*held("seeds", Seeds._fields)),
            Seeds(*held("openings", Seeds._fields)),
            Spelling(*held("spelling", Spelling._fields)),
        )


@dataclass(frozen=True)
class Indexed:
    """An index and what became of the items that it does not hold."""

    index: Index
    alike: dict[str, str]
    """Items that read the same as one that it holds, by whose id they are found."""
    left_out: dict[str, str]
    """Items that are not looked for, and why."""


def build_index(items: Sequence[Item], method: Method) -> Indexed:
    """Index the items for a method."""
    wanted = method.looked_for(items)
    texts = Texts(wanted)
    sizes = np.minimum(texts.num_words, GRAM_WORDS)
    sizes[: len(wanted)] = method.gram_sizes([item.task for item in wanted], texts.num_words[: len(wanted)])
    left_out = {item.id: "the method does not look for such items" for item in items}
    left_out |= {item.id: "" for item in wanted}
    left_out |= _too_little(wanted, texts, sizes, method)
    printed = _in_print(wanted, texts, left_out) if method.reads_print else []
    left_out = {id: reason for id, reason in left_out.items() if reason}
    kept, alike = _distinct(wanted, [n for n, item in enumerate(wanted) if item.id not in left_out], texts.read_as)
    in_print, more_alike = _distinct(wanted, printed, texts.printed_as)
    for number in printed:
        del left_out[wanted[number].id]
    sizes[printed] = 0
    layout = _Layout(texts, sizes, np.array(kept, np.int64), np.array(in_print, np.int64), method)
    ids = [wanted[number].id for number in kept + in_print]
    index = Index(ids, layout.items(), layout.parts(), layout.seeds(), layout.openings(), layout.spelling())
    return Indexed(index, alike | more_alike, left_out)


def _too_little(items: Sequence[Item], texts: Texts, sizes: NDArray[np.int64], method: Method) -> dict[str, str]:
    """The items that a copy would not give away, and why."""
    most = method.overlap(_all_found(texts))
    least = min(LEAST_OVERLAP, method.threshold)
    reasons = {}
    for number, item in enumerate(items):
        if sizes[number] == 0:
            reasons[item.id] = f"its question has only {texts.num_words[number]} words"
        elif most[number] < least:
            reasons[item.id] = f"it tells too little: a copy would overlap by {most[number]:.2f}"
    return reasons


def _all_found(texts: Texts) -> Evidence:
    """What would be found of each item in a copy of it."""
    bits, has_passage = texts.bits, texts.passages >= 0
    pairs = list(zip(texts.answers, texts.num_right, strict=True))
    return Evidence(
        question=np.ones(texts.num_items),
        answer=np.where(texts.num_right > 0, 1.0, -1.0),
        passage=np.where(has_passage, 1.0, -1.0),
        answer_bits=np.array([max((bits[part] for part in parts[:right]), default=0.0) for parts, right in pairs]),
        choice_bits=np.array([sum(bits[part] for part in parts[right:]) for parts, right in pairs], np.float64),
        question_bits=bits[: texts.num_items],
        passage_bits=np.where(has_passage, bits[texts.passages], 0.0) if len(bits) else bits,
        num_words=texts.num_words[: texts.num_items],
        is_printed=np.zeros(texts.num_items, bool),
    )


def _in_print(items: Sequence[Item], texts: Texts, left_out: dict[str, str]) -> list[int]:
    """The items that tell too little as words, but have words, and a right answer or enough to stand alone."""

    def tells_enough(number: int, item: Item) -> bool:
        stands_alone = not item.answers and not item.choices and texts.bits[number] >= ENOUGH_BITS
        return stands_alone or any(answer.strip() for answer in item.answers)

    return [
        number
        for number, item in enumerate(items)
        if left_out[item.id] and texts.num_words[number] > 0 and tells_enough(number, item)
    ]


def _distinct(
    items: Sequence[Item], numbers: Sequence[int], key: Callable[[int], Hashable]
) -> tuple[list[int], dict[str, str]]:
    """The numbers of the items that differ, and the id of each other one with that of the first that is the same."""
    first: dict[Hashable, int] = {}
    alike: dict[str, str] = {}
    for number in numbers:
        found = first.setdefault(key(number), number)
        if found != number:
            alike[items[number].id] = items[found].id
    return list(first.values()), alike


class _Layout:
    """Lays out the arrays of the items that are kept and those in print: their questions are the first parts."""

    def __init__(
        self,
        texts: Texts,
        sizes: NDArray[np.int64],
        kept: NDArray[np.int64],
        in_print: NDArray[np.int64],
        method: Method,
    ) -> None:
        self.texts, self.kept, self.in_print, self.method = texts, kept, in_print, method
        self.asked = np.concatenate([kept, in_print])
        others = {part for item in self.asked for part in texts.beside(item) if sizes[part] > 0}
        others |= {part for item in in_print for part in texts.answers[item]}
        self.used = np.concatenate([self.asked, np.array(sorted(others), np.int64)])
        self.part_of = np.full(len(sizes), -1, np.int64)
        self.part_of[self.used] = np.arange(len(self.used))
        self.sizes = np.where(self.part_of >= 0, sizes, 0)
        self.grams, self.owners = texts.grams(self.sizes)

    def items(self) -> Items:
        """Passages and answers of each item."""
        answers = [
            (self.part_of[part], place < self.texts.num_right[item], number)
            for number, item in enumerate(self.asked)
            for place, part in enumerate(self.texts.answers[item])
            if self.sizes[part] > 0 or number >= len(self.kept)
        ]
        parts, is_right, owners = np.array(answers, np.int64).reshape(-1, 3).T
        passages = self.texts.passages[self.asked]
        return Items(
            passages=np.where(passages >= 0, self.part_of[passages], -1).astype(np.int32),
            first_answer=np.searchsorted(owners, np.arange(len(self.asked) + 1)).astype(np.int64),
            answers=parts.astype(np.int32),
            is_right=is_right.astype(np.uint8),
        )

    def parts(self) -> Parts:
        """The distinct n-grams of each part, sorted."""
        owners = self.part_of[self.owners]
        order = np.lexsort((self.grams, owners))
        owners, grams = _distinct_pairs(owners[order], self.grams[order])
        weights = self._weights(owners, grams)
        first = np.searchsorted(owners, np.arange(len(self.used) + 1))
        sums = np.concatenate([[0.0], np.cumsum(weights)])
        return Parts(
            first=first.astype(np.int64),
            sizes=self.sizes[self.used].astype(np.int32),
            num_words=self.texts.num_words[self.used].astype(np.int32),
            totals=(sums[first[1:]] - sums[first[:-1]]).astype(np.float32),
            bits=self.texts.bits[self.used].astype(np.float32),
            grams=(grams >> np.uint64(32)).astype(np.uint32),
            weights=weights.astype(np.float32),
        )

    def _weights(self, owners: NDArray[np.int64], grams: NDArray[np.uint64]) -> NDArray[np.float64]:
        """ln(1 + N / df) over questions for every n-gram of one; 1 for those of other parts."""
        weights = np.ones(len(grams))
        asked = owners < len(self.kept)
        if self.method.is_weighted:
            _, which, counts = np.unique(grams[asked], return_inverse=True, return_counts=True)
            weights[asked] = np.log1p(len(self.kept) / counts[which])
        return weights

    def seeds(self) -> Seeds:
        """The most telling n-gram of every window of ``seed_window`` n-grams of a question."""
        sizes = np.zeros_like(self.sizes)
        sizes[self.kept] = SEED_SIZES[np.searchsorted(SEED_SIZES, self.sizes[self.kept], side="right") - 1]
        grams, owners = self.texts.grams(sizes)
        starts = np.searchsorted(owners, np.append(self.kept, self.texts.num_items))
        chosen = np.zeros(len(grams), bool)
        mark_most_telling(self.texts.gram_bits(owners, sizes), starts, self.method.seed_window, chosen)
        return _seeds(grams[chosen], self.part_of[owners[chosen]], sizes[self.kept])

    def openings(self) -> Seeds:
        """The first words of every question that is looked for as it is printed."""
        sizes = np.zeros_like(self.sizes)
        sizes[self.in_print] = np.minimum(self.texts.num_words[self.in_print], OPENING_WORDS)
        grams, owners = self.texts.grams(sizes)
        owners, first = np.unique(owners, return_index=True)
        return _seeds(grams[first], self.part_of[owners], sizes[self.in_print])

    def spelling(self) -> Spelling:
        """The signs of questions and answers of the items that are looked for as they are printed."""
        spelled = {part for item in self.in_print for part in (int(item), *self.texts.answers[item])}
        parts = np.array(sorted(spelled, key=lambda part: self.part_of[part]), np.int64)
        signs, ends = self.texts.signs(parts)
        lengths = np.zeros(len(self.used) + 1, np.int64)
        lengths[self.part_of[parts] + 1] = np.diff(ends, prepend=0)
        return Spelling(np.cumsum(lengths), signs)


def _seeds(hashes: NDArray[np.uint64], items: NDArray[np.int64], sizes: NDArray[np.int64]) -> Seeds:
    """A table of n-grams and the items that have them."""
    order = np.lexsort((items, hashes))
    hashes, items = _distinct_pairs(hashes[order], items[order])
    distinct, first = np.unique(hashes, return_index=True)
    seeds = Seeds(
        sizes=np.unique(sizes)[::-1].astype(np.int64),
        bloom=np.zeros(max(1, _power_of_two(BLOOM_BITS * len(distinct) // 64)), np.uint64),
        slots=np.zeros(num_slots(len(distinct)), np.int32),
        hashes=distinct,
        first=np.append(first, len(hashes)).astype(np.int64),
        items=items.astype(np.int32),
    )
    fill_seeds(seeds)
    return seeds


def _distinct_pairs(left: NDArray[Any], right: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Sorted pairs without repeats."""
    is_new = np.ones(len(left), bool)
    is_new[1:] = (left[1:] != left[:-1]) | (right[1:] != right[:-1])
    return left[is_new], right[is_new]


def _power_of_two(least: int) -> int:
    return 1 << max(0, least - 1).bit_length()
