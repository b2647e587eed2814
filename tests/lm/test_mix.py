from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from token_tables import GivenTokens
from toys import Letters

from winnow.core.errors import InputError, RecipeError
from winnow.core.executors import Processes
from winnow.core.run import fresh, materialize
from winnow.core.step import Whole
from winnow.core.table import Store
from winnow.lm.mix import Mix
from winnow.lm.shares import Advised, Epochs, Proportional, Shares, Temperature, Weights
from winnow.lm.tokenize import Tokenize


def source(name: str, num_documents: int, length: int = 10) -> tuple[str, GivenTokens]:
    """So many documents of so many tokens, in two shards."""
    documents = tuple((number % 200,) * length for number in range(num_documents))
    half = num_documents // 2
    return name, GivenTokens(name=name, shards=(documents[:half], documents[half:]))


BIG, SMALL = source("big", 80), source("small", 20)


def about(mix: Mix, store: Path) -> dict[str, Any]:
    return dict(json.loads((materialize(mix, store) / "files" / "mix.json").read_text()))


def drawn(mix: Mix, store: Path) -> dict[str, int]:
    return {one["name"]: one["num_tokens"] for one in about(mix, store)["sources"]}


def test_without_a_length_it_is_one_epoch_of_everything(tmp_path: Path) -> None:
    found = about(Mix(sources=(BIG, SMALL)), tmp_path)
    totals = {name: found[name] for name in ("num_tokens", "unique_tokens", "epochs", "num_bytes", "vocab_size")}
    assert totals == {
        "num_tokens": 1000,
        "unique_tokens": 1000,
        "epochs": 1.0,
        "num_bytes": 10_000,
        "vocab_size": 257,
    }
    assert found["sources"][1] == {
        "name": "small",
        "num_tokens": 200,
        "unique_tokens": 200,
        "num_bytes": 2000,
        "epochs": 1.0,
    }


@pytest.mark.parametrize(
    ("shares", "num_tokens", "expected"),
    [
        (Proportional(), 500, {"big": 400, "small": 100}),
        (Proportional(), 3000, {"big": 2400, "small": 600}),
        (Temperature(1), 500, {"big": 400, "small": 100}),
        (Temperature(2), 900, {"big": 600, "small": 300}),  # square roots of 4 and 1: two to one
        (Temperature(1e-3), 500, {"big": 500, "small": 0}),  # 4 to the power 1000: the largest alone
        (Temperature(1e9), 500, {"big": 250, "small": 250}),
        (Weights((("small", 3), ("big", 1))), 1001, {"big": 250, "small": 751}),
        (Weights((("small", 3), ("big", 1))), None, {"big": 250, "small": 750}),
        (Weights((("big", 1), ("small", 0))), 70, {"big": 70, "small": 0}),
        (Epochs((("big", 1), ("small", 4))), None, {"big": 800, "small": 800}),
        (Epochs((("big", 0.5), ("small", 2.25))), None, {"big": 400, "small": 450}),
        (Epochs((("big", 0), ("small", 1))), None, {"big": 0, "small": 200}),
        (Epochs((("big", 1), ("small", 4))), 1600, {"big": 800, "small": 800}),
        (Epochs((("big", 1), ("small", 4))), 9999, {"big": 800, "small": 800}),
    ],
)
def test_shares(tmp_path: Path, shares: Shares, num_tokens: int | None, expected: dict[str, int]) -> None:
    assert drawn(Mix(sources=(BIG, SMALL), shares=shares, num_tokens=num_tokens), tmp_path) == expected


def test_repeats_are_counted_by_source_and_in_total(tmp_path: Path) -> None:
    shares = Weights((("big", 1), ("small", 1)))
    found = about(Mix(sources=(BIG, SMALL), shares=shares, num_tokens=1205), tmp_path)
    assert [(one["num_tokens"], one["unique_tokens"], one["epochs"]) for one in found["sources"]] == [
        (603, 603, 603 / 800),
        (602, 200, 3.01),
    ]
    assert (found["unique_tokens"], found["epochs"]) == (803, 1205 / 803)
    assert found["num_bytes"] == 10 * 1205  # every token stands for ten, cut documents give their share


def test_where_epochs_ask_for_more_than_there_may_be_the_sources_are_cut_and_repeated_as_often(tmp_path: Path) -> None:
    mix = Mix(sources=(BIG, SMALL), shares=Epochs((("big", 2), ("small", 16))), num_tokens=1200)
    found = about(mix, tmp_path)
    assert found["sources"] == [  # a quarter of each, in documents of ten tokens
        {"name": "big", "num_tokens": 400, "unique_tokens": 200, "num_bytes": 4000, "epochs": 2.0},
        {"name": "small", "num_tokens": 800, "unique_tokens": 50, "num_bytes": 8000, "epochs": 16.0},
    ]
    order = np.load(materialize(mix, tmp_path) / "files" / "documents.npy")
    numbers, times = np.unique(order, return_counts=True)
    assert (times == np.where(numbers < 80, 2, 16)).all() and len(numbers) == 25
    other = materialize(Mix(sources=(BIG, SMALL), shares=mix.shares, num_tokens=1200, seed=1), tmp_path)
    assert set(np.load(other / "files" / "documents.npy")) != set(order)


def test_of_a_source_that_is_cut_one_document_is_left(tmp_path: Path) -> None:
    found = about(Mix(sources=(SMALL,), shares=Epochs((("small", 3),)), num_tokens=5), tmp_path)
    assert found["sources"][0]["num_tokens"] == 30 and found["unique_tokens"] == 10


@dataclass(frozen=True, kw_only=True)
class Advisor(Whole):
    """Writes weights."""

    text: str

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        (directory / "weights.json").write_text(self.text)
        return {}


def test_an_advisor_is_a_file_or_a_step(tmp_path: Path) -> None:
    written = tmp_path / "advice.json"
    written.write_text('{"small": 1, "big": 1}')
    mix = Mix(sources=(BIG, SMALL), shares=Advised(str(written)), num_tokens=100)
    assert drawn(mix, tmp_path) == {"big": 50, "small": 50}
    written.write_text('{"small": 0, "big": 2.5}')
    assert not fresh(mix, Store(tmp_path))
    assert drawn(mix, tmp_path) == {"big": 100, "small": 0}
    step = Advisor(text='{"small": 9, "big": 1}')
    assert drawn(Mix(sources=(BIG, SMALL), shares=Advised(step), num_tokens=100), tmp_path) == {"big": 10, "small": 90}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"small": 1}', r"say nothing of big: give each source a number"),
        ('{"small": 1, "big": 1, "smal": 1}', r"name 'smal', which is no source; did you mean small\?"),
        ('{"small": -1, "big": 1}', r"hold -1 for small; give a finite number"),
        ('{"small": "much", "big": 1}', r"hold 'much' for small"),
        ("[1, 2]", r"holds a list; an advisor writes"),
        ("{", r"weights cannot be read from .*advice.json"),
    ],
)
def test_advice_that_does_not_fit_is_an_error(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "advice.json").write_text(text)
    with pytest.raises(InputError, match=complaint):
        materialize(Mix(sources=(BIG, SMALL), shares=Advised(str(tmp_path / "advice.json"))), tmp_path)


@pytest.mark.parametrize(
    ("mix", "complaint"),
    [
        (Mix(sources=()), r"a mix has no sources"),
        (Mix(sources=(BIG, ("big", SMALL[1]))), r"big, big repeat a name or a table"),
        (Mix(sources=(BIG, ("other", BIG[1]))), r"big, other repeat a name or a table"),
        (Mix(sources=(BIG,), num_tokens=0), r"num_tokens is 0"),
        (Mix(sources=(BIG,), max_epochs=0), r"max_epochs is 0"),
        (Mix(sources=(BIG,), shares=Temperature(0)), r"the temperature is 0; it must be a number above 0"),
        (Mix(sources=(BIG,), shares=Weights((("bug", 1),))), r"name 'bug', which is no source; did you mean big\?"),
        (Mix(sources=(BIG, SMALL), shares=Weights((("big", 1),))), r"weights say nothing of small"),
        (Mix(sources=(BIG,), shares=Weights((("big", -1),))), r"weights hold -1 for big"),
        (Mix(sources=(BIG,), shares=Weights((("big", float("nan")),))), r"weights hold nan for big"),
        (Mix(sources=(BIG,), shares=Weights((("big", 0),))), r"weights are all 0"),
        (Mix(sources=(BIG,), shares=Epochs((("big", -2),))), r"epochs hold -2 for big"),
    ],
)
def test_what_makes_no_stream_is_refused_before_anything_runs(mix: Mix, complaint: str) -> None:
    with pytest.raises(RecipeError, match=complaint):
        mix.check()


def test_sources_by_different_tokenizers_are_refused() -> None:
    other = Tokenize(documents=Letters(), tokenizer="gpt2")
    with pytest.raises(RecipeError, match=r"big and other have different tokenizers \(bytes and gpt2\)"):
        Mix(sources=(BIG, ("other", other))).check()


def test_a_source_without_tokens_is_an_error(tmp_path: Path) -> None:
    empty = GivenTokens(name="empty", shards=((), ()))
    with pytest.raises(InputError, match="nothing holds no tokens: leave it out"):
        materialize(Mix(sources=(BIG, ("nothing", empty))), tmp_path)


def test_more_epochs_than_allowed_are_an_error(tmp_path: Path) -> None:
    shares = Weights((("big", 1), ("small", 1)))
    with pytest.raises(InputError, match=r"1000 tokens take 2\.50 epochs of small \(200 tokens\), and max_epochs is 2"):
        materialize(Mix(sources=(BIG, SMALL), shares=shares, num_tokens=1000, max_epochs=2), tmp_path)
    materialize(Mix(sources=(BIG, SMALL), shares=shares, num_tokens=800, max_epochs=2), tmp_path)


def test_the_files_are_the_same_for_the_same_seed_and_any_workers(tmp_path: Path) -> None:
    mix = Mix(sources=(BIG, SMALL), num_tokens=1500, seed=7)
    digests = []
    for number, executor in enumerate((None, None, Processes(2))):
        materialize(mix, tmp_path / str(number), executor)
        digests.append(Store(tmp_path / str(number)).table(mix).manifest.digest)
    assert digests[0] == digests[1] == digests[2]
    other = Mix(sources=(BIG, SMALL), num_tokens=1500, seed=8)
    materialize(other, tmp_path / "0")
    assert Store(tmp_path / "0").table(other).manifest.digest != digests[0]


def test_a_dataset_is_what_is_drawn_how_often_not_in_which_order(tmp_path: Path) -> None:
    def dataset(*sources: tuple[str, GivenTokens], seed: int = 0, num_tokens: int | None = None) -> Any:
        return about(Mix(sources=sources, seed=seed, num_tokens=num_tokens), tmp_path)["dataset"]

    first = dataset(BIG, SMALL)
    assert dataset(BIG, SMALL, seed=5) == dataset(SMALL, BIG) == dataset(("renamed", BIG[1]), SMALL) == first
    assert dataset(BIG, SMALL, num_tokens=2000) != first != dataset(BIG)
