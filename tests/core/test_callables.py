"""A function's identity changes with what it computes, and only with that."""

from __future__ import annotations

import functools
import importlib.util
import io
import pickle
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from winnow.core.callables import callable_identity
from winnow.core.errors import RecipeError

Load = Callable[[str], ModuleType]


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """Write source to a file and import it as the module ``mine``, each time anew."""

    def load(source: str) -> ModuleType:
        path = tmp_path / f"mine_{len(list(tmp_path.iterdir()))}.py"
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        spec = importlib.util.spec_from_file_location("mine", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["mine"] = module
        spec.loader.exec_module(module)
        return module

    yield load
    sys.modules.pop("mine", None)


def num_capitals(text: str) -> float:
    return float(sum(character.isupper() for character in text))


def identity(load: Load, source: str) -> str:
    return callable_identity(load(source).judge)


PLAIN = """
def judge(text):
    return len(text) / 2
"""


def test_the_identity_begins_with_the_name_and_survives_a_new_import(load: Load) -> None:
    first = identity(load, PLAIN)
    assert first.startswith("judge@")
    assert first == identity(load, "# moved down\n\n" + PLAIN)


def test_another_body_is_another_identity(load: Load) -> None:
    assert identity(load, PLAIN) != identity(load, PLAIN.replace("/ 2", "/ 3"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("LIMIT = 3", "LIMIT = 4"),
        ("LIMIT = 1.0", "LIMIT = 1"),
        ("LIMIT = (1, 2)", "LIMIT = (1, 3)"),
        ("LIMIT = {'a', 'b'}", "LIMIT = {'a', 'c'}"),
        ("LIMIT = {'a': [1]}", "LIMIT = {'a': [2]}"),
        ("import re; LIMIT = re.compile('a')", "import re; LIMIT = re.compile('a', re.I)"),
        ("def LIMIT(): return 1", "def LIMIT(): return 2"),
        ("class LIMIT: x = 1", "class LIMIT: x = 2"),
        ("from math import floor as LIMIT", "from math import ceil as LIMIT"),
        ("import math as LIMIT", "import cmath as LIMIT"),
    ],
)
def test_what_the_function_reads_from_its_module_is_part_of_it(load: Load, before: str, after: str) -> None:
    judge = "\ndef judge(text):\n    return [LIMIT for _ in text]\n"
    assert identity(load, before + judge) == identity(load, before + judge)
    assert identity(load, before + judge) != identity(load, after + judge)


def test_a_set_has_one_identity_whatever_its_order(load: Load) -> None:
    judge = "\ndef judge(text):\n    return text in WORDS\n"
    assert identity(load, "WORDS = {'a', 'b', 'c'}" + judge) == identity(load, "WORDS = {'c', 'b', 'a'}" + judge)


def test_a_constant_that_is_not_read_is_no_part_of_it(load: Load) -> None:
    assert identity(load, "OTHER = 1\n" + PLAIN) == identity(load, "OTHER = 2\n" + PLAIN)


def test_a_change_two_calls_away_is_seen(load: Load) -> None:
    source = """
    def deep(text): return {number}
    def middle(text): return deep(text)
    def judge(text): return middle(text)
    """
    assert identity(load, source.format(number=1)) != identity(load, source.format(number=2))


def test_functions_that_call_each_other_end(load: Load) -> None:
    source = """
    def even(n): return n == 0 or odd(n - 1)
    def odd(n): return n != 0 and even(n - 1)
    def judge(text): return even(len(text))
    """
    assert identity(load, source) == identity(load, source)


def test_defaults_are_part_of_it_by_value(load: Load) -> None:
    source = "K = {k}\ndef judge(text, a=K, *, b=K): return a + b"
    assert identity(load, source.format(k=1)) != identity(load, source.format(k=2))


def test_a_decorators_captured_value_is_part_of_it(load: Load) -> None:
    source = """
    import functools
    def times(n):
        def decorate(function):
            @functools.wraps(function)
            def wrapper(text): return n * function(text)
            return wrapper
        return decorate
    N = {n}
    @times(N)
    def judge(text): return {body}
    """
    first = identity(load, source.format(n=2, body="len(text)"))
    assert first == identity(load, source.format(n=2, body="len(text)"))
    assert first != identity(load, source.format(n=3, body="len(text)"))
    assert first != identity(load, source.format(n=2, body="1"))


def test_two_functions_under_one_decorator_are_told_apart(load: Load) -> None:
    source = """
    import functools
    def logged(function):
        @functools.wraps(function)
        def wrapper(text): return function(text)
        return wrapper
    @logged
    def other(text): return {n}
    @logged
    def judge(text): return other(text)
    """
    assert identity(load, source.format(n=1)) != identity(load, source.format(n=2))


def test_a_cached_function_is_known_by_what_it_wraps(load: Load) -> None:
    source = "import functools\n@functools.cache\ndef judge(text): return {n}"
    assert identity(load, source.format(n=1)) != identity(load, source.format(n=2))


def test_a_function_without_source_is_known_by_its_bytecode() -> None:
    module = ModuleType("typed_in")
    sys.modules["typed_in"] = module
    try:
        identities = []
        for body in ("len(text)", "len(text)", "len(text) + 1", "sum(1 for _ in text)", "sum(2 for _ in text)"):
            exec(f"def judge(text): return {body}", vars(module))
            identities.append(callable_identity(vars(module)["judge"]))
        assert identities[0] == identities[1]
        assert len(set(identities)) == 4
    finally:
        del sys.modules["typed_in"]


def test_builtin_functions_are_known_by_name() -> None:
    assert callable_identity(len) == callable_identity(len) != callable_identity(ascii)


def test_what_has_an_identity_can_be_sent_to_a_worker() -> None:
    callable_identity(num_capitals)
    assert pickle.loads(pickle.dumps(num_capitals)) is num_capitals


class Judge:
    def __call__(self, text: str) -> float:
        return 0.0

    def method(self, text: str) -> float:
        return 1.0


def nested() -> Callable[[str], float]:
    def inner(text: str) -> float:
        return 0.0

    return inner


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda text: 0.0, "write it as a def at the top of a module"),
        (nested(), r"nested.<locals>.inner cannot be found again"),
        (functools.partial(num_capitals), r"write a function that calls .*num_capitals"),
        (Judge(), "is not a function"),
        (float, "is not a function"),
        (Judge().method, "does not name this function"),
    ],
)
def test_what_a_worker_could_not_import_is_refused_with_advice(function: Callable[..., object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        callable_identity(function)


OPEN = io.StringIO()


def reads_an_open_file(text: str) -> float:
    return float(OPEN.write(text))


def test_a_function_that_reads_what_cannot_be_written_down_is_refused_by_name() -> None:
    with pytest.raises(RecipeError, match=r"reads_an_open_file reads OPEN, a StringIO, .*write a measure"):
        callable_identity(reads_an_open_file)
