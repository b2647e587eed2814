"""Files that appear whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from winnow.core.errors import RecipeError
from winnow.core.plain import Plain

EXTRAS = {"s3": "s3", "gs": "gcs", "gcs": "gcs", "hf": "hf", "http": "http", "https": "http"}
"""The extra that brings what fsspec needs for a protocol."""


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that is renamed to it when the block ends well and removed when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Plain) -> None:
    """Write plain data; the file appears whole."""
    with appearing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Plain:
    """Read plain data back."""
    return json.loads(path.read_text(encoding="utf-8"))


def file_digest(path: str | Path) -> str:
    """128-bit hexadecimal BLAKE2b digest of a file's bytes."""
    with Path(path).open("rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def fingerprint(path: str) -> str:
    """What tells an outside file's content from another's: a digest if it is local, else what its server says of it."""
    if "://" not in path:
        return file_digest(path) if Path(path).is_file() else "absent"
    filesystem, inner = filesystem_of(path)
    about = filesystem.info(inner)
    return " ".join(str(about[name]) for name in ("size", "ETag", "etag", "mtime", "LastModified") if about.get(name))


def filesystem_of(url: str) -> tuple[Any, str]:
    """The fsspec filesystem of a URL and the path within it.

    RecipeError with the command to run where its protocol needs a package that is not installed.
    """
    import fsspec

    protocol = url.split("://")[0]
    try:
        found: tuple[Any, str] = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        extra = EXTRAS.get(protocol)
        remedy = f"run pip install 'winnow-data[{extra}]'" if extra else str(error)
        raise RecipeError(
            f"{url} cannot be opened: the protocol {protocol}:// needs another package; {remedy}"
        ) from error
    return found
