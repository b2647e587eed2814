"""Which language a text is in, and how much of it is in the languages that matter.

The embedded identifier needs no download: letter bigrams and trigrams of the Universal Declaration of Human Rights in
112 languages (``kernels.langid``, 0.9 MB), whole pages at 90 MB/s a core. Or a fastText model that the user gives, such
as the lid.176.bin of CCNet, RefinedWeb, DCLM and FineWeb. What was measured and what was rejected (resiliparse's
``detect_fast``, py3langid, more training text, longer n-grams) is in docs/measures-language-url.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.errors import RecipeError, did_you_mean
from winnow.measure.measure import Judge, column

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNDETERMINED = "und"
"""The language of a text without letters (ISO 639-3); its score is 0."""

Identify = Callable[[pa.Array], "NDArray[np.float32]"]
"""Texts in, shape (texts, languages) out: the probability of each language; all 0 for nothing to go by."""


@dataclass(frozen=True, kw_only=True)
class Language:
    """The most probable language of a text, its probability, and the probabilities of the languages named.

    DCLM and FineWeb keep a page where the top language is English with at least 0.65: ``language.en_score >= 0.65``.
    With the embedded identifier a probability is a share: the mean over windows of 256 letters.

    Attributes:
        scores: languages that get a column ``<language>_score`` each, named as the model names them.
        model: path of a supervised fastText model (.bin or .ftz). Newlines become spaces (DCLM deletes them, which
            glues words) and ``__label__`` is cut from the labels. None: the embedded identifier, whose names are ISO
            639-1, or 639-3 where that has none.
        max_bytes: read only the first so many bytes of each text. None reads all, as DCLM and FineWeb do: a page may
            begin with a menu in another language.
    """

    scores: tuple[str, ...] = ("en",)
    model: str | None = None
    max_bytes: int | None = None

    name: ClassVar[str] = "language"
    version: ClassVar[str] = "1"

    def columns(self) -> pa.Schema:
        """``lang``, ``score``, and ``<language>_score`` for each of ``scores``."""
        shares = [
            column(f"{language}_score", pa.float32(), f"Probability that the language is {language}", range="[0, 1]")
            for language in self.scores
        ]
        lang = column("lang", pa.string(), f"Most probable language; {UNDETERMINED!r} for a text without letters")
        return pa.schema([lang, column("score", pa.float32(), "Probability of lang", range="[0, 1]"), *shares])

    def files(self) -> tuple[str, ...]:
        """The fastText model, if one is given."""
        return () if self.model is None else (self.model,)

    def load(self) -> Judge:
        """Open the model; RecipeError if it is not one, or does not know a language of ``scores``."""
        languages, identify = _embedded(self.max_bytes) if self.model is None else _fasttext(self.model, self.max_bytes)
        if unknown := [language for language in self.scores if language not in languages]:
            raise RecipeError(f"the language model knows no {unknown[0]!r}: {did_you_mean(unknown[0], languages)}")
        names = pa.array([*languages, UNDETERMINED])
        wanted = [languages.index(language) for language in self.scores]

        def judge(documents: pa.RecordBatch) -> pa.RecordBatch:
            shares = np.minimum(identify(documents.column("text")), 1)  # rounding may exceed 1 by a hair
            score = shares.max(axis=1)
            lang = names.take(pa.array(np.where(score > 0, shares.argmax(axis=1), len(languages))))
            return pa.record_batch([lang, score, *shares.T[wanted]], schema=self.columns())

        return judge


def _embedded(max_bytes: int | None) -> tuple[list[str], Identify]:
    from winnow.kernels.buffers import text_buffers
    from winnow.kernels.langid import language_shares, make_model

    with resources.files("winnow.measure").joinpath("data/langid.npz").open("rb") as opened, np.load(opened) as trained:
        languages = trained["languages"].tolist()
        model = make_model(tuple(languages), trained["alphabet"], trained["ngrams"], trained["weights"])
    limit = np.iinfo(np.int64).max // 2 if max_bytes is None else max_bytes

    def identify(texts: pa.Array) -> NDArray[np.float32]:
        data, offsets = text_buffers(texts)
        shares = np.empty((len(texts), len(languages)), np.float32)
        language_shares(data, offsets, limit, model.alphabet, model.slots, model.rows, model.weights, shares)
        return shares

    return languages, identify


def _fasttext(path: str, max_bytes: int | None) -> tuple[list[str], Identify]:
    from winnow.kernels.fasttext_classifier import open_classifier

    classifier = open_classifier(Path(path))

    def identify(texts: pa.Array) -> NDArray[np.float32]:
        found = classifier.predict(texts if max_bytes is None else _first_bytes(texts, max_bytes))
        return np.where(found.known[:, None], found.probabilities, 0).astype(np.float32)

    return [label.removeprefix("__label__") for label in classifier.labels], identify


def _first_bytes(texts: pa.Array, max_bytes: int) -> pa.Array:
    """The texts cut after so many bytes, before a character of which not all is left."""
    cut = pc.binary_slice(texts.cast(pa.large_binary()), 0, max_bytes).to_pylist()
    return pa.array([None if text is None else text.decode("utf-8", "ignore") for text in cut], pa.large_string())
