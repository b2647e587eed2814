"""Run inside datatrove's environment: prints the processor-seconds of its four filters on the documents of a file."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)


def main() -> None:
    texts = [json.loads(line)["text"] for line in Path(sys.argv[1]).read_text().splitlines()]
    filters = [GopherRepetitionFilter(), GopherQualityFilter(), C4QualityFilter(), FineWebQualityFilter()]
    run(filters, texts[:3])  # loads the word splitter
    began = time.process_time()
    run(filters, texts)
    print(time.process_time() - began)


def run(filters: list[GopherRepetitionFilter], texts: list[str]) -> None:
    for text in texts:
        document = Document(text=text, id="")
        all(one.filter(document) is True for one in filters)


if __name__ == "__main__":
    main()
