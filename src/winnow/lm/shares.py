"""How much of a training stream each source gives: five ways to say it.

===================  ==================================================================================================
``Proportional``     by size: every source is passed over equally often
``Temperature``      by size to the power 1/t (Arivazhagan et al. 2019, arXiv 1907.05019): t = 1 is by size, a high t
                     gives small sources as much as large ones
``Weights``          fixed shares of the stream's tokens
``Epochs``           fixed numbers of passes over each source; the number of tokens follows
``Advised``          weights that an advisor wrote to a JSON file, or a step that does
===================  ==================================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

from winnow.core.errors import InputError, RecipeError, WinnowError, did_you_mean
from winnow.core.files import read_json
from winnow.measure.model import Model, model_file

WEIGHTS_FILE = "weights.json"
Named = tuple[tuple[str, float], ...]
"""A number for each source, by its name."""


@dataclass(frozen=True, kw_only=True)
class Proportional:
    """By size: every source is passed over equally often."""

    version: ClassVar[str] = "1"


@dataclass(frozen=True)
class Temperature:
    """By size to the power 1/t, t > 0."""

    version: ClassVar[str] = "1"
    t: float


@dataclass(frozen=True)
class Weights:
    """Shares of the stream's tokens by name of source; they need not add up to 1, and 0 leaves a source out."""

    version: ClassVar[str] = "1"
    weights: Named


@dataclass(frozen=True)
class Epochs:
    """Passes over each source by its name: 1, 2.5, 0 leaves it out; the number of tokens follows."""

    version: ClassVar[str] = "1"
    epochs: Named


@dataclass(frozen=True)
class Advised:
    """Weights from a JSON file ``{"name": weight}``, or from a step that writes such a file as ``weights.json``."""

    version: ClassVar[str] = "1"
    model: Model


Shares = Proportional | Temperature | Weights | Epochs | Advised


def check_shares(shares: Shares, names: Sequence[str]) -> None:
    """Refuse (RecipeError) what is no share, and names that are not those of the sources."""
    if isinstance(shares, Temperature) and not (shares.t > 0 and math.isfinite(shares.t)):
        raise RecipeError(f"the temperature is {shares.t}; it must be a number above 0 (1 is by size)")
    if isinstance(shares, Weights):
        _check_named(dict(shares.weights), names, "weights", RecipeError)
    if isinstance(shares, Epochs):
        _check_named(dict(shares.epochs), names, "epochs", RecipeError)


def share_weights(shares: Shares, sizes: Mapping[str, int]) -> dict[str, Fraction]:
    """A weight for each source of so many tokens; those of ``Epochs`` are the tokens themselves.

    InputError where a file of weights does not fit the sources.
    """
    if isinstance(shares, Proportional):
        weights: Mapping[str, float] = sizes
    elif isinstance(shares, Temperature):
        largest = max(sizes.values())
        weights = {name: (size / largest) ** (1 / shares.t) for name, size in sizes.items()}
    elif isinstance(shares, Weights):
        weights = dict(shares.weights)
    elif isinstance(shares, Epochs):
        return {name: Fraction(epochs) * sizes[name] for name, epochs in shares.epochs}
    else:
        weights = _read_weights(model_file(shares.model, WEIGHTS_FILE), list(sizes))
    return {name: Fraction(weights[name]) for name in sizes}


def allot(num_tokens: int, weights: Mapping[str, Fraction]) -> dict[str, int]:
    """So many tokens by weight, exactly: whole numbers that add up, each within one of its share.

    What rounding down leaves goes to the largest remainders, then to the first names.
    """
    total = sum(weights.values())
    exact = {name: num_tokens * weight / total for name, weight in weights.items()}
    tokens = {name: math.floor(share) for name, share in exact.items()}
    left = num_tokens - sum(tokens.values())
    for name in sorted(exact, key=lambda name: tokens[name] - exact[name])[:left]:
        tokens[name] += 1
    return tokens


def _read_weights(path: Path, names: Sequence[str]) -> dict[str, float]:
    """An advisor's weights; what it says of no source is an error, since its shares were meant to add up."""
    try:
        found = read_json(path)
    except (OSError, ValueError) as error:
        raise InputError(f"the advisor's weights cannot be read from {path}: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f'{path} holds a {type(found).__name__}; an advisor writes {{"name of source": weight, ...}}')
    _check_named(found, names, f"weights in {path}", InputError)
    return found


def _check_named(given: Mapping[str, float], names: Sequence[str], what: str, error: type[WinnowError]) -> None:
    """Refuse names that are not the sources', and numbers that are no shares."""
    for name in given:
        if name not in names:
            raise error(f"the {what} name {name!r}, which is no source; {did_you_mean(name, names)}")
    missing = [name for name in names if name not in given]
    if missing:
        raise error(f"the {what} say nothing of {', '.join(missing)}: give each source a number, 0 to leave it out")
    for name, number in given.items():
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number < math.inf:
            raise error(f"the {what} hold {number!r} for {name}; give a finite number, 0 or more")
    if not any(given.values()):
        raise error(f"the {what} are all 0: give at least one source more")
