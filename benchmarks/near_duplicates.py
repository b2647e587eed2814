"""Which near-duplicate finder sees through character noise? 600 newspaper excerpts, each as machine OCR and as gold.

    python benchmarks/near_duplicates.py

BLN600 (Booth et al. 2024; in the split of Shef-AIRE/llms_post-ocr_correction): 6.7% of the OCR's characters are wrong.
All 1,200 texts lie in one pool, where each has exactly one partner (but for two reports of the train split that were
printed twice, and count as errors). Thresholds and settings are chosen by F1 on pairs
within the train split; what counts is the test split: pairs with at least one test document, so that a test document
taken for a train document's twin is an error too. Intervals: 95%, bootstrap over the test excerpts. Takes seven minutes
of one core.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import numpy as np
import zstandard
from brute_force import character_ngrams, numbered, overlaps, word_ngrams
from environment import CACHE, DATA, peer_python, write_results

from winnow import Read, Store, materialize
from winnow.dedup.duplicates import Duplicates
from winnow.dedup.minhash import minhash_duplicates
from winnow.dedup.minhash_pairs import Similarity
from winnow.measure.minhash import MinHash, Shingles

if TYPE_CHECKING:
    from numpy.typing import NDArray

SOURCE = DATA / "near_dups" / "bln600_ocr_vs_gold.jsonl.zst"
SCRIPTS = Path(__file__).parent / "dedup"
SHINGLES: list[tuple[Shingles, int]] = [
    *(("words", n) for n in (1, 2, 3, 5)),
    *(("characters", n) for n in (3, 4, 5, 6, 8, 10, 12)),
]
BANDS = [(14, 8), (22, 5), (28, 4), (37, 3), (56, 2)]
"""Bands and rows of 112 permutations: two texts meet with a chance of a half at Jaccard similarities 0.69, 0.50, 0.40,
0.26 and 0.11."""
THRESHOLDS = (0.03, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7)
"""Those that winnow is tried at; whoever gives a similarity for every pair is judged at the best of all."""
RESAMPLES, SEED = 2000, 1


@dataclass(frozen=True)
class Pool:
    """All texts: excerpt i is text i (OCR) and text i + number (gold)."""

    texts: list[str]
    is_test: NDArray[np.bool_]
    """Of the excerpts."""

    @property
    def number(self) -> int:
        """Of excerpts."""
        return len(self.is_test)


class Pairs(NamedTuple):
    """Pairs of places in the pool and how alike the two texts are."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    similarity: NDArray[np.float64]


class Errors(NamedTuple):
    """What is right and wrong about pairs, excerpt by excerpt of one split: a sum of excerpts is a score."""

    found: NDArray[np.float64]
    """1 where the two texts of the excerpt were paired."""
    wrong: NDArray[np.float64]
    """Other pairs that its texts are in; half a pair where the other text's excerpt counts too."""


@dataclass(frozen=True)
class Result:
    """One method in one setting, at the threshold that was best on the train split."""

    method: str
    setting: str
    threshold: float | None
    train: tuple[float, float, float]
    """Precision, recall, F1."""
    test: tuple[float, float, float]
    interval: tuple[float, float]
    """Of F1 on the test split."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cache", type=Path, default=CACHE)
    own = parser.parse_args()
    pool = read_pool()
    results = [*exact_similarity(pool), *chains(pool, own.cache), *peers(pool, own.cache)]
    write_results("near_duplicates", table(results, pool))


def read_pool() -> Pool:
    content = zstandard.ZstdDecompressor().stream_reader(SOURCE.read_bytes(), read_across_frames=True)
    rows = [json.loads(line) for line in io.TextIOWrapper(content, "utf-8")]
    texts = [row["text"] for row in rows] + [row["gold_text"] for row in rows]
    return Pool(texts, np.array([row["split"] == "test" for row in rows]))


def exact_similarity(pool: Pool) -> Iterable[Result]:
    """Every pair compared by its sets of shingles: what no sketch of them can do better than."""
    for kind, n in SHINGLES:
        ngrams = word_ngrams if kind == "words" else character_ngrams
        sets = numbered([ngrams(text, n) for text in pool.texts])
        sizes = np.array([len(one) for one in sets])
        shared = np.array([row for _, row in overlaps(sets)])
        left, right = np.nonzero(np.triu(shared, 1))
        both = shared[left, right]
        jaccard = both / (sizes[left] + sizes[right] - both)
        containment = both / np.minimum(sizes[left], sizes[right])
        yield judged("all pairs, Jaccard", f"{kind} {n}", Pairs(left, right, jaccard), pool)
        yield judged("all pairs, containment", f"{kind} {n}", Pairs(left, right, containment), pool)


def chains(pool: Pool, cache: Path) -> Iterable[Result]:
    """winnow's whole chain, whose decisions depend on the threshold: what is removed is no one's partner any more."""
    for kind, n in SHINGLES:
        for bands, rows in BANDS:
            minhash = MinHash(shingles=kind, ngram=n, bands=bands, rows=rows)
            with tempfile.TemporaryDirectory(dir=cache) as directory:
                store, documents = Store(directory), stored(pool.texts, Path(directory))
                for similarity in get_args(Similarity):
                    found = {}
                    for threshold in THRESHOLDS:
                        step = minhash_duplicates(
                            documents, minhash=minhash, threshold=threshold, similarity=similarity
                        )
                        materialize(step, store)
                        found[threshold] = decided(step, store)
                    train = {t: scores(errors(pairs, pool, ~pool.is_test))[2] for t, pairs in found.items()}
                    best = max(train, key=lambda threshold: train[threshold])
                    setting = f"{kind} {n}, {bands}x{rows}"
                    yield result(f"winnow, {similarity}", setting, best, found[best], pool)


def stored(texts: list[str], directory: Path) -> Read:
    """The texts as documents, each with its place in the pool for an id."""
    path = directory / "documents.jsonl"
    path.write_text("".join(json.dumps({"id": str(place), "text": text}) + "\n" for place, text in enumerate(texts)))
    return Read(source=str(path))


def decided(step: Duplicates, store: Store) -> Pairs:
    """Every removed document with the one it repeats."""
    rows = store.table(step).shard(0)
    rows = rows.filter(rows.column("duplicate_of").is_valid())
    left, right = (np.array(rows.column(name).to_pylist(), np.int64) for name in ("id", "duplicate_of"))
    return Pairs(left, right, rows.column("similarity").to_numpy())


def peers(pool: Pool, cache: Path) -> Iterable[Result]:
    """datasketch and datatrove, in their environment."""
    words = [n for kind, n in SHINGLES if kind == "words"]
    settings: dict[str, list[dict[str, Any]]] = {
        "datatrove": [{"kind": "words", "n": n, "bands": b, "rows": r} for n in words for b, r in BANDS],
        "datasketch": [{"kind": kind, "n": n, "bands": b, "rows": r} for kind, n in SHINGLES for b, r in BANDS],
    }
    for peer, wanted in settings.items():
        for setting, found in zip(wanted, ask(peer, wanted, pool, cache), strict=True):
            left, right, similarity = zip(*found, strict=True) if found else ((), (), ())
            pairs = Pairs(np.array(left, int), np.array(right, int), np.array(similarity, float))
            yield judged(peer, "{kind} {n}, {bands}x{rows}".format(**setting), pairs, pool)


def ask(peer: str, settings: list[dict[str, Any]], pool: Pool, cache: Path) -> Any:
    """The pairs that a peer finds, for each setting."""
    directory = cache / "near-duplicates"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    (directory / "settings.json").write_text(json.dumps(settings))
    documents = stored(pool.texts, directory).source
    command = [str(peer_python(cache)), str(SCRIPTS / f"with_{peer}.py"), "pairs", str(documents), str(directory)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])["pairs"]


def judged(method: str, setting: str, pairs: Pairs, pool: Pool) -> Result:
    """The method at its best threshold on the train split."""
    threshold = best_threshold(pairs, pool)
    let_in = pairs.similarity >= threshold
    found = Pairs(pairs.left[let_in], pairs.right[let_in], pairs.similarity[let_in])
    has_threshold = len(np.unique(pairs.similarity)) > 1
    return result(method, setting, threshold if has_threshold else None, found, pool)


def result(method: str, setting: str, threshold: float | None, found: Pairs, pool: Pool) -> Result:
    """Judge the pairs found by both splits."""
    train, test = errors(found, pool, ~pool.is_test), errors(found, pool, pool.is_test)
    return Result(method, setting, threshold, scores(train), scores(test), bootstrap(test))


def errors(pairs: Pairs, pool: Pool, counts: NDArray[np.bool_]) -> Errors:
    """Judge pairs by the excerpts of one split."""
    left, right = pairs.left % pool.number, pairs.right % pool.number
    found, wrong = np.zeros(pool.number), np.zeros(pool.number)
    same = left == right
    found[left[same]] = 1
    for one, other in ((left, right), (right, left)):
        np.add.at(wrong, one[~same], np.where(counts[other[~same]], 0.5, 1.0))
    return Errors(found[counts], wrong[counts])


def best_threshold(pairs: Pairs, pool: Pool) -> float:
    """Halfway between the last pair let in at the best F1 of the train split and the next one."""
    left, right = pairs.left % pool.number, pairs.right % pool.number
    inside = np.flatnonzero(~pool.is_test[left] & ~pool.is_test[right])
    order = inside[np.argsort(-pairs.similarity[inside], kind="stable")]
    similarity = np.append(pairs.similarity[order], 0.0)
    good = np.cumsum(left[order] == right[order])
    f1 = 2 * good / (np.arange(1, len(order) + 1) + np.count_nonzero(~pool.is_test))
    f1[similarity[1:] == similarity[:-1]] = 0
    best = int(np.argmax(f1)) if len(order) else -1
    return float(similarity[best] + similarity[best + 1]) / 2 if len(order) else 0.0


def scores(errors: Errors) -> tuple[float, float, float]:
    """Precision, recall, F1."""
    found, wrong, number = errors.found.sum(), errors.wrong.sum(), len(errors.found)
    return found / max(found + wrong, 1), found / number, 2 * found / (found + wrong + number)


def bootstrap(errors: Errors) -> tuple[float, float]:
    """The middle 95% of F1 over resamples of the excerpts."""
    draws = np.random.default_rng(SEED).integers(len(errors.found), size=(RESAMPLES, len(errors.found)))
    f1 = [scores(Errors(errors.found[draw], errors.wrong[draw]))[2] for draw in draws]
    low, high = np.quantile(f1, [0.025, 0.975])
    return float(low), float(high)


def table(results: Iterable[Result], pool: Pool) -> str:
    """The best setting of each method on the train split first, then all of them."""
    results = list(results)
    methods = dict.fromkeys(result.method for result in results)
    best = [max((r for r in results if r.method == method), key=lambda r: r.train[2]) for method in methods]
    num_test = int(pool.is_test.sum())
    lines = [
        f"{len(pool.texts)} texts in one pool, {pool.number - num_test} true pairs in the train split, {num_test} in "
        "the test split. P: precision, R: recall. winnow names one partner for each document that it removes, the "
        "others every pair that reaches the threshold.",
        "",
        "A bootstrap of no error at all has no width: 120 right of 120 leave room for a recall of 0.97.",
        "",
        "The setting of each method that is best on the train split:",
        "",
        *rows(best),
        "",
        "All settings:",
        "",
        *rows(results),
    ]
    return "\n".join(lines)


def rows(results: Iterable[Result]) -> list[str]:
    lines = ["| method | setting | threshold | train F1 | test P | test R | test F1 | 95% of F1 |", "|---" * 8 + "|"]
    for one in results:
        threshold = "" if one.threshold is None else f"{one.threshold:.3f}"
        numbers = " | ".join(f"{value:.3f}" for value in (one.train[2], *one.test))
        interval = f"{one.interval[0]:.3f} to {one.interval[1]:.3f}"
        lines.append(f"| {one.method} | {one.setting} | {threshold} | {numbers} | {interval} |")
    return lines


if __name__ == "__main__":
    main()
