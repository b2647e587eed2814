"""The track that laws of filtering are fitted to: bands of quality of one pool, for some epochs, at small scales."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from winnow.bench.scaling import ScalingBench, scaling_bench
from winnow.bench.tracks import Trial
from winnow.choose.rank import Band
from winnow.choose.select import Select
from winnow.core.errors import RecipeError, did_you_mean
from winnow.core.step import Aligned, Rows
from winnow.laws.design import EPOCHS
from winnow.lm.fit_tokenizer import FitTokenizer
from winnow.lm.tokenize import Tokenize
from winnow.measure.measure import Measure
from winnow.measure.text import Text
from winnow.recipes.compare_filters import learned_filters
from winnow.recipes.testbed import documents_of, heldout_mixes


def scaling(
    source: str,
    heldout: tuple[str, ...],
    positives: str | None = None,
    filter: str = "fasttext",
    score: str | None = None,
    bands: tuple[float, ...] = (0.1, 0.15, 0.25, 0.5),
    scale: tuple[str, ...] = ("0.1M", "0.3M"),
    epochs: tuple[float, ...] = EPOCHS,
    tokens: int | None = None,
    seeds: int = 2,
    tokenizer: str | None = None,
    vocabulary: int = 4096,
) -> ScalingBench:
    """What is each band of quality worth, and what does repeating it cost? The runs that winnow advise fit learns from.

    ``--source`` is the pool: files, a glob, or the recipe.json of an earlier run. A ``--filter`` of compare_filters
    (fasttext, ngram, dsir, linear, perplexity, mean, max) learns from ``--positives``, documents like those wanted;
    instead ``--score`` is SQL over the documents' own columns (``documents.metadata->>'edu_score'``). By it the pool is
    cut into ``--bands``, shares of its tokens from the highest score on. Models of every ``--scale`` train with
    every seed on each band alone and on the best ones together, for each number of ``--epochs``, and are measured on
    ``--heldout NAME=SOURCE``. No run has more tokens than ``--tokens`` (or the scale's own): bands that would give more
    are cut (to whole documents, one at least), so that small runs repeat their data as often as the large one that is
    planned. Beside the ledger lies pools.json, the size of each band.
    """
    _check(bands, epochs, seeds, scale)
    pool = documents_of(source)
    measures, by = _order(pool, positives, filter, score)
    model = tokenizer or FitTokenizer(documents=pool, vocab_size=vocabulary)
    pools = [(name, Tokenize(documents=rows, tokenizer=model)) for name, rows in in_bands(pool, measures, by, bands)]
    trial = Trial(scales=scale, seeds=tuple(range(seeds)), num_tokens=tokens, heldout=heldout_mixes(heldout, model))
    return scaling_bench(pools, trial, epochs)


def _order(
    pool: Rows, positives: str | None, filter: str, score: str | None
) -> tuple[tuple[Measure | Aligned, ...], str]:
    """The measures that SQL of a score reads, and that SQL."""
    if (positives is None) == (score is None):
        raise RecipeError("what is good must be told in one way: give --positives or --score")
    if score is not None:
        return (), score
    filters = learned_filters(pool, documents_of(str(positives)))
    if filter not in filters:
        raise RecipeError(f"--filter is {filter!r}; {did_you_mean(filter, filters)}")
    return (filters[filter].measure,), filters[filter].score


def in_bands(
    pool: Rows, measures: tuple[Measure | Aligned, ...], score: str, bands: tuple[float, ...]
) -> Iterator[tuple[str, Rows]]:
    """A pool cut by its scores into shares of its tokens, the best first, named by where they begin and end."""
    for share, end in zip(bands, accumulate(bands), strict=True):
        start = round(end - share, 12)
        keep = Band(score, start, share, by="tokens")
        yield f"{100 * start:.3g}-{100 * end:.3g}%", Select(documents=pool, measures=(*measures, Text()), keep=keep)


def _check(bands: tuple[float, ...], epochs: tuple[float, ...], seeds: int, scale: tuple[str, ...]) -> None:
    """Refuse bands that are not the whole pool, and a bench of no runs."""
    if not bands or min(bands) <= 0 or abs(sum(bands) - 1) > 1e-9:
        raise RecipeError(f"--bands are {bands}, in all {sum(bands):g}; they must be above 0 and add up to 1")
    if not epochs or min(epochs) <= 0 or len({*epochs}) < len(epochs):
        raise RecipeError(f"--epochs are {epochs}; give numbers above 0, each once")
    if seeds < 1 or not scale:
        raise RecipeError(f"--seeds is {seeds} and --scale names {len(scale)}: at least one model of each is trained")
