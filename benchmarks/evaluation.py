"""How much faster are CORE's requests answered than by lm-evaluation-harness? The same model and requests, in turn.

    python benchmarks/evaluation.py [--items 2] [--repetitions 3]

The model is random, of the shape of DCLM's recipe at ten million parameters besides embeddings (the rung ``10M``), in
transformers' StableLM layout with GPT-NeoX's vocabulary, on one thread. The requests are those of a few items of each
of CORE's tasks with their examples, encoded jointly, at most 2,048 tokens. lm-evaluation-harness runs in an environment
of its own (from the package registry, kept in ``--cache``); both must give the same answers. Figures are
processor-seconds of answering, tokenization included; where other work shares the machine, ratios count.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zstandard
from environment import CACHE, DATA, peer_python, write_results

from winnow.evaluate.prompts import build_items
from winnow.evaluate.task_files import TaskFiles
from winnow.evaluate.tasks import find_tasks
from winnow.lm.scales import find_scale

SUPPORT = Path(__file__).with_suffix("")
CONTEXT = 2048
TARGET = 3.0


@dataclass
class Contender:
    """One that answers: a script, and what it said in each repetition."""

    label: str
    script: str
    options: tuple[str, ...] = ()
    said: list[dict[str, Any]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """The median of the repetitions."""
        return float(statistics.median(one["seconds"] for one in self.said))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, default=2, help="of each task")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=CACHE)
    own = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "TQDM_DISABLE": "1"}
    work = own.cache / "evaluation"
    work.mkdir(parents=True, exist_ok=True)
    model, requests = make_model(work / "model"), write_requests(work / "requests.jsonl", own.items)
    contenders = [
        Contender("winnow", "by_winnow.py"),
        Contender("lm-evaluation-harness 0.4.13, batch 1 (its default)", "by_lm_eval.py", ("1",)),
        Contender("lm-evaluation-harness 0.4.13, batch 8", "by_lm_eval.py", ("8",)),
    ]
    peer = peer_python(own.cache, SUPPORT / "lm_eval.txt")
    for _ in range(own.repetitions):
        for contender in contenders:
            python = sys.executable if contender.script == "by_winnow.py" else str(peer)
            command = [python, str(SUPPORT / contender.script), str(model), str(requests), *contender.options]
            answered = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            contender.said.append(json.loads(answered.stdout.splitlines()[-1]))
    write_results("evaluation", table(contenders, own.items))


def make_model(directory: Path) -> Path:
    """A random model in transformers' layout, with the tokenizer of GPT-NeoX."""
    import torch
    import transformers

    if (directory / "model.safetensors").exists():
        return directory
    directory.mkdir(exist_ok=True)
    packed = (DATA / "tokenizers" / "gpt-neox-olmo-dolma-v1_5.json.zst").read_bytes()
    (directory / "tokenizer.json").write_bytes(zstandard.ZstdDecompressor().decompress(packed))
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(directory / "tokenizer.json"), bos_token="<|endoftext|>", eos_token="<|endoftext|>"
    )
    tokenizer.save_pretrained(directory)
    shape = find_scale("10M").with_vocabulary(len(tokenizer)).shape
    config = transformers.StableLmConfig(
        vocab_size=shape.vocab_size,
        hidden_size=shape.width,
        intermediate_size=shape.hidden,
        num_hidden_layers=shape.num_layers,
        num_attention_heads=shape.num_heads,
        num_key_value_heads=shape.num_heads,
        max_position_embeddings=CONTEXT,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    torch.manual_seed(0)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(directory)
    return directory


def write_requests(path: Path, num_items: int) -> Path:
    """The requests of some items of each of CORE's tasks, a pair of texts a line."""
    files = TaskFiles([str(DATA / "eval_tasks")])
    pairs = [
        [request.context, request.continuation]
        for found in map(files.find, find_tasks(["core"]))
        if found
        for item in build_items(found.task, found.rows(), file=found.name.path, max_items=num_items)
        for request in item.requests
    ]
    path.write_text("\n".join(map(json.dumps, pairs)) + "\n")
    return path


def table(contenders: list[Contender], num_items: int) -> str:
    """The results, and whether all said the same."""
    ours = contenders[0]
    num_requests = len(ours.said[0]["nats"])
    lines = [
        f"{num_requests} requests: {num_items} items of each of CORE's tasks, one thread. Processor-seconds, medians "
        f"of {len(ours.said)} in turn; target: {TARGET:g}x.",
        "",
        "| | s | requests/s | winnow is faster by | largest difference, nats | greedy flags that differ |",
        "|---|---|---|---|---|---|",
    ]
    for each in contenders:
        pairs = list(zip(each.said[0]["nats"], ours.said[0]["nats"], strict=True))
        differing = sum(a != b for a, b in zip(each.said[0]["greedy"], ours.said[0]["greedy"], strict=True))
        lines.append(
            f"| {each.label} | {each.seconds:.1f} | {num_requests / each.seconds:.1f} | "
            f"{each.seconds / ours.seconds:.2f}x | {max(abs(a - b) for a, b in pairs):.1e} | {differing} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
