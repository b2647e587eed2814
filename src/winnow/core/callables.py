"""What tells one user's function from another, so that a step made with it gets a key that cannot go stale.

A function enters a key by what it computes: its source, the functions of its own module that it calls, and the values
that it reads from outside itself (constants, defaults, captured variables). What comes from other modules enters by
name and, where the module has one, ``__version__``. A value whose content cannot be written down (an open model, a
logger) is an error rather than a silent gap.

Rejected: a digest of the bytecode alone, which changes with every Python; pickling by value, which is the same and
hides constants; the name alone, which keeps old numbers after an edit.
"""

from __future__ import annotations

import builtins
import dis
import hashlib
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from winnow.core.errors import RecipeError


def callable_identity(function: Callable[..., object]) -> str:
    """``name@digest`` of a function that worker processes can import: the same wherever it computes the same.

    Comments count as source. RecipeError, saying what to write instead, for what cannot be imported by name (a lambda,
    a nested function, a method, a ``partial``) and for a function that reads what cannot be written down.
    """
    _check_importable(function)
    text = json.dumps(_Reader().describe(function), sort_keys=True)
    return f"{function.__qualname__}@{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"


def _check_importable(function: Callable[..., object]) -> None:
    if isinstance(function, partial):
        raise RecipeError(f"{function!r} has no name of its own: write a function that calls {_name(function.func)}")
    if not hasattr(function, "__qualname__") or isinstance(function, type):
        raise RecipeError(f"{function!r} is not a function: give a function, or write a measure that holds it")
    name = function.__qualname__
    if "<lambda>" in name or "<locals>" in name:
        raise RecipeError(
            f"{name} cannot be found again by a worker process or a later run: write it as a def at the top of a module"
        )
    found: Any = sys.modules.get(function.__module__)
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is not function:
        raise RecipeError(
            f"{function.__module__}.{name} does not name this function (a method, or replaced since): "
            "use a function at the top of a module"
        )


class _Reader:
    """Describes functions and values as JSON-ready data; functions that call each other are described once."""

    def __init__(self) -> None:
        self.seen: set[FunctionType] = set()

    def describe(self, function: Any) -> object:
        """Its code and everything that the code reads from outside; of a cached function, of what it caches."""
        if isinstance(function, BuiltinFunctionType):
            return _name(function)
        inner = function if isinstance(function, FunctionType) else getattr(function, "__wrapped__", None)
        if not isinstance(inner, FunctionType):
            raise RecipeError(f"{_name(function)} is a {type(function).__name__}: use a function written in Python")
        if inner in self.seen:
            return _name(inner)
        self.seen.add(inner)
        captured = dict(zip(inner.__code__.co_freevars, _contents(inner), strict=True))
        defaults = {str(place): value for place, value in enumerate(inner.__defaults__ or ())}
        read = {"defaults": defaults | (inner.__kwdefaults__ or {}), "captured": captured, "globals": _globals(inner)}
        described = {kind: self.values(inner, named) for kind, named in read.items()}
        return {"code": _source(inner.__code__), **described}

    def values(self, reader: FunctionType, named: Mapping[str, object]) -> list[object]:
        """What ``reader`` reads under each name, in the order of the names."""
        return [[name, self.value(reader, name, named[name])] for name in sorted(named)]

    def value(self, reader: FunctionType, name: str, value: Any) -> object:
        """A value that ``reader`` reads under ``name``."""
        if value is None or isinstance(value, bool | int | float | complex | str | bytes):
            return [type(value).__name__, repr(value)]
        if isinstance(value, tuple | list):
            return [type(value).__name__, [self.value(reader, name, item) for item in value]]
        if isinstance(value, set | frozenset):
            return [type(value).__name__, sorted(json.dumps(self.value(reader, name, item)) for item in value)]
        if isinstance(value, dict):
            return ["dict", [[self.value(reader, name, part) for part in pair] for pair in value.items()]]
        if isinstance(value, re.Pattern):
            return ["pattern", repr(value.pattern), value.flags]
        if isinstance(value, ModuleType):
            return ["module", value.__name__, _version(value.__name__)]
        if isinstance(value, FunctionType) and value.__module__ == reader.__module__:
            return self.describe(value)
        if hasattr(value, "__qualname__") and hasattr(value, "__module__"):
            return ["named", _name(value), _version(str(value.__module__)), *_class_source(reader, value)]
        raise RecipeError(
            f"{_name(reader)} reads {name}, a {type(value).__name__}, whose content cannot enter a key: "
            "write a measure whose load() opens it and whose fields say which one it is"
        )


def _source(code: CodeType) -> object:
    try:
        return textwrap.dedent(inspect.getsource(code)).strip()
    except (OSError, TypeError):
        return [_bytecode(each) for each in _codes(code)]


def _bytecode(code: CodeType) -> list[str]:
    constants = [repr(constant) for constant in code.co_consts if not isinstance(constant, CodeType)]
    return [code.co_code.hex(), *constants, *code.co_names, *code.co_varnames]


def _codes(code: CodeType) -> Iterator[CodeType]:
    """The code and that of every function, lambda and comprehension within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _globals(function: FunctionType) -> dict[str, object]:
    """The global names that the function reads, with their values; built-in and undefined names aside."""
    known = function.__globals__
    instructions = (each for code in _codes(function.__code__) for each in dis.get_instructions(code))
    names = {each.argval for each in instructions if each.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return {name: known[name] for name in names if name in known and known[name] is not vars(builtins).get(name)}


def _contents(function: FunctionType) -> list[object]:
    try:
        return [cell.cell_contents for cell in function.__closure__ or ()]
    except ValueError as error:
        raise RecipeError(f"{_name(function)} captures a variable that has no value yet: give it one first") from error


def _class_source(reader: FunctionType, value: Any) -> list[str]:
    """The source of a class of the reader's own module; nothing for what is at home elsewhere."""
    if not isinstance(value, type) or value.__module__ != reader.__module__:
        return []
    try:
        return [textwrap.dedent(inspect.getsource(value)).strip()]
    except (OSError, TypeError) as error:
        raise RecipeError(f"{_name(reader)} uses {value.__name__}, whose source is not at hand") from error


def _version(module: str) -> str | None:
    version = getattr(sys.modules.get(module.partition(".")[0]), "__version__", None)
    return version if isinstance(version, str) else None


def _name(value: Any) -> str:
    return f"{getattr(value, '__module__', None)}.{getattr(value, '__qualname__', value)}"
