from __future__ import annotations

import itertools
import json
import math
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

import tiny  # noqa: E402
from networks import opened, save_tiny, save_trained, words  # noqa: E402
from toys import Given, rows_of  # noqa: E402

from winnow.choose.rank import Middle  # noqa: E402
from winnow.choose.select import Select  # noqa: E402
from winnow.core.errors import RecipeError  # noqa: E402
from winnow.core.executors import Inline, Processes  # noqa: E402
from winnow.core.files import write_json  # noqa: E402
from winnow.core.run import materialize  # noqa: E402
from winnow.core.table import Store  # noqa: E402
from winnow.documents.read import Read  # noqa: E402
from winnow.evaluate.local import LocalNetwork  # noqa: E402
from winnow.lm.mix import Mix  # noqa: E402
from winnow.lm.scales import SCALES  # noqa: E402
from winnow.lm.tokenize import Tokenize  # noqa: E402
from winnow.lm.tokenizer import ByteTokenizer  # noqa: E402
from winnow.lm.train import Train  # noqa: E402
from winnow.lm.trained import open_trained  # noqa: E402
from winnow.loss import passes  # noqa: E402
from winnow.loss.loss import Loss, document_numbers  # noqa: E402
from winnow.loss.token_statistics import TokenStatistics  # noqa: E402
from winnow.loss.token_statistics_reference import token_statistics  # noqa: E402
from winnow.measure.score import Score  # noqa: E402

CONTEXT = 128
START = 256
"""What byte models begin texts with: the end of text."""
TEXTS = ["the cat sat", "a", "dogs were there " * 5, "Zoë’s naïve 😀", "x" * 63, "y" * 64, words(random.Random(1), 25)]
NUMBERS = [name for name in Loss(model="any", reference="other").columns().names if name != "reason"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("models")
    hugging_face = {kind: save_tiny(directory / kind, kind, context=CONTEXT) for kind in ("gpt2", "llama", "gemma2")}
    return {"ours": save_trained(directory / "ours", context=CONTEXT), **hugging_face}


def judged(model: Path | Loss, texts: Sequence[str | None]) -> list[dict[str, Any]]:
    measure = model if isinstance(model, Loss) else Loss(model=str(model))
    batch = measure.load()(pa.record_batch({"text": pa.array(texts, pa.string())}))
    assert batch.schema == measure.columns()
    return list(batch.to_pylist())


def naive(logits_of: Callable[[Any], Any], ids: Sequence[int], num_bytes: int) -> dict[str, Any]:
    """The columns of a document of no more tokens than the context, by their definitions, one token after the other."""
    with torch.no_grad():
        logits = logits_of(torch.tensor([[START, *ids[:-1]]]))[0].double().numpy()
    tokens = token_statistics(logits, np.array(ids))
    ranked = sorted(tokens.nats)
    right = [bool(row.argmax() == id) for row, id in zip(logits, ids, strict=True)][32:64]
    known = len(ids) >= 64
    return {
        "num_tokens": len(ids),
        "num_bytes": num_bytes,
        "perplexity": math.exp(sum(ranked) / len(ids)),
        "bits_per_byte": sum(ranked) / math.log(2) / num_bytes,
        "nats": sum(ranked) / len(ids),
        **{f"nats_q{share}": percentile(ranked, share) for share in (10, 50, 90)},
        **{name: getattr(tokens, name).mean() for name in ("el2n", "top_logit", "top_mass", "top_hit", "greedy")},
        "memorized_prefix": (right.index(False) if False in right else 32) / 32 if known else None,
        "memorized_forced": sum(right) / 32 if known else None,
        "reason": None,
    }


def percentile(ranked: Sequence[float], share: int) -> float:
    place = (len(ranked) - 1) * share / 100
    below = math.floor(place)
    above = min(below + 1, len(ranked) - 1)
    return ranked[below] + (place - below) * (ranked[above] - ranked[below])


def assert_same(found: dict[str, Any], expected: dict[str, Any], tolerance: float) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        is_number = isinstance(value, float)
        assert found[name] == (pytest.approx(value, rel=tolerance, abs=tolerance) if is_number else value), name


def test_scores_of_our_checkpoints_are_those_of_a_naive_computation(models: dict[str, Path]) -> None:
    exact = open_trained(models["ours"]).model.double()
    for found, text in zip(judged(models["ours"], TEXTS), TEXTS, strict=True):
        ids = list(text.encode())
        assert_same(found, naive(exact, ids, len(ids)), 1e-5)


@pytest.mark.parametrize("kind", ["gpt2", "llama", "gemma2"])
def test_scores_of_a_hugging_face_model_are_those_of_transformers(kind: str, models: dict[str, Path]) -> None:
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(models[kind])
    tokenizer = transformers.AutoTokenizer.from_pretrained(models[kind])
    found = judged(models[kind], TEXTS)
    for row, text in zip(found, TEXTS, strict=True):
        ids = tokenizer(text, add_special_tokens=False).input_ids
        with torch.no_grad():
            answer = model(torch.tensor([[START, *ids]]), labels=torch.tensor([[START, *ids]]))
        assert row["nats"] == pytest.approx(float(answer.loss), rel=1e-4)
        assert_same(row, naive(lambda tokens: model(tokens).logits, ids, len(text.encode())), 1e-4)
    exact = model.double()
    for row, text in zip(found, TEXTS, strict=True):
        ids = tokenizer(text, add_special_tokens=False).input_ids
        assert_same(row, naive(lambda tokens: exact(tokens).logits, ids, len(text.encode())), 1e-5)


@settings(max_examples=15)
@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=90), min_size=2, max_size=12), st.data())
def test_a_document_is_scored_alike_wherever_it_stands(
    models: dict[str, Path], texts: list[str], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(texts))))
    together, shuffled = judged(models["ours"], texts), judged(models["ours"], [texts[place] for place in order])
    alone = [judged(models["ours"], [text])[0] for text in texts]
    for place, row in zip(order, shuffled, strict=True):
        assert_same(row, together[place], 1e-5)
        assert_same(row, alone[place], 1e-5)


def test_workers_give_the_same_bytes(models: dict[str, Path], tmp_path: Path) -> None:
    draw = random.Random(0)
    shards = tuple(tuple((f"{n}-{i}", words(draw, draw.randrange(1, 60))) for i in range(9)) for n in range(4))
    step = Score(documents=Given(shards=shards), measure=Loss(model=str(models["ours"])))
    materialize(step, tmp_path / "one", Inline())
    materialize(step, tmp_path / "two", Processes(2))
    assert len({Store(tmp_path / workers).table(step).manifest.digest for workers in ("one", "two")}) == 1
    for row, (_, text) in zip(rows_of(step, tmp_path / "two"), itertools.chain(*shards), strict=True):
        (alone,) = judged(models["ours"], [text])
        assert_same({name: row[name] for name in alone}, alone, 1e-5)


def test_a_batch_that_memory_ends_at_is_read_by_halves_which_is_said_once(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [*TEXTS, *TEXTS, "z" * 120]
    expected = judged(models["ours"], texts)
    read, sizes = LocalNetwork.read, []

    def bounded(self: LocalNetwork, tokens: Any, past: Any) -> Any:
        if tokens.numel() > 110:
            raise torch.OutOfMemoryError("no memory is left")
        sizes.append(tokens.shape)
        return read(self, tokens, past)

    monkeypatch.setattr(LocalNetwork, "read", bounded)
    passes._tell.cache_clear()
    found = judged(models["ours"], texts)
    assert sizes
    assert capsys.readouterr().err.count("memory ended") == 1
    for row, other in zip(found[:-1], expected[:-1], strict=True):
        assert_same(row, other, 1e-5)
    assert found[-1] == {**dict.fromkeys(found[-1]), "reason": "out of memory"}


def test_losses_that_are_no_numbers_are_a_reason(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = save_trained(tmp_path / "broken") / "model.safetensors"
    weights = load_file(path)
    weights["embedding.weight"][ord("q")] = math.nan
    save_file(weights, path)
    good, bad, short = judged(path.parent, ["the cat", "the quick cat", "q"])
    assert bad == {**dict.fromkeys(bad), "reason": "not finite"}
    assert good["reason"] is short["reason"] is None  # nothing is read behind the last token


def test_a_document_that_cannot_be_encoded_is_a_reason_and_its_neighbours_are_scored(tmp_path: Path) -> None:
    import tokenizers

    path = save_trained(tmp_path / "words")
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel({"<|endoftext|>": 0, "the": 1, "cat": 2}, unk_token="?"))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    inner.save(str(path / "tokenizer.json"))
    found = judged(path, ["the cat", "the dog", "cat"])
    assert [row["num_tokens"] for row in found] == [2, None, 1]
    assert found[1]["reason"].startswith("not encoded: ")
    assert {found[1][name] for name in found[1] if name != "reason"} == {None}


def test_an_empty_document_has_no_numbers_and_one_token_has(models: dict[str, Path]) -> None:
    empty, missing, one = judged(models["ours"], ["", None, "a"])
    assert empty == missing == {**dict.fromkeys(empty), "reason": "empty"}
    assert (one["num_tokens"], one["reason"]) == (1, None)
    assert one["nats_q10"] == one["nats_q90"] == one["nats"] == pytest.approx(math.log(one["perplexity"]))
    assert judged(models["ours"], []) == []


LONG = words(random.Random(3), 200)[:300]


def chained(network: Any, pieces: Sequence[tuple[int, int, int]]) -> float:
    """Mean nats of ``LONG`` read in pieces: from where, which tokens are predicted."""
    ids = [network.start, *LONG.encode()]
    nats: list[float] = []
    for begin, start, stop in pieces:
        with torch.no_grad():
            logits = network.model(torch.tensor([ids[begin:stop]]))
            logits = getattr(logits, "logits", logits)[0, start - begin :].log_softmax(-1)
        nats += [-float(row[id]) for row, id in zip(logits, ids[start + 1 : stop + 1], strict=True)]
    return sum(nats) / len(nats)


def test_a_document_longer_than_the_context_is_read_as_asked(models: dict[str, Path]) -> None:
    network = opened(models["gpt2"])
    rows = {
        long: judged(Loss(model=str(models["gpt2"]), long=long), ["a", LONG, "b" * CONTEXT])
        for long in ("windows", "sliding", "cut")
    }
    windows = [(0, 0, 128), (128, 128, 256), (172, 256, 300)]
    sliding = [(0, 0, 128), (64, 128, 192), (128, 192, 256), (172, 256, 300)]
    assert rows["windows"][1]["nats"] == pytest.approx(chained(network, windows), rel=1e-5)
    assert rows["sliding"][1]["nats"] == pytest.approx(chained(network, sliding), rel=1e-5)
    assert rows["cut"][1]["nats"] == pytest.approx(chained(network, windows[:1]), rel=1e-5)
    assert [rows[long][1]["num_tokens"] for long in rows] == [300, 300, 128]
    assert [rows[long][1]["num_bytes"] for long in rows] == [300, 300, 128]
    for place in (0, 2):
        assert_same(rows["sliding"][place], rows["windows"][place], 1e-5)
        assert_same(rows["cut"][place], rows["windows"][place], 1e-5)


def test_fewer_tokens_of_context_may_be_asked_for(models: dict[str, Path]) -> None:
    (row,) = judged(Loss(model=str(models["gpt2"]), max_context=20, long="cut"), ["é" * 30])
    assert (row["num_tokens"], row["num_bytes"]) == (20, 20)
    for context, known in ((63, False), (64, True)):
        (row,) = judged(Loss(model=str(models["gpt2"]), max_context=context), [LONG])
        assert (row["memorized_prefix"] is not None, row["memorized_forced"] is not None) == (known, known)


@pytest.mark.parametrize(("right", "prefix"), [(0, 0), (1, 1 / 32), (7, 7 / 32), (32, 1)])
def test_the_memorised_prefix_ends_at_the_first_wrong_token(right: int, prefix: float) -> None:
    greedy = np.array([*[0] * 32, *[1] * right, *[0, 1, 1][: 32 - right], *[0] * 40])[:70]
    zeros = np.zeros(70)
    found = document_numbers(TokenStatistics(zeros, zeros, zeros, zeros, zeros, greedy), 9, CONTEXT)
    assert found["memorized_prefix"] == prefix
    assert found["memorized_forced"] == greedy[32:64].mean()


def test_excess_is_the_difference_of_two_runs(models: dict[str, Path]) -> None:
    measure = Loss(model=str(models["ours"]), reference=str(models["gpt2"]))
    found, model, reference = (judged(each, TEXTS) for each in (measure, models["ours"], models["gpt2"]))
    for row, ours, theirs in zip(found, model, reference, strict=True):
        assert row["excess"] == pytest.approx(ours["nats"] - theirs["nats"], abs=1e-6)
        assert row["excess_top60"] >= row["excess"] - 1e-9
        assert {name: row[name] for name in ours} == ours


def test_the_excess_of_the_selected_is_that_of_six_tokens_in_ten(models: dict[str, Path]) -> None:
    measure = Loss(model=str(models["ours"]), reference=str(models["gpt2"]))
    text = "the cat sat"
    tokens = [  # of the first n letters; differences of their sums are the tokens'
        row["excess"] * row["num_tokens"] for row in judged(measure, [text[: end + 1] for end in range(len(text))])
    ]
    highest = sorted(np.diff([0, *tokens]))[-7:]  # 0.6 * 11, rounded up
    assert judged(measure, [text])[0]["excess_top60"] == pytest.approx(np.mean(highest), abs=1e-5)


def test_a_model_has_no_excess_over_itself(models: dict[str, Path]) -> None:
    row = judged(Loss(model=str(models["ours"]), reference=str(models["ours"])), [LONG])[0]
    assert row["excess"] == row["excess_top60"] == 0


def test_a_reference_with_another_tokenizer_is_refused(models: dict[str, Path]) -> None:
    other = Loss(model=str(models["ours"]), reference=str(models["gpt2"]))
    other.load()
    path = save_tiny(models["ours"].parent / "other")
    described = json.loads((path / "tokenizer.json").read_text())
    described["model"]["vocab"] = {
        token: id ^ 1 if id < 256 else id for token, id in described["model"]["vocab"].items()
    }
    write_json(path / "tokenizer.json", described)
    with pytest.raises(RecipeError, match="different tokenizers"):
        replace(other, reference=str(path)).load()


def test_rows_of_tokens_are_scored_on_these(models: dict[str, Path]) -> None:
    judge = Loss(model=str(models["ours"])).load()
    ids = [list(b"the cat"), [300], [], None, list(b"sat")]
    batch = pa.record_batch({"text": ["anything", "x", "", None, None], "tokens": pa.array(ids, pa.list_(pa.int32()))})
    found = judge(batch).to_pylist()
    expected = judged(models["ours"], ["the cat", "sat"])
    assert {**found[0], "num_bytes": 7, "bits_per_byte": 0} == {**expected[0], "bits_per_byte": 0}
    assert found[0]["num_bytes"] == 8  # of its text
    assert_same(found[4], expected[1], 1e-5)  # without one: of what the tokens spell
    assert [row["reason"] for row in found[2:4]] == ["empty", "empty"]
    assert found[1]["reason"].startswith("not encoded: ")


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="did you mean windows"):
        Loss(model="m", long="window")  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="max_context is 0"):
        Loss(model="m", max_context=0)
    with pytest.raises(RecipeError, match="there is no directory"):
        Loss(model=str(tmp_path / "nothing")).load()


def test_no_model_library_is_loaded_before_a_model_is_opened() -> None:
    code = "import sys; from winnow.loss.loss import Loss; Loss(model='m').columns(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "transformers", "tokenizers"} & set(loaded)


def test_every_column_says_what_it_means() -> None:
    columns = Loss(model="m", reference="r").columns()
    assert all(field.metadata[b"description"] for field in columns)
    assert Loss(model="m").columns().names == [name for name in columns.names if not name.startswith("excess")]


def test_the_middle_of_perplexity_is_kept_of_real_text(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scale = replace(tiny.TINY, shape=replace(tiny.SHAPE, context=64))
    monkeypatch.setitem(SCALES, "tiny", scale)
    source = sorted((shared_data / "text" / "bbc_news").glob("*.jsonl.zst"))[0]
    documents = Read(source=str(source), limit=40)
    mix = Mix(sources=(("news", Tokenize(documents=documents, tokenizer="bytes")),), num_tokens=8000)
    loss = Loss(model=Train(tokens=mix, scale="tiny"))
    chosen = Select(documents=documents, measures=(loss,), keep=Middle("loss.perplexity", 0.5))
    materialize(chosen, tmp_path)
    rows = rows_of(Score(documents=documents, measure=loss), tmp_path)
    ranked = [row["id"] for row in sorted(rows, key=lambda row: (row["perplexity"], row["id"]))]
    kept = [row["id"] for row in rows_of(chosen, tmp_path) if row["kept"]]
    count = len(ranked)
    assert len(kept) == round(count / 2)
    assert set(kept) <= set(ranked[count // 4 - 1 : count - count // 4 + 1])
    assert all(1 < row["perplexity"] < ByteTokenizer().vocab_size for row in rows)  # it has learnt something
