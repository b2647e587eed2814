"""Several choices from one pool, side by side: ten filters at the same keep-fraction cost one pass over the text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from winnow.choose.select import Select
from winnow.core.errors import RecipeError
from winnow.core.files import write_json
from winnow.core.step import Rows, Whole
from winnow.core.table import Store


@dataclass(frozen=True, kw_only=True)
class Comparison(Whole):
    """Choices by name, all from the same documents; the report shows how they differ.

    Writes ``choices.json``: the table of each choice and how many documents it keeps.
    """

    choices: tuple[tuple[str, Select], ...]

    @property
    def pool(self) -> Rows:
        """The documents that are chosen from."""
        return self.choices[0][1].documents

    def check(self) -> None:
        """Refuse choices from different documents, and names that tell nothing apart."""
        if not self.choices:
            raise RecipeError("there is nothing to compare: give at least one choice")
        names = [name for name, _ in self.choices]
        if twice := [name for name in names if names.count(name) > 1]:
            raise RecipeError(f"two choices are called {twice[0]!r}: name each once")
        for name, select in self.choices:
            if select.documents.key != self.pool.key:
                raise RecipeError(f"{name} chooses from {select.documents.label}, not from {self.pool.label}")

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Write down what each choice keeps."""
        kept = {name: store.table(select).manifest.counts["kept"] for name, select in self.choices}
        tables = {name: {"table": select.label, "kept": kept[name]} for name, select in self.choices}
        write_json(directory / "choices.json", tables)
        return {"choices": len(self.choices)}
