"""What holds for every editor, and for several in a chain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.core.errors import RecipeError
from winnow.core.plain import from_plain, to_plain
from winnow.edit.c4 import C4Lines
from winnow.edit.editor import Editor, chain
from winnow.edit.newlines import NewlineRemoval
from winnow.edit.refinedweb import RefinedWebLines
from winnow.edit.urls import UrlRemoval

EDITORS: list[Editor] = [
    RefinedWebLines(),
    RefinedWebLines(rules="fixed"),
    C4Lines(),
    C4Lines(rules="datatrove", terminal_punctuation=False),
    UrlRemoval(),
    UrlRemoval(rules="fixed"),
    NewlineRemoval(),
]
every_editor = pytest.mark.parametrize("editor", EDITORS, ids=repr)
lines = st.sampled_from(
    ["Words of a line.", "SHOUT", "3 likes", "see a.com", "sign-in", "12", "", "\u2028", "é ж 日本"]
)


def documents(*texts: str | None) -> pa.RecordBatch:
    ids = [str(number) for number in range(len(texts))]
    return pa.record_batch({"id": ids, "text": pa.array(texts, pa.string()), "url": [None] * len(texts)})


def edit(editors: tuple[Editor, ...], *texts: str | None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = chain(editors).load()(documents(*texts)).to_pylist()
    return rows


def test_the_fraction_is_that_of_words_removed() -> None:
    row = edit((RefinedWebLines(),), "Two words\nstay here\nGone\nAND GONE")[0]
    assert row["text"] == "Two words\nstay here"
    assert (row["num_words_before"], row["num_words_after"], row["words_removed_fraction"]) == (7, 4, 3 / 7)


def test_words_are_fasttexts_that_start_with_a_letter_or_number() -> None:
    row = edit((NewlineRemoval(),), "one, 2 -- (three four\xa0four\tfive\0six £7 ½ é\n")[0]
    assert row["num_words_before"] == row["num_words_after"] == 7


def test_a_document_that_loses_everything_stays_with_fraction_one() -> None:
    rows = edit((RefinedWebLines(),), "GONE\nALL OF IT", "Kept as it is")
    assert [(row["text"], row["words_removed_fraction"]) for row in rows] == [("", 1.0), ("Kept as it is", 0.0)]


@pytest.mark.parametrize("text", ["", None, "-- ...", " \n "])
@every_editor
def test_a_document_without_words_has_fraction_one(editor: Editor, text: str | None) -> None:
    assert edit((editor,), text)[0]["words_removed_fraction"] == 1.0


def test_the_fraction_is_not_negative_where_a_cut_bares_a_word() -> None:
    row = edit((C4Lines(),), "[1]Now this is a word more.")[0]
    assert (row["num_words_before"], row["num_words_after"], row["words_removed_fraction"]) == (5, 6, 0.0)


def test_editors_apply_in_order_and_words_are_counted_at_both_ends() -> None:
    text = "Comment by us\nsee www.example.com\nThe third line."
    row = edit((UrlRemoval(), RefinedWebLines()), text)[0]
    reverse = edit((RefinedWebLines(), UrlRemoval()), text)[0]
    assert row["text"] == "Comment by us\nThe third line."
    assert reverse["text"] == "Comment by us\nsee\nThe third line."
    assert (row["num_words_before"], row["num_words_after"], reverse["num_words_after"]) == (8, 6, 7)
    assert row["num_urls_removed"] == row["num_lines_removed_short"] == 1


def test_a_chain_gives_the_columns_it_names() -> None:
    editors = (UrlRemoval(), NewlineRemoval(), RefinedWebLines(), C4Lines())
    result = chain(editors).load()(documents("Some text."))
    assert result.schema == pa.schema([pa.field("text", pa.string()), *chain(editors).columns()])
    assert result.schema.names[1:4] == ["num_words_before", "num_words_after", "words_removed_fraction"]


def test_a_chain_refuses_a_column_that_two_editors_write() -> None:
    with pytest.raises(RecipeError, match=r"'num_newlines_removed'.*an Edit of its own"):
        chain((NewlineRemoval(), UrlRemoval(), NewlineRemoval(max_consecutive=1)))


@every_editor
def test_every_column_says_what_it_counts(editor: Editor) -> None:
    for field in chain((editor,)).columns():
        assert set(field.metadata) <= {b"description", b"unit", b"range"}
        assert field.metadata[b"description"]
        assert b"unit" in field.metadata or field.metadata[b"range"] == b"[0, 1]"


@every_editor
def test_an_editor_is_plain_data(editor: Editor) -> None:
    assert from_plain(to_plain(editor)) == editor


@pytest.mark.parametrize("editor", [RefinedWebLines(), C4Lines(), UrlRemoval()], ids=repr)
def test_unknown_rules_are_refused_with_the_known_ones(editor: Any) -> None:
    with pytest.raises(RecipeError, match=r"rules='dcml' is not known; (did you mean|known:)"):
        replace(editor, rules="dcml")


@every_editor
def test_a_slice_of_a_batch_gives_the_slice_of_the_result(editor: Editor) -> None:
    batch = documents(*[f"Line number {number} is here.\nSHOUT\n\n\n\n{number} likes a.com" for number in range(9)])
    whole, part = (chain((editor,)).load()(piece) for piece in (batch, batch.slice(4, 3)))
    assert part.equals(whole.slice(4, 3))


@every_editor
@settings(max_examples=40)
@given(texts=st.lists(st.lists(lines, max_size=8).map("\n".join), max_size=5))
def test_every_document_stays_no_longer_than_it_was(editor: Editor, texts: list[str]) -> None:
    rows = edit((editor,), *texts)
    assert len(rows) == len(texts)
    for row, text in zip(rows, texts, strict=True):
        assert len(row["text"]) <= len(text)
        assert 0.0 <= row["words_removed_fraction"] <= 1.0


@every_editor
@settings(max_examples=40)
@given(texts=st.lists(st.lists(lines, max_size=8).map("\n".join), min_size=1, max_size=4))
def test_a_document_does_not_depend_on_its_neighbours(editor: Editor, texts: list[str]) -> None:
    assert edit((editor,), *texts) == [edit((editor,), text)[0] for text in texts]
