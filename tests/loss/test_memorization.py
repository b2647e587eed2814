from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("torch")

import tiny
import torch
from networks import opened, save_tiny, save_trained
from token_tables import documents_of
from toys import Given, rows_of

from winnow.choose.rank import Bottom
from winnow.choose.select import Select
from winnow.core.errors import RecipeError
from winnow.core.executors import Inline, Processes
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.evaluate.engine import Network
from winnow.evaluate.models import open_model
from winnow.lm.kept import Checkpoint
from winnow.lm.mix import Mix
from winnow.lm.scales import SCALES
from winnow.lm.sequences import Sequences
from winnow.lm.tokenize import Tokenize
from winnow.lm.tokenizer import ByteTokenizer
from winnow.lm.train import Train
from winnow.lm.trained import WEIGHTS, open_trained, write_weights
from winnow.loss import greedy, memorization
from winnow.loss.memorization import Memorization
from winnow.measure.score import Score

TEXTS = [
    "The quick brown fox jumps over a lazy dog, and then it goes home to sleep.",
    "It was the best of times, it was the worst of times, it was the age of wit",
    "Call me Ishmael. Some years ago, never mind how long precisely, having little",
    "To be, or not to be, that is the question: whether 'tis nobler in the mind to",
    "All happy families are alike; each unhappy family is unhappy in its own way,",
    "In the beginning God created the heaven and the earth. And the earth was dark",
    "Many years later, as he faced the firing squad, Colonel Aureliano Buendia was",
    "Stately, plump Buck Mulligan came from the stairhead, bearing a bowl of lather",
]


def judged(measure: Memorization, rows: Sequence[str | None] | Sequence[Sequence[int] | None]) -> list[dict[str, Any]]:
    """The measure's rows about texts, or about rows of tokens."""
    column = pa.array(rows) if any(isinstance(row, str) for row in rows) else pa.array(rows, pa.list_(pa.int32()))
    kind = "text" if pa.types.is_string(column.type) else "tokens"
    batch = pa.RecordBatch.from_pydict({"id": [str(place) for place in range(len(rows))], kind: column})
    found: list[dict[str, Any]] = measure.load()(batch).to_pylist()
    return found


@pytest.fixture(scope="module")
def recited(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that knows the texts by heart."""
    directory = save_trained(tmp_path_factory.mktemp("models") / "recited")
    model = open_trained(directory).model
    model.initialize(0)
    model.train()
    data = torch.tensor([ids[:64] for ids in ByteTokenizer().encode(TEXTS)])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(300):
        loss, _ = model.loss(data[:, :-1], data[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss < 0.02:
            break
    assert loss < 0.1
    write_weights(model.state_dict(), directory / WEIGHTS)
    return str(directory)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Random models of several kinds."""
    directory = tmp_path_factory.mktemp("random")
    kinds = {kind: str(save_tiny(directory / kind, kind)) for kind in ("gpt2", "llama")}
    return {**kinds, "ours": str(save_trained(directory / "ours"))}


@functools.cache
def network_of(model: str) -> Network:
    return open_model(model).network


def plain_continuation(model: str, prompt: Sequence[int], number: int) -> tuple[list[int], float]:
    """Tokens that follow, each found by reading everything before it; and by how much the nearest one was decided."""
    network = network_of(model)
    tokens, least = list(prompt), float("inf")
    with torch.inference_mode():
        for _ in range(number):
            states, _ = network.read(torch.tensor([tokens]), None)
            two = network.logits(states[0, -1:])[0].double().topk(2)
            least = min(least, float(two.values[0] - two.values[1]))
            tokens.append(int(two.indices[0]))
    return tokens[len(prompt) :], least


def planted(model: str, errors: Sequence[int], seed: int) -> list[int]:
    """A document of 64 tokens that the model would write but for the tokens at some places of its second half."""
    rng = np.random.default_rng(seed)
    while True:
        prompt = rng.integers(97, 123, 32).tolist()
        continuation, decided = plain_continuation(model, prompt, 32)
        if decided > 1e-3:
            break
    for place in errors:
        continuation[place] = (continuation[place] + 1) % 256
    return [*prompt, *continuation]


@pytest.mark.parametrize("kind", ["gpt2", "llama", "ours"])
def test_the_continuation_is_the_models_own_whatever_the_document_says(models: dict[str, str], kind: str) -> None:
    errors: list[list[int]] = [[], [0], [31], [3, 4, 30], [*range(32)], [0, 2, 4, 6]]
    rows = [planted(models[kind], wrong, seed) for seed, wrong in enumerate(errors)]
    found = judged(Memorization(model=models[kind]), rows)
    assert [row["fraction"] for row in found] == [1 - len(wrong) / 32 for wrong in errors]
    assert [row["prefix"] for row in found] == [min(wrong, default=32) / 32 for wrong in errors]
    assert [row["extractable"] for row in found] == [not wrong for wrong in errors]
    exact = judged(Memorization(model=models[kind], definition="exact"), rows)
    assert exact == [{name: value for name, value in row.items() if name != "fraction"} for row in found]


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_it_is_what_transformers_generates(models: dict[str, str], kind: str) -> None:
    network: Any = opened(Path(models[kind]))
    rows = [planted(models[kind], [place % 32, 31 - place], place) for place in range(10)]
    network.model.generation_config.eos_token_id = None  # it goes on behind an end of text
    prompts = torch.tensor([row[:32] for row in rows])
    with torch.inference_mode():
        made = network.model.generate(
            prompts, attention_mask=torch.ones_like(prompts), do_sample=False, max_new_tokens=32, pad_token_id=0
        )
    right = (made[:, 32:] == torch.tensor(rows)[:, 32:]).numpy()
    found = judged(Memorization(model=models[kind]), rows)
    assert [row["fraction"] for row in found] == right.mean(axis=1).tolist()
    assert [row["prefix"] * 32 for row in found] == right.argmin(axis=1).tolist()


def test_a_model_that_was_trained_on_little_recites_it(recited: str, models: dict[str, str]) -> None:
    knows = judged(Memorization(model=recited), TEXTS)
    assert knows == [{"fraction": 1.0, "prefix": 1.0, "extractable": True, "reason": None}] * 8
    does_not = judged(Memorization(model=models["ours"]), TEXTS)
    assert max(row["fraction"] for row in does_not) < 0.2
    assert not any(row["extractable"] for row in does_not)


def test_what_is_exact_follows_from_the_true_tokens_and_the_fraction_does_not(recited: str) -> None:
    """Scores of spoiled texts: the bounds of the fraction by the prefix, and equal prefixes by both definitions."""
    rng = np.random.default_rng(0)
    spoiled = [list(text.encode()[:64]) for text in TEXTS for _ in range(12)]
    for ids in spoiled:
        for place in rng.integers(0, 64, rng.integers(0, 6)):
            ids[place] = int(rng.integers(97, 123))
    free, exact = (judged(Memorization(model=recited, definition=which), spoiled) for which in ("fraction", "exact"))
    assert [row["prefix"] for row in free] == [row["prefix"] for row in exact]
    assert [row["extractable"] for row in free] == [row["extractable"] for row in exact]
    assert 10 < sum(row["extractable"] for row in free) < 60
    for row in free:
        assert row["extractable"] == (row["fraction"] == 1) == (row["prefix"] == 1)
        assert row["extractable"] or row["prefix"] <= row["fraction"] <= 31 / 32
    assert any(row["prefix"] < row["fraction"] for row in free)


def test_numbers_do_not_depend_on_batch_neighbours_or_order(models: dict[str, str]) -> None:
    rows = [planted(models["gpt2"], [place], place) for place in range(12)] * 4
    measure = Memorization(model=models["gpt2"])
    found = judged(measure, rows)
    order = np.random.default_rng(0).permutation(len(rows))
    assert judged(measure, [rows[place] for place in order]) == [found[place] for place in order]
    assert [judged(measure, [row])[0] for row in rows[:12]] == found[:12]
    beside = judged(measure, [None, rows[0], rows[1][:63], rows[2]])
    assert [beside[1], beside[3]] == [found[0], found[2]]


def test_documents_without_a_score_say_why(models: dict[str, str]) -> None:
    measure = Memorization(model=models["ours"], prompt_tokens=4, continuation_tokens=4)
    found = judged(measure, ["", None, "seven b", "eight by"])
    assert [row["reason"] for row in found] == ["empty", "empty", "short: fewer than 8 tokens", None]
    for row in found[:3]:
        assert (row["fraction"], row["prefix"], row["extractable"]) == (None, None, None)
    found = judged(measure, [[97] * 8, None, [], [97] * 7, [97] * 7 + [400]])
    reasons = [row["reason"] for row in found]
    assert reasons[:4] == [None, "empty", "empty", "short: fewer than 8 tokens"]
    assert "its tokens go to 400" in reasons[4]


def test_tokens_of_a_row_are_those_that_are_compared(models: dict[str, str]) -> None:
    rows = [planted(models["gpt2"], [place], place) for place in range(3)]
    batch = pa.RecordBatch.from_pydict({"id": list("abc"), "text": ["other text " * 10] * 3, "tokens": rows})
    assert Memorization(model=models["gpt2"]).load()(batch).to_pylist() == judged(
        Memorization(model=models["gpt2"]), rows
    )


def test_there_may_be_no_documents_and_other_things_called_tokens(models: dict[str, str]) -> None:
    assert judged(Memorization(model=models["ours"]), []) == []
    batch = pa.RecordBatch.from_pydict({"id": ["a"], "text": ["some text " * 9], "tokens": [18]})
    assert Memorization(model=models["ours"]).load()(batch).column("reason").to_pylist() == [None]


class Successor:
    """Says that each token is followed by the next one, and remembers nothing; broken behind ``broken``."""

    name, context, cached, device = "successor", 64, False, torch.device("cpu")
    opening: tuple[int, ...] = ()

    def __init__(self, broken: int | None = None, most_rows: int = 1 << 20) -> None:
        self.broken, self.most_rows = broken, most_rows

    def read(self, tokens: torch.Tensor, past: None) -> tuple[torch.Tensor, None]:
        if len(tokens) > self.most_rows:
            raise torch.OutOfMemoryError("no memory for so many")
        return tokens[..., None], None

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        next_token = (states[:, 0] + 1) % 257
        logits = torch.nn.functional.one_hot(next_token, 257).float()
        return torch.where(states == self.broken, torch.nan, logits) if self.broken is not None else logits


@pytest.mark.parametrize("definition", ["fraction", "exact"])
def test_a_text_stands_behind_what_its_model_opens_texts_with_and_a_row_of_a_stream_does_not(
    monkeypatch: pytest.MonkeyPatch, definition: Any
) -> None:
    class Opening(Successor):
        opening = (200, 201)
        vocab_size = 257

        def encode(self, texts: Sequence[str]) -> list[list[int]]:
            return ByteTokenizer().encode(texts)

        def read(self, tokens: torch.Tensor, past: None) -> tuple[torch.Tensor, None]:
            seen.append(tokens[0, :4].tolist())
            return super().read(tokens, past)

    seen: list[list[int]] = []
    monkeypatch.setattr(memorization, "open_network", lambda model: Opening())
    monkeypatch.setattr(memorization, "at_work", lambda network: contextlib.nullcontext())
    measure = Memorization(model="opening", prompt_tokens=2, continuation_tokens=3, definition=definition)
    assert [row["prefix"] for row in judged(measure, ["abcde", "abcdd", "abdde"])] == [1, 2 / 3, 0]
    assert {tuple(begun) for begun in seen} == {(200, 201, 97, 98)}
    seen.clear()
    assert [row["prefix"] for row in judged(measure, [list(b"abcde")])] == [1]
    assert all(begun[:2] == [97, 98] for begun in seen)


BOTH = [greedy.continuations_match, greedy.predictions_match]


@pytest.mark.parametrize("match", BOTH)
def test_it_goes_on_behind_an_end_of_text(match: Any) -> None:
    rows = np.arange(250, 262)[None] % 257  # 256, the end of text, is the seventh
    right, finite = match(rows, 4, Successor())
    assert right.all()
    assert finite.all()


@pytest.mark.parametrize("match", BOTH)
def test_logits_that_are_no_numbers_spoil_their_own_row(match: Any) -> None:
    rows = np.arange(8)[None] + np.array([[10], [20], [30]])
    right, finite = match(rows, 4, Successor(broken=25))
    assert finite.tolist() == [True, False, True]
    assert right[finite].all()


@pytest.mark.parametrize("match", BOTH)
def test_rows_for_which_memory_does_not_suffice_are_read_by_halves(match: Any) -> None:
    rows = np.arange(8)[None] + np.arange(21)[:, None]
    rows[5:, 6] = 200
    with pytest.raises(torch.OutOfMemoryError):
        match(rows, 4, Successor(most_rows=0))
    for few, many in zip(match(rows, 4, Successor(most_rows=2)), match(rows, 4, Successor()), strict=True):
        assert few.tolist() == many.tolist()


def test_scores_are_the_same_for_any_number_of_workers(recited: str, tmp_path: Path) -> None:
    shards = tuple(tuple((f"d{shard}-{row}", text) for row, text in enumerate(TEXTS)) for shard in range(2))
    step = Score(documents=Given(shards=shards), measure=Memorization(model=recited))
    one, two = (
        materialize(step, tmp_path / name, executor) for name, executor in (("1", Inline()), ("2", Processes(2)))
    )
    for path in sorted((one / "shards").iterdir()):
        assert path.read_bytes() == (two / "shards" / path.name).read_bytes()
    found = rows_of(step, tmp_path / "2")
    assert [row["id"] for row in found] == [str(id) for shard in shards for id, _ in shard]
    assert all(row["extractable"] and row["fraction"] == 1 and not row["quarantined"] for row in found)


def test_pieces_of_a_stream_are_scored_by_a_model_of_its_run_and_trained_on_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SCALES, "tiny", tiny.TINY)
    stream = tiny.mix(3200)
    early = Checkpoint(trained=Train(tokens=stream, scale="tiny", keep_checkpoints=(0.5,)), at=0.5)
    pieces = Sequences(tokens=stream, length=16)
    known = Memorization(model=early, prompt_tokens=8, continuation_tokens=8)
    kept = Select(documents=pieces, measures=(known,), keep=Bottom("memorization.fraction", 0.5))
    again = Tokenize(documents=kept, tokenizer="bytes")
    materialize(Mix(sources=(("kept", again),)), tmp_path)
    scores = rows_of(Score(documents=pieces, measure=known), tmp_path)
    assert [row["reason"] for row in scores] == [None] * 200
    assert len({row["fraction"] for row in scores}) > 3
    tokens = documents_of(again, Store(tmp_path))
    assert len(tokens) == 100
    assert {len(row) for row in tokens} == {16}


def test_what_cannot_be_measured_is_refused(models: dict[str, str]) -> None:
    with pytest.raises(RecipeError, match="no definition 'exakt'; did you mean exact"):
        Memorization(model="m", definition="exakt")  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="prompt_tokens is 0 and continuation_tokens is 32"):
        Memorization(model="m", prompt_tokens=0)
    measure = Memorization(model=models["gpt2"], prompt_tokens=100, continuation_tokens=30)
    with pytest.raises(RecipeError, match=r"sees 128 tokens, and prompt_tokens=100 with .*=30 take 129"):
        measure.load()
    assert judged(Memorization(model=models["gpt2"], prompt_tokens=99, continuation_tokens=30), [[97] * 129])
