"""What language models have answered, kept so that nothing is asked twice.

One SQLite file in WAL mode that any number of workers share. An answer is found by a digest of what was asked, model,
prompt and document together; where it was asked is no part of it. It is committed as it arrives, so a killed run has
paid for what it lost in flight and for nothing else. Locks by byte range, which end with the process that holds them,
keep two workers from asking the same at the same moment. The file must lie on a disk of this machine: neither WAL nor
these locks are safe on network file systems.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from winnow.core.errors import InputError, RecipeError
from winnow.core.files import cache_root
from winnow.core.plain import Plain

FILE = "answers-1.sqlite"
"""Numbered by the form in which answers are written down."""
BUSY_SECONDS = 60.0
POLL_SECONDS = 0.05
_KEYS_A_QUERY = 500
_OPENING = 1 << 62
"""The byte that is locked while the file is made; those of keys lie below."""


class Answers:
    """Answers by the digest of what was asked; a context manager."""

    def __init__(self, directory: str | Path | None = None) -> None:
        """Open the answers in a directory, by default in the cache of this machine; RecipeError where it cannot be."""
        home = cache_root() / "answers" if directory is None else Path(directory)
        self.path = home / FILE
        self._lock = threading.Lock()
        try:
            home.mkdir(parents=True, exist_ok=True)
            self._claims = os.open(home / "asking.lock", os.O_CREAT | os.O_RDWR, 0o644)
        except OSError as error:
            raise RecipeError(f"answers cannot be kept in {home} ({error}): name another directory") from error
        try:
            self._database = self._open()
        except BaseException:
            os.close(self._claims)
            raise

    def __enter__(self) -> Answers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._database.close()
        os.close(self._claims)

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Plain]:
        """The answers that are there."""
        found: dict[bytes, Plain] = {}
        for some in _portions(keys):
            found.update((key, json.loads(answer)) for key, answer in self._select("key, answer", some))
        return found

    def missing(self, keys: Sequence[bytes]) -> list[bytes]:
        """The keys that have no answer yet, in their order."""
        there: set[bytes] = set()
        for some in _portions(keys):
            there.update(key for (key,) in self._select("key", some))
        return [key for key in keys if key not in there]

    def put(self, answers: Mapping[bytes, Plain]) -> None:
        """Keep answers, all or none; they outlive this process from here on."""
        rows = [(key, json.dumps(answer, separators=(",", ":"))) for key, answer in answers.items()]
        with self._lock, self._explained(), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", rows)

    @contextmanager
    def claimed(self, key: bytes) -> Iterator[None]:
        """Keep other processes from asking the same; the claim ends with the block, or with this process."""
        place = int.from_bytes(key[:7], "little")
        while not self._claim(place):
            time.sleep(POLL_SECONDS)
        try:
            yield
        finally:
            fcntl.lockf(self._claims, fcntl.LOCK_UN, 1, place)

    def _select(self, columns: str, keys: Sequence[bytes]) -> list[tuple[Any, ...]]:
        query = f"SELECT {columns} FROM answers WHERE key IN ({','.join('?' * len(keys))})"
        with self._lock, self._explained():
            return self._database.execute(query, keys).fetchall()

    def _claim(self, place: int) -> bool:
        """Whether the byte could be locked; never waits, since the kernel takes two waiting threads for a deadlock."""
        try:
            fcntl.lockf(self._claims, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def _open(self) -> sqlite3.Connection:
        """The database, made where it is missing; one process at a time, as WAL mode cannot be set by two."""
        fcntl.lockf(self._claims, fcntl.LOCK_EX, 1, _OPENING)
        with self._explained():
            database = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            try:
                database.execute("PRAGMA journal_mode = WAL")
                database.execute("PRAGMA synchronous = NORMAL")
                database.execute("CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, answer TEXT) WITHOUT ROWID")
            except sqlite3.Error:
                database.close()
                raise
        fcntl.lockf(self._claims, fcntl.LOCK_UN, 1, _OPENING)
        return database

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Failures of the file in words. They end the run: what cannot be kept would be asked again and again."""
        try:
            yield
        except sqlite3.Error as error:
            raise InputError(
                f"the answers in {self.path} cannot be used ({error}): free its disk or move it"
            ) from error


def _portions(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(keys), _KEYS_A_QUERY):
        yield keys[start : start + _KEYS_A_QUERY]
