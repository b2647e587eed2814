"""A rater that is learnt from real text, half of it spoiled: a miniature of ``benchmarks/datarater.py``."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from string import printable

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("torch")

from winnow import DataRater, FitDataRater, FitTokenizer, Read, Tokenize, materialize
from winnow.audit.noise import NOISE
from winnow.measure.examples import auc

Texts = Callable[[str, int], list[str]]
PASSAGE = 200
"""Characters."""


def passages(texts: Sequence[str]) -> list[str]:
    """Four of each text, in an order by chance."""
    starts = range(0, 4 * PASSAGE, PASSAGE)
    found = [text[start : start + PASSAGE] for text in texts for start in starts if start + PASSAGE <= len(text)]
    Random(0).shuffle(found)
    return found


def spoiled(clean: Sequence[str], foreign: Sequence[str], chance: Random) -> list[tuple[str, str]]:
    """Kind and text of passages; half of them are as they were."""

    def letters(text: str) -> str:
        return "".join(chance.choice(printable[:94]) if chance.random() < 0.3 else one for one in text)

    ways: dict[str, Callable[[str], str]] = {
        "letters by chance": letters,
        "other languages": lambda _: chance.choice(foreign),
        "words shuffled": lambda text: NOISE["words shuffled"](text, chance),
    }
    kinds = [chance.choice([*ways, *[""] * len(ways)]) for _ in clean]
    return [(kind, ways[kind](text) if kind else text) for kind, text in zip(kinds, clean, strict=True)]


def write(path: Path, texts: Sequence[str]) -> Read:
    path.write_text(
        "".join(json.dumps({"id": f"{path.stem}-{i}", "text": text}) + "\n" for i, text in enumerate(texts))
    )
    return Read(source=str(path))


@pytest.fixture(scope="module")
def areas(tmp_path_factory: pytest.TempPathFactory, real_texts: Texts) -> dict[str, float]:
    """How often a passage as it was scores above a spoiled one, none of them read by the rater, by kind."""
    directory, chance = tmp_path_factory.mktemp("spoiled"), Random(1)
    clean = passages([*real_texts("bbc_news", 1000), *real_texts("gutenberg_books_en", 400)])
    foreign = passages(real_texts("gutenberg_books_fr_es", 320))
    pool = write(directory / "pool.jsonl", [text for _, text in spoiled(clean[:3000], foreign, chance)])
    heldout = write(directory / "heldout.jsonl", clean[3000:4000])
    tokenizer = FitTokenizer(documents=pool, vocab_size=512)
    tokens, good = (Tokenize(documents=rows, tokenizer=tokenizer) for rows in (pool, heldout))
    rater = FitDataRater(
        documents=tokens, heldout=good, steps=40, inner="0.1M", length=96, batch_size=16, heldout_batch_size=16
    )
    made = materialize(rater, str(directory / "store"))
    judged = spoiled(clean[4000:4800], foreign, chance)
    kinds = np.array([kind for kind, _ in judged])
    rows = pa.RecordBatch.from_pydict({"text": [text for _, text in judged]})
    scores = DataRater(model=str(made)).load()(rows).column("score").to_numpy()
    return {
        kind: auc(scores[(kinds == "") | (kinds == kind)], kinds[(kinds == "") | (kinds == kind)] == "").value
        for kind in {*kinds.tolist()} - {""}
    }


@pytest.mark.parametrize("kind", ["letters by chance", "other languages"])
def test_what_a_small_model_feels_is_rated_low(areas: dict[str, float], kind: str) -> None:
    assert areas[kind] > 0.95


def test_the_order_of_words_is_not_felt(areas: dict[str, float]) -> None:
    assert areas["words shuffled"] == pytest.approx(0.5, abs=0.15)
