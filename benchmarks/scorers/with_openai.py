"""Asks a server about texts with the openai package, 16 at a time; prints processor-seconds and answers as JSON.

Run by ``ask_llm.py`` in an environment that holds the package: URL, a JSON file of prompts.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai

url, prompts = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
client = openai.OpenAI(base_url=url, api_key="none", max_retries=8)


def ask(prompt: str) -> float:
    said = client.chat.completions.create(
        model="judge",
        messages=[{"role": "user", "content": prompt}],
        temperature=0,
        max_tokens=5,
        logprobs=True,
        top_logprobs=20,
    )
    return float(said.choices[0].logprobs.content[0].top_logprobs[0].logprob)


ask(prompts[0])
started = time.process_time()
with ThreadPoolExecutor(16) as pool:
    answers = list(pool.map(ask, prompts))
print(json.dumps({"seconds": time.process_time() - started, "answers": answers}))
