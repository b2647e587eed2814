"""Published shares beside those of a run."""

from __future__ import annotations

import pytest

from winnow.report.model import Amount, Loss, Stage
from winnow.report.published import Published, draw, removed

STAGES = (
    Stage(name="Records", what="", total=Amount(documents=900)),
    Stage(name="Documents", what="", total=Amount(documents=200)),
    Stage(
        name="Selected",
        what="",
        total=Amount(documents=80),
        losses=(Loss(reason="language:not_en", documents=90), Loss(reason="gopher:short", documents=30)),
    ),
    Stage(name="Chosen", what="", total=Amount(documents=60), losses=(Loss(reason="rank", documents=20),)),
)
PUBLISHED = (
    Published(what="language", reasons=("language:",), fraction=0.508, source="a paper"),
    Published(what="the rest", reasons=("gopher:", "rank"), fraction=0.2, source="a paper"),
)


def test_a_share_is_of_the_documents_that_were_read() -> None:
    language, rest = removed(PUBLISHED, STAGES)
    assert (language.documents, language.fraction, language.published_fraction) == (90, 0.45, 0.508)
    assert (rest.documents, rest.fraction) == (50, 0.25)


def test_nothing_read_is_nothing_removed() -> None:
    assert [one.fraction for one in removed(PUBLISHED, STAGES[:1])] == [0.0, 0.0]


def test_the_table_ends_with_what_is_left_of_both() -> None:
    text = draw(removed(PUBLISHED, STAGES))
    assert "left after these" in text
    assert "30.0%" in text  # here
    assert "29.2%" in text  # in the paper


@pytest.mark.parametrize("recipe", ["refinedweb", "dclm_baseline"])
def test_every_published_reason_is_one_that_the_recipe_can_give(recipe: str) -> None:
    from winnow.choose.select import Select
    from winnow.core.step import ordered
    from winnow.recipes.catalog import build, find_recipe
    from winnow.recipes.running import PUBLISHED as OF_RECIPES

    lists = [f"--{name}=list.txt" for name in ("blocklist", "strict-words", "hard-words", "soft-words")]
    arguments = ["--source=crawl", *lists, *(["--quality-model=hq.bin"] if recipe == "dclm_baseline" else [])]
    step, _ = build(recipe, find_recipe(recipe), arguments)
    selects = [one for one in ordered(step) if isinstance(one, Select)]
    reasons = [reason for one in selects for reason in [*one.rules(), *(["rank"] if one.keep else [])]]
    for published in OF_RECIPES[recipe]:
        for beginning in published.reasons:
            assert any(reason.startswith(beginning) for reason in reasons), beginning
    covered = tuple(beginning for one in OF_RECIPES[recipe] for beginning in one.reasons)
    assert not [reason for reason in reasons if not reason.startswith(covered)]
