from __future__ import annotations

import pytest
from raters import ARMS, BITS, WHOLE, ledger, result

from winnow.bench.rater import RaterArm
from winnow.bench.rater_gaps import gaps
from winnow.bench.statistics import holm
from winnow.bench.terminal import print_rater

HALF = "rater, 50% dropped"


def test_arms_are_called_by_what_they_drop_or_keep() -> None:
    assert [arm.name for arm in ARMS] == ["unfiltered", "random 50%", "rater, 25% dropped", HALF]
    assert RaterArm(kind="rater", discard=0.125).name == "rater, 12.5% dropped"


def test_a_gap_is_the_first_less_the_second_with_who_is_better() -> None:
    made = ledger({WHOLE.name: 2.0, HALF: 1.5, "random 50%": 2.0}, scales=("0.3M", "1M"))
    found = gaps(made, [BITS], [(HALF, WHOLE.name), (WHOLE.name, HALF), ("random 50%", WHOLE.name)])
    assert [(one.scale, one.better) for one in found] == [
        (scale, better) for scale in ("0.3M", "1M") for better in (HALF, HALF, None)
    ]
    assert found[0].value == -found[1].value == pytest.approx(-0.5, abs=0.01)
    low, high = found[0].interval or (0.0, 0.0)
    assert low < -0.5 < high and high - low < 0.02


def test_pairs_of_a_scale_share_one_error_rate() -> None:
    made = ledger({WHOLE.name: 2.0, HALF: 1.99, "random 50%": 2.0}, noise=0.003)
    pairs = [(HALF, WHOLE.name), ("random 50%", WHOLE.name), (HALF, "random 50%")]
    alone = [gaps(made, [BITS], [pair])[0] for pair in pairs]
    among = gaps(made, [BITS], pairs)
    assert [one.adjusted_p for one in among] == pytest.approx(holm([one.adjusted_p for one in alone]))
    assert [one.adjusted_p for one in among] != [one.adjusted_p for one in alone]
    assert [one.interval for one in among] == [one.interval for one in alone]


def test_a_pair_that_was_not_run_is_left_out() -> None:
    assert gaps(ledger({WHOLE.name: 2.0}), [BITS], [(HALF, WHOLE.name)]) == []


def test_a_terminal_is_told_what_the_page_tells_first(capsys: pytest.CaptureFixture[str]) -> None:
    print_rater(result({WHOLE.name: 2.0, "random 50%": 2.0, ARMS[2].name: 1.8, HALF: 1.5}))
    said = capsys.readouterr().out
    assert f"{HALF} less unfiltered: -0.5" in said and f"{HALF} is better" in said
    assert "is where the unfiltered runs end at 67% of their compute" in said
    print_rater(result({WHOLE.name: 2.0, "random 50%": 2.0, ARMS[2].name: 2.3, HALF: 2.2}))
    assert "its net gain is undefined" in capsys.readouterr().out
