"""Causal language models of the transformers library, from a directory or by their name on the Hugging Face hub.

float32 on a CPU; bfloat16 on CUDA, where a token's nats are good to two digits or three.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import cross_entropy

from winnow.core.errors import InputError, RecipeError
from winnow.evaluate.spans import Ids
from winnow.lm.heldout import packed_bits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from winnow.lm.stream import TokenStream

FALLBACK_CONTEXT = 2048
"""Tokens at once for a model that says nothing of it."""
PROBE = [5, 3, 8, 6, 4, 7]
"""Tokens that show what kind of model it is."""


class HuggingFaceNetwork:
    """A causal language model and its tokenizer, as the engine reads them."""

    def __init__(self, name: str, model: Any, tokenizer: Any, max_context: int) -> None:
        """InputError where the model is not causal, or its tokenizer has no end of text."""
        self.name = name
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.device: torch.device = model.device
        self.context = min(_longest(model.config), max_context)
        if tokenizer.eos_token_id is None:
            raise InputError(f"the tokenizer of {name} has no end of text: set eos_token in its tokenizer_config.json")
        self.end_of_text: int = tokenizer.eos_token_id
        self.num_params = sum(parameter.numel() for parameter in model.parameters())
        self.vocab_size = max(tokenizer.get_vocab().values()) + 1
        self.start = self.end_of_text if tokenizer.bos_token_id is None else int(tokenizer.bos_token_id)
        self.opening = self._opening()
        self._spaced = self._ids("x x") != self._ids("x") + self._ids(" x")
        self.split = self.cached = False
        self._probe()

    def encode(self, texts: Sequence[str]) -> list[Ids]:
        """The tokens of each text, nothing added."""
        found: list[Ids] = self.tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
        return found

    def encode_continuations(self, texts: Sequence[str]) -> list[Ids]:
        """The same of texts that follow others, which SentencePiece does not begin with a space of its own."""
        if not self._spaced:
            return self.encode(texts)
        before = self._ids("x")
        pairs = zip(self.encode([f"x{text}" for text in texts]), self.encode(texts), strict=True)
        return [ids[len(before) :] if ids[: len(before)] == before else alone for ids, alone in pairs]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of tokens, without special ones."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))

    def read(self, tokens: torch.Tensor, past: Any) -> tuple[torch.Tensor, Any]:
        """The states after tokens that follow the past: logits already, where they are more than a head's."""
        reader = self.model.base_model if self.split else self.model
        if not self.cached:
            return reader(input_ids=tokens, use_cache=False)[0], None
        past = self._empty() if past is None else past
        return reader(input_ids=tokens, past_key_values=past, use_cache=True)[0], past

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        """The logits of states."""
        logits: torch.Tensor = self.model.get_output_embeddings()(states) if self.split else states
        return logits

    def select(self, past: Any, rows: torch.Tensor) -> Any:
        """The past of some rows."""
        past.reorder_cache(rows)
        return past

    def bits(self, stream: TokenStream) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Bits and bytes of every document of a held-out stream, in windows of the context."""
        with torch.inference_mode():
            return packed_bits(self._nats, stream, self.context, self.device.type)

    def _nats(self, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Nats of [rows, tokens] targets, a row at a time: logits are large."""
        rows = zip(tokens, targets, strict=True)
        nats = [cross_entropy(self._whole(row[None])[0].float(), wanted, reduction="none") for row, wanted in rows]
        return torch.stack(nats)

    def _ids(self, text: str) -> Ids:
        return self.encode([text])[0]

    def _opening(self) -> tuple[int, ...]:
        """What the tokenizer puts before a text's own tokens."""
        plain: Ids = self._ids("a")
        whole: Ids = self.tokenizer("a")["input_ids"]
        starts = [place for place in range(len(whole)) if whole[place : place + len(plain)] == plain]
        return tuple(whole[: starts[0]]) if starts else ()

    def _empty(self) -> Any:
        from transformers import DynamicCache

        return DynamicCache(config=self.model.config)

    def _probe(self) -> None:
        """Find out, on a few tokens, whether the model is causal, a body and a head, and can go on from a cache."""
        with torch.inference_mode():
            tokens = torch.tensor([PROBE], device=self.device)
            whole = self._whole(tokens)
            other = tokens.clone()
            other[0, -1] += 1
            if not _alike(self._whole(other)[:, :-1], whole[:, :-1]):
                raise InputError(
                    f"{self.name} is no causal language model: what it says of a token depends on those behind it, as "
                    "an encoder's answers do; give a decoder such as GPT-2, Llama or Pythia"
                )
            self.split = self.model.get_output_embeddings() is not None and _alike(
                self.model.get_output_embeddings()(self.model.base_model(input_ids=tokens, use_cache=False)[0]), whole
            )
            self.cached = "past_key_values" in inspect.signature(self.model.forward).parameters
            self.cached = self.cached and self._goes_on(tokens, whole)

    def _whole(self, tokens: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(input_ids=tokens, use_cache=False).logits
        return logits

    def _goes_on(self, tokens: torch.Tensor, whole: torch.Tensor) -> bool:
        """Whether two halves, the second of them twice, say what the whole says."""
        half = len(PROBE) // 2
        try:
            _, past = self.read(tokens[:, :half], None)
            past = self.select(past, torch.tensor([0, 0], device=self.device))
            states, _ = self.read(tokens[:, half:].repeat(2, 1), past)
        except (TypeError, AttributeError, ValueError, NotImplementedError):
            return False
        return _alike(self.logits(states), whole[:, half:].repeat(2, 1, 1))


def open_hugging_face(model: str, max_context: int, device: torch.device) -> HuggingFaceNetwork:
    """A model by its directory or its name on the hub.

    Raises RecipeError where an extra is missing or nothing goes by that name, InputError for what is no causal model.
    """
    try:
        import transformers
    except ImportError as error:
        raise RecipeError(
            f"{model} is a model of the transformers library, which is not here: pip install 'winnow-data[lm,hf]'"
        ) from error
    if not Path(model).is_dir() and (Path(model).is_absolute() or model.startswith((".", "~")) or model.count("/") > 1):
        raise RecipeError(f"there is no directory {model}: give that of a model, or a name on the Hugging Face hub")
    transformers.utils.logging.disable_progress_bar()
    try:
        config = transformers.AutoConfig.from_pretrained(model)
        if config.is_encoder_decoder:
            raise InputError(
                f"{model} is an encoder with a decoder ({config.model_type}); evaluation needs a causal language model"
            )
        tokenizer = transformers.AutoTokenizer.from_pretrained(model)
        found = transformers.AutoModelForCausalLM.from_pretrained(
            model, dtype=torch.float32 if device.type == "cpu" else torch.bfloat16
        )
    except (OSError, ValueError, KeyError) as error:
        raise RecipeError(
            f"{model} cannot be opened as a causal language model: {str(error).splitlines()[0]}; give a directory that "
            "holds config.json, weights and tokenizer, or a name on the Hugging Face hub"
        ) from error
    return HuggingFaceNetwork(model, found.to(device), tokenizer, max_context)


def _longest(config: Any) -> int:
    """Tokens that a model sees at once, under the names that configurations have for it."""
    text = config.get_text_config()
    names = ("max_position_embeddings", "n_positions", "n_ctx", "seq_length", "max_seq_len")
    found = [getattr(text, name, None) for name in names]
    return next((size for size in found if isinstance(size, int) and size > 0), FALLBACK_CONTEXT)


def _alike(left: torch.Tensor, right: torch.Tensor) -> bool:
    """Whether two tensors of logits differ by no more than rounding."""
    if left.shape != right.shape:
        return False
    rounding = 0.1 if left.dtype == torch.bfloat16 else 1e-3
    return bool((left - right).abs().max() <= rounding * right.float().std() + 1e-6)
