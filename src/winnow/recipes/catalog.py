"""How a recipe is found and how its parameters become command-line options.

A recipe is a Python function that returns a step. Its parameters are its options, its docstring is its help. It is
named as a shipped recipe (``refinedweb``), as ``module:function`` or ``file.py:function``, or as the ``recipe.json``
or ``manifest.json`` that an earlier run wrote.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import inspect
import types
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from winnow.core.errors import RecipeError, did_you_mean
from winnow.core.files import read_json
from winnow.core.plain import from_plain
from winnow.core.step import Step
from winnow.core.storage import place

Recipe = Callable[..., Step]

SHIPPED = {
    "demo": "winnow.recipes.demo:demo",
    "refinedweb": "winnow.recipes.refinedweb:refinedweb",
    "dclm_baseline": "winnow.recipes.dclm_baseline:dclm_baseline",
    "compare_filters": "winnow.recipes.compare_filters:compare_filters",
    "fineweb_filters": "winnow.recipes.fineweb_filters:fineweb_filters",
    "dedup": "winnow.recipes.dedup:dedup",
    "decontaminate": "winnow.recipes.decontaminate:decontaminate",
    "distil": "winnow.recipes.distil:distil",
    "iterative_recall": "winnow.recipes.iterative_recall:iterative_recall",
    "train": "winnow.recipes.testbed:train",
    "evaluate": "winnow.recipes.testbed:evaluate",
    "fine_tune": "winnow.recipes.testbed:fine_tune",
    "filtering": "winnow.recipes.testbed:filtering",
    "mixing": "winnow.recipes.testbed:mixing",
    "scaling": "winnow.recipes.scaling:scaling",
    "imported": "winnow.recipes.testbed:imported",
    "pruning_study": "winnow.recipes.pruning_study:pruning_study",
    "datarater": "winnow.recipes.datarater:datarater",
}
TRACKS = ("filtering", "mixing", "scaling", "imported")
"""Those that ``winnow bench`` makes."""


def find_recipe(name: str) -> Recipe:
    """The recipe of that name; RecipeError with the nearest names for one that is not there."""
    if name.endswith(".json"):
        return _written(place(name))
    if ":" not in SHIPPED.get(name, name):
        raise RecipeError(
            f"no recipe is called {name!r}; {did_you_mean(name, SHIPPED)} "
            "(your own: file.py:function or module:function)"
        )
    return find_function(SHIPPED.get(name, name))


def find_function(name: str) -> Callable[..., Any]:
    """The function that ``file.py:function`` or ``module:function`` names; RecipeError where it cannot be loaded."""
    module, _, function = name.partition(":")
    try:
        return typing.cast(Callable[..., Any], getattr(_module(module), function))
    except (ImportError, AttributeError, OSError) as error:
        raise RecipeError(f"{name!r} cannot be loaded: {error}") from error


def options_parser(name: str, recipe: Recipe) -> argparse.ArgumentParser:
    """A parser of the recipe's parameters."""
    command = "bench" if name in TRACKS else "run"
    parser = argparse.ArgumentParser(prog=f"winnow {command} {name}", add_help=False, allow_abbrev=False)
    group = parser.add_argument_group(f"options of {name}")
    hints = typing.get_type_hints(recipe)
    for parameter in inspect.signature(recipe).parameters.values():
        _add_option(group, parameter, hints.get(parameter.name, str))
    return parser


def build(name: str, recipe: Recipe, arguments: Sequence[str]) -> tuple[Step, dict[str, Any]]:
    """Call the recipe with options given as on a command line; gives the step and the options."""
    parser = options_parser(name, recipe)
    known = [option for action in parser._actions for option in action.option_strings]
    for argument in arguments:
        option = argument.split("=")[0]
        if option.startswith("--") and option not in known:
            raise RecipeError(f"the recipe {name} has no option {option}; {did_you_mean(option, known)}")
    options = vars(_parse(parser, arguments))
    return recipe(**{key: value for key, value in options.items() if value is not _UNSET}), options


class _Unset:
    """A parameter that was not given: the recipe's own default holds."""

    def __repr__(self) -> str:
        return "default"


_UNSET = _Unset()


def _parse(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
    def refuse(message: str) -> typing.NoReturn:
        raise RecipeError(f"{parser.prog}: {message}")

    parser.error = refuse  # type: ignore[method-assign]
    return parser.parse_args(list(arguments))


def _add_option(group: Any, parameter: inspect.Parameter, hint: Any) -> None:
    flag = "--" + parameter.name.replace("_", "-")
    required = parameter.default is inspect.Parameter.empty
    default = None if required else parameter.default
    text = "required" if required else f"default: {default}"
    kind = _plain_type(hint)
    if kind is bool:
        action = argparse.BooleanOptionalAction
        group.add_argument(flag, dest=parameter.name, action=action, default=_UNSET, help=text)
    else:
        several = typing.get_origin(hint) is tuple or any(typing.get_origin(a) is tuple for a in typing.get_args(hint))
        group.add_argument(
            flag,
            dest=parameter.name,
            type=kind,
            nargs="+" if several else None,
            required=required,
            default=_UNSET,
            metavar=parameter.name.upper(),
            help=text,
        )


def _plain_type(hint: Any) -> type:
    """``str`` for ``str | None``, ``float`` for ``tuple[float, ...]``."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) in (typing.Union, tuple):
        inner = [argument for argument in typing.get_args(hint) if argument not in (type(None), Ellipsis)]
        return _plain_type(inner[0])
    return hint if hint in (str, int, float, bool) else str


def _module(name: str) -> types.ModuleType:
    if not name.endswith(".py"):
        return importlib.import_module(name)
    spec = importlib.util.spec_from_file_location(Path(name).stem, name)
    if spec is None or spec.loader is None or not Path(name).is_file():
        raise RecipeError(f"there is no file {name}")
    import sys

    sys.path.insert(0, str(Path(name).resolve().parent))  # so that workers can import what the recipe defines
    return importlib.import_module(Path(name).stem)


def _written(path: Path) -> Recipe:
    """The recipe that a run or a table wrote down."""
    if not path.is_file():
        raise RecipeError(f"there is no file {path}")
    plain = read_json(path)

    def recipe() -> Step:
        """A recipe read from a file."""
        step = from_plain(plain["recipe"])
        if not isinstance(step, Step):
            raise RecipeError(f"{path} holds no recipe")
        return step

    return recipe
