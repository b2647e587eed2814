"""Files that appear whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from winnow.core.plain import Plain


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
    import fsspec

    filesystem, inner = fsspec.core.url_to_fs(path)
    about = filesystem.info(inner)
    return " ".join(str(about[name]) for name in ("size", "ETag", "etag", "mtime", "LastModified") if about.get(name))
