"""What the benchmarks that train models share: real documents in a fixed order, and winnow run as a user runs it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
import zstandard
from environment import DATA

Document = dict[str, Any]


def read(source: str) -> list[Document]:
    """The documents of a source, in an order that has nothing to do with what they are about."""
    (path,) = (DATA / "text" / source).glob("*.jsonl.zst")
    lines = zstandard.ZstdDecompressor().stream_reader(path.read_bytes(), read_across_frames=True).read().splitlines()
    documents = [orjson.loads(line) for line in lines]
    return sorted(documents, key=lambda document: hashlib.sha256(str(document["id"]).encode()).hexdigest())


def first(documents: Iterable[Document], megabytes: float) -> Iterator[Document]:
    """Documents up to so much text."""
    left = megabytes * 1e6
    for document in documents:
        if left <= 0:
            return
        left -= len(document["text"].encode())
        yield document


def write(path: Path, documents: Iterable[Document]) -> Path:
    """One file of documents, with what spoiled them where something did."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = ({key: d[key] for key in ("id", "text", "source", "noise") if key in d} for d in documents)
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def winnow(*arguments: str) -> Any:
    """Run a command of winnow's as a user would; its JSON."""
    command = [sys.executable, "-m", "winnow.cli", *arguments, "--json"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
