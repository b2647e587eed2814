"""Any function of a text as a measure: the one line that makes a user's own idea a column beside all others.

Costs what the function costs, one call a document. A function that needs to open something first, or that is faster
over many documents at once, is better written as a measure of its own (see ``measure.Measure``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from winnow.core.callables import callable_identity
from winnow.measure.measure import Judge, column


@dataclass(frozen=True, kw_only=True)
class Function:
    """What a function makes of each text, in the column ``value``.

    ``Function(name="shouting", function=shouting)`` gives ``shouting.value``. The function takes the text (the empty
    string where a document has none) and gives a number, or None for "no value". It must be importable: a ``def`` at
    the top of a module, not a lambda or a closure. Its source and the constants it reads enter the step's key (see
    ``core.callables``), so editing it runs it again. An exception condemns the one document that raised it.
    """

    name: str
    function: Callable[[str], float | None]

    version: ClassVar[str] = "1"

    def columns(self) -> pa.Schema:
        """One column, ``value``."""
        return pa.schema([column("value", pa.float64(), f"What {self.function.__name__} makes of the text")])

    def files(self) -> tuple[str, ...]:
        """None: what the function itself reads is not known."""
        return ()

    def load(self) -> Judge:
        """RecipeError if a worker process could not import the function."""
        callable_identity(self.function)
        return self._judge

    def _judge(self, documents: pa.RecordBatch) -> pa.RecordBatch:
        texts = documents.column("text").to_pylist()
        values = [self.function(text or "") for text in texts]
        numbers = [None if value is None else float(value) for value in values]
        return pa.record_batch([pa.array(numbers, pa.float64())], schema=self.columns())
