"""A trained model, opened: weights, tokenizer, and what is known of how it was made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from winnow.core.errors import InputError, RecipeError
from winnow.core.files import read_json
from winnow.lm.scales import Shape
from winnow.lm.tokenizer import Tokenizer, load_tokenizer

if TYPE_CHECKING:
    import torch

    from winnow.lm.model import Transformer

WEIGHTS, CONFIG, REPORT = "model.safetensors", "config.json", "report.json"
CHECKPOINTS = "checkpoints"
"""The directory, beside a model, of those that were kept along its run."""


@dataclass(frozen=True)
class Trained:
    """A model to evaluate or to go on with."""

    model: Transformer
    """In evaluation mode, on the processor."""
    tokenizer: Tokenizer
    config: dict[str, Any]
    """``shape``, ``vocab_size``, ``end_of_text`` and the ``recipe`` that it was trained by."""
    report: dict[str, Any]
    """What the run was, cost and reached; empty for a model that was kept along a run."""

    @property
    def context(self) -> int:
        """Tokens that the model sees at once."""
        return self.model.shape.context


def open_trained(path: str | Path) -> Trained:
    """Open what ``Train`` wrote: the step's directory, its ``files``, or one of the models kept along the run.

    RecipeError where there is no such model, InputError where its files do not belong together.
    """
    from safetensors.torch import load_file

    from winnow.lm.model import Transformer

    directory = _directory(Path(path))
    config = read_json(directory / CONFIG)
    model = Transformer(Shape(**config["shape"]))
    _fit(model, load_file(directory / WEIGHTS), directory)
    tokenizer = load_tokenizer(directory)
    if tokenizer.vocab_size > model.shape.vocab_size:
        raise InputError(
            f"{directory}: the tokenizer has {tokenizer.vocab_size} tokens, the model {model.shape.vocab_size} rows: "
            "they are not from one run"
        )
    report = directory / REPORT
    return Trained(model.eval(), tokenizer, config, read_json(report) if report.exists() else {})


def kept_directory(step: int) -> str:
    """Where, beside a run's last model, the one lies that it had after so many steps."""
    return f"{CHECKPOINTS}/{step:07d}"


def write_weights(weights: dict[str, torch.Tensor], path: Path) -> None:
    """Write a ``model.safetensors`` that others may read: the library itself makes it the user's own."""
    from safetensors.torch import save_file

    path.touch()
    mode = path.stat().st_mode
    save_file(weights, path, metadata={"format": "pt"})
    path.chmod(mode)


def _fit(model: Transformer, weights: dict[str, torch.Tensor], directory: Path) -> None:
    """Give the model its weights; InputError where they are another shape's."""
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise InputError(f"the weights of {directory} do not fit its {CONFIG}: {error}") from error


def _directory(path: Path) -> Path:
    """Where a model's files lie."""
    for directory in (path, path / "files"):
        if (directory / CONFIG).is_file() and (directory / WEIGHTS).is_file():
            if "shape" in read_json(directory / CONFIG):
                return directory
            raise RecipeError(f"{directory} holds a Hugging Face model: open it with transformers")
    raise RecipeError(f"{path} holds no model that winnow trained: there is no {CONFIG} beside a {WEIGHTS}")
