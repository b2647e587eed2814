"""Is advice on how hard to filter right for a budget that no run had? Models of our own say.

A pool of eight sources, from textbooks to other languages, is cut by DSIR's score towards textbooks into bands of 10,
15, 25 and 50% of its tokens. ``winnow bench scaling`` trains two sizes of model on them for half an epoch and more,
with few tokens; ``winnow advise`` says what to do with several times as many. Then everything that could have been
done with those is trained: each number of whole bands, and what was advised. Told is how far behind the best of them,
in bits per byte of other textbooks, are the advice, always taking the top 10%, no filter, and whatever was best at the
largest budget of the small runs (single-scale ranking).

    python benchmarks/advice.py [BUDGET ...] [--tokens N] [--seeds N]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from corpora import Document, first, read, winnow, write
from environment import CACHE, write_results

from winnow.bench.compare import compare
from winnow.bench.ledger import Ledger, read_ledger
from winnow.bench.scaling import ScalingBench
from winnow.bench.tracks import Candidate, Trial, bench
from winnow.choose.select import Select
from winnow.core.executors import Processes
from winnow.core.files import read_json
from winnow.core.plain import from_plain
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.evaluate.evaluate import Evaluate
from winnow.lm.shares import Proportional, Shares, Weights
from winnow.lm.tokenize import Tokenize

WORK = CACHE / "advice"
TARGET = "openstax_textbooks"
SOURCES = {
    TARGET: 0.26,
    "c4_sample": 0.33,
    "reddit_selfposts_2013": 0.26,
    "enron1_spam_ham": 0.16,
    "register_web_multilingual": 0.2,
    "gutenberg_books_en": 0.2,
    "nltk_webtext_chat": 0.13,
    "bbc_news": 0.13,
}
"""Megabytes of the pool."""
WANTED = 1.0
"""Megabytes of other textbooks, which the score learns from."""
HELDOUT_CHARS, NUM_HELDOUT = 800, 100
BANDS = (0.1, 0.15, 0.25, 0.5)
EPOCHS = (0.5, 1, 3, 8, 24)
SMALL, LARGE = "0.1M", "0.3M"
METRIC = "heldout/textbooks/bits_per_byte"


def write_sets() -> dict[str, Path]:
    """Pool, examples of what is wanted, and held-out text: no document in two."""
    textbooks = read(TARGET)
    wanted = list(first(textbooks, WANTED))
    rest = [one for one in textbooks[len(wanted) :] if len(one["text"]) >= HELDOUT_CHARS]
    heldout = [{**one, "text": one["text"][:HELDOUT_CHARS]} for one in rest[:NUM_HELDOUT]]
    pool: list[Document] = list(first(rest[NUM_HELDOUT:], SOURCES[TARGET]))
    pool += [one for source, size in SOURCES.items() if source != TARGET for one in first(read(source), size)]
    told = {"pool": pool, "positives": wanted, "heldout": heldout}
    return {name: write(WORK / f"{name}.jsonl", documents) for name, documents in told.items()}
