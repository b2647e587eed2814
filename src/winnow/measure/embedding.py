"""What a text is about, as a vector: near vectors, near meanings.

One column of vectors serves many measures that do not look at the text again: a linear classifier (``Linear``), topics
(``Topics``), documents that mean the same (``semantic_duplicates``). The packaged model is for English and knows single
words, not their order; any other is a directory or a name away (``encoders``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.errors import RecipeError, did_you_mean
from winnow.core.files import files_below
from winnow.measure.encoders import Encode, onnx_encoder, onnx_graph, sentence_transformer, static_encoder
from winnow.measure.measure import Judge, column

DIMENSIONS = 128
"""Of the packaged model."""
Pooling = Literal["mean", "cls"]


@dataclass(frozen=True, kw_only=True)
class Embedding:
    """A vector of length 1 for each document.

    Attributes:
        model: None: the packaged static model. A directory with ``model.onnx`` and ``tokenizer.json`` (extra ``onnx``),
            or any other directory or name of a sentence-transformers model (extra ``sentence-transformers``).
        dimensions: how long the model's vectors are; a wrong number is refused with the right one.
        max_tokens: read only the first so many tokens of each text. None: what the model allows; the packaged one reads
            all.
        pooling: how an ONNX graph's vectors of tokens become one: their mean, or that of the first token (``cls``: BGE,
            Snowflake Arctic). The other models know it themselves.
    """

    model: str | None = None
    dimensions: int = DIMENSIONS
    max_tokens: int | None = None
    pooling: Pooling = "mean"

    name: ClassVar[str] = "embedding"
    version: ClassVar[str] = "1"

    def __post_init__(self) -> None:
        if self.pooling not in get_args(Pooling):
            raise RecipeError(f"no pooling {self.pooling!r}; {did_you_mean(self.pooling, get_args(Pooling))}")
        if self.dimensions < 1 or (self.max_tokens is not None and self.max_tokens < 1):
            raise RecipeError(
                f"dimensions is {self.dimensions} and max_tokens is {self.max_tokens}; both must be at least 1"
            )

    def columns(self) -> pa.Schema:
        """``vector``."""
        meaning = "What the text is about, length 1; null where it holds no word that the model knows"
        return pa.schema([column("vector", pa.list_(pa.float32(), self.dimensions), meaning, range="[-1, 1]")])

    def files(self) -> tuple[str, ...]:
        """The files of a model that is a directory."""
        return tuple(map(str, files_below(Path(self.model)))) if self.model and Path(self.model).is_dir() else ()

    def load(self) -> Judge:
        """Open the model; RecipeError where it is not there, needs a package, or has other dimensions."""
        encode = self._open()
        if (there := encode(pa.array(["a"])).shape[1]) != self.dimensions:
            raise RecipeError(
                f"the vectors of {self.model or 'the packaged model'} have {there} dimensions: say dimensions={there}"
            )

        def judge(documents: pa.RecordBatch) -> pa.RecordBatch:
            texts = pc.fill_null(documents.column("text"), "")
            written = np.flatnonzero(pc.match_substring_regex(texts, r"\S").to_numpy(zero_copy_only=False))
            vectors = np.zeros((len(texts), self.dimensions), np.float32)
            if len(written):
                vectors[written] = encode(texts.take(pa.array(written)))
            return pa.RecordBatch.from_arrays([vector_array(vectors)], schema=self.columns())

        return judge

    def _open(self) -> Encode:
        if self.model is None:
            return static_encoder(self.max_tokens)
        graph = onnx_graph(Path(self.model))
        if graph is None:
            return sentence_transformer(self.model, self.max_tokens)
        return onnx_encoder(Path(self.model), graph, self.pooling, self.max_tokens)


def vector_array(vectors: np.ndarray) -> pa.Array:
    """Vectors scaled to length 1, one a row; null for one without a length."""
    lengths = np.sqrt(np.square(vectors, dtype=np.float64).sum(axis=1, keepdims=True))
    scaled = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    missing = pa.array(~(lengths[:, 0] > 0))
    return pa.FixedSizeListArray.from_arrays(scaled.ravel(), vectors.shape[1], mask=missing)
