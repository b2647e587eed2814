"""A fastText classifier of wanted against unwanted documents, fitted by our own trainer, the same for the same seed.

Joulin et al. 2016 (arXiv 1607.01759) as DCLM uses it (Li et al. 2024, arXiv 2406.11794, section 4.4 and appendix J.1).
What was measured, the size of ``dim`` among it, is in docs/fasttext.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.errors import InputError, RecipeError
from winnow.core.files import write_json
from winnow.core.table import Store
from winnow.measure.examples import FitOnTwoSets, heldout_report, texts_of
from winnow.measure.fasttext import MODEL_FILE

if TYPE_CHECKING:
    from winnow.kernels.fasttext_file import StoredModel

LABELS = ("cc", "hq")
"""What DCLM's model calls the unwanted and the wanted; ``__label__`` stands before it in the file."""
NUM_TELLING = 25


@dataclass(frozen=True, kw_only=True)
class FitFastText(FitOnTwoSets):
    """Fits a fastText classifier of ``positives`` (label ``hq``) against ``negatives`` (``cc``), on one core.

    Writes ``model.bin``, which the ``fasttext`` package reads too, and ``report.json``: AUC with interval and
    calibration on what was held out, and the n-grams that told most there. The defaults are DCLM's but for ``dim``.
    Needs memory for the texts and ``(words + bucket) * dim * 4`` bytes, as much again on disk: 128 MB and the words
    with these defaults, 800 MB with DCLM's ``dim=100``; scoring needs a number a row.
    """

    dim: int = 16
    """Dimensions; two labels need few (DCLM: 100)."""
    epochs: int = 5
    rate: float = 0.1
    """The learning rate at the beginning; it falls to 0."""
    word_ngrams: int = 2
    min_count: int = 1
    """Words that occur less often have no row of their own."""
    bucket: int = 2_000_000
    """Rows that word n-grams share by a hash; single words need none."""

    def check(self) -> None:
        """Refuse sizes that train nothing."""
        super().check()
        for name in ("dim", "epochs", "word_ngrams", "min_count", "bucket"):
            if getattr(self, name) < 1:
                raise RecipeError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if not 0 < self.rate <= 10:
            raise RecipeError(f"rate is {self.rate}; it must lie in (0, 10]")

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Draw the examples, learn from most of them, judge by the rest."""
        examples = self.examples(store, "text")
        learnt = examples.filter(pc.invert(examples.column("heldout")))
        model, num_tokens = self._train(learnt)
        from winnow.kernels.fasttext_file import write_model

        with (directory / MODEL_FILE).open("wb") as opened:
            write_model(opened, model, epoch=self.epochs, min_count=self.min_count, num_tokens=num_tokens)
        write_json(directory / "report.json", _judge(model, examples))
        return {"fitted_on": learnt.num_rows, "words": model.num_words}

    def _train(self, learnt: pa.Table) -> tuple[StoredModel, int]:
        from winnow.kernels.buffers import text_buffers
        from winnow.kernels.fasttext_file import SOFTMAX, Shape
        from winnow.kernels.fasttext_train import count_vocabulary, train

        data, offsets = text_buffers(texts_of(learnt))
        positive = learnt.column("positive").to_numpy()
        vocabulary = count_vocabulary(data, offsets, positive, LABELS, self.min_count)
        bucket = self.bucket if self.word_ngrams > 1 else 0
        shape = Shape(dim=self.dim, loss=SOFTMAX, word_ngrams=self.word_ngrams, min_chars=0, max_chars=0, bucket=bucket)
        model = train(data, offsets, positive, vocabulary, shape, epochs=self.epochs, rate=self.rate, seed=self.seed)
        if not np.isfinite(model.output).all():
            raise InputError(f"training with rate {self.rate} ran off to infinity: give a lower rate")
        return model, vocabulary.num_tokens


def _judge(model: StoredModel, examples: pa.Table) -> dict[str, object]:
    """The report: what the model makes of the documents that were held out."""
    from winnow.kernels.buffers import text_buffers
    from winnow.kernels.fasttext_classifier import make_classifier
    from winnow.kernels.fasttext_train import telling_ngrams

    heldout = examples.filter(examples.column("heldout"))
    texts, positive = texts_of(heldout), heldout.column("positive").to_numpy()
    classifier = make_classifier(model)
    found = classifier.predict(texts)
    wanted = LABELS.index("hq")
    telling = telling_ngrams(*text_buffers(texts), positive, classifier.lines, classifier.numbers, NUM_TELLING)
    return heldout_report(found.logits[:, wanted], found.probabilities[:, wanted], examples, telling)
