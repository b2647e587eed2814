"""rensa's side, in its environment: Rust permutations over shingles that plain Python makes, as its users do."""

from __future__ import annotations

from pathlib import Path

from rensa import RMinHash
from runner import NUM_PERMUTATIONS, Answer, main, shingles, whole


def signatures(texts: list[str], _: Path) -> Answer:
    """From texts, in one call for all documents: rensa's fastest way."""
    return whole(texts, lambda some: digests([shingles(text) for text in some]))


def permutations_alone(texts: list[str], _: Path) -> Answer:
    """From shingles that are there already."""
    tokens = [shingles(text) for text in texts]
    places = [str(place) for place in range(len(tokens))]
    return whole(places, lambda some: digests(tokens[: len(some)]))


def digests(tokens: list[list[str]]) -> object:
    return RMinHash.digest_matrix_from_token_sets(tokens, NUM_PERMUTATIONS, 1)


if __name__ == "__main__":
    main({"signatures": signatures, "permutations_alone": permutations_alone})
