"""The contexts and continuations that llm-foundry's own datasets make of a directory of tasks: one JSON line per item.

    python with_llm_foundry.py LLM_FOUNDRY SITE_PACKAGES TASKS

``TASKS`` holds a ``tasks.json`` (a list of settings) and the rows of each as JSON lines. llm-foundry is read from where
its wheel was unpacked; what its datasets import from composer, a download and a question of rank, is stood in for. A
tokenizer with one token for each character makes texts of tokens again.
"""

from __future__ import annotations

import importlib
import json
import sys
import types
from contextlib import nullcontext
from pathlib import Path
from typing import Any

LLM_FOUNDRY, SITE_PACKAGES, TASKS = sys.argv[1:]
LONGEST = 40_000
SPACE_A = 0x110000


class Characters:
    """A tokenizer of llm-foundry's interface whose tokens are characters; and it needs a space before continuations."""

    eos_token_id = 0

    def __call__(self, text: str, add_special_tokens: bool = True) -> dict[str, list[int]]:
        """The tokens of a text."""
        return {"input_ids": [SPACE_A] if text == " a" else [ord(character) for character in text]}


def text_of(tokens: list[int]) -> str:
    return "".join(" a" if token == SPACE_A else chr(token) for token in tokens if token >= 0)


def stand_in_for_composer() -> None:
    """The names that the datasets import and the little of them that they use."""
    rank = types.SimpleNamespace(local_rank_zero_download_and_wait=lambda path: nullcontext(), get_local_rank=lambda: 0)
    names: dict[str, dict[str, Any]] = {
        "composer": {},
        "composer.core": {"DataSpec": object},
        "composer.core.data_spec": {"_default_split_batch": None, "_split_list": None},
        "composer.utils": {
            "MissingConditionalImportError": ImportError,
            "dist": rank,
            "get_file": lambda source, path, overwrite: Path(path).write_bytes(Path(source).read_bytes()),
        },
    }
    for package in ("llmfoundry", "llmfoundry.eval", "llmfoundry.eval.datasets"):
        names[package] = {"__path__": [str(Path(LLM_FOUNDRY, *package.split(".")))]}
    for name, content in names.items():
        module = types.ModuleType(name)
        module.__dict__.update(content)
        sys.modules[name] = module


def requests(dataset: Any, shape: str) -> list[list[tuple[str, str]]]:
    """Context and continuation of each request of each item; of an item to be written, its context and nothing."""
    items = []
    for example in dataset.dataset:
        contexts, spans = example[dataset.context_key], example.get("continuation_indices")
        if shape == "generation":
            items.append([(text_of(contexts), "")])
            continue
        if shape == "language_modeling":
            contexts, spans = [contexts], [spans]
        items.append(
            [
                (text_of(tokens[: span[0]]), text_of([tokens[i] for i in span]))
                for tokens, span in zip(contexts, spans, strict=True)
            ]
        )
    return items


def main() -> None:
    sys.path.append(SITE_PACKAGES)
    stand_in_for_composer()
    import datasets

    theirs = importlib.import_module("llmfoundry.eval.datasets.in_context_learning_evaluation")
    datasets.disable_progress_bars()
    datasets.disable_caching()
    kinds = {
        "multiple_choice": theirs.InContextLearningMultipleChoiceTaskDataset,
        "schema": theirs.InContextLearningSchemaTaskDataset,
        "language_modeling": theirs.InContextLearningLMTaskDataset,
        "generation": theirs.InContextLearningGenerationTaskWithAnswersDataset,
    }
    for setting in json.loads(Path(TASKS, "tasks.json").read_text()):
        shape = setting.pop("shape")
        dataset = kinds[shape](
            tokenizer=Characters(),
            max_seq_len=LONGEST,
            pad_tok_id=-1,
            fewshot_random_seed=1234,
            prompt_string="",
            destination_path=str(Path(TASKS, "downloaded.jsonl")),
            generation_kwargs={},
            **setting,
        )
        print(json.dumps(requests(dataset, shape)), flush=True)


if __name__ == "__main__":
    main()
