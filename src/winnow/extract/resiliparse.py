"""Main text by resiliparse: rules on the tree of a fast parser. DCLM's choice, and the default here.

Cost: about 200 MB of HTML a second and core, fourteen times trafilatura's speed; three quarters of a whole run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Resiliparse:
    """resiliparse's ``extract_plain_text`` as DCLM calls it (Li et al. 2024, section 4.2)."""

    main_content: bool = True
    """Leave out navigation, headers, footers, sidebars, advertisements. Without it: all visible text."""

    def check(self) -> None:
        """Nothing to refuse: resiliparse is part of the base installation."""

    def load(self) -> Callable[[str], str]:
        """The function from HTML to text."""
        from resiliparse.extract.html2text import extract_plain_text

        main_content = self.main_content

        def extract(html: str) -> str:
            text: str = extract_plain_text(html, main_content=main_content)
            return text

        return extract
