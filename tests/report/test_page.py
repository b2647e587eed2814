from __future__ import annotations

import dataclasses
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from browser import open_page
from fakes import HOSTILE, SHOWN, choice, cluster, deduplication, histogram, hump, report, sample, scores
from test_markup import Reader

from winnow.report.model import (
    MAX_EXCERPT_CHARS,
    MAX_HISTOGRAMS,
    MAX_LARGEST,
    MAX_MEMBERS,
    MAX_NEAREST,
    MAX_REJECTED,
    MAX_SAMPLED,
    MAX_SAMPLES,
    MAX_SCORES,
    ReportData,
)
from winnow.report.page import render
from winnow.report.rules import excerpt


def poisoned(value: Any, poison: str) -> Any:
    """The data with every string replaced by a hostile one."""
    if isinstance(value, str):
        return poison
    if isinstance(value, tuple):
        return tuple(poisoned(item, poison) for item in value)
    if isinstance(value, dict):
        return {poisoned(key, poison): poisoned(item, poison) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: poisoned(getattr(value, field.name), poison) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields | ({"operator": ">"} if "operator" in fields else {}))
    return value


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


def embedded(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="report-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_hostile_strings_make_no_element_and_no_handler() -> None:
    page = render(poisoned(report(), HOSTILE))
    tags = read(page).tags
    assert [name for name, _ in tags].count("script") == 2
    assert "img" not in {name for name, _ in tags}
    assert not [attrs for _, attrs in tags if any(key.startswith("on") for key, _ in attrs)]
    assert "&lt;img src=x onerror=" in page
    page.encode("utf-8")


def test_the_page_refers_to_nothing_outside_itself() -> None:
    page = render(report())
    links = [value for _, attrs in read(page).tags for key, value in attrs if key in ("href", "src")]
    assert links and all((link or "").startswith("#") for link in links)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None and not re.search(r"url\(|@import|//", style[1])
    assert "default-src 'none'" in page


def test_every_link_leads_to_a_section() -> None:
    tags = read(render(report())).tags
    ids = {dict(attrs).get("id") for _, attrs in tags}
    targets = {(dict(attrs)["href"] or "")[1:] for name, attrs in tags if name == "a"}
    assert targets and targets <= ids


def test_the_page_embeds_its_data_and_json_holds_the_same() -> None:
    data = report()
    assert embedded(render(data)) == json.loads(data.to_json())


def test_numbers_that_condemned_a_document_stand_beside_it() -> None:
    page = render(report())
    assert "rejects &gt; 0.2" in page and "also rejected by" in page and "Nearest kept" in page


def test_a_number_on_the_good_side_is_not_marked() -> None:
    spared = dataclasses.replace(choice().rules[2], rejected=(sample(1, {"text.num_words": 51}),), nearest=())
    page = render(dataclasses.replace(report(), choices=(dataclasses.replace(choice(), rules=(spared,)),)))
    assert '<li class="against">' not in page and '<li class="against">' in render(report())


def test_rules_that_rejected_nothing_are_folded_away() -> None:
    page = render(report())
    assert "2 rules rejected nothing" in page
    assert page.count('class="rule"') == sum(bool(rule.any) for rule in choice().rules)


def test_a_long_text_is_cut_and_its_length_told() -> None:
    text = "wheat and chaff " * 200
    one = dataclasses.replace(choice().rules[2], rejected=(sample(1, {"n": 1.0}, text=text),))
    page = render(dataclasses.replace(report(), choices=(dataclasses.replace(choice(), rules=(one,)),)))
    assert "show more" in page and "6,400 characters in all" in page


def test_a_text_of_many_short_lines_is_cut_by_lines() -> None:
    one = sample(1, {}, text="\n".join(f"line {n}" for n in range(12)))
    assert excerpt(dataclasses.replace(one, num_chars=len(one.excerpt))).startswith(
        '<details class="excerpt"><summary>line 0\nline 1\nline 2\nline 3\nline 4\nline 5\nline 6\nline 7<span'
    )


def test_deduplication_tells_its_alarms_shares_and_purity() -> None:
    page = render(report())
    assert page.count('role="alert"') == 2 and "loses 3,100 of 4,000" in page
    assert "9,120 of 41,003 documents (22.2%) repeat one of 2,311 that are kept: about 31.2 MB of text." in page
    assert "77.5%" in page and "lowest</span> <b>0.42</b>" in page
    assert "<mark>moon</mark>" in page and "<mark>sun</mark>" in page
    assert page.count('class="cluster"') == 3  # one of those drawn by chance is shown among the largest


def test_scores_are_drawn_with_their_documents_and_how_they_differ() -> None:
    page = render(report())
    for told in ("score2", "rank correlation with length +0.30", "Just dropped", "Agreement", "mean quantile"):
        assert told in page
    alone = render(dataclasses.replace(report(), scores=(scores(1),)))
    assert "Agreement" not in alone


def test_a_run_without_choices_edits_and_failures_is_a_page_too() -> None:
    bare = dataclasses.replace(report(), choices=(), edits=(), histograms=(), failures=(), skipped={}, steps=())
    bare = dataclasses.replace(bare, deduplications=())
    page = render(bare)
    assert "Quarantine: 0 records" in page and 'id="rules"' not in page


def full() -> ReportData:
    """As much as the bounds of the model allow, in a script of three bytes a character."""
    shape = hump(0.3, 0.3)
    kanji = "麦と籾殻" * (MAX_EXCERPT_CHARS // 4)
    rules = []
    for index in range(MAX_SAMPLES // (MAX_REJECTED + MAX_NEAREST)):
        shown = SHOWN[index % 6][0]
        rejected = tuple(
            sample(n, {shown.limits[0].expression: 1.5}, *["gopher@dclm:x"] * 8, text=kanji)
            for n in range(MAX_REJECTED)
        )
        nearest = tuple(sample(n, {shown.limits[0].expression: 1.5}, text=kanji) for n in range(MAX_NEAREST))
        rules.append(dataclasses.replace(shown, name=f"set:{index}", rejected=rejected, nearest=nearest))
    histograms = tuple(histogram(SHOWN[3][0], "select-81c09a1d22ee0f34", shape) for _ in range(MAX_HISTOGRAMS))
    text = "".join(f"{n}{kanji[:40]} moon {n} " for n in range(60))
    clusters = [cluster(n, text=text, members=MAX_MEMBERS) for n in range(MAX_LARGEST + MAX_SAMPLED)]
    duplicates = dataclasses.replace(
        deduplication(), largest=tuple(clusters[:MAX_LARGEST]), sampled=tuple(clusters[-MAX_SAMPLED:])
    )
    return dataclasses.replace(
        report(),
        choices=(dataclasses.replace(choice(), rules=tuple(rules)),),
        histograms=histograms,
        deduplications=(duplicates, duplicates),
        scores=(scores(MAX_SCORES, text=kanji),),
    )


def test_the_page_stays_small_whatever_the_corpus() -> None:
    assert len(render(full()).encode()) < 3_000_000


# --- in a browser


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """The address of a web server, and the requests that it got."""
    requests: list[str] = []

    class Listening(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:
            pass

    listening = HTTPServer(("127.0.0.1", 0), Listening)
    thread = threading.Thread(target=listening.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}", requests
    listening.shutdown()
    thread.join()
    listening.server_close()


def test_a_browser_shows_hostile_documents_and_asks_nobody(tmp_path: Path, server: tuple[str, list[str]]) -> None:
    address, requests = server
    poison = f'</script><img src="{address}/img"><script src="{address}/script"></script>{HOSTILE}'
    dom, console = open_page(render(poisoned(report(), poison)), tmp_path)
    tags = read(dom).tags
    assert console == "" and requests == []
    assert [name for name, _ in tags].count("script") == 2 and "img" not in {name for name, _ in tags}


def test_in_a_browser_rules_can_be_reordered_and_the_theme_changed(tmp_path: Path) -> None:
    clicks = (
        "<script>document.querySelector('[data-sort=any]').click(); document.getElementById('theme').click()</script>"
    )
    dom, console = open_page(render(report()).replace("</body>", f"{clicks}</body>"), tmp_path)
    assert console == ""
    order = [int(number) for number in re.findall(r'class="rule"[^>]*data-any="(\d+)"', dom)]
    assert len(order) == 6 and order == sorted(order, reverse=True)
    assert re.search(r'<html[^>]*data-theme="(dark|light)"', dom)
    for section in ("funnel", "rules", "duplicates", "measures", "edits", "set-aside", "time", "recipe"):
        assert f'id="{section}"' in dom
