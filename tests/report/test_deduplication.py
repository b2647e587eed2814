"""What the report says of deduplication, from a run whose every number is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from browser import open_page

from winnow.choose.unique import unique
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.dedup.exact import exact_duplicates
from winnow.dedup.minhash import minhash_duplicates
from winnow.documents.read import Read
from winnow.report.collect import collect
from winnow.report.deduplication import deduplications
from winnow.report.model import CLUSTER_ALARM, MAX_MEMBERS, SOURCE_ALARM_DOCUMENTS, Deduplication, ReportData
from winnow.report.page import render

TEXT = "It keeps strange hours, for a tide mill works only when the moon says so and the creek is full. " * 4


def write(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def row(id: str, text: str, source: str) -> dict[str, str]:
    return {"id": id, "text": text, "source": source}


def reported(source: Path, store: Path, near: bool = False) -> ReportData:
    pages = Read(source=str(source))
    step = unique(minhash_duplicates(pages) if near else exact_duplicates(pages))
    materialize(step, store)
    return collect(step, Store(store), recipe="dedup")


@pytest.fixture
def found(tmp_path: Path) -> Deduplication:
    """30 documents of a source of which 20 repeat one text, and 10 of another that are all different."""
    rows = [row(f"a{n:02d}", TEXT if n <= 20 else f"{n} is alone", "mirror") for n in range(30)]
    rows += [row(f"b{n}", f"{n} is new", "diary") for n in range(10)]
    (one,) = reported(write(tmp_path / "in.jsonl", rows), tmp_path / "store").deduplications
    return one


def test_it_counts_what_was_removed_and_from_where(found: Deduplication) -> None:
    assert (found.name, found.documents, found.removed, found.num_clusters) == ("exact", 40, 20, 1)
    assert found.removed_bytes == 20 * len(TEXT) and found.bytes_are_exact
    shares = {one.source: (one.documents, one.removed, one.alarm) for one in found.sources}
    assert shares == {"mirror": (30, 20, True), "diary": (10, 0, False)}
    assert next(iter(shares)) == "mirror"


def test_a_source_that_loses_most_of_its_documents_raises_an_alarm(found: Deduplication) -> None:
    assert found.alarms == ("exact: the source mirror loses 20 of 30 documents (67%, more than 50%)",)


def test_the_largest_cluster_is_shown_with_the_kept_document_and_members(found: Deduplication) -> None:
    (cluster,) = found.largest
    assert (cluster.kept.id, cluster.size, cluster.alarm) == ("a00", 21, False)
    assert cluster.kept.excerpt == TEXT[: len(cluster.kept.excerpt)] and cluster.kept.num_chars == len(TEXT)
    assert len(cluster.members) == 5 and {member.jaccard for member in cluster.members} == {1.0}
    assert cluster.beside is not None and cluster.beside.left == "a00"
    assert all(stretch.shared for stretch in cluster.beside.stretches)


def test_clusters_drawn_by_chance_say_how_pure_they_are(found: Deduplication) -> None:
    assert [cluster.kept.id for cluster in found.sampled] == ["a00"]
    assert found.to_kept is not None and found.among is not None
    assert (found.to_kept.number, found.to_kept.lowest) == (5, 1.0)
    assert (found.among.number, found.among.lowest, found.among.median) == (10, 1.0, 1.0)


def test_half_a_source_and_a_small_source_raise_no_alarm(tmp_path: Path) -> None:
    few = SOURCE_ALARM_DOCUMENTS - 1
    rows = [row(f"s{n:02d}", "all the same", "small") for n in range(few)]
    rows += [row(f"h{n:02d}", "half the same" if n <= 15 else f"alone {n}", "half") for n in range(30)]
    (one,) = reported(write(tmp_path / "in.jsonl", rows), tmp_path / "store").deduplications
    shares = {share.source: (share.removed, share.alarm) for share in one.sources}
    assert shares == {"small": (few - 1, False), "half": (15, False)} and one.alarms == ()


def test_a_cluster_beyond_the_limit_raises_an_alarm_and_one_at_it_does_not(tmp_path: Path) -> None:
    rows = [row(f"a{n:04d}", "cookies", "web") for n in range(CLUSTER_ALARM + 1)]
    rows += [row(f"b{n:04d}", "terms", "web") for n in range(CLUSTER_ALARM)]
    rows += [row(f"c{n:04d}", f"text {n}", "web") for n in range(2 * CLUSTER_ALARM)]
    (one,) = reported(write(tmp_path / "in.jsonl", rows), tmp_path / "store").deduplications
    assert one.alarms == ("exact: 1,001 documents are one cluster (more than 1,000); kept is a0000",)
    assert [(cluster.size, cluster.alarm) for cluster in one.largest] == [(1001, True), (1000, False)]


def test_near_duplicates_have_their_similarities_and_the_least_alike_pair_side_by_side(tmp_path: Path) -> None:
    words = [f"{'abcdefghij'[n // 100]}{'klmnopqrst'[n // 10 % 10]}{'klmnopqrst'[n % 10]}" for n in range(300)]
    other = [*words[:100], "changed", *words[101:]]
    rows = [row("a", " ".join(words), "web"), row("b", " ".join(other), "web"), row("c", "quite another text", "web")]
    data = reported(write(tmp_path / "in.jsonl", rows), tmp_path / "store", near=True)
    (one,) = data.deduplications
    (member,) = one.largest[0].members
    assert member.jaccard == pytest.approx(291 / 301, abs=1e-4) == member.reported
    assert one.similarities is not None and sum(one.similarities.dropped) == 1
    assert one.similarities.dropped[38] == 1  # 0.95 to 0.975
    beside = one.largest[0].beside
    assert beside is not None
    assert [(s.left, s.right) for s in beside.stretches if not s.shared] == [("bkk", "changed")]
    page = render(data)
    assert "<mark>changed</mark>" in page and 'id="duplicates"' in page


def test_a_browser_shows_the_clusters_of_hostile_documents(tmp_path: Path) -> None:
    poison = f"</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'> {TEXT}"
    rows = [row("a", poison, "<b>"), row("b", poison, "<b>"), row("c", "other", "web")]
    page = render(reported(write(tmp_path / "in.jsonl", rows), tmp_path / "store"))
    dom, console = open_page(page, tmp_path)
    assert console == "" and dom.count("<script") == 2 and "<img" not in dom
    assert 'class="cluster"' in dom and 'class="sides"' in dom


def test_a_recipe_without_deduplication_has_no_such_section(tmp_path: Path) -> None:
    step = Read(source=str(write(tmp_path / "in.jsonl", [row("a", "text", "web")])))
    materialize(step, tmp_path / "store")
    data = collect(step, Store(tmp_path / "store"), recipe="read")
    assert data.deduplications == () and data.alarms() == () and 'id="duplicates"' not in render(data)


def test_a_run_without_duplicates_says_so(tmp_path: Path) -> None:
    data = reported(write(tmp_path / "in.jsonl", [row("a", "one", "web"), row("b", "two", "web")]), tmp_path / "store")
    (one,) = data.deduplications
    assert (one.removed, one.largest, one.to_kept, one.similarities) == (0, (), None, None)
    assert "None of 2 documents repeats another." in render(data)


def test_with_more_shards_than_are_looked_at_bytes_are_estimated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for shard in range(8):
        write(tmp_path / f"{shard}.jsonl", [row(f"{shard}-{n}", "x" * 100, "web") for n in range(3)])
    monkeypatch.setattr("winnow.documents.read.TASK_BYTES", 500)
    step = unique(exact_duplicates(Read(source=str(tmp_path / "*.jsonl"))))
    materialize(step, tmp_path / "store")
    (one,) = deduplications(step, Store(tmp_path / "store"))
    assert one.removed == 23 and not one.bytes_are_exact
    assert one.removed_bytes == 2300
    assert one.largest[0].size == 24 and len(one.largest[0].members) == MAX_MEMBERS
