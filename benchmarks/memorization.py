"""What a memorisation score tells of how often a text was seen, beside what teacher forcing says of the same text.

    python benchmarks/memorization.py          # about three minutes on one core

A model of a million parameters learns 600 pieces of 64 tokens of news in random order, a quarter of them seen once,
four times, 16 times and 64 times; then each is asked for its second half. Time is processor time on one thread.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from environment import CACHE, DATA, write_results

from winnow import FitTokenizer, Mix, Read, Store, Tokenize, materialize
from winnow.evaluate.local import LocalNetwork
from winnow.lm.devices import exact
from winnow.lm.loop import MAX_NORM, adamw
from winnow.lm.model import Transformer
from winnow.lm.scales import Shape
from winnow.lm.schedule import learning_rate
from winnow.lm.sequences import Sequences
from winnow.lm.tokenizer import open_tokenizer
from winnow.lm.trained import Trained
from winnow.loss.greedy import continuations_match, predictions_match

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIECES, PROMPT, CONTINUATION = 600, 32, 32
SEEN = (1, 4, 16, 64)
SHAPE = Shape(vocab_size=1024, context=64, width=128, hidden=352, num_layers=4, num_heads=4)
BATCH, RATE = 16, 4e-3
DEVICE = torch.device("cpu")
STORE = CACHE / "memorization"


def pieces() -> tuple[NDArray[np.int64], Tokenize]:
    """Tokens [pieces, 64], and what made them."""
    news = Read(source=str(DATA / "text" / "bbc_news"))
    tokens = Tokenize(documents=news, tokenizer=FitTokenizer(documents=news, vocab_size=SHAPE.vocab_size))
    step = Sequences(tokens=Mix(sources=(("news", tokens),), num_tokens=3 * PIECES * 64), length=3 * 64)
    materialize(step, STORE)
    rows = Store(STORE).table(step).shard(0, ["tokens"])
    return np.array(rows.column("tokens").to_pylist(), np.int64)[:, :64], tokens


def learned(rows: NDArray[np.int64], times: NDArray[np.int64]) -> Transformer:
    """A model that was shown each row so many times."""
    shown = np.random.default_rng(0).permutation(np.repeat(np.arange(len(rows)), times))
    model = Transformer(SHAPE)
    optimizer = adamw(model, 0.033)
    num_steps = len(shown) // BATCH
    for step in range(num_steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate("cosine", step, num_steps, num_steps // 10, RATE, RATE / 100)
        batch = torch.from_numpy(rows[shown[step * BATCH : (step + 1) * BATCH]])
        model.loss(batch[:, :-1], batch[:, 1:], 1e-4)[0].backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)
        optimizer.step()
        optimizer.zero_grad()
    model.eval()
    return model


def ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks, of equals their mean."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[place]


def correlation(left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """Spearman's."""
    return float(np.corrcoef(ranks(left), ranks(right))[0, 1])


def main() -> None:
    """Train, ask, tell."""
    rows, tokens = pieces()
    times = np.repeat(SEEN, PIECES // len(SEEN))
    with exact(DEVICE, 1):
        tokenizer = open_tokenizer(tokens.tokenizer, Store(STORE))
        network = LocalNetwork("news", Trained(learned(rows, times), tokenizer, {}, {}), SHAPE.context, DEVICE)
        began = time.process_time()
        right = continuations_match(rows, PROMPT, network).right
        between = time.process_time()
        true = predictions_match(rows, PROMPT, network).right
        ended = time.process_time()
    fraction, forced = right.mean(axis=1), true.mean(axis=1)
    prefix = np.where(right.all(axis=1), 1, right.argmin(axis=1) / CONTINUATION)
    lines = ["| seen | fraction | prefix | teacher-forced | extractable | fraction 0 |", "|---|---|---|---|---|---|"]
    for seen in SEEN:
        here = times == seen
        shares = (values[here].mean() for values in (fraction, prefix, forced, prefix == 1, fraction == 0))
        lines.append(f"| {seen} | " + " | ".join(f"{share:.2f}" for share in shares) + " |")
    partly = prefix < 1
    by_forced, by_prefix = (correlation(fraction[partly], values[partly]) for values in (forced, prefix))
    lines += [
        "",
        f"Distinct scores: {len(np.unique(fraction))}. Of the {partly.sum()} pieces that are not recited whole, rank "
        f"correlation with the fraction: teacher-forced {by_forced:.2f}, prefix {by_prefix:.2f}. Processor time of the "
        f"fraction over that of one pass: {(between - began) / (ended - between):.1f}.",
    ]
    write_results("memorization", "\n".join(lines))


if __name__ == "__main__":
    main()
