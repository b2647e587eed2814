"""How many planted evaluation items are found, what is found where none was planted, how fast, in how much memory?

    python benchmarks/decontamination.py

Every row of every task file is planted into a web page in four layouts (see ``LAYOUTS``). What is found in real text in
which nothing was planted was read, one by one; the verdicts are in ``decontamination/judged.tsv``. datatrove runs in an
environment of its own. Figures of speed are processor-seconds on one core.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import re
import statistics
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import zstandard
from environment import CACHE, DATA, peer_python, read_texts, write_results

from winnow.decontaminate.index import Index, Indexed, build_index
from winnow.decontaminate.items import Fields, Item, read_items
from winnow.decontaminate.methods import METHODS, Method
from winnow.decontaminate.search import find_items
from winnow.decontaminate.tasks import TaskFile, task_files

TASKS = DATA / "eval_tasks"
SUPPORT = Path(__file__).with_suffix("")
PAGES = DATA / "text" / "c4_sample" / "c4_sample.jsonl.zst"
SPEED_SOURCES = {
    "text/c4_sample/c4_sample.jsonl.zst": 300,
    "text/reddit_selfposts_2013/reddit_selfposts_2013.jsonl.zst": 300,
    "text/bbc_news/bbc_news.jsonl.zst": 150,
}
LONG_WORDS = 8
LAYOUTS = {
    "verbatim": "the fields as the file has them, one a line, choices with letters, then the answer; a paragraph",
    "reformatted": "the same with curly quotes, (a) for A., any space a line break or another, a third in capitals",
    "one line": "a paragraph Q: question A: answer, without choices and passage",
    "in prose": "question, a space, answer and a full stop between two sentences, without choices and passage",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--most", type=int, default=1000, help="rows planted of each task file, evenly spaced")
    parser.add_argument("--few", type=int, default=40, help="the same where methods are compared")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=CACHE)
    own = parser.parse_args()
    files = task_files([str(TASKS)])
    began = time.process_time()
    items = {item.id: item for file in files for item in read_items(file, Fields())}
    read_seconds = time.process_time() - began
    began = time.process_time()
    indexed = build_index(list(items.values()), METHODS["coverage"])
    build_seconds = time.process_time() - began
    corpora = {path.parent.name: read_rows(path) for path in sorted((DATA / "text").glob("*/*.zst"))}
    parts = [
        described(items, indexed, read_seconds, build_seconds),
        recall(files, items, indexed, own.most),
        precision(indexed.index, corpora),
        speed(items, indexed.index, own),
        methods(files, items, corpora, own.few),
    ]
    write_results("decontamination", "\n\n".join(parts))


def found_in(texts: Sequence[str], index: Index, method: Method) -> list[tuple[int, str, float]]:
    """``(text, item, overlap)`` of everything found from the method's threshold on."""
    found = find_items(pa.array(texts, pa.large_string()), index, method)
    enough = found.overlaps >= method.threshold
    rows = zip(found.matches["text"][enough], found.matches["item"][enough], found.overlaps[enough], strict=True)
    return [(int(text), index.ids[item], float(overlap)) for text, item, overlap in rows]


def read_rows(path: Path) -> list[dict[str, Any]]:
    content = zstandard.ZstdDecompressor().stream_reader(path.read_bytes(), read_across_frames=True).read()
    return [json.loads(line) for line in content.splitlines() if line.strip()]


def described(items: dict[str, Item], indexed: Indexed, read_seconds: float, build_seconds: float) -> str:
    index = indexed.index
    return "\n".join(
        [
            f"{len(items):,} items of {len({item.task for item in items.values()})} files; "
            f"{len(index.ids):,} are looked for, {len(indexed.alike):,} more read the same as one of them, "
            f"{len(indexed.left_out):,} are not looked for (below).",
            f"Index: {index.num_bytes / 1e6:.0f} MB in memory ({index.seeds.bloom.nbytes / 1e6:.1f} MB Bloom filter, "
            f"{len(index.seeds.hashes):,} seeds), read in {read_seconds:.0f} s, built in {build_seconds:.0f} s.",
        ]
    )


@dataclass
class Tally:
    """What became of the planted items of one file and one length."""

    planted: int = 0
    found: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    left_out: int = 0


def recall(files: Sequence[TaskFile], items: dict[str, Item], indexed: Indexed, most: int) -> str:
    tallies: dict[tuple[str, bool], Tally] = defaultdict(Tally)
    for file in files:
        rows = spaced([(f"{file.task}#{number}", row) for number, row in file.rows()], most)
        for layout in LAYOUTS:
            texts = planted(rows, items, layout)
            found = {(text, item) for text, item, _ in found_in(texts, indexed.index, METHODS["coverage"])}
            for text, (id, _) in enumerate(rows):
                tally = tallies[file.task, num_words(items[id].question) >= LONG_WORDS]
                is_found = (text, indexed.alike.get(id, id)) in found
                tally.found[layout] += is_found
                if layout == "verbatim":
                    tally.planted += 1
                    tally.left_out += id in indexed.left_out
                    tally.missed += [] if is_found else [id]
    return recall_table(tallies, items)


def recall_table(tallies: dict[tuple[str, bool], Tally], items: dict[str, Item]) -> str:
    lines = [
        "## Recall: planted items found, as that item",
        "",
        f"Long: a question of {LONG_WORDS} words or more. Planted: rows of the file, evenly spaced; shares are of "
        "all of them, those that are not looked for are misses.",
        "",
        *(f"- {layout}: {what}" for layout, what in LAYOUTS.items()),
        "",
        f"| file | length | planted | {' | '.join(LAYOUTS)} | not looked for | missed verbatim, such as |",
        f"|---|---|---|{'---|' * len(LAYOUTS)}---|---|",
    ]
    for (task, is_long), tally in sorted(tallies.items(), key=lambda one: (one[0][0], not one[0][1])):
        examples = "; ".join(items[id].question[:60].replace("|", "/").replace("\n", " ") for id in tally.missed[:2])
        lines.append(recall_row(task, is_long, [tally], examples))
    for is_long in (True, False):
        lines.append(recall_row("all", is_long, [tally for (_, long), tally in tallies.items() if long == is_long], ""))
    return "\n".join(lines)


def recall_row(task: str, is_long: bool, tallies: Sequence[Tally], examples: str) -> str:
    number, left_out = sum(tally.planted for tally in tallies), sum(tally.left_out for tally in tallies)
    shares = [f"{sum(tally.found[layout] for tally in tallies) / number:.4f}" for layout in LAYOUTS]
    length = "long" if is_long else "short"
    return f"| {task} | {length} | {number} | {' | '.join(shares)} | {left_out or ''} | {examples} |"


def planted(rows: Sequence[tuple[str, dict[str, Any]]], items: dict[str, Item], layout: str) -> list[str]:
    """Each row in the middle of a web page."""
    chance = random.Random(0)
    pages = [text for text in read_texts(PAGES) if len(text) > 600 and ". " in text]
    texts = []
    for id, row in rows:
        page = chance.choice(pages)
        middle = page.find(" ", len(page) // 2)
        if layout == "in prose":
            middle = page.rindex(". ") + 1
            texts.append(f"{page[:middle]} {in_prose(items[id])}{page[middle:]}")
            continue
        text = one_line(items[id]) if layout == "one line" else as_text(row)
        text = reformatted(text) if layout == "reformatted" else text
        texts.append(f"{page[:middle]}\n\n{text}\n\n{page[middle:]}")
    return texts


def one_line(item: Item) -> str:
    return f"Q: {item.question} A: {item.answers[0].strip() if item.answers else ''}"


def in_prose(item: Item) -> str:
    text = f"{item.question} {item.answers[0].strip() if item.answers else ''}".strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def as_text(row: dict[str, Any]) -> str:
    """A row as one would print it: its fields in order, lists with letters, the answer at the end."""
    row = row["doc"] if isinstance(row.get("doc"), dict) else row
    if "context_options" in row:
        return f"{row['context_options'][row['gold']]} {row['continuation']}"
    lines = [text for value in row.values() for text in strings(value)]
    choices, gold = row.get("choices"), row.get("gold", row.get("answer"))
    if isinstance(choices, list) and isinstance(gold, int) and 0 <= gold < len(choices):
        lines.append(f"Answer: {choices[gold]}")
    return "\n".join(lines)


def strings(value: object) -> list[str]:
    if isinstance(value, list):
        texts = [text for one in value for text in strings(one)]
        return [f"{chr(ord('A') + place % 26)}. {text}" for place, text in enumerate(texts)]
    return [value] if isinstance(value, str) else []


def reformatted(text: str) -> str:
    """The text with curly quotes, "(a)" for "A.", other spaces and, of one in three, capitals."""
    chance = random.Random(text)
    text = text.replace('"', "\u201c").replace("'", "\u2019")
    text = re.sub(r"\b([A-J])\. ", lambda found: f"({found[1].lower()}) ", text)
    text = re.sub(r" +", lambda _: chance.choice([" ", "\n", "  ", "\u00a0"]), text)
    return text.upper() if chance.random() < 1 / 3 else text


def num_words(text: str) -> int:
    return len(re.findall(r"\w+", text))


def spaced(rows: Sequence[Any], most: int) -> list[Any]:
    return [rows[place] for place in np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int))]


def precision(index: Index, corpora: dict[str, list[dict[str, Any]]]) -> str:
    with (SUPPORT / "judged.tsv").open(newline="") as opened:
        verdicts = {(row["document"], row["item"]): row for row in csv.DictReader(opened, delimiter="\t")}
    lines = ["| source | documents | flagged | true | false | not judged |", "|---|---|---|---|---|---|"]
    read_out, total = [], Counter[str]()
    for source, rows in corpora.items():
        best: dict[int, tuple[str, float]] = {}
        for text, item, overlap in found_in([row["text"] or "" for row in rows], index, METHODS["coverage"]):
            best.setdefault(text, (item, overlap))
        counts = Counter[str]()
        for text, (item, overlap) in best.items():
            judged = verdicts.get((rows[text]["id"], item), {"verdict": "not judged", "why": ""})
            counts[judged["verdict"]] += 1
            read_out.append(
                f"| {source} | {rows[text]['id']} | {item} | {overlap:.2f} | {judged['verdict']} | {judged['why']} |"
            )
        total += counts
        numbers = " | ".join(str(counts[verdict]) for verdict in ("true", "false", "not judged"))
        lines.append(f"| {source} | {len(rows)} | {len(best)} | {numbers} |")
    judged_ = total["true"] + total["false"]
    return "\n".join(
        [
            "## Precision: real text in which nothing was planted",
            "",
            f"{total['true']} of {judged_} flagged documents that were read hold the item "
            f"({total['true'] / max(1, judged_):.3f}); {sum(map(len, corpora.values())):,} documents.",
            "",
            *lines,
            "",
            "| source | document | item | overlap | verdict | why |",
            "|---|---|---|---|---|---|",
            *read_out,
        ]
    )


def speed(items: dict[str, Item], index: Index, own: argparse.Namespace) -> str:
    texts = [text for path, number in SPEED_SOURCES.items() for text in read_texts(DATA / path, number)]
    few = spaced(list(items.values()), 2_000)
    documents, wanted = own.cache / "decontamination-documents.jsonl", own.cache / "decontamination-items.jsonl"
    own.cache.mkdir(parents=True, exist_ok=True)
    write_lines(documents, ({"text": text} for text in texts))
    write_lines(wanted, ({"question": item.question, "answer": (item.answers or ("",))[0]} for item in few))
    python = peer_python(own.cache)
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    array = pa.array(texts * 10, pa.large_string())
    ours, theirs, ratios = [], [], []
    find_items(array, index, METHODS["coverage"])
    for _ in range(own.repetitions):
        began = time.process_time()
        find_items(array, index, METHODS["coverage"])
        ours.append((time.process_time() - began) / 10 / megabytes * 3000)
        theirs.append(datatrove(python, wanted, documents)["seconds"] / megabytes * 3000)
        ratios.append(theirs[-1] / ours[-1])
    rows = [
        (f"winnow, coverage, {len(items):,} items", ours),
        (f"datatrove 0.10.1, NGramsDecontFilter, 12-grams, {len(few):,} items", theirs),
    ]
    return "\n".join(
        [
            "## Speed",
            "",
            f"{len(texts)} web documents, {megabytes:.1f} MB; microseconds of one core for 3 KB, {own.repetitions} "
            "repetitions in turn.",
            "",
            "| what | median | min | max |",
            "|---|---|---|---|",
            *(f"| {name} | {statistics.median(v):.4g} | {min(v):.4g} | {max(v):.4g} |" for name, v in rows),
            f"| ratio | {statistics.median(ratios):.0f}x | {min(ratios):.0f}x | {max(ratios):.0f}x |",
        ]
    )


def datatrove(python: Path, items: Path, documents: Path) -> dict[str, Any]:
    command = [str(python), str(SUPPORT / "datatrove_ngrams.py"), str(items), str(documents)]
    result: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return result


def write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def methods(
    files: Sequence[TaskFile], items: dict[str, Item], corpora: dict[str, list[dict[str, Any]]], few: int
) -> str:
    rows = [one for file in files for one in spaced([(f"{file.task}#{n}", row) for n, row in file.rows()], few)]
    texts = planted(rows, items, "verbatim")
    code = [row["text"] for row in corpora.pop("mt_mbpp_code_17langs")]
    prose = [row["text"] or "" for corpus in corpora.values() for row in corpus]
    lines = ["| method | index MB | found of all planted | flagged of other text | of code | us for 3 KB |"]
    lines.append("|---|---|---|---|---|---|")
    for name, method in METHODS.items():
        indexed = build_index(list(items.values()), method)
        index = indexed.index
        found = {(text, item) for text, item, _ in found_in(texts, index, method)}
        share = sum((text, indexed.alike.get(id, id)) in found for text, (id, _) in enumerate(rows)) / len(rows)
        began = time.process_time()
        flagged = len({text for text, _, _ in found_in(prose, index, method)})
        seconds = time.process_time() - began
        per_document = seconds / sum(len(text.encode()) for text in prose) * 3e9
        in_code = len({text for text, _, _ in found_in(code, index, method)})
        lines.append(
            f"| {name} | {index.num_bytes / 1e6:.0f} | {share:.3f} | {flagged} of {len(prose)} | {in_code} of "
            f"{len(code)} | {per_document:.0f} |"
        )
    return "\n".join(
        [
            "## Methods",
            "",
            f"{len(rows):,} rows planted verbatim, up to {few} a file, items that no method can tell from chance "
            "included; the other text and the code are as above.",
            "",
            *lines,
        ]
    )


if __name__ == "__main__":
    main()
