from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Given, rows_of

from winnow.core import shuffle
from winnow.core.errors import RecipeError
from winnow.core.executors import Processes
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.dedup import bloom_pass
from winnow.dedup.bloom import BloomDuplicates, bloom_duplicates
from winnow.dedup.bloom_pass import BloomPass
from winnow.kernels.bloom_reference import look_up
from winnow.kernels.passages import hash_strings

LINE = "the quick brown fox jumps over the lazy dog"
WORDS = [f"w{number}" for number in range(40)]


def prose(seed: int, num_lines: int = 4) -> str:
    chance = random.Random(seed)
    return "\n".join(" ".join(chance.choices(WORDS, k=12)) for _ in range(num_lines))


def judged(step: Given, store: Path, **options: object) -> dict[str, dict[str, object]]:
    found = bloom_duplicates(step, **{"ngram": 3, "false_positive_rate": 1e-6} | options)  # type: ignore[arg-type]
    materialize(found, store)
    return {row.pop("id"): row for row in rows_of(found, store)}


def one_shard(*texts: str | None) -> Given:
    return Given(shards=(tuple((f"d{number}", text) for number, text in enumerate(texts)),))


def test_what_stood_in_a_document_before_is_a_duplicate(tmp_path: Path) -> None:
    rows = judged(one_shard(f"{LINE}\nmy own words here", f"{LINE}\nother things I say"), tmp_path)
    first, second = sorted(rows.values(), key=lambda row: row["duplicate_fraction"])  # type: ignore[arg-type,return-value]
    assert first == {
        "num_ngrams": 9,
        "duplicate_fraction": 0.0,
        "is_duplicate": False,
        "duplicate_spans": [],
        "quarantined": False,
    }
    assert second["duplicate_spans"] == [{"start": 0, "end": len(LINE)}]
    assert second["duplicate_fraction"] == 7 / 9
    assert not second["is_duplicate"]


def test_a_document_most_of_whose_ngrams_were_met_is_a_duplicate_as_a_whole(tmp_path: Path) -> None:
    documents = one_shard(LINE, LINE + "\nshort")
    assert sum(row["is_duplicate"] for row in judged(documents, tmp_path / "1").values()) == 1  # type: ignore[misc]
    rows = judged(documents, tmp_path / "2", unit="paragraph")
    assert not any(row["is_duplicate"] for row in rows.values())
    assert sum(len(row["duplicate_spans"]) for row in rows.values()) == 1  # type: ignore[arg-type,misc]


def test_as_a_unit_a_document_is_one_span(tmp_path: Path) -> None:
    text = "one two\nthree four\nfive six"
    rows = judged(one_shard(text, text), tmp_path, unit="document")
    assert sorted(str(row["duplicate_spans"]) for row in rows.values()) == [
        "[]",
        f"[{{'start': 0, 'end': {len(text)}}}]",
    ]


def test_short_paragraphs_are_left_alone_unless_asked_for(tmp_path: Path) -> None:
    documents = one_shard("two words\ntwo words\nthree words here\nthree words here")
    assert judged(documents, tmp_path / "1")["d0"]["duplicate_spans"] == [{"start": 36, "end": 53}]
    spans = judged(documents, tmp_path / "2", min_ngram=1)["d0"]["duplicate_spans"]
    assert spans == [{"start": 9, "end": 19}, {"start": 36, "end": 53}]


def test_texts_without_ngrams_are_no_duplicates(tmp_path: Path) -> None:
    rows = judged(one_shard("", None, "\n\n\n", "a", "a"), tmp_path)
    assert all(row["num_ngrams"] == 0 and not row["is_duplicate"] for row in rows.values())
    assert all(row["duplicate_fraction"] == 0.0 and row["duplicate_spans"] == [] for row in rows.values())


@settings(deadline=None, max_examples=8)
@given(st.lists(st.integers(0, 6).map(prose), max_size=8), st.integers(1, 3), st.randoms())
def test_neither_the_order_nor_the_shards_of_documents_decide(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], num_shards: int, chance: random.Random
) -> None:
    rows = [(f"id {number}", text) for number, text in enumerate(texts)]
    mixed = chance.sample(rows, len(rows))
    shards = tuple(tuple(mixed[shard::num_shards]) for shard in range(num_shards))
    store = tmp_path_factory.mktemp("store")
    found = judged(Given(shards=shards), store)
    assert found == judged(Given(shards=(tuple(rows),)), store)


@settings(deadline=None, max_examples=15)
@given(st.lists(st.lists(st.sampled_from([LINE, "a b c", "a b", "c d e f", ""])).map("\n".join), max_size=6))
def test_documents_are_met_in_the_order_of_the_hashes_of_their_ids(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    rows = judged(one_shard(*texts), tmp_path_factory.mktemp("store"), seed=7)
    order = np.argsort(hash_strings(pa.array(list(rows), pa.string()), 7))
    found = look_up([texts[place] for place in order], size=3, shortest=3, threshold=0.8)
    for place, paragraphs in zip(order, found, strict=True):
        row = rows[f"d{place}"]
        repeats = [one for one in paragraphs if one.num_seen / one.num_ngrams > 0.8]
        assert row["duplicate_spans"] == [{"start": one.start, "end": one.end} for one in repeats]
        seen, all_ = sum(one.num_seen for one in paragraphs), sum(one.num_ngrams for one in paragraphs)
        assert (row["num_ngrams"], row["duplicate_fraction"]) == (all_, seen / all_ if all_ else 0.0)
        assert row["is_duplicate"] == (all_ > 0 and seen / all_ > 0.8)


def large(monkeypatch: pytest.MonkeyPatch) -> tuple[BloomDuplicates, BloomPass]:
    """A pass of several partitions that rolls and leaves a checkpoint after each."""
    monkeypatch.setattr(shuffle, "PARTITION_BYTES", 1 << 10)
    monkeypatch.setattr(bloom_pass, "HELD_BYTES", 1)
    monkeypatch.setattr(bloom_pass, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(bloom_pass, "CHECKPOINT_SHARE", 1e9)
    rows = [(f"{number}", prose(number % 70)) for number in range(100)]
    found = bloom_duplicates(Given(shards=(tuple(rows[:30]), tuple(rows[30:]))), ngram=3)
    assert isinstance(found.found, BloomPass)
    return found, found.found


@pytest.mark.parametrize("place", ["disk", "memory://killed-bloom"])
def test_a_pass_that_is_killed_goes_on_from_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    found, met = large(monkeypatch)
    killed = place if "://" in place else str(tmp_path / place)
    materialize(found, tmp_path / "whole")
    gathered, stop = [], [3]

    def gather(step: object, store: Store, partition: int) -> object:
        if partition in stop:
            raise KeyboardInterrupt
        gathered.append(partition)
        return shuffle.gather(met.ngrams, store, partition)

    monkeypatch.setattr(bloom_pass, "gather", gather)
    for partition in (3, 4):
        stop[0] = partition
        with pytest.raises(KeyboardInterrupt):
            materialize(found, killed)
    stop.clear()
    materialize(found, killed)
    assert gathered == list(range(len(gathered))) and len(gathered) >= 8
    for step in (met, found):
        assert Store(killed).table(step).manifest.digest == Store(tmp_path / "whole").table(step).manifest.digest
    assert not (Store(killed).directory(met) / "checkpoint").exists()


def test_workers_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = large(monkeypatch)
    materialize(found, tmp_path / "inline")
    materialize(found, tmp_path / "processes", Processes(2))
    inline, processes = (rows_of(found, tmp_path / name) for name in ("inline", "processes"))
    assert inline == processes


def test_a_filter_that_does_not_fit_is_refused_with_what_it_takes(tmp_path: Path) -> None:
    step = one_shard(*map(prose, range(50)))
    with pytest.raises(
        RecipeError, match=r"2,000 n-grams .* 0.01 takes 2,560 bytes, and 1,000 are allowed: .* 3 or more"
    ):
        judged(step, tmp_path, max_bytes=1000, false_positive_rate=0.01)
    assert not list(tmp_path.glob("scatteredngrams-*"))  # nothing large was written


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"unit": "sentence"}, "unit='sentence' is not known"),
        ({"threshold": 1.5}, "threshold=1.5"),
        ({"false_positive_rate": 0.0}, "false_positive_rate=0.0"),
        ({"ngram": 3, "min_ngram": 4}, "1 <= min_ngram <= ngram"),
        ({"ngram": 0}, "1 <= min_ngram <= ngram"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path: Path, options: dict[str, object], complaint: str) -> None:
    with pytest.raises(RecipeError, match=complaint):
        judged(one_shard("text"), tmp_path, **options)
