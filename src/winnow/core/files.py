"""Files that appear whole or not at all, on a disk and in an object store.

On a disk: a temporary name beside the file, fsync, rename. In an object store: a local temporary file that is then put,
which a store shows only when it is complete. Everything that differs between the two is here and in ``storage``.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from winnow.core.plain import Plain
from winnow.core.storage import RemotePath, filesystem_of, stamp_of

if TYPE_CHECKING:
    import pyarrow.parquet as pq


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """A local temporary path whose file becomes ``path`` when the block ends well and is removed when it does not."""
    if isinstance(path, RemotePath):
        with scratch() as directory:
            yield directory / path.name
            copy(directory / path.name, path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_unfinished(directory: Path) -> None:
    """Delete what killed writers left below a directory: files that never appeared."""
    if not isinstance(directory, RemotePath):  # there, what is written is local until it appears
        for temporary in directory.rglob(".*.tmp"):
            temporary.unlink(missing_ok=True)


@contextmanager
def appearing_directory(path: Path) -> Iterator[Path]:
    """An empty local directory whose files stand below ``path``, and nothing else does, when the block ends well."""
    remove(path)
    if not isinstance(path, RemotePath):
        path.mkdir(parents=True)
        yield path
        return
    with scratch() as directory:
        yield directory
        for file in files_below(directory):
            copy(file, path / file.relative_to(directory))


@contextmanager
def scratch() -> Iterator[Path]:
    """A local directory that is gone afterwards; where, the environment says (``TMPDIR``)."""
    with tempfile.TemporaryDirectory(prefix="winnow-") as directory:
        yield Path(directory)


def copy(source: Path, target: Path) -> None:
    """Make ``target`` a copy of a file; within one store the bytes do not pass through this machine."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(source, RemotePath) and isinstance(target, RemotePath):
        (filesystem, inner), (other, theirs) = filesystem_of(str(source)), filesystem_of(str(target))
        if filesystem is other:
            filesystem.cp_file(inner, theirs)
            return
        with scratch() as directory:
            copy(source, directory / target.name)
            copy(directory / target.name, target)
    elif isinstance(target, RemotePath):
        filesystem, theirs = filesystem_of(str(target))
        filesystem.put_file(str(source), theirs)
    elif isinstance(source, RemotePath):
        filesystem, inner = filesystem_of(str(source))
        filesystem.get_file(inner, str(target))
    else:
        shutil.copyfile(source, target)


def remove(directory: Path) -> None:
    """Delete a directory with all that is below it; nothing where there is none."""
    if not isinstance(directory, RemotePath):
        shutil.rmtree(directory, ignore_errors=True)
        return
    filesystem, inner = filesystem_of(str(directory))
    if directory.exists():
        filesystem.rm(inner, recursive=True)


def files_below(directory: Path) -> list[Path]:
    """Every file of a local directory, sorted."""
    return sorted(path for path in directory.rglob("*") if path.is_file())


def local_copy(path: Path, digest: str) -> Path:
    """A file on this machine with the content of ``path``: itself, or a copy in the cache under its digest."""
    if not isinstance(path, RemotePath):
        return path
    kept = cache_root() / "files" / digest / path.name
    if not kept.exists():
        with appearing(kept) as temporary:
            copy(path, temporary)
    return kept


def cache_root() -> Path:
    """Where this machine keeps what it would rather not make twice: ``$WINNOW_CACHE``, else the user's cache."""
    named = os.environ.get("WINNOW_CACHE")
    home = Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "winnow"
    try:
        home.mkdir(parents=True, exist_ok=True)
        writable = os.access(home, os.W_OK)
    except OSError:
        writable = False
    return home if writable else Path(tempfile.gettempdir()) / f"winnow-{os.getuid()}"


def open_parquet(path: Path) -> pq.ParquetFile:
    """A Parquet file to read row groups from: mapped into memory, or fetched in the ranges that are asked for."""
    import pyarrow.parquet as pq

    if isinstance(path, RemotePath):
        return pq.ParquetFile(path.open_ranges(), pre_buffer=True)
    return pq.ParquetFile(path, memory_map=True)


def write_json(path: Path, value: Plain) -> None:
    """Write plain data; the file appears whole."""
    with appearing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Plain:
    """Read plain data back."""
    return json.loads(path.read_text(encoding="utf-8"))


def read_texts(paths: Sequence[Path]) -> list[str]:
    """The contents of many small files in the same place; from an object store many at a time."""
    if not paths or not isinstance(paths[0], RemotePath):
        return [path.read_text(encoding="utf-8") for path in paths]
    filesystem, _ = filesystem_of(str(paths[0]))
    inner = [filesystem_of(str(path))[1] for path in paths]
    found = filesystem.cat(inner, on_error="raise")
    return [found[path].decode() for path in inner]


@functools.lru_cache(maxsize=1024)
def _digest_once(path: str, stamp: str) -> str:
    """The digest of a file that is not read again while its stamp stands."""
    return file_digest(path)


def stamp(path: Path) -> str | None:
    """What changes when a file does, without reading it; None where there is none."""
    if isinstance(path, RemotePath):
        return path.stamp()
    try:
        about = path.stat()
    except FileNotFoundError:
        return None
    return f"{about.st_size} {about.st_mtime_ns} {about.st_ino}"


def file_digest(path: str | Path) -> str:
    """128-bit hexadecimal BLAKE2b digest of a file's bytes."""
    with Path(path).open("rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def fingerprint(path: str) -> str:
    """What tells the content of an outside file or directory from another's: a digest, or what its server says."""
    if "://" not in path:
        local = Path(path)
        if local.is_dir():
            told = [f"{file.relative_to(local)} {fingerprint(str(file))}" for file in files_below(local)]
            return hashlib.blake2b("\n".join(told).encode(), digest_size=16).hexdigest()
        return _digest_once(path, str(stamp(local))) if local.is_file() else "absent"
    filesystem, inner = filesystem_of(path)
    return stamp_of(filesystem.info(inner))
