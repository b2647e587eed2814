"""A model that a measure opens: a file that the user has, or a step that fits it.

A measure's field of the type ``Model`` is either; a step enters the key of the scores as every input does, is made
before them, and when the measure is loaded the directory of its files stands in its place. So ``load`` sees paths only.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, TypeVar

from winnow.core.errors import RecipeError
from winnow.core.step import Step, Whole
from winnow.core.table import Store

Model = str | Whole
"""The path of a file, or the step that makes it."""

M = TypeVar("M")


def fitted_models(measure: Any) -> tuple[Step, ...]:
    """The steps among the fields of a measure."""
    return tuple(value for value in _fields(measure).values() if isinstance(value, Step))


def with_fitted_models(measure: M, store: Store) -> M:
    """The measure with every step among its fields replaced by the path of the directory that it made."""
    fields = _fields(measure).items()
    made = {name: str(store.table(step).files()) for name, step in fields if isinstance(step, Step)}
    replaced: M = dataclasses.replace(measure, **made) if made else measure  # type: ignore[type-var]
    return replaced


def given_files(*models: Model | None) -> tuple[str, ...]:
    """The models that are files of the user: what a measure's ``files`` gives."""
    return tuple(model for model in models if isinstance(model, str))


def model_path(model: Model) -> str:
    """What a model goes by once it is made; RecipeError where it is still a step."""
    if not isinstance(model, str):
        raise RecipeError(f"{model.label} is a step: materialize the scores that use it, which makes it first")
    return model


def model_file(model: Model, name: str) -> Path:
    """The file of a model: that of the user, or ``name`` in the directory of a fitted one."""
    path = Path(model_path(model))
    return path / name if path.is_dir() else path


def _fields(measure: Any) -> dict[str, Any]:
    return {field.name: getattr(measure, field.name) for field in dataclasses.fields(measure)}
