from __future__ import annotations

import doctest
import math
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from advised import HALF_LIFE, LAW, NAMES, NOISE, SIZE, TOKENS, UTILITY, advised, drawn, form, profiled
from browser import open_page
from fakes import HOSTILE
from test_page import embedded, read

from winnow.core.errors import InputError
from winnow.laws.advice import Switch, advise, beliefs
from winnow.laws.baselines import LogLinearMixing, SingleScaleRanking
from winnow.laws.chinchilla import Chinchilla, PenalisedChinchilla, RepeatedChinchilla
from winnow.laws.goyal import GoyalUtility
from winnow.laws.law import Law
from winnow.laws.plans import Budget, Pool
from winnow.laws.setups import Runs
from winnow.laws.uncertainty import Identified
from winnow.report import advice_charts, advice_pictures, advice_tables
from winnow.report.advice_charts import Axis, Chart, Curve, Upright, draw
from winnow.report.advice_model import AdviceData, chances, curves, law_name, measured, worths
from winnow.report.advice_page import render, write_advice_page
from winnow.report.advice_tables import chance_of, unique_tokens
from winnow.report.figures import count

SECTIONS = ["advice", "expected", "repetition", "budgets", "chances", "parameters", "residuals", "forms", "assumed"]


@pytest.fixture(scope="module")
def data() -> AdviceData:
    return advised()


@pytest.fixture(scope="module")
def page(data: AdviceData) -> str:
    return render(data)


def section(page: str, name: str) -> str:
    return page[page.index(f'<section id="{name}"') :].split("</main>")[0].split('<section id="')[1]


def plain(markup: str) -> str:
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", markup).split()))


def rows(part: str) -> list[list[str]]:
    """Cells of every row of every table, without their elements."""
    found = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr[^>]*>(.*?)</tr>", part)]
    return [[plain(cell) for cell in row] for row in found]


def marked(page: str) -> list[tuple[str, str | None]]:
    """Elements of the budget that is looked at, and which that is."""
    tags = [(name, dict(attributes)) for name, attributes in read(page).tags]
    return [(name, one["data-budget"]) for name, one in tags if "now" in (one.get("class") or "").split()]


def of_one_pool(law: Law, theta: list[float], coefficients: list[float]) -> AdviceData:
    """The page of one pool, a law known exactly and models of 1e8 parameters."""
    data = advised(("all",), (64e6,))
    draws = drawn(law, np.array(theta), np.array(coefficients))
    exact = replace(draws, theta=draws.theta * 0 + theta, coefficients=draws.coefficients * 0 + coefficients)
    known = form(law, np.array(theta), np.array(coefficients), off=0.004)
    runs = replace(data.runs, num_params=np.full(len(data.runs), 1e8))
    return replace(data, believed=beliefs([exact], runs), forms=(known,), runs=runs, num_params=1e8)


@pytest.mark.parametrize("module", [advice_charts, advice_pictures, advice_tables])
def test_examples_in_docstrings_hold_for_advice(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


def test_the_advice_comes_first_and_every_part_has_its_section(page: str) -> None:
    assert re.findall(r'<section id="([\w-]+)"', page) == SECTIONS


def test_the_table_says_what_is_advised_for_each_budget(page: str, data: AdviceData) -> None:
    head, *found = [row for row in rows(section(page, "advice")) if len(row) > 2]
    assert head[0] == "budget, tokens" and head[4] == "ImageNet error"
    assert [row[0] for row in found] == ["32M", "64M", "128M", "256M", "640M", "1.28B"]
    for row, advice in zip(found, data.advices, strict=True):
        best = advice.recommended
        assert float(row[1][:-1]) == pytest.approx(100 * best.plan.keep_fraction, rel=2e-3)
        told = dict(re.findall(r"(t\d+) ([\d.]+)×", row[2]))
        epochs = {name: one for name, one in zip(NAMES, best.plan.epochs, strict=True) if one}
        assert {name: float(one) for name, one in told.items()} == pytest.approx(epochs, rel=6e-3)
        assert float(row[3][:-1]) * 1e6 == pytest.approx(unique_tokens(data.pools, best.plan), rel=6e-3)
        value, *ends = map(float, re.findall(r"\d\.\d+", row[4]))
        assert [value, *ends] == pytest.approx([best.value, *best.interval_80, *best.interval_95], abs=6e-4)
        assert list(map(float, re.findall(r"[\d.]+", row[5]))) == pytest.approx(
            [best.p_best, chance_of(advice)], abs=6e-3
        )
        regrets = row[6].replace("90%:", "").split()
        assert list(map(float, regrets)) == pytest.approx([best.expected_regret, best.regret_90], rel=0.05)
        band = [float(one) / 100 for one in re.findall(r"([\d.]+)%", row[7])]
        assert (band[0], band[-1]) == pytest.approx(advice.keep_band, rel=2e-3)
        assert advice.runner_up is not None
        assert float(row[8].split("%")[0]) == pytest.approx(100 * advice.runner_up.plan.keep_fraction, rel=2e-3)


def test_unique_tokens_are_those_that_are_drawn_at_all(data: AdviceData) -> None:
    plan = replace(data.advices[0].recommended.plan, kept=(1.0, 0.5, 0.0, 0.0), epochs=(3.0, 0.5, 0.0, 0.0))
    assert unique_tokens(data.pools, plan) == pytest.approx(SIZE * 1.25)


def test_flags_stand_with_their_budget_and_above_all(page: str, data: AdviceData) -> None:
    last = data.advices[-1]
    assert last.flags and section(page, "advice").count(plain(last.flags[0])) == 2  # in the table and in large
    flagged = render(replace(data, flags=("runs 3 and 4 are one",)))
    assert 'role="alert">runs 3 and 4 are one<' in section(flagged, "advice")


def test_many_flags_of_a_budget_can_be_opened(data: AdviceData) -> None:
    many = replace(data.advices[0], flags=("one", "two", "three"))
    found = section(render(replace(data, advices=(many, *data.advices[1:]))), "advice")
    assert "⚑ 3 flags</summary>" in found


def test_only_the_largest_budget_is_marked_before_the_slider_moves(page: str, data: AdviceData) -> None:
    assert {place for _, place in marked(page)} == {str(len(data.advices) - 1)}
    (slider,) = [dict(one) for name, one in read(page).tags if name == "input"]
    assert (slider["min"], slider["max"], slider["value"]) == ("0", "5", "5")
    assert '<label class="dial" hidden>' in page  # where no script runs there is the table alone


def test_budgets_stand_in_order_however_they_are_given(page: str, data: AdviceData) -> None:
    assert render(replace(data, advices=data.advices[::-1])) == page


def test_the_slider_moves_the_advice_and_the_marks(page: str, tmp_path: Path) -> None:
    moved = (
        'const moved = document.querySelector(".dial input"); moved.value = 1; moved.dispatchEvent(new Event("input"));'
    )
    seen, console = open_page(page.replace("</body>", f"<script>{moved}</script></body>"), tmp_path)
    assert console == "" and 'aria-valuetext="64M tokens"' in seen and '<label class="dial">' in seen
    now = marked(seen)
    assert {place for _, place in now} == {"1"}
    assert {"div", "tr", "g", "th", "td"} == {name for name, _ in now}  # in large, in the tables and in the pictures
    assert [name for name, _ in now].count("g") == 3


def test_curves_are_what_is_believed_of_whole_pools_at_equal_epochs(data: AdviceData) -> None:
    found = curves(data)
    assert len(found) == 4
    unique = np.array([SIZE, SIZE, 0, 0])
    seen = found[1].at[:, None] * unique / unique.sum()
    runs = data.runs
    setups = Runs(runs.pools, np.broadcast_to(unique, seen.shape), seen, np.ones(40), np.ones(40), np.ones(40, str))
    values = data.believed.predict(setups)
    assert found[1].middle == pytest.approx(np.median(values, axis=0))
    assert found[1].low == pytest.approx(np.quantile(values, 0.025, axis=0))
    assert found[1].high == pytest.approx(np.quantile(values, 0.975, axis=0))
    assert found[0].at[0] < 0.5 * SIZE and found[0].at[-1] > max(TOKENS)


def test_runs_lie_on_the_curve_of_what_they_were_trained_on(data: AdviceData) -> None:
    assert [len(one) for one in measured(data)] == [6, 0, 0, 0]  # every run is of one pool
    drawn_runs = section(render(data), "expected").count("<title>run ")
    assert drawn_runs == 6
    mixed = data.runs.rows([0, 1])
    unique, seen = np.zeros((2, 4)), np.zeros((2, 4))
    unique[:, :2], seen[:, :2] = SIZE, SIZE
    seen[1, 0] = 2 * SIZE  # unequal epochs
    both = replace(data, runs=replace(mixed, unique=unique, seen=seen))
    assert [one.run.tolist() for one in measured(both)] == [[], ["0"], [], []]
    other = replace(data, runs=replace(data.runs, num_params=np.full(24, 2.0)))
    assert [len(one) for one in measured(other)] == [0, 0, 0, 0]


def test_switch_points_are_listed_with_their_intervals(page: str, data: AdviceData) -> None:
    _, *found = rows(section(page, "expected"))
    for row, switch in zip(found, data.switches, strict=True):
        assert float(row[0].removeprefix("keep ")[:-1]) == pytest.approx(100 * switch.keep_fraction)
    assert found[0][1] == advice_pictures.until(data.switches[0].tokens)
    assert found[0][2] == " to ".join(map(advice_pictures.until, data.switches[0].interval))


def test_a_switch_that_never_comes_is_said_and_not_drawn(data: AdviceData) -> None:
    never = (math.inf, math.inf)
    some = (Switch(0.5, 1e8, (5e7, math.inf)), Switch(0.75, 2e8, (2e8, 2e8)), Switch(1.0, math.inf, never))
    page = section(render(replace(data, switches=some)), "expected")
    assert rows(page)[1:] == [
        ["keep 50%", "100M", "50M or more, no upper end"],
        ["keep 75%", "200M", "the same by all fits"],
        ["keep 100%", "not within the budgets looked at", "beyond the budgets looked at"],
    ]
    assert page.count('class="upright"') == 2 and page.count('class="interval"') == 2
    assert "from 100M tokens on (50M to never)" in page


def test_an_epoch_is_worth_what_the_decay_of_tokens_says() -> None:
    repetitions = 6.0
    data = of_one_pool(RepeatedChinchilla(excess=False), [0.3, 0.4, repetitions], [1.5, 300.0, 800.0])
    (found,) = worths(data, data.best)
    expected = repetitions * (np.exp((2 - found.at) / repetitions) - np.exp((1 - found.at) / repetitions))
    assert found.middle[1:] == pytest.approx(expected[1:], abs=5e-5)
    assert found.middle[0] == 1.0
    (free,) = worths(plentiful := of_one_pool(Chinchilla(), [0.3, 0.4], [1.5, 300.0, 800.0]), plentiful.best)
    assert free.middle == pytest.approx(np.ones(len(free.at)), rel=1e-3)


def test_an_epoch_is_worth_what_the_half_life_of_utility_says() -> None:
    half_life = HALF_LIFE[0]
    data = of_one_pool(GoyalUtility(pivot=4e6), [UTILITY[0], half_life], [1.0, 0.1])
    (found,) = worths(data, data.best)
    assert found.at[:3].tolist() == [1, 2, 3]
    second = 2 ** (2 ** (-1 / half_life))  # epochs of fresh tokens that two epochs amount to
    third = second * 1.5 ** (2 ** (-2 / half_life))
    assert found.middle[:3] == pytest.approx([1, second - 1, third - second], rel=1e-3)


def test_an_epoch_that_harms_is_worth_less_than_nothing() -> None:
    data = of_one_pool(PenalisedChinchilla(), [0.3, 0.4, 1.2, 0.3], [1.5, 300.0, 800.0, 0.02])
    (found,) = worths(data, data.best)
    assert found.middle[0] == 1 and found.middle.min() < 0


def test_where_a_law_knows_no_tokens_repetition_is_left_out() -> None:
    law = LogLinearMixing(budgets=False)
    page = render(of_one_pool(law, [], [0.5, 0.3]))
    assert 'id="repetition"' not in page and 'id="budgets"' in page


def test_chances_are_summed_over_plans_that_keep_as_much(page: str, data: AdviceData) -> None:
    found = chances(data.advices)
    assert list(found) == sorted(found, reverse=True)
    assert np.sum(list(found.values()), axis=0) == pytest.approx(np.ones(len(data.advices)))
    head, *shown = rows(section(page, "chances"))
    assert head == ["budget, tokens", "32M", "64M", "128M", "256M", "640M", "1.28B"]
    for row, (kept, chance) in zip(shown, found.items(), strict=True):
        assert float(row[0].removeprefix("keep ")[:-1]) == pytest.approx(100 * kept, rel=2e-3)
        told = [float(cell.split("%")[0]) if "%" in cell else 0.0 for cell in row[1:]]
        assert told == pytest.approx([100 * one for one in chance], abs=0.6)
    recommended = [[place for place, cell in enumerate(row) if "recommended" in cell] for row in shown]
    assert sorted(place for row in recommended for place in row) == [1, 2, 3, 4, 5, 6]


def test_profiles_say_which_sides_the_runs_settle(data: AdviceData) -> None:
    kinds = get_args(Identified)
    words = ("identified", "from below only", "from above only", "not identified")
    shown = section(render(replace(data, profiles=tuple(profiled(f"p{kind}", kind) for kind in kinds))), "parameters")
    assert tuple(re.findall(r'<b class="verdict[^"]*">([^<]+)<', shown)) == words
    for told in ("95%: 1 to 4", "at least 1; the runs set no upper", "at most 4; the runs set no lower", "from 1 to 4"):
        assert told in shown
    assert shown.count('class="line level"') == 4  # the 95% line
    assert 'id="parameters"' not in render(replace(data, profiles=()))


def test_a_profile_reaches_the_95_percent_line_only_where_a_side_is_settled() -> None:
    pictures = [advice_pictures.likelihood(profiled("p", kind)) for kind in get_args(Identified)[:2]]
    paths = [re.findall(r'<g class="line c2">.*?<path d="M([^"]+)"', picture)[0].split("L") for picture in pictures]
    settled, open_above = ([float(point.split()[1]) for point in path] for path in paths)
    (line,) = map(float, re.findall(r'class="line level"><path d="M50 ([\d.]+)H', pictures[0]))
    assert settled[0] == settled[-1] == open_above[0] == pytest.approx(line, abs=0.1)
    assert open_above[-1] > line + 50  # far below the line


def test_residuals_are_of_the_best_form_in_percent(page: str, data: AdviceData) -> None:
    shown = section(page, "residuals")
    fitted = data.best.fitted
    off = 100 * LAW.residuals(fitted.theta, fitted.coefficients, data.runs)
    told = [float(one) for one in re.findall(r"<title>run \d+, mostly t\d+: ([+-][\d.]+)%", shown)]
    assert told == pytest.approx([*off, *off], abs=0.006)  # against epochs and against tokens
    assert "against parameters" not in shown  # all models are of one size
    sizes = replace(data.runs, num_params=np.tile([1.0, 2.0], 12))
    assert "against parameters" in section(render(replace(data, runs=sizes)), "residuals")


def test_forms_stand_by_how_well_they_predict_with_baselines_below(data: AdviceData) -> None:
    worse = form(Chinchilla(), np.array([0.3, 0.4, 0.9, 0.9, 0.9]), np.ones(3), off=0.04, largest=math.nan)
    baseline = form(LogLinearMixing(budgets=False), np.ones(3), np.ones(2), off=math.inf)
    ranking = SingleScaleRanking(("t20", "t10"), np.array([0.5, 0.6]), 2.05e8)
    given = replace(data, forms=(worse, *data.forms), baselines=(baseline,), ranking=ranking)
    shown = section(render(given), "forms")
    _, *found = rows(shown)
    assert found == [
        [law_name(LAW), "10", "0.29%", "0.41% ± 0.05", "1.23%", "33 of 64", "in the advice"],
        ["Chinchilla", "8", "0.29%", "4% ± 0.05", "cannot be fitted", "33 of 64", ""],
        [law_name(LogLinearMixing(budgets=False)), "5", "0.29%", "cannot be fitted ± 0.05", "1.23%", "33 of 64",
         "baseline"],
    ]  # fmt: skip
    assert "best first: t20, t10" in shown and "2.05e8 parameters times tokens" in shown
    assert given.best is data.forms[0]


def test_laws_are_named_with_what_is_unusual() -> None:
    assert law_name(LAW) == "GoyalUtility, gamma 1, reference 12.8M, pivot 4M"
    assert law_name(GoyalUtility(gamma="free", reference=SIZE)) == "GoyalUtility, gamma free, reference 12.8M"
    assert law_name(RepeatedChinchilla(excess=False)) == "RepeatedChinchilla, excess False"
    assert law_name(PenalisedChinchilla()) == "PenalisedChinchilla"


def test_what_is_assumed_names_the_laws_the_noise_and_the_reach_of_the_runs(page: str) -> None:
    shown = plain(section(page, "assumed"))
    assert law_name(LAW) in shown and f"{100 * NOISE:.2g}% of its value" in shown and "up to 205M tokens" in shown
    assert rows(section(page, "assumed"))[1] == ["t10", "12.8M", "25%", "16", "free"]


def test_budgets_of_flops_tell_models_and_tokens(data: AdviceData) -> None:
    pools = tuple(Pool(name, SIZE, scoring_flops=2e9) for name in NAMES)
    believed = replace(data.believed, params=(1e9, 1e10))
    given = tuple(advise(believed, pools, Budget(flops=flops)) for flops in (1e17, 3e18))
    page = render(replace(data, believed=believed, pools=pools, advices=given))
    found = [row for row in rows(section(page, "advice")) if len(row) > 2]
    plan = given[1].recommended.plan
    assert plan.scoring_flops == 8e9 * SIZE  # four pools, each token 2e9
    assert found[0][0] == "budget, FLOPs" and found[2][0].startswith("3e18 ")
    told = re.findall(r"([\d.]+)([MBT]) (parameters|tokens)", found[2][0])
    scale = {"M": 1e6, "B": 1e9, "T": 1e12}
    values = {what: float(number) * scale[letter] for number, letter, what in told}
    assert values == pytest.approx({"parameters": plan.num_params, "tokens": plan.tokens}, rel=6e-3)
    assert found[2][0].endswith(f" {advice_pictures.powers(8e9 * SIZE)} FLOPs for scoring")
    assert rows(section(page, "assumed"))[1][-1] == "2e9"
    named = count(plan.num_params)
    assert f"{advice_pictures.budget_name(replace(data, advices=given), 3e18)}: {named} parameters" in plain(page)


def test_the_size_of_the_model_is_drawn_where_it_is_advised_only(page: str) -> None:
    assert "parameters of the model" not in plain(page)


def test_one_pool_and_one_budget_make_a_page_without_a_slider() -> None:
    page = render(advised(("all",), (64e6,)))
    assert re.findall(r'<section id="([\w-]+)"', page) == SECTIONS
    assert 'class="dial"' not in page and page.count('class="at now"') == 4
    assert "With 64M tokens: keep 100% of the pools and see the best 5 times." in page
    assert "nan" not in re.sub(r"<style>.*?</style>|<script.*?</script>", "", page, flags=re.DOTALL)


def test_long_names_are_shortened_in_pictures_and_told_in_full() -> None:
    name = "a-bucket-of-documents-with-a-name-that-no-margin-holds-01"
    page = render(advised((name, "t20"), (64e6, 128e6)))
    names = re.findall(r'class="name">([^<]+)<', section(page, "repetition"))
    assert sorted(names) == ["a-bucke…olds-01", "t20"]
    assert f"<title>{name}</title>" in section(page, "repetition")
    assert f'title="{name}"' in section(page, "advice")


def test_nothing_in_names_makes_an_element(data: AdviceData) -> None:
    pools = tuple(replace(pool, name=HOSTILE + pool.name) for pool in data.pools)
    runs = replace(data.runs, pools=tuple(pool.name for pool in pools))
    given = replace(
        data, metric=HOSTILE, pools=pools, runs=runs, flags=(HOSTILE,), profiles=(profiled(HOSTILE, "below"),)
    )
    tags = read(render(given)).tags
    assert [name for name, _ in tags].count("script") == 2 and "img" not in {name for name, _ in tags}


def test_the_page_holds_its_numbers_without_infinities(page: str, data: AdviceData) -> None:
    found = embedded(page)
    assert [one["recommended"]["value"] for one in found["advices"]] == [one.recommended.value for one in data.advices]
    assert found["advices"][0]["budget"]["max_epochs"] is None  # infinite
    assert found["switches"][0]["tokens"] == data.switches[0].tokens


def test_pools_in_another_order_than_the_runs_are_refused(data: AdviceData) -> None:
    with pytest.raises(InputError, match="in one order"):
        replace(data, pools=data.pools[::-1])
    with pytest.raises(InputError, match="0 budgets"):
        replace(data, advices=())


def test_the_page_is_written_whole(page: str, data: AdviceData, tmp_path: Path) -> None:
    write_advice_page(tmp_path / "out" / "advice.html", data)
    assert (tmp_path / "out" / "advice.html").read_text("utf-8") == page
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["advice.html"]


def test_the_page_of_advice_opens_in_a_browser_without_errors(page: str, tmp_path: Path) -> None:
    seen, console = open_page(page, tmp_path)
    assert console == "" and "How hard to filter, how often to repeat" in seen


def test_a_chart_places_numbers_by_their_logarithms_and_cuts_what_lies_beyond() -> None:
    chart = Chart(
        about="test",
        x=Axis(low=1, high=100, logarithmic=True),
        y=Axis(low=0, high=2),
        curves=[Curve(name="far", colour="c0", points=[(1, 0), (10, 1), (100, 9)])],
        uprights=[Upright(x=10, interval=(0.1, math.inf), colour="c1", told="all of it"),
                  Upright(x=1e3, interval=(500, 2e3), colour="c1", told="beyond")],
    )  # fmt: skip
    svg = draw(chart)
    right, floor = advice_charts.WIDTH - advice_charts.RIGHT, advice_charts.FLOOR
    middle = (advice_charts.LEFT + right) / 2
    assert f"L{middle:.1f} {(advice_charts.TOP + floor) / 2:.1f}L" in svg
    assert f'd="M{middle:.1f} {advice_charts.TOP}V{floor}" class="upright"' in svg
    assert f'd="M50.0 {floor - 3:.1f}H{right:.1f}" class="interval"' in svg and "beyond" not in svg
    assert f'viewBox="50 {advice_charts.TOP} ' in svg  # the window that cuts curves off
    assert re.search(rf'y="{advice_charts.TOP + 3.5}" class="name">far<', svg)  # its name stays at the edge


def test_an_axis_of_one_place_has_room_about_it() -> None:
    axis = advice_charts.spanned([64e6, 64e6], told=lambda one: f"{one:g}")
    assert axis.share(64e6) == pytest.approx(0.5)
    assert all(axis.low <= place <= axis.high for place, _ in axis.ticks()) and axis.ticks()
