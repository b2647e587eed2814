"""Passages planted in documents, and whether they were cut from all of them but one.

========================  =================================================================  ========
kind                      what stands in documents                                           cut
========================  =================================================================  ========
repeated passage          a line of 80 words in two documents                                from one
repeated lines            four lines of 20 words in two documents                            from one
passage, words replaced   such a line, and in the other document a copy with other words     from one
passage that stands once  such a line in one document                                        no
========================  =================================================================  ========

Which of the two keeps its copy is the method's business. The words are real, their order is by chance, so that no
passage stands anywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import islice

from winnow.audit.changes import replaced_words
from winnow.audit.fates import Fates
from winnow.audit.judge import Verdict
from winnow.audit.plants import Ground, Plant, Planted, put_between_sentences
from winnow.core.step import Rows
from winnow.edit.cut import Cut
from winnow.report.similarity import jaccard, shingles
from winnow.report.stages import line

PASSAGE_WORDS = 80
"""More than a method of runs of 50 words needs, fewer than a document has."""
LINES = 4
PASSAGE_RATES = (0.01, 0.05, 0.1)
"""Shares of a copy's words that are replaced."""
MOST = 0.5
"""A passage is cut where less than this share of its word 5-grams is left."""

ABOUT = {
    "repeated passage": f"a line of {PASSAGE_WORDS} words that stands in two documents",
    "repeated lines": f"{LINES} lines of {PASSAGE_WORDS // LINES} words that stand in two documents",
    "passage, words replaced": "such a line, that share of its words replaced in one of the two documents",
    "passage that stands once": "such a line in one document alone",
}


def last_cut(recipe: Rows) -> Cut | None:
    """The step that takes passages out of a recipe's documents; of several the last."""
    return next((step for step in reversed(line(recipe)) if isinstance(step, Cut)), None)


def num_passage_cells() -> int:
    """Documents that one case of every kind takes."""
    return 2 * (2 + len(PASSAGE_RATES)) + 1


def plant_passages(ground: Ground) -> Planted:
    """Plant cases of every kind."""
    planted = Planted()
    for _ in range(ground.each):
        one_line, lines = _passage(ground, 1), _passage(ground, LINES)
        _pair(planted, ground, "repeated passage", None, one_line, one_line)
        _pair(planted, ground, "repeated lines", None, lines, lines)
        for rate in PASSAGE_RATES:
            passage = _passage(ground, 1)
            changed = replaced_words(passage, rate, ground.chance, ground.words)
            _pair(planted, ground, "passage, words replaced", rate, passage, changed)
        once = put_between_sentences(planted, next(ground.documents), _passage(ground, 1))
        planted.plants.append(
            Plant(kind="passage that stands once", rate=None, id=once, others=(), wanted=False, jaccard=None)
        )
    return planted


def _passage(ground: Ground, lines: int) -> str:
    """Words by chance, on so many lines."""
    draw = partial(ground.chance.choices, ground.words, k=PASSAGE_WORDS // lines)
    return "\n".join(" ".join(draw()) for _ in range(lines))


def _pair(planted: Planted, ground: Ground, kind: str, rate: float | None, passage: str, copy: str) -> None:
    first, second = islice(ground.documents, 2)
    twin = put_between_sentences(planted, first, passage)
    id = put_between_sentences(planted, second, copy)
    alike = jaccard(shingles(passage), shingles(copy))
    planted.plants.append(Plant(kind=kind, rate=rate, id=id, others=(twin,), wanted=True, jaccard=alike))


def judge_passage(plant: Plant, fates: Fates, passages: Mapping[str, str], texts: Mapping[str, str]) -> Verdict:
    """What became of a passage; ``texts`` are the documents after the cut, ``passages`` what was put into them."""
    ids = (plant.id, *plant.others)
    other = plant.others[0] if plant.others else ""
    gone = [id for id in ids if id not in texts]
    if gone:
        return Verdict("lost", f"a document that holds it was removed before by {fates.remover(gone[0])}", other)
    is_cut = [_is_cut(passages[id], texts[id]) for id in ids]
    if not plant.wanted:
        return Verdict("false", "it was cut, and stands nowhere else", other) if any(is_cut) else _spared(other)
    if all(is_cut):
        return Verdict("missed", "it was cut from both documents: no copy is left", other)
    return Verdict("found", "cut from one, left in the other", other) if any(is_cut) else _left(other)


def _spared(other: str) -> Verdict:
    return Verdict("spared", "left where it is", other)


def _left(other: str) -> Verdict:
    return Verdict("missed", "it was left in both documents", other)


def _is_cut(passage: str, text: str) -> bool:
    grams = shingles(passage)
    return len(grams & shingles(text)) < MOST * len(grams)
