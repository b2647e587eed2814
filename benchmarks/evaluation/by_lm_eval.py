"""lm-evaluation-harness answers requests: ``python by_lm_eval.py MODEL REQUESTS BATCH_SIZE`` prints what it took."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM


def main(model: str, requests: str, batch_size: str) -> None:
    torch.set_num_threads(1)
    pairs = [json.loads(line) for line in Path(requests).read_text().splitlines()]
    asked = [Instance(request_type="loglikelihood", doc={}, arguments=tuple(pair), idx=0) for pair in pairs]
    opened = HFLM(pretrained=model, device="cpu", dtype="float32", batch_size=int(batch_size), max_length=2048)
    opened.loglikelihood(asked[:2], disable_tqdm=True)
    began = time.process_time()
    answers = opened.loglikelihood(asked, disable_tqdm=True)
    seconds = time.process_time() - began
    print(
        json.dumps(
            {"seconds": seconds, "nats": [-nats for nats, _ in answers], "greedy": [most for _, most in answers]}
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
