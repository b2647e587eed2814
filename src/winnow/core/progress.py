"""How a run tells its user where it is.

Workers never draw: they note their position (see ``guard``), and the parent reads the notes twice a second. So the bar
is right for any number of workers.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from winnow.core.guard import Note

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from winnow.core.table import TaskRecord


class Progress(Protocol):
    """Hears what a run does."""

    def begin(self, labels: Sequence[str], num_tasks: int, num_done: int) -> None:
        """A pass over some documents begins."""

    def watch(self, notes: Mapping[int, Path]) -> AbstractContextManager[None]:
        """Tasks are running; their workers note where they are in these files."""

    def advance(self, records: Sequence[TaskRecord]) -> None:
        """A task is done."""

    def end(self) -> None:
        """The pass is done."""


class Silent:
    """Says nothing."""

    def begin(self, labels: Sequence[str], num_tasks: int, num_done: int) -> None:
        """Say nothing."""

    @contextmanager
    def watch(self, notes: Mapping[int, Path]) -> Iterator[None]:
        """Say nothing."""
        yield

    def advance(self, records: Sequence[TaskRecord]) -> None:
        """Say nothing."""

    def end(self) -> None:
        """Say nothing."""


class Bar:
    """A progress bar on a terminal: one line per pass, with documents and tasks done."""

    def __init__(self, console: Any) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._display = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[documents]:,} documents"),
            TimeElapsedColumn(),
            console=console,
        )
        self._line: Any = None
        self._documents = 0

    def begin(self, labels: Sequence[str], num_tasks: int, num_done: int) -> None:
        """Start a line."""
        names = ", ".join(dict.fromkeys(label.rsplit("-", 1)[0] for label in labels))
        self._documents = 0
        self._display.start()
        self._line = self._display.add_task(names, total=num_tasks, completed=num_done, documents=0)

    @contextmanager
    def watch(self, notes: Mapping[int, Path]) -> Iterator[None]:
        """Read the workers' notes twice a second."""
        done = threading.Event()
        reader = threading.Thread(target=self._follow, args=(notes, done), daemon=True)
        reader.start()
        try:
            yield
        finally:
            done.set()
            reader.join()

    def advance(self, records: Sequence[TaskRecord]) -> None:
        """Count a finished task."""
        self._documents += max((record.rows for record in records), default=0)
        self._display.update(self._line, advance=1, documents=self._documents)

    def end(self) -> None:
        """Finish the line."""
        self._display.stop()

    def _follow(self, notes: Mapping[int, Path], done: threading.Event) -> None:
        while not done.wait(0.5):
            running = sum(Note.read(path).start for path in notes.values())
            self._display.update(self._line, documents=self._documents + running)
