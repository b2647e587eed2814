from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from winnow.evaluate.prefixes import Size, Tree, batches, cheapest_cuts
from winnow.evaluate.spans import Span

LARGE = Size(tokens=10**9, cells=10**9, pass_cost=1)
token_rows = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=9), min_size=1, max_size=12)


def spans_of(rows: list[list[int]], asked: int = 1) -> list[Span]:
    return [Span(np.array([*row, 7]), asked, place) for place, row in enumerate(rows)]


def tree_of(rows: list[list[int]]) -> Tree:
    (batch,) = batches(spans_of(rows), LARGE)
    return Tree.of(batch)


def num_read(tree: Tree, pass_cost: int) -> int:
    return sum(tree.tokens(stage).size for stage in tree.stages(pass_cost))


def test_options_read_their_context_once() -> None:
    context = list(range(100))
    tree = tree_of([[*context, option, option] for option in range(4)])
    assert num_read(tree, pass_cost=1) == 100 + 4 * 2
    assert [(stage.start, stage.stop) for stage in tree.stages(1)] == [(0, 100), (100, 102)]


def test_equal_rows_are_read_once() -> None:
    tree = tree_of([[1, 2, 3]] * 5)
    assert num_read(tree, pass_cost=1) == 3
    assert tree.row_of.tolist() == [0] * 5


def test_examples_before_items_are_read_once_and_so_is_each_item() -> None:
    examples = [9] * 50
    rows = [[*examples, item, item, item, option, option] for item in range(3) for option in range(2)]
    assert num_read(tree_of(rows), pass_cost=1) == 50 + 3 * 3 + 6 * 2


def test_short_rows_are_not_read_to_the_end_of_long_ones() -> None:
    rows = [[1] * 4, [2] * 4, [3] * 40]
    assert num_read(tree_of(rows), pass_cost=1) == 3 * 4 + 36


def test_a_pass_that_costs_more_than_it_saves_is_not_made() -> None:
    rows = [[1, 1, option] for option in range(3)]
    assert len(tree_of(rows).stages(1)) == 2
    assert len(tree_of(rows).stages(100)) == 1


def test_without_a_cache_everything_is_read_in_one_pass() -> None:
    (stage,) = tree_of([[1, 1, 2], [1, 1, 3, 4]]).stages(1, cached=False)
    assert (stage.start, stage.stop, len(stage.leaders)) == (0, 4, 2)


@given(token_rows, st.integers(1, 20))
def test_every_row_is_read_whole_and_after_its_own_beginning(rows: list[list[int]], pass_cost: int) -> None:
    (batch,) = batches(spans_of(rows), LARGE)
    tree = Tree.of(batch)
    read: dict[int, list[int]] = {}
    before = None
    for stage in tree.stages(pass_cost):
        pasts: list[list[int]] = [read[int(before.place[leader])] if before else [] for leader in stage.leaders]
        read = {place: [*pasts[place], *block] for place, block in enumerate(tree.tokens(stage).tolist())}
        for row, tokens in enumerate(tree.rows):
            if len(tokens) > stage.start:
                assert read[int(stage.place[row])][: len(tokens)] == tokens[: stage.stop].tolist()
        before = stage
    for span, row in zip(batch, tree.row_of, strict=True):
        assert tree.rows[row].tolist() == span.read.tolist()


@given(token_rows, st.integers(1, 20))
def test_cuts_cost_no_more_than_any_other(rows: list[list[int]], pass_cost: int) -> None:
    tree = tree_of(rows)
    found = cheapest_cuts(tree.lengths, tree.shared, pass_cost)

    def cost(cuts: tuple[int, ...]) -> int:
        blocks = pairwise(cuts)
        return sum((b - a) * len({tuple(r[:b]) for r in tree.rows if len(r) > a}) + pass_cost for a, b in blocks)

    longest = int(tree.lengths.max())
    every: list[tuple[int, ...]] = [()]
    for place in range(1, longest):
        every += [(*cuts, place) for cuts in every]
    assert cost(tuple(found)) == min(cost((0, *cuts, longest)) for cuts in every)


@given(token_rows, st.integers(1, 30), st.integers(1, 60))
def test_batches_hold_every_span_once_within_their_size(rows: list[list[int]], tokens: int, cells: int) -> None:
    found = list(batches(spans_of(rows), Size(tokens=tokens, cells=cells, pass_cost=1)))
    assert sorted(span.request for batch in found for span in batch) == list(range(len(rows)))
    for batch in found:
        distinct = {tuple(span.read.tolist()) for span in batch}
        assert len(batch) == 1 or len(batch) * max(map(len, distinct)) <= cells
        assert [span.read.tolist() for span in batch] == sorted(span.read.tolist() for span in batch)


def test_longest_contexts_come_first() -> None:
    found = batches(spans_of([[1] * 5, [2] * 500, [3] * 50]), Size(tokens=1, cells=10**9, pass_cost=1))
    assert [len(batch[0].read) for batch in found] == [500, 50, 5]


def test_options_of_an_item_stand_together_whatever_their_length() -> None:
    items = [[item] * 64 + [9] * (1 + 7 * option) for item in range(5) for option in range(4)]
    spans = [Span(np.array([*row, 7]), len(row) + 1 - 64, place) for place, row in enumerate(items)]
    for batch in batches(spans, Size(tokens=64 + 1 + 8 + 15 + 22, cells=10**9, pass_cost=1)):
        assert len({int(span.read[0]) for span in batch}) == 1
