from __future__ import annotations

import hashlib

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.measure.content_hash import ContentHash, Of


def hashes(*texts: str | None, of: Of = "text") -> list[int | None]:
    """The 128-bit number of each text or URL."""
    name = "url" if of == "url" else "text"
    judged = ContentHash(of=of).load()(pa.RecordBatch.from_pydict({name: pa.array(texts, pa.string())})).to_pylist()
    return [None if row["high"] is None else row["high"] << 64 | row["low"] for row in judged]


@given(st.lists(st.text() | st.none(), max_size=8))
def test_it_is_the_first_half_of_sha256(texts: list[str | None]) -> None:
    expected = [None if t is None else int.from_bytes(hashlib.sha256(t.encode()).digest()[:16], "big") for t in texts]
    assert hashes(*texts) == expected
    assert hashes(*texts, of="url") == expected


def test_a_slice_of_a_batch_is_hashed_as_if_alone() -> None:
    batch = pa.RecordBatch.from_pydict({"text": ["a", "bb", "ccc", "dddd"]})
    assert ContentHash().load()(batch.slice(1, 2)).equals(ContentHash().load()(batch).slice(1, 2))


def test_normalised_texts_are_equal_where_only_case_marks_and_white_space_differ() -> None:
    texts = ("Café, 12 km!", "cafe\n12 KM", "cafe 13 km", "?!", None)
    one, same, other, nothing, missing = hashes(*texts, of="normalized_text")
    assert one == same != other
    assert nothing is missing is None


def test_what_it_writes_says_what_it_is() -> None:
    for of in ("text", "normalized_text", "url"):
        measure = ContentHash(of=of)
        assert measure.name == f"hash_of_{of}"
        assert of.replace("_", " ") in measure.columns().field("high").metadata[b"description"].decode()


def test_another_content_is_refused() -> None:
    with pytest.raises(Exception, match=r"txet.*text"):
        ContentHash(of="txet")  # type: ignore[arg-type]
