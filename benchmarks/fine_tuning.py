"""What tiny models learn of a classification task, by learning rate, and what pretraining adds to it.

A model of each scale is trained on reviews and posts, then fine-tuned on SST-2's 872 validation rows (five parts, each
asked by a model that learned from the others), at several learning rates; beside it the same shape with random weights.

    python benchmarks/fine_tuning.py [--scale 0.3M 1M]
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from environment import CACHE, DATA, write_results

from winnow.core.executors import Processes
from winnow.core.files import read_json
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.evaluate.fine_tune import FineTune
from winnow.lm.model import Transformer
from winnow.lm.scales import Shape
from winnow.lm.trained import CONFIG, WEIGHTS, write_weights
from winnow.recipes.testbed import train

WORK = CACHE / "fine_tuning"
SOURCE = str(DATA / "text" / "*_[rs]e*" / "*.jsonl.zst")
"""Movie reviews and posts."""
TOKENS = {"0.3M": 2_500_000, "1M": 2_000_000}
RATES = {
    "0.3M": (1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2),
    "1M": (2e-3, 6e-3, 1.8e-2),
}
RANDOM_RATES = {"0.3M": (1e-3, 3e-3, 1e-2), "1M": (6e-3,)}


def trained(scale: str) -> Path:
    """The directory of a model that has read."""
    step = train(source=SOURCE, scale=scale, tokens=TOKENS[scale])
    materialize(step, WORK / "store", Processes(1))
    return Path(Store(WORK / "store").table(step).files())


def untrained(model: Path, scale: str) -> Path:
    """The same shape and tokenizer with the weights that a run begins with."""
    directory = WORK / f"untrained-{scale}"
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(model, directory)
    (directory / WEIGHTS).unlink()
    shape = Shape(**read_json(directory / CONFIG)["shape"])
    write_weights(dict(Transformer(shape, seed=1).state_dict()), directory / WEIGHTS)
    return directory


def row(scale: str, what: str, model: Path, rate: float) -> str:
    """What one model has at one learning rate."""
    tasks = str(DATA / "eval_tasks" / "olmo_extra")
    step = FineTune(model=str(model), tasks=("sst2",), task_files=(tasks,), learning_rate=rate)
    report = read_json(materialize(step, WORK / "store", Processes(1)) / "files" / "report.json")
    name = "fine_tuned/sst2/accuracy"
    runs = ", ".join(f"{one:.1%}" for one in report["runs"][name])
    return f"| {scale} | {what} | {rate:g} | {report['metrics'][name]:.1%} | {report['majority'][name]:.1%} | {runs} |"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--scale", nargs="+", default=list(TOKENS))
    rows = ["| scale | weights | learning rate | accuracy | majority | runs |", "|---|---|---|---|---|---|"]
    for scale in arguments.parse_args().scale:
        model = trained(scale)
        rows += [row(scale, f"trained on {TOKENS[scale]:,} tokens", model, rate) for rate in RATES[scale]]
        rows += [row(scale, "random", untrained(model, scale), rate) for rate in RANDOM_RATES[scale]]
    write_results("fine_tuning", "\n".join(rows))


if __name__ == "__main__":
    main()
