"""winnow answers requests: ``python by_winnow.py MODEL REQUESTS`` prints what it took."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import torch

from winnow.evaluate.models import open_model
from winnow.evaluate.requests import Request


def main(model: str, requests: str) -> None:
    torch.set_num_threads(1)
    pairs = [json.loads(line) for line in Path(requests).read_text().splitlines()]
    asked = [Request(context, continuation, "joint") for context, continuation in pairs]
    opened = open_model(model)
    opened.answer(asked[:2])
    began = time.process_time()
    answers = opened.answer(asked)
    seconds = time.process_time() - began
    found = {"nats": [answer.nats for answer in answers], "greedy": [answer.greedy for answer in answers]}
    print(json.dumps({"seconds": seconds, **found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
