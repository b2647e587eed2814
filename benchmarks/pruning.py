"""Does the middle of perplexity make the better training set here too?

``winnow run pruning_study`` on real text in English: posts, web pages, reviews and chat, cut by their ids into a pool,
a corpus for reference models that shares no document with it, and a held-out set of the same kind. Three pools:
``filtered`` (FineWeb's rules; what Marion et al. start from), ``raw`` (before the rules, with spam and other languages
put in) and ``scarce`` (an eighth of the filtered one, so that every choice from it is repeated). Two reference corpora:
``web`` (of the pool's kind) and ``clean`` (textbooks, books, medical answers). Everything is trained for equal steps.

    python benchmarks/pruning.py [--tokens N] [--reference-tokens N] [--seeds N]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from typing import Any

from corpora import Document, first, read, winnow, write
from environment import CACHE, DATA, write_results

WORK = CACHE / "pruning"
WEB = {"reddit_selfposts_2013": 5.5, "c4_sample": 1.8, "movie_reviews": 1.0, "nltk_webtext_chat": 0.7}
"""Megabytes of each source in all that is cut into pool, reference corpus and held-out set."""
CUTS = {"pool": 0.55, "web": 0.95, "heldout": 1.0}
"""Where each part ends, as shares of every source."""
RAW = {"register_web_multilingual": 0.6, "enron1_spam_ham": 0.6}
CLEAN = {"openstax_textbooks": 1.4, "gutenberg_books_en": 1.2, "medquad_medical_qa": 0.8}
HELDOUT_CHARS = 200, 600
"""A held-out document's least length, and where it is cut: many documents for little work."""
NUM_HELDOUT = 200
NUM_FILES = 4


def parts() -> dict[str, list[Document]]:
    """Pool, reference corpus and held-out set: no document in two."""
    found: dict[str, list[Document]] = {name: [] for name in CUTS}
    for source, megabytes in WEB.items():
        documents, start = list(first(read(source), megabytes)), 0
        for name, end in CUTS.items():
            stop = round(end * len(documents))
            found[name] += documents[start:stop]
            start = stop
    return found


def beginnings(documents: Iterable[Document]) -> list[Document]:
    """The beginnings of documents that are long enough."""
    least, most = HELDOUT_CHARS
    return [{**one, "text": one["text"][:most]} for one in documents if len(one["text"]) >= least][:NUM_HELDOUT]


def filtered(name: str, documents: Sequence[Document]) -> str:
    """The recipe of the documents that pass FineWeb's rules; they lie in several files, so that several cores score."""
    for number in range(NUM_FILES):
        write(WORK / name / f"{number}.jsonl", documents[number::NUM_FILES])
    source, out = WORK / name / "*.jsonl", WORK / f"{name}_filtered"
    winnow("run", "fineweb_filters", "--source", str(source), "--out", str(out), "--store", str(WORK / "store"))
    return str(out / "recipe.json")


def make_sets() -> dict[str, dict[str, str]]:
    """Pools, reference corpora and held-out sets, by their names."""
    cut = parts()
    extra = [one for source, size in RAW.items() for one in first(read(source), size)]
    clean = [one for source, size in CLEAN.items() for one in first(read(source), size)]
    return {
        "pool": {
            "filtered": filtered("pool", cut["pool"]),
            "raw": str(write(WORK / "raw.jsonl", [*cut["pool"][::2], *extra])),
            "scarce": filtered("scarce", cut["pool"][::8]),
        },
        "reference": {
            "web": filtered("web", cut["web"]),
            "clean": str(write(WORK / "clean.jsonl", clean)),
        },
        "heldout": {
            "web": str(write(WORK / "heldout_web.jsonl", beginnings(cut["heldout"]))),
            "brown": str(write(WORK / "heldout_brown.jsonl", beginnings(read("brown"))[:100])),
        },
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--tokens", type=int, default=200_000)
    arguments.add_argument("--reference-tokens", type=int, default=800_000)
    arguments.add_argument("--seeds", type=int, default=2)
    given = arguments.parse_args()
    began, sets = time.perf_counter(), make_sets()
    done = winnow(
        *("run", "pruning_study", "--tokens", str(given.tokens), "--reference-tokens", str(given.reference_tokens)),
        *("--seeds", str(given.seeds), "--tasks", "sst2", "--task-files", str(DATA / "eval_tasks")),
        *(part for what, named in sets.items() for part in (f"--{what}", *(f"{k}={v}" for k, v in named.items()))),
        *("--store", str(WORK / "store"), "--out", str(WORK / "out")),
    )
    minutes = (time.perf_counter() - began) / 60
    told = (
        f"{done['runs']} runs of {given.tokens:,} tokens in {minutes:.0f} minutes (of this command; what an earlier "
        "one made is not made again)."
    )
    write_results("pruning", f"{told}\n\n{claims(done['findings'])}")


def claims(findings: Sequence[dict[str, Any]]) -> str:
    """A table of the answers to the claims, each with the contrast that is nearest to failing."""
    rows = ["| claim | verdict | measured | | 95% interval |", "|---|---|---|---|---|"]
    for one in findings:
        part = one["parts"][0] if one["parts"] else {"what": "", "value": None, "interval": None}
        value = "" if part["value"] is None else f"{part['value']:+.3f}"
        interval = "" if part["interval"] is None else f"{part['interval'][0]:+.3f} to {part['interval'][1]:+.3f}"
        setting = "" if one["at_base"] else f" ({one['setting']['pool']}, {one['setting']['scale']}, {one['metric']})"
        rows.append(f"| {one['claim']}{setting} | {one['words']} | {part['what']} | {value} | {interval} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
