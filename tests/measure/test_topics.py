"""Topics: which words tell a cluster apart, and what becomes of real articles whose categories are known."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from test_embedding import read_rows
from toys import Given, rows_of

from winnow.core.errors import InputError, RecipeError
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.measure import topics as topics_module
from winnow.measure.embedding import Embedding
from winnow.measure.kmeans import FitKMeans
from winnow.measure.score import Score
from winnow.measure.topics import FitTopics, Topics, telling_words


def chain(documents: Given, num_clusters: int) -> Topics:
    embedded = Score(documents=documents, measure=Embedding())
    fit = FitTopics(centroids=FitKMeans(vectors=embedded, column="vector", num_clusters=num_clusters))
    return Topics(documents=documents, vectors=embedded, model=fit)


def report_of(topics: Topics, store: Path) -> dict[str, Any]:
    assert isinstance(topics.model, FitTopics)
    found: dict[str, Any] = json.loads((Store(store).table(topics.model).files() / "report.json").read_text())
    return found


def test_words_are_ranked_by_their_share_times_the_logarithm_of_its_excess(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [
        "The cat! a Cat 12",
        "the cat and 7up",
        "the cat, a mouse",
        "the dog",
        "the dog",
        "the dog, a bone",
        "the bird",
    ]
    groups = np.array([0, 0, 0, 1, 1, 1, 2])
    for block in (2, 100):
        monkeypatch.setattr(topics_module, "BLOCK", block)
        found = telling_words(pa.array(texts), groups, 4)
        assert found[0] == [{"word": "cat", "fraction": 1.0, "overall_fraction": pytest.approx(3 / 7)}]
        assert found[1] == [{"word": "dog", "fraction": 1.0, "overall_fraction": pytest.approx(3 / 7)}]
        assert found[2:] == [[], []]


def test_a_word_in_all_of_a_topic_goes_before_one_in_half_of_it() -> None:
    texts = ["alpha beta", "alpha beta", "alpha beta", "alpha", "alpha", "alpha", *["gamma"] * 6]
    found = telling_words(pa.array(texts), np.repeat([0, 1], 6), 2)
    assert [word["word"] for word in found[0]] == ["alpha", "beta"]


def test_articles_of_a_category_share_their_topics(tmp_path: Path, shared_data: Path) -> None:
    rows = read_rows(shared_data, "bbc_news")[::3]
    half = len(rows) // 2
    named = [(row["id"], row["text"]) for row in rows]
    topics = chain(Given(shards=(tuple(named[:half]), (*named[half:], ("nothing", " ")))), 10)
    materialize(topics, tmp_path)
    found = {row["id"]: row for row in rows_of(topics, tmp_path)}
    assert (found["nothing"]["topic"], found["nothing"]["topic_label"]) == (None, None)
    categories: dict[int, Counter[str]] = {}
    for row in rows:
        categories.setdefault(found[row["id"]]["topic"], Counter())[row["category"]] += 1
    assert sum(max(counted.values()) for counted in categories.values()) > 0.85 * len(rows)
    report = report_of(topics, tmp_path)["topics"]
    for about in report:
        assert about["fraction"] == pytest.approx(sum(categories[about["topic"]].values()) / len(rows))
        assert {found[id]["topic"] for id in about["examples"]} == {about["topic"]}
        assert {found[id]["topic_label"] for id in about["examples"]} == {about["label"]}
    words = {word["word"] for about in report for word in about["words"]}
    assert words >= {"film", "labour", "users"}
    assert not words & {"the", "of", "and", "in", "to"}
    nearest = found[report[0]["examples"][0]]["similarity"]
    assert nearest == max(row["similarity"] for row in found.values() if row["topic"] == 0)


def test_topics_too_small_for_telling_words_are_numbered(tmp_path: Path) -> None:
    texts = [
        "cats and dogs",
        "dogs and cats sleep",
        "shares rise",
        "the market and shares fall",
        "a cat",
        "stock market",
    ]
    topics = chain(Given(shards=tuple(((f"d{place}", text),) for place, text in enumerate(texts))), 2)
    materialize(topics, tmp_path)
    found = {row["id"]: row["topic"] for row in rows_of(topics, tmp_path)}
    assert found["d0"] == found["d1"] == found["d4"] != found["d2"] == found["d3"] == found["d5"]
    assert {about["label"] for about in report_of(topics, tmp_path)["topics"]} == {"topic 0", "topic 1"}


def test_topics_of_one_set_are_given_to_another(tmp_path: Path) -> None:
    fitted = chain(Given(shards=((("a", "cats and dogs"), ("b", "stock market shares")),)), 2)
    materialize(fitted, tmp_path)
    others = Given(shards=((("c", "my dog"), ("d", "bonds and shares")),))
    embedded = Score(documents=others, measure=Embedding())
    file = Store(tmp_path).table(fitted.model).files() / "topics.npz"  # type: ignore[arg-type]
    for model in (fitted.model, str(file)):
        topics = Topics(documents=others, vectors=embedded, model=model)
        materialize(topics, tmp_path)
        assert [row["topic"] for row in rows_of(topics, tmp_path)] == [
            row["topic"] for row in rows_of(fitted, tmp_path)
        ]


def test_what_cannot_work_is_refused(tmp_path: Path) -> None:
    documents = Given(shards=((("a", "cats and dogs"),),))
    embedded = Score(documents=documents, measure=Embedding())
    with pytest.raises(RecipeError, match="there is no model at"):
        materialize(Topics(documents=documents, vectors=embedded, model=str(tmp_path / "no.npz")), tmp_path)
    np.savez(tmp_path / "topics.npz", centroids=np.ones((2, 3), np.float32), labels=np.array(["a", "b"]))
    with pytest.raises(InputError, match="is for vectors of 3 numbers, these have 128"):
        materialize(Topics(documents=documents, vectors=embedded, model=str(tmp_path / "topics.npz")), tmp_path)
