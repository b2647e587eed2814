from __future__ import annotations

import pyarrow as pa
import pytest

from winnow.core.errors import RecipeError
from winnow.measure.text import NAMESPACES, Text


def test_the_columns_are_the_kernels_statistics_in_order_each_with_its_meaning() -> None:
    from winnow.kernels.text import COLUMNS

    schema = Text().columns()
    assert tuple(schema.names) == COLUMNS
    assert all(field.metadata[b"description"] for field in schema)


def test_each_definition_of_words_has_its_own_namespace() -> None:
    assert [Text(words=words).name for words in NAMESPACES] == ["text", "text_spacy", "text_unicode"]
    with pytest.raises(RecipeError, match="words='spacey' is not known; did you mean spacy"):
        _ = Text(words="spacey").name  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("whitespace", 5),  # Don't | stop, | says | U.S. | law.
        ("spacy", 8),  # Do | n't | stop | , | says | U.S. | law | .
        ("unicode", 5),  # Don't | stop | says | U.S | law
    ],
)
def test_the_definition_decides_what_a_word_is(words: str, number: int) -> None:
    judge = Text(words=words).load()  # type: ignore[arg-type]
    found = judge(pa.RecordBatch.from_pydict({"id": ["a"], "text": ["Don't stop, says U.S. law."]}))
    assert found.column("num_words").to_pylist() == [number]


def test_a_batch_gives_a_row_per_document_and_a_null_text_counts_as_empty() -> None:
    batch = pa.RecordBatch.from_pydict({"text": pa.array(["one two", None, "", "é"], pa.string())})
    found = Text().load()(batch)
    assert found.schema == Text().columns()
    assert found.column("num_words").to_pylist() == [2, 0, 0, 1]
    assert found.column("num_chars").to_pylist() == [7, 0, 0, 1]
