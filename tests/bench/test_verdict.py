from __future__ import annotations

from winnow.bench.statistics import Difference, Noise
from winnow.bench.verdict import MAX_SEEDS, judge

BITS, ACCURACY = "heldout/wiki/bits_per_byte", "arc_easy/accuracy"


def difference(
    value: float,
    *,
    seeds: int = 3,
    deviation: float = 1.0,
    items: int | None = None,
    item_variance: float | None = None,
) -> Difference:
    noise = Noise(variance=deviation**2, residual=0.0, degrees=2 * (seeds - 1))
    return Difference(value=value, seeds=(seeds, seeds), items=items, item_variance=item_variance, noise=noise)


def test_the_better_one_depends_on_the_metrics_direction() -> None:
    found = difference(-10.0)
    assert judge("a", "b", BITS, found, found.p).better == "a"
    assert judge("a", "b", ACCURACY, found, found.p).better == "b"
    assert judge("a", "b", ACCURACY, difference(10.0), found.p).words == "a is better"


def test_seeds_that_would_decide_do_when_they_are_run() -> None:
    found = difference(1.0)
    verdict = judge("a", "b", ACCURACY, found, found.p)
    assert verdict.more_seeds is not None and not verdict.decided
    enough = difference(1.0, seeds=3 + verdict.more_seeds)
    assert judge("a", "b", ACCURACY, enough, enough.p).better == "a"
    short = difference(1.0, seeds=3 + verdict.more_seeds - 1)
    assert not judge("a", "b", ACCURACY, short, short.p).decided
    assert verdict.words == f"not decided; {verdict.more_seeds} more seeds of each would"


def test_one_more_seed_is_told_in_the_singular() -> None:
    found = difference(1.0, deviation=0.45)
    assert judge("a", "b", ACCURACY, found, found.p).words == "not decided; 1 more seed of each would"


def test_items_that_would_decide_do_when_they_are_asked() -> None:
    found = difference(1.0, deviation=0.1, items=100, item_variance=1.0)
    verdict = judge("a", "b", ACCURACY, found, found.p)
    assert verdict.enough_items is not None and verdict.more_seeds is None
    assert "more seeds would not, about" in verdict.words
    more = difference(1.0, deviation=0.1, items=verdict.enough_items, item_variance=100 / verdict.enough_items)
    assert judge("a", "b", ACCURACY, more, more.p).decided


def test_where_both_are_short_both_are_told() -> None:
    found = difference(1.0, deviation=1.0, items=100, item_variance=1.0)
    verdict = judge("a", "b", ACCURACY, found, found.p)
    assert verdict.enough_items and verdict.more_seeds
    assert verdict.words.endswith(f"items with {verdict.more_seeds} more seeds of each would")


def test_a_difference_of_nothing_is_never_decided() -> None:
    found = difference(0.0, items=10, item_variance=1.0)
    assert judge("a", "b", ACCURACY, found, found.p).words == f"not decided; nor would {MAX_SEEDS} more seeds"


def test_adjusting_for_several_asks_for_more_seeds() -> None:
    found = difference(1.0)
    assert found.p is not None
    alone, among = (judge("a", "b", ACCURACY, found, p) for p in (found.p, min(1.0, 5 * found.p)))
    assert alone.more_seeds is not None and among.more_seeds is not None
    assert among.more_seeds > alone.more_seeds


def test_one_seed_cannot_decide() -> None:
    found = Difference(value=9.0, seeds=(1, 1), items=100, item_variance=0.01, noise=None)
    verdict = judge("a", "b", ACCURACY, found, None)
    assert not verdict.decided and verdict.words == "not decided: one seed cannot decide, training noise is unknown"
