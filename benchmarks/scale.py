"""What does each step cost per gigabyte of text: processor time, memory, disk, shuffle? The numbers of docs/scale.md.

    python benchmarks/scale.py

Real pages (every whole WARC of ``../shared/data``, eight times) through the RefinedWeb recipe, and real English text
through each method of deduplication: once as it is and three times with the words of each document in another order, so
that it is no duplicate. Every recipe runs on half of its input and on all of it; seconds and bytes are the difference
over the difference, so that what a run costs once does not count. One task at a time, processor time of the worker and
its children.
"""

from __future__ import annotations

import functools
import random
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from environment import CACHE, DATA, read_texts, write_results
from pipeline import SOURCES, is_whole

from winnow import Export, Read, Step, Store, materialize
from winnow.core.executors import Processes
from winnow.core.shuffle import ScatterWriter
from winnow.core.step import Aligned, Reshaping, ordered
from winnow.dedup.bloom import bloom_duplicates
from winnow.dedup.exact import exact_duplicates
from winnow.dedup.minhash import minhash_duplicates
from winnow.recipes.estimate import weighed
from winnow.recipes.refinedweb import refinedweb

Recipe = Callable[[str], Step]
EXACT: Recipe = lambda source: exact_duplicates(Read(source=source))  # noqa: E731
MINHASH: Recipe = lambda source: minhash_duplicates(Read(source=source), preset="fineweb")  # noqa: E731
BLOOM: Recipe = lambda source: bloom_duplicates(Read(source=source))  # noqa: E731
PAGES: Recipe = lambda source: Export(documents=refinedweb(source=source))  # noqa: E731


@dataclass(frozen=True)
class Cost:
    """What one step took."""

    seconds: float
    memory: int
    disk: int
    shuffled: int


@dataclass
class Measuring:
    """Runs one task at a time in a worker of its own; keeps processor seconds and peak memory by the step's key."""

    seconds: dict[str, float] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)

    def run(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Apply the function to one item after the other."""
        for index, outcome in Processes(1).run(functools.partial(timed, function), items):
            (result, peak), seconds = outcome  # type: ignore[misc]
            for step, record in zip(items[index].steps, result, strict=True):
                share = record.seconds / max(1e-9, sum(one.seconds for one in result))
                self.seconds[step.key] = self.seconds.get(step.key, 0.0) + share * seconds
                self.memory[step.key] = max(peak, self.memory.get(step.key, 0))
            yield index, result


def timed(function: Callable[[Any], Any], item: object) -> tuple[tuple[Any, int], float]:
    """The result with its peak memory, and the processor seconds of this process and its children."""
    before = processor_seconds()
    found = weighed(function, item)
    return found, processor_seconds() - before


def processor_seconds() -> float:
    """Of this process and its finished children."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    CACHE.mkdir(exist_ok=True)
    pages = [pages_file(4), pages_file(8)]
    texts = [texts_file(2), texts_file(4)]
    recipes = [
        ("WARC to chosen documents (refinedweb)", PAGES, pages),
        ("exact duplicates", EXACT, texts),
        ("near duplicates (minhash, fineweb)", MINHASH, texts),
        ("duplicate passages (bloom, DCLM)", BLOOM, texts),
    ]
    write_results("scale", "\n\n".join(section(name, recipe, *inputs) for name, recipe, inputs in recipes))


def pages_file(copies: int) -> Path:
    """Every whole WARC, one after the other."""
    path = CACHE / f"scale-{copies}.warc.gz"
    whole = [one.read_bytes() for one in sorted((DATA / "warc").rglob("*.warc.gz")) if is_whole(one)]
    path.write_bytes(b"".join(whole) * copies)
    return path


def texts_file(copies: int) -> Path:
    """The texts as JSON lines, the first time as they are and then with their words in another order."""
    path = CACHE / f"scale-{copies}.jsonl"
    texts = [text for one in SOURCES for text in read_texts(DATA / one)]
    with path.open("wb") as out:
        for copy in range(copies):
            for number, text in enumerate(texts):
                said = text if copy == 0 else reordered(text, seed=copy)
                out.write(orjson.dumps({"id": f"{copy}-{number}", "text": said}) + b"\n")
    return path


def reordered(text: str, seed: int) -> str:
    """The lines of a text, the words of each shuffled."""
    order = random.Random(seed)
    lines = [line.split(" ") for line in text.split("\n")]
    return "\n".join(" ".join(order.sample(words, len(words))) for words in lines)


def section(name: str, recipe: Recipe, half: Path, whole: Path) -> str:
    """A table of what each step of a recipe costs."""
    costs(recipe, half)  # compiles what is not compiled yet
    few, few_text, _ = costs(recipe, half)
    many, text, documents = costs(recipe, whole)
    gigabytes = (text - few_text) / 1e9
    rows = []
    for label in many:
        seconds = max(0.0, many[label].seconds - few[label].seconds)
        disk, shuffled = many[label].disk - few[label].disk, many[label].shuffled - few[label].shuffled
        speed = f"{gigabytes * 1000 / seconds:.0f}" if seconds > gigabytes / 2 else "over 2000"
        numbers = (
            f"{seconds / gigabytes:.1f}",
            speed,
            f"{many[label].memory / 2**20:.0f}",
            f"{disk / gigabytes / 1e9:.4f}",
            f"{shuffled / gigabytes / 1e9:.4f}" if shuffled else "",
        )
        rows.append(f"| {label} | {' | '.join(numbers)} |")
    head = (
        "| step | core s per GB of text | MB/s per core | peak of a worker, MiB | bytes on disk per byte of text | "
        "of them shuffled |\n|---|---|---|---|---|---|"
    )
    about = f"{documents} documents, {text / 1e6:.1f} MB of text, {whole.stat().st_size / 1e6:.1f} MB of source."
    return "\n".join([f"## {name}", "", about, "", head, *rows])


def costs(recipe: Recipe, source: Path) -> tuple[dict[str, Cost], int, int]:
    """What each step of a recipe takes; bytes of text and number of documents."""
    root = Path(tempfile.mkdtemp(dir=CACHE))
    store, measuring = Store(root), Measuring()
    step = recipe(str(source))
    materialize(step, store, measuring, failure_budget=1.0)
    found = {}
    text = documents = 0
    for number, needed in enumerate(ordered(step)):
        table = store.table(needed)
        disk = sum(shard.bytes for shard in table.manifest.shards)
        scatters = isinstance(needed, Reshaping) and isinstance(
            needed.writer(Path(), 0, needed.split(store)[0]), ScatterWriter
        )
        name = f"{type(needed).__name__} {needed.name}" if isinstance(needed, Aligned) else type(needed).__name__
        found[f"{number + 1} {name}"] = Cost(
            measuring.seconds.get(needed.key, 0.0),
            measuring.memory.get(needed.key, 0),
            disk,
            disk if scatters else 0,
        )
        if isinstance(needed, Read):
            documents = table.manifest.rows
            text = sum(text_bytes(table.path(shard)) for shard in range(len(table.manifest.shards)))
    shutil.rmtree(root)
    return found, text, documents


def text_bytes(path: Path) -> int:
    """Bytes of UTF-8 text in a shard."""
    total = pc.sum(pc.binary_length(pq.read_table(path, columns=["text"])["text"].cast(pa.large_binary())))
    return int(total.as_py() or 0)


if __name__ == "__main__":
    main()
