"""Steps as plain data: what a manifest stores, what a key hashes, what a recipe can be rebuilt from.

Two forms of the same walk. ``to_plain`` keeps everything needed to build the step again. ``identity`` keeps only what
the result depends on: class names without their modules (code may move), the class's ``version``, the fields, and
each input step replaced by its key. A field declared with ``compare=False`` says where or how fast, not what: the first
form keeps it, the second does not.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from winnow.core.callables import callable_identity
from winnow.core.errors import RecipeError

if TYPE_CHECKING:
    from winnow.core.step import Step

Plain = Any
"""JSON: None, bool, int, float, str, list, dict with str keys."""


def to_plain(value: object) -> Plain:
    """The value as JSON-ready data that ``from_plain`` turns back into it; RecipeError for what cannot be.

    A step is written once, however many others build on it: what has steps in it is ``{"steps": [...], "value": ...}``,
    inputs before what they are inputs of, and ``{"step": 3}`` stands for the fourth of them.
    """
    writer = _Writer()
    plain = writer.encode(value)
    return {"steps": writer.steps, "value": plain} if writer.steps else plain


def from_plain(plain: Plain) -> Any:
    """The value that ``to_plain`` was given; RecipeError where its class is gone or has another version."""
    return _through_steps(plain, _decode)


def unfolded(plain: Plain) -> Plain:
    """What ``to_plain`` gave with every step where it stands, for those who compare."""
    return _through_steps(plain, _unfold)


class _Writer:
    """Writes values, every step once."""

    def __init__(self) -> None:
        self.steps: list[Plain] = []
        self._numbers: dict[str, int] = {}
        self._written: dict[int, Plain] = {}
        """By the identity of steps, so that what is shared is walked through once."""

    def encode(self, value: object) -> Plain:
        from winnow.core.step import Step

        if isinstance(value, Step):
            if id(value) not in self._written:
                self._written[id(value)] = self._numbered(self._dataclass(value))
            return self._written[id(value)]
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return self._dataclass(value)
        if callable(value):
            return {"identity": callable_identity(value), "callable": _address(value)}
        return _plain_leaf(value, self.encode)

    def _dataclass(self, value: Any) -> Plain:
        fields = {field.name: self.encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"type": _address(type(value)), "version": _version(value), "fields": fields}

    def _numbered(self, plain: Plain) -> Plain:
        """The number of a step that is written so, new or not."""
        number = self._numbers.setdefault(digest(plain), len(self.steps))
        if number == len(self.steps):
            self.steps.append(plain)
        return {"step": number}


def _through_steps(plain: Plain, read: Callable[[Plain, Sequence[Any]], Any]) -> Any:
    """What is read of plain data, given what was read of the steps before."""
    if not (isinstance(plain, dict) and "steps" in plain):
        return read(plain, ())
    steps: list[Any] = []
    for step in plain["steps"]:
        steps.append(read(step, steps))
    return read(plain["value"], steps)


def _unfold(plain: Plain, steps: Sequence[Plain]) -> Plain:
    if isinstance(plain, list):
        return [_unfold(item, steps) for item in plain]
    if not isinstance(plain, dict):
        return plain
    return steps[plain["step"]] if "step" in plain else {name: _unfold(item, steps) for name, item in plain.items()}


def _decode(plain: Plain, steps: Sequence[Any]) -> Any:
    if isinstance(plain, list):
        return tuple(_decode(item, steps) for item in plain)
    if not isinstance(plain, dict):
        return plain
    if "step" in plain:
        return steps[plain["step"]]
    if "pairs" in plain:
        return {key: _decode(item, steps) for key, item in plain["pairs"]}
    if "callable" in plain:
        return _callable(plain)
    cls: Any = _resolve(plain["type"])
    if not dataclasses.is_dataclass(cls):
        raise RecipeError(f"{plain['type']} is not a dataclass, so a recipe cannot name it")
    if getattr(cls, "version", None) != plain["version"]:
        raise RecipeError(
            f"the recipe was written for version {plain['version']} of {plain['type']}, "
            f"here it is version {getattr(cls, 'version', None)}: build it again from its recipe function"
        )
    return _construct(cls, {name: _decode(item, steps) for name, item in plain["fields"].items()})


def identity(step: Step) -> Plain:
    """What the step's result depends on, with every input replaced by its key."""
    return {
        "class": type(step).__name__,
        "version": step.version,
        "fields": _telling_fields(step),
    }


def digest(plain: Plain) -> str:
    """A 128-bit hexadecimal digest of plain data; the order of mapping keys counts only inside ``pairs``."""
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _identity_value(value: object) -> Plain:
    from winnow.core.step import Step

    if isinstance(value, Step):
        return {"key": value.key}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {"class": type(value).__name__, "version": _version(value), "fields": _telling_fields(value)}
    if callable(value):
        return {"identity": callable_identity(value)}
    return _plain_leaf(value, _identity_value)


def _plain_leaf(value: object, encode: Callable[[object], Plain]) -> Plain:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise RecipeError(f"a field holds {value}; only finite numbers can be part of a recipe")
        return float(value)  # NumPy's are floats too, and not every writer of JSON takes them
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {"pairs": [[_string_key(key), encode(item)] for key, item in value.items()]}
    raise RecipeError(
        f"a field holds a {type(value).__name__} ({value!r}); a recipe is made of numbers, strings, tuples, "
        "mappings, functions, frozen dataclasses and steps"
    )


def _string_key(key: object) -> str:
    if not isinstance(key, str):
        raise RecipeError(f"a mapping in a recipe has the key {key!r}; keys must be strings")
    return key


def _telling_fields(value: Any) -> dict[str, Plain]:
    """The fields that the result depends on."""
    telling = [field.name for field in dataclasses.fields(value) if field.compare]
    return {name: _identity_value(getattr(value, name)) for name in telling}


def _version(value: object) -> str | None:
    version = getattr(type(value), "version", None)
    return version if isinstance(version, str) else None


def _address(value: Any) -> str:
    return f"{value.__module__}:{value.__qualname__}"


def _construct(cls: Any, fields: Mapping[str, Any]) -> Any:
    try:
        return cls(**fields)
    except TypeError as error:
        raise RecipeError(f"the recipe does not fit {cls.__name__} as it is here: {error}") from error


def _resolve(address: str) -> Any:
    module, _, name = address.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise RecipeError(f"the recipe names {address}, which cannot be imported here ({error})") from error
    return found


def _callable(plain: Mapping[str, Plain]) -> Any:
    function = _resolve(plain["callable"])
    if callable_identity(function) != plain["identity"]:
        raise RecipeError(f"{plain['callable']} has changed since the recipe was written: build the recipe again")
    return function
