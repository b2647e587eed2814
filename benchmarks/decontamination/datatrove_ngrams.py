"""Run inside datatrove's environment: its n-gram decontamination on the items and documents of two files.

Prints JSON: processor-seconds of the index and of the documents, and for each document the task it is found to hold.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from datatrove.data import Document
from datatrove.pipeline.decont import NGramsDecontConfig, NGramsDecontFilter, NGramsDecontIndexer


def main() -> None:
    items, documents = (read(Path(path)) for path in sys.argv[1:3])
    config = NGramsDecontConfig(find_query_ngrams=True)
    NGramsDecontIndexer._requires_dependencies = []  # lighteval only serves to download tasks
    with TemporaryDirectory() as folder:
        indexer = NGramsDecontIndexer(folder, config=config)
        indexer.compute_hashes("one", "two")  # loads the word splitter
        began = time.process_time()
        hashes = {n for item in items for n in indexer.compute_hashes(item["answer"], item["question"])}
        np.array(list(hashes), config.hash_config.np_descr).tofile(Path(folder) / "items.index.hashes")
        index_seconds = time.process_time() - began
        found = NGramsDecontFilter(folder, config=config)
        found.filter(Document(text="a b", id=""))
        began = time.process_time()
        is_kept = [found.filter(Document(text=document["text"], id="")) is True for document in documents]
        seconds = time.process_time() - began
    print(json.dumps({"index_seconds": index_seconds, "seconds": seconds, "hashes": len(hashes), "kept": is_kept}))


def read(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


if __name__ == "__main__":
    main()
