"""RefinedWeb's line rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import pyarrow as pa

from winnow.edit.editor import Rewrite, check_choice, count_column, native


@dataclass(frozen=True, kw_only=True)
class RefinedWebLines:
    """RefinedWeb's line rules as DCLM wrote them (Penedo et al. 2023, appendix G.2; DCLM ``modifiers.py`` @ 15af3ce).

    In this order, white space at the document's ends going after each rule:

    1. a line is removed where over half of its characters are upper case;
    2. where all of them are digits (over 0.999999);
    3. where it is a counter ("1.2K likes");
    4. where it has fewer than two words (an empty line stays);
    5. from a line of at most ten words "items in cart" is cut anywhere, "Read more..." at its end, "Sign-in" at its
       start, in any case and with one white space beside it; the line goes if nothing is left.

    ``rules="dclm"`` takes the dots of "Read more..." for any three characters, as DCLM's regular expression does, which
    lacks the escapes: "Read more on" goes too. ``"fixed"`` takes them for dots.
    """

    version: ClassVar[str] = "1"
    rules: Literal["dclm", "fixed"] = "dclm"

    def __post_init__(self) -> None:
        check_choice("rules", self.rules, ("dclm", "fixed"))

    def columns(self) -> pa.Schema:
        """Lines removed by rules 1 to 4, lines shortened (or emptied) by each phrase."""
        return pa.schema(
            [
                count_column("num_lines_removed_uppercase", "Lines removed: over half of the characters upper case"),
                count_column("num_lines_removed_numeric", "Lines removed: all characters digits"),
                count_column("num_lines_removed_counter", "Lines removed: a number and what it counts"),
                count_column("num_lines_removed_short", "Lines removed: fewer than two words"),
                count_column("num_lines_cut_items_in_cart", "Lines that lost 'items in cart'"),
                count_column("num_lines_cut_read_more", "Lines that lost 'Read more...' at their end"),
                count_column("num_lines_cut_sign_in", "Lines that lost 'Sign-in' at their start"),
            ]
        )

    def load(self) -> Rewrite:
        """Compile the kernel and make its table of characters."""
        from winnow.kernels.edit_characters import edit_classes
        from winnow.kernels.edit_refinedweb import refinedweb_lines

        classes, any_dots = edit_classes(), self.rules == "dclm"
        return native(lambda text, offsets: refinedweb_lines(text, offsets, classes, any_dots), self.columns())
