from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

pytest.importorskip("torch")

import tiny
from corpus import write_texts

from winnow.audit.audit import audit
from winnow.audit.model import Noise, Setting
from winnow.choose.comparison import Comparison
from winnow.choose.rank import Bottom, Middle, Top
from winnow.choose.select import Select
from winnow.documents.read import Read
from winnow.lm.mix import Mix
from winnow.lm.scales import SCALES
from winnow.lm.tokenize import Tokenize
from winnow.lm.train import Train
from winnow.loss.loss import Loss

SETTING = Setting(name="posts", command="winnow audit posts", documents=150, plants=3)
LETTERS = replace(tiny.TINY, name="letters", shape=replace(tiny.SHAPE, context=64), warmup_steps=20)


@pytest.fixture(scope="module")
def found(real_texts: Callable[[str, int], list[str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Noise]:
    work = tmp_path_factory.mktemp("posts")

    def pages(name: str, source: str, number: int) -> Read:
        short = [" ".join(text.split()[:110]) for text in real_texts(source, number)]
        return Read(source=str(write_texts(work / name, short)))

    clean = Tokenize(documents=pages("clean.jsonl", "brown", 200), tokenizer="bytes")
    posts = pages("posts.jsonl", "bbc_news", 150)
    SCALES["letters"] = LETTERS
    trained = Train(tokens=Mix(sources=(("clean", clean),), num_tokens=100_000), scale="letters")

    def choose(keep: Top | Bottom | Middle) -> Select:
        return Select(documents=posts, measures=(Loss(model=trained),), keep=keep)

    score = "loss.perplexity"
    choices = (
        ("lowest", choose(Bottom(score, 0.5))),
        ("middle", choose(Middle(score, 0.5))),
        ("highest", choose(Top(score, 0.5))),
    )
    noise = audit(Comparison(choices=choices), SETTING).noise
    assert noise is not None
    yield noise
    del SCALES["letters"]


def area(found: Noise, column: str, kind: str) -> float:
    one = next(score.kinds[kind].auc for score in found.scores if score.column == column)
    assert one is not None
    return one.value


def test_a_trained_model_is_surprised_by_letters_out_of_order(found: Noise) -> None:
    for column in ("loss.perplexity", "loss.bits_per_byte", "loss.nats", "loss.el2n"):
        assert area(found, column, "random letters") > 0.95 < area(found, column, "misread words, 50%")
    assert area(found, "loss.greedy", "random letters") < 0.05 > area(found, "loss.top_hit", "random letters")


def test_every_loss_is_told_and_every_choice_by_it(found: Noise) -> None:
    assert {"loss.el2n", "loss.top_logit", "loss.memorized_forced"} < {one.column for one in found.scores}
    lowest, middle, highest = found.choices
    assert lowest.kinds["random letters"].dropped.share == middle.kinds["random letters"].dropped.share == 1.0
    assert "random letters" in highest.prefers and highest.kinds["random letters"].dropped.hits == 0
