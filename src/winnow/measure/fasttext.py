"""Probabilities and logits of a fastText classifier: DCLM's quality model, any of the field's, or one fitted here.

Read and applied natively: the ``fasttext`` package is not needed, and its numbers come out (``kernels.fasttext``). A
classifier learns style and source as much as quality: see docs/fasttext.md before trusting one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.errors import RecipeError, did_you_mean
from winnow.measure.measure import Judge, column
from winnow.measure.model import Model, given_files, model_file

MODEL_FILE = "model.bin"
"""What a step that fits a classifier calls it."""
Newlines = Literal["space", "splitlines", "delete"]
_LABEL_PREFIX = "__label__"
_OTHER_LINE_ENDS = "[\x1c-\x1e\x85\u2028\u2029]"
_NULL = "null where the model knows nothing in the text"


@dataclass(frozen=True, kw_only=True)
class FastText:
    """What a supervised fastText model thinks of a text: for each label asked for, its probability and its logit.

    Choose by the logit (``Top("fasttext.hq_logit", 0.1)``): probabilities near 0 and 1 are rounded and tie in their
    thousands. The logit is that of the label against all others; of the losses ``ova`` and ``ns``, whose labels do not
    exclude each other, against its absence. Probabilities are those of the ``fasttext`` package, which adds 1e-5 to
    each; none is above 1. ``label`` is the most probable of all.

    Attributes:
        model: a file (.bin or .ftz), or a step that fits one, such as ``FitFastText``.
        labels: those that get columns, with or without ``__label__``; ``hq`` is what DCLM and ``FitFastText`` call
            what is wanted. In a column's name what SQL does not allow in a name becomes ``_``.
        newlines: fastText reads one line. ``space``: they separate words, as datatrove identifies languages;
            ``splitlines``: so do Unicode's other line ends, and white space around the text goes, as DCLM scores
            quality; ``delete``: they glue words, as DCLM identifies languages and datatrove's classifier filter does.
        name: the namespace of the columns; two models beside each other need two.
    """

    model: Model
    labels: tuple[str, ...] = ("hq",)
    newlines: Newlines = "space"
    name: str = "fasttext"

    version: ClassVar[str] = "1"

    def columns(self) -> pa.Schema:
        """``label``, and for each of ``labels`` its probability and ``_logit``; RecipeError where two share a name."""
        fields = [column("label", pa.string(), f"Most probable label; {_NULL}")]
        for label in self.labels:
            name = _column_name(label)
            fields.append(column(name, pa.float32(), f"Probability of {_bare(label)}; {_NULL}", range="[0, 1]"))
            fields.append(column(f"{name}_logit", pa.float32(), f"Logit of {_bare(label)}; {_NULL}", unit="nat"))
        names = [field.name for field in fields]
        if twice := [name for name in names if names.count(name) > 1]:
            raise RecipeError(
                f"labels {self.labels} make two columns {twice[0]!r}: ask for one of them in a measure of its own"
            )
        return pa.schema(fields)

    def files(self) -> tuple[str, ...]:
        """The model, where it is a file."""
        return given_files(self.model)

    def load(self) -> Judge:
        """Open the model; RecipeError for a file that is none, and for a label that it does not know."""
        from winnow.kernels.fasttext_classifier import open_classifier

        schema, prepare = self.columns(), one_line(self.newlines)
        classifier = open_classifier(model_file(self.model, MODEL_FILE))
        known = [_bare(label) for label in classifier.labels]
        if unknown := [label for label in self.labels if _bare(label) not in known]:
            raise RecipeError(
                f"the model {self.model} knows no label {unknown[0]!r}: {did_you_mean(_bare(unknown[0]), known)}"
            )
        wanted, names = [known.index(_bare(label)) for label in self.labels], pa.array(known)

        def judge(documents: pa.RecordBatch) -> pa.RecordBatch:
            found = classifier.predict(prepare(documents.column("text")))
            nothing = ~found.known
            columns = [pc.if_else(found.known, names.take(pa.array(found.logits.argmax(axis=1))), None)]
            for label in wanted:
                for numbers in (found.probabilities, found.logits):
                    columns.append(pa.array(numbers[:, label].astype(np.float32), mask=nothing))
            return pa.record_batch(columns, schema=schema)

        return judge


def one_line(newlines: Newlines) -> Callable[[pa.Array], pa.Array]:
    """The function that makes texts lines in one of the three ways; a newline that is left separates words."""
    if newlines == "delete":
        return lambda texts: pc.replace_substring(texts, "\n", "")
    if newlines == "splitlines":
        return lambda texts: pc.utf8_trim_whitespace(pc.replace_substring_regex(texts, _OTHER_LINE_ENDS, " "))
    if newlines != "space":
        raise RecipeError(f"newlines is {newlines!r}; {did_you_mean(newlines, get_args(Newlines))}")
    return lambda texts: texts


def _bare(label: str) -> str:
    return label.removeprefix(_LABEL_PREFIX)


def _column_name(label: str) -> str:
    """A label as SQL takes it unquoted: letters, digits and ``_``, no digit first."""
    name = re.sub(r"\W", "_", _bare(label), flags=re.ASCII)
    return name if re.match(r"[^\d]", name) else f"label_{name}"
