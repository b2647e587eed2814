"""URLs and IP addresses out of the text."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa

from winnow.edit.domains import TOP_LEVEL_DOMAINS
from winnow.edit.editor import Buffers, Bytes, Offsets, Rewrite, check_choice, count_column, native

_LEFT_TO_RIGHT_MARK = "\u200e"
_START_BYTES = 128
"""More than the longest domain takes in any case."""


@dataclass(frozen=True, kw_only=True)
class UrlRemoval:
    """Cuts URLs and IPv4 addresses, each with up to ten white space characters before it (DCLM, Li et al. 2024).

    A URL is ``host.domain`` with a top-level domain in small letters that ends at a word boundary, with or without
    scheme and path: "notes.So" stays, "notes.so" goes, and so does a full stop after a URL. What looks like an address
    may be a version ("1.2.3.4").

    ``rules="dclm"`` has two faults of DCLM's ``url_removal_modifier`` (``modifiers.py`` @ 15af3ce). It looks for URLs
    only in a text whose first letters spell a domain ("The" and "Comments" do, "We" and "What" do not): about half
    of all documents. And its 39 domains in right-to-left scripts end in an invisible mark, so that they match
    nothing. ``"fixed"`` looks into all texts and knows those domains.
    """

    version: ClassVar[str] = "1"
    rules: Literal["dclm", "fixed"] = "dclm"

    def __post_init__(self) -> None:
        check_choice("rules", self.rules, ("dclm", "fixed"))

    def columns(self) -> pa.Schema:
        """URLs and addresses cut."""
        return pa.schema(
            [
                count_column("num_urls_removed", "URLs cut", "URLs"),
                count_column("num_ip_addresses_removed", "IPv4 addresses cut", "addresses"),
            ]
        )

    def load(self) -> Rewrite:
        """Compile the kernels and make the trie of domains."""
        from winnow.kernels.edit_characters import edit_classes
        from winnow.kernels.edit_urls import names_trie, remove_addresses, remove_urls

        domains = _dclm_domains() if self.rules == "dclm" else TOP_LEVEL_DOMAINS
        may_hold_urls = _starts_with(domains) if self.rules == "dclm" else lambda start: True
        classes, trie = edit_classes(), names_trie(domains)

        def remove(text: Bytes, offsets: Offsets) -> Buffers:
            spans = itertools.pairwise(offsets.tolist())
            chosen = np.array(
                [may_hold_urls(text[at : min(at + _START_BYTES, end)].tobytes()) for at, end in spans], bool
            )
            text, offsets, num_urls = remove_urls(text, offsets, classes, trie, chosen)
            text, offsets, num_addresses = remove_addresses(text, offsets, classes)
            return text, offsets, np.column_stack([num_urls, num_addresses])

        return native(remove, self.columns())


def _dclm_domains() -> tuple[str, ...]:
    return tuple(
        domain + _LEFT_TO_RIGHT_MARK if unicodedata.bidirectional(domain[0]) in ("R", "AL") else domain
        for domain in TOP_LEVEL_DOMAINS
    )


def _starts_with(domains: Iterable[str]) -> Callable[[bytes], bool]:
    """Whether a text starts with any of the domains, in any case."""
    known = frozenset(domains)
    shortest = [name for name in known if not any(name[:size] in known for size in range(1, len(name)))]
    match = re.compile("|".join(shortest), re.IGNORECASE).match
    return lambda start: match(start.decode("utf-8", "surrogateescape")) is not None
