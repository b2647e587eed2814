"""Requests to a server that may fail, and what each failure means.

Standard library alone. What fails in passing (429, 5xx, time-outs, broken connections, damaged bodies) is asked again,
after the time that the server names or one that doubles, with jitter. What is wrong with one document costs that
document; what is wrong with the endpoint (key, address, quota) ends the run.
"""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import os
import random
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from winnow.core.errors import WinnowError
from winnow.core.plain import Plain

if TYPE_CHECKING:
    from winnow.measure.llm_endpoint import Endpoint

FIRST_DELAY = 1.0
LONGEST_DELAY = 60.0
LONGEST_PAUSE = 600.0
"""Seconds for which a server may turn every request away as one too many; after that its quota is used up."""
LONGEST_BODY = 10_000
"""Bytes of an error that are read."""

_RETRIED = {408, 409, 425, 429}
_ENDPOINT_AT_FAULT = {301, 302, 303, 307, 308, 401, 402, 404, 405}
_NO_MONEY = "insufficient_quota"
"""How OpenAI tells a 429 that will not pass from one that will."""
_UNREACHABLE = (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)


class NotAnswered(Exception):  # noqa: N818 - a finding, not an error of the program
    """One document got no answer; the text says why."""


class _Failed(Exception):  # noqa: N818 - caught here, always
    """A request failed in a way that may pass."""

    def __init__(self, what: str, *, pause: float = 0.0, crowded: bool = False, unreachable: bool = False) -> None:
        super().__init__(what)
        self.pause = pause
        """Seconds for which the server asks everybody to wait."""
        self.crowded = crowded
        """Whether there were too many requests, which says nothing of this one."""
        self.unreachable = unreachable


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an error: following it would hand the key to another host."""

    def redirect_request(self, *arguments: Any, **named: Any) -> None:
        """Follow none."""


class Client:
    """Sends requests, again where they fail; its threads pause together when the server asks for it."""

    def __init__(self, endpoint: Endpoint, read: Callable[[bytes], Plain]) -> None:
        """``read`` makes of a body what is kept of it, and raises where it is none."""
        self.stop = threading.Event()
        """Set when no answer is waited for any more."""
        self._endpoint = endpoint
        self._read = read
        self._opener = urllib.request.build_opener(_NoRedirect)
        self._resumed_at = 0.0
        self._answered_at = time.monotonic()
        self._key = os.environ.get(endpoint.api_key_variable, "").strip()

    def ask(self, body: bytes) -> Plain:
        """What the model said; NotAnswered for a fault of the document, WinnowError for one of the endpoint."""
        delay, tries = FIRST_DELAY, 0
        while True:
            self._wait(self._resumed_at - time.monotonic())
            try:
                said = self._send(body)
            except _Failed as failure:
                tries += not failure.crowded
                self._give_up_at_last(failure, tries)
                self._resumed_at = max(self._resumed_at, time.monotonic() + failure.pause)
            else:
                self._answered_at = time.monotonic()
                return said
            self._wait(delay * random.uniform(0.5, 1))
            delay = min(2 * delay, LONGEST_DELAY)

    def _give_up_at_last(self, failure: _Failed, tries: int) -> None:
        """Raise where it makes no sense to ask once more."""
        if failure.pause > LONGEST_PAUSE:
            raise self._stopping(f"{failure}, come back in {failure.pause:.0f} s")
        if failure.crowded and time.monotonic() - self._answered_at > LONGEST_PAUSE:
            raise self._stopping(f"{failure}, for {LONGEST_PAUSE:.0f} s")
        if tries == self._endpoint.tries and failure.unreachable:
            raise self._stopping(f"{failure}, {tries} times")
        if tries == self._endpoint.tries:
            raise NotAnswered(f"no answer in {tries} tries: {failure}")

    def _wait(self, seconds: float) -> None:
        if self.stop.wait(max(0.0, seconds)):
            raise NotAnswered("the run was stopped")

    def _send(self, body: bytes) -> Plain:
        headers = {
            "Content-Type": "application/json",
            **({"Authorization": f"Bearer {self._key}"} if self._key else {}),
        }
        request = urllib.request.Request(f"{self._endpoint.url.rstrip('/')}/chat/completions", body, headers)
        try:
            with self._opener.open(request, timeout=self._endpoint.timeout) as response:
                return self._read(response.read())
        except urllib.error.HTTPError as error:
            with error:
                raise self._rejection(error) from None
        except (OSError, http.client.HTTPException) as error:
            cause = error.reason if isinstance(error, urllib.error.URLError) else error
            raise _Failed(f"{type(cause).__name__}: {cause}", unreachable=isinstance(cause, _UNREACHABLE)) from None
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise _Failed(f"no answer in its body: {self._shortened(str(error))}") from None

    def _rejection(self, error: urllib.error.HTTPError) -> Exception:
        """What a status other than 200 means."""
        what = f"HTTP {error.code} {self._shortened(_body(error))}"
        if error.code in _ENDPOINT_AT_FAULT or _NO_MONEY in what:
            return self._stopping(what)
        if error.code in _RETRIED or error.code >= 500:
            return _Failed(what, pause=_retry_after(error.headers.get("Retry-After")), crowded=error.code == 429)
        return NotAnswered(f"rejected: {what}")

    def _shortened(self, words: str) -> str:
        """A server's words on one line, the key hidden should they repeat it."""
        hidden = words.replace(self._key, "***") if self._key else words
        return " ".join(hidden.split())[:200]

    def _stopping(self, what: str) -> WinnowError:
        variable = self._endpoint.api_key_variable
        key = "is sent" if self._key else "is not set"
        return WinnowError(
            f"{self._endpoint.url} does not answer for {self._endpoint.model}: {what}. Check the address, the model's "
            f"name, the key (${variable} {key}) and the quota, then run again; every answer is kept"
        )


def _body(error: urllib.error.HTTPError) -> str:
    """What the server says of a status, or what the status is called."""
    try:
        return error.read(LONGEST_BODY).decode("utf-8", "replace") or str(error.reason)
    except (OSError, http.client.HTTPException):
        return str(error.reason)


def _retry_after(value: str | None) -> float:
    """Seconds to wait by a Retry-After header, which holds seconds or a date; 0 where it says neither."""
    for read in (float, lambda date: email.utils.parsedate_to_datetime(date).timestamp() - time.time()):
        with contextlib.suppress(ValueError):
            return max(0.0, read(value or ""))
    return 0.0
