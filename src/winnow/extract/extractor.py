"""What turns an HTML page into its main text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Extractor(Protocol):
    """Turns HTML into main text: a frozen, keyword-only dataclass whose fields are its whole configuration.

    A user's own extractor is any such class. Its function may hang, take all memory or crash: it runs in a
    ``winnow.core.sandbox.Sandbox``, one page at a time. It should not remember pages, for which pages a child has seen
    before depends on how the input was cut.
    """

    def check(self) -> None:
        """Refuse what cannot work, such as a library that is not installed (RecipeError), before anything runs."""

    def load(self) -> Callable[[str], str]:
        """Import what is needed and give the function from HTML to text; called once per child process."""
