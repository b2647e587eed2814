from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from winnow.report.markup import Markup, escape, join, tag


class Reader(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


ANY_TEXT = st.text(st.characters(exclude_categories=["Cc"]))


@given(ANY_TEXT)
def test_text_is_read_back_as_it_was_and_makes_no_element(text: str) -> None:
    reader = Reader()
    reader.feed(tag("p", text))
    reader.close()
    assert [name for name, _ in reader.tags] == ["p"]
    assert reader.text == escape_surrogates(text)


@given(ANY_TEXT)
def test_an_attribute_is_read_back_as_it_was_and_makes_no_other(value: str) -> None:
    reader = Reader()
    reader.feed(tag("p", title=value))
    assert reader.tags == [("p", [("title", escape_surrogates(value))])]


def escape_surrogates(text: str) -> str:
    return "".join("\N{REPLACEMENT CHARACTER}" if "\ud800" <= c <= "\udfff" else c for c in text)


def test_what_html_forbids_becomes_visible() -> None:
    assert escape("a\x00b\ud800\nc") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}\nc"


def test_markup_is_left_as_it_is_and_none_left_out() -> None:
    assert join(Markup("<b>"), None, "<", 1.5) == "<b>&lt;1.5"


def test_attributes_that_are_none_or_false_are_left_out() -> None:
    assert tag("i", a=None, b=False, c=True, data_d=0, class_="e") == '<i c data-d="0" class="e"></i>'
