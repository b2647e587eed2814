"""winnow's side, in winnow's environment, run like the peers': each step of a chain in this process, one after another.

The documents lie in a store as in every run: making that table is not counted, reading it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from runner import BANDS, NGRAM, ROWS, WARM_UP, Answer, main, seconds

from winnow import Read, Store, materialize
from winnow.core.step import Aligned, Rows, ordered
from winnow.dedup.bloom import bloom_duplicates
from winnow.dedup.exact import exact_duplicates
from winnow.dedup.minhash import PRESETS, minhash_duplicates
from winnow.measure.minhash import MinHash

THOROUGH = PRESETS["thorough"]
FINEWEB = MinHash(ngram=NGRAM, bands=BANDS, rows=ROWS)
COPIES = 20
"""Times the documents are judged in one measurement."""

Method = Callable[[Rows], Aligned]


def signatures(texts: list[str], _: Path) -> Answer:
    """Shingles, signature, band hashes, as a run judges batches; the shingles are kept for comparisons."""
    judge = FINEWEB.load()
    judge(pa.record_batch({"text": texts[:WARM_UP]}))
    batch = pa.record_batch({"text": texts})
    return {"seconds": seconds(lambda: [judge(batch) for _ in range(COPIES)]) / COPIES}


def fuzzy(minhash: MinHash, threshold: float, texts: list[str], directory: Path) -> Answer:
    """The whole chain; gives the places of the kept texts."""
    method = partial(minhash_duplicates, minhash=minhash, threshold=threshold)
    answer, decisions = chain(method, texts, directory)
    kept = decisions.filter(decisions.column("duplicate_of").is_null()).column("id").to_pylist()
    return {**answer, "signatures": next(iter(answer["steps"].values())), "kept": [int(place) for place in kept]}


def exact(texts: list[str], directory: Path) -> Answer:
    """Hashes, keys, groups, decisions."""
    answer, decisions = chain(exact_duplicates, texts, directory)
    return {**answer, "num_kept": decisions.column("duplicate_of").null_count}


def bloom(texts: list[str], directory: Path) -> Answer:
    """Paragraphs and documents, as DCLM has them; the share of the text is that of its characters."""
    answer, decisions = chain(bloom_duplicates, texts, directory)
    spans = decisions.column("duplicate_spans").combine_chunks().flatten()
    removed = pc.sum(pc.subtract(spans.field("end"), spans.field("start"))).as_py()
    documents = decisions.column("is_duplicate").to_pylist().count(True) / len(texts)
    return {**answer, "removed_text": removed / sum(map(len, texts)), "removed_documents": documents}


def chain(method: Method, texts: list[str], directory: Path) -> tuple[Answer, pa.Table]:
    """Processor-seconds of a chain and of each of its steps, and its decisions."""
    few = stored(texts[:WARM_UP] * 2, directory / "few")
    materialize(method(few), directory / "few")
    store = Store(directory / "all")
    found = method(stored(texts, store.root))
    steps = {step.title: seconds(partial(materialize, step, store)) for step in ordered(found)[1:]}
    table = store.table(found)
    decisions = pa.concat_tables(table.shard(shard) for shard in range(len(table.manifest.shards)))
    return {"seconds": sum(steps.values()), "steps": steps}, decisions


def stored(texts: list[str], root: Path) -> Read:
    """The texts as a table of documents, made."""
    root.mkdir(parents=True)
    path = root / "documents.jsonl"
    with path.open("w") as file:
        file.writelines(json.dumps({"id": str(place), "text": text}) + "\n" for place, text in enumerate(texts))
    documents = Read(source=str(path))
    materialize(documents, root)
    return documents


if __name__ == "__main__":
    main(
        {
            "signatures": signatures,
            "fuzzy": partial(fuzzy, FINEWEB, 0.75),
            "fuzzy_70": partial(fuzzy, FINEWEB, 0.7),
            "fuzzy_thorough": partial(fuzzy, replace(THOROUGH.minhash, fold_numbers=True), THOROUGH.threshold),
            "exact": exact,
            "bloom": bloom,
        }
    )
