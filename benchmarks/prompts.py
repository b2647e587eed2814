"""Are the prompts llm-foundry's? Asks llm-foundry 0.9.0, which DCLM evaluates with, and compares text by text.

    python benchmarks/prompts.py [--items 40]

Takes evenly spaced rows of every task file of ``../shared/data``, has llm-foundry's own dataset classes build their
contexts and continuations, builds ours, and writes how many are the same to ``benchmarks/results`` and a digest of
llm-foundry's to ``tests/evaluate/llm_foundry_prompts.json``, with which the tests compare. llm-foundry's wheel and its
reader of files come from the package registry; torch and transformers are those of the development environment.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from environment import CACHE, DATA, ROOT, peer_python, write_results

sys.path.insert(0, str(ROOT / "tests" / "evaluate"))

from llm_foundry_prompts import digest, our_requests, sample

from winnow.evaluate.task_files import TaskFiles
from winnow.evaluate.tasks import Row, Task, find_tasks

WHEEL = "llm-foundry==0.9.0"
REQUIREMENTS = Path(__file__).with_suffix("") / "llm_foundry.txt"
RUNNER = Path(__file__).with_suffix("") / "with_llm_foundry.py"
DIGESTS = ROOT / "tests" / "evaluate" / "llm_foundry_prompts.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, default=40)
    num_items = parser.parse_args().items
    files = TaskFiles([str(DATA / "eval_tasks")])
    found = [file for task in find_tasks(["extended", "small"]) if (file := files.find(task))]
    samples = [(file.task, rows) for file in found for rows in sample(file.task, file.rows(), num_items)]
    digests: dict[str, list[str]] = {}
    same: dict[str, list[bool]] = {}
    for (task, rows), theirs in zip(samples, ask_llm_foundry(samples), strict=True):
        digests.setdefault(task.name, []).append(digest(theirs))
        pairs = zip(chain(*theirs), chain(*our_requests(task, rows)), strict=True)
        same.setdefault(task.name, []).extend(a == b for a, b in pairs)
    DIGESTS.write_text(json.dumps({"items": num_items, "digests": digests}, indent=1) + "\n")
    rows_of_table = [f"| {name} | {len(pairs):,} | {sum(pairs):,} |" for name, pairs in same.items()]
    total = sum(map(len, same.values()))
    write_results(
        "prompts",
        "\n".join(
            [
                f"Requests that llm-foundry 0.9.0 makes, and how many of ours are the same text: {total:,} in all.\n",
                "| task | requests | the same |",
                "|---|---|---|",
                *rows_of_table,
            ]
        ),
    )


def ask_llm_foundry(samples: Sequence[tuple[Task, Sequence[Row]]]) -> list[list[list[list[str]]]]:
    """``[context, continuation]`` of each request of each item of each sample."""
    python = peer_python(CACHE, REQUIREMENTS)
    unpacked = CACHE / "llm_foundry_wheel"
    if not unpacked.exists():
        with tempfile.TemporaryDirectory() as place:
            command = [str(python), "-m", "pip", "download", "-q", "--no-deps", "-d", place, WHEEL]
            subprocess.run(command, check=True)
            zipfile.ZipFile(next(Path(place).glob("*.whl"))).extractall(unpacked)
    libraries = next((python.parents[1] / "lib").glob("python*/site-packages"))
    with tempfile.TemporaryDirectory() as place:
        settings = [_written(task, rows, Path(place, f"{i}.jsonl")) for i, (task, rows) in enumerate(samples)]
        Path(place, "tasks.json").write_text(json.dumps(settings))
        command = [sys.executable, str(RUNNER), str(unpacked), str(libraries), place]
        run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def _written(task: Task, rows: Sequence[Row], path: Path) -> dict[str, object]:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    setting = {
        "shape": task.shape,
        "dataset_uri": str(path),
        "num_fewshot": task.num_shots,
        "example_delimiter": task.example_delimiter,
        "continuation_delimiter": task.continuation_delimiter,
        "prelimiter": task.prelimiter,
    }
    return setting | ({"cot_delimiter": task.chain_delimiter} if task.shape == "generation" else {})


if __name__ == "__main__":
    main()
