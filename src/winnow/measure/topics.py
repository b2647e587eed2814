"""What documents are about: clusters of their vectors, each called by the words that tell it from the others.

A cluster's words are ranked as class-based TF-IDF does (Grootendorst 2022, arXiv 2203.05794), counted in documents, so
that one long document names nothing: share of the cluster's documents with the word, times the logarithm of how much
higher that is than the share of all. Words that are everywhere need no list of stop words then.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.files import write_json
from winnow.core.run import num_shards
from winnow.core.step import Step, Whole
from winnow.core.table import Store
from winnow.measure.examples import draw
from winnow.measure.kmeans import BLOCK, FitKMeans, nearest, unit_vectors
from winnow.measure.measure import column
from winnow.measure.vectors import JudgeVectors, OfVectors, check_size, combined, read_arrays

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILE = "topics.npz"
DOCUMENTS_PER_TOPIC = 100
"""Documents that a topic is named after, in the mean."""
CHARACTERS = 2000
"""Of each of them that are read."""
MIN_DOCUMENTS = 3
"""Documents of a topic that must have a word."""
NUM_WORDS = 10
WORDS_IN_LABEL = 4
NUM_EXAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class FitTopics(Whole):
    """Names the clusters of a ``FitKMeans``.

    Writes ``topics.npz`` and ``report.json``: for each topic its ``label``, its share of the documents that were drawn,
    their mean cosine to the centroid, the telling ``words`` (share of the topic's documents, share of all), and the ids
    of the documents nearest to the centroid.
    """

    centroids: FitKMeans

    def inputs(self) -> tuple[Step, ...]:
        """The documents, their vectors and the centroids."""
        return (self.centroids.vectors.documents, self.centroids.vectors, self.centroids)

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Assign a sample of the documents to the clusters and count their words."""
        centroids = self.centroids.centroids(store)
        ids, texts, vectors = self._sample(store)
        topics = nearest(vectors, centroids)
        cosines = np.einsum("ij,ij->i", vectors, centroids[topics])
        words = telling_words(texts, topics, len(centroids))
        labels = [", ".join(str(word["word"]) for word in some[:WORDS_IN_LABEL]) for some in words]
        labels = [label or f"topic {topic}" for topic, label in enumerate(labels)]
        report: list[dict[str, Any]] = []
        for topic, label in enumerate(labels):
            members = np.flatnonzero(topics == topic)
            central = members[np.argsort(-cosines[members], kind="stable")[:NUM_EXAMPLES]]
            about = {"topic": topic, "label": label, "fraction": len(members) / len(ids)}
            about |= {"mean_similarity": float(cosines[members].mean()) if len(members) else None}
            report.append({**about, "words": words[topic], "examples": [ids[member] for member in central]})
        np.savez(directory / FILE, centroids=centroids, labels=np.array(labels))
        write_json(directory / "report.json", {"num_documents": len(ids), "topics": report})
        return {"documents": len(ids)}

    def _sample(self, store: Store) -> tuple[list[str], pa.Array, NDArray[np.float32]]:
        """The ids, the beginnings of the texts and the vectors of documents drawn by a hash of their ids."""
        table, name = store.table(self.centroids.vectors), self.centroids.column
        share = DOCUMENTS_PER_TOPIC * self.centroids.num_clusters / max(1, table.manifest.rows)
        ids: list[str] = []
        texts, vectors = [pa.array([], pa.string())], [np.zeros((0, 0), np.float32)]
        for shard in range(num_shards(self.centroids.vectors, store)):
            rows = table.shard(shard, ["id", name])
            rows = rows.filter(pc.is_valid(rows.column(name))).combine_chunks()
            drawn = [draw(id, self.centroids.seed) < share for id in rows.column("id").to_pylist()]
            rows = rows.filter(pa.array(drawn, pa.bool_()))
            known, found = combined(rows.column("id")), unit_vectors(combined(rows.column(name)))
            for batch in self.centroids.vectors.documents.open_shard(store, shard, ["id", "text"]):
                places = pc.index_in(batch.column("id"), known)
                chosen = batch.filter(places.is_valid())
                ids += chosen.column("id").to_pylist()
                texts.append(pc.utf8_slice_codeunits(chosen.column("text"), 0, CHARACTERS).cast(pa.string()))
                vectors.append(found[places.drop_null().to_numpy()])
        return ids, pa.concat_arrays(texts), np.concatenate(vectors[1:])


def telling_words(texts: pa.Array, topics: NDArray[np.int64], num_topics: int) -> list[list[dict[str, object]]]:
    """For each topic the words that tell it from the others, best first: the word and its shares of documents.

    A word is what stands between spaces once texts are normalised (``kernels.normalize``); what holds a number and
    single characters are none. Between equals the order of the alphabet decides.
    """
    counts = _documents_with_words(texts, topics)
    sizes = np.bincount(topics, minlength=num_topics)
    everywhere = counts.group_by("word").aggregate([("documents", "sum")])
    counts = counts.join(everywhere, "word").filter(pc.field("documents") >= MIN_DOCUMENTS)
    counts = counts.combine_chunks().sort_by([("topic", "ascending"), ("word", "ascending")])
    topic = counts.column("topic").to_numpy()
    here = counts.column("documents").to_numpy() / sizes[topic]
    overall = counts.column("documents_sum").to_numpy() / len(texts)
    worth = here * np.log(here / overall)
    best = np.lexsort([-worth, topic])
    found: dict[int, list[dict[str, object]]] = defaultdict(list)
    words = counts.column("word")
    for row in best[worth[best] > 0]:
        if len(found[topic[row]]) < NUM_WORDS:
            shares = {"fraction": float(here[row]), "overall_fraction": float(overall[row])}
            found[topic[row]].append({"word": words[row].as_py(), **shares})
    return [found[topic] for topic in range(num_topics)]


def _documents_with_words(texts: pa.Array, topics: NDArray[np.int64]) -> pa.Table:
    """``topic``, ``word`` and the number of the topic's ``documents`` that have it."""
    from winnow.kernels.normalize import normalize

    counted = []
    for start in range(0, len(texts), BLOCK):
        words = pc.split_pattern(normalize(texts.slice(start, BLOCK)), " ")
        owners, flat = pc.list_parent_indices(words), pc.list_flatten(words)
        is_word = pc.and_not(pc.greater(pc.utf8_length(flat), 1), pc.match_substring(flat, "0"))
        pairs = pa.table({"owner": owners, "word": flat}).filter(is_word)
        pairs = pairs.group_by(["owner", "word"]).aggregate([])
        topic = pa.array(topics[start + pairs.column("owner").to_numpy()])
        counted.append(pairs.append_column("topic", topic).group_by(["topic", "word"]).aggregate([([], "count_all")]))
    counts = pa.concat_tables(counted).group_by(["topic", "word"]).aggregate([("count_all", "sum")])
    return counts.rename_columns(["topic", "word", "documents"])


@dataclass(frozen=True, kw_only=True)
class Topics(OfVectors):
    """The topic of each document, by its stored vector and a ``FitTopics``."""

    version: ClassVar[str] = "1"
    file: ClassVar[str] = FILE

    @property
    def name(self) -> str:
        """``topics``."""
        return "topics"

    def columns(self) -> pa.Schema:
        """``topic``, ``topic_label`` and ``similarity``."""
        return pa.schema(
            [
                column("topic", pa.int32(), "Number of the nearest centroid; null without a vector", range="[0, inf)"),
                column("topic_label", pa.string(), "The words that tell it from the others; null without a vector"),
                column("similarity", pa.float32(), "Cosine to that centroid; null without a vector", range="[-1, 1]"),
            ]
        )

    def open(self, path: Path) -> JudgeVectors:
        """Open the topics; RecipeError where there are none, InputError where they are for vectors of another size."""
        centroids, names = read_arrays(path, "centroids", "labels")
        labels = pa.array(names.tolist(), pa.string())

        def judge(vectors: NDArray[np.float32]) -> pa.RecordBatch:
            check_size(vectors, centroids.shape[1], path)
            topics = nearest(vectors, centroids)
            cosines = np.einsum("ij,ij->i", vectors, centroids[topics])
            columns = [pa.array(topics, pa.int32()), labels.take(pa.array(topics)), pa.array(cosines, pa.float32())]
            return pa.RecordBatch.from_arrays(columns, schema=self.columns())

        return judge
