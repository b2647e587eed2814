"""Some clusters of duplicates with their texts: how alike their documents really are, counted from the texts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.run import num_shards
from winnow.core.table import Store
from winnow.dedup.duplicates import Duplicates
from winnow.report.find import read_documents
from winnow.report.model import CLUSTER_ALARM, MAX_MEMBERS, Cluster, Member
from winnow.report.passages import side_by_side
from winnow.report.samples import chance, shown
from winnow.report.similarity import jaccard, shingles

MAX_COMPARED_CHARS = 200_000
"""Characters of a text, from its beginning, that similarities are counted from."""
MAX_IN_SHARD = 20
"""Members of a cluster per shard that a choice is made from."""

Found = tuple[str, float | None]
"""A member's id and the similarity that the method found."""


def clusters_of(step: Duplicates, store: Store, wanted: Sequence[str], sizes: dict[str, int]) -> dict[str, Cluster]:
    """Clusters with the texts of the kept document and of some members; wanted and given by the id of the kept one."""
    places: dict[int, set[str]] = {}
    members: dict[str, list[Found]] = {id: [] for id in wanted}
    for shard in range(num_shards(step.documents, store)):
        rows = store.table(step).shard(shard, ["id", "duplicate_of", "similarity"])
        kept = rows.column("id").filter(pc.is_in(rows.column("id"), pa.array(wanted, pa.string()))).to_pylist()
        found = list(_members(rows, wanted))
        for of, member in found:
            members[of].append(member)
        if kept or found:
            places[shard] = {*kept, *(id for _, (id, _) in found)}
    chosen = {id: sorted(found, key=lambda one: chance(one[0]))[:MAX_MEMBERS] for id, found in members.items()}
    needed = {*wanted, *(id for found in chosen.values() for id, _ in found)}
    texts = read_documents(step.documents, store, {shard: ids & needed for shard, ids in places.items()})
    return {id: _cluster(texts[id], sizes[id], chosen[id], texts) for id in wanted if id in texts}


def _members(rows: pa.Table, wanted: Sequence[str]) -> Iterator[tuple[str, Found]]:
    """Some members of each wanted cluster among the rows of a shard."""
    which = pc.fill_null(pc.index_in(rows.column("duplicate_of"), pa.array(wanted, pa.string())), -1).to_numpy()
    for index, of in enumerate(wanted):
        places = np.flatnonzero(which == index)[:MAX_IN_SHARD]
        for row in rows.take(pa.array(places)).to_pylist():
            yield of, (row["id"], row["similarity"])


def _cluster(kept: dict[str, Any], size: int, chosen: Sequence[Found], texts: dict[str, dict[str, Any]]) -> Cluster:
    text = _text(kept)
    own = shingles(text)
    grams = {id: shingles(_text(texts[id])) for id, _ in chosen}
    members = [_member(texts[id], reported, jaccard(own, grams[id])) for id, reported in chosen]
    members.sort(key=lambda member: (member.jaccard, member.id))
    least = members[0].id if members else None
    return Cluster(
        kept=shown(kept, num_chars=len(kept["text"] or "")),
        size=size,
        alarm=size > CLUSTER_ALARM,
        members=tuple(members),
        among=tuple(round(jaccard(grams[a], grams[b]), 4) for a, b in itertools.combinations(grams, 2)),
        beside=None if least is None else side_by_side(text, _text(texts[least]), names=(kept["id"], least)),
    )


def _member(row: dict[str, Any], reported: float | None, similarity: float) -> Member:
    about = shown({**row, "text": ""}, num_chars=0)
    return Member(id=about.id, url=about.url, source=about.source, reported=reported, jaccard=round(similarity, 4))


def _text(row: dict[str, Any]) -> str:
    return (row["text"] or "")[:MAX_COMPARED_CHARS]
