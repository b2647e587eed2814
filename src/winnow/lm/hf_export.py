"""Our models in a layout that the Hugging Face ecosystem opens: transformers' StableLM, which is the same function.

StableLM has what the recipe needs: LayerNorm, rotary positions of whole heads, SwiGLU, queries and keys normalised per
head, an untied head. What it has beyond is written so that it does nothing: biases of norms are 0, gains of the
normalised queries and keys are 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from winnow.core.errors import InputError
from winnow.core.files import fingerprint, read_json, write_json
from winnow.core.step import Whole
from winnow.core.table import Store
from winnow.lm.scales import Shape
from winnow.lm.tokenizer import CONFIG as TOKENIZER_CONFIG
from winnow.lm.tokenizer import END_OF_TEXT
from winnow.lm.tokenizer import FILE as TOKENIZER
from winnow.lm.trained import CONFIG, WEIGHTS, Trained, open_trained, write_weights
from winnow.measure.model import Model, given_files, with_fitted_models

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class ExportHuggingFace(Whole):
    """A model of ``Train`` as ``AutoModelForCausalLM`` and ``AutoTokenizer`` open it: their logits are ours.

    Writes ``config.json``, ``generation_config.json``, ``model.safetensors`` and the tokenizer's files.
    """

    model: Model
    """The ``Train`` step, or the directory of a model that it made."""

    def outside(self) -> dict[str, str]:
        """Digest of a model that is given as a directory."""
        return {path: fingerprint(path) for path in given_files(self.model)}

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Write the model in the other layout."""
        given = with_fitted_models(self, store).model
        return write_hugging_face(open_trained(str(given)), directory)


def write_hugging_face(trained: Trained, directory: Path) -> dict[str, int]:
    """Write an open model into a directory; gives its number of weights."""
    trained.tokenizer.save(directory)
    if not (directory / TOKENIZER).is_file():
        raise InputError(
            "the model's tokenizer cannot be written as a tokenizer.json, which transformers reads: train with one of "
            "the tokenizers library"
        )
    end = trained.tokenizer.end_of_text
    told = directory / TOKENIZER_CONFIG
    named = read_json(told) if told.exists() else {"eos_token": END_OF_TEXT}
    limits = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": trained.context}
    write_json(told, named | limits)
    write_json(directory / CONFIG, stablelm_config(trained.model.shape, end))
    write_json(directory / "generation_config.json", {"bos_token_id": end, "eos_token_id": end})
    weights = dict(stablelm_weights(trained.model.state_dict(), trained.model.shape))
    write_weights(weights, directory / WEIGHTS)
    return {"params": trained.model.shape.num_params}


def stablelm_config(shape: Shape, end_of_text: int) -> dict[str, Any]:
    """transformers' ``config.json``."""
    from winnow.lm.model import EPSILON, ROTARY_BASE

    return {
        "architectures": ["StableLmForCausalLM"],
        "model_type": "stablelm",
        "vocab_size": shape.vocab_size,
        "hidden_size": shape.width,
        "intermediate_size": shape.hidden,
        "num_hidden_layers": shape.num_layers,
        "num_attention_heads": shape.num_heads,
        "num_key_value_heads": shape.num_heads,
        "max_position_embeddings": shape.context,
        "hidden_act": "silu",
        "layer_norm_eps": EPSILON,
        "partial_rotary_factor": 1.0,
        "rope_theta": ROTARY_BASE,
        "qk_layernorm": True,
        "use_qkv_bias": False,
        "use_parallel_residual": False,
        "tie_word_embeddings": False,
        "bos_token_id": end_of_text,
        "eos_token_id": end_of_text,
        "dtype": "float32",
    }


def stablelm_weights(ours: dict[str, Tensor], shape: Shape) -> Iterator[tuple[str, Tensor]]:
    """transformers' names and weights, of ours."""
    import torch

    yield "model.embed_tokens.weight", ours["embedding.weight"]
    yield "lm_head.weight", ours["head.weight"]
    yield from _norm("model.norm", ours["norm.weight"])
    for layer in range(shape.num_layers):
        mine, theirs = f"blocks.{layer}", f"model.layers.{layer}"
        yield from _norm(f"{theirs}.input_layernorm", ours[f"{mine}.attention_norm.weight"])
        yield from _norm(f"{theirs}.post_attention_layernorm", ours[f"{mine}.mlp_norm.weight"])
        for name, weight in zip("qkv", ours[f"{mine}.attention.qkv.weight"].chunk(3), strict=True):
            yield f"{theirs}.self_attn.{name}_proj.weight", weight.contiguous()
        yield f"{theirs}.self_attn.o_proj.weight", ours[f"{mine}.attention.out.weight"]
        for name in ("q_layernorm", "k_layernorm"):
            for head in range(shape.num_heads):
                yield f"{theirs}.self_attn.{name}.norms.{head}.weight", torch.ones(shape.width // shape.num_heads)
        for name, weight in zip(("gate", "up"), ours[f"{mine}.mlp.gate_up.weight"].chunk(2), strict=True):
            yield f"{theirs}.mlp.{name}_proj.weight", weight.contiguous()
        yield f"{theirs}.mlp.down_proj.weight", ours[f"{mine}.mlp.down.weight"]


def _norm(name: str, gain: Tensor) -> Iterator[tuple[str, Tensor]]:
    """A LayerNorm whose bias does nothing."""
    yield f"{name}.weight", gain
    yield f"{name}.bias", gain.new_zeros(gain.shape)
