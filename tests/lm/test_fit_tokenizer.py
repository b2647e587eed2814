from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from toys import Given

from winnow.core.errors import InputError, RecipeError
from winnow.core.executors import Processes
from winnow.core.files import read_json
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.documents.read import Read
from winnow.lm.fit_tokenizer import FitTokenizer
from winnow.lm.tokenizer import load_tokenizer

pytest.importorskip("tokenizers")
ROWS = tuple(
    (f"d{n:02d}", f"the cat {n} sat on the mat; the {'dog' if n % 3 else 'cow'} ran {n * 7}") for n in range(40)
)


def fitted(step: FitTokenizer, store: Path, workers: int = 0) -> bytes:
    made = materialize(step, store, Processes(workers) if workers else None)
    return (made / "files" / "tokenizer.json").read_bytes()


def test_the_most_frequent_pairs_are_merged_first(tmp_path: Path) -> None:
    """Sennrich et al. 2016, algorithm 1: low, lower, newest, widest; "es", then "est" (with ties by the lower ids)."""
    words = {"low": 5, "lower": 2, "newest": 6, "widest": 3}
    text = " ".join(word for word, count in words.items() for _ in range(count))
    step = FitTokenizer(documents=Given(shards=((("a", " " + text),),)), vocab_size=260)
    fitted(step, tmp_path)
    tokenizer = load_tokenizer(Store(tmp_path).table(step).files())
    assert tokenizer.end_of_text == 0
    assert [tokenizer.decode([id]) for id in (257, 258, 259)] == ["es", "est", "lo"]


def test_every_byte_has_an_id_whatever_was_fitted_on(tmp_path: Path) -> None:
    step = FitTokenizer(documents=Given(shards=(ROWS,)), vocab_size=300)
    fitted(step, tmp_path)
    tokenizer = load_tokenizer(Store(tmp_path).table(step).files())
    texts = ["日本語", "\x00\x7f\r\n", "été <|endoftext|>"]
    assert [tokenizer.decode(ids) for ids in tokenizer.encode(texts)] == texts
    assert tokenizer.vocab_size == 300
    assert read_json(Store(tmp_path).table(step).file("report.json"))["fitted_on"] == 40


def test_neither_shards_nor_their_order_nor_workers_change_a_byte(tmp_path: Path) -> None:
    one = FitTokenizer(documents=Given(shards=(ROWS,)), vocab_size=320, max_documents=15)
    other = FitTokenizer(documents=Given(shards=(ROWS[20:], (), ROWS[19::-1])), vocab_size=320, max_documents=15)
    first = fitted(one, tmp_path / "one")
    assert fitted(other, tmp_path / "other", workers=2) == first
    apart = (Given(shards=(ROWS[:9],)), Given(shards=(ROWS[9:],)))
    assert fitted(FitTokenizer(documents=apart, vocab_size=320, max_documents=15), tmp_path / "apart") == first


def test_another_seed_draws_other_documents(tmp_path: Path) -> None:
    steps = [FitTokenizer(documents=Given(shards=(ROWS,)), max_documents=5, seed=seed) for seed in (0, 1)]
    assert fitted(steps[0], tmp_path) != fitted(steps[1], tmp_path)
    assert Store(tmp_path).table(steps[0]).manifest.counts["fitted_on"] == 5


def test_real_text_gives_the_same_tokenizer_on_one_thread_and_on_many(shared_data: Path, tmp_path: Path) -> None:
    step = FitTokenizer(documents=Read(source=str(shared_data / "text" / "c4_sample")), vocab_size=2000)
    first = fitted(step, tmp_path / "here")
    script = f"""
from pathlib import Path
from winnow.core.run import materialize
from winnow.documents.read import Read
from winnow.lm.fit_tokenizer import FitTokenizer
read = Read(source={str(shared_data / "text" / "c4_sample")!r})
materialize(FitTokenizer(documents=read, vocab_size=2000), {str(tmp_path / "there")!r})
"""
    environment = {**os.environ, "RAYON_NUM_THREADS": "3", "TOKENIZERS_PARALLELISM": "true"}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)
    (there,) = (tmp_path / "there").glob("fittokenizer-*")
    assert (there / "files" / "tokenizer.json").read_bytes() == first


def test_sizes_that_hold_nothing_are_refused(tmp_path: Path) -> None:
    documents = Given(shards=(ROWS,))
    with pytest.raises(RecipeError, match="vocab_size is 256; it must be at least 257"):
        materialize(FitTokenizer(documents=documents, vocab_size=256), tmp_path)
    with pytest.raises(RecipeError, match="documents is empty"):
        materialize(FitTokenizer(documents=()), tmp_path)
    with pytest.raises(RecipeError, match="max_documents is 0"):
        materialize(FitTokenizer(documents=documents, max_documents=0), tmp_path)
    with pytest.raises(InputError, match="has no text to fit a tokenizer on"):
        materialize(FitTokenizer(documents=Given(shards=((("a", None), ("b", "")),))), tmp_path)
