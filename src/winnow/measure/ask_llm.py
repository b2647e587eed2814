"""A language model judges documents: the teacher of cheap classifiers, and the dearest measure there is.

A 7B model takes some 12 H200-hours per billion tokens, where a fastText classifier takes 80 seconds of one core: ask
about a sample and distil. Nothing is asked twice: answers are kept by what was asked (``llm_answers``), within a run,
across runs and over a kill.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from winnow.core.errors import RecipeError
from winnow.measure.llm_answers import Answers
from winnow.measure.llm_endpoint import Chat, Endpoint, EndpointModel
from winnow.measure.llm_local import LocalModel, model_files
from winnow.measure.llm_questions import Question, YesNo
from winnow.measure.measure import Judge, column
from winnow.measure.model import Model, model_file


@dataclass(frozen=True, kw_only=True)
class AskLLM:
    """What a language model answers to a question about each document (Sachdeva et al. 2024, arXiv 2402.09668).

    An empty document is asked about like any other. A document longer than ``max_tokens`` is cut; the prompt's end is
    never. On a local model what is computed together, or was before, changes the last digits at most.

    Attributes:
        model: the directory of a Hugging Face causal model (extra ``lm``; weights as they are stored, on CUDA where
            there is a GPU), a step that makes one, or an ``Endpoint``.
        question: ``YesNo()`` for the probability of yes, ``Rubric()`` for a rating from 0 to 5, each with a prompt of
            your own if you like.
        max_tokens: tokens of a document that are read (DCLM: 1,024). For an endpoint, whose tokenizer is not known,
            4 bytes of UTF-8 count as a token.
        name: the namespace of the columns in SQL, to be changed where two questions stand in one choice.
        answers: the directory where answers are kept, on a local disk; by default in the cache of this machine
            (``$WINNOW_CACHE``). It does not enter the key.
    """

    model: Model | Endpoint
    question: Question = field(default_factory=YesNo)
    max_tokens: int = 1024
    name: str = "ask_llm"
    answers: str | None = field(default=None, compare=False)

    version: ClassVar[str] = "1"

    def columns(self) -> pa.Schema:
        """The question's columns, and ``reason`` where they are null."""
        why = "Why there is no number: refused (by the model), rejected (by the server), unreadable, or no answer"
        return pa.schema([*self.question.columns(), column("reason", pa.string(), why)])

    def files(self) -> tuple[str, ...]:
        """The files of a local model that the user has."""
        if not isinstance(self.model, str):
            return ()
        return tuple(map(str, model_files(Path(self.model)))) or (self.model,)

    def load(self) -> Judge:
        """Open the model; RecipeError where the question cannot be asked of it."""
        model = self._open()

        def judge(documents: pa.RecordBatch) -> pa.RecordBatch:
            with Answers(self.answers) as kept:
                answers = model.answers(_texts(documents), kept)
            nulls = (None,) * len(self.question.columns())
            rows = [(*(nulls if said.reason else self.question.values(said)), said.reason) for said in answers]
            schema = self.columns()
            arrays = [pa.array([row[i] for row in rows], field.type) for i, field in enumerate(schema)]
            return pa.RecordBatch.from_arrays(arrays, schema=schema)

        return judge

    def announce(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Log what an endpoint will be asked and what that costs; RecipeError where it is more than allowed."""
        if isinstance(self.model, Endpoint):
            from winnow.measure.llm_cost import announce

            with Answers(self.answers) as kept:
                announce(self.model, self._chat(self.model), map(_texts, batches), kept)

    def _open(self) -> EndpointModel | LocalModel:
        if self.max_tokens < 1:
            raise RecipeError(f"max_tokens is {self.max_tokens}; it must be at least 1")
        if isinstance(self.model, Endpoint):
            return EndpointModel(self.model, self._chat(self.model), self.question.options)
        return LocalModel(model_file(self.model, ""), self.question, self.max_tokens)

    def _chat(self, endpoint: Endpoint) -> Chat:
        return Chat(endpoint, self.question, self.max_tokens)


def _texts(documents: pa.RecordBatch) -> list[str]:
    """The texts; a missing one is empty."""
    return [text or "" for text in documents.column("text").to_pylist()]
