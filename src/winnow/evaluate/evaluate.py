"""The step that evaluates a model: tasks and held-out sets in, one row per item and a summary out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from winnow.core.errors import InputError, RecipeError
from winnow.core.files import fingerprint, remove, write_json
from winnow.core.step import Whole
from winnow.core.table import Store
from winnow.evaluate.aggregate import metrics
from winnow.evaluate.parts import done_parts
from winnow.evaluate.prompts import build_items
from winnow.evaluate.requests import LanguageModel
from winnow.evaluate.shapes import BITS_PER_BYTE, Item, Score
from winnow.evaluate.task_files import FoundFile, TaskFiles
from winnow.evaluate.tasks import find_tasks
from winnow.lm.mix import Mix
from winnow.lm.stream import TokenStream
from winnow.lm.tokenizer import needs_torch
from winnow.measure.model import Model

if TYPE_CHECKING:
    from winnow.evaluate.engine import Engine

ITEMS, REPORT = "items.parquet", "report.json"
"""The files of an evaluation."""
SCHEMA = pa.schema(
    [
        ("task", pa.string()),
        ("metric", pa.string()),
        ("item", pa.string()),
        ("category", pa.string()),
        ("numerator", pa.float64()),
        ("denominator", pa.float64()),
        ("prediction", pa.string()),
        ("gold", pa.string()),
        ("nats", pa.list_(pa.float64())),
        ("num_tokens", pa.list_(pa.int64())),
    ]
)
"""``nats`` and ``num_tokens``: of the item's requests, in their order."""
_SCORE = [field.name for field in fields(Score)]


@dataclass(frozen=True, kw_only=True)
class Evaluate(Whole):
    """What a language model scores on tasks, and its bits per byte on held-out sets.

    Writes ``items.parquet``, one row per item and metric whose score is the sum of ``numerator`` over the sum of
    ``denominator``, and ``report.json``: every metric by its name, the tasks that were evaluated, those whose file is
    ``missing``, and ``notes`` on files that stand in for others. A run that is interrupted goes on at the task.
    """

    side_by_side: ClassVar[bool] = True

    model: Model
    """A checkpoint's directory, a Hugging Face directory or hub name, or the step that trains one."""
    tasks: tuple[str, ...]
    """Tasks and groups of them: core, extended, small, or one by one."""
    task_files: tuple[str, ...] = ()
    """Directories that hold the tasks' files."""
    heldout: tuple[tuple[str, Mix], ...] = ()
    """Held-out sets by name, in the tokens of the model; for checkpoints of ours."""
    max_items: int | None = None
    """Items of each task at most, drawn by the seed; None for all."""
    max_context: int = 2048
    """Tokens that the model sees at once at most; DCLM's, so that long items are cut as there."""
    seed: int = 0

    def check(self) -> None:
        """Refuse what asks nothing or cannot be asked."""
        if not self.tasks and not self.heldout:
            raise RecipeError("nothing to evaluate: name tasks or groups such as core or small, or held-out sets")
        find_tasks(self.tasks)
        if self.tasks and not self.task_files:
            raise RecipeError("no directory of task files is given: name those that hold the tasks' JSONL files")
        if self.max_items is not None and self.max_items < 1:
            raise RecipeError(f"max_items is {self.max_items}; it must be at least 1")
        needs_torch("evaluating a model")

    def outside(self) -> dict[str, str]:
        """Digests of the task files that are read, and of a model that is at hand."""
        given = [self.model] if isinstance(self.model, str) and Path(self.model).exists() else []
        return {path: fingerprint(path) for path in [*given, *(found.path for found in self._found())]}

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Evaluate task by task; what is done is kept beside the result until all is."""
        from winnow.evaluate.models import ready_model

        found, work = self._found(), store.directory(self) / "parts"
        if not found and not self.heldout:
            raise InputError(
                f"none of the files of {', '.join(self.tasks)} is under {', '.join(self.task_files)}: name the "
                "directories that hold them"
            )
        with ready_model(self._path(store), self.max_context) as model:
            makers = {file.task.name: partial(self._task, file, model) for file in found}
            makers |= {f"heldout-{name}": partial(_heldout, name, mix, model, store) for name, mix in self.heldout}
            items = pa.concat_tables(done_parts(self.label, makers, work))
        pq.write_table(items, directory / ITEMS, compression="zstd")
        write_json(directory / REPORT, self._report(items, found))
        remove(work)
        num_items = items.group_by(["task", "item"]).aggregate([]).num_rows
        return {"num_tasks": len(found), "num_items": num_items}

    def _path(self, store: Store) -> str:
        return self.model if isinstance(self.model, str) else str(store.table(self.model).files())

    def _found(self) -> list[FoundFile]:
        """The files of the tasks that are at hand."""
        if not self.task_files:
            return []
        files = TaskFiles(self.task_files)
        return [found for found in map(files.find, find_tasks(self.tasks)) if found]

    def _task(self, found: FoundFile, model: Engine) -> pa.Table:
        items = build_items(found.task, found.rows(), file=found.name.path, max_items=self.max_items, seed=self.seed)
        return evaluate_items(list(items), model)

    def _report(self, items: pa.Table, found: Sequence[FoundFile]) -> dict[str, Any]:
        scores = (Score(**row) for row in items.select(_SCORE).to_pylist())
        tasks = [file.task.name for file in found]
        missing = [task.name for task in find_tasks(self.tasks) if task.name not in tasks]
        notes = [file.note for file in found if file.stands_in]
        return {"metrics": metrics(scores), "tasks": tasks, "missing": missing, "notes": notes}


def evaluate_items(items: Sequence[Item], model: LanguageModel) -> pa.Table:
    """The scores of items, one row per item and metric, in the items' order."""
    answers = iter(model.answer([request for item in items for request in item.requests]))
    texts = iter(model.generate([prompt for item in items for prompt in item.prompts]))
    rows: list[dict[str, Any]] = []
    for item in items:
        mine = list(islice(answers, len(item.requests)))
        said = list(islice(texts, len(item.prompts)))
        details = {"nats": [one.nats for one in mine], "num_tokens": [one.num_tokens for one in mine]}
        rows += [{**asdict(score), **details} for score in item.scores(mine, said)]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _heldout(name: str, mix: Mix, model: Engine, store: Store) -> pa.Table:
    """Bits and bytes of each document of a held-out set."""
    stream, network = TokenStream.open(mix, store), model.network
    if (stream.vocab_size, stream.end_of_text) != (network.vocab_size, network.end_of_text):
        raise InputError(
            f"the held-out set {name} has the tokens of another tokenizer than {model.name}: a vocabulary of "
            f"{stream.vocab_size:,} for {network.vocab_size:,}; tokenize it with the model's"
        )
    bits, num_bytes = network.bits(stream)
    size = len(bits)
    columns = {
        "task": pa.repeat(f"heldout/{name}", size),
        "metric": pa.repeat(BITS_PER_BYTE, size),
        "item": pa.array(stream.documents()[2]),
        "numerator": pa.array(bits),
        "denominator": pa.array(num_bytes.astype(np.float64)),
    }
    arrays = [columns.get(field.name, pa.nulls(size)).cast(field.type) for field in SCHEMA]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)
