"""Which kinds of noise does each score see, and which does each choice by it keep?

``winnow audit`` on news, web pages and posts: documents spoiled twelve ways, and what rules, an n-gram model, a
fastText classifier and the losses of a trained model make of them, each as the bottom, the middle and the top half. All
three are fitted on textbooks, books and the Brown corpus (fastText against other pages of the audited sources), from
none of which a document is audited. What is counted is told in docs/audit.md.

    python benchmarks/spoiled.py [--scale 0.3M] [--tokens N] [--documents N]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from itertools import islice

from corpora import Document, first, read, write
from environment import CACHE, write_results

from winnow.audit.audit import audit
from winnow.audit.model import Chosen, Noise, Ordered, Setting, Share
from winnow.choose.comparison import Comparison
from winnow.choose.rank import Bottom, Middle, Top
from winnow.choose.select import Select
from winnow.core.executors import Inline
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.documents.read import Read
from winnow.lm.fit_tokenizer import FitTokenizer
from winnow.lm.mix import Mix
from winnow.lm.tokenize import Tokenize
from winnow.lm.train import Train
from winnow.loss.loss import Loss
from winnow.measure.fasttext import FastText
from winnow.measure.fit_fasttext import FitFastText
from winnow.measure.fit_ngram_model import FitNgramModel
from winnow.measure.perplexity import Perplexity

WORK = CACHE / "spoiled"
CLEAN = {"openstax_textbooks": 3, "gutenberg_books_en": 3, "brown": 3}
"""Megabytes of each source that models are fitted on."""
AUDITED = ("bbc_news", "c4_sample", "reddit_selfposts_2013")
WORDS = 100, 600
"""Of the documents that are audited, at least and at most."""
RULES = ("gopher@dclm", "c4@tfds", "fineweb@datatrove")
SCORES = ("perplexity.document", "fasttext.hq_logit", "loss.perplexity", "loss.el2n", "loss.top_logit")
RANKS: dict[str, type[Bottom | Middle | Top]] = {"bottom": Bottom, "middle": Middle, "top": Top}


def of_length(documents: Sequence[Document]) -> Iterator[Document]:
    """The documents of the lengths that are audited."""
    return (one for one in documents if WORDS[0] <= len(one["text"].split()) <= WORDS[1])


def write_sets(number: int) -> tuple[Read, Read, Read]:
    """The audited documents, others of the same sources, and the clean ones."""
    each = number // len(AUDITED)
    found: dict[str, list[Document]] = {"audited": [], "others": [], "clean": []}
    for source in AUDITED:
        documents = of_length(read(source))
        found["audited"] += islice(documents, each)
        found["others"] += islice(documents, each)
    for source, megabytes in CLEAN.items():
        found["clean"] += first(read(source), megabytes)
    audited, others, clean = (Read(source=str(write(WORK / f"{name}.jsonl", some))) for name, some in found.items())
    return audited, others, clean


def trained(clean: Read, scale: str, num_tokens: int) -> str:
    """The directory of a model trained on the clean documents."""
    tokens = Tokenize(documents=clean, tokenizer=FitTokenizer(documents=clean))
    step = Train(tokens=Mix(sources=(("clean", tokens),), num_tokens=num_tokens), scale=scale)
    materialize(step, WORK / "store", Inline())
    return str(Store(WORK / "store").table(step).files())


def choices(pages: Read, others: Read, clean: Read, model: str) -> Comparison:
    """Rule sets, and half of the documents by every score."""
    measures = (
        Perplexity(model=FitNgramModel(documents=clean, order=4)),
        FastText(model=FitFastText(positives=clean, negatives=others)),
        Loss(model=model),
    )
    halves = [
        (f"{name} of {score}", Select(documents=pages, measures=measures, keep=rank(score, 0.5)))
        for score in SCORES
        for name, rank in RANKS.items()
    ]
    return Comparison(choices=(*((name, Select(documents=pages, reject=name)) for name in RULES), *halves))


def areas(noise: Noise) -> Iterator[str]:
    """Every score's AUC, one row a column of numbers."""
    yield from head(noise, "column")
    for score in noise.scores:
        if score.is_ranked_by or score.column.startswith("loss."):
            yield row(score.column, (told_area(score.kinds[kind.name]) for kind in noise.kinds))


def drops(noise: Noise) -> Iterator[str]:
    """What every choice drops."""
    yield from head(noise, "choice | untouched")
    for choice in noise.choices:
        cells = (told_drop(choice.kinds[kind.name]) for kind in noise.kinds)
        yield row(f"{choice.name} | {percent(choice.untouched)}", cells)


def missed(noise: Noise) -> Iterator[str]:
    """What every choice keeps rather than untouched text, and what it does not tell from it."""
    yield from ("| choice | keeps rather than untouched text | does not tell from it |", "|---|---|---|")
    for choice in noise.choices:
        yield row(choice.name, (", ".join(choice.prefers), ", ".join(choice.misses)))


def head(noise: Noise, first_cells: str) -> tuple[str, str]:
    """The first two rows of a table with a column for every kind of noise."""
    cells = [*first_cells.split(" | "), *(kind.name for kind in noise.kinds)]
    return row(cells[0], cells[1:]), "|" + "---|" * len(cells)


def row(name: str, cells: Sequence[str] | Iterator[str]) -> str:
    """One row of a table."""
    return f"| {' | '.join([name, *cells])} |"


def told_area(one: Ordered) -> str:
    """An AUC with its interval."""
    return "" if one.auc is None else f"{one.auc.value:.2f} ({one.auc.low:.2f}–{one.auc.high:.2f})"


def told_drop(one: Chosen) -> str:
    """A share with its interval and, of a rank, its AUC; set in bold where untouched documents are dropped oftener."""
    told = percent(one.dropped) + ("" if one.auc is None else f", {one.auc.value:.2f}")
    return f"**{told}**" if one.more is not None and one.more.high < 0 else told


def percent(share: Share) -> str:
    """A share with its interval."""
    return "" if share.share is None else f"{100 * share.share:.0f}% ({100 * share.low:.0f}–{100 * share.high:.0f})"


def main() -> None:
    """Fit, train, audit, write the tables."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--scale", default="0.3M")
    arguments.add_argument("--tokens", type=int, default=2_000_000)
    arguments.add_argument("--documents", type=int, default=2100)
    given = arguments.parse_args()
    began = time.perf_counter()
    pages, others, clean = write_sets(given.documents)
    recipe = choices(pages, others, clean, trained(clean, given.scale, given.tokens))
    found = audit(recipe, Setting(name="spoiled", command="spoiled.py", documents=given.documents))
    noise = found.noise
    assert noise is not None
    about = (
        f"{sum(kind.planted for kind in noise.kinds)} documents of {found.documents:,} were spoiled, "
        f"{noise.untouched:,} are untouched. The reference model is {given.scale}, trained on {given.tokens:,} tokens. "
        f"{(time.perf_counter() - began) / 60:.0f} minutes."
    )
    titles = {
        "AUC of each score: how often a spoiled document has the higher number (DeLong, 95%)": areas(noise),
        "Dropped by each choice (Wilson, 95%), and the AUC of a rank; bold: untouched text is dropped oftener": drops(
            noise
        ),
        "What each choice misses": missed(noise),
    }
    told = [f"## {title}\n\n" + "\n".join(rows) for title, rows in titles.items()]
    write_results("spoiled", "\n\n".join([about, *told]))


if __name__ == "__main__":
    main()
