"""A server on loopback that speaks OpenAI's chat protocol, counts what it is asked, and fails when told to."""

from __future__ import annotations

import json
import math
import socket
import struct
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = dict[str, Any]
"""What stands under ``choices[0]``."""


def says(text: str, *positions: dict[str, float], **more: Any) -> Reply:
    """A choice whose tokens have these probabilities; the first of each position is the one that was taken."""
    content = [
        {
            "token": next(iter(listed)),
            "logprob": math.log(next(iter(listed.values()))),
            "top_logprobs": [{"token": token, "logprob": math.log(share)} for token, share in listed.items()],
        }
        for listed in positions
    ]
    message = {"role": "assistant", "content": text, **more}
    return {"index": 0, "message": message, "logprobs": {"content": content} if positions else None}


def share_of_yes(document: str) -> float:
    """A probability that tells documents apart."""
    return 0.05 + 0.9 * zlib.crc32(document.encode()) / 2**32


def plain_reply(document: str) -> Reply:
    share = share_of_yes(document)
    return says("Yes", {"Yes": share, "No": 1 - share})


@dataclass
class ChatServer:
    """What the server was asked, and what it is to do."""

    url: str = ""
    reply: Callable[[str], Reply] = plain_reply
    message: str = "told to fail"
    faults: dict[str, list[str]] = field(default_factory=dict)
    """For a document (``*``: for any) how its next requests fail, in turn; one that ends in "..." does for ever."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)
    released: threading.Event = field(default_factory=threading.Event)
    """Until it is set, requests that hang do so."""

    def next_fault(self, document: str) -> str | None:
        pending = self.faults.get(document) or self.faults.get("*")
        if not pending:
            return None
        return pending[0].removesuffix("...") if pending[0].endswith("...") else pending.pop(0)


def document_of(request: dict[str, Any]) -> str:
    """The document in a prompt that holds it as ``<`` document ``>``."""
    prompt: str = request["messages"][0]["content"]
    return prompt[prompt.index("<") + 1 : prompt.rindex(">")]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = ChatServer(url=f"http://127.0.0.1:{self.server_port}/v1")

    def handle_error(self, *arguments: Any) -> None:
        """A client that has gone is part of the game."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        state = self.server.state
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        document = document_of(request)
        with state.lock:
            state.requests.append(request)
            state.headers.append(dict(self.headers))
            state.asked[document] += 1
            fault = state.next_fault(document)
            state.answered[document] += fault is None
        if fault is not None:
            self.fail(fault)
        else:
            self.send(200 if self.path == "/v1/chat/completions" else 404, {"choices": [state.reply(document)]})

    def send(self, status: int, body: Any, headers: tuple[tuple[str, str], ...] = (), *, missing: int = 0) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) + missing))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def fail(self, fault: str) -> None:
        kind, _, value = fault.partition(" ")
        if kind == "hang":
            self.server.state.released.wait(60)
        elif kind == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        elif kind == "truncated":
            self.send(200, json.dumps({"choices": [plain_reply("")]}).encode()[:40], missing=60)
        elif kind == "body":
            self.send(200, value.encode())
        elif kind == "redirect":
            self.send(307, b"", (("Location", value),))
        else:
            pause = (("Retry-After", value),) if value else ()
            self.send(int(kind), {"error": {"message": self.server.state.message}}, pause)


@contextmanager
def chat_server() -> Iterator[ChatServer]:
    """Serve until the block ends."""
    server = _Server()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server.state
    finally:
        server.state.released.set()
        server.shutdown()
        server.server_close()
