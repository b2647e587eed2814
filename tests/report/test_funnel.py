from __future__ import annotations

import dataclasses
import re

from fakes import stages

from winnow.report.funnel import draw, largest, levels
from winnow.report.model import Amount, Loss, Stage


def test_a_unit_is_shown_for_the_stages_that_know_it() -> None:
    assert [level.stage.name for level in levels(stages(), "words")] == ["Documents", "Selected", "Chosen"]
    assert [level.stage.name for level in levels(stages(), "bytes")] == ["Records", "Documents", "Selected", "Chosen"]


def test_a_stage_that_changed_nothing_is_left_out() -> None:
    documents, *_, chosen = stages()
    same = dataclasses.replace(documents, name="Edited", losses=())
    assert [level.stage.name for level in levels((documents, same, chosen), "documents")] == ["Records", "Chosen"]
    assert [level.stage.name for level in levels((documents, same), "documents")] == ["Records", "Edited"]


def test_reasons_are_known_in_documents_alone() -> None:
    by_documents, by_words = levels(stages(), "documents"), levels(stages(), "words")
    assert len(by_documents[3].losses) > 3
    assert by_words[1].losses == (Loss(reason="by refinedweb@dclm", documents=27_900_000 - 19_400_000),)


def test_what_was_lost_over_several_steps_is_laid_to_all_of_them() -> None:
    first, *_, selected, chosen = stages()
    unknown = dataclasses.replace(selected, total=Amount(documents=9))
    (loss,) = levels((first, unknown, chosen), "bytes")[1].losses
    assert loss.reason == "by refinedweb@dclm; by edits@refinedweb"


def test_the_largest_reasons_are_named_and_none_is_lost() -> None:
    losses = [Loss(reason=f"r{n}", documents=n) for n in range(12)]
    shown = largest(losses, 4)
    assert [loss.documents for loss in shown] == [11, 10, 9, 36]
    assert shown[-1].reason == "8 more reasons"


def test_bands_are_as_wide_as_what_is_left() -> None:
    found = (
        Stage(name="All", what="", total=Amount(documents=200)),
        Stage(name="Half", what="", total=Amount(documents=100), losses=(Loss(reason="other", documents=100),)),
    )
    assert re.findall(r'class="water" style="width:([\d.]+)%"', draw(found)) == ["100.00", "50.00"]


def test_one_source_needs_no_table() -> None:
    one = [dataclasses.replace(s, sources={"a": s.total}) for s in stages()]
    assert "By source" not in draw(one) and "By source" in draw(stages())


def test_an_empty_crawl_is_drawn() -> None:
    nothing = Stage(name="Records", what="", total=Amount(documents=0))
    assert "0.00%" in draw((nothing, dataclasses.replace(nothing, name="Documents")))
