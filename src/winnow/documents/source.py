"""Which files a source names, what kind each is, and how the reading of them is cut into tasks.

The cut depends on the files alone, never on the number of workers: a large JSONL file is cut by byte range and a large
Parquet file by row group, so that one 50 GB file keeps every core busy; many small files are grouped into one task.
Compressed JSONL and WARC files cannot be entered in the middle; one task reads such a file whole and writes it as many
shards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO, Literal

from winnow.core.errors import InputError
from winnow.core.files import fingerprint
from winnow.core.storage import filesystem_of

Kind = Literal["warc", "jsonl", "parquet", "unreadable"]

_KINDS: dict[str, Kind] = {
    ".warc": "warc",
    ".wet": "warc",
    ".wat": "warc",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".arc": "unreadable",
    ".wacz": "unreadable",
}
_COMPRESSIONS = (".gz", ".zst", ".lz4")
_REMEDIES = {
    ".arc": "ARC is the format before WARC: convert it with `warcio recompress IN.arc.gz OUT.warc.gz`",
    ".wacz": "a WACZ file is a zip: unpack it and read the WARC files in its archive/ folder",
}


@dataclass(frozen=True, kw_only=True)
class File:
    """One file of a source."""

    path: str
    kind: Kind
    size: int
    source: str
    """What the ``source`` column says where the record itself does not."""
    stamp: str
    """Changes when the file does: size and time of change, or what the server says of it."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """A stretch of one file that one task reads: bytes of JSONL, row groups of Parquet, else the whole file."""

    path: str
    kind: Kind
    source: str
    size: int
    start: int = 0
    end: int = -1


def list_files(sources: Sequence[str], name: str | None) -> list[File]:
    """The files that paths, directories, globs or fsspec URLs name, sorted; InputError where one names nothing."""
    found: dict[str, File] = {}
    for source in sources:
        files = list(_remote_files(source, name) if "://" in source else _local_files(source, name))
        if not files:
            raise InputError(
                f"the source {source!r} names no file to read; readable are WARC, WET, JSONL and Parquet "
                "(.warc .wet .jsonl .json .ndjson .parquet, with .gz, .zst or .lz4)"
            )
        found.update({file.path: file for file in files})
    return [found[path] for path in sorted(found)]


def kind_of(path: str) -> Kind | None:
    """What a file's name says it is; None for names that say nothing."""
    return _KINDS.get(_ending(path))


def remedy(path: str) -> str:
    """What to do about a file of a kind that is known and not read."""
    return _REMEDIES.get(_ending(path), "it is neither WARC, WET, JSONL nor Parquet by its name or its first bytes")


def sniff(head: bytes) -> Kind | None:
    """What a file's first bytes say it is, after decompression where they say so."""
    if head.startswith(b"PAR1"):
        return "parquet"
    plain = _decompressed(head).lstrip()
    if plain.startswith(b"WARC/"):
        return "warc"
    return "jsonl" if plain.startswith(b"{") else None


def open_binary(path: str) -> IO[bytes]:
    """Open a local path or an fsspec URL for reading bytes."""
    if "://" not in path:
        return Path(path).open("rb")
    filesystem, inner = filesystem_of(path)
    opened: IO[bytes] = filesystem.open(inner, "rb")
    return opened


def spans(files: Sequence[File], task_bytes: int) -> list[list[Span]]:
    """Cut files into tasks of about ``task_bytes`` of input, in order."""
    tasks: list[list[Span]] = []
    room = 0
    for span in (piece for file in files for piece in _pieces(file, task_bytes)):
        size = max(1, span.size)
        if not tasks or size > room:
            tasks.append([])
            room = task_bytes
        tasks[-1].append(span)
        room -= size
    return tasks


def _pieces(file: File, task_bytes: int) -> Iterator[Span]:
    if file.size > task_bytes and file.kind == "jsonl" and not file.path.endswith(_COMPRESSIONS):
        for start in range(0, file.size, task_bytes):
            end = min(start + task_bytes, file.size)
            yield _span(file, size=end - start, start=start, end=end)
    elif file.size > task_bytes and file.kind == "parquet":
        yield from _row_groups(file, task_bytes)
    else:
        yield _span(file, size=file.size)


def _row_groups(file: File, task_bytes: int) -> Iterator[Span]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with open_binary(file.path) as opened:
            about = pq.read_metadata(opened)
    except pa.ArrowException:
        yield _span(file, size=file.size)
        return
    start, size = 0, 0
    for group in range(about.num_row_groups):
        size += sum(about.row_group(group).column(column).total_compressed_size for column in range(about.num_columns))
        if size >= task_bytes or group == about.num_row_groups - 1:
            yield _span(file, size=size, start=start, end=group + 1)
            start, size = group + 1, 0


def _span(file: File, *, size: int, start: int = 0, end: int = -1) -> Span:
    return Span(path=file.path, kind=file.kind, source=file.source, size=size, start=start, end=end)


def _local_files(source: str, name: str | None) -> Iterator[File]:
    root = Path(source).expanduser()
    if root.is_dir():
        paths = sorted(path for path in root.rglob("*") if path.is_file() and not _hidden(path, root))
    elif root.is_file():
        paths = [root]
    else:
        anchor = Path(root.anchor or ".")
        paths = sorted(found for found in anchor.glob(str(root.relative_to(root.anchor))) if found.is_file())
    for path in paths:
        kind = kind_of(path.name) or _sniffed(str(path)) or (None if root.is_dir() else "unreadable")
        if kind is not None:
            about = path.stat()
            yield File(
                path=str(path),
                kind=kind,
                size=about.st_size,
                source=name or _source_name(path, root),
                stamp=f"{about.st_size} {about.st_mtime_ns}",
            )


def _remote_files(source: str, name: str | None) -> Iterator[File]:
    filesystem, inner = filesystem_of(source)
    if any(mark in inner for mark in "*?["):
        found = filesystem.glob(inner)
    elif filesystem.isdir(inner):
        found = filesystem.find(inner)
    else:
        found = [inner] if filesystem.exists(inner) else []
    for path in sorted(found):
        url = filesystem.unstrip_protocol(path)
        kind = kind_of(path) or (None if path != inner else "unreadable")
        if kind is not None:
            size = filesystem.info(path).get("size") or 0
            parent = Path(path).parent.name
            yield File(path=url, kind=kind, size=size, source=name or parent, stamp=fingerprint(url))


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _source_name(path: Path, root: Path) -> str:
    """The folder below a directory source, else the file's name without its endings."""
    if root.is_dir():
        return path.parent.name if path.parent != root else root.name
    return path.name.split(".")[0]


def _ending(path: str) -> str:
    name = path.lower()
    for compression in _COMPRESSIONS:
        name = name.removesuffix(compression)
    return PurePath(name).suffix


def _sniffed(path: str) -> Kind | None:
    with open_binary(path) as opened:
        return sniff(opened.read(4096))


def _decompressed(head: bytes) -> bytes:
    """The beginning of what compressed bytes hold; as they are where they are not compressed or broken."""
    import zlib

    import zstandard

    try:
        if head.startswith(b"\x1f\x8b"):
            return zlib.decompressobj(wbits=31).decompress(head, 512)
        if head.startswith(b"\x28\xb5\x2f\xfd"):
            return zstandard.ZstdDecompressor().decompressobj().decompress(head)[:512]
    except (zlib.error, zstandard.ZstdError):
        pass
    return head
