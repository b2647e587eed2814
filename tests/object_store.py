"""An S3-compatible server on loopback that can be told to misbehave: errors, resets, cut answers, delays."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

Environ = dict[str, Any]
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate</Message></Error>"
INTERNAL = b"<Error><Code>InternalError</Code><Message>We encountered an internal error</Message></Error>"


class Faulty:
    """A WSGI application in front of the store's: some requests fail, before or after they took effect."""

    def __init__(self, application: Callable[..., Iterable[bytes]], seed: int) -> None:
        self.application = application
        self.rate = 0.0
        """Share of requests that fail."""
        self.only: str | None = None
        """The one way to fail: ``fail``, ``slow_down``, ``reset``, ``forget``, ``cut``, ``delay``; all where None."""
        self.requests: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.bytes_read = 0
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        with self._lock:
            self.requests[environ["REQUEST_METHOD"]] += 1
            faults = [self._fail, self._slow_down, self._reset, self._forget, self._cut, self._delay]
            faults = [fault for fault in faults if self.only in (None, fault.__name__[1:])]
            fault = self._random.choice(faults) if self._random.random() < self.rate else self._answer
            self.faults[fault.__name__[1:]] += 1
        return fault(environ, start_response)

    def _answer(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = b"".join(self.application(environ, start_response))
        with self._lock:
            self.bytes_read += len(body) if environ["REQUEST_METHOD"] == "GET" else 0
        return [body]

    def _fail(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        return _refuse("500 Internal Server Error", INTERNAL, environ, start_response)

    def _slow_down(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        return _refuse("503 Slow Down", SLOW_DOWN, environ, start_response)

    def _reset(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        with suppress(OSError):
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise ConnectionResetError

    def _forget(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Do what was asked and lose the answer."""
        self._answer(environ, lambda *_: None)
        return self._reset(environ, start_response)

    def _cut(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Announce the whole answer and send half of it."""
        (body,) = self._answer(environ, start_response)
        return [body] if len(body) < 2 else self._half(body, environ)

    def _half(self, body: bytes, environ: Environ) -> Iterator[bytes]:
        yield body[: len(body) // 2]
        self._reset(environ, lambda *_: None)

    def _delay(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        time.sleep(0.2)
        return self._answer(environ, start_response)


def _refuse(status: str, body: bytes, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]


@contextmanager
def served(seed: int = 0) -> Iterator[tuple[Faulty, str]]:
    """The application, and the URL that it answers at."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):  # type: ignore[misc]
        protocol_version = "HTTP/1.1"

        def log(self, type: str, message: str, *args: Any) -> None:
            """Say nothing."""

    application = Faulty(DomainDispatcherApplication(create_backend_app), seed)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield application, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
