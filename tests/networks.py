"""Tiny random models for the tests of evaluation."""

from __future__ import annotations

import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import zstandard
from safetensors.torch import save_file

from winnow.core.files import write_json
from winnow.evaluate.hugging_face import HuggingFaceNetwork, open_hugging_face
from winnow.evaluate.requests import Encoding, Request
from winnow.lm.model import Transformer
from winnow.lm.scales import Shape
from winnow.lm.tokenizer import ByteTokenizer, Tokenizer, load_tokenizer

torch.set_num_threads(1)  # the tests share the cores

WORDS = "the cat sat on a mat and then it ran home because dogs were there but nobody saw them".split()


def save_tiny(
    directory: Path, kind: str = "gpt2", *, context: int = 128, tokenizer: Path | None = None, **shape: Any
) -> Path:
    """A Hugging Face directory of a random model whose tokens are far from equally likely.

    Its tokens are bytes, or those of a compressed ``tokenizer.json``.
    """
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    directory.mkdir()
    _save_tokenizer(directory, tokenizer)
    tokens = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(directory / "tokenizer.json"), eos_token="<|endoftext|>", bos_token="<|endoftext|>"
    )
    tokens.save_pretrained(directory)
    sizes = {"vocab_size": len(tokens), "bos_token_id": tokens.eos_token_id, "eos_token_id": tokens.eos_token_id}
    config = transformers.AutoConfig.for_model(kind, **{**sizes, **_shape(kind, context), **shape})
    auto = transformers.AutoModelForSeq2SeqLM if config.is_encoder_decoder else transformers.AutoModelForCausalLM
    torch.manual_seed(0)
    model = auto.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3 if parameter.ndim > 1 else 0.1)
    model.save_pretrained(directory)
    return directory


def save_trained(directory: Path, *, context: int = 128, tokenizer: Path | None = None) -> Path:
    """A checkpoint of ours, its weights as they begin but larger, so that they have opinions."""
    directory.mkdir()
    tokens = _save_tokenizer(directory, tokenizer)
    shape = Shape(vocab_size=tokens.vocab_size, context=context, width=64, hidden=96, num_layers=2, num_heads=2)
    model = Transformer(shape)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4)
    save_file(model.state_dict(), directory / "model.safetensors")
    ends = {"vocab_size": tokens.vocab_size, "end_of_text": tokens.end_of_text}
    write_json(directory / "config.json", {"shape": asdict(shape), **ends})
    return directory


def opened(directory: Path) -> HuggingFaceNetwork:
    """A model of a Hugging Face directory on the processor."""
    return open_hugging_face(str(directory), 2048, torch.device("cpu"))


def words(draw: random.Random, count: int) -> str:
    """So many words."""
    return " ".join(draw.choices(WORDS, k=count))


def random_requests(seed: int, num_items: int = 12) -> list[Request]:
    """Items of one to four options, some after the same examples, some without a context."""
    draw = random.Random(seed)
    examples = words(draw, 8)
    requests = []
    for _ in range(num_items):
        context = draw.choice(["", words(draw, 3), f"{examples} {words(draw, 4)}", words(draw, 40), "the cat "])
        encoding: Encoding = draw.choice(("joint", "apart"))
        options = [words(draw, draw.randrange(1, 4)) for _ in range(draw.randrange(1, 5))]
        requests += [Request(context, f" {option}", encoding) for option in options]
    return requests


def _save_tokenizer(directory: Path, compressed: Path | None) -> Tokenizer:
    """Bytes, or a compressed ``tokenizer.json``."""
    if compressed is None:
        ByteTokenizer().save(directory)
    else:
        (directory / "tokenizer.json").write_bytes(zstandard.ZstdDecompressor().decompress(compressed.read_bytes()))
    return load_tokenizer(directory)


def _shape(kind: str, context: int) -> dict[str, Any]:
    if kind == "gpt2":
        return {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": context, "pad_token_id": None}
    if kind == "t5":
        return {"d_model": 32, "d_ff": 64, "num_layers": 1, "num_heads": 2, "decoder_start_token_id": 0}
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": context}
    return {**shape, "intermediate_size": 64, "num_key_value_heads": 2, "head_dim": 16, "pad_token_id": None}
