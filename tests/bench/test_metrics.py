from __future__ import annotations

import pytest

from winnow.bench.ledger import Ledger, Run
from winnow.bench.metrics import by_weight, comparable, lower_is_better


@pytest.mark.parametrize(
    ("metric", "lower"),
    [
        ("heldout/wiki/bits_per_byte", True),
        ("train/loss", True),
        ("perplexity.mmlu", True),
        ("eval_metrics.perplexity", True),
        ("arc_easy/accuracy", False),
        ("lossless/accuracy", False),
    ],
)
def test_losses_are_known_by_their_names(metric: str, lower: bool) -> None:
    assert lower_is_better(metric) == lower


def test_metrics_that_follow_from_others_are_left_out() -> None:
    of_groups = ["core/centered_v1", "core/centered_v2", "core/centered_corrected", "core/num_tasks"]
    names = [
        "copa/accuracy",
        "copa/centered_v1",
        "copa/centered_v2",
        *of_groups,
        "extended/centered_v1",
        "heldout/wiki",
    ]
    assert comparable(names) == [
        "copa/accuracy",
        "core/centered_v2",
        "extended/centered_v1",
        "heldout/wiki",
    ]


def test_core_comes_first_where_all_of_its_tasks_were_evaluated() -> None:
    scores = {
        "core/centered_v2": 0.1,
        "heldout/wiki/bits_per_byte": 1.0,
        "copa/accuracy": 0.5,
        "small/centered_v2": 0.2,
    }
    for tasks, first in ((22, "core/centered_v2"), (3, "heldout/wiki/bits_per_byte")):
        ledger = Ledger((Run(run="1", candidate="a", metrics={**scores, "core/num_tasks": tasks}),))
        order = by_weight(ledger)
        assert order[0] == first and order[-1] == "copa/accuracy" and len(order) == 4


def test_a_named_metric_comes_first_and_frequent_ones_before_rare_ones() -> None:
    runs = (Run(run="1", candidate="a", metrics={"x": 1.0, "y": 1.0}), Run(run="2", candidate="b", metrics={"y": 1.0}))
    assert by_weight(Ledger(runs)) == ("y", "x")
    assert by_weight(Ledger(runs), "x") == ("x", "y")
    assert by_weight(Ledger(runs), "z") == ("y", "x")
