"""The packaged embedding beside MiniLM and model2vec: how fast, and what does a linear classifier make of the vectors?

    python benchmarks/scorers/embedding.py [--repetitions 3]

One core, processor time, in turn. The classifier parts edited text (articles, books, news) from what was jotted down
(posts, mails, chat), and is asked about sources that it never saw. Peers run in an environment of their own
(``embedding.txt``).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from environment import CACHE, DATA, peer_python, read_texts

from winnow.measure.embedding import Embedding, vector_array
from winnow.measure.examples import Auc, auc
from winnow.measure.fit_linear import logistic_regression
from winnow.measure.kmeans import nearest, unit_vectors
from winnow.measure.linear import Weights

REQUIREMENTS = Path(__file__).with_suffix(".txt")
RUNNER = Path(__file__).with_name("with_embedding.py")
GOOD = {
    "wikitext2_valid_test": "encyclopedia",
    "openstax_textbooks": "textbooks",
    "gutenberg_books_en": "books",
    "medquad_medical_qa": "medical answers",
    "bbc_news": "news",
    "brown": "Brown corpus",
}
BAD = {
    "reddit_selfposts_2013": "forum posts",
    "enron1_spam_ham": "mails and spam",
    "nltk_webtext_chat": "chat, bug forum",
    "movie_reviews": "film reviews",
}
MOST = 1000
"""Documents of each source."""
SMALL = 100
"""Documents of each source where a transformer takes part."""
PEERS = {
    "model2vec": "model2vec 0.10, MiniLM in 256 dimensions",
    "sentence_transformers": "sentence-transformers 6.2, MiniLM",
    "onnx": "winnow with MiniLM as an ONNX graph",
}
Vectors = NDArray[np.float32]


def sources(most: int) -> dict[str, list[str]]:
    """Texts by source, at most so many of each."""
    found = {name: read_texts(DATA / f"text/{name}/{name}.jsonl.zst", most) for name in (*GOOD, *BAD)}
    return {name: [text for text in texts if text.strip()] for name, texts in found.items()}


def packaged(**options: Any) -> Callable[[list[str]], Vectors]:
    judge = Embedding(**options).load()
    return lambda texts: filled(judge(pa.record_batch({"text": texts})).column("vector"))


def filled(vectors: pa.Array) -> Vectors:
    """Unit vectors; a text without one gets the same as any other without one."""
    return np.array(vectors.fill_null([1.0, *[0.0] * (vectors.type.list_size - 1)]).to_pylist(), np.float32)


def timed(do: Callable[[], object]) -> float:
    began = time.process_time()
    do()
    return time.process_time() - began


def unseen(vectors: dict[str, Vectors]) -> dict[tuple[str, str], Auc]:
    """How well a source is told from another by a logistic regression that was fitted on all but the two."""
    return {(good, bad): judged(vectors, good, bad) for good in GOOD for bad in BAD}


def judged(vectors: dict[str, Vectors], good: str, bad: str) -> Auc:
    wanted, others = (
        np.concatenate([vectors[name] for name in some if name != out]) for some, out in ((GOOD, good), (BAD, bad))
    )
    positive = np.arange(len(wanted) + len(others)) < len(wanted)
    weights, bias = logistic_regression(np.concatenate([wanted, others]), positive, 1.0)
    test = np.concatenate([vectors[good], vectors[bad]])
    scores = Weights(weights.astype(np.float32), bias, True).values(test)
    return auc(scores, np.arange(len(test)) < len(vectors[good]))


def mean(areas: dict[tuple[str, str], Auc]) -> float:
    return statistics.mean(area.value for area in areas.values())


def stated(area: Auc) -> str:
    return f"{area.value:.3f} ({area.low:.3f} to {area.high:.3f})"


def separation() -> str:
    """What a classifier on the packaged embedding makes of sources that it never saw."""
    embed = packaged()
    vectors = {name: embed(texts) for name, texts in sources(MOST).items()}
    areas = unseen(vectors)
    rows = [
        f"| {GOOD[good]} ({len(vectors[good])}) | " + " | ".join(stated(areas[good, bad]) for bad in BAD) + " |"
        for good in GOOD
    ]
    return "\n".join(
        [
            "## A linear classifier on sources that it never saw\n",
            "Each pair of sources is told apart by a classifier that was fitted on all the others. AUC with DeLong's "
            f"95% interval, by the packaged embedding; the mean is {mean(areas):.3f}.\n",
            "| | " + " | ".join(f"{BAD[bad]} ({len(vectors[bad])})" for bad in BAD) + " |",
            "|---|" + "---|" * len(BAD),
            *rows,
        ]
    )


def peers(repetitions: int) -> str:
    """Speed, and AUC on the unseen sources, on the same documents."""
    everything = sources(SMALL)
    texts = [text for some in everything.values() for text in some]
    embed, short = packaged(), packaged(max_tokens=256)
    ours = {"winnow, packaged": embed, "winnow, packaged, max_tokens=256": short}
    found: dict[str, Vectors] = {name: encode(texts) for name, encode in ours.items()}
    seconds: dict[str, list[float]] = {name: [] for name in (*ours, *PEERS.values())}
    for _ in range(repetitions):
        for name, encode in ours.items():
            seconds[name].append(timed(lambda encode=encode: encode(texts)))  # type: ignore[misc]
        for peer, name in PEERS.items():
            took, found[name] = ask(peer, texts)
            seconds[name].append(took)
    ends = np.cumsum([len(some) for some in everything.values()])
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    first = statistics.median(seconds["winnow, packaged"])
    rows = []
    for name, taken in seconds.items():
        parts = dict(zip(everything, np.split(found[name], ends[:-1]), strict=True))
        unit = {source: unit_vectors(vector_array(vectors)) for source, vectors in parts.items()}
        median = statistics.median(taken)
        areas = unseen(unit)
        rows.append(
            f"| {name} | {found[name].shape[1]} | {len(texts) / median:,.0f} | {megabytes / median:.3g} | "
            f"{median / first:,.3g} | {mean(areas):.3f} |"
        )
    apart = np.abs(
        unit_vectors(vector_array(found[PEERS["onnx"]]))
        - unit_vectors(vector_array(found[PEERS["sentence_transformers"]]))
    ).max()
    return "\n".join(
        [
            "## Beside the peers\n",
            f"{len(texts)} documents of {len(everything)} sources, {megabytes:.1f} MB; repetitions: {repetitions}. "
            "MiniLM reads the first 256 tokens of each, the others all unless it is said. AUC on pairs of unseen "
            "sources as above, the mean.\n",
            "| | dimensions | documents/s | MB/s | time of the first | AUC |",
            "|---|---|---|---|---|---|",
            *rows,
            f"\nThe two MiniLMs differ by {apart:.1g} at most in any component.",
        ]
    )


def ask(peer: str, texts: list[str]) -> tuple[float, Vectors]:
    """One run of a peer in its environment: processor-seconds and vectors."""
    work = CACHE / "embedding-work"
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        documents, vectors = Path(directory) / "texts.json", Path(directory) / "vectors.npy"
        documents.write_text(json.dumps(texts))
        command = [str(peer_python(CACHE, REQUIREMENTS)), str(RUNNER), peer, str(documents), str(vectors), str(work)]
        said = subprocess.run(command, check=True, capture_output=True, text=True)
        return json.loads(said.stdout.splitlines()[-1])["seconds"], np.load(vectors)


def stored(repetitions: int) -> str:
    """What a stored column of vectors costs to use."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(100_000, 128)).astype(np.float32)
    weights = Weights(vectors[0], 0.0, True)
    lines = ["## Using stored vectors\n", "| | documents/s |", "|---|---|"]
    for name, do in {
        "Linear": lambda: weights.values(vectors),
        "Topics, 100": lambda: nearest(vectors, vectors[:100]),
        "Topics, 1000": lambda: nearest(vectors, vectors[:1000]),
    }.items():
        median = statistics.median(timed(do) for _ in range(repetitions))
        lines.append(f"| {name} | {len(vectors) / median:,.0f} |")
    return "\n".join(lines)


def sections(repetitions: int = 3) -> list[str]:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    return [separation(), peers(repetitions), stored(repetitions)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=3)
    print("\n\n".join(sections(parser.parse_args().repetitions)))


if __name__ == "__main__":
    main()
