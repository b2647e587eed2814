"""How fast are documents tokenized beside a bare loop over the tokenizers library, and how fast is a stream read?

    python benchmarks/tokens.py [--repetitions 5]

Megabytes of text per processor-second on one core, with GPT-2's tokenizer, in turn, medians:

loop        the tokenizers library over lists of 1,000 documents: no reading, no order, nothing written
tiktoken    ``encode_ordinary``, a document at a time, nothing written
kernel      our kernel over the same lists, nothing written
winnow      ``Tokenize`` from a finished table of documents to token shards in random order, all written
datatrove   ``DocumentTokenizer`` from JSONL with its shuffling of documents within a file, in an environment of its
            own, less a run over the first five documents; its document boundaries are in a second file

All give the same number of tokens, or the benchmark ends. Opening a tokenizer counts for nobody; it happens once a
process. A stream is read in windows of 2,049 tokens, in order and at random places.
"""

from __future__ import annotations

import argparse
import base64
import json
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import zstandard
from environment import CACHE, DATA, peer_python, read_texts, write_results

from winnow import Read, Store, materialize
from winnow.lm.encode import Encoder, open_encoder
from winnow.lm.mix import Mix
from winnow.lm.shares import Temperature
from winnow.lm.stream import TokenStream
from winnow.lm.tokenize import Tokenize
from winnow.lm.tokenizer import Tokenizer, byte_characters, load_tokenizer

HERE = Path(__file__).parent
SOURCES = ("wikitext2_valid_test", "bbc_news", "openstax_textbooks", "mt_mbpp_code_17langs", "c4_sample")
FEW = 5
BATCH = 1000
WINDOW = 2049


@dataclass
class Measured:
    """Seconds of each repetition by side, and each side's number of tokens without ends of text."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    num_tokens: dict[str, int] = field(default_factory=dict)

    def add(self, side: str, seconds: float, num_tokens: int) -> None:
        """Keep one repetition of a side."""
        self.seconds.setdefault(side, []).append(seconds)
        self.num_tokens[side] = num_tokens


def cpu_seconds(work: Callable[[], int]) -> tuple[float, int]:
    """Processor-seconds of this process, and what the work gives."""
    began = time.process_time()
    found = work()
    return time.process_time() - began, found


def unpacked(directory: Path) -> tuple[str, str]:
    """GPT-2's two files, and its ranks as tiktoken reads them."""
    for path in (DATA / "tokenizers").glob("gpt2-*.zst"):
        (directory / path.stem).write_bytes(zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read())
    vocabulary = directory / "gpt2-vocab.json"
    byte_of = {character: byte for byte, character in enumerate(byte_characters())}
    ranks = sorted(json.loads(vocabulary.read_text()).items(), key=lambda entry: entry[1])[:-1]
    lines = [f"{base64.b64encode(bytes(byte_of[c] for c in token)).decode()} {rank}\n" for token, rank in ranks]
    (directory / "gpt2.tiktoken").write_text("".join(lines))
    return str(vocabulary), str(directory / "gpt2.tiktoken")


def loop(tokenizer: Tokenizer, texts: list[str]) -> int:
    """A bare loop."""
    starts = range(0, len(texts), BATCH)
    return sum(len(ids) for start in starts for ids in tokenizer.encode(texts[start : start + BATCH]))


def run_kernel(encoder: Encoder, texts: list[str]) -> int:
    """The kernel alone; the end of text that it appends is not counted."""
    batches = (pa.array(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH))
    return sum(len(ids) // 2 - 1 for batch in batches for ids in encoder.encode(batch).to_pylist())


def run_winnow(documents: Read, vocabulary: str, store: Store) -> int:
    """Documents to token shards."""
    step = Tokenize(documents=documents, tokenizer=vocabulary)
    for made in (step, step.encoded):
        shutil.rmtree(store.directory(made), ignore_errors=True)
    materialize(step, store)
    about = store.table(step).manifest
    return about.counts["num_tokens"] - about.rows


def run_datatrove(python: Path, texts: list[str], tokenizer: Path, directory: Path) -> tuple[float, int]:
    """Processor-seconds of its process, and its tokens without ends of text."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    lines = (json.dumps({"id": str(number), "text": text}) + "\n" for number, text in enumerate(texts))
    (directory / "documents.jsonl").write_text("".join(lines))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [str(python), str(HERE / "tokens_datatrove.py"), str(directory), str(tokenizer)],
        check=True,
        capture_output=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    (tokens,) = (directory / "tokens").glob("*.ds")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, tokens.stat().st_size // 2 - len(texts)


def stream_rates(stream: TokenStream) -> tuple[float, float]:
    """Tokens per second in windows, one after another and at random places."""
    starts = np.arange(0, stream.num_tokens - WINDOW, WINDOW)
    rates = []
    for order in (starts, np.random.default_rng(0).permutation(starts)):
        began = time.process_time()
        for start in order.tolist():
            stream.slice(start, start + WINDOW)
        rates.append(len(order) * WINDOW / (time.process_time() - began))
    return rates[0], rates[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    repetitions = parser.parse_args().repetitions
    python = peer_python(CACHE)
    texts = [text for source in SOURCES for text in read_texts(next((DATA / "text" / source).glob("*.jsonl.zst")))]
    num_bytes = sum(len(text.encode()) for text in texts)
    measured = Measured()
    with tempfile.TemporaryDirectory(dir=CACHE) as place:
        directory = Path(place)
        vocabulary, ranks = unpacked(directory)
        load_tokenizer(vocabulary).save(directory)
        (directory / "texts.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        store, documents = Store(directory / "store"), Read(source=str(directory / "texts.jsonl"))
        materialize(documents, store)
        run_winnow(documents, vocabulary, store)  # compiles the kernels
        library, tiktoken = load_tokenizer(vocabulary), load_tokenizer(ranks)
        encoder = open_encoder(library)
        for _ in range(repetitions):
            measured.add("loop", *cpu_seconds(lambda: loop(library, texts)))
            measured.add("tiktoken", *cpu_seconds(lambda: loop(tiktoken, texts)))
            measured.add("kernel", *cpu_seconds(lambda: run_kernel(encoder, texts)))
            measured.add("winnow", *cpu_seconds(lambda: run_winnow(documents, vocabulary, store)))
            few, _ = run_datatrove(python, texts[:FEW], directory / "tokenizer.json", directory / "datatrove")
            whole, number = run_datatrove(python, texts, directory / "tokenizer.json", directory / "datatrove")
            measured.add("datatrove", whole - few, number)
        tokens = Tokenize(documents=documents, tokenizer=vocabulary)
        mix = Mix(sources=(("all", tokens),), num_tokens=10 * num_bytes // 4, shares=Temperature(2))
        mixing, _ = cpu_seconds(lambda: len(str(materialize(mix, store))))
        stream = TokenStream.open(mix, store)
        in_order, at_random = stream_rates(stream)
        drawn = len(stream.order.starts)
    if len({*measured.num_tokens.values()}) > 1:
        raise SystemExit(f"the sides disagree: {measured.num_tokens}")
    medians = {side: statistics.median(seconds) for side, seconds in measured.seconds.items()}
    number = measured.num_tokens["loop"]
    rows = [
        f"| {side} | {num_bytes / 1e6 / seconds:.2f} MB/s | {number / 1e3 / seconds:.0f} thousand tokens/s | "
        f"{medians['loop'] / seconds:.2f}x |"
        for side, seconds in medians.items()
    ]
    table = "\n".join(
        [
            f"{len(texts)} documents, {num_bytes / 1e6:.1f} MB, {number} tokens of GPT-2 by every side; medians of "
            f"{repetitions} repetitions, in turn, one core.",
            "",
            "| side | text | tokens | of the loop |",
            "|---|---|---|---|",
            *rows,
            "",
            f"A mix of {stream.num_tokens} tokens ({drawn} documents): made in {mixing:.2f} s, read at "
            f"{in_order / 1e6:.0f} million tokens/s in order and {at_random / 1e6:.0f} million at random places.",
        ]
    )
    write_results("tokens", table)


if __name__ == "__main__":
    main()
