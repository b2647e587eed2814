"""How fast are the edits, and do they take the lines that people would take?

    python benchmarks/edits.py

Speed: megabytes of UTF-8 a processor-second on one core, median of seven runs in turn, beside the same rules in plain
Python (the kernels' twins) on a twentieth of the texts. Lines: every line of 1,290 pages was labelled content or noise
by hand after boilerplate removal (Laippala et al. 2022); each line is edited as a document of its own, and counts as
removed where nothing is left.
"""

from __future__ import annotations

import io
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import pyarrow as pa
import zstandard
from environment import DATA, read_texts, write_results

from winnow.edit.c4 import C4Lines
from winnow.edit.domains import TOP_LEVEL_DOMAINS
from winnow.edit.editor import Editor, chain
from winnow.edit.newlines import NewlineRemoval
from winnow.edit.refinedweb import RefinedWebLines
from winnow.edit.urls import UrlRemoval
from winnow.kernels.edit_reference import (
    c4_lines_reference,
    refinedweb_lines_reference,
    remove_addresses_reference,
    url_remover_reference,
)

SOURCES = ("c4_sample", "reddit_selfposts_2013", "medquad_medical_qa", "nltk_webtext_chat", "register_web_multilingual")
LABELLED = "quality_labels/turku_line_quality.jsonl.zst"
EDITORS: dict[str, Editor] = {
    "RefinedWebLines(dclm)": RefinedWebLines(),
    "C4Lines(tfds)": C4Lines(),
    "C4Lines(datatrove)": C4Lines(rules="datatrove"),
    "C4Lines(datatrove, no terminal rule)": C4Lines(rules="datatrove", terminal_punctuation=False),
    "UrlRemoval(dclm)": UrlRemoval(),
    "UrlRemoval(fixed)": UrlRemoval(rules="fixed"),
    "NewlineRemoval()": NewlineRemoval(),
}
CHAIN = (UrlRemoval(), NewlineRemoval(), RefinedWebLines())
LANGUAGES = ("en", "de", "es", "fi", "fr", "sv")
RUNS = 7

_remove_urls = url_remover_reference(TOP_LEVEL_DOMAINS)
TWINS: dict[str, Callable[[str], object]] = {
    "RefinedWebLines(dclm)": lambda text: refinedweb_lines_reference(text, any_dots=True),
    "C4Lines(tfds)": lambda text: c4_lines_reference(text, datatrove=False, terminal=True),
    "C4Lines(datatrove)": lambda text: c4_lines_reference(text, datatrove=True, terminal=True),
    "C4Lines(datatrove, no terminal rule)": lambda text: c4_lines_reference(text, datatrove=True, terminal=False),
    "UrlRemoval(fixed)": lambda text: remove_addresses_reference(_remove_urls(text)[0]),
}


def main() -> None:
    write_results("edits", f"{speed_table()}\n\n{line_table()}")


def speed_table() -> str:
    texts = [text for source in SOURCES for text in read_texts(DATA / "text" / source / f"{source}.jsonl.zst")]
    size = sum(len(text.encode()) for text in texts) / 1e6
    column = pa.array(texts, pa.string())
    runs: dict[str, Callable[[], object]] = {name: partial(editor.load(), column) for name, editor in EDITORS.items()}
    runs["UrlRemoval, NewlineRemoval, RefinedWebLines, words"] = partial(
        chain(CHAIN).load(), pa.record_batch({"text": column})
    )
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for name, run in [*runs.items()] * (RUNS + 1):
        seconds[name].append(cpu_seconds(run))
    rows = [f"| {len(texts)} texts, {size:.0f} MB | MB/s | plain Python |", "|---|---|---|"]
    for name, taken in seconds.items():
        twin = f"{twin_speed(TWINS[name], texts[::20]):.1f}" if name in TWINS else ""
        rows.append(f"| {name} | {size / statistics.median(taken[1:]):.0f} | {twin} |")
    return "\n".join(rows)


def twin_speed(twin: Callable[[str], object], texts: list[str]) -> float:
    taken = cpu_seconds(lambda: [twin(text) for text in texts])
    return sum(len(text.encode()) for text in texts) / 1e6 / taken


def cpu_seconds(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def line_table() -> str:
    lines = list(labelled_lines())
    rows = [
        "| language | lines | noise | rules | removed | noise among removed (precision) | of the noise (recall) | "
        "content lost |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for language in LANGUAGES:
        chosen = [(line, is_noise) for lang, line, is_noise in lines if lang == language]
        texts = pa.array([line for line, _ in chosen], pa.string())
        num_noise = sum(is_noise for _, is_noise in chosen)
        for name in list(EDITORS)[:4]:
            new = EDITORS[name].load()(texts).texts.to_pylist()
            removed = Counter(is_noise for (_, is_noise), text in zip(chosen, new, strict=True) if not text)
            rows.append(
                f"| {language} | {len(chosen)} | {num_noise / len(chosen):.2f} | {name} | {removed.total()} | "
                f"{removed[True] / removed.total():.2f} | {removed[True] / num_noise:.2f} | "
                f"{removed[False] / (len(chosen) - num_noise):.2f} |"
            )
    return "\n".join(rows)


def labelled_lines() -> Iterator[tuple[str, str, bool]]:
    """Language, line, and whether it is noise."""
    with zstandard.open(DATA / LABELLED, "rb") as opened:
        for row in map(json.loads, io.BufferedReader(opened)):
            for line, label in zip(row["text"].split("\n"), row["labels"], strict=True):
                if line.strip():
                    yield row["lang"], line, label == "0"


if __name__ == "__main__":
    main()
