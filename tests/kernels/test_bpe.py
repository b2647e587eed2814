from __future__ import annotations

import unicodedata
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.kernels import bpe
from winnow.kernels.bpe import MAX_PIECE, SPACE, encode_bytes, kinds, make_merges, piece_end
from winnow.kernels.bpe_reference import encode_reference, split_reference
from winnow.kernels.buffers import text_buffers

END = 999
TEXT = st.text(st.sampled_from(list("ab'stmdlrve  \n\t1² é漢ß.-_\u00a0\u0301\U0001f600\x1c\x00")), max_size=40)


@st.composite
def learnt(draw: st.DrawFn) -> dict[tuple[int, int], int]:
    """Merges in the order in which they were learnt, each of two ids that were there before."""
    known = [*b" abst'\xc3\xa9\xcc\x81e"]
    merges: dict[tuple[int, int], int] = {}
    for new in range(256, 256 + draw(st.integers(0, 30))):
        pair = (draw(st.sampled_from(known)), draw(st.sampled_from(known)))
        if pair not in merges:
            merges[pair] = new
            known.append(new)
    return merges


def encoded(texts: list[str], merges: dict[tuple[int, int], int]) -> list[list[int] | None]:
    """The ids of each text; None where it is beyond the kernel."""
    ids, offsets, beyond = encode_bytes(
        *text_buffers(pa.array(texts, pa.string())), make_merges(range(256), merges), END
    )
    found = [ids[start:end].tolist() for start, end in pairwise(offsets)]
    assert all(not ids for ids, is_beyond in zip(found, beyond, strict=True) if is_beyond)
    return [None if is_beyond else ids for ids, is_beyond in zip(found, beyond, strict=True)]


def pieces(text: str) -> list[str]:
    data, offsets = text_buffers(pa.array([text]))
    at, end, found = int(offsets[0]), int(offsets[1]), []
    while at < end:
        stop = piece_end(data, at, end, kinds())
        found.append(bytes(data[at:stop]).decode())
        at = stop
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello world", ["Hello", " world"]),
        ("don't 'tis we'll I'D", ["don", "'t", " '", "tis", " we", "'ll", " I", "'", "D"]),
        ("a  b   c ", ["a", " ", " b", "  ", " c", " "]),
        ("x\n\ny\n z\t", ["x", "\n", "\n", "y", "\n", " z", "\t"]),
        ("v2.0, 10²!", ["v", "2", ".", "0", ",", " 10²", "!"]),
        ("'s", ["'s"]),
        ("''s 'r", ["''", "s", " '", "r"]),
        ("   ", ["   "]),
    ],
)
def test_text_is_split_as_gpt2_splits_it(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected == list(split_reference(text))


@given(TEXT)
def test_pieces_are_the_references(text: str) -> None:
    assert pieces(text) == list(split_reference(text))


@given(st.lists(TEXT, max_size=6), learnt())
def test_ids_are_the_references(texts: list[str], merges: dict[tuple[int, int], int]) -> None:
    assert encoded(texts, merges) == [[*encode_reference(text, range(256), merges), END] for text in texts]


def test_what_was_learnt_first_is_merged_first() -> None:
    """ "abc" with b+c learnt before a+b; the first of equal pairs; a merge of merges."""
    assert encoded(["abc"], {(98, 99): 256, (97, 98): 257}) == [[97, 256, END]]
    assert encoded(["aaa"], {(97, 97): 256}) == [[256, 97, END]]
    assert encoded(["aaaa"], {(97, 97): 256, (256, 256): 257}) == [[257, END]]


def test_more_pieces_than_are_remembered_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    merges = {(97, 97): 256, (32, 256): 257}
    texts = [" ".join("a" * (1 + n * m % 11) + str(n) for n in range(60)) for m in range(5)]
    expected = [[*encode_reference(text, range(256), merges), END] for text in texts]
    assert encoded(texts, merges) == expected
    monkeypatch.setattr(bpe, "MAX_KNOWN", 7)
    assert encoded(texts, merges) == expected


def test_texts_beyond_are_left_whole_and_cost_no_other() -> None:
    unassigned = next(chr(code) for code in range(0x10000, 0x20000) if unicodedata.category(chr(code)) == "Cn")
    texts = ["a", f"b {unassigned}", "x" * MAX_PIECE, "x" * (MAX_PIECE + 1), unassigned, "a"]
    assert encoded(texts, {}) == [[97, END], None, [*b"x" * MAX_PIECE, END], None, None, [97, END]]
    broken = pa.array([b"\xff"], pa.binary()).view(pa.string())
    assert encode_bytes(*text_buffers(broken), make_merges(range(256), {}), END)[2].tolist() == [True]


def test_spaces_are_unicodes_white_space() -> None:
    """Python's ``isspace`` holds four separators more, which are controls to Unicode."""
    ours = {code for code in range(0x110000) if kinds()[code] == SPACE}
    assert ours == {code for code in range(0x110000) if chr(code).isspace()} - {0x1C, 0x1D, 0x1E, 0x1F}


def test_every_character_is_split_as_by_the_tokenizers_library() -> None:
    splitter = pytest.importorskip("tokenizers").pre_tokenizers.ByteLevel(add_prefix_space=False)
    known = [code for code in range(0x40000) if unicodedata.category(chr(code)) not in ("Cn", "Cs")]
    letters = [code for code in known if unicodedata.category(chr(code)) == "Lo"]
    chosen = sorted({*known} - {*letters} | {*letters[::17]})
    text = "".join(f"a{chr(code)}1{chr(code)}. {chr(code)}\n" for code in chosen)
    assert [len(piece.encode()) for piece in pieces(text)] == [
        len(piece) for piece, _ in splitter.pre_tokenize_str(text)
    ]
