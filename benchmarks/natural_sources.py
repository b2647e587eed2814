"""Which of many natural sources does a meta-learned rater prefer, and what does its choice do to each?

``winnow run datarater`` on passages of ten sources in equal parts: news, textbooks, books, web pages, e-mail and its
spam, forum posts, chat, code, pages of other languages, medical answers. Nothing is spoiled. ``split`` holds out a
tenth of the pool, so that all sources count alike; ``textbooks`` holds out other textbooks alone. Told is what the
rater thinks of each source, its share before and after a choice, and bits per byte of models on each.

    python benchmarks/natural_sources.py [STUDY ...] [--steps N] [--tokens N] [--seeds N]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from corpora import write
from datarater import parts, sized, study
from environment import CACHE, write_results

from winnow.bench.rater import RaterResult
from winnow.bench.rater_study import RaterStudy
from winnow.choose.select import Select
from winnow.core.files import read_json
from winnow.core.plain import from_plain
from winnow.core.table import Store
from winnow.report.mixture import Shift, mixture_shift

WORK = CACHE / "natural_sources"
SOURCES = (
    "bbc_news",
    "openstax_textbooks",
    "gutenberg_books_en",
    "c4_sample",
    "enron1_spam_ham",
    "reddit_selfposts_2013",
    "nltk_webtext_chat",
    "mt_mbpp_code_17langs",
    "register_web_multilingual",
    "medquad_medical_qa",
)
MEGABYTES = 0.9
"""Of each."""
TARGET = "openstax_textbooks"
STUDIES = ("split", "textbooks")
DISCARD = 0.5
"""The choice whose mixture is told."""
NUM_VALIDATION = 60
"""Passages of each source that models are measured on."""


def write_sets(work: Path) -> dict[str, object]:
    """The files of a study; gives what the recipe is told of them."""
    sets = parts(dict.fromkeys(SOURCES, MEGABYTES))
    write(work / "pool.jsonl", sets["pool"])
    target = write(work / "heldout.jsonl", [one for one in sets["heldout"] if one["source"] == TARGET])
    validation = []
    for source in (TARGET, *(one for one in SOURCES if one != TARGET)):
        some = [one for one in sets["validation"] if one["source"] == source][:NUM_VALIDATION]
        validation.append(f"{source}={write(work / f'{source}.jsonl', some)}")
    return {"validation": validation, "heldout": "split" if work.name == "split" else target}


def mixture(work: Path) -> dict[str, Shift]:
    """Every source before the choice and after it."""
    recipe = from_plain(read_json(work / "out" / "recipe.json")["recipe"])
    assert isinstance(recipe, RaterStudy)
    (chosen,) = (rows for arm, rows in recipe.arms if arm.kind == "rater" and arm.discard == DISCARD)
    assert isinstance(chosen, Select)
    return {one.group: one for one in mixture_shift(chosen, Store(work / "store"))}


def told(result: RaterResult, work: Path) -> Iterator[str]:
    """What the study found, a source a line; bits per byte on all sources but the first are not adjusted for many."""
    learnt, shifts = result.learnt, mixture(work)
    (arm,) = (one.name for one in result.named("rater") if one.discard == DISCARD)
    yield f"{learnt.steps} meta-steps in {learnt.seconds / 60:.1f} minutes, {learnt.chunks:,} chunks, {learnt.backend}."
    yield f"Bits per byte are of models trained on the choice ({arm}), with 95% intervals; below zero it is better."
    yield from ("", "| source | median score | share before | after | less unfiltered | less a random half |")
    yield "|---|---|---|---|---|---|"
    medians = {one.source: one.quantiles[len(one.quantiles) // 2] for one in result.pool.sources}
    for source in sorted(medians, key=lambda name: -medians[name]):
        gaps = [result.gap(arm, other, result.scales[-1], metric_of(source, result)) for other in OTHERS]
        cells = [
            f"{one.value:+.3f} ({one.interval[0]:+.3f} to {one.interval[1]:+.3f})"
            for one in gaps
            if one and one.interval
        ]
        shift = shifts[source]
        shares = f"{shift.before.chars_fraction:.1%} | {shift.after.chars_fraction:.1%}"
        yield f"| {source} | {medians[source]:+.2f} | {shares} | {' | '.join(cells)} |"


OTHERS = ("unfiltered", "random 50%")


def metric_of(source: str, result: RaterResult) -> str:
    """The validation set's bits per byte."""
    return next(metric for metric in result.metrics if source in metric)


def main() -> None:
    parser = sized(argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]))
    parser.add_argument("studies", nargs="*", default=STUDIES, metavar="STUDY", help=", ".join(STUDIES))
    parser.set_defaults(steps=150, tokens=300_000)
    arguments = parser.parse_args()
    found: list[str] = []
    for name in arguments.studies:
        result = study(WORK / name, arguments, {**write_sets(WORK / name), "discard": [DISCARD, 0.75]})
        found += [f"## {name}", "", *told(result, WORK / name), ""]
    write_results("natural_sources", "\n".join(found))


if __name__ == "__main__":
    main()
