"""How fast are all loss-based scores of a document, beside loops of transformers that compute the same? And how large?

    python benchmarks/loss.py [--tokens 5000] [--repetitions 3]

The model is a random Llama of four layers and 128 dimensions with a vocabulary of 4,096 entries (fitted on the same
text) or 50,304 (GPT-NeoX's); documents are those of C4, cut at 2,048 tokens. The loops read a document at a time, which
on a processor is faster than padded batches: each score with a forward pass of its own, as one would write them one
after the other, and all scores from one forward pass. All contenders run on one thread, in turn, tokenization included;
tokens per second of processor time, medians (of wall time on a GPU). Where other work shares the machine, ratios count.
Memory is what each needs at most beyond the opened model, in a process of its own, for two documents of 2,000 tokens.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import torch
import zstandard
from environment import DATA, peak_memory, read_texts, write_results

from winnow.lm.tokenizer import ByteTokenizer
from winnow.loss.loss import Loss

CONTEXT, WIDTH, LAYERS = 2048, 128, 4
BYTES_PER_TOKEN = 4
TOP = 10
SIZES = (4096, 16_384, 50_304, 131_072)
"""Vocabularies of which the memory is measured."""
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
Row = dict[str, float]
Score = Callable[[torch.Tensor, torch.Tensor], Row]


def perplexity(logits: torch.Tensor, targets: torch.Tensor) -> Row:
    nats = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    low, middle, high = nats.quantile(torch.tensor([0.1, 0.5, 0.9], device=nats.device)).tolist()
    return {"nats": float(nats.mean()), "nats_q10": low, "nats_q50": middle, "nats_q90": high}


def el2n(logits: torch.Tensor, targets: torch.Tensor) -> Row:
    one_hot = torch.nn.functional.one_hot(targets, logits.shape[-1]).float()
    return {"el2n": float((logits.softmax(-1) - one_hot).norm(dim=-1).mean())}


def top_k(logits: torch.Tensor, targets: torch.Tensor) -> Row:
    top = logits.topk(TOP)
    mass = logits.softmax(-1).gather(1, top.indices).sum(-1)
    hit = (top.indices == targets[:, None]).any(-1).float()
    return {"top_logit": float(top.values.mean()), "top_mass": float(mass.mean()), "top_hit": float(hit.mean())}


def memorized(logits: torch.Tensor, targets: torch.Tensor) -> Row:
    right = (logits[32:64].argmax(-1) == targets[32:64]).float()
    if len(right) < 32:
        return {}
    return {"memorized_forced": float(right.mean()), "memorized_prefix": float(right.cumprod(0).mean())}


SCORES: tuple[Score, ...] = (perplexity, el2n, top_k, memorized)


def by_loops(directory: Path, passes: Sequence[Sequence[Score]]) -> Callable[[Sequence[str]], list[Row]]:
    """A loop over the documents for each group of scores, which share a forward pass."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    dtype = torch.float32 if DEVICE == "cpu" else torch.bfloat16
    model = transformers.AutoModelForCausalLM.from_pretrained(directory, dtype=dtype).eval().to(DEVICE)

    def run(texts: Sequence[str]) -> list[Row]:
        rows: list[Row] = [{} for _ in texts]
        for scores in passes:
            longest = 64 if scores == [memorized] else CONTEXT
            for row, text in zip(rows, texts, strict=True):
                ids = tokenizer(text, add_special_tokens=False).input_ids[:longest]
                tokens = torch.tensor([[tokenizer.bos_token_id, *ids]], device=DEVICE)
                with torch.inference_mode():
                    logits = model(tokens).logits[0, :-1].float()
                    for score in scores:
                        row |= score(logits, tokens[0, 1:])
        return rows

    return run


def by_winnow(directory: Path) -> Callable[[Sequence[str]], list[Row]]:
    judge = Loss(model=str(directory), long="cut").load()

    def run(texts: Sequence[str]) -> list[Row]:
        return list(judge(pa.record_batch({"text": pa.array(texts, pa.large_string())})).to_pylist())

    return run


def make_model(directory: Path, size: int, texts: Sequence[str] | None = None) -> Path:
    """A random Llama with a vocabulary of so many entries: fitted on texts, GPT-NeoX's, or bytes without texts."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    directory.mkdir()
    if texts is None:
        ByteTokenizer().save(directory)
    elif size == 4096:
        fit(texts, size, directory)
    else:
        packed = (DATA / "tokenizers" / "gpt-neox-olmo-dolma-v1_5.json.zst").read_bytes()
        (directory / "tokenizer.json").write_bytes(zstandard.ZstdDecompressor().decompress(packed))
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(directory / "tokenizer.json"), bos_token="<|endoftext|>", eos_token="<|endoftext|>"
    )
    tokenizer.save_pretrained(directory)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=size,
        hidden_size=WIDTH,
        intermediate_size=3 * WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        max_position_embeddings=CONTEXT,
        initializer_range=0.1,  # far from equally likely tokens
    )
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(directory)
    return directory


def fit(texts: Sequence[str], size: int, directory: Path) -> None:
    import tokenizers

    inner = tokenizers.ByteLevelBPETokenizer()
    inner.train_from_iterator(texts, vocab_size=size, special_tokens=["<|endoftext|>"], show_progress=False)
    inner.save(str(directory / "tokenizer.json"))


def speed(directory: Path, size: int, num_tokens: int, repetitions: int) -> list[str]:
    """Lines of the table: tokens per second of each contender on one model."""
    sample = read_texts(DATA / "text" / "c4_sample" / "c4_sample.jsonl.zst", 2000)
    path = make_model(directory / str(size), size, sample)
    contenders = {
        "winnow": by_winnow(path),
        "a loop for each of four scores": by_loops(path, [[score] for score in SCORES]),
        "one loop, its forward passes shared": by_loops(path, [SCORES]),
    }
    texts: list[str] = []
    while sum(map(len, texts)) < BYTES_PER_TOKEN * num_tokens:
        texts.append(sample[7 * len(texts)])
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    said: dict[str, list[Row]] = {}
    for _ in range(repetitions):
        for name, run in contenders.items():
            began = clock()
            said[name] = run(texts)
            seconds[name].append(clock() - began)
    found = sum(row["num_tokens"] for row in said["winnow"])
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    return [
        f"| {size:,} | {name} | {found / median:,.0f} | {median / medians['winnow']:.2f}x | "
        f"{difference(said[name], said['winnow']):.0e} |"
        for name, median in medians.items()
    ]


def difference(rows: Sequence[Row], others: Sequence[Row]) -> float:
    """The largest relative difference of a score."""
    pairs = [(row[name], other[name]) for row, other in zip(rows, others, strict=True) for name in row]
    numbers = [(one, other) for one, other in pairs if isinstance(one, float)]
    return max(abs(one - other) / max(abs(one), 0.1) for one, other in numbers)


def clock() -> float:
    if DEVICE == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def memory(name: str, size: int) -> float:
    """MB that a contender needs beyond the opened model."""
    if DEVICE == "cuda":
        return 0
    command = [sys.executable, __file__, "--memory", name, str(size)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])


def measure_memory(name: str, size: int) -> None:
    """Print the MB of one contender; run in a process of its own."""
    texts = [chr(97 + n) * 50 * 40 for n in range(2)]
    with tempfile.TemporaryDirectory() as temporary:
        path = make_model(Path(temporary) / "model", size)
        run = by_winnow(path) if name == "winnow" else by_loops(path, [SCORES])
        print(peak_memory(lambda: run(texts)))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tokens", type=int, default=5000, help="about, and four times as many for 4,096 entries")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--memory", nargs=2, metavar=("CONTENDER", "SIZE"), help=argparse.SUPPRESS)
    own = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    torch.set_num_threads(1)
    if own.memory:
        measure_memory(own.memory[0], int(own.memory[1]))
        return
    with tempfile.TemporaryDirectory() as temporary:
        rows = [
            line
            for size, tokens in ((4096, 4 * own.tokens), (50_304, own.tokens))
            for line in speed(Path(temporary), size, tokens, own.repetitions)
        ]
    lines = [
        "| vocabulary | contender | tokens/s | winnow is faster by | largest relative difference |",
        "|---|---|---|---|---|",
        *rows,
        "",
        "| vocabulary | winnow, MB | one loop, MB |",
        "|---|---|---|",
        *(f"| {size:,} | {memory('winnow', size):,.0f} | {memory('loop', size):,.0f} |" for size in SIZES),
    ]
    write_results("loss", "\n".join(lines))


if __name__ == "__main__":
    main()
