"""Does a meta-learned rater find spoiled text, and do models trained on its choice learn faster?

``winnow run datarater`` on real English text (news, textbooks, web pages, books), cut into passages, half of which are
spoiled: letters by chance, words shuffled, encodings misread twice, lines repeated, pages in other languages. Held-out
text is clean and of the same sources, no document in two sets. Told of every kind of damage is how often an untouched
passage scores above a spoiled one; of the choices, how models trained on them compare with all of the pool, a random
half and the untouched passages alone.

    python benchmarks/datarater.py [STUDY ...] [--steps N] [--tokens N] [--seeds N]

``clean`` is that; ``seen`` spoils the pool in three ways, so that passages spoiled in all five show what a rater makes
of those that it never saw. ``same_mixture.py`` asks what happens where the held-out text is spoiled too.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from random import Random
from string import printable

import numpy as np
import pyarrow as pa
from corpora import Document, first, read, winnow, write
from environment import CACHE, write_results

from winnow.audit.noise import NOISE, Spoil
from winnow.bench.rater import RaterResult, read_result
from winnow.core.files import read_json
from winnow.core.plain import from_plain
from winnow.core.table import Store
from winnow.measure.examples import auc
from winnow.rater.data_rater import DataRater

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
STUDIES = ("clean", "seen")
SEEN = ("character noise", "other languages", "mojibake twice")
KINDS = ("character noise", "other languages", "words shuffled", "mojibake twice", "lines repeated")
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


def parts(sources: Mapping[str, float] = SOURCES) -> dict[str, list[Document]]:
    """Passages of three sets, no document in two."""
    found: dict[str, list[Document]] = {name: [] for name in PARTS}
    for source, megabytes in sources.items():
        documents, start = [{**one, "source": source} for one in first(read(source), megabytes)], 0
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

    ours = {"character noise": characters, "other languages": other_languages}
    return {name: ours.get(name) or NOISE[name] for name in KINDS}


def spoil(
    documents: Sequence[Document], ways: dict[str, Spoil], chance: Random, share: float = SPOILED
) -> Iterator[Document]:
    """A share of the documents spoiled, each in one way, which it carries as ``noise``."""
    names = list(ways)
    for document in documents:
        name = chance.choice(names)
        text = ways[name](document["text"], chance) if chance.random() < share else document["text"]
        yield document if text == document["text"] else {**document, "text": text, "noise": name}


def write_sets(work: Path, seen: Sequence[str]) -> list[Document]:
    """The files of a study; gives other passages, spoiled in all ways."""
    sets, ways = parts(), kinds()
    write(work / "pool.jsonl", spoil(sets["pool"], {name: ways[name] for name in seen}, Random(1)))
    write(work / "heldout.jsonl", sets["heldout"])
    write(work / "validation.jsonl", sets["validation"][:NUM_VALIDATION])
    return list(spoil(sets["validation"][NUM_VALIDATION:], ways, Random(2)))


def study(work: Path, arguments: argparse.Namespace, options: Mapping[str, object]) -> RaterResult:
    """Run the recipe, as a user would; an option may have several values."""
    common = {
        "source": work / "pool.jsonl",
        "discard": [0.25, 0.5, 0.75],
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
    given = [
        [f"--{name}", *map(str, value if isinstance(value, list) else [value])]
        for name, value in {**common, **options}.items()
    ]
    winnow("run", "datarater", *chain(*given))
    return read_result(work / "out" / "files")


def given_labels(work: Path) -> dict[str, object]:
    """What a study of spoiled text is told beside the pool."""
    return {
        "heldout": work / "heldout.jsonl",
        "validation": f"passages={work / 'validation.jsonl'}",
        "oracle": "documents.metadata->>'noise' IS NOT NULL",
        "kind": "documents.metadata->>'noise'",
    }


def areas(work: Path, documents: Sequence[Document], seen: Sequence[str]) -> Iterator[str]:
    """How often the rater scores an untouched passage above one of each kind, of passages that it never read."""
    fitted = from_plain(read_json(work / "out" / "recipe.json")["recipe"]).fitted
    judge = DataRater(model=str(Store(work / "store").table(fitted).files())).load()
    scores = judge(pa.RecordBatch.from_pydict({"text": [one["text"] for one in documents]})).column("score")
    found, noise = scores.to_numpy(), np.array([one.get("noise", "") for one in documents])
    yield from ("", "| passages never read, spoiled by | seen in the pool | passages | AUC | 95% interval |", RULE)
    for name in sorted({*noise.tolist()} - {""}):
        some = (noise == "") | (noise == name)
        area = auc(found[some], noise[some] == "")
        told = "yes" if name in seen else "no"
        yield f"| {name} | {told} | {(noise == name).sum()} | {area.value:.3f} | {area.low:.3f} to {area.high:.3f} |"
    some = (noise == "") | np.isin(noise, seen)
    area = auc(found[some], noise[some] == "")
    yield f"| all that were seen | yes | {some.sum()} | {area.value:.3f} | {area.low:.3f} to {area.high:.3f} |"


RULE = "|---|---|---|---|---|"


def told(result: RaterResult) -> Iterator[str]:
    """What the study found, as tables."""
    learnt = result.learnt
    yield f"{learnt.steps} meta-steps in {learnt.seconds / 60:.1f} minutes, {learnt.chunks:,} chunks, {learnt.backend}."
    yield from ("", "| spoiled by | passages | AUC | 95% interval |", "|---|---|---|---|")
    for one in result.pool.told:
        yield f"| {one.kind} | {one.documents:,} | {one.auc:.3f} | {one.low:.3f} to {one.high:.3f} |"
    yield from ("", "| scale | arm | less | bits per byte | 95% interval |", RULE)
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


def lines(name: str, arguments: argparse.Namespace) -> Iterator[str]:
    """A study, from its files to its tables."""
    began, seen = time.monotonic(), SEEN if name == "seen" else KINDS
    others = write_sets(WORK / name, seen)
    found = [*told(study(WORK / name, arguments, given_labels(WORK / name))), *areas(WORK / name, others, seen)]
    yield from (f"## {name}", "", f"{(time.monotonic() - began) / 60:.0f} minutes, what was made before left out.")
    yield from (*found, "")


def sized(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """With the options of how much is done."""
    parser.add_argument("--steps", type=int, default=300, help="meta-steps")
    parser.add_argument("--tokens", type=int, default=200_000, help="of a model")
    parser.add_argument("--seeds", type=int, default=3)
    return parser


def main() -> None:
    parser = sized(argparse.ArgumentParser(description=__doc__))
    parser.add_argument("studies", nargs="*", default=STUDIES, metavar="STUDY", help=", ".join(STUDIES))
    arguments = parser.parse_args()
    write_results("datarater", "\n".join(line for name in arguments.studies for line in lines(name, arguments)))


if __name__ == "__main__":
    main()
