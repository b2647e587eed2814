"""Main text by trafilatura: more careful rules in Python, with two other extractors to fall back on.

Better main text than resiliparse's on articles (docs/extraction.md) at a fourteenth of its speed. Its ``deduplicate``
option is left out: it remembers earlier pages, so a page's text would depend on which pages came before it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

from winnow.core.errors import RecipeError


@dataclass(frozen=True, kw_only=True)
class Trafilatura:
    """trafilatura's ``extract``, by default as FineWeb calls it (Penedo et al. 2024; datatrove's ``Trafilatura``)."""

    favor_precision: bool = True
    """Rather less text than wrong text."""
    include_comments: bool = False
    """Keep what readers wrote below an article."""

    def check(self) -> None:
        """RecipeError where trafilatura is not installed."""
        if find_spec("trafilatura") is None:
            raise RecipeError(
                "the extractor Trafilatura needs the package trafilatura, which is not installed: "
                "run pip install 'winnow-data[trafilatura]'"
            )

    def load(self) -> Callable[[str], str]:
        """The function from HTML to text; a page without main text gives an empty one."""
        from trafilatura import extract as extract_main_text

        favor_precision, include_comments = self.favor_precision, self.include_comments

        def extract(html: str) -> str:
            text = extract_main_text(html, favor_precision=favor_precision, include_comments=include_comments)
            return text or ""

        return extract
