"""Is advice on how hard to filter right for a budget that no run had? Models of our own say.

A pool of eight sources, from textbooks to other languages, is cut by DSIR's score towards textbooks into bands of 10,
15, 25 and 50% of its tokens. ``winnow bench scaling`` trains two sizes of model on them for half an epoch and more,
with few tokens; ``winnow advise`` says what to do with several times as many. Then everything that could have been
done with those is trained: each number of whole bands, and what was advised. Told is how far behind the best of them,
in bits per byte of other textbooks, are the advice, always taking the top 10%, no filter, and whatever was best at the
largest budget of the small runs (single-scale ranking).

    python benchmarks/advice.py [BUDGET ...] [--tokens N] [--seeds N]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from corpora import Document, first, read, winnow, write
from environment import CACHE, write_results

from winnow.bench.compare import compare
from winnow.bench.ledger import Ledger, Run, read_ledger
from winnow.bench.scaling import ScalingBench
from winnow.bench.tracks import Candidate, Trial, bench
from winnow.choose.rank import Band
from winnow.choose.select import Select
from winnow.core.executors import Processes
from winnow.core.files import read_json
from winnow.core.plain import from_plain
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.evaluate.evaluate import Evaluate
from winnow.lm.scales import find_scale
from winnow.lm.shares import Weights
from winnow.lm.token_table import TokenTable
from winnow.lm.tokenize import Tokenize

WORK = CACHE / "advice"
TARGET = "openstax_textbooks"
SOURCES = {
    TARGET: 0.26,
    "c4_sample": 0.33,
    "reddit_selfposts_2013": 0.26,
    "enron1_spam_ham": 0.16,
    "register_web_multilingual": 0.2,
    "gutenberg_books_en": 0.2,
    "nltk_webtext_chat": 0.13,
    "bbc_news": 0.13,
}
"""Megabytes of the pool."""
WANTED = 1.0
"""Megabytes of other textbooks, which the score learns from."""
HELDOUT_CHARS, NUM_HELDOUT = 800, 100
BANDS = (0.1, 0.15, 0.25, 0.5)
EPOCHS = (0.5, 1, 3, 8, 24)
VOCABULARY = 2048
SMALL, LARGE = "0.1M", "0.3M"
METRIC = "heldout/textbooks/bits_per_byte"


def write_sets() -> dict[str, Path]:
    """Pool, examples of what is wanted, and held-out text: no document in two."""
    textbooks = read(TARGET)
    wanted = list(first(textbooks, WANTED))
    rest = [one for one in textbooks[len(wanted) :] if len(one["text"]) >= HELDOUT_CHARS]
    heldout = [{**one, "text": one["text"][:HELDOUT_CHARS]} for one in rest[:NUM_HELDOUT]]
    pool: list[Document] = list(first(rest[NUM_HELDOUT:], SOURCES[TARGET]))
    pool += [one for source, size in SOURCES.items() if source != TARGET for one in first(read(source), size)]
    told = {"pool": pool, "positives": wanted, "heldout": heldout}
    return {name: write(WORK / f"{name}.jsonl", documents) for name, documents in told.items()}


def small_runs(sets: Mapping[str, Path], tokens: int) -> Path:
    """The runs that advice is learned from, as a user makes them."""
    out = WORK / "small"
    winnow(
        *("bench", "scaling", "--source", str(sets["pool"]), "--positives", str(sets["positives"])),
        *("--heldout", f"textbooks={sets['heldout']}", "--filter", "dsir", "--bands", *map(str, BANDS)),
        *("--scale", SMALL, LARGE, "--epochs", *map(str, EPOCHS), "--tokens", str(tokens), "--seeds", "2"),
        *("--vocabulary", str(VOCABULARY), "--store", str(WORK / "store"), "--out", str(out)),
    )
    return out


class Way(NamedTuple):
    """A way to spend a budget."""

    name: str
    kept: tuple[float, ...]
    """Of each band."""
    epochs: tuple[float, ...]


@dataclass(frozen=True)
class Study:
    """The bands, as the small runs left them."""

    pools: ScalingBench
    sizes: dict[str, float]
    """Tokens of each."""

    def ways(self, tokens: float) -> list[Way]:
        """Every number of whole bands, all equally often."""
        sizes, found = np.array(list(self.sizes.values())), []
        for number, share in enumerate(np.cumsum(BANDS), 1):
            kept = np.where(np.arange(len(sizes)) < number, 1.0, 0.0)
            name = "no filter" if number == len(sizes) else f"top {share:.0%}"
            found.append(Way(name, tuple(kept.tolist()), tuple((kept * tokens / (kept @ sizes)).tolist())))
        return found

    def candidate(self, way: Way) -> Candidate:
        """Tokens of it and their shares."""
        sources, shares = [], []
        for (name, table), kept, epochs in zip(self.pools.pools, way.kept, way.epochs, strict=True):
            if kept:
                sources.append((name, _best_of(table, kept)))
                shares.append((name, kept * epochs * self.sizes[name]))
        return Candidate(way.name, tuple(sources), Weights(tuple(shares)))

    def trained(self, ways: Sequence[Way], tokens: int, seeds: int) -> Ledger:
        """The larger model, trained in all of these ways."""
        evaluation = self.pools.entries[0][1][0]
        assert isinstance(evaluation, Evaluate)
        trial = Trial(scales=(LARGE,), seeds=tuple(range(seeds)), num_tokens=tokens, heldout=evaluation.heldout)
        step = bench("scaling", [self.candidate(way) for way in ways], trial)
        materialize(step, WORK / "store", Processes(2))
        return read_ledger(Store(WORK / "store").table(step).files())

    def judged(self, fit: Path, tokens: int, ranked: str, seeds: int) -> str:
        """A budget: the advice for it, and what training says."""
        params = find_scale(LARGE).with_vocabulary(VOCABULARY).num_params
        (advice,) = winnow("advise", "recommend", str(fit), "--tokens", str(tokens), "--params", str(params))["advice"]
        plan, ways = advice["recommended"]["plan"], self.ways(tokens)
        name = next((way.name for way in ways if _same(plan, way)), None)
        if name is None:
            name = f"advised: {plan['keep_fraction']:.3g} of the pool"
            ways.append(Way(name, tuple(plan["kept"]), tuple(plan["epochs"])))
        taken = {"the advice": name, "always the top 10%": "top 10%", "no filter": "no filter"}
        lines = told(advice, ways, self.trained(ways, tokens, seeds), taken | {"single-scale ranking": ranked})
        return "\n".join([f"## {tokens:,} tokens, {seeds} seeds", "", *lines])


def _best_of(table: TokenTable, kept: float) -> Tokenize:
    """A band, or the best part of it."""
    assert isinstance(table, Tokenize) and isinstance(table.documents, Select)
    rows, band = table.documents, table.documents.keep
    assert isinstance(band, Band)
    return replace(table, documents=replace(rows, keep=replace(band, fraction=kept * band.fraction)))


def _same(plan: Mapping[str, Any], way: Way) -> bool:
    return np.allclose(plan["kept"], way.kept) and np.allclose(plan["epochs"], way.epochs, rtol=1e-3)


def means(ledger: Ledger) -> dict[str, float]:
    """Of every candidate over its seeds."""
    return {
        name: float(np.mean([run.metrics[METRIC] for run in ledger.where(candidate=name)]))
        for name in ledger.names("candidate")
    }


def told(advice: Mapping[str, Any], some: Sequence[Way], ledger: Ledger, taken: Mapping[str, str]) -> Iterator[str]:
    """A table of all ways, and one of what each rule would have cost."""
    found = means(ledger)
    best = min(found, key=found.__getitem__)
    yield "| trained | epochs of each band | predicted, 95% of runs | measured | behind the best | less the advice |"
    yield "|---|---|---|---|---|---|"
    for way in some:
        epochs = ", ".join(f"{one:.3g}" for one in way.epochs)
        yield (
            f"| {way.name} | {epochs} | {_predicted(advice, way)} | {found[way.name]:.4f} | "
            f"{found[way.name] - found[best]:.4f} | {_apart(ledger, way.name, taken['the advice'])} |"
        )
    yield from ("", "| rule | takes | regret, bits per byte |", "|---|---|---|")
    for rule, name in taken.items():
        yield f"| {rule} | {name} | {found[name] - found[best]:.4f} |"


def _predicted(advice: Mapping[str, Any], way: Way) -> str:
    for choice in advice["choices"]:
        if _same(choice["plan"], way):
            low, high = choice["interval_95"]
            return f"{choice['value']:.3f} ({low:.3f} to {high:.3f})"
    return ""


def _apart(ledger: Ledger, name: str, other: str) -> str:
    if name == other:
        return ""
    (row,) = compare(ledger, name, other, metrics=[METRIC]).rows
    if row.interval is None:
        return f"{row.difference:+.4f}"
    return f"{row.difference:+.4f} ({row.interval[0]:+.4f} to {row.interval[1]:+.4f})"


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("budgets", nargs="*", type=int, default=[1_200_000, 4_000_000], metavar="BUDGET")
    arguments.add_argument("--tokens", type=int, default=400_000, help="of a small run at most")
    arguments.add_argument("--seeds", type=int, default=2)
    given, began = arguments.parse_args(), time.perf_counter()
    out, fit = small_runs(write_sets(), given.tokens), WORK / "fit"
    fitted = winnow("advise", "fit", str(out), "--out", str(fit))
    pools = from_plain(read_json(out / "recipe.json")["recipe"])
    assert isinstance(pools, ScalingBench)
    study = Study(pools, {pool["name"]: pool["unique_tokens"] for pool in read_json(out / "pools.json")})
    single = means(study.trained(study.ways(given.tokens), given.tokens, 2))
    ranked = min(single, key=single.__getitem__)
    parts = [study.judged(fit, tokens, ranked, given.seeds) for tokens in given.budgets]
    minutes = (time.perf_counter() - began) / 60
    first_lines = [
        f"{len(read_ledger(out))} small runs of at most {given.tokens:,} tokens; {minutes:.0f} minutes (of this "
        "command; what an earlier one made is not made again).",
        f"Bands: {', '.join(f'{name} {size:,.0f} tokens' for name, size in study.sizes.items())}.",
        f"At {given.tokens:,} tokens: {', '.join(f'{name} {value:.4f}' for name, value in single.items())}.",
        "",
        *forms(fitted),
    ]
    table = "\n".join(small(read_ledger(out), pools))
    write_results("advice", "\n\n".join(["\n".join(first_lines), *parts, table]))


def small(ledger: Ledger, pools: ScalingBench) -> Iterator[str]:
    """A table of the small runs: bits per byte by what was drawn, how often, and the model; means over seeds."""
    heads = [f"{scale}, {times:g} epochs" for scale in (SMALL, LARGE) for times in EPOCHS]
    yield from ("## Small runs", "", f"| bands | {' | '.join(heads)} |", "|---|" + "---|" * len(heads))
    for mixed in dict.fromkeys(name.rsplit(", ", 1)[0] for name, _ in pools.entries):
        cells = []
        for scale in (SMALL, LARGE):
            for times in EPOCHS:
                runs = [run for run in ledger.where(candidate=f"{mixed}, {times:g} epochs") if _is(run, scale)]
                cells.append(f"{np.mean([run.metrics[METRIC] for run in runs]):.3f}")
        yield f"| {mixed} | {' | '.join(cells)} |"


def _is(run: Run, scale: str) -> bool:
    return run.scale is not None and run.scale.split("-")[0] == scale


def forms(fitted: Mapping[str, Any]) -> Iterator[str]:
    """How near each law comes."""
    yield from ("| law | fitted | held out | largest held out |", "|---|---|---|---|")
    for form in fitted["forms"]:
        errors = [form[name] for name in ("trained", "cross_validated", "extrapolated")]
        told = ["cannot be fitted" if error is None else f"{100 * error:.2f}%" for error in errors]
        yield f"| {form['law']} | {' | '.join(told)} |"
    for flag in fitted["flags"]:
        yield from ("", f"- {flag}")


if __name__ == "__main__":
    main()
