"""The readable twin of fastText's prediction: one line of bytes, dictionaries and loops, whole matrices in float64."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from winnow.kernels.fasttext_classifier import OFFSET
from winnow.kernels.fasttext_file import HIERARCHICAL, LABEL_PREFIX, SOFTMAX, StoredModel

_SEPARATORS = re.compile(rb"[\0\t\n\v\f\r ]+")
_END = b"</s>"


def fnv(data: bytes) -> int:
    """fastText's 32-bit hash of a string: bytes from 128 on are negative numbers, extended to 32 bits."""
    state = 2166136261
    for byte in data:
        state = (state ^ (byte | 0xFFFFFF00 if byte >= 128 else byte)) * 16777619 % 2**32
    return state


def line_rows_reference(line: bytes, model: StoredModel) -> list[int]:
    """The rows of the input matrix that a line takes, in fastText's order."""
    shape, known = model.shape, _known(model)
    words = _words(line, known, model.num_words)
    rows = []
    for word in words:
        if word in known:
            rows.append(known[word])
        if word != _END:
            rows += [row for ngram in _characters(word, model) for row in _bucket_rows(fnv(ngram), model)]
    signed = [hashed - 2**32 if hashed >= 2**31 else hashed for hashed in map(fnv, words)]
    for first in range(len(words)):
        hashed = signed[first]
        for last in range(first + 1, min(len(words), first + shape.word_ngrams)):
            hashed = (hashed * 116049371 + signed[last]) % 2**64
            rows += _bucket_rows(hashed, model)
    return rows


def _known(model: StoredModel) -> dict[bytes, int]:
    entries = model.entries
    spans = zip(entries.starts.tolist(), entries.ends.tolist(), strict=True)
    return {bytes(entries.data[start:end]): index for index, (start, end) in enumerate(spans)}


def _words(line: bytes, known: dict[bytes, int], num_words: int) -> list[bytes]:
    words = []
    for word in filter(None, _SEPARATORS.split(line)):
        if word == _END:
            break
        is_label = known[word] >= num_words if word in known else word.startswith(LABEL_PREFIX.encode())
        if not is_label:
            words.append(word)
    return [*words, _END]


def _characters(word: bytes, model: StoredModel) -> Iterator[bytes]:
    """The character n-grams of ``<word>``; bytes that continue a character belong to the byte before them."""
    if model.shape.max_chars <= 0 or model.shape.bucket == 0:
        return
    marked = b"<" + word + b">"
    starts = [at for at, byte in enumerate(marked) if byte & 0xC0 != 0x80] + [len(marked)]
    for first in range(len(starts) - 1):
        for length in range(model.shape.min_chars, model.shape.max_chars + 1):
            if first + length >= len(starts):
                break
            if length > 1 or 0 < first < len(starts) - 2:
                yield marked[starts[first] : starts[first + length]]


def _bucket_rows(hashed: int, model: StoredModel) -> list[int]:
    bucket = hashed % model.shape.bucket
    if model.kept_buckets is None:
        return [model.num_words + bucket]
    return [model.num_words + row for kept, row in model.kept_buckets.tolist() if kept == bucket]


def predict_reference(line: bytes, model: StoredModel) -> tuple[list[float], list[float]]:
    """Probability and logit of every label."""
    rows = line_rows_reference(line, model)
    inputs = model.input.times(np.eye(model.shape.dim, dtype=np.float32)).astype(float)
    mean = inputs[rows].mean(axis=0) if rows else np.zeros(model.shape.dim)
    outputs = (model.output.astype(float) @ mean).tolist()
    if model.shape.loss == SOFTMAX:
        odds = [math.exp(output - max(outputs)) for output in outputs]
        rest = [sum(odds) - each if each < max(odds) else sum(sorted(odds)[:-1]) for each in odds]
        logits = [math.log(each / others) for each, others in zip(odds, rest, strict=True)]
        return [min(1, each / sum(odds) + OFFSET) for each in odds], logits
    if model.shape.loss == HIERARCHICAL:
        return _walk(outputs, model.entries.counts[model.num_words :].tolist())
    return [min(1, _stepped_sigmoid(output) + OFFSET) for output in outputs], outputs


def _stepped_sigmoid(output: float) -> float:
    if abs(output) > 8:
        return float(output > 0)
    return 1 / (1 + math.exp(8 - int((output + 8) * 32) / 32))


@dataclass
class _Node:
    count: float
    label: int = -1
    inner: int = -1
    children: tuple[_Node, ...] = ()


def _walk(outputs: list[float], counts: list[int]) -> tuple[list[float], list[float]]:
    """From the root of the Huffman tree to every leaf."""
    leaves = [_Node(count, label=label) for label, count in enumerate(counts)]
    inners: list[_Node] = []
    for inner in range(len(counts) - 1):
        pair = []
        for _ in range(2):
            is_leaf = bool(leaves) and (not inners or leaves[-1].count < inners[0].count)
            pair.append(leaves.pop() if is_leaf else inners.pop(0))
        inners.append(_Node(pair[0].count + pair[1].count, inner=inner, children=tuple(pair)))
    probabilities, logits = [0.0] * len(counts), [0.0] * len(counts)
    waiting = [(inners[0], 0.0, 0.0)]
    while waiting:
        node, score, exact = waiting.pop()
        if not node.children:
            probabilities[node.label] = min(1, math.exp(score))
            logits[node.label] = exact - math.log(-math.expm1(exact))
            continue
        for child, turn in zip(node.children, (-1, 1), strict=True):
            share = 1 / (1 + math.exp(-turn * outputs[node.inner]))
            waiting.append((child, score + math.log(share + OFFSET), exact + math.log(share)))
    return probabilities, logits
