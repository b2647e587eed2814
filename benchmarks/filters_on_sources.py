"""Where do the field's filters put textbooks, forums, spam and code? Every score of ``compare_filters`` on 17 sources.

    python benchmarks/filters_on_sources.py

The pool is up to 300 documents of each source, drawn by their ids; what is fitted learns from up to 400 other textbook
and encyclopedia pages against the pool, as ``compare_filters`` does; BETR goes by MMLU's few-shot examples. A mean
quantile of 0.5 says that a score does not tell a source from the pool. The documents that each score puts lowest and
highest are listed; docs/scores.md comments on them. Takes five minutes of one core.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import zstandard
from environment import CACHE, DATA, write_results

from winnow import Inline, Store, materialize
from winnow.choose.comparison import Comparison
from winnow.choose.select import Select
from winnow.core.run import num_shards
from winnow.measure.examples import draw
from winnow.recipes.compare_filters import compare_filters
from winnow.report.look import look
from winnow.report.model import Scores
from winnow.report.scores import score_of, scores

PER_SOURCE = 300
WANTED = ("openstax_textbooks", "wikitext2_valid_test")
NUM_WANTED = 200
NUM_ENDS = 3
EXCERPT = 110
WORK = CACHE / "filters_on_sources"


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """The documents of a source, in the order of their draws."""
    found = []
    for path in sorted(folder.glob("*.jsonl.zst")):
        content = zstandard.ZstdDecompressor().stream_reader(path.read_bytes(), read_across_frames=True)
        found += [json.loads(line) for line in io.TextIOWrapper(content, "utf-8")]
    plain = [{"id": row["id"], "text": row["text"] or "", "source": folder.name} for row in found]
    return sorted(plain, key=lambda row: draw(row["id"], 0))


def write_pool() -> None:
    """The pool, and what is wanted, which is not in the pool."""
    pool: list[dict[str, Any]] = []
    wanted: list[dict[str, Any]] = []
    for folder in sorted(path for path in (DATA / "text").iterdir() if path.is_dir()):
        rows = rows_of(folder)
        number = min(NUM_WANTED, len(rows) // 2) if folder.name in WANTED else 0
        wanted += rows[:number]
        pool += rows[number:][:PER_SOURCE]
    for name, rows in (("pool", pool), ("wanted", wanted)):
        (WORK / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def sources_table(found: Scores) -> Iterator[str]:
    """The mean quantile of each source by each score, the highest mean of all first."""
    names = [one.name for one in found.scores]
    yield f"| source | documents | {' | '.join(names)} |"
    yield "|---|---|" + "---|" * len(names)
    order = sorted(found.sources, key=lambda one: -np.mean([q or 0 for q in one.mean_quantiles]))
    for one in order:
        cells = ["" if quantile is None else f"{quantile:.2f}" for quantile in one.mean_quantiles]
        yield f"| {one.source} | {one.documents} | {' | '.join(cells)} |"


def facts_table(found: Scores) -> Iterator[str]:
    """What else each score follows."""
    yield "| score | rank correlation with length | share of its order that sources explain | no score |"
    yield "|---|---|---|---|"
    for one in found.scores:
        length = "" if one.length_correlation is None else f"{one.length_correlation:+.2f}"
        share = "" if one.source_share is None else f"{100 * one.source_share:.0f}%"
        yield f"| {one.name} | {length} | {share} | {one.histogram.missing} |"


def square(found: Scores, rows: tuple[tuple[float | None, ...], ...]) -> Iterator[str]:
    """Numbers of every two scores."""
    names = [one.name for one in found.scores]
    yield f"| | {' | '.join(names)} |"
    yield "|---|" + "---|" * len(names)
    for name, row in zip(names, rows, strict=True):
        yield f"| {name} | {' | '.join('' if value is None else f'{value:.2f}' for value in row)} |"


def ends_table(choices: tuple[tuple[str, Select], ...], store: Store) -> Iterator[str]:
    """The documents that each score puts lowest and highest."""
    texts = {row["id"]: row for row in map(json.loads, (WORK / "pool.jsonl").read_text().splitlines())}
    yield "| score | | source | document | begins |"
    yield "|---|---|---|---|---|"
    for name, select in choices:
        expression = str(score_of(select))
        looks = [look(select, store, shard, [expression]) for shard in range(num_shards(select, store))]
        placed = [pair for one in looks for pair in zip(one.numbers(expression), one.ids, strict=True)]
        ordered = sorted(pair for pair in placed if not np.isnan(pair[0]))
        for end, ids in (("lowest", ordered[:NUM_ENDS]), ("highest", ordered[: -NUM_ENDS - 1 : -1])):
            for value, id in ids:
                begins = " ".join(texts[id]["text"][:EXCERPT].split()).replace("|", "\\|")
                yield f"| {name} | {end}, {value:.3g} | {texts[id]['source']} | {id} | {begins} |"


def main() -> None:
    """Score, compare, write the tables."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    write_pool()
    benchmarks = (str(DATA / "eval_tasks" / "mmlu" / "dev.jsonl.zst"),)
    step = compare_filters(str(WORK / "pool.jsonl"), str(WORK / "wanted.jsonl"), benchmarks=benchmarks)
    assert isinstance(step, Comparison)
    materialize(step, WORK / "store", Inline())
    store = Store(WORK / "store")
    found = scores(step.choices, store)
    assert found is not None
    parts = (
        ("Mean quantile of each source", sources_table(found)),
        ("What else a score follows", facts_table(found)),
        ("Rank correlation", square(found, found.correlations)),
        ("Agreement at the top tenth", square(found, found.agreements)),
        ("Lowest and highest documents", ends_table(step.choices, store)),
    )
    told = "\n\n".join(f"## {title}\n\n" + "\n".join(rows) for title, rows in parts)
    write_results("filters_on_sources", f"{found.drawn:,} documents.\n\n{told}")


if __name__ == "__main__":
    main()
