"""Contamination of documents: items are found however they are formatted, and look-alikes are not."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from winnow import Read, Store, materialize
from winnow.core.errors import InputError, RecipeError
from winnow.decontaminate.contamination import COLUMNS, contamination

ITEMS: list[dict[str, Any]] = [
    {
        "question": "Which gas do submarines' scrubbers remove from the breathable atmosphere?",
        "choices": ["nitrogen", "carbon dioxide", "helium", "argon"],
        "answer": 1,
    },
    {"question": "What is the capital of France?", "answer": "Paris"},
    {"question": "2 + 3 =", "answer": "5"},
    {"question": "Wann wurde der Grundstein des Kölner Doms feierlich gelegt?", "answer": "1248"},
    {"question": "Mercury Venus Earth Mars Jupiter", "choices": ["Saturn", "Uranus", "Neptune"], "answer": 0},
    {"question": "世界上最长的河流是哪一条河流,它流经哪些国家?", "answer": "尼罗河"},
    {
        "passage": "The heath was kindled at the far end of the valley and the wind drove the flames before it. " * 3,
        "question": "Who kindled the heath?",
        "answer": "the shepherd's youngest daughter",
    },
]

FILLER = (
    "The committee met on a cold morning and read the minutes of its last meeting. Nobody had anything to add, and the "
    "treasurer reported that the roof would be repaired before winter. "
)


def write_lines(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def judge(tmp_path: Path, texts: list[str], items: list[dict[str, Any]] | None = None, **options: Any) -> pa.Table:
    """One row of numbers per text, in the order of the texts."""
    rows = [{"id": f"{number:04}", "text": text} for number, text in enumerate(texts)]
    documents = Read(source=write_lines(tmp_path / "documents.jsonl", rows))
    tasks = write_lines(tmp_path / "quiz.jsonl", ITEMS if items is None else items)
    step = contamination(documents, tasks=tasks, **options)
    materialize(step, tmp_path / "store")
    table = Store(tmp_path / "store").table(step)
    return pa.concat_tables(table.shard(shard) for shard in range(len(table.manifest.shards)))


def inside(text: str) -> str:
    return f"{FILLER * 3}\n\n{text}\n\n{FILLER * 2}"


GAS = "Which gas do submarines' scrubbers remove from the breathable atmosphere?"


@pytest.mark.parametrize(
    "planted",
    [
        GAS,
        GAS.upper(),
        GAS.replace("'", "’").replace(" ", "\n"),
        f"Q: {GAS}\n(a) nitrogen (b) carbon dioxide (c) helium (d) argon",
        "* *Which gas* do **submarines'** scrubbers\u00a0remove -- from the breathable... atmosphere",
    ],
)
def test_an_item_is_found_however_it_is_formatted(tmp_path: Path, planted: str) -> None:
    (row,) = judge(tmp_path, [inside(planted)]).to_pylist()
    assert (row["task"], row["item"]) == ("quiz", "quiz#0")
    assert row["overlap"] >= 0.8
    assert row["question_overlap"] == pytest.approx(1)
    assert row["matched"].lower().startswith(planted.lower().strip("q: *")[:9])
    assert [found["item"] for found in row["found"]] == ["quiz#0"]


@pytest.mark.parametrize("number", [3, 5])
def test_items_of_other_languages_are_found(tmp_path: Path, number: int) -> None:
    (row,) = judge(tmp_path, [inside(str(ITEMS[number]["question"]))]).to_pylist()
    assert (row["item"], row["overlap"] >= 0.8) == (f"quiz#{number}", True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        FILLER,
        "What is the capital of France? Nobody in the room knew.",  # common words, no answer near
        "2 + 3 =",
        "so 2 + 3 = 5 and 12 + 3 = 5",
        "2 + 3 = 5.5",
        "2 - 3 = 5",
        str(ITEMS[6]["passage"]),  # a passage alone is public text
        "Scrubbers remove gas from the atmosphere of submarines, which do remain breathable.",  # the same words
        "for gas in (nitrogen, helium, argon):\n    remove(gas)  # which gas do we remove?\n",
        "The planets are Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus and Neptune.",  # a list goes on by itself
        "All rights reserved. Which of the following cookies do you accept? Sign in. Terms of use.",
    ],
)
def test_look_alikes_are_not_contamination(tmp_path: Path, text: str) -> None:
    (row,) = judge(tmp_path, [text]).to_pylist()
    assert row["overlap"] < 0.8


@pytest.mark.parametrize(
    ("planted", "matched"),
    [
        ("Who is it?\n\nANN", "Who is it?"),
        ("Q: who is it? A: Ann", "who is it?"),
        ("Who is it?\n(A) Bob (B) Ann", "Who is it?"),
        ("Who is it?\n(A) Cid (B) Ann", None),  # Cid is no choice of the item
        ("Who is it? Ann came in.", None),
        ("I know who is it? Ann", None),
    ],
)
def test_short_items_are_found_as_they_are_printed(tmp_path: Path, planted: str, matched: str | None) -> None:
    item = {"question": "Who is it?", "choices": ["Ann", "Bob"], "answer": 0}
    (row,) = judge(tmp_path, [inside(planted)], [item]).to_pylist()
    assert row["matched"] == matched
    if matched:
        assert row["overlap"] >= 0.8
        assert (row["question_overlap"], row["answer_overlap"]) == (1, 1)


def test_a_question_that_says_little_counts_with_its_passage_and_answer(tmp_path: Path) -> None:
    last = ITEMS[6]
    whole = f"{last['passage']}\n{last['question']}\nIt was {last['answer']}."
    apart = f"{last['passage']}\n{FILLER * 40}\n{last['question']}"
    near, far = judge(tmp_path, [whole, apart]).to_pylist()
    assert (near["item"], near["passage_overlap"], near["answer_overlap"]) == ("quiz#6", 1.0, 1.0)
    assert near["overlap"] >= 0.8
    assert far["overlap"] < 0.8


def test_a_document_names_all_its_items_the_best_first(tmp_path: Path) -> None:
    text = inside(f"{ITEMS[3]['question']} 1248. {FILLER} {GAS} carbon dioxide")
    (row,) = judge(tmp_path, [text]).to_pylist()
    overlaps = [found["overlap"] for found in row["found"]]
    assert {found["item"] for found in row["found"]} == {"quiz#0", "quiz#3"}
    assert overlaps == sorted(overlaps, reverse=True)
    assert row["item"] == row["found"][0]["item"]


def test_where_nothing_is_found_only_the_overlap_is_a_number(tmp_path: Path) -> None:
    (row,) = judge(tmp_path, [FILLER]).to_pylist()
    assert row["overlap"] == 0
    assert all(row[name] is None for name in COLUMNS.names if name != "overlap")


def test_a_verdict_depends_on_the_document_alone(tmp_path: Path) -> None:
    texts = [inside(GAS), FILLER, inside(str(ITEMS[3]["question"])), "", inside(str(ITEMS[5]["question"]))] * 3
    order = list(range(len(texts)))
    random.Random(0).shuffle(order)
    for name in ("there", "back"):
        (tmp_path / name).mkdir()
    there = judge(tmp_path / "there", texts).to_pylist()
    back = judge(tmp_path / "back", [texts[place] for place in order]).to_pylist()
    for row, place in zip(back, order, strict=True):
        assert {**row, "id": ""} == {**there[place], "id": ""}


def test_the_order_of_items_changes_nothing_but_their_numbers(tmp_path: Path) -> None:
    for name in ("there", "back"):
        (tmp_path / name).mkdir()
    texts = [inside(GAS), inside(str(ITEMS[3]["question"])), FILLER]
    there = judge(tmp_path / "there", texts).column("overlap")
    back = judge(tmp_path / "back", texts, ITEMS[::-1]).column("overlap")
    assert there.equals(back)


def test_items_that_read_the_same_are_found_as_the_first(tmp_path: Path) -> None:
    item = ITEMS[0]
    twice = [item, {**item, "question": str(item["question"]).upper()}]
    (row,) = judge(tmp_path, [inside(GAS)], twice).to_pylist()
    assert [found["item"] for found in row["found"]] == ["quiz#0"]


@pytest.mark.parametrize(
    ("method", "item"), [("coverage", "quiz#0"), ("decon", "quiz#0"), ("gpt3", "quiz#0"), ("dclm", "quiz#0")]
)
def test_every_method_finds_a_copy(tmp_path: Path, method: str, item: str) -> None:
    long = {**ITEMS[0], "question": f"{FILLER} In such a year, {GAS[0].lower()}{GAS[1:]}"}
    text = f"{long['question']} The answer: carbon dioxide. {FILLER}"
    found, other = judge(tmp_path, [text, "Nothing of it stands here."], [long], method=method).to_pylist()
    assert found["item"] == item
    assert found["overlap"] > 0.5
    assert other["overlap"] == 0


def test_a_method_that_is_unknown_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="did you mean decon"):
        judge(tmp_path, [""], method="decom")


def test_tasks_that_are_missing_are_refused_before_anything_runs(tmp_path: Path) -> None:
    documents = Read(source=write_lines(tmp_path / "documents.jsonl", [{"id": "a", "text": "b"}]))
    with pytest.raises(InputError, match="names no file"):
        materialize(contamination(documents, tasks=str(tmp_path / "absent")), tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_task_file_that_changes_is_read_again(tmp_path: Path) -> None:
    texts = [inside(GAS)]
    assert judge(tmp_path, texts, ITEMS[1:]).column("overlap").to_pylist() == [0]
    assert judge(tmp_path, texts, ITEMS).column("item").to_pylist() == ["quiz#0"]


def test_a_document_that_is_a_copy_of_a_task_names_every_item(tmp_path: Path) -> None:
    names = [
        f"{first}{second}" for first in ("Al", "Be", "Co", "Du") for second in ("ran", "mir", "lune", "stov", "pek")
    ]
    items = [{"question": f"In which harbour did captain {name} sell the stolen copper bells?"} for name in names]
    (row,) = judge(tmp_path, ["\n".join(item["question"] for item in items)], items).to_pylist()
    assert {found["item"] for found in row["found"]} == {f"quiz#{number}" for number in range(len(items))}
