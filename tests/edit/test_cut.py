from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import Given, rows_of

from winnow.choose.rules import RuleSet
from winnow.choose.select import Select
from winnow.core.errors import RecipeError
from winnow.core.run import materialize
from winnow.dedup.bloom import bloom_duplicates
from winnow.dedup.exact import exact_duplicates
from winnow.dedup.lines import line_duplicates
from winnow.edit.cut import Cut, without
from winnow.edit.edit import Edit
from winnow.edit.newlines import NewlineRemoval

DOCUMENTS = Given(shards=((("a", "menu\nmy text", "u1"), ("b", "menu\nyour text", "u2")), (("c", "menu\n", "u3"),)))


def rule(sql: str) -> RuleSet:
    return RuleSet(name="test", source="this test", measures=(), rules=(("reason", sql),))


@st.composite
def marked(draw: st.DrawFn) -> tuple[str | None, list[tuple[int, int]]]:
    text = draw(st.none() | st.text(alphabet="ab é漢🙂\n", max_size=12))
    places = draw(st.lists(st.integers(0, len(text or "")), max_size=6, unique=True).map(sorted))
    return text, list(zip(places[::2], places[1::2], strict=False))


@given(st.lists(marked(), max_size=5), st.integers(0, 2))
def test_what_is_marked_goes_and_the_rest_stays(
    rows: list[tuple[str | None, list[tuple[int, int]]]], skip: int
) -> None:
    kind = pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32())]))
    texts = pa.array([text for text, _ in rows], pa.string()).slice(skip)
    spans = pa.array([[{"start": a, "end": b} for a, b in marks] for _, marks in rows], kind).slice(skip)
    cut, removed = without(texts, spans)
    for (text, marks), new, number in zip(rows[skip:], cut.to_pylist(), removed, strict=True):
        gone = {place for start, end in marks for place in range(start, end)}
        kept = None if text is None else "".join(letter for place, letter in enumerate(text) if place not in gone)
        assert (new, number) == (kept, len(gone))


def test_passages_are_cut_and_counted_and_other_columns_stay(tmp_path: Path) -> None:
    marks = line_duplicates(DOCUMENTS, prefer=["-ascii(documents.id)"])
    cut = Cut(documents=DOCUMENTS, marks=marks)
    materialize(cut, tmp_path)
    assert rows_of(cut, tmp_path) == [
        {
            "id": id,
            "text": text,
            "url": url,
            "source": None,
            "num_passages_removed": int(gone > 0),
            "num_chars_removed": gone,
            "chars_removed_fraction": gone / length,
            "num_chars_left": left,
        }
        for id, text, url, gone, length, left in [
            ("a", "menu\nmy text", "u1", 0, 12, 12),
            ("b", "your text", "u2", 5, 14, 9),
            ("c", "", "u3", 5, 5, 0),
        ]
    ]


def test_a_selection_of_the_marked_documents_may_be_cut_and_cut_again(tmp_path: Path) -> None:
    marks = line_duplicates(DOCUMENTS, prefer=["-ascii(documents.id)"])
    cut = Cut(documents=Select(documents=DOCUMENTS, reject=rule("documents.id = 'a'")), marks=marks)
    left = Select(documents=cut, reject=rule("documents.num_chars_left = 0"))
    again = Cut(documents=left, marks=line_duplicates(left))
    materialize(again, tmp_path)
    assert [(row["id"], row["text"], row["num_chars_removed"]) for row in rows_of(again, tmp_path)] == [
        ("b", "your text", 0)
    ]


def test_bloom_duplicates_leave_the_text_that_bff_leaves(tmp_path: Path) -> None:
    shared = "these words stand in both of them"
    documents = Given(shards=((("a", f"{shared}\nfirst of all here"), ("b", f"{shared}\nsecond to none here")),))
    cut = Cut(documents=documents, marks=bloom_duplicates(documents, ngram=3))
    materialize(cut, tmp_path)
    texts = sorted((row["text"] for row in rows_of(cut, tmp_path)), key=len)
    assert texts[0] in ("\nfirst of all here", "\nsecond to none here")  # a line goes with the newline before it
    assert texts[1].startswith(shared)


@dataclass(frozen=True, kw_only=True)
class Twin(Given):
    """The same documents under another name."""


def test_marks_in_another_text_are_refused(tmp_path: Path) -> None:
    marks = line_duplicates(DOCUMENTS)
    edited = Edit(documents=DOCUMENTS, editors=(NewlineRemoval(),))
    with pytest.raises(RecipeError, match=r"edit-.* has rewritten the text in which passages-lines-.* marks passages"):
        materialize(Cut(documents=edited, marks=marks), tmp_path)
    with pytest.raises(RecipeError, match=r"which twin-.* is no selection of"):
        materialize(Cut(documents=Twin(shards=DOCUMENTS.shards), marks=marks), tmp_path)
    with pytest.raises(RecipeError, match="marks no passages: it has the columns duplicate_of"):
        materialize(Cut(documents=DOCUMENTS, marks=exact_duplicates(DOCUMENTS)), tmp_path)
