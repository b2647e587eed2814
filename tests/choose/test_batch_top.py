"""DataRater's two filters: the best of every batch, and every document on its own with the same chance."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from math import ceil, comb
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Given, Length, Letters

from winnow.choose.rank import RANKED, Accept, BatchTop, Rank, Top, acceptance, batch_size
from winnow.choose.rules import RuleSet
from winnow.choose.select import Select
from winnow.core.database import connect
from winnow.core.errors import RecipeError
from winnow.core.executors import Processes
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.documents.read import Read
from winnow.measure.function import Function
from winnow.measure.text import Text

DISCARDED = ("0.1", "0.25", "0.5", "0.75", "0.9")
LETTERS = Letters(tasks=4, size=250)
LENGTH = Length(documents=LETTERS)
BOTH = pytest.mark.parametrize("rank", [BatchTop, Accept])


def kept(step: Select, store: Path) -> list[str]:
    """Ids that are read through the selection."""
    materialize(step, store, failure_budget=1.0)
    shards = range(len(Store(store).table(step).manifest.shards))
    return [id for n in shards for batch in step.open_shard(Store(store), n, ["id"]) for id in batch["id"].to_pylist()]


def chosen(rank: Rank, keys: Sequence[float]) -> list[int]:
    """The places that a rank keeps of documents ``d0``, ``d1``... of weight 1."""
    connection = connect()
    ties = [tie_of(f"d{n}") for n in range(len(keys))]
    rows = pa.table({"place": range(len(keys)), "key": np.array(keys, float), "tie": ties})
    connection.register("rows", rows)
    connection.execute(f"CREATE TEMP TABLE ranked ({RANKED})")
    connection.execute("INSERT INTO ranked SELECT *, 1, '' FROM rows")
    return sorted(int(place) for places in rank.choose(connection) for place in places)


def tie_of(id: str) -> str:
    return hashlib.md5(id.encode()).hexdigest()


def chance(id: str, salt: str) -> int:
    """The last 8 bytes of the MD5 of a document's hash and a salt, as DuckDB reads them."""
    return int.from_bytes(hashlib.md5(f"{tie_of(id)}:{salt}".encode()).digest()[8:], "little")


def best_of_batches(scores: Sequence[float], keep: int, batch: int, seed: int) -> list[int]:
    """What ``BatchTop`` keeps, told plainly."""
    order = sorted(range(len(scores)), key=lambda n: chance(f"d{n}", f"batch:{seed}"))
    found: list[int] = []
    for start in range(0, len(order), batch):
        members = sorted(order[start : start + batch], key=lambda n: (-scores[n], tie_of(f"d{n}")))
        found += members[: ceil(Fraction(keep * len(members), batch))]
    return sorted(found)


def in_full(below: Fraction, keep: int, batch: int) -> Fraction:
    """The paper's sum, in exact fractions."""
    terms = (comb(batch - 1, s) * (1 - below) ** s * below ** (batch - 1 - s) for s in range(keep))
    return sum(terms, Fraction(0))


@pytest.mark.parametrize("discarded", DISCARDED)
def test_a_batch_is_what_is_kept_over_the_share_in_exact_arithmetic(discarded: str) -> None:
    share = 1 - Fraction(discarded)
    for size in (*range(1, 300), 512, 1000, 1024, 10**6):
        exact = ceil(size / share)
        assert batch_size(size, 1 - float(discarded)) == batch_size(size, float(share)) == exact
    assert [batch_size(128, 1 - float(one)) for one in DISCARDED] == [143, 171, 256, 512, 1280]


@settings(max_examples=40)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.sampled_from([0.1, 0.3, 0.5, 0.9]), st.integers(1, 7))
def test_of_every_batch_the_best_are_kept(scores: list[int], fraction: float, keep: int) -> None:
    found = chosen(BatchTop("x", fraction, kept=keep, seed=3), [-score for score in scores])
    assert found == best_of_batches(scores, keep, batch_size(keep, fraction), seed=3)


@settings(max_examples=40)
@given(st.data(), st.integers(1, 60))
def test_the_acceptance_is_the_papers_sum(data: st.DataObject, batch: int) -> None:
    keep = data.draw(st.integers(1, batch))
    below = [Fraction(n, 16) for n in range(17)]
    wanted = [float(in_full(p, keep, batch)) for p in below]
    assert acceptance(np.array(below, float), keep, batch) == pytest.approx(wanted, abs=1e-12)


def test_the_acceptance_of_one_and_of_all_but_one_has_a_closed_form() -> None:
    p = np.linspace(0, 1, 101)
    assert acceptance(p, 1, 10) == pytest.approx(p**9, abs=1e-13)
    assert acceptance(p, 9, 10) == pytest.approx(1 - (1 - p) ** 9, abs=1e-13)
    assert acceptance(p, 10, 10).tolist() == [1.0] * 101


@pytest.mark.parametrize("discarded", DISCARDED)
def test_documents_are_accepted_in_the_share_that_a_batch_keeps(discarded: str) -> None:
    keep, batch = 32, batch_size(32, 1 - float(discarded))
    places = (np.arange(20_000) + 0.5) / 20_000
    assert acceptance(places, keep, batch).mean() == pytest.approx(keep / batch, abs=1e-6)


def test_the_acceptance_is_how_often_a_batch_keeps_a_document() -> None:
    """Batches drawn at random around a document of each quantile, 20,000 of them; four standard errors."""
    random = np.random.default_rng(0)
    for keep, batch in ((1, 2), (3, 12), (16, 32), (9, 10)):
        for below in (0.1, 0.5, 0.8, 0.95):
            better = (random.random((20_000, batch - 1)) > below).sum(axis=1)
            expected = acceptance(np.array([below]), keep, batch)[0]
            assert (better < keep).mean() == pytest.approx(expected, abs=4 * np.sqrt(0.25 / 20_000))


def test_over_seeds_both_filters_keep_each_document_equally_often() -> None:
    keys, seeds = [float(n) for n in range(240)], range(100)
    often = [
        Counter(n for seed in seeds for n in chosen(rank("x", 0.25, kept=4, seed=seed), keys))
        for rank in (BatchTop, Accept)
    ]
    tenths = [
        [sum(one[n] for n in range(start, start + 24)) / (24 * 100) for start in range(0, 240, 24)] for one in often
    ]
    assert tenths[0] == pytest.approx(tenths[1], abs=0.04)
    assert tenths[0][0] > 0.95 and tenths[0][-1] < 0.01


def test_accepted_is_who_has_a_hash_below_the_acceptance_of_its_place() -> None:
    keys = [float(n * n) for n in range(97)]
    below = 1 - (np.arange(97) + 0.5) / 97
    uniform = [((chance(f"d{n}", "accept:5") >> 12) + 0.5) / 2**52 for n in range(97)]
    wanted = np.flatnonzero(uniform < acceptance(below, 8, 16))
    assert chosen(Accept("x", 0.5, kept=8, seed=5), keys) == wanted.tolist()


def test_a_large_batch_is_the_top_and_a_small_one_keeps_more_of_the_rest(tmp_path: Path) -> None:
    top = set(kept(Select(documents=LETTERS, measures=(LENGTH,), keep=Top("length.length", 0.2)), tmp_path))
    for rank in (BatchTop, Accept):
        outside = []
        for size in (20_000, 200, 20, 2):
            keep = rank("length.length", 0.2, kept=size)
            found = kept(Select(documents=LETTERS, measures=(LENGTH,), keep=keep), tmp_path)
            outside.append(len(set(found) - top))
        assert outside == sorted(outside)
        assert outside[0] <= 3 and outside[-1] > 20


def test_all_batches_but_the_last_keep_the_same_number(tmp_path: Path) -> None:
    for size, wanted in ((128, 3 * 128 + 116), (7, 500), (1000, 500)):
        step = Select(documents=LETTERS, measures=(LENGTH,), keep=BatchTop("length.length", 0.5, kept=size))
        assert len(kept(step, tmp_path)) == wanted


@BOTH
def test_equal_scores_are_kept_in_the_same_share(rank: type[BatchTop | Accept]) -> None:
    found = [len(chosen(rank("x", 0.1, kept=16, seed=seed), [0.0] * 1600)) for seed in range(5)]
    assert np.mean(found) == pytest.approx(160, abs=4 * np.sqrt(1600 * 0.1 * 0.9 / 5))


@BOTH
@settings(max_examples=6)
@given(data=st.data())
def test_neither_order_nor_shards_matter(
    tmp_path_factory: pytest.TempPathFactory, rank: type[BatchTop | Accept], data: st.DataObject
) -> None:
    rows = [(f"d{n:02}", "a" * (n * 7 % 11)) for n in range(40)]
    found = []
    for _ in range(2):
        mixed = data.draw(st.permutations(rows))
        cut = data.draw(st.integers(0, 40))
        documents = Given(shards=(tuple(mixed[:cut]), tuple(mixed[cut:])))
        keep = rank("length.length", 0.4, kept=2)
        step = Select(documents=documents, measures=(Length(documents=documents),), keep=keep)
        found.append(set(kept(step, tmp_path_factory.mktemp("store"))))
    assert found[0] == found[1]


@BOTH
def test_workers_choose_alike(tmp_path: Path, rank: type[BatchTop | Accept]) -> None:
    step = Select(documents=LETTERS, measures=(LENGTH,), keep=rank("length.length", 0.3, kept=5))
    materialize(step, tmp_path / "one")
    materialize(step, tmp_path / "two", Processes(2))
    one, two = (Store(tmp_path / name).table(step).manifest.digest for name in ("one", "two"))
    assert one == two


@BOTH
def test_another_seed_keeps_others(tmp_path: Path, rank: type[BatchTop | Accept]) -> None:
    steps = [
        Select(documents=LETTERS, measures=(LENGTH,), keep=rank("length.length", 0.3, kept=2, seed=seed))
        for seed in (0, 1)
    ]
    assert kept(steps[0], tmp_path) != kept(steps[1], tmp_path)


@BOTH
def test_only_what_the_rules_leave_comes_to_the_choice(tmp_path: Path, rank: type[BatchTop | Accept]) -> None:
    """What is left chooses as it would alone: the same places, batches and quantiles."""
    even = RuleSet(name="toy", source="here", measures=(), rules=(("odd", "length.length % 2 = 1"),))
    keep = rank("length.length", 0.3, kept=4)
    ruled = Select(documents=LETTERS, measures=(LENGTH,), reject=even, keep=keep)
    alone = Given(shards=(tuple((f"d{n}", "a" * n) for n in range(0, 1000, 2)),))
    step = Select(documents=alone, measures=(Length(documents=alone),), keep=keep)
    assert kept(ruled, tmp_path) == kept(step, tmp_path)


@BOTH
def test_a_document_without_a_score_is_never_kept_and_counts_for_none(
    tmp_path: Path, rank: type[BatchTop | Accept]
) -> None:
    score = "CASE WHEN length.length < 300 THEN NULL WHEN length.length < 500 THEN 'nan'::DOUBLE ELSE length.length END"
    step = Select(documents=LETTERS, measures=(LENGTH,), keep=rank(score, 0.99, kept=1000))
    found = [int(id[1:]) for id in kept(step, tmp_path)]
    assert min(found) >= 500
    assert len(found) == pytest.approx(495, abs=10)


@BOTH
def test_every_group_keeps_the_share(tmp_path: Path, rank: type[BatchTop | Accept]) -> None:
    step = Select(
        documents=LETTERS, measures=(LENGTH,), keep=rank("length.length", 0.5, kept=4), by_group="length.length < 200"
    )
    low = sum(int(id[1:]) < 200 for id in kept(step, tmp_path))
    high = len(kept(step, tmp_path)) - low
    assert (low, high) == (100, 400) if rank is BatchTop else abs(low - 100) < 25 and abs(high - 400) < 50


@BOTH
def test_by_weight_the_share_is_of_the_weight(tmp_path: Path, rank: type[BatchTop | Accept]) -> None:
    """The scores fall as the weights rise, so a share of documents would be another one of weight."""
    keep = rank("-length.length", 0.4, kept=20, by="length.length")
    found = [int(id[1:]) for id in kept(Select(documents=LETTERS, measures=(LENGTH,), keep=keep), tmp_path)]
    assert sum(found) / sum(range(1000)) == pytest.approx(0.4, abs=0.04)
    assert len(found) > 550


@BOTH
def test_all_is_kept_where_all_is_asked_for(tmp_path: Path, rank: type[BatchTop | Accept]) -> None:
    step = Select(documents=LETTERS, measures=(LENGTH,), keep=rank("length.length", 1.0))
    assert len(kept(step, tmp_path)) == 1000


@BOTH
def test_what_makes_no_batch_is_refused(rank: type[BatchTop | Accept]) -> None:
    for keep, message in [
        (rank("length.length", 1.5), r"keep.fraction is 1.5; it must lie in \(0, 1\]"),
        (rank("length.length", 0.0), "keep.fraction is 0.0"),
        (rank("length.length", float("nan")), "keep.fraction is nan"),
        (rank("length.length", 0.5, kept=0), "keep.kept is 0 and keep.fraction 0.5; of a batch at least 1"),
        (rank("length.length", 1e-12), "keep.kept is 128 and keep.fraction 1e-12"),
        (rank("length.size", 0.5), "length.size"),
        (rank("length.length", 0.5, by="tokens"), "needs the Text measure"),
    ]:
        with pytest.raises(RecipeError, match=message):
            Select(documents=LETTERS, measures=(LENGTH,), keep=keep).check()


def letters(text: str) -> float:
    return sum(map(str.isalpha, text)) / max(1, len(text))


@BOTH
def test_real_documents_of_two_sources_are_chosen_within_each(
    shared_data: Path, tmp_path: Path, rank: type[BatchTop | Accept]
) -> None:
    pages = Read(source=tuple(str(shared_data / "text" / name) for name in ("c4_sample", "nltk_webtext_chat")))
    judged = (Text(), Function(name="letters", function=letters))
    keep = rank("letters.value", 0.25, kept=16, by="tokens")
    step = Select(documents=pages, measures=judged, reject="gopher@dclm", keep=keep, by_group="documents.source")
    materialize(step, tmp_path)
    total: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for shard in range(len(Store(tmp_path).table(step).manifest.shards)):
        decisions = Store(tmp_path).table(step).shard(shard).to_pylist()
        texts = [row for batch in pages.open_shard(Store(tmp_path), shard) for row in batch.to_pylist()]
        for row, decision in zip(texts, decisions, strict=True):
            if set(decision["rejected_by"]) <= {"rank"}:
                total[row["source"]] += len(row["text"])
                left[row["source"]] += len(row["text"]) * decision["kept"]
    assert {name: left[name] / total[name] for name in total} == pytest.approx(dict.fromkeys(total, 0.25), abs=0.06)
    assert len(total) == 2
