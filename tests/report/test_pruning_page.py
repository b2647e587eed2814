from __future__ import annotations

import dataclasses
import doctest
import json
import re
from pathlib import Path

import pytest
from browser import open_page
from fakes import HOSTILE
from studies import OWN, as_the_paper_says, every_arm, make_study, the_other_way, without
from test_page import embedded, read

from winnow.bench.findings import judge_study
from winnow.bench.ledger import Ledger
from winnow.bench.measured import Evidence
from winnow.bench.pruning import Arm, Setting, Study
from winnow.report import pruning_pictures
from winnow.report.pruning_page import render
from winnow.report.pruning_panels import of_checkpoints, of_corpora, of_metrics, of_settings, of_sizes, strips
from winnow.report.pruning_pictures import limits_of, plot, ticks


def scarce_turns(arm: Arm, scale: str) -> float:
    return the_other_way(arm, scale) if arm.pool == "scarce" else as_the_paper_says(arm, scale)


@pytest.fixture(scope="module")
def study() -> Study:
    whole = make_study(scarce_turns, pools=("raw", "scarce"), scales=("1M", "3M"))
    return without(whole, lambda arm: arm.metric == "memorization")


@pytest.fixture(scope="module")
def page(study: Study) -> str:
    return render(study, judge_study(study))


def test_examples_in_docstrings_hold() -> None:
    assert doctest.testmod(pruning_pictures).failed == 0


def test_the_page_tells_what_was_found_of_every_claim(page: str) -> None:
    for told in ("Of 22 claims 18 reproduced, 4 not run at this scale", "The middle of perplexity beats no pruning",
                 "paper, section 4.1: 0.97% of perplexity", "within 0.0036 bits per byte", "Holm",
                 "models trained", "middle of perplexity less no pruning (50% and 30%)"):  # fmt: skip
        assert told in page, told
    claims = page[page.index('class="claims"') : page.index('id="order"')]
    assert len(re.findall(r'<b class="verdict [\w-]+">', claims)) == 22
    assert claims.count('<b class="verdict reproduced">') == 18 and claims.count('"verdict not-run"') == 4
    shares = [float(one) for one in re.findall(r"<td>([+-][\d.]+)%</td>", claims)]
    assert len(shares) == 13 and shares[0] == pytest.approx(-5.4, abs=0.5)  # 0.02 bits per byte, 4 bytes per token


def test_other_settings_have_a_sign_each(page: str) -> None:
    row = page[page.index("The middle of perplexity beats no pruning") :].split("</tr>")[0]
    signs = re.findall(r'class="sign (\w+)" title="([^,]+, \w+), ', row)
    assert signs == [
        ("reproduced", "raw, 3M"),
        ("contradicted", "scarce, 1M"),
        ("contradicted", "scarce, 3M"),
        ("reproduced", "raw, 1M"),
    ]


def test_every_setting_is_a_column_and_every_other_text(page: str) -> None:
    part = page[page.index('id="every-setting"') : page.index('id="scores"')]
    columns = re.findall(r"<th>([^<]*)</th>", part.split("</thead>")[0])
    assert columns == ["", "raw, 1M", "raw, 3M", "scarce, 1M", "scarce, 3M", "books"]
    first = part[part.index("The middle of perplexity beats no pruning") :].split("</tr>")[0]
    assert re.findall(r'class="cell (\w+)"', first) == ["better", "better", "worse", "worse", "better"]


def test_what_was_not_run_is_told(page: str) -> None:
    part = page[page.index('id="not-run"') :].split("</section>")[0]
    assert "Perplexity beats memorization" in part and "raw: top 30% of memorization" in part
    whole = make_study(scales=("1M", "3M"))
    assert 'id="not-run"' not in render(whole, judge_study(whole))


def test_the_page_embeds_its_data_and_refers_to_nothing_outside(study: Study, page: str) -> None:
    data = embedded(page)
    assert data["study"] == json.loads(json.dumps(study.to_plain()))
    assert len(data["findings"]) == len(judge_study(study))
    links = [value for _, attrs in read(page).tags for key, value in attrs if key in ("href", "src")]
    assert links and all((link or "").startswith("#") for link in links)


def test_hostile_names_make_no_element() -> None:
    whole = make_study(scales=("1M", "3M"))
    renamed = {arm.name: dataclasses.replace(arm, pool=HOSTILE) for arm in whole.arms}
    runs = [dataclasses.replace(run, candidate=renamed[run.candidate].name) for run in whole.ledger]
    hostile = dataclasses.replace(
        whole,
        ledger=Ledger(tuple(runs)),
        arms=tuple(renamed.values()),
        base=Setting(pool=HOSTILE, scale="1M"),
    )
    tags = read(render(hostile, judge_study(hostile))).tags
    assert [name for name, _ in tags].count("script") == 2 and "img" not in {name for name, _ in tags}
    assert not [attrs for _, attrs in tags if any(key.startswith("on") for key, _ in attrs)]


def test_a_study_of_one_seed_and_few_arms_is_a_page_too() -> None:
    whole = make_study(seeds=1)
    few = without(whole, lambda arm: arm.metric is not None and (arm.metric, arm.fraction) != ("perplexity", 0.5))
    bare = dataclasses.replace(few, accuracies=(), agreements=(), ties=(), references=whole.references[1:2])
    told = render(without(bare, lambda arm: arm.reference not in (None, OWN)), judge_study(bare))
    assert "one seed cannot decide" in told and "nan" not in told.lower().replace("nanc", "")
    for absent in ("scores", "settings", "fine-tuning"):
        assert f'id="{absent}"' not in told


def test_the_page_opens_without_a_complaint(page: str, tmp_path: Path) -> None:
    seen, console = open_page(page, tmp_path)
    assert console == "" and "Pruning by what a model makes of text" in seen


def test_panels_hold_the_means_of_their_arms(study: Study) -> None:
    panels = {panel.title: panel for panel in of_metrics(Evidence(study))}
    assert list(panels) == ["perplexity", "el2n"]
    lines = {line.name: line for line in panels["perplexity"].lines}
    assert list(lines) == ["bottom", "middle", "top", "random"]
    point = lines["middle"].points[1]
    runs = study.ledger.where(scale="1M", candidate=f"raw: middle 50% of perplexity ({OWN})")
    assert point.place == 0.5 and point.seeds == 3
    assert point.mean == pytest.approx(sum(run.metrics[study.yardstick] for run in runs) / 3)


def test_reference_models_stand_side_by_side(study: Study) -> None:
    evidence = Evidence(study)
    axes = {
        of.__name__: {panel.title: [name for _, name in panel.axis] for panel in of(evidence)}
        for of in (of_sizes, of_corpora, of_checkpoints)
    }
    for names, of in ((["0.3M clean", OWN, "3M clean"], "of_sizes"), (["1M noisy", OWN], "of_corpora"),
                      (["at 14%", "at 55%", "at its end"], "of_checkpoints")):  # fmt: skip
        assert axes[of] == {"perplexity, 30% kept": names, "perplexity, 50% kept": names}
    lines = {line.name: [point.place for point in line.points] for line in next(of_sizes(evidence)).lines}
    assert lines["middle"] == pytest.approx([1 / 6, 3 / 6, 5 / 6]) == lines["random"]
    assert lines["top"] == lines["bottom"] == [3 / 6]


def test_other_settings_are_drawn_where_several_shares_were_kept(study: Study) -> None:
    assert [panel.title for panel in of_settings(Evidence(study))] == ["raw, 3M", "scarce, 1M", "scarce, 3M"]
    halves = without(study, lambda arm: arm.pool == "scarce" and arm.scored and arm.fraction != 0.5)
    assert [panel.title for panel in of_settings(Evidence(halves))] == ["raw, 3M"]


def test_the_order_of_parts_turns_where_it_does(study: Study) -> None:
    order = {
        str(one.setting): [mark.subset for mark in one.marks] for one in strips(Evidence(study)) if one.fraction == 0.5
    }
    assert order["raw, 1M"][0] == "middle" and order["raw, 1M"][-1] == "bottom"
    assert order["scarce, 1M"][0] == "bottom" and order["scarce, 1M"][-1] == "middle"


def test_a_plot_has_a_band_for_every_line_and_the_better_below(study: Study) -> None:
    panel = next(of_metrics(Evidence(study)))
    drawn = plot(panel, limits_of([panel]))
    assert drawn.count('class="band"') == 5
    heights = {name: float(y) for y, name in re.findall(r'<text [^>]*y="([\d.]+)" class="name">([\w ]+)<', drawn)}
    assert heights["bottom"] < heights["no pruning"] < heights["middle"]


@pytest.mark.parametrize("limits", [(1.37, 1.48), (0.0, 1.0), (-3.0, 17.0), (1.3801, 1.3809), (0.0, 9.99), (0.0, 2.0)])
def test_ticks_are_few_and_told_apart(limits: tuple[float, float]) -> None:
    levels, places = ticks(limits)
    assert 3 <= len(levels) <= 6 and limits[0] <= levels[0] and levels[-1] <= limits[1]
    assert len({f"{level:.{places}f}" for level in levels}) == len(levels)


def test_arms_of_the_made_up_study_are_all_different() -> None:
    assert len(set(every_arm("raw"))) == len(list(every_arm("raw")))
