from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.kernels import paragraphs_reference as reference
from winnow.kernels.buffers import text_buffers
from winnow.kernels.paragraphs import UNITS, units

pieces = st.one_of(
    st.sampled_from(["a", "b", "word", "é", "漢字", "🙂", "e.g.", "Stop.", "No!", "(Why?)", '"Yes."', ".", "”", "…"]),
    st.sampled_from([" ", "  ", "\n", "\n\n", "\r\n", "\u00a0", "\u2028", "\t", "\x0c", "a longer run of words"]),
)
texts = st.lists(pieces, max_size=25).map("".join)
kinds = st.sampled_from(UNITS)

Found = list[list[tuple[int, int, tuple[int, int]]]]


def found(texts: list[str], kind: str, min_length: int = 1, stripped: bool = False) -> Found:
    """For each text where its units start and end, with their hashes."""
    rows, ends = units(*text_buffers(pa.array(texts, pa.string())), UNITS.index(kind), min_length, stripped)
    flat = [(start, end, (high, low)) for start, end, high, low in rows.tolist()]
    return [flat[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


@settings(max_examples=300)
@given(st.lists(texts, min_size=1, max_size=4), kinds, st.integers(0, 6), st.booleans())
def test_units_are_those_of_the_reference(texts: list[str], kind: str, min_length: int, stripped: bool) -> None:
    expected = [reference.units(text, kind, min_length, stripped) for text in texts]
    rows = found(texts, kind, min_length, stripped)
    assert [[unit[:2] for unit in row] for row in rows] == [[unit[:2] for unit in row] for row in expected]
    hashes = [unit[2] for row in rows for unit in row]
    contents = [unit[2] for row in expected for unit in row]
    for half in (0, 1):
        named = {(pair[half], content) for pair, content in zip(hashes, contents, strict=True)}
        assert len(named) == len(set(contents))
        assert len({pair[half] for pair in hashes}) == len(set(contents))


@given(texts)
def test_lines_and_paragraphs_make_up_the_whole_text(text: str) -> None:
    for kind in ("line", "paragraph"):
        spans = found([text], kind, 0)[0]
        assert "".join(text[start:end] for start, end, _ in spans) == text


def test_a_run_is_three_sentences() -> None:
    text = 'One is here. "Two is here!" Three?\nFour has no mark\nFive.'
    runs = [text[start:end] for start, end, _ in found([text], "sentences")[0]]
    assert runs == [
        'One is here. "Two is here!" Three?',
        '"Two is here!" Three?\nFour has no mark',
        "Three?\nFour has no mark\nFive.",
    ]
    assert found(["One. Two."], "sentences") == [[]]


@pytest.mark.parametrize("kind", UNITS)
def test_a_text_of_one_long_line_is_one_unit_at_most(kind: str) -> None:
    text = "no end " * 1_000_000
    spans = [unit[:2] for unit in found([text, "a"], kind)[0]]
    assert spans == ([] if kind == "sentences" else [(0, len(text))])


def test_a_carriage_return_belongs_to_the_line_unless_it_is_stripped() -> None:
    texts = ["line\r\nnext", "line\nnext"]
    first, second = found(texts, "line")
    assert first[0][2] != second[0][2]
    first, second = found(texts, "line", stripped=True)
    assert first[0][2] == second[0][2]
