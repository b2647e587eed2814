from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import bloom_run
import numpy as np
import pyarrow as pa
import pytest
import toys
from bloom_run import prose
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Given, rows_of

from winnow.choose.rules import RuleSet
from winnow.choose.select import Select
from winnow.core import shuffle
from winnow.core.errors import RecipeError
from winnow.core.executors import Processes
from winnow.core.files import read_json
from winnow.core.run import materialize
from winnow.core.shuffle import num_partitions, scattered_into
from winnow.core.table import Store
from winnow.dedup import bloom_pass
from winnow.dedup.bloom import BloomDuplicates, bloom_duplicates
from winnow.dedup.bloom_pass import BloomPass
from winnow.kernels.bloom_reference import look_up
from winnow.kernels.passages import hash_strings

LINE = "the quick brown fox jumps over the lazy dog"


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


@settings(max_examples=8)
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


@settings(max_examples=15)
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
    for module, name, value in bloom_run.SMALL:
        monkeypatch.setattr(module, name, value)
    found = bloom_run.found()
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


def start(store: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(Path(toys.__file__).parent)}
    return subprocess.Popen([sys.executable, bloom_run.__file__, store], env=environment)


def partitions_done(store: Path) -> int:
    """How far the pass is by its last checkpoint; -1 before the first."""
    found = list(store.glob("bloompass-*/checkpoint/progress.json"))
    return int(read_json(found[0])["partition"]) if found else -1


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_process_killed_in_the_middle_of_the_pass_leaves_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, met = large(monkeypatch)
    materialize(found, tmp_path / "whole")
    reached = 0
    for pause in (0.0, 0.2):  # the second one while a checkpoint is written
        run = start(tmp_path / "killed")
        while run.poll() is None and partitions_done(tmp_path / "killed") < reached + 2:
            time.sleep(0.005)
        time.sleep(pause)
        run.kill()
        assert run.wait() == -signal.SIGKILL
        reached = partitions_done(tmp_path / "killed")
    assert 4 <= reached < scattered_into(met.ngrams, Store(tmp_path / "killed"))
    materialize(found, tmp_path / "killed")
    for step in (met, found):
        whole, killed = (
            {path.name: path.read_bytes() for path in Store(tmp_path / name).directory(step).glob("shards/*.parquet")}
            for name in ("whole", "killed")
        )
        assert whole == killed
    assert not (Store(tmp_path / "killed").directory(met) / "checkpoint").exists()


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
    hashed = {path: path.stat().st_ino for path in tmp_path.glob("scatteredngrams-*/shards/*")}
    judged(step, tmp_path, max_bytes=2560, false_positive_rate=0.01)
    assert hashed and hashed == {path: path.stat().st_ino for path in tmp_path.glob("scatteredngrams-*/shards/*")}


@pytest.mark.parametrize("unit", ["paragraph+document", "document"])
def test_the_filter_is_sized_by_the_ngrams_of_all_documents(tmp_path: Path, unit: str) -> None:
    texts = [prose(seed, num_lines=3) for seed in range(9)] + ["", "too short"]
    found = bloom_duplicates(one_shard(*texts), ngram=5, unit=unit)  # type: ignore[arg-type]
    materialize(found, tmp_path)
    (part,) = found.found.split(Store(tmp_path))
    by_line = unit != "document"
    expected = sum(
        one.num_ngrams for text in texts for one in look_up([text], size=5, shortest=5, threshold=1, by_line=by_line)[0]
    )
    assert part["num_ngrams"] == expected == sum(row["num_ngrams"] for row in rows_of(found, tmp_path))


def test_a_selection_takes_as_many_partitions_as_what_it_was_chosen_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shuffle, "PARTITION_BYTES", 1 << 10)
    documents = one_shard(*map(prose, range(60)))
    text_bytes = sum(len(prose(seed)) for seed in range(60))
    few = Select(
        documents=documents, reject=RuleSet(name="few", source="", measures=(), rules=(("many", "id != 'd0'"),))
    )
    for step in (documents, few):
        found = bloom_duplicates(step, ngram=3)
        materialize(found, tmp_path)
        assert scattered_into(found.found.ngrams, Store(tmp_path)) == num_partitions(text_bytes * 2 // 4)


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
