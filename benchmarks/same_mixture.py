"""What does a rater learn where the held-out text is as spoiled as its pool, which is the paper's own setting?

Passages of real English text, a share of them spoiled in the three ways that a clean held-out set finds (letters by
chance, other languages, encodings misread twice). A tenth of the pool is held out. How often an untouched passage that
was never read scores above a spoiled one is followed along meta-learning, for several shares of spoiled passages, sizes
of the held-out batch and of the inner models; with clean held-out text beside it.

    python benchmarks/same_mixture.py [SETTING ...]

What a setting gave is kept, so that several can be run at once; without names, all of them are told.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from corpora import Document, write
from datarater import LENGTH, SEEN, SPOILED, kinds, parts, spoil
from environment import CACHE, write_results

from winnow.core.executors import Inline
from winnow.core.files import read_json, write_json
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.documents.read import Read
from winnow.lm.encode import open_encoder
from winnow.lm.fit_tokenizer import FitTokenizer
from winnow.lm.tokenize import Tokenize
from winnow.lm.tokenizer import open_tokenizer
from winnow.measure.examples import auc
from winnow.rater.data_rater import document_scores, encoded_chunks
from winnow.rater.fit import FitDataRater
from winnow.rater.opened import OpenedRater

WORK = CACHE / "same_mixture"
EVERY = 20
"""Meta-steps between two looks."""
TOLD = (20, 60, 120, 300)
"""Meta-steps that the table shows."""


@dataclass(frozen=True)
class Setting:
    """What is other than at first: half of the pool spoiled, and a tenth of it held out."""

    share: float = SPOILED
    """Of the pool that is spoiled."""
    clean: bool = False
    """Whether the held-out text is."""
    steps: int = 120
    fields: dict[str, Any] = field(default_factory=dict)
    """Of ``FitDataRater``."""


SETTINGS = {
    "clean": Setting(clean=True),
    "half": Setting(steps=300),
    "tenth": Setting(share=0.1),
    "quarter": Setting(share=0.25),
    "three-quarters": Setting(share=0.75),
    "outer-128": Setting(fields={"heldout_batch_size": 128}),
    "inner-0.3M": Setting(fields={"inner": "0.3M"}),
}


def judged() -> list[Document]:
    """Passages that no rater reads, half of them spoiled."""
    ways = kinds()
    return list(spoil(parts()["validation"], {name: ways[name] for name in SEEN}, Random(2)))


def fitting_of(setting: Setting, work: Path) -> FitDataRater:
    """The step, its files written."""
    sets, ways = parts(), kinds()
    pool = spoil(sets["pool"], {name: ways[name] for name in SEEN}, Random(1), setting.share)
    read = Read(source=str(write(work / "pool.jsonl", pool)))
    tokenizer = FitTokenizer(documents=read, vocab_size=1024)
    heldout = Read(source=str(write(work / "heldout.jsonl", sets["heldout"])))
    return FitDataRater(
        documents=Tokenize(documents=read, tokenizer=tokenizer),
        heldout=Tokenize(documents=heldout, tokenizer=tokenizer) if setting.clean else "split",
        **{"steps": setting.steps, "length": LENGTH, "heldout_batch_size": 32, **setting.fields},
    )


def curve(setting: Setting, work: Path) -> Iterator[dict[str, Any]]:
    """Areas by kind, every so many meta-steps."""
    step, store, documents, device = (
        fitting_of(setting, work),
        Store(work / "store"),
        judged(),
        torch.device("cpu"),
    )
    for needed in step.inputs():
        materialize(needed, store, Inline())
    fitting, began = step.open(store, device), time.process_time()
    encoder = open_encoder(open_tokenizer(step.documents.tokenizer, store))
    opened = OpenedRater(fitting.rater.module, encoder, device)
    chunks = encoded_chunks(pa.array([one["text"] for one in documents]), opened)
    noise = np.array([one.get("noise", "") for one in documents])
    for number in range(1, setting.steps + 1):
        fitting.step(number - 1)
        if number % EVERY == 0:
            seconds = time.process_time() - began
            fitting.rater.load(fitting.eta)
            scores, *_ = document_scores(chunks, opened.scores(chunks), len(documents))
            yield {"step": number, "seconds": seconds, **areas(scores.to_numpy(), noise)}


def areas(scores: Any, noise: Any) -> dict[str, tuple[float, float, float]]:
    """Of each kind and of all, with their intervals."""
    found = {}
    for name in ("all", *SEEN):
        some = (noise == "") | (noise == name) | (name == "all")
        area = auc(scores[some], noise[some] == "")
        found[name] = (area.value, area.low, area.high)
    return found


def result_of(name: str) -> list[dict[str, Any]]:
    """A setting's curve, kept or made now."""
    path = WORK / f"{name}.json"
    if not path.exists():
        rows = []
        for row in curve(SETTINGS[name], WORK / name):
            rows.append(row)
            print(name, row["step"], f"{row['seconds']:.0f} s", f"{row['all'][0]:.3f}", flush=True)
        write_json(path, rows)
    found: list[dict[str, Any]] = read_json(path)
    return found


def lines() -> Iterator[str]:
    """Two tables: areas along meta-learning, and by kind at its end."""
    results = {name: {row["step"]: row for row in result_of(name)} for name in SETTINGS}
    yield from ("How often an untouched passage scores above a spoiled one, after so many meta-steps:", "")
    yield f"| setting | {' | '.join(map(str, TOLD))} | seconds of a meta-step |"
    yield f"|---|{'---|' * len(TOLD)}---|"
    for name, rows in results.items():
        cells = [span(rows[step]["all"]) if step in rows else "" for step in TOLD]
        yield f"| {name} | {' | '.join(cells)} | {rows[max(rows)]['seconds'] / max(rows):.1f} |"
    yield from ("", "By kind at the end:", "", f"| setting | {' | '.join(SEEN)} |", f"|---|{'---|' * len(SEEN)}")
    for name, rows in results.items():
        yield f"| {name} | {' | '.join(span(rows[max(rows)][kind]) for kind in SEEN)} |"


def span(area: tuple[float, float, float]) -> str:
    return f"{area[0]:.3f} ({area[1]:.3f} to {area[2]:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("settings", nargs="*", choices=[[], *SETTINGS], metavar="SETTING", help=", ".join(SETTINGS))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.settings:
        for name in arguments.settings:
            result_of(name)
    else:
        write_results("same_mixture", "\n".join(lines()))


if __name__ == "__main__":
    main()
