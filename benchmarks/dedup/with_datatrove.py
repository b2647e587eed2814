"""datatrove's side, in its environment: its own steps on documents in memory, so that its readers cost it nothing."""

from __future__ import annotations

import json
import struct
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from datatrove.data import Document
from datatrove.pipeline.dedup import (
    ExactDedupFilter,
    ExactDedupSignature,
    ExactFindDedups,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
    SingleBloomFilter,
)
from datatrove.pipeline.dedup.bloom_filter import BloomFilterConfig
from datatrove.pipeline.dedup.exact_dedup import ExactDedupConfig
from datatrove.pipeline.dedup.minhash import MinhashConfig
from runner import BANDS, NGRAM, ROWS, Answer, each, main, seconds

CONFIG = MinhashConfig(n_grams=NGRAM, num_buckets=BANDS, hashes_per_bucket=ROWS)
FILTER_SIZE = 2**24 - 1
"""datatrove cuts indexes off with ``& m_bytes``: at 2**24 it would use two bits, at one less it uses 2**24."""


def signature_step(directory: Path, words: str) -> Any:
    """Stage 1 as shipped (``words="default"``: spaCy), or with another word splitter put in its place."""
    step = MinhashDedupSignature(str(directory), config=CONFIG)
    if words == "whitespace":
        step.word_tokenizer = SimpleNamespace(word_tokenize=str.split)
    return step


def signatures(words: str, texts: list[str], directory: Path) -> Answer:
    """Shingles and signature of every text, nothing written."""
    step = signature_step(directory, words)

    def signature(text: str) -> None:
        found = step.get_shingles(text)
        if found.size:
            step.get_signature(found)

    return each(texts, signature)


def fuzzy(words: str, texts: list[str], directory: Path) -> Answer:
    """All four stages; gives the processor-seconds of stage 1 and of the rest, and the places of the kept texts."""
    signatures, matches, removals = (str(directory / name) for name in ("signatures", "matches", "removals"))
    first = signature_step(directory / "signatures", words)
    first.word_tokenizer.word_tokenize("loads the word splitter")
    kept: list[int] = []

    def rest() -> None:
        for rank in range(BANDS):
            MinhashDedupBuckets(signatures, matches, config=CONFIG).run(rank=rank, world_size=BANDS)
        MinhashDedupCluster(matches, removals, config=CONFIG).run(world_size=1)
        kept.extend(int(document.id) for document in MinhashDedupFilter(removals).run(documents(texts)))

    stage_1 = seconds(lambda: first.run(documents(texts)))
    later = seconds(rest)
    return {"seconds": stage_1 + later, "signatures": stage_1, "kept": kept}


def exact(texts: list[str], directory: Path) -> Answer:
    """All three stages."""
    config = ExactDedupConfig(content_getter=content)
    signatures, duplicates = str(directory / "exact-signatures"), str(directory / "exact-duplicates")
    kept: list[Any] = []

    def run() -> None:
        ExactDedupSignature(signatures, config=config).run(documents(texts))
        ExactFindDedups(signatures, duplicates, config=config).run()
        kept.extend(ExactDedupFilter(duplicates, config=config).run(documents(texts)))

    return {"seconds": seconds(run), "num_kept": len(kept)}


def bloom(words: str, texts: list[str], directory: Path) -> Answer:
    """Whole documents whose 13-grams were seen before."""
    config = BloomFilterConfig(m_bytes=FILTER_SIZE, k=7)
    step = SingleBloomFilter(str(directory / "bloom"), config=config)
    step.tokenizer.word_tokenize("loads the word splitter")
    if words == "whitespace":
        step.tokenizer = SimpleNamespace(word_tokenize=str.split)
    kept: list[Any] = []
    taken = seconds(lambda: kept.extend(step.run(documents(texts))))
    return {"seconds": taken, "removed_documents": 1 - len(kept) / len(texts)}


def pairs(texts: list[str], directory: Path) -> Answer:
    """For each setting of ``settings.json`` the pairs of stage 2, each with similarity 1: datatrove knows no other."""
    found = []
    shingles: dict[tuple[int, str], Any] = {}
    for number, setting in enumerate(json.loads((directory / "settings.json").read_text())):
        config = MinhashConfig(n_grams=setting["n"], num_buckets=setting["bands"], hashes_per_bucket=setting["rows"])
        here = directory / str(number)
        first = MinhashDedupSignature(str(here / "signatures"), config=config)
        for text in texts if (setting["n"], texts[0]) not in shingles else ():
            shingles[setting["n"], text] = first.get_shingles(text)
        first.get_shingles = lambda text, n=setting["n"]: shingles[n, text]
        first.run(documents(texts))
        for rank in range(setting["bands"]):
            second = MinhashDedupBuckets(str(here / "signatures"), str(here / "matches"), config=config)
            second.run(rank=rank, world_size=setting["bands"])
        records = b"".join(path.read_bytes() for path in sorted((here / "matches").iterdir()))
        found.append([(a, b, 1) for a, b in sorted({(a, b) for _, a, _, b in struct.iter_unpack("<4I", records)})])
    return {"pairs": found}


def documents(texts: list[str]) -> Any:
    return (Document(text=text, id=str(place)) for place, text in enumerate(texts))


def content(document: Document) -> str:
    return str(document.text)


if __name__ == "__main__":
    main(
        {
            "signatures": partial(signatures, "default"),
            "signatures_whitespace": partial(signatures, "whitespace"),
            "fuzzy": partial(fuzzy, "default"),
            "fuzzy_whitespace": partial(fuzzy, "whitespace"),
            "exact": exact,
            "pairs": pairs,
            "bloom": partial(bloom, "default"),
            "bloom_whitespace": partial(bloom, "whitespace"),
        }
    )
