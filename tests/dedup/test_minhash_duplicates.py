"""Near-duplicates against brute force: what is removed, for what, and that nothing else decides."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Given, rows_of

from winnow.core import shuffle
from winnow.core.errors import RecipeError
from winnow.core.executors import Processes
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.dedup.duplicates import Duplicates
from winnow.dedup.minhash import PRESETS, lsh_recall, minhash_duplicates
from winnow.dedup.minhash_links import pairs
from winnow.documents.read import Read
from winnow.kernels import normalize_reference, shingles_reference
from winnow.kernels.leaders_reference import similarity
from winnow.measure.function import Function
from winnow.measure.minhash import MinHash

CERTAIN = MinHash(ngram=2, bands=64, rows=1)
"""LSH that misses a pair of similarity 0.4 once in 10^14."""

Rows = list[tuple[str, str | None]]


def found_in(step: Duplicates, store: Path) -> dict[str, dict[str, Any]]:
    materialize(step, store)
    return {row["id"]: row for row in rows_of(step, store)}


def twins(rows: Rows, store: Path, num_shards: int = 1, **options: Any) -> dict[str, str | None]:
    """For each document what it is a duplicate of."""
    documents = written(rows, store.with_suffix(".documents"), num_shards)
    found = found_in(minhash_duplicates(documents, **options), store)
    return {id: row["duplicate_of"] for id, row in found.items()}


def sharded(rows: Rows, num_shards: int = 1) -> Given:
    return Given(shards=tuple(tuple(rows[shard::num_shards]) for shard in range(num_shards)))


def written(rows: Rows, directory: Path, num_shards: int = 1) -> Read:
    """The same as files, for many documents: what a step holds in its fields is part of its key."""
    directory.mkdir()
    for shard in range(num_shards):
        lines = (json.dumps({"id": id, "text": text}) + "\n" for id, text in rows[shard::num_shards])
        (directory / f"{shard}.jsonl").write_text("".join(lines))
    return Read(source=str(directory))


def ngrams(text: str | None, n: int) -> set[Any]:
    normal = normalize_reference.normalize(text or "")
    return set(shingles_reference.ngrams(shingles_reference.tokens(normal, "words"), n))


def by_brute_force(rows: Rows, threshold: float, n: int, is_containment: bool) -> dict[str, tuple[str | None, Any]]:
    """For each document the kept one that it resembles most, comparing all with all in the order of ids."""
    kept: dict[str, set[Any]] = {}
    decisions: dict[str, tuple[str | None, Any]] = {}
    for id, text in sorted(rows):
        mine = ngrams(text, n)
        alike = {other: similarity(mine, theirs, is_containment) for other, theirs in kept.items() if mine and theirs}
        best = max(alike.values(), default=0.0)
        decisions[id] = (None, None)
        if best >= threshold:
            decisions[id] = (min(other for other, found in alike.items() if found == best), best)
        else:
            kept[id] = mine
    return decisions


words = st.lists(st.sampled_from("abcdefg"), max_size=14)
texts = st.one_of(st.none(), words.map(" ".join), words.map(lambda some: " ".join(["h i j k l m", *some])))


@settings(max_examples=15)
@given(
    st.lists(texts, max_size=25), st.integers(1, 3), st.sampled_from([0.4, 0.5, 0.75, 1.0]), st.booleans(), st.randoms()
)
def test_where_lsh_is_certain_decisions_are_those_of_comparing_all_with_all(
    tmp_path_factory: pytest.TempPathFactory,
    texts: list[str | None],
    num_shards: int,
    threshold: float,
    is_containment: bool,
    order: random.Random,
) -> None:
    rows: Rows = [(f"{number:02d}", text) for number, text in enumerate(texts)]
    expected = by_brute_force(rows, threshold, CERTAIN.ngram, is_containment)
    order.shuffle(rows)
    kind = "containment" if is_containment else "jaccard"
    step = minhash_duplicates(sharded(rows, num_shards), minhash=CERTAIN, threshold=threshold, similarity=kind)  # type: ignore[arg-type]
    found = found_in(step, tmp_path_factory.mktemp("store"))
    if not is_containment:  # LSH is certain of Jaccard similarity alone
        assert {id: (row["duplicate_of"], row["similarity"]) for id, row in found.items()} == expected
    check_evidence(rows, found, threshold, CERTAIN.ngram, is_containment)


def check_evidence(
    rows: Rows, found: dict[str, dict[str, Any]], threshold: float, n: int, is_containment: bool = False
) -> None:
    """Every removed document has a kept one as similar as is stated, and clusters count up."""
    texts = dict(rows)
    sizes: dict[str, int] = dict.fromkeys(texts, 1)
    for id, row in found.items():
        kept = row["duplicate_of"]
        if kept is None:
            assert row["similarity"] is None
            continue
        assert found[kept]["duplicate_of"] is None
        assert row["similarity"] == similarity(ngrams(texts[id], n), ngrams(texts[kept], n), is_containment)
        assert row["similarity"] >= threshold
        sizes[kept] += 1
    assert all(row["cluster_size"] == sizes[row["duplicate_of"] or id] for id, row in found.items())


def pages(number: int, seed: int = 0, length: int = 60) -> list[list[str]]:
    draw = random.Random(seed)
    return [[f"w{draw.randrange(5000)}x" for _ in range(length)] for _ in range(number)]


def text_of(words: list[str]) -> str:
    return " ".join(word.replace("1", "q").translate(str.maketrans("0123456789", "abcdefghij")) for word in words)


def near_copies(num_pages: int, copies: int, seed: int = 0) -> Rows:
    """Pages and copies of them with one or two words changed, under shuffled ids."""
    draw = random.Random(seed)
    rows = []
    for page in pages(num_pages, seed, length=120):
        for copy in range(copies):
            changed = list(page)
            for _ in range(copy % 3):
                changed[draw.randrange(len(changed))] = "changed"
            rows.append(text_of(changed))
    draw.shuffle(rows)
    return [(f"{number:04d}", text) for number, text in enumerate(rows)]


@given(
    st.lists(st.tuples(st.integers(0, 2**64 - 1) | st.integers(0, 9), st.integers(0, 20)), max_size=50),
    st.integers(0, 9),
)
def test_pairs_connect_every_bucket_that_holds_one_of_ours(rows: list[tuple[int, int]], ours: int) -> None:
    hashes = np.array([hashed for hashed, _ in rows], np.uint64)
    documents = np.array([document for _, document in rows], np.int64)
    buckets = {hashed: {document for other, document in rows if other == hashed} for hashed, _ in rows}
    concerned = {hashed: members for hashed, members in buckets.items() if any(member >= ours for member in members)}
    found = list(zip(*(side.tolist() for side in pairs(hashes, documents, ours)), strict=True))
    assert all(any({a, b} <= members for members in concerned.values()) for a, b in found)
    for members in concerned.values():
        reached, before = {min(members)}, 0
        while len(reached) > before:
            before = len(reached)
            reached |= {member for pair in found if set(pair) & reached for member in pair}
        assert members <= reached


def test_a_chain_is_not_followed_and_evidence_is_a_kept_document(tmp_path: Path) -> None:
    a, b, c = "a b c d e f g h", "b c d e f g h i", "c d e f g h i j"  # 7 2-grams: A~B and B~C share 6 of 8, A~C 5 of 9
    options: dict[str, Any] = {"minhash": CERTAIN, "threshold": 0.7}
    assert twins([("1", a), ("2", b), ("3", c)], tmp_path / "1", **options) == {"1": None, "2": "1", "3": None}
    assert twins([("2", a), ("1", b), ("3", c)], tmp_path / "2", **options) == {"1": None, "2": "1", "3": "1"}


def test_decisions_do_not_depend_on_files_shards_partitions_or_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = near_copies(20, 4)
    expected = twins(rows, tmp_path / "one")
    assert sum(kept is None for kept in expected.values()) < 40
    random.Random(1).shuffle(rows)
    monkeypatch.setattr(shuffle, "PARTITION_BYTES", 12_000)
    step = minhash_duplicates(written(rows, tmp_path / "documents", 4))
    materialize(step, tmp_path / "many", Processes(2))
    assert {row["id"]: row["duplicate_of"] for row in rows_of(step, tmp_path / "many")} == expected
    materialize(step, tmp_path / "inline")
    digests = [Store(tmp_path / store).table(step).manifest.digest for store in ("many", "inline")]
    assert digests[0] == digests[1]
    assert len(Store(tmp_path / "many").table(step.found).manifest.shards) > 8


def test_a_run_that_was_cut_off_ends_in_the_same_bytes(tmp_path: Path) -> None:
    step = minhash_duplicates(written(near_copies(20, 4), tmp_path / "documents", 3))
    store = Store(tmp_path / "store")
    materialize(step, store)
    digest = store.table(step).manifest.digest
    for made in (tmp_path / "store").iterdir():
        (made / "manifest.json").unlink()
        (made / "tasks" / "00000.json").unlink()
    materialize(step, store)
    assert store.table(step).manifest.digest == digest


@pytest.mark.parametrize("preset", PRESETS)
def test_pairs_are_found_as_often_as_the_curve_of_lsh_says(tmp_path: Path, preset: str) -> None:
    minhash, number, length = PRESETS[preset].minhash, 300, 200
    cut = 30 if minhash.rows > 5 else 70
    rows: Rows = []
    for k, page in enumerate(pages(number, seed=3, length=length)):
        rows += [(f"{k}-a", text_of(page)), (f"{k}-b", text_of([*page[cut:], *pages(1, seed=9000 + k, length=cut)[0]]))]
    found = twins(rows, tmp_path, preset=preset, threshold=0.3)
    similarities = [
        similarity(ngrams(rows[k][1], 5), ngrams(rows[k + 1][1], 5), False) for k in range(0, 2 * number, 2)
    ]
    recall = lsh_recall(float(np.mean(similarities)), bands=minhash.bands, rows=minhash.rows)
    deviation = np.sqrt(recall * (1 - recall) / number)
    assert 0.1 < recall < 0.9
    assert abs(sum(kept is not None for kept in found.values()) / number - recall) < 4 * deviation


def test_the_curve_of_lsh_is_the_known_one() -> None:
    assert lsh_recall(0.8, bands=14, rows=8) == pytest.approx(0.924, abs=5e-4)  # datatrove's own figure
    assert lsh_recall(0.0, bands=14, rows=8) == 0
    assert lsh_recall(1.0, bands=14, rows=8) == 1


def test_the_preferred_document_is_kept_and_then_the_lower_id(tmp_path: Path) -> None:
    page = text_of(pages(1)[0])
    rows: Rows = [("a", page), ("b", page + " a longer end"), ("c", page)]
    assert twins(rows, tmp_path / "1") == {"a": None, "b": "a", "c": "a"}
    size = Function(function=len, name="size")
    assert twins(rows, tmp_path / "2", prefer=["size.value"], measures=[size]) == {"a": "b", "b": None, "c": "b"}
    with pytest.raises(RecipeError, match="prefer"):
        twins(rows, tmp_path / "3", prefer=["nothing.there"])


def test_what_another_corpus_keeps_is_kept_and_what_it_removed_is_forgotten(tmp_path: Path) -> None:
    a, b, c = "a b c d e f g h", "b c d e f g h i", "c d e f g h i j"
    options: dict[str, Any] = {"minhash": CERTAIN, "threshold": 0.7}
    old = minhash_duplicates(Given(shards=((("z1", a, None, "old"), ("z2", b, None, "old")),)), **options)
    new = minhash_duplicates(
        sharded([("1", b), ("2", c), ("3", "something quite new"), ("4", c)]), against=[old], **options
    )
    found = found_in(new, tmp_path)
    assert {id: (row["duplicate_of"], row["duplicate_source"]) for id, row in found.items()} == {
        "1": ("z1", "old"),
        "2": (None, None),  # like z2 alone, which z1 replaced
        "3": (None, None),
        "4": ("2", None),
    }
    assert [found[id]["cluster_size"] for id in "1234"] == [2, 2, 1, 2]


def test_against_the_first_the_second_half_of_a_corpus_loses_what_repeats_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = near_copies(40, 3)
    whole = twins(rows, tmp_path / "whole")
    monkeypatch.setattr(shuffle, "PARTITION_BYTES", 20_000)
    first = minhash_duplicates(written(rows[:70], tmp_path / "first", 2))
    materialize(first, tmp_path / "halves")
    monkeypatch.setattr(shuffle, "PARTITION_BYTES", 3_000)
    second = found_in(
        minhash_duplicates(written(rows[70:], tmp_path / "second", 3), against=[first]), tmp_path / "halves"
    )
    assert {id: row["duplicate_of"] for id, row in second.items()} == dict(list(whole.items())[70:])


def test_a_deduplication_against_another_does_not_read_its_text(tmp_path: Path) -> None:
    rows = near_copies(10, 2)
    first = minhash_duplicates(sharded(rows))
    materialize(first, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/manifest.json")}
    materialize(minhash_duplicates(sharded([("new", rows[0][1])]), against=[first]), tmp_path)
    assert all(path.stat().st_mtime_ns == made for path, made in before.items())


def test_only_minhash_deduplications_with_the_same_signature_can_be_compared_with(tmp_path: Path) -> None:
    documents = sharded([("a", "t")])
    with pytest.raises(RecipeError, match="same preset"):
        minhash_duplicates(documents, against=[minhash_duplicates(documents, preset="dclm")])
    with pytest.raises(RecipeError, match="did you mean fineweb"):
        minhash_duplicates(documents, preset="finewep")
    for threshold in (0, 1.5):
        with pytest.raises(RecipeError, match="threshold is"):
            materialize(minhash_duplicates(documents, threshold=threshold), tmp_path)
    with pytest.raises(RecipeError, match="did you mean jaccard"):
        materialize(minhash_duplicates(documents, similarity="jacard"), tmp_path)  # type: ignore[arg-type]


def test_documents_without_words_repeat_nothing_and_short_ones_only_themselves(tmp_path: Path) -> None:
    rows: Rows = [
        ("a", ""),
        ("b", None),
        ("c", ""),
        ("d", "?!"),
        ("e", "one"),
        ("f", "One."),
        ("g", "one two"),
        ("h", "ñ"),
    ]
    expected = {"a": None, "b": None, "c": None, "d": None, "e": None, "f": "e", "g": None, "h": None}
    found = found_in(minhash_duplicates(sharded(rows, 3)), tmp_path)
    assert {id: row["duplicate_of"] for id, row in found.items()} == expected


def test_an_empty_corpus_and_one_without_pairs_are_kept_whole(tmp_path: Path) -> None:
    assert twins([], tmp_path / "1") == {}
    assert twins([("a", "one two"), ("b", "three four")], tmp_path / "2") == {"a": None, "b": None}


def test_copies_that_differ_in_case_marks_accents_and_numbers_are_alike_in_any_script(tmp_path: Path) -> None:
    rows: Rows = [
        ("a", "Über 3,5 Millionen Menschen kamen im Jahr 1999 nach Köln"),
        ("b", "uber 7 MILLIONEN Menschen – kamen im Jahr 2001 nach Koln!"),
        ("c", "Съешь ещё этих мягких французских булок да выпей чаю"),
        ("d", "съешь еще этих «мягких» французских булок, да выпей чаю…"),
    ]
    assert twins(rows, tmp_path / "folded", preset="fineweb") == {"a": None, "b": "a", "c": None, "d": "c"}
    assert twins(rows, tmp_path / "apart") == {"a": None, "b": None, "c": None, "d": "c"}


def test_containment_removes_what_stands_within_a_kept_document(tmp_path: Path) -> None:
    page = pages(1, length=40)[0]
    rows: Rows = [("a", text_of(page)), ("b", text_of(page[:30]))]
    options: dict[str, Any] = {"minhash": CERTAIN, "threshold": 0.95}
    assert twins(rows, tmp_path / "1", **options) == {"a": None, "b": None}
    assert twins(rows, tmp_path / "2", similarity="containment", **options) == {"a": None, "b": "a"}


def test_a_book_among_pages_and_thousands_of_copies_of_one_page_are_no_trouble(tmp_path: Path) -> None:
    book = text_of(pages(1, seed=5, length=200_000)[0])
    page = text_of(pages(1)[0])
    rows: Rows = [("0", book), ("1", book + " the end"), *((f"p{k:04d}", f"{page} {k}") for k in range(3000))]
    found = twins(rows, tmp_path)
    assert found["1"] == "0"
    assert [id for id, kept in found.items() if kept is None] == ["0", "p0000"]


def test_books_that_share_a_licence_hang_together_and_are_kept(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "near_dups" / "gutenberg_boilerplate_substrings.jsonl.zst"
    documents = Read(source=str(path), id_key="none")
    step = minhash_duplicates(documents, threshold=0.7)
    found = found_in(step, tmp_path)
    components = step.found.candidates.components  # type: ignore[attr-defined]
    assert Store(tmp_path).table(components).manifest.counts["candidates"] > 60
    texts = {row["id"]: row["text"] for row in rows_of(documents, tmp_path)}
    removed = [(id, row["duplicate_of"]) for id, row in found.items() if row["duplicate_of"]]
    assert len(removed) == 4
    assert all(title_of(texts[id]) == title_of(texts[kept]) for id, kept in removed)


def title_of(book: str) -> str:
    """The title of a Project Gutenberg file."""
    found = re.search(r"(?:ebook of|ebook,|gutenberg's) ([^,\n]*)", book.lower())
    assert found, book[:200]
    return found[1].strip()


def test_real_documents_are_removed_on_evidence_alone(shared_data: Path, tmp_path: Path) -> None:
    documents = Read(source=str(shared_data / "text" / "bbc_news"))
    found = found_in(minhash_duplicates(documents, preset="fineweb"), tmp_path)
    rows = [(row["id"], row["text"]) for row in rows_of(documents, tmp_path)]
    check_evidence(rows, found, 0.75, 5)
    assert sum(row["duplicate_of"] is not None for row in found.values()) >= 98  # exact repeats alone
