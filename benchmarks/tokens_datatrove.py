"""datatrove's tokenizer over ``DIRECTORY/documents.jsonl`` into ``DIRECTORY/tokens``; runs in the peers' environment.

python benchmarks/tokens_datatrove.py DIRECTORY TOKENIZER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.tokens import DocumentTokenizer


def main() -> None:
    directory, tokenizer = sys.argv[1:]
    lines = Path(directory, "documents.jsonl").read_text().split("\n")[:-1]
    steps = [
        [Document(**json.loads(line)) for line in lines],
        DocumentTokenizer(
            output_folder=f"{directory}/tokens",
            local_working_dir=f"{directory}/working",
            tokenizer_name_or_path=tokenizer,
            eos_token="<|endoftext|>",
            shuffle_documents=True,
            save_final_metadata=False,
        ),
    ]
    LocalPipelineExecutor(pipeline=steps, logging_dir=f"{directory}/logs").run()


if __name__ == "__main__":
    main()
