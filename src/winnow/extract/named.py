"""The shipped extractors by name, for recipes' options."""

from __future__ import annotations

from winnow.core.errors import RecipeError, did_you_mean
from winnow.extract.extractor import Extractor
from winnow.extract.resiliparse import Resiliparse
from winnow.extract.trafilatura import Trafilatura

EXTRACTORS: dict[str, Extractor] = {"resiliparse": Resiliparse(), "trafilatura": Trafilatura()}


def extractor(name: str) -> Extractor:
    """The shipped extractor of that name with its defaults; RecipeError with the nearest names for another."""
    if name not in EXTRACTORS:
        raise RecipeError(f"no extractor is called {name!r}; {did_you_mean(name, EXTRACTORS)}")
    return EXTRACTORS[name]
