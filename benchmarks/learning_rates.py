"""Learning rates of the ladder: short runs on real text at several rates, judged in bits per byte of what was held out.

Every run goes to its schedule's end, so a rate is judged by what it reaches and not by how it begins. The budgets are
those that such rungs are used with on a processor, below one Chinchilla; the table says them.

    python benchmarks/learning_rates.py                 # 0.1M to 3M: about 45 minutes on one core
    python benchmarks/learning_rates.py --scales 0.3M   # one rung
"""

from __future__ import annotations

import argparse
import json

from environment import CACHE, DATA, write_results

from winnow import Read, Select, materialize
from winnow.choose.rules import RuleSet
from winnow.lm.fit_tokenizer import FitTokenizer
from winnow.lm.mix import Mix
from winnow.lm.tokenize import Tokenize
from winnow.lm.train import Train

SOURCES = ("openstax_textbooks", "wikitext2_valid_test", "bbc_news", "gutenberg_books_en", "c4_sample", "brown")
HELDOUT_SHARE = 50
VOCABULARY = 4096
SWEEP = (
    ("0.1M", 400_000, (4e-3, 8e-3, 16e-3)),
    ("0.3M", 400_000, (2e-3, 4e-3, 8e-3, 16e-3, 32e-3)),
    ("0.3M", 1_000_000, (8e-3, 16e-3)),
    ("1M", 300_000, (4e-3, 8e-3, 16e-3)),
    ("3M", 400_000, (2e-3, 4e-3, 8e-3)),
)
"""Rungs, tokens and rates."""
STORE = CACHE / "learning_rates"


def mixes(num_tokens: int) -> tuple[Mix, Mix]:
    """Training tokens, and one document in fifty held out."""
    documents = Read(source=tuple(str(DATA / "text" / name) for name in SOURCES))
    held = f"md5_number_lower(documents.id) % {HELDOUT_SHARE} = 0"
    training = Select(documents=documents, reject=_rules("training", held))
    heldout = Select(documents=documents, reject=_rules("heldout", f"NOT ({held})"))
    tokenizer = FitTokenizer(documents=training, vocab_size=VOCABULARY)
    tokens = (Tokenize(documents=some, tokenizer=tokenizer) for some in (training, heldout))
    first, second = (
        Mix(sources=(("text", some),), num_tokens=number)
        for some, number in zip(tokens, (num_tokens, 16_000), strict=True)
    )
    return first, second


def reached(scale: str, rate: float, num_tokens: int, seed: int = 0) -> float:
    """Bits per byte of the held-out documents at the end of a run."""
    tokens, heldout = mixes(num_tokens)
    step = Train(tokens=tokens, scale=scale, seed=seed, learning_rate=rate, heldout=(("text", heldout),))
    report = json.loads((materialize(step, STORE) / "files" / "report.json").read_text())
    print(
        f"{scale} {rate:g}: {report['bits_per_byte']['text']:.4f} bits per byte, {report['seconds']:.0f} s", flush=True
    )
    return float(report["bits_per_byte"]["text"])


def rows(scale: str, num_tokens: int, rates: tuple[float, ...]) -> list[str]:
    """The lines of one rung and budget in the table."""
    found = {rate: reached(scale, rate, num_tokens) for rate in rates}
    best = min(found.values())
    shown = {rate: f"**{bits:.4f}**" if bits == best else f"{bits:.4f}" for rate, bits in found.items()}
    return [f"| {scale} | {num_tokens:,} | {rate:g} | {bits} |" for rate, bits in shown.items()]


def _rules(name: str, condition: str) -> RuleSet:
    return RuleSet(name=name, source="this benchmark", measures=(), rules=(("other side", condition),))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scales", nargs="+", default=[scale for scale, _, _ in SWEEP])
    asked = parser.parse_args().scales
    lines = ["| scale | tokens | learning rate | bits per byte |", "|---|---|---|---|"]
    for scale, num_tokens, rates in SWEEP:
        if scale in asked:
            lines += rows(scale, num_tokens, rates)
    write_results("learning_rates", "\n".join(lines))


if __name__ == "__main__":
    main()
