"""The readable twin of ``leaders``, without its limit of leaders a bucket."""

from __future__ import annotations


def similarity(one: set[int], other: set[int], is_containment: bool) -> float:
    """The Jaccard similarity of two sets, or the share of the first that stands in the other."""
    common = len(one & other)
    return common / len(one) if is_containment else common / (len(one) + len(other) - common)


def settle(
    sets: list[set[int]], bands: list[list[int]], settled: list[bool], threshold: float, is_containment: bool
) -> list[tuple[int, float]]:
    """For each document in order of preference: the kept one that it repeats most closely (or itself), how closely."""
    kept: list[int] = []
    decisions = []
    for document, mine in enumerate(sets):
        best, closest = 1.0, document
        if not settled[document]:
            met = [leader for leader in kept if set(bands[leader]) & set(bands[document])]
            alike = [(similarity(mine, sets[leader], is_containment), -leader) for leader in met]
            if alike and max(alike)[0] >= threshold:
                best, closest = max(alike)[0], -max(alike)[1]
        if closest == document:
            kept.append(document)
        decisions.append((closest, best))
    return decisions
