"""Queries of n-gram models: KenLM's own numbers, the readable twin, files that are not as they should be.

The model toy.* is KenLM's, of the sentences in toy.txt; what it scores was computed with kenlm 0.3.0 from PyPI::

    lmplz -o 3 --discount_fallback < toy.txt > toy.arpa
    build_binary probing toy.arpa toy.bin
    build_binary -q 8 -b 8 -a 22 trie toy.arpa toy.trie.bin
    python -c "import kenlm; model = kenlm.Model('toy.bin'); print(model.score('the fox saw the grapes'))"
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.core.errors import RecipeError
from winnow.kernels.ngram_model import NgramModel, score_texts
from winnow.kernels.ngram_model_arpa import read_arpa, write_arpa
from winnow.kernels.ngram_model_file import make_model, open_binary
from winnow.kernels.ngram_model_open import open_ngram_model
from winnow.kernels.ngram_model_reference import as_dictionary, sentence_score

DATA = Path(__file__).parents[1] / "measure" / "data" / "ngram_model"
SCORES = [
    ("the fox saw the grapes", -3.540453),
    ("the grapes were high", -2.474350),
    ("the", -2.025064),
    ("unseen words only here", -9.222021),
    ("the fox <s> saw", -4.195761),
    ("the </s> fox", -4.725903),
    ("狐狸 看见 葡萄", -3.885785),
    ("виноград был высоко the", -6.360285),
    ("the\tcrow  sang\x0b and\x0cthe cheese", -3.889196),
    ("the fox " * 50, -99.563873),
    ("a", -2.847734),
    ("<unk> fox", -5.205787),
    ("The Fox", -5.331189),
    ("the dog in the water saw the fox and the crow and the grapes were sour", -11.787241),
]
WORDS = "the fox saw grapes and were a crow dog water had of piece 狐狸 葡萄 был nowhere <s> </s>".split()


@pytest.fixture(scope="module")
def model() -> NgramModel:
    return open_binary(DATA / "toy.bin")


def log10_probs(model: NgramModel, *texts: str | None) -> list[float]:
    found: list[float] = score_texts(pa.array(texts, pa.string()), model).log10_prob.tolist()
    return found


@pytest.mark.parametrize("name", ["toy.bin", "toy.arpa"])
def test_sentences_score_as_by_kenlm(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNOW_CACHE", str(tmp_path))
    found = log10_probs(open_ngram_model(DATA / name), *(sentence for sentence, _ in SCORES))
    assert found == pytest.approx([score for _, score in SCORES], abs=2e-5)


def test_the_binary_file_made_of_an_arpa_file_is_kenlms_own() -> None:
    made = make_model(*read_arpa(DATA / "toy.arpa")).data
    kenlms = np.fromfile(DATA / "toy.bin", np.uint8)
    (different,) = np.nonzero(made != kenlms)
    assert len(made) == len(kenlms)
    assert len(different) <= 1, "all but the sign of the probability of <s>, which says nothing"


def test_lines_are_sentences_and_blank_ones_are_none(model: NgramModel) -> None:
    scores = score_texts(pa.array(["\nthe\n \t\nthe fox saw the grapes", "", None, "the\n"]), model)
    assert scores.bounds.tolist() == [0, 2, 2, 2, 3]
    assert scores.num_tokens.tolist() == [2, 6, 2]
    assert scores.log10_prob == pytest.approx([-2.025064, -3.540453, -2.025064], abs=1e-5)


def test_unknown_words_are_counted(model: NgramModel) -> None:
    scores = score_texts(pa.array(["the unseen fox", "лиса nowhere nowhere"]), model)
    assert scores.num_unknown.tolist() == [1, 2]


def test_a_long_text_of_one_word_scores_as_its_parts_do(model: NgramModel) -> None:
    (whole,) = log10_probs(model, "fox " * 250_000)
    one, two = log10_probs(model, "fox " * 100, "fox " * 101)
    assert whole == pytest.approx(one + (two - one) * (250_000 - 100), rel=1e-6)


@settings(max_examples=60)
@given(st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=12), min_size=1, max_size=4))
def test_queries_agree_with_the_readable_twin(sentences: list[list[str]]) -> None:
    words, ngrams = read_arpa(DATA / "toy.arpa")
    found = log10_probs(open_binary(DATA / "toy.bin"), "\n".join(" ".join(sentence) for sentence in sentences))
    known = as_dictionary(words, ngrams)
    assert found == pytest.approx([sentence_score(known, 3, sentence) for sentence in sentences], abs=1e-5)


def test_an_arpa_file_is_written_as_it_was_read(tmp_path: Path) -> None:
    words, ngrams = read_arpa(DATA / "toy.arpa")
    write_arpa(tmp_path / "again.arpa", words, ngrams)
    words_again, ngrams_again = read_arpa(tmp_path / "again.arpa")
    assert words_again == words
    for before, after in zip(ngrams, ngrams_again, strict=True):
        for column, same in zip(before, after, strict=True):
            assert np.array_equal(column, same)


def test_compressed_arpa_files_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNOW_CACHE", str(tmp_path / "cache"))
    text = (DATA / "toy.arpa").read_bytes()
    (tmp_path / "toy.arpa.gz").write_bytes(gzip.compress(text))
    (tmp_path / "toy.arpa.zst").write_bytes(zstandard.compress(text))
    for name in ("toy.arpa.gz", "toy.arpa.zst"):
        assert log10_probs(open_ngram_model(tmp_path / name), "the") == pytest.approx([-2.025064], abs=1e-5)


def test_an_arpa_file_that_changed_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNOW_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "model.arpa"
    text = (DATA / "toy.arpa").read_text()
    path.write_text(text)
    (before,) = log10_probs(open_ngram_model(path), "nowhere")
    path.write_text(text.replace("-1.9454161\t<unk>", "-2.94541615\t<unk>"))
    (after,) = log10_probs(open_ngram_model(path), "nowhere")
    assert after == pytest.approx(before - 1, abs=1e-5)


ARPA = """
\\data\\
ngram 1=4
ngram 2=2

\\1-grams:
-99 <s> -0.30103
-1e0\t</s>
-0.5\ta\t-2.5E-1
-.75\tb\t+0.0

\\2-grams:
-0.25\t<s> a
-0.125\ta b\t0
\\end\\
"""


def written(tmp_path: Path, text: str) -> Path:
    (tmp_path / "model.arpa").write_text(text)
    return tmp_path / "model.arpa"


def test_backoffs_may_be_left_out_and_numbers_written_in_any_way(tmp_path: Path) -> None:
    model = make_model(*read_arpa(written(tmp_path, ARPA)))
    found = log10_probs(model, "a b", "b a")
    assert found == pytest.approx([-0.25 - 0.125 - 1, -0.30103 - 0.75 - 0.5 - 0.25 - 1], abs=1e-5)


def test_without_a_probability_for_unknown_words_theirs_is_kenlms(tmp_path: Path) -> None:
    model = make_model(*read_arpa(written(tmp_path, ARPA)))
    assert log10_probs(model, "c") == pytest.approx([-0.30103 - 100 - 1], abs=1e-4)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("-0.25\t<s> a", "-0.25\t<s>"), r"2-gram 1 of 2 is not as it should be: '-0.25\\t<s>'"),
        (("-0.25\t<s> a", "0.25\t<s> a"), r"2-gram 1 of 2 .*'0.25"),
        (("-0.25\t<s> a", "-0.25\t<s> nowhere"), r"2-gram 1 of 2 .*nowhere"),
        (("-0.125\ta b\t0\n", ""), r"2-gram 2 of 2 .*end"),
        (("\\2-grams:", "\\3-grams:"), "ends before its 2-grams"),
        (("\\data\\", "data"), "is not an ARPA file of order 2 to 16"),
        (("ngram 2=2", ""), "is not an ARPA file of order 2 to 16"),
        (("<s> -0.30103", "start -0.30103"), "no unigram <s>"),
    ],
)
def test_what_is_wrong_with_an_arpa_file_is_told(change: tuple[str, str], told: str, tmp_path: Path) -> None:
    text = ARPA.replace(*change) if change[0] != "<s> -0.30103" else ARPA.replace("<s>", "start")
    with pytest.raises(RecipeError, match=told):
        read_arpa(written(tmp_path, text))


def test_an_ngram_without_its_shorter_ones_is_refused(tmp_path: Path) -> None:
    text = ARPA.replace("ngram 2=2", "ngram 2=2\nngram 3=1").replace("\\end", "\n\\3-grams:\n-0.1 a b a\n\\end")
    with pytest.raises(RecipeError, match=r"has the 3-gram 'a b a' but not all of its 2-grams: .*build_binary probing"):
        make_model(*read_arpa(written(tmp_path, text)))


def test_a_trie_is_refused_with_what_to_do() -> None:
    with pytest.raises(RecipeError, match=r"kind quant_array_trie.*`build_binary probing MODEL.arpa MODEL.bin`"):
        open_ngram_model(DATA / "toy.trie.bin")


@pytest.mark.parametrize("size", [3000, 140, 120, 110])
def test_a_binary_file_that_was_cut_short_is_refused(size: int, tmp_path: Path) -> None:
    (tmp_path / "cut.bin").write_bytes((DATA / "toy.bin").read_bytes()[:size])
    with pytest.raises(RecipeError, match=rf"has {size:,} bytes of .*cut short|not to its end|order 0"):
        open_ngram_model(tmp_path / "cut.bin")


def test_a_binary_file_of_another_version_is_refused(tmp_path: Path) -> None:
    content = (DATA / "toy.bin").read_bytes().replace(b"format version 5", b"format version 4")
    (tmp_path / "old.bin").write_bytes(content)
    with pytest.raises(RecipeError, match=r"another version of KenLM.*version 4"):
        open_ngram_model(tmp_path / "old.bin")


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\x00" * 200])
def test_a_file_that_is_no_model_is_refused_with_how_it_begins(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(content)
    with pytest.raises(RecipeError, match="is not an ARPA file"):
        open_ngram_model(tmp_path / "model")


def test_a_compressed_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.arpa.gz").write_bytes(b"no gzip")
    with pytest.raises(RecipeError, match="cannot be read as its name says"):
        open_ngram_model(tmp_path / "model.arpa.gz")


def test_a_missing_model_is_told_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"no n-gram model at .*nowhere\.bin"):
        open_ngram_model(tmp_path / "nowhere.bin")
