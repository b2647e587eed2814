"""What makes a vector of a text: the packaged table of word pieces, an ONNX graph, or a sentence-transformers model.

The packaged one needs no download and no torch: vectors of BERT's 29,523 word pieces, distilled from all-MiniLM-L6-v2
(``benchmarks/make_static_embedding.py``), added up; 50 MB/s a core. What the others cost is what their model costs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from winnow.core.errors import RecipeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.word_pieces import WordPieces

Encode = Callable[[pa.Array], "NDArray[np.float32]"]
"""Texts in, shape (texts, dimensions) out: vectors of any length; zeros for a text that has none."""

TOKENS_A_BATCH = 8192
"""Texts of like length go through a graph together, so many tokens at most."""
MAX_TOKENS = 512
"""Of a text, where neither the user nor the tokenizer says how many: what BERT's positions allow."""


class Packaged(NamedTuple):
    """The vectors of word pieces that come with winnow."""

    pieces: list[str]
    vectors: NDArray[np.int8]
    scales: NDArray[np.float32]
    """What 1 stands for in each vector, times how much the piece counts."""


def read_packaged() -> Packaged:
    """Open the packaged vectors, two components a byte in the file."""
    path = resources.files("winnow.measure").joinpath("data/static_embedding.npz")
    with path.open("rb") as opened, np.load(opened) as made:
        packed, scales = made["vectors"], made["scales"]
        pieces = made["pieces"].tobytes().decode().split("\n")
    components = np.stack([packed >> 4, packed & 15], axis=2).reshape(len(packed), -1)
    return Packaged(pieces, components.astype(np.int8) - np.int8(8), scales)


@functools.cache
def _packaged_tables() -> tuple[Packaged, WordPieces]:
    """The packaged vectors and the tables of their vocabulary; take half a second once a process."""
    from winnow.kernels.word_pieces import word_pieces

    packaged = read_packaged()
    return packaged, word_pieces(packaged.pieces)


def static_encoder(max_tokens: int | None) -> Encode:
    """Sums of the packaged vectors of word pieces, rarer ones counting more."""
    from winnow.kernels.buffers import text_buffers
    from winnow.kernels.static_embedding import sum_vectors
    from winnow.kernels.word_pieces import tokenize

    packaged, pieces = _packaged_tables()
    limit = np.iinfo(np.int64).max if max_tokens is None else max_tokens

    def encode(texts: pa.Array) -> NDArray[np.float32]:
        tokens, offsets = tokenize(*text_buffers(texts), limit, pieces)
        return sum_vectors(tokens, offsets, packaged.vectors, packaged.scales)

    return encode


def onnx_graph(directory: Path) -> Path | None:
    """The graph of a directory, where exporters put it; None where there is none."""
    places = (directory / "model.onnx", directory / "onnx" / "model.onnx")
    return next((place for place in places if place.is_file()), None)


def onnx_encoder(directory: Path, graph: Path, pooling: str, max_tokens: int | None) -> Encode:
    """An exported encoder: ``tokenizer.json`` cuts, the graph gives a vector a token, pooling makes them one.

    One thread, since winnow runs a process a core. RecipeError where the packages or the tokenizer are missing.
    """
    try:
        import onnxruntime
        from tokenizers import Tokenizer
    except ImportError as error:
        raise RecipeError("an ONNX model needs the onnx extra: pip install 'winnow-data[onnx]'") from error
    if not (directory / "tokenizer.json").is_file():
        raise RecipeError(f"{directory} has {graph.name} but no tokenizer.json: put that of the model beside it")
    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    longest = max_tokens or (tokenizer.truncation or {}).get("max_length", MAX_TOKENS)
    tokenizer.enable_truncation(longest)
    tokenizer.no_padding()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def encode(texts: pa.Array) -> NDArray[np.float32]:
        tokens = [cut.ids for cut in tokenizer.encode_batch_fast(texts.to_pylist())]
        order = sorted(range(len(tokens)), key=lambda text: len(tokens[text]), reverse=True)
        parts: list[NDArray[np.float32]] = []
        while (done := sum(map(len, parts))) < len(order):
            some = order[done : done + max(1, TOKENS_A_BATCH // max(1, len(tokens[order[done]])))]
            parts.append(_run(session, [tokens[text] for text in some], pooling))
        vectors = np.concatenate(parts)
        return vectors[np.argsort(order)]

    return encode


def _run(session: Any, tokens: list[list[int]], pooling: str) -> NDArray[np.float32]:
    """The vectors of some texts, the longest of which comes first; zeros for one without tokens."""
    lengths = np.array([len(text) for text in tokens])[:, None]
    mask = np.arange(max(1, len(tokens[0]))) < lengths
    padded = np.zeros(mask.shape, np.int64)
    padded[mask] = np.concatenate(tokens)
    known = {"input_ids": padded, "attention_mask": mask.astype(np.int64), "token_type_ids": np.zeros_like(padded)}
    found = session.run(None, {wanted.name: known[wanted.name] for wanted in session.get_inputs()})[0]
    if found.ndim == 3:  # or else the graph pools by itself
        found = found * mask[:, :, None]
        found = found[:, 0] if pooling == "cls" else found.sum(axis=1) / np.maximum(lengths, 1)
    return np.asarray(found, np.float32)


def sentence_transformer(model: str, max_tokens: int | None) -> Encode:
    """A model of the sentence-transformers library, by directory or by its name on the Hugging Face hub.

    RecipeError where the package is missing or the model cannot be opened.
    """
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise RecipeError(
            f"{model} is no directory with a model.onnx; as a sentence-transformers model it needs the extra: "
            "pip install 'winnow-data[sentence-transformers]'"
        ) from error
    try:
        opened = SentenceTransformer(model)
    except (OSError, ValueError) as error:
        raise RecipeError(f"{model} cannot be opened as a sentence-transformers model: {error}") from error
    if max_tokens is not None:
        opened.max_seq_length = max_tokens

    def encode(texts: pa.Array) -> NDArray[np.float32]:
        return np.asarray(opened.encode(texts.to_pylist(), show_progress_bar=False), np.float32)

    return encode
