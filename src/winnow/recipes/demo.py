"""The whole way on a small crawl that comes with the package."""

from __future__ import annotations

from pathlib import Path

from winnow.core.step import Rows
from winnow.recipes.refinedweb import refinedweb

SAMPLE = Path(__file__).parent / "sample"


def demo(rules: str = "refinedweb@dclm", min_language_score: float = 0.65) -> Rows:
    """The refinedweb recipe on the packaged sample: a WARC of about 60 invented pages, one for every kind of reason."""
    return refinedweb(
        source=str(SAMPLE / "crawl.warc.gz"),
        blocklist=str(SAMPLE / "blocklist.txt"),
        rules=rules,
        min_language_score=min_language_score,
    )
