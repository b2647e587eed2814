"""``winnow compare``: two candidates by what their models can do, or two runs by the documents that they keep."""

from __future__ import annotations

from collections.abc import Sequence

from winnow.bench.compare import ComparisonResult, compare
from winnow.bench.ledger import read_ledger
from winnow.core.errors import RecipeError
from winnow.core.storage import place
from winnow.report.two_runs import TwoRuns, compare_documents


def compare_any(
    a: str, b: str, ledger: str, scale: str | None, metrics: Sequence[str] | None
) -> ComparisonResult | TwoRuns:
    """Compare the documents of two runs where both are output directories, else two candidates of the ledger."""
    runs = [any((place(one) / "documents").glob("*")) for one in (a, b)]
    if all(runs):
        if scale is not None or metrics is not None:
            raise RecipeError(
                f"{a} and {b} are runs, compared by their documents: --scale and --metric are for ledgers"
            )
        return compare_documents(place(a), place(b))
    if any(runs):
        raise RecipeError(
            f"{a if runs[0] else b} is a run's directory and {b if runs[0] else a} is not: give two of one"
        )
    return compare(read_ledger(ledger), a, b, scale=scale, metrics=metrics)
