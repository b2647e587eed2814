"""Do documents that share a long licence, and differ otherwise, stay? The frames of 127 Project Gutenberg books.

python benchmarks/boilerplate.py

Of what is removed, right is what stands in the pool again under the same title. Beside it what the references do: all
but one of whatever hangs together by equal bands goes, and nothing is compared.
"""

from __future__ import annotations

import re
import tempfile

import pyarrow.parquet as pq
from environment import DATA, write_results

from winnow import Read, Store, materialize, minhash_duplicates
from winnow.dedup.duplicates import Duplicates
from winnow.dedup.minhash_links import component_file
from winnow.dedup.minhash_pairs import NearDuplicates

SOURCE = DATA / "near_dups" / "gutenberg_boilerplate_substrings.jsonl.zst"
THRESHOLDS = (0.75, 0.7, 0.65, 0.6)
TITLE = re.compile(r"(?:ebook of|ebook,|gutenberg['’]s) ([^,\n]*)")


def main() -> None:
    """Print and keep the table."""
    documents = Read(source=str(SOURCE), id_key="none")  # two of its ids stand twice
    lines = ["| | removed | under the title of one that is kept |", "|---|---|---|"]
    with tempfile.TemporaryDirectory() as directory:
        store = Store(directory)
        for threshold in THRESHOLDS:
            found = minhash_duplicates(documents, preset="fineweb", threshold=threshold)
            materialize(found, store)
            if threshold == THRESHOLDS[0]:
                lines.append(
                    row("14 x 8 bands and all that hangs together", hanging_together(found, store), documents, store)
                )
            lines.append(row(f"14 x 8 bands, compared, {threshold}", duplicates(found, store), documents, store))
        found = minhash_duplicates(documents)
        materialize(found, store)
        lines.append(row("preset thorough", duplicates(found, store), documents, store))
    write_results("boilerplate", "\n".join(lines))


def duplicates(found: Duplicates, store: Store) -> set[int]:
    """The rows that repeat a kept one."""
    twins = store.table(found).shard(0, ["duplicate_of"]).column("duplicate_of").to_pylist()
    return {row for row, twin in enumerate(twins) if twin is not None}


def hanging_together(found: Duplicates, store: Store) -> set[int]:
    """The rows that hang together with one before them."""
    assert isinstance(found.found, NearDuplicates)
    file = store.table(found.found.candidates.components).file(component_file(0, 0))
    rows, components = (pq.read_table(file).column(name).to_pylist() for name in ("row", "component"))
    return {row for row, component in zip(rows, components, strict=True) if row != component}


def row(label: str, removed: set[int], documents: Read, store: Store) -> str:
    """How many are removed, and of how many the title is still there."""
    texts = store.table(documents).shard(0, ["text"]).column("text").to_pylist()
    kept = {title(text) for number, text in enumerate(texts) if number not in removed}
    right = sum(title(texts[number]) in kept for number in removed)
    return f"| {label} | {len(removed)} | {right} |"


def title(text: str) -> str:
    """The title that the frame names."""
    found = TITLE.search(text.lower())
    return found[1].strip() if found else text[:50]


if __name__ == "__main__":
    main()
