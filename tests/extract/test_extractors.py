"""One battery of checks over every extractor."""

from __future__ import annotations

import importlib.util
import pickle
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from test_f1 import rows

from winnow.core.errors import RecipeError
from winnow.extract.extractor import Extractor
from winnow.extract.f1 import extraction_scores
from winnow.extract.resiliparse import Resiliparse
from winnow.extract.trafilatura import Trafilatura

ARTICLE = (
    """<!doctype html><html><head><title>Title</title><style>p {color: red}</style><script>var secret</script></head>
<body><header><nav><ul><li><a href="/">Home</a></li><li><a href="/about">About us</a></li></ul></nav></header>
<article><h1>The lighthouse</h1>"""
    + "".join(
        f"<p>The keeper of the lighthouse climbed the stairs every evening, as his father had, in {year}.</p>"
        for year in range(1900, 1912)
    )
    + """</article><footer>Copyright notice and imprint</footer></body></html>"""
)

EXTRACTORS: list[Extractor] = [
    Resiliparse(),
    Resiliparse(main_content=False),
    Trafilatura(),
    Trafilatura(favor_precision=False),
]
BY_NAME = pytest.mark.parametrize("extractor", EXTRACTORS, ids=str)


@BY_NAME
def test_an_article_is_found_and_scripts_are_not(extractor: Extractor) -> None:
    _skip_what_is_missing(extractor)
    text = extractor.load()(ARTICLE)
    assert text.count("The keeper of the lighthouse") == 12
    assert "secret" not in text
    assert "color" not in text


@BY_NAME
def test_a_page_with_nothing_in_it_gives_an_empty_text(extractor: Extractor) -> None:
    _skip_what_is_missing(extractor)
    extract = extractor.load()
    for html in ("", " ", "<html>", "<!-- -->", "\0", "<html><body></body></html>"):
        assert extract(html).strip("\0 ") == ""


@BY_NAME
def test_odd_pages_give_some_text(extractor: Extractor) -> None:
    _skip_what_is_missing(extractor)
    extract = extractor.load()
    for html in (
        "<p" * 5000,
        "</div>" * 5000,
        "<p>\0\ufffe\U0010ffff&#xD800;&#0;&#99999999;",
        "<table>" * 200 + "x",
        "plain",
    ):
        extract(html).encode()


@BY_NAME
def test_the_same_page_gives_the_same_text_again(extractor: Extractor) -> None:
    _skip_what_is_missing(extractor)
    extract = extractor.load()
    assert extract(ARTICLE) == extract(ARTICLE) == extractor.load()(ARTICLE)


@BY_NAME
def test_an_extractor_is_a_value_that_travels(extractor: Extractor) -> None:
    assert pickle.loads(pickle.dumps(extractor)) == extractor
    assert hash(extractor) == hash(pickle.loads(pickle.dumps(extractor)))
    with pytest.raises(FrozenInstanceError):
        extractor.colour = "blue"  # type: ignore[attr-defined]


def test_main_content_leaves_navigation_and_footer_out() -> None:
    assert "About us" not in Resiliparse().load()(ARTICLE)
    assert "About us" in Resiliparse(main_content=False).load()(ARTICLE)


def test_a_missing_library_is_an_error_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("winnow.extract.trafilatura.find_spec", lambda name: None)
    with pytest.raises(RecipeError, match=r"pip install 'winnow-data\[trafilatura\]'"):
        Trafilatura().check()
    Resiliparse().check()


def test_main_text_is_found_as_well_as_measured(shared_data: Path) -> None:
    gold = list(rows(shared_data / "html_gold" / "scrapinghub_181.jsonl.zst"))
    extract = Resiliparse().load()
    scores = extraction_scores((page["text"], extract(page["html"])) for page in gold)
    assert scores.f1 > 0.89
    assert scores.recall > 0.97


def _skip_what_is_missing(extractor: Extractor) -> None:
    if isinstance(extractor, Trafilatura) and importlib.util.find_spec("trafilatura") is None:
        pytest.skip("trafilatura is not installed")
