"""KenLM's side, in its environment.

    python with_kenlm.py MODEL LINES

prints as JSON the processor-seconds of ``Model.score`` for every line, what it said (``scores``, added up in single
precision), and the sums of the same words' probabilities in double precision (``exact``).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from kenlm import Model


def main() -> None:
    model, lines = Model(sys.argv[1]), Path(sys.argv[2]).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    score = model.score
    scores = [score(line) for line in lines]  # the model's pages are in memory from here on
    started = time.process_time()
    scores = [score(line) for line in lines]
    seconds = time.process_time() - started
    exact = [sum(probability for probability, _, _ in model.full_scores(line)) for line in lines]
    json.dump({"seconds": seconds, "scores": scores, "exact": exact}, sys.stdout)


if __name__ == "__main__":
    main()
