"""Readable twins of the n-gram model: its estimate and its scores, over dictionaries of words."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from winnow.kernels.ngram_model_file import Ngrams

Gram = tuple[str, ...]
Model = dict[Gram, tuple[float, float]]
"""log10 of the probability of an n-gram's last word after the others, and its backoff."""

FALLBACK = (0.5, 1.0, 1.5)


def as_dictionary(words: Sequence[bytes], ngrams: Iterable[Ngrams]) -> Model:
    """A model of arrays as one of words."""
    spelled = [word.decode() for word in words]
    return {
        tuple(spelled[number] for number in numbers): (float(log10), float(backoff))
        for each in ngrams
        for numbers, log10, backoff in zip(each.words.tolist(), each.log10_prob, each.backoff, strict=True)
    }


def word_score(model: Model, context: Gram, word: str) -> float:
    """log10 p(word | context): of the longest n-gram that is known, with the backoffs of the contexts that are not."""
    if (*context, word) in model:
        return model[(*context, word)][0]
    if not context:
        return model[("<unk>",)][0]
    return model.get(context, (0.0, 0.0))[1] + word_score(model, context[1:], word)


def sentence_score(model: Model, order: int, sentence: Sequence[str]) -> float:
    """log10 p of a sentence and its end, given its beginning."""
    known = [word if (word,) in model else "<unk>" for word in sentence]
    whole = ("<s>", *known, "</s>")
    return sum(word_score(model, whole[max(0, at - order + 1) : at], whole[at]) for at in range(1, len(whole)))


def estimate_reference(sentences: Iterable[Sequence[str]], order: int, prune: Sequence[int] = ()) -> Model:
    """Interpolated modified Kneser-Ney of sentences, as ``ngram_model_estimate.estimate`` says."""
    limits = [*prune, *[prune[-1] if prune else 0] * order][:order]
    counts: list[Counter[Gram]] = [
        Counter({("<unk>",): 0, ("<s>",): 0, ("</s>",): 0}),
        *(Counter() for _ in limits[1:]),
    ]
    for sentence in sentences:
        whole = ("<s>", *sentence, "</s>")
        for length in range(1, order + 1):
            counts[length - 1].update(whole[at : at + length] for at in range(len(whole) - length + 1))
    lower: dict[Gram, float] = {(): 1 / (len(counts[0]) - 1)}
    model: Model = {}
    for length in range(1, order + 1):
        adjusted = _adjusted(counts, length, order)
        amounts = _discounts(adjusted)
        kept = {gram for gram in adjusted if length == 1 or counts[length - 1][gram] > limits[length - 1]}
        totals: dict[Gram, int] = defaultdict(int)
        taken: dict[Gram, float] = defaultdict(float)
        for gram, count in adjusted.items():
            totals[gram[:-1]] += count
            taken[gram[:-1]] += amounts[min(count, 3)] if gram in kept else count
        left = {context: taken[context] / total if total else 1.0 for context, total in totals.items()}
        for context, share in left.items():
            if context in model:
                model[context] = (model[context][0], math.log10(share))
        probability = {
            gram: (count - amounts[min(count, 3)]) / (totals[gram[:-1]] or 1) + left[gram[:-1]] * lower[gram[1:]]
            for gram, count in adjusted.items()
        }
        probability |= {("<s>",): 1.0} if length == 1 else {}
        model |= {gram: (math.log10(probability[gram]), 0.0) for gram in kept}
        lower = probability
    return model


def _adjusted(counts: list[Counter[Gram]], length: int, order: int) -> dict[Gram, int]:
    if length == order:
        return dict(counts[length - 1])
    before = Counter(gram[1:] for gram in counts[length])
    adjusted = {gram: count if gram[0] == "<s>" else before[gram] for gram, count in counts[length - 1].items()}
    return adjusted | ({("<s>",): 0} if length == 1 else {})


def _discounts(adjusted: dict[Gram, int]) -> tuple[float, ...]:
    times = Counter(adjusted.values())
    if not all(times[count] for count in (1, 2, 3)):
        return (0.0, *FALLBACK)
    share = times[1] / (times[1] + 2 * times[2])
    amounts = [count - (count + 1) * share * times[count + 1] / times[count] for count in (1, 2, 3)]
    sane = all(0 < amount <= count for count, amount in zip((1, 2, 3), amounts, strict=True))
    return (0.0, *(amounts if sane else FALLBACK))
