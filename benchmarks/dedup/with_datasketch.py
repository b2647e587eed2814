"""datasketch's side, in its environment: NumPy permutations over shingles that plain Python makes, as its users do."""

from __future__ import annotations

import json
import re
from pathlib import Path

from datasketch import MinHash, MinHashLSH
from runner import NUM_PERMUTATIONS, Answer, each, main, shingles


def signatures(texts: list[str], _: Path) -> Answer:
    def signature(text: str) -> None:
        MinHash(num_perm=NUM_PERMUTATIONS).update_batch([shingle.encode() for shingle in shingles(text)])

    return each(texts, signature)


def pairs(texts: list[str], directory: Path) -> Answer:
    """For each setting of ``settings.json`` the pairs of its index, each with its estimate of their similarity."""
    found = []
    sketches: dict[tuple[str, int], list[MinHash]] = {}
    for setting in json.loads((directory / "settings.json").read_text()):
        kind, n, bands, rows = (setting[name] for name in ("kind", "n", "bands", "rows"))
        if (kind, n) not in sketches:
            sketches[kind, n] = [sketch(ngrams(text, kind, n)) for text in texts]
        one = sketches[kind, n]
        index = MinHashLSH(num_perm=NUM_PERMUTATIONS, params=(bands, rows))
        for place, signature in enumerate(one):
            index.insert(place, signature)
        met = {(a, b) for a, signature in enumerate(one) for b in index.query(signature) if a < b}
        found.append([(a, b, one[a].jaccard(one[b])) for a, b in sorted(met)])
    return {"pairs": found}


def sketch(shingles: set[str]) -> MinHash:
    signature = MinHash(num_perm=NUM_PERMUTATIONS)
    signature.update_batch([shingle.encode() for shingle in shingles])
    return signature


def ngrams(text: str, kind: str, n: int) -> set[str]:
    """As in ``brute_force.py``."""
    if kind == "words":
        words = re.findall(r"\w+", text.lower())
        return {" ".join(words[start : start + n]) for start in range(len(words) - n + 1)}
    characters = " ".join(text.lower().split())
    return {characters[start : start + n] for start in range(len(characters) - n + 1)}


if __name__ == "__main__":
    main({"signatures": signatures, "pairs": pairs})
