"""HTML that cannot be forgotten to be escaped: a string is text until it is ``Markup``.

A template language was rejected: it is one more dependency, and a function per element is as short.
"""

from __future__ import annotations

import html


class Markup(str):
    """Text that may stand in a page as it is."""

    __slots__ = ()


Child = str | int | float | None
"""What may stand inside an element: ``Markup`` as it is, anything else escaped, None not at all."""


def tag(name: str, /, *children: Child, **attributes: str | float | bool | None) -> Markup:
    """An element. ``class_`` gives ``class``, ``data_x`` gives ``data-x``; None and False leave an attribute out.

    >>> tag("a", "<b>", class_="x")
    '<a class="x">&lt;b&gt;</a>'
    """
    head = "".join(_attribute(key, value) for key, value in attributes.items())
    return Markup(f"<{name}{head}>" if name == "input" else f"<{name}{head}>{join(*children)}</{name}>")


def join(*children: Child, by: str = "") -> Markup:
    """Children one after the other."""
    return Markup(by.join(escape(child) for child in children if child is not None))


def escape(child: Child) -> Markup:
    """Markup as it is, anything else with ``& < > " '`` made harmless and control characters made visible."""
    if isinstance(child, Markup):
        return child
    return Markup(html.escape(str(child).translate(_VISIBLE)))


def _attribute(key: str, value: str | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(str(value).translate(_VISIBLE))}"'


_FORBIDDEN = [*range(9), 11, 12, *range(14, 32), 127, *range(0xD800, 0xE000)]
_VISIBLE = dict.fromkeys(_FORBIDDEN, "\N{REPLACEMENT CHARACTER}")
"""Characters that HTML does not allow or UTF-8 cannot write."""
