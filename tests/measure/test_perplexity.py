"""Perplexity of documents and lines: what is made of a model's scores, and which text the model is asked about."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.core.errors import RecipeError
from winnow.measure.perplexity import Perplexity

TOY = str(Path(__file__).parent / "data" / "ngram_model" / "toy.bin")
FOX, HIGH, CROW = -3.540453, -2.474350, -2.025064
"""kenlm 0.3.0: ``Model("toy.bin").score`` of "the fox saw the grapes", "the grapes were high", "the"."""


def judged(*texts: str | None, **fields: Any) -> pa.RecordBatch:
    batch = pa.record_batch({"text": pa.array(texts, pa.string())})
    return Perplexity(**{"model": TOY, **fields}).load()(batch)


def test_a_documents_perplexity_is_that_of_kenlm() -> None:
    found = judged("the fox saw the grapes", prepare="none").to_pylist()[0]
    assert found["log10_prob"] == pytest.approx(FOX, abs=1e-5)
    assert found["num_tokens"] == 6
    assert found["document"] == pytest.approx(10 ** (-FOX / 6), rel=1e-5)
    assert found["lowest_line"] == found["median_line"] == found["highest_line"] == found["document"]


def test_lines_are_added_up_by_their_tokens() -> None:
    found = judged("the\n\nthe fox saw the grapes\nthe grapes were high\n").to_pylist()[0]
    lines = sorted([10 ** (-CROW / 2), 10 ** (-FOX / 6), 10 ** (-HIGH / 5)])
    assert found["document"] == pytest.approx(10 ** (-(CROW + FOX + HIGH) / 13), rel=1e-5)
    assert [found["lowest_line"], found["median_line"], found["highest_line"]] == pytest.approx(lines, rel=1e-5)


def test_the_median_of_two_lines_lies_between_them() -> None:
    found = judged("the\nthe grapes were high").to_pylist()[0]
    assert found["median_line"] == pytest.approx((10 ** (-CROW / 2) + 10 ** (-HIGH / 5)) / 2, rel=1e-5)


@pytest.mark.parametrize("prepare", ["lines", "ccnet", "none"])
def test_a_document_without_tokens_has_nulls(prepare: str) -> None:
    found = judged("", None, " \n\t\n", "the", prepare=prepare)
    assert found.column("document").is_null().to_pylist() == [True, True, True, False]
    assert found.column("num_tokens").to_pylist() == [0, 0, 0, 2]
    for name in ("unknown_fraction", "lowest_line", "median_line", "highest_line"):
        assert found.column(name).null_count == 3


def test_unknown_words_are_a_share_of_the_words() -> None:
    found = judged("the unseen\nunseen fox", "unseen")
    assert found.column("unknown_fraction").to_pylist() == [0.5, 1.0]


def test_lines_are_normalised_unless_told_otherwise() -> None:
    plain, shouted = judged("the fox saw the grapes", "The FOX saw thé grapes").column("document").to_pylist()
    assert shouted == plain
    plain, shouted = judged("the fox", "The FOX", prepare="none").column("document").to_pylist()
    assert shouted > plain


def test_ccnet_glues_words_over_the_ends_of_lines() -> None:
    text = "the grapes were high\nthe fox saw the grapes"
    glued = judged("the grapes were highthe fox saw the grapes", prepare="none").to_pylist()
    assert judged(text, prepare="ccnet").to_pylist() == glued
    assert judged(text, prepare="ccnet").column("document")[0].as_py() > judged(text).column("document")[0].as_py()


def test_saying_the_same_again_lowers_perplexity() -> None:
    once, often = judged("the grapes were high", "the grapes were high\n" * 20).column("document").to_pylist()
    assert often == pytest.approx(once)
    word, words = judged("the", "the " * 500).column("document").to_pylist()
    assert words < 30 * word


@pytest.mark.parametrize(
    "text", ["a", "狐狸看见葡萄", "лиса увидела виноград", "\x00\U0001f98a", "the fox " * 130_000, "x" * 1_000_000]
)
def test_any_text_gets_a_number(text: str) -> None:
    for prepare in ("lines", "ccnet", "none"):
        (found,) = judged(text, prepare=prepare).to_pylist()
        assert 1 <= found["document"] < math.inf
        assert 0 <= found["unknown_fraction"] <= 1


@settings(max_examples=50)
@given(st.lists(st.text(alphabet="thefoxsaw \n狐", max_size=60), min_size=1, max_size=6), st.data())
def test_a_document_is_judged_alike_whatever_stands_beside_it(texts: list[str], data: st.DataObject) -> None:
    together = judged(*texts).to_pylist()
    at = data.draw(st.integers(0, len(texts) - 1))
    assert judged(texts[at]).to_pylist() == [together[at]]


@settings(max_examples=50)
@given(st.lists(st.text(alphabet="thefoxsaw ", max_size=30), min_size=1, max_size=6))
def test_a_documents_sums_are_those_of_its_lines(lines: list[str]) -> None:
    whole = judged("\n".join(lines)).to_pylist()[0]
    parts = judged(*lines).to_pylist()
    assert whole["log10_prob"] == pytest.approx(sum(part["log10_prob"] for part in parts), abs=1e-9)
    assert whole["num_tokens"] == sum(part["num_tokens"] for part in parts)


def test_columns_say_what_they_are_and_two_measures_have_two_names() -> None:
    measure = Perplexity(model=TOY, name="wiki")
    assert measure.name == "wiki"
    assert all(field.metadata[b"description"] for field in measure.columns())
    assert judged("the").schema == measure.columns()
    assert measure.files() == (TOY,)


def test_an_unknown_preparation_names_the_near_one() -> None:
    with pytest.raises(RecipeError, match="did you mean lines"):
        Perplexity(model=TOY, prepare="line")  # type: ignore[arg-type]


def test_a_fitted_model_is_not_asked_about_text_prepared_in_another_way(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(Path(TOY).read_bytes())
    (tmp_path / "report.json").write_text(json.dumps({"prepare": "lines", "sentencepiece": None}))
    judged("the", model=str(tmp_path))
    with pytest.raises(RecipeError, match=r"fitted on text with prepare='lines'.*prepare='none'.*give the measure"):
        judged("the", model=str(tmp_path), prepare="none")


@pytest.fixture(scope="module")
def pieces_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A SentencePiece model of the sentences of toy.txt."""
    sentencepiece = pytest.importorskip("sentencepiece")
    prefix = tmp_path_factory.mktemp("pieces") / "toy"
    sentencepiece.SentencePieceTrainer.train(
        input=str(Path(TOY).with_name("toy.txt")),
        model_prefix=str(prefix),
        vocab_size=70,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return f"{prefix}.model"


def test_pieces_are_those_of_sentencepiece_sentence_by_sentence(pieces_model: str) -> None:
    from sentencepiece import SentencePieceProcessor

    processor = SentencePieceProcessor(model_file=pieces_model)
    text = "The fox saw!\n\nthe crow 9"
    lines = [" ".join(processor.encode(line, out_type=str)) for line in ("the fox saw!", "the crow 0")]
    found = judged(text, sentencepiece=pieces_model).to_pylist()
    assert found == judged("\n".join(lines), prepare="none").to_pylist()
    whole = " ".join(processor.encode("the fox saw!the crow 0", out_type=str))
    found = judged(text, sentencepiece=pieces_model, prepare="ccnet").to_pylist()
    assert found == judged(whole, prepare="none").to_pylist()


def test_what_is_wrong_with_a_sentencepiece_model_is_told(tmp_path: Path) -> None:
    pytest.importorskip("sentencepiece")
    with pytest.raises(RecipeError, match=r"no SentencePiece model at .*nowhere\.model"):
        judged("the", sentencepiece=str(tmp_path / "nowhere.model"))
    (tmp_path / "bad.model").write_bytes(b"no model")
    with pytest.raises(RecipeError, match=r"bad\.model cannot be opened as a SentencePiece model"):
        judged("the", sentencepiece=str(tmp_path / "bad.model"))


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    with pytest.raises(RecipeError, match=r"pip install 'winnow-data\[sentencepiece\]'"):
        judged("the", sentencepiece="any.model")
