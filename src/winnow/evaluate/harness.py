# mypy: allow-subclassing-any
"""Our models in EleutherAI's lm-evaluation-harness, and so on all of its tasks::

    from winnow.evaluate.harness import HarnessModel

    lm_eval.simple_evaluate(model=HarnessModel("checkpoint"), tasks=["arc_easy", "lambada_openai"])

The harness builds the requests and scores the answers; ours is what lies between, and gives to the digit what its own
``HFLM`` gives, several times as fast. The package ``lm_eval`` is not among winnow's extras.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from winnow.core.errors import RecipeError
from winnow.evaluate.models import open_model
from winnow.evaluate.requests import LanguageModel, Prompt, Request

try:
    from lm_eval.api.model import LM
except ImportError as error:
    raise RecipeError("lm-evaluation-harness is not here: pip install lm_eval") from error

MAX_TOKENS = 256
"""Of a generation that says nothing of it, as in the harness."""


class HarnessModel(LM):
    """A model that the harness asks."""

    def __init__(self, model: str | LanguageModel) -> None:
        """``model``: a checkpoint's directory, a Hugging Face directory or hub name, or a model that is open."""
        super().__init__()
        self.model = open_model(model) if isinstance(model, str) else model

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        """Log-probability of each continuation, and whether it is the greedy one."""
        answers = self.model.answer([_request(*request.args) for request in requests])
        return self._kept("loglikelihood", requests, [(-answer.nats, answer.greedy) for answer in answers])

    def loglikelihood_rolling(self, requests: Sequence[Any]) -> list[float]:
        """Log-probability of each whole text."""
        answers = self.model.answer([_request("", *request.args) for request in requests])
        return self._kept("loglikelihood_rolling", requests, [-answer.nats for answer in answers])

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        """What follows each context, greedily; RecipeError where sampling is asked for."""
        prompts = [_prompt(*request.args) for request in requests]
        return self._kept("generate_until", requests, self.model.generate(prompts))

    def _kept(self, kind: str, requests: Sequence[Any], results: list[Any]) -> list[Any]:
        """The results, given to the harness's cache."""
        for request, result in zip(requests, results, strict=True):
            self.cache_hook.add_partial(kind, request.args, result)
        return results


def _request(context: str, continuation: str) -> Request:
    return Request(context, continuation, "joint")


def _prompt(context: str, options: dict[str, Any]) -> Prompt:
    if options.get("do_sample") or options.get("temperature"):
        raise RecipeError(f"the task samples ({options}); models here generate greedily: set do_sample to false")
    until: str | Iterable[str] = options.get("until") or ()
    stop = (until,) if isinstance(until, str) else tuple(until)
    return Prompt(context, int(options.get("max_gen_toks", MAX_TOKENS)), stop)
