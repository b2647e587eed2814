"""Run inside the environment of the references: documents in, the decision of every reference out.

    python references.py DOCUMENTS.jsonl DECISIONS.jsonl

A document is ``{"text": ...}``; decisions map the name of a preset to the first reason to reject, "" to keep.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import reference_c4_tfds
import reference_dclm
import reference_gopher_paper
from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)

Decide = Callable[[str], str]


def datatrove(*filters: object) -> Decide:
    """The first reason of the filters in this order; each sees the text as it came (C4's filter rewrites it)."""

    def decide(text: str) -> str:
        for one in filters:
            result = one.filter(Document(text=text, id=""))  # type: ignore[attr-defined]
            if result is not True:
                return str(result[1])
        return ""

    return decide


def references() -> dict[str, Decide]:
    """What each preset is compared with."""
    return {
        "gopher@paper": reference_gopher_paper.decide,
        "gopher@dclm": reference_dclm.decide,
        "gopher@datatrove": datatrove(GopherRepetitionFilter(), GopherQualityFilter()),
        "c4@tfds": reference_c4_tfds.load(),
        "c4@datatrove": datatrove(C4QualityFilter()),
        "c4@fineweb": datatrove(C4QualityFilter(filter_no_terminal_punct=False)),
        "fineweb@datatrove": datatrove(FineWebQualityFilter()),
    }


def main(documents: Path, decisions: Path) -> None:
    decide = references()
    with documents.open() as lines, decisions.open("w") as out:
        for line in lines:
            text = json.loads(line)["text"]
            print(json.dumps({name: decide[name](text) for name in decide}), file=out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
