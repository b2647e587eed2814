"""Records of a damaged WARC file: finds every record that is whole, and says where the others were.

The file is cut into runs. A run begins where a record surely begins (the file, a gzip member or zstd frame that opens
with one, the first member behind damage) and no record reaches out of its run, so a wrong length or a broken member
costs nothing beyond it. Within a run a record is whole if its Content-Length leads to the next record or to the end of
the run; otherwise the search goes on, from behind its first byte, for the next line that opens a record.

A member that is broken (bad data, wrong checksum) breaks the record that it ends in. Where the file just ends inside a
member, the records that are complete are kept.

Cost: half of FastWARC's speed on gzip (zlib), the same on plain files; the search for members 1 GB/s. Memory: one
record of ``max_bytes`` at most.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from typing import BinaryIO, NamedTuple

from winnow.documents.warc_format import (
    PEEKED_BYTES,
    Compression,
    Damage,
    Record,
    bears_document,
    decompressed_start,
    is_standard,
    make_record,
    parse_header,
    to_length,
)

_CHUNK_BYTES = 16 << 10
_SLICE_BYTES = 512
_READ_BYTES = 64 << 10
_MAX_HEADER_BYTES = 1 << 20
_FIRST_LINE = re.compile(rb"WARC/\d+\.\d+[ \t\r]*\n")
_NEWLINES = re.compile(rb"[\r\n]*")
_BLANK_LINE = {True: re.compile(rb"\r\n\r\n"), False: re.compile(rb"\r*\n\r*\n")}
_RECORD = re.compile(rb"WARC/\d{1,3}\.\d{1,3}[ \t\r]{0,9}\n[A-Za-z-]{1,60}[ \t]*:")
_RECORD_BYTES = 100
"""As much as ``_RECORD`` may match."""


def read_damaged(
    stream: BinaryIO, compression: Compression, max_bytes: int, start: int = 0
) -> Iterator[Record | Damage]:
    """Every whole record of the file, and a Damage for every stretch that is none, in order; from an offset on."""
    is_plain = compression is Compression.NONE
    pieces = _Pieces(_plain(stream, start) if is_plain else _members(stream, start, compression))
    while not pieces.at_end:
        run = _Run(pieces, is_plain=is_plain)
        while run.skip_newlines():
            yield _next(run, max_bytes)
        if run.error and not run.is_blamed:
            yield Damage(run.offset, run.error)


class _Piece(NamedTuple):
    offset: int
    """Of the piece in a plain file, of its member or frame in a compressed one."""
    data: bytes
    begins: bool
    """A record surely begins here."""
    error: str | None = None
    """Why the member ends here."""


class _Pieces:
    """The decompressed file, piece by piece, with a look at the next one."""

    def __init__(self, pieces: Iterator[_Piece]) -> None:
        self._pieces = pieces
        self.next = next(pieces, None)

    @property
    def at_end(self) -> bool:
        return self.next is None

    def take(self) -> _Piece:
        assert self.next is not None
        taken, self.next = self.next, next(self._pieces, None)
        return taken


class _Run:
    """A stretch of the decompressed file that no record reaches out of."""

    def __init__(self, pieces: _Pieces, *, is_plain: bool) -> None:
        self.buffer = bytearray()
        self.error: str | None = None
        """What is wrong with the end of the run."""
        self.is_blamed = False
        """Whether a record has been given up for the error."""
        self._pieces = pieces
        self._is_plain = is_plain
        self._position = 0
        self._marks: deque[tuple[int, int]] = deque()
        self._take()

    @property
    def offset(self) -> int:
        """Where in the file the buffer begins: the byte itself, or the member or frame that holds it."""
        while len(self._marks) > 1 and self._marks[1][0] <= self._position:
            self._marks.popleft()
        position, offset = self._marks[0]
        return offset + self._position - position if self._is_plain else offset

    def fill(self, size: int) -> bool:
        """Read on until the buffer holds so many bytes; False where the run ends before."""
        while len(self.buffer) < size:
            following = self._pieces.next
            if self.error or following is None or following.begins:
                return False
            self._take()
        return True

    def drop(self, size: int) -> None:
        del self.buffer[:size]
        self._position += size

    def skip_newlines(self) -> bool:
        """Go to the next byte that is no line end; False where there is none."""
        while self.fill(1):
            self.drop(self._newlines(0))
            if self.buffer:
                return True
        return False

    def ends_record(self, end: int) -> bool:
        """Whether a record may end here: before its blank lines, a record, a member, or the sound end of the run."""
        if not self.fill(end):
            return False
        behind = end
        while self.fill(behind + 64) and self._newlines(behind) == len(self.buffer) - behind:
            behind = len(self.buffer)
        behind += self._newlines(behind)
        if behind == len(self.buffer):
            return not self.error
        is_member_end = any(end <= mark - self._position <= behind for mark, _ in self._marks)
        return is_member_end or self.buffer.startswith(b"\r\n\r\n", end) or self.buffer.startswith(b"WARC/", behind)

    def find_header(self) -> bytes | None:
        """The header at the beginning of the buffer, with its blank line; None where there is none."""
        self.fill(_RECORD_BYTES)
        first = _FIRST_LINE.match(self.buffer)
        if first is None:
            return None
        blank_line = _BLANK_LINE[is_standard(first[0])]
        start, size = 0, 1024
        while True:
            is_more = self.fill(size)
            if found := blank_line.search(self.buffer, start):
                return bytes(self.buffer[: found.end()])
            if not is_more or size > _MAX_HEADER_BYTES:
                return None
            start, size = size - 8, size * 2

    def resynchronise(self) -> int:
        """Go to the next place where a record opens; gives the bytes passed over."""
        begin, start = self._position, 1
        while True:
            if found := _RECORD.search(self.buffer, start):
                self.drop(found.start())
                return self._position - begin
            kept = min(len(self.buffer), _RECORD_BYTES)
            self.drop(len(self.buffer) - kept)
            start = int(self._position == begin)
            if not self.fill(kept + 1):
                self.drop(kept)
                return self._position - begin

    def _newlines(self, start: int) -> int:
        found = _NEWLINES.match(self.buffer, start)
        return found.end() - start if found else 0

    def _take(self) -> None:
        piece = self._pieces.take()
        if not self._marks or (piece.offset != self._marks[-1][1] and not self._is_plain):
            self._marks.append((self._position + len(self.buffer), piece.offset))
        self.buffer += piece.data
        self.error = piece.error


def _next(run: _Run, max_bytes: int) -> Record | Damage:
    """What stands at the beginning of the buffer; leaves the run behind it."""
    offset, header = run.offset, run.find_header()
    if header is None:
        return _give_up(run, offset, "no WARC record begins here", {})
    fields = parse_header(header)
    length = to_length(fields.get("content-length"))
    if length is None:
        return _give_up(run, offset, f"Content-Length is {fields.get('content-length')!r}", fields)
    if length > max_bytes:
        run.fill(len(header) + PEEKED_BYTES)
        block = bytes(run.buffer[len(header) : len(header) + PEEKED_BYTES])
        run.resynchronise()
        return make_record(offset, fields, block, length)
    end = len(header) + length
    if not run.ends_record(end):
        size = len(run.buffer) - len(header)
        error = f"Content-Length is {length:,} and does not lead to the next record"
        if size < length:
            error = f"only {size:,} of its {length:,} bytes are there"
        return _give_up(run, offset, error, fields)
    block = bytes(run.buffer[len(header) : end]) if bears_document(fields) else b""
    run.drop(end)
    return make_record(offset, fields, block, length)


def _give_up(run: _Run, offset: int, error: str, fields: Mapping[str, str]) -> Damage:
    """Leave a broken record behind: to where the next one opens."""
    passed = run.resynchronise()
    if run.error and not run.buffer:
        run.is_blamed = True
        error = f"{run.error}; {error}"
    return Damage(
        offset, f"{error}; {passed:,} bytes passed over", fields.get("warc-record-id"), fields.get("warc-target-uri")
    )


def _plain(stream: BinaryIO, offset: int) -> Iterator[_Piece]:
    stream.seek(offset)
    while data := stream.read(_READ_BYTES):
        yield _Piece(offset, data, begins=False)
        offset += len(data)


def _members(stream: BinaryIO, start: int, compression: Compression) -> Iterator[_Piece]:
    """The pieces of all members (gzip) or frames (zstd); behind a broken one comes the next that can be found."""
    offset: int | None = start
    while offset is not None:
        offset = yield from _member(stream, offset, compression)


def _member(stream: BinaryIO, offset: int, compression: Compression) -> Generator[_Piece, None, int | None]:
    """The pieces of one member; gives the offset of the next one."""
    begins = None
    decompressor = compression.decompressor()
    for position, data in _slices(stream, offset):
        try:
            decompressed = decompressor.decompress(data)
        except Exception as error:  # noqa: BLE001 - each library has its own
            yield _Piece(offset, b"", begins is None, f"a damaged gzip member or zstd frame ({error})")
            break
        if decompressed:
            begins = begins is None and decompressed.lstrip(b"\r\n").startswith(b"WARC/")
            yield _Piece(offset, decompressed, begins)
        if decompressor.eof:
            return position + len(data) - len(decompressor.unused_data)
    else:
        if begins is None and stream.tell() > offset:
            yield _Piece(offset, b"", True, "a gzip member or zstd frame with nothing in it")
    return _find_member(stream, offset + 1, compression)


def _slices(stream: BinaryIO, offset: int) -> Iterator[tuple[int, bytes]]:
    """The file from an offset on in small slices: what a slice holds before its broken byte is lost."""
    stream.seek(offset)
    while data := stream.read(_CHUNK_BYTES):
        for start in range(0, len(data), _SLICE_BYTES):
            yield offset + start, data[start : start + _SLICE_BYTES]
        offset += len(data)


def find_compression(stream: BinaryIO) -> Compression:
    """How a file is compressed whose beginning says nothing: by the first member or frame that opens with a record."""
    for compression in (Compression.GZIP, Compression.ZSTD):
        if _find_member(stream, 0, compression, opening=b"WARC/") is not None:
            return compression
    return Compression.NONE


def _find_member(stream: BinaryIO, start: int, compression: Compression, opening: bytes = b"") -> int | None:
    """The offset of the next place where a member begins that can be decompressed for a while."""
    stream.seek(start)
    kept = b""
    while data := stream.read(_READ_BYTES):
        window, base = kept + data, start - len(kept)
        for found in re.finditer(re.escape(compression.value), window):
            stream.seek(base + found.start())
            beginning = decompressed_start(stream.read(_SLICE_BYTES), compression)
            if beginning and beginning.startswith(opening):
                return base + found.start()
        start += len(data)
        stream.seek(start)
        kept = data[1 - len(compression.value) :]
    return None
