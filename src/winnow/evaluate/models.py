"""Any model that can be evaluated, opened by its path or name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from winnow.core.files import read_json
from winnow.evaluate.engine import Engine
from winnow.evaluate.hugging_face import open_hugging_face
from winnow.evaluate.local import LocalNetwork
from winnow.lm.devices import exact, num_threads, preferred, taken
from winnow.lm.trained import CONFIG, open_trained

DCLM_CONTEXT = 2048
"""Tokens that DCLM evaluates with, whatever the model could see."""


@contextmanager
def ready_model(path: str, max_context: int = DCLM_CONTEXT) -> Iterator[Engine]:
    """A model to ask: on a GPU that is held until the block ends, else on a processor, with the same bits always."""
    with taken(1) as (device,):
        model = open_model(path, max_context, device)
        with exact(device, num_threads(model.network.num_params)):
            yield model


def open_model(path: str, max_context: int = DCLM_CONTEXT, device: torch.device | None = None) -> Engine:
    """A model by a checkpoint's directory, a Hugging Face directory, or its name on the hub.

    Raises RecipeError where nothing goes by that name, InputError for what is no causal language model.
    """
    device = device or preferred()
    if is_trained(path):
        return Engine(LocalNetwork(path, open_trained(path), max_context, device))
    return Engine(open_hugging_face(path, max_context, device))


def is_trained(path: str) -> bool:
    """Whether a directory, or its ``files``, holds a checkpoint of ours: a configuration with its shape."""
    configs = [Path(path) / CONFIG, Path(path) / "files" / CONFIG]
    return any("shape" in read_json(config) for config in configs if config.is_file())
