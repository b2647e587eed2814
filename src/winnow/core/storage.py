"""Paths anywhere: on a disk, or in whatever fsspec reaches (``s3://``, ``gs://``, ``memory://``).

``place`` is the one door: it gives a ``Path`` for a disk and a ``RemotePath`` for a URL, and both are used alike. What
a disk can do and an object store cannot (rename, append, map into memory) is decided in ``files``; code that hands a
remote path to the operating system by mistake gets an error that names the URL, never an empty result.

Listings are never cached, because other machines write to the same store; an error of the server is an error here,
never "it is not there". Credentials and endpoints come from the environment (``AWS_ENDPOINT_URL``, ``FSSPEC_S3``).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PosixPath
from typing import IO, Any, Self

from winnow.core.errors import RecipeError, WinnowError

EXTRAS = {"s3": "s3", "gs": "gcs", "gcs": "gcs", "hf": "hf", "http": "http", "https": "http"}
"""The extra that brings what fsspec needs for a protocol."""


def place(where: str | Path) -> Path:
    """The path that a string names: a URL's is a ``RemotePath``, any other lies on this machine's file system."""
    text = str(where)
    if text.startswith("file://"):
        return Path(text.removeprefix("file://"))
    return RemotePath(text) if "://" in text else Path(where)


def filesystem_of(url: str) -> tuple[Any, str]:
    """The fsspec filesystem of a URL and the path within it.

    RecipeError with the command to run where its protocol needs a package that is not installed.
    """
    import fsspec

    protocol = url.split("://")[0]
    try:
        found: tuple[Any, str] = fsspec.core.url_to_fs(url, use_listings_cache=False)
    except (ImportError, ValueError) as error:
        extra = EXTRAS.get(protocol)
        remedy = f"run pip install 'winnow-data[{extra}]'" if extra else str(error)
        raise RecipeError(
            f"{url} cannot be opened: the protocol {protocol}:// needs another package; {remedy}"
        ) from error
    return found


class RemotePath(PosixPath):
    """A path in an object store, with those of ``Path``'s methods that a store can answer."""

    def __str__(self) -> str:
        protocol, _, rest = super().__str__().partition(":/")
        return f"{protocol}://{rest}"

    def __fspath__(self) -> str:
        raise WinnowError(f"{self} is not on a disk: read it through its Table, or copy it to one first")

    def exists(self) -> bool:  # type: ignore[override, unused-ignore]
        """Whether there is an object, or anything below it."""
        return self._info() is not None

    def is_file(self) -> bool:  # type: ignore[override, unused-ignore]
        """Whether there is an object."""
        found = self._info()
        return found is not None and found["type"] == "file"

    def open_ranges(self) -> IO[bytes]:
        """Open for reading; every read fetches the range that is asked for and no more."""
        filesystem, inner = filesystem_of(str(self))
        opened: IO[bytes] = filesystem.open(inner, "rb", cache_type="none")
        return opened

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:  # type: ignore[override, unused-ignore]
        """The whole object as text."""
        filesystem, inner = filesystem_of(str(self))
        found: bytes = filesystem.cat_file(inner)
        return found.decode(encoding or "utf-8", errors or "strict")

    def write_text(self, data: str, encoding: str | None = None, *_: Any) -> int:  # type: ignore[override, unused-ignore]
        """Put an object whole."""
        filesystem, inner = filesystem_of(str(self))
        filesystem.pipe_file(inner, data.encode(encoding or "utf-8"))
        return len(data)

    def glob(self, pattern: str) -> Iterator[Self]:  # type: ignore[override, unused-ignore]
        """The objects below that a pattern without ``**`` fits, sorted."""
        filesystem, inner = filesystem_of(str(self))
        found = filesystem.glob(f"{inner}/{pattern}")
        return (type(self)(filesystem.unstrip_protocol(path)) for path in sorted(found))

    def unlink(self, missing_ok: bool = False) -> None:
        """Delete the object."""
        filesystem, inner = filesystem_of(str(self))
        try:
            filesystem.rm_file(inner)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """Nothing: a store has no directories."""

    def resolve(self, strict: bool = False) -> Self:
        """Itself."""
        return self

    def stamp(self) -> str | None:
        """What changes when the object does; None where there is none."""
        found = self._info()
        return None if found is None else stamp_of(found)

    def _info(self) -> dict[str, Any] | None:
        filesystem, inner = filesystem_of(str(self))
        try:
            found: dict[str, Any] = filesystem.info(inner)
        except FileNotFoundError:
            return None
        return found


def stamp_of(info: dict[str, Any]) -> str:
    """What a server says of a file that changes with its content."""
    names = ("size", "ETag", "etag", "mtime", "LastModified")
    return " ".join(str(info[name]) for name in names if info.get(name))
