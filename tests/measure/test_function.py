"""A user's own function as a measure."""

from __future__ import annotations

import pickle

import pyarrow as pa
import pytest

from winnow.core.errors import RecipeError
from winnow.measure.function import Function


def shouting(text: str) -> float:
    return sum(character.isupper() for character in text) / len(text)


def num_words(text: str) -> int | None:
    return len(text.split()) or None


def batch(*texts: str | None) -> pa.RecordBatch:
    return pa.record_batch({"text": pa.array(texts, pa.string())})


def test_each_text_gets_the_functions_value() -> None:
    judged = Function(name="shouting", function=shouting).load()(batch("AB cd", "quiet"))
    assert judged.to_pydict() == {"value": [0.4, 0.0]}


def test_the_rows_have_the_announced_schema_even_when_there_are_none() -> None:
    measure = Function(name="words", function=num_words)
    for documents in (batch(), batch("one two")):
        assert measure.load()(documents).schema.equals(measure.columns(), check_metadata=True)


def test_a_missing_text_is_empty_and_none_is_no_value() -> None:
    judged = Function(name="words", function=num_words).load()(batch(None, "", "a b"))
    assert judged.to_pydict() == {"value": [None, None, 2.0]}


def is_long(text: str) -> bool:
    return len(text) > 3


def test_a_yes_or_no_becomes_one_or_zero() -> None:
    judged = Function(name="long", function=is_long).load()(batch("long enough", "no"))
    assert judged.to_pydict() == {"value": [1.0, 0.0]}


def test_an_exception_reaches_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        Function(name="shouting", function=shouting).load()(batch("A", ""))


def test_it_travels_to_a_worker_process() -> None:
    measure = Function(name="shouting", function=shouting)
    assert pickle.loads(pickle.dumps(measure)) == measure


def test_a_function_that_cannot_travel_is_refused_before_any_document_is_read() -> None:
    with pytest.raises(RecipeError, match="def at the top of a module"):
        Function(name="length", function=lambda text: float(len(text))).load()
