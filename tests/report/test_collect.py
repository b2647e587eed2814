"""What is collected from a small run whose every number is known."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from pages import FirstLine, Pages, Words

from winnow.choose.rank import Top
from winnow.choose.rules import RuleSet
from winnow.choose.select import Select
from winnow.core.run import materialize
from winnow.core.step import Rows
from winnow.core.table import Store
from winnow.documents.export import Export
from winnow.edit.edit import Edit
from winnow.report.collect import collect
from winnow.report.model import MAX_SKIPPED, Amount, Limit, ReportData
from winnow.report.page import render
from winnow.report.stages import skipped

PAGES = Pages()
RULES = RuleSet(
    name="toy@here",
    source="this test",
    measures=(Words(),),
    rules=(
        ("length", "text.num_words < 6 OR text.num_words > 1000"),
        ("start", "text.start = 'd' OR text.num_words > 2000"),
        ("odd", "text.num_words % 2 = 1 AND text.num_words < 10"),
        ("never", "text.num_words > 500"),
    ),
)
GOOD = Select(documents=PAGES, reject=RULES)
EDITED = Edit(documents=GOOD, editors=(FirstLine(),))
BEST = Select(documents=EDITED, measures=(Words(name="again"),), keep=Top("again.num_words", 0.5))
EXPORT = Export(documents=BEST)


def collected(step: Rows, root: Path) -> ReportData:
    materialize(step, root, failure_budget=1.0)
    options = {"keep": 0.5, "source": ("a b", "c"), "fast": True, "deep": False, "unset": object()}
    return collect(step, Store(root), recipe="toy", options=options)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ReportData:
    return collected(EXPORT, tmp_path_factory.mktemp("store"))


def test_the_funnel_counts_every_stage_and_why_it_shrank(data: ReportData) -> None:
    assert [(stage.name, stage.total.documents) for stage in data.stages] == [
        ("Records", 30),
        ("Pages", 24),
        ("Documents", 20),
        ("Selected", 15),
        ("Edited", 15),
        ("Chosen", 8),
    ]
    losses = [{loss.reason: loss.documents for loss in stage.losses} for stage in data.stages]
    assert losses[1:4] == [{"not HTML": 6}, {"quarantined": 4}, {"toy@here:length": 3, "toy@here:odd": 2}]
    assert losses[5] == {"rank": 7}


def test_words_are_counted_where_they_were_measured_and_after_an_edit(data: ReportData) -> None:
    words = {stage.name: stage.total.words for stage in data.stages}
    kept = [n for n in range(20) if n + 3 >= 6 and not ((n + 3) % 2 == 1 and n + 3 < 10)]
    assert words["Records"] is None and words["Documents"] == sum(n + 3 for n in range(20))
    assert words["Selected"] == sum(n + 3 for n in kept)
    assert words["Edited"] == sum(kept)
    assert words["Chosen"] == sum(sorted(kept)[-8:])


def test_stages_know_their_sources(data: ReportData) -> None:
    assert data.stages[2].sources == {
        "crawl-0": Amount(documents=10, words=75),
        "crawl-1": Amount(documents=10, words=175),
    }
    assert data.stages[5].sources == {"crawl-1": Amount(documents=8, words=124)}


def test_bytes_are_those_of_the_source_and_of_text_where_text_was_written(data: ReportData) -> None:
    known = {stage.name: stage.total.bytes for stage in data.stages}
    assert known["Records"] == 2000 and known["Pages"] is None and known["Selected"] is None
    assert None not in (known["Documents"], known["Edited"], known["Chosen"])


def test_footers_tell_the_bytes_of_text_but_for_page_headers(tmp_path: Path) -> None:
    step = Pages(tasks=2, size=1000)
    texts = [len("word " * n + "\ndrop this line") for n in range(2000)]
    assert collected(step, tmp_path).stages[-1].total.bytes == pytest.approx(sum(texts), rel=0.001)


def test_rules_have_their_three_counts_and_their_thresholds(data: ReportData) -> None:
    counts = {rule.name: (rule.first, rule.any, rule.only) for rule in data.choices[0].rules}
    assert counts == {
        "quarantined:text": (0, 0, 0),
        "toy@here:length": (3, 3, 1),
        "toy@here:start": (0, 1, 0),
        "toy@here:odd": (2, 4, 2),
        "toy@here:never": (0, 0, 0),
    }
    length = data.choices[0].rules[1]
    expression = "text.num_words"
    assert length.limits == (
        Limit(expression=expression, operator="<", threshold=6.0),
        Limit(expression=expression, operator=">", threshold=1000.0),
    )


def test_rejected_documents_carry_the_numbers_that_condemned_them(data: ReportData) -> None:
    length, start = data.choices[0].rules[1:3]
    assert {one.id: one.values for one in length.rejected} == {f"p{n}": {"text.num_words": n + 3} for n in range(3)}
    assert [(one.id, one.values) for one in start.rejected] == [("p0", {"text.num_words": 3, "text.start": "d"})]
    first = next(one for one in length.rejected if one.id == "p0")
    assert (first.url, first.source, first.num_chars) == ("https://pages.example/0", "crawl-0", 15)
    assert first.excerpt == "\ndrop this line" and first.reasons == (
        "toy@here:length",
        "toy@here:start",
        "toy@here:odd",
    )


def test_the_nearest_kept_documents_are_those_at_the_threshold(data: ReportData) -> None:
    length = data.choices[0].rules[1]
    assert [one.values["text.num_words"] for one in length.nearest] == [6, 8, 10]
    assert all(not one.reasons for one in length.nearest)


def test_documents_that_a_rule_rejects_first_are_shown_before_others(data: ReportData) -> None:
    odd = data.choices[0].rules[3]
    assert {one.id for one in odd.rejected[:2]} == {"p4", "p6"}


def test_a_rank_is_a_reason_with_examples(data: ReportData) -> None:
    rank = data.choices[1].rules[-1]
    assert (rank.name, rank.any) == ("rank", 7) and "Top" in rank.condition
    assert all("again.num_words" in one.values for one in rank.rejected) and len(rank.rejected) == 5


def test_histograms_hold_every_document_and_the_thresholds(data: ReportData) -> None:
    one = next(h for h in data.histograms if h.expression == "text.num_words" and h.choice == GOOD.label)
    assert (sum(one.kept), sum(one.dropped), one.unit) == (15, 5, "words")
    assert {mark.threshold for mark in one.marks} == {6, 1000, 2000, 10, 500}
    again = next(h for h in data.histograms if h.expression == "again.num_words")
    assert (sum(again.kept), sum(again.dropped)) == (8, 7) and not again.marks


def test_an_edit_tells_what_it_took(data: ReportData) -> None:
    (edit,) = data.edits
    assert (edit.name, edit.documents, edit.changed, edit.removed) == ("FirstLine", 15, 15, {"Lines cut": 15})
    assert edit.fraction is not None and sum(edit.fraction.kept) == 15


def test_failures_that_differ_in_numbers_alone_are_one_kind(data: ReportData) -> None:
    (failure,) = data.failures
    assert (failure.step, failure.kind, failure.count) == (PAGES.label, "error", 4)
    assert failure.error == "no page at …: <b>"
    assert failure.examples[0].where == "crawl:0" and failure.examples[0].error == "no page at 0: <b>"


def test_every_step_tells_its_time_and_what_it_read(data: ReportData) -> None:
    kinds = [step.kind for step in data.steps]
    assert kinds == ["Pages", "Score text", "Select", "Edit", "Score again", "Select", "Export"]
    assert data.steps[0].bytes == 2000 and data.steps[0].quarantined == 4
    assert all(step.seconds > 0 for step in data.steps)


def test_rare_reasons_to_skip_are_summed(tmp_path: Path) -> None:
    materialize(PAGES, tmp_path, failure_budget=1.0)
    manifest = Store(tmp_path).table(PAGES).manifest
    many = dataclasses.replace(manifest, counts={f"skipped: r{n}": n for n in range(1, 41)})
    found = skipped(many)
    assert len(found) == MAX_SKIPPED + 1 and found["r40"] == 40
    assert found["10 more reasons"] == sum(range(1, 11)) and sum(found.values()) == sum(range(1, 41))


def test_the_recipe_is_told_in_full(data: ReportData) -> None:
    assert data.command == "winnow run toy --keep 0.5 --source 'a b' c --fast --no-deep"
    assert data.source == "crawl" and data.skipped == {"not HTML": 6}
    fields = {node.name: node.value for node in data.tree[0].children}
    assert data.tree[0].value == PAGES.label and fields == {"source": '"crawl"', "tasks": "2", "size": "10"}
    select = next(node for node in data.tree if node.value == GOOD.label)
    assert {node.name: node.value for node in select.children}["documents"] == PAGES.label
    assert "duckdb" in data.libraries


def test_what_was_collected_makes_a_page_and_json(data: ReportData) -> None:
    assert json.loads(data.to_json())["recipe"] == "toy"
    assert "toy@here" in render(data)


def test_the_same_tables_give_the_same_report(data: ReportData, tmp_path: Path) -> None:
    again = collected(EXPORT, tmp_path)
    assert (again.stages, again.choices, again.histograms) == (data.stages, data.choices, data.histograms)


def test_a_recipe_that_only_reads_has_a_report(tmp_path: Path) -> None:
    data = collected(Pages(tasks=1, size=1), tmp_path)
    assert [stage.name for stage in data.stages] == ["Records", "Pages", "Documents"]
    assert data.choices == () and "Funnel" in render(data)


def test_an_empty_crawl_has_a_report(tmp_path: Path) -> None:
    none = Select(documents=Pages(tasks=1, size=0), reject=RULES, keep=Top("text.num_words", 0.5))
    data = collected(none, tmp_path)
    assert data.stages[-1].total.documents == 0 and "Funnel" in render(data)
