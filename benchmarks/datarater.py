"""Does a meta-learned rater find spoiled text, and do models trained on its choice learn faster?

``winnow run datarater`` on real English text (news, textbooks, web pages, books), cut into passages, half of which are
spoiled: letters by chance, words shuffled, encodings misread twice, lines repeated, pages in other languages. Held-out
text is clean and of the same sources, no document in two sets. Told of every kind of damage is how often an untouched
passage scores above a spoiled one; of the choices, how models trained on them compare with all of the pool, a random
half and the untouched passages alone.

    python benchmarks/datarater.py [--steps N] [--tokens N] [--seeds N] [--split]

``--split`` holds out a part of the spoiled pool itself, as the paper does.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from string import printable

from corpora import Document, first, read, winnow, write
from environment import CACHE, write_results

from winnow.audit.noise import NOISE, Spoil
from winnow.bench.rater import RaterResult, read_result

WORK = CACHE / "datarater"
SOURCES = {"bbc_news": 1.5, "openstax_textbooks": 1.5, "c4_sample": 1.5, "gutenberg_books_en": 1.5}
"""Megabytes of each source."""
PARTS = {"pool": 0.7, "heldout": 0.9, "validation": 1.0}
"""Where each set ends, as shares of every source's documents."""
FOREIGN = "register_web_multilingual"
PASSAGE = 480
"""Characters of a passage."""
SPOILED = 0.5
"""Share of the pool's passages."""
CHANGED = 0.3
"""Share of the characters that become others where they are noise."""
NUM_VALIDATION = 300
"""Passages that models are measured on."""
LENGTH = 192
"""Tokens of a chunk: a passage and more."""


def passages(documents: Sequence[Document]) -> Iterator[Document]:
    """Pieces of equal length, and last pieces of half that length at least."""
    for document in documents:
        text = document["text"]
        for start in range(0, len(text) - PASSAGE // 2, PASSAGE):
            yield {**document, "id": f"{document['id']}-{start}", "text": text[start : start + PASSAGE]}


def parts() -> dict[str, list[Document]]:
    """Passages of three sets, no document in two."""
    found: dict[str, list[Document]] = {name: [] for name in PARTS}
    for source, megabytes in SOURCES.items():
        documents, start = list(first(read(source), megabytes)), 0
        for name, end in PARTS.items():
            stop = round(end * len(documents))
            found[name] += passages(documents[start:stop])
            start = stop
    for some in found.values():
        Random(0).shuffle(some)
    return found


def kinds() -> dict[str, Spoil]:
    """How text is spoiled."""
    foreign: list[str] = [document["text"] for document in first(read(FOREIGN), 1.0)]

    def characters(text: str, chance: Random) -> str:
        return "".join(chance.choice(printable[:94]) if chance.random() < CHANGED else one for one in text)

    def other_languages(text: str, chance: Random) -> str:
        page = chance.choice(foreign)
        start = chance.randrange(max(1, len(page) - len(text)))
        return page[start : start + len(text)]

    house = {name: NOISE[name] for name in ("words shuffled", "mojibake twice", "lines repeated")}
    return {"character noise": characters, "other languages": other_languages, **house}


def spoil(documents: Sequence[Document], ways: dict[str, Spoil], chance: Random) -> Iterator[Document]:
    """Half of the documents spoiled, each in one way, which it carries as ``noise``."""
    names = list(ways)
    for document in documents:
        name = chance.choice(names)
        text = ways[name](document["text"], chance) if chance.random() < SPOILED else document["text"]
        yield document if text == document["text"] else {**document, "text": text, "noise": name}


def study(arguments: argparse.Namespace) -> RaterResult:
    """Run the recipe, as a user would."""
    sets, work = parts(), WORK / ("split" if arguments.split else "clean")
    write(work / "pool.jsonl", spoil(sets["pool"], kinds(), Random(1)))
    for name in ("heldout", "validation"):
        write(work / f"{name}.jsonl", sets[name][: NUM_VALIDATION if name == "validation" else None])
    options = {
        "source": work / "pool.jsonl",
        "heldout": "split" if arguments.split else work / "heldout.jsonl",
        "validation": f"passages={work / 'validation.jsonl'}",
        "oracle": "documents.metadata->>'noise' IS NOT NULL",
        "kind": "documents.metadata->>'noise'",
        "inner": "0.1M",
        "steps": arguments.steps,
        "length": LENGTH,
        "heldout-batch-size": 32,
        "scale": "0.3M",
        "tokens": arguments.tokens,
        "seeds": arguments.seeds,
        "vocabulary": 1024,
        "out": work / "out",
        "store": work / "store",
    }
    given = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    winnow("run", "datarater", *given, "--discard", "0.25", "0.5", "0.75")
    return read_result(Path(work / "out" / "files"))


def told(result: RaterResult) -> Iterator[str]:
    """What it found, as two tables."""
    learnt = result.learnt
    yield f"{learnt.steps} meta-steps in {learnt.seconds / 60:.1f} minutes, {learnt.chunks:,} chunks, {learnt.backend}."
    yield from ("", "| spoiled by | passages | AUC | 95% interval |", "|---|---|---|---|")
    for one in result.pool.told:
        yield f"| {one.kind} | {one.documents:,} | {one.auc:.3f} | {one.low:.3f} to {one.high:.3f} |"
    yield from ("", "| scale | arm | less | bits per byte | 95% interval |", "|---|---|---|---|---|")
    for gap in result.gaps:
        span = f"{gap.interval[0]:+.3f} to {gap.interval[1]:+.3f}" if gap.interval else "-"
        yield f"| {gap.scale} | {gap.arm} | {gap.other} | {gap.value:+.3f} | {span} |"
    yield from ("", "| arm | of the pool's tokens | untouched of these |", "|---|---|---|")
    for kept in result.pool.kept:
        yield f"| {kept.arm} | {kept.share:.1%} | {'-' if kept.clean is None else f'{kept.clean:.1%}'} |"
    yield from ("", "| arm | compute to the unfiltered end | with scoring | with meta-learning |", "|---|---|---|---|")
    for gain in result.gains:
        cells = (gain.share, gain.with_scoring, gain.with_everything)
        yield f"| {gain.arm} | {' | '.join('never' if one is None else f'{one:.0%}' for one in cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--tokens", type=int, default=200_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--split", action="store_true")
    arguments, began = parser.parse_args(), time.monotonic()
    lines = list(told(study(arguments)))
    write_results("datarater", "\n".join([f"{(time.monotonic() - began) / 60:.0f} minutes.", *lines]))


if __name__ == "__main__":
    main()
