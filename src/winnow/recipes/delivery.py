"""What every run does around making its result: a progress bar, files where the user wants them, a note of the run."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from winnow.core.files import copy, remove, write_json
from winnow.core.plain import to_plain
from winnow.core.progress import Bar, Progress, Silent
from winnow.core.step import Step
from winnow.core.storage import RemotePath
from winnow.core.table import Store, Table


def progress(quiet: bool) -> Progress:
    """A bar on a terminal, silence elsewhere or where it is asked for."""
    from rich.console import Console

    console = Console(stderr=True)
    return Bar(console) if console.is_terminal and not quiet else Silent()


def deliver(table: Table, target: Path, below: str = "shards") -> None:
    """Put a table's files where the user wants them: hard links where one disk holds both, read-only, else copies."""
    remove(target)
    for shard in table.manifest.shards:
        source, delivered = table.directory / below / shard.name, target / shard.name
        delivered.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, RemotePath) or isinstance(target, RemotePath) or not _linked(source, delivered):
            copy(source, delivered)


def _linked(source: Path, target: Path) -> bool:
    """Whether the disk allowed a hard link."""
    source.chmod(0o444)
    try:
        os.link(source, target)
    except OSError:
        return False
    return True


def remember(name: str, step: Step, store: Store, out: Path) -> None:
    """Leave in the store which run was made when, and where its files are."""
    moment = datetime.now(UTC)
    write_json(
        store.root / "runs" / f"{moment:%Y%m%dT%H%M%S.%f}.json",
        {"recipe_name": name, "recipe": to_plain(step), "out": str(out.resolve()), "made": moment.isoformat()},
    )
