"""AskLLM: what a forward pass costs beside the usual way to write one, and what a request costs beside openai's client.

    python benchmarks/scorers/ask_llm.py [--repetitions 5] [--documents 192]

Needs ``winnow-data[lm]``. One core, processor time, in turn, medians. The model is random, since only its shape matters
here; the server is one on loopback that answers at once, since a real one's time is not the client's.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from environment import CACHE, DATA, peer_python, read_texts

from winnow.measure.llm_answers import Answers
from winnow.measure.llm_endpoint import Chat, Endpoint, EndpointModel
from winnow.measure.llm_local import LocalModel
from winnow.measure.llm_questions import ASK_LLM_PROMPT, YesNo, around_document, option_of

MAX_TOKENS = 512
ROWS = 16
REQUESTS = 2000
REQUIREMENTS = Path(__file__).with_name("openai.txt")
RUNNER = Path(__file__).with_name("with_openai.py")


def timed(do: Callable[[], Any]) -> tuple[float, Any]:
    started = time.process_time()
    made = do()
    return time.process_time() - started, made


def make_model(directory: Path, texts: list[str]) -> None:
    """A random Llama of 11 million parameters with a vocabulary of 16,000 learned from the texts."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer, bpe.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    special, alphabet = ["<pad>"], pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=16_000, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator([*texts, *["yes Yes no No"] * 99], trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, pad_token="<pad>")
    tokenizer.save_pretrained(directory)
    torch.manual_seed(0)
    shape = {"hidden_size": 256, "intermediate_size": 688, "num_hidden_layers": 4, "num_attention_heads": 4}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **shape)).save_pretrained(directory)


class UsualWay:
    """Batches as documents come, padded on the left under a mask, the softmax of all logits read at the end."""

    def __init__(self, directory: Path, *, last_logits: bool) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(directory, padding_side="left")
        self.model = AutoModelForCausalLM.from_pretrained(directory).eval()
        self.keep = {"logits_to_keep": 1} if last_logits else {}
        vocabulary = self.tokenizer.get_vocab().items()
        self.spelt = [[id for token, id in vocabulary if option_of(token, [option])] for option in YesNo.options]

    def answers(self, texts: list[str]) -> list[float]:
        """Log-odds of yes."""
        import torch

        before, after = around_document(ASK_LLM_PROMPT)
        odds: list[float] = []
        for start in range(0, len(texts), ROWS):
            ids = [
                self.tokenizer(text, truncation=True, max_length=MAX_TOKENS).input_ids
                for text in texts[start : start + ROWS]
            ]
            prompts = [before + self.tokenizer.decode(document) + after for document in ids]
            batch = self.tokenizer(prompts, return_tensors="pt", padding=True, return_token_type_ids=False)
            with torch.inference_mode():
                shares = torch.log_softmax(self.model(**batch, **self.keep).logits, dim=-1)[:, -1]
            yes, no = (torch.logsumexp(shares[:, spelt], dim=-1) for spelt in self.spelt)
            odds += (yes - no).tolist()
        return odds


def local(repetitions: int, documents: int) -> str:
    import torch

    torch.set_num_threads(1)
    texts: list[str] = read_texts(DATA / "text/c4_sample/c4_sample.jsonl.zst", documents)
    with tempfile.TemporaryDirectory() as scratch:
        make_model(Path(scratch) / "model", texts)
        usual = {
            "the usual way: as they come, left padding, all logits": UsualWay(
                Path(scratch) / "model", last_logits=False
            ),
            "the same, logits of the last token only": UsualWay(Path(scratch) / "model", last_logits=True),
        }
        ours = LocalModel(Path(scratch) / "model", YesNo(), MAX_TOKENS)
        fresh = count()

        def asked() -> list[float]:
            with Answers(Path(scratch) / f"answers-{next(fresh)}") as kept:
                return [said.logprobs["yes"] - said.logprobs["no"] for said in ours.answers(texts, kept)]

        ways: dict[str, Callable[[], list[float]]] = {"winnow": asked}
        ways |= {name: lambda way=way: way.answers(texts) for name, way in usual.items()}  # type: ignore[misc]
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        odds = {}
        for _ in range(repetitions):
            for name, way in ways.items():
                spent, odds[name] = timed(way)
                seconds[name].append(spent)
    rows = []
    for name, each in seconds.items():
        far = max(abs(one - two) for one, two in zip(odds["winnow"], odds[name], strict=True))
        ratio = statistics.median(each) / statistics.median(seconds["winnow"])
        rows.append(f"| {name} | {documents / statistics.median(each):.1f} | {ratio:.2f} | {far:.1e} |")
    return "\n".join(
        [
            f"## A local model: {documents} pages of C4, {MAX_TOKENS} tokens each at most\n",
            "A random Llama (4 layers of 256, vocabulary 16,000), float32, one thread; "
            f"the usual way takes {ROWS} documents a batch.\n",
            "| way | documents per processor-second | time | log-odds differ by at most |",
            "|---|---|---|---|",
            *rows,
        ]
    )


LISTED = [{"token": f"t{rank}", "logprob": math.log(0.5) - rank} for rank in range(18)]
LISTED += [{"token": "Yes", "logprob": -0.7}, {"token": "No", "logprob": -1.5}]
CHOICE = {
    "index": 0,
    "message": {"role": "assistant", "content": "Yes"},
    "finish_reason": "stop",
    "logprobs": {"content": [{"token": "Yes", "logprob": -0.7, "top_logprobs": LISTED}]},
}
BODY = json.dumps(
    {"id": "1", "object": "chat.completion", "created": 1, "model": "judge", "choices": [CHOICE]}
).encode()


class _AnswersAtOnce(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


def serve() -> None:
    """Answer until killed; the address goes to stdout."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _AnswersAtOnce)
    print(f"http://127.0.0.1:{server.server_port}/v1", flush=True)
    server.serve_forever()


def client(repetitions: int) -> str:
    texts = [f"{text[:1000]} {number}" for number, text in enumerate(_pages(REQUESTS))]
    server = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        endpoint = Endpoint(model="judge", url=server.stdout.readline().strip())
        chat = Chat(endpoint, YesNo(), 1024)
        seconds: dict[str, list[float]] = {"winnow, each answer kept on disk": [], "openai, 16 threads": []}
        with tempfile.TemporaryDirectory() as scratch:
            prompts = Path(scratch) / "prompts.json"
            prompts.write_text(json.dumps([chat.prompt(text) for text in texts]))
            for repetition in range(repetitions):
                with Answers(Path(scratch) / str(repetition)) as kept:
                    model = EndpointModel(endpoint, chat, YesNo.options)
                    seconds["winnow, each answer kept on disk"].append(timed(lambda: model.answers(texts, kept))[0])  # noqa: B023
                    again, _ = timed(lambda: model.answers(texts, kept))  # noqa: B023
                    seconds.setdefault("winnow, all answered before", []).append(again)
                command = [str(peer_python(CACHE, REQUIREMENTS)), str(RUNNER), endpoint.url, str(prompts)]
                said = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
                seconds["openai, 16 threads"].append(said["seconds"])
    finally:
        server.kill()
        server.wait()
    first = statistics.median(seconds["winnow, each answer kept on disk"])
    rows = [
        f"| {name} | {1e3 * statistics.median(each) / len(texts):.2f} | {statistics.median(each) / first:.2f} |"
        for name, each in seconds.items()
    ]
    version = REQUIREMENTS.read_text().strip()
    return "\n".join(
        [
            f"## An endpoint: {len(texts):,} requests, 16 at a time\n",
            f"Processor time of the client ({version}); the server is another process and answers at once.\n",
            "| client | ms per request | time |",
            "|---|---|---|",
            *rows,
        ]
    )


def _pages(number: int) -> list[str]:
    texts: list[str] = read_texts(DATA / "text/c4_sample/c4_sample.jsonl.zst")
    return (texts * (number // len(texts) + 1))[:number]


def sections(repetitions: int = 5, documents: int = 192) -> list[str]:
    """Both tables as Markdown."""
    return [local(repetitions, documents), client(repetitions)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--documents", type=int, default=192)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve()
    print("\n\n".join(sections(given.repetitions, given.documents)))
