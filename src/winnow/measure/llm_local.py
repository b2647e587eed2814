"""A causal language model from a local Hugging Face directory, read for the probabilities of the next token.

One forward pass a batch, no generation. Sequences are padded on the right: what stands behind the last token of a
prompt cannot reach it through causal attention, so no mask is needed, absolute positions stay right, and the fast
attention kernels apply. Logits are computed where a prompt of the batch ends and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from winnow.core.errors import RecipeError
from winnow.core.files import stamp
from winnow.measure.llm_answers import Answers
from winnow.measure.llm_questions import Answer, Question, around_document, option_of

TOKENS_PER_BATCH = 4096
"""Padded tokens of one forward pass: on a GPU a 7B model is bound by arithmetic from some hundreds on, and on a CPU
more only leave the cache (16,384 took 1.5 times as long)."""
ROWS_PER_BATCH = 64
LOGITS_PER_BATCH = 1 << 28
"""Each row gets logits at every place where one of its batch ends: half a gigabyte in bfloat16."""
LONGEST_TOKEN = 64
"""Characters of a token at most, so that of a book only the part is tokenized that can be read."""
_LETTER = "x"
"""What text is taken to stand behind where it is not known: a letter, which no vocabulary joins to a line's end."""


@dataclass(frozen=True)
class _Prompt:
    """A prompt as token ids, and the digest that its answer is found by."""

    ids: tuple[int, ...]
    key: bytes


class LocalModel:
    """A model and its tokenizer that answer a question about texts."""

    def __init__(self, path: Path, question: Question, max_tokens: int) -> None:
        """RecipeError where the directory holds no causal model, or its vocabulary does not hold the options."""
        torch, transformers = _packages()
        self._torch = torch
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._tokenizer, self._model = _opened(path, transformers)
        self._model.to(self._device).eval()
        self._max_tokens = max_tokens
        self._before, self._last, self._after = self._framed(question)
        self._clipped = self._encoded(question.clipped, behind=_LETTER)
        self._spellings = self._vocabulary(question.options)
        self._identity = repr([(file.name, stamp(file)) for file in model_files(path)]) + repr(question.options)
        self._check_length()

    def answers(self, texts: Sequence[str], kept: Answers) -> list[Answer]:
        """The answer for each text. A batch of prompts is taken from ``kept`` whole or computed whole.

        So a run that was killed computes the same prompts together when it is run again, to the same last digit.
        """
        prompts = [self._prompt(text) for text in texts]
        found: dict[bytes, dict[str, float]] = {}
        for batch in _batches({prompt.key: prompt for prompt in prompts}.values(), len(self._tokenizer)):
            known = kept.get([prompt.key for prompt in batch])
            if len(known) < len(batch):
                known = dict(zip((prompt.key for prompt in batch), self._logprobs(batch), strict=True))
                kept.put(known)
            found.update(known)
        return [Answer(logprobs=found[prompt.key]) for prompt in prompts]

    def _prompt(self, text: str) -> _Prompt:
        start = text[: self._max_tokens * LONGEST_TOKEN]
        document = self._encoded(start, behind=self._last, split_special_tokens=True)
        if len(document) > self._max_tokens:
            document = [*document[: self._max_tokens], *self._clipped]
        ids = (*self._before, *document, *self._after)
        asked = self._identity.encode() + np.array(ids, np.int64).tobytes()
        return _Prompt(ids, blake2b(asked, digest_size=16).digest())

    def _logprobs(self, batch: Sequence[_Prompt]) -> list[dict[str, float]]:
        """The log-probability of each option after each prompt."""
        torch = self._torch
        ends = [len(prompt.ids) - 1 for prompt in batch]
        ids = torch.zeros((len(batch), max(ends) + 1), dtype=torch.long)
        for row, prompt in enumerate(batch):
            ids[row, : len(prompt.ids)] = torch.tensor(prompt.ids)
        positions = sorted(set(ends))
        with torch.inference_mode():
            asked = torch.tensor(positions, device=self._device)
            logits = self._model(input_ids=ids.to(self._device), logits_to_keep=asked, use_cache=False).logits
            if logits.shape[1] != len(positions):  # a model that computes them all whatever it is asked
                logits = logits[:, asked]
            columns = [positions.index(end) for end in ends]
            last = logits[torch.arange(len(batch)), columns].double()
            whole = torch.logsumexp(last, dim=-1)
            options = {
                option: (torch.logsumexp(last[:, spelt], dim=-1) - whole).tolist()
                for option, spelt in self._spellings.items()
            }
        return [{option: values[row] for option, values in options.items()} for row in range(len(batch))]

    def _framed(self, question: Question) -> tuple[list[int], str, list[int]]:
        """What stands around the document, as tokens, and the character before it.

        The prompt is put into the model's chat template if it has one, else behind what the tokenizer begins a text
        with.
        """
        before, after = around_document(question.prompt)
        if self._tokenizer.chat_template is None:
            ids: list[int] = self._tokenizer(before).input_ids
            ids = ids[:-1] if ids and ids[-1] == self._tokenizer.eos_token_id else ids
            return ids, before[-1:], self._encoded(after, behind=_LETTER)
        chat = self._tokenizer.apply_chat_template(
            [{"role": "user", "content": question.prompt}],
            add_generation_prompt=True,
            tokenize=False,
            enable_thinking=False,
        )
        before, after = around_document(chat)
        return self._encoded(before), before[-1:], self._encoded(after, behind=_LETTER)

    def _encoded(self, text: str, *, behind: str = "", split_special_tokens: bool = False) -> list[int]:
        """Token ids of a text that follows another, which SentencePiece does not begin with a space of its own.

        With ``split_special_tokens`` control tokens that the text holds are read as plain text.
        """

        def ids(text: str) -> list[int]:
            found: list[int] = self._tokenizer(
                text, add_special_tokens=False, split_special_tokens=split_special_tokens, verbose=False
            ).input_ids
            return found

        start, whole = ids(behind), ids(behind + text)
        return whole[len(start) :] if whole[: len(start)] == start else ids(text)

    def _vocabulary(self, options: Sequence[str]) -> dict[str, list[int]]:
        """The tokens that spell each option; RecipeError where none does."""
        spelt: dict[str, list[int]] = {option: [] for option in options}
        for token, id in self._tokenizer.get_vocab().items():
            if option := option_of(token, options):
                spelt[option].append(id)
        if missing := [option for option, ids in spelt.items() if not ids]:
            raise RecipeError(f"the model's vocabulary has no token {missing[0]!r}, so it cannot be asked for it")
        return {option: sorted(ids) for option, ids in spelt.items()}

    def _check_length(self) -> None:
        longest = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        around = len(self._before) + len(self._clipped) + len(self._after)
        if longest is not None and around + self._max_tokens > longest:
            raise RecipeError(
                f"the model reads {longest:,} tokens; {around:,} of the prompt and max_tokens={self._max_tokens:,} of "
                f"the document are more: set max_tokens to {longest - around:,} or less"
            )


def model_files(path: Path) -> list[Path]:
    """The files of a model's directory, sorted; what lies deeper is not read."""
    return sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else []


def _batches(prompts: Iterable[_Prompt], vocabulary: int) -> Iterator[list[_Prompt]]:
    """Prompts of like length, the longest first, so that what does not fit into memory fails at once."""
    batch: list[_Prompt] = []
    ends: set[int] = set()
    for prompt in sorted(prompts, key=lambda prompt: (-len(prompt.ids), prompt.ids)):
        rows, ends = len(batch) + 1, ends | {len(prompt.ids)}
        tokens, logits = rows * max(ends), rows * len(ends) * vocabulary
        if batch and (rows > ROWS_PER_BATCH or tokens > TOKENS_PER_BATCH or logits > LOGITS_PER_BATCH):
            yield batch
            batch, ends = [], {len(prompt.ids)}
        batch.append(prompt)
    if batch:
        yield batch


def _packages() -> tuple[Any, Any]:
    try:
        import torch
        import transformers
    except ImportError as error:
        raise RecipeError("a local language model needs the lm extra: pip install 'winnow-data[lm]'") from error
    return torch, transformers


def _opened(path: Path, transformers: Any) -> tuple[Any, Any]:
    """The tokenizer and the model of a directory, its weights as they are stored."""
    if not (path / "config.json").is_file():
        raise RecipeError(f"no Hugging Face model at {path}: give the directory that holds its config.json and weights")
    transformers.utils.logging.disable_progress_bar()
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(path, local_files_only=True)
        model = transformers.AutoModelForCausalLM.from_pretrained(path, local_files_only=True, dtype="auto")
    except (OSError, ValueError, KeyError) as error:
        raise RecipeError(f"{path} cannot be opened as a causal language model: {error}") from error
    return tokenizer, model
