from __future__ import annotations

import dataclasses
import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest
from browser import open_page
from fakes import HOSTILE
from ledgers import make_ledger
from test_page import embedded, poisoned, read

from winnow.bench.ledger import Ledger, Run
from winnow.report.leaderboard import collect_leaderboard
from winnow.report.leaderboard_model import Curves, Leaderboard, Score
from winnow.report.leaderboard_page import render_leaderboard
from winnow.report.leaderboard_pictures import apart, curves, digits, dots, spread

MERITS = {"clean": 0.06, "near": 0.058, "spoiled": 0.0}
CLICK = """<script>document.querySelector('[data-value="3M"]').click();</script></body>"""


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Leaderboard:
    return collect_leaderboard(make_ledger(tmp_path_factory.mktemp("ledger"), MERITS, scales=["1M", "3M"], seed=1))


def test_the_page_tells_who_leads_and_what_is_not_decided(board: Leaderboard) -> None:
    page = render_leaderboard(board)
    for told in ("2 of 3 candidates are not told apart from the best", "lower is better", "decision accuracy",
                 "Noise floor", "found by 3 seeds", "unique tokens", "filtering · 3M"):  # fmt: skip
        assert told in page, told
    assert page.count('class="contender"') == 4
    assert page.count('class="cell better"') == page.count('class="cell worse"') == 4


def test_the_page_embeds_its_data_and_refers_to_nothing_outside(board: Leaderboard) -> None:
    page = render_leaderboard(board)
    assert embedded(page) == json.loads(board.to_json())
    links = [value for _, attrs in read(page).tags for key, value in attrs if key in ("href", "src")]
    assert links and all((link or "").startswith("#") for link in links)


def test_hostile_names_make_no_element() -> None:
    rng = np.random.default_rng(0)
    runs = [
        Run(run=f"{name}{scale}{seed}", candidate=name, track=HOSTILE, scale=scale + HOSTILE, seed=seed,
            metrics={HOSTILE: rng.normal()}, curves={HOSTILE: ((1, 2.0), (2, 1.0))}, dataset=HOSTILE, machine=HOSTILE)
        for name in (HOSTILE, HOSTILE + "2", HOSTILE + "3") for scale in "ab" for seed in range(2)
    ]  # fmt: skip
    page = render_leaderboard(collect_leaderboard(Ledger(tuple(runs), Path(HOSTILE))))
    tags = read(page).tags
    assert [name for name, _ in tags].count("script") == 2 and "img" not in {name for name, _ in tags}
    assert not [attrs for _, attrs in tags if any(key.startswith("on") for key, _ in attrs)]


def test_every_string_of_the_data_is_escaped(board: Leaderboard) -> None:
    few = dataclasses.replace(board, boards=(), transfers=())
    assert "<img" not in render_leaderboard(poisoned(few, HOSTILE))


def test_a_ledger_of_one_run_is_a_page_too() -> None:
    page = render_leaderboard(collect_leaderboard(Ledger((Run(run="1", candidate="a", metrics={"score": 1.0}),))))
    assert "training noise is unknown" in page and 'id="verdicts"' not in page and 'data-filter="' not in page


def test_buttons_choose_a_scale(board: Leaderboard, tmp_path: Path) -> None:
    page = render_leaderboard(board).replace("</body>", CLICK)
    seen, console = open_page(page, tmp_path)
    assert console == ""
    hidden = re.findall(r'<section class="board" data-track="filtering" data-scale="(\w+)" hidden="">', seen)
    assert hidden and set(hidden) == {"1M"}
    assert re.search(r'data-value="3M" aria-pressed="true"', seen) and 'data-value="any" aria-pressed="false"' in seen


def test_digits_are_as_many_as_the_noise_allows() -> None:
    assert [digits(1.23456, width) for width in (0.5, 0.05, 0.0005, None, 0.0)] == [
        "1.23",
        "1.235",
        "1.23456",
        "1.2346",
        "1.2346",
    ]


def test_labels_do_not_lie_on_each_other() -> None:
    heights = sorted(apart({"a": 100.0, "b": 101.0, "c": 50.0, "d": 100.5}, 110.0).values())
    assert all(after - before >= 12 for before, after in itertools.pairwise(heights))
    assert heights[-1] <= 110 and heights[0] == 50


def test_the_mean_lies_between_its_runs() -> None:
    score = Score(mean=1.5, interval=(1.0, 2.0), seeds=(1.2, 1.8))
    drawn = dots(score, spread([score]), "c0")
    places = [float(x) for x in re.findall(r'd="M([\d.]+) 5', drawn)]
    middle = re.search(r'cx="([\d.]+)"', drawn)
    assert middle is not None and places[0] < float(middle[1]) < places[1]


def test_a_curve_of_one_point_is_not_drawn() -> None:
    assert curves(Curves(metric="m", lines={"a": ((1, 1.0),)}), {"a": "c0"}) is None
    assert curves(Curves(metric="m", lines={}), {}) is None
    flat = curves(Curves(metric="m", lines={"a": ((1, 1.0), (2, 1.0))}), {"a": "c0"})
    assert flat is not None and "nan" not in flat
