"""What a page's address tells: its host, whose site it is on, and whether lists that the user gives name it.

Takes 3 microseconds a URL without lists, half of it for the registered domain; a blocklist of millions adds 0.3, a word
list 1 or 2. Hosts are compared as the network does: small letters, punycode, no port, no trailing dot. Rejected:
``urllib.parse`` (6 microseconds, and it raises on a bad port), tldextract (downloads its list).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.errors import RecipeError
from winnow.documents.addresses import PARTS, normalize_hosts, registered_domains, without_www
from winnow.measure.measure import Judge, column

Count = Callable[[pa.Array], pa.Array]

_TOKEN = r"(?:[\pL\pN]|%[0-9A-Fa-f]{2})+"
_LISTED_ADDRESS = r"^(?:[0-9]+(?:\.[0-9]+){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?:%\w+)?)[ \t]+"
_MAX_UNUSABLE = 0.01


@dataclass(frozen=True, kw_only=True)
class Url:
    """Host and site of a document's ``url``, and what the user's lists say of it.

    Lists are text files, one entry a line, ``#`` begins a comment; .gz, .zst, .bz2 and .xz are opened as such, and any
    fsspec address will do. With them the four URL rules of RefinedWeb (Penedo et al. 2023, appendix G.1) as DCLM has
    them are ``blocked_domain IS NOT NULL``, ``num_strict_words >= 1``, ``num_hard_words >= 1`` and
    ``num_soft_words >= 2``; datatrove's URLFilter is the same four. Unlike there, letter case never matters, ``www.``
    and sub-domains are seen through, and a document without a URL is no error.

    Attributes:
        blocklist: domains; a host is blocked if it is one of them or below one. Lines of a hosts file are understood.
        strict_words: counted wherever they occur in the URL once ``-`` and ``.`` are taken out.
        hard_words: counted as whole words, runs of ASCII letters and digits.
        soft_words: the same as ``hard_words``, for words that condemn a page only together.
    """

    blocklist: str | None = None
    strict_words: str | None = None
    hard_words: str | None = None
    soft_words: str | None = None

    name: ClassVar[str] = "url"
    version: ClassVar[str] = "1"

    def columns(self) -> pa.Schema:
        """Three columns of the URL itself, and one for each list that is given."""
        fields = [
            column("host", pa.string(), "Host in small letters and punycode; null where the URL has none"),
            column("registered_domain", pa.string(), "Domain below a public suffix; the host itself where none is"),
            column("num_path_tokens", pa.int32(), "Runs of letters and digits in the path; 0 for a front page"),
        ]
        if self.blocklist is not None:
            fields.append(column("blocked_domain", pa.string(), "Entry of the blocklist that the host is or is below"))
        for kind in self._word_lists():
            fields.append(column(f"num_{kind}_words", pa.int32(), f"Different {kind} words of the list in the URL"))
        return pa.schema(fields)

    def files(self) -> tuple[str, ...]:
        """The lists that are given."""
        return (*([] if self.blocklist is None else [self.blocklist]), *self._word_lists().values())

    def load(self) -> Judge:
        """Read the lists; RecipeError for one that is missing, empty or no list."""
        find_blocked = [] if self.blocklist is None else [_read_blocklist(self.blocklist)]
        counts = [_read_words(path, _NORMALIZE[kind]) for kind, path in self._word_lists().items()]

        def judge(documents: pa.RecordBatch) -> pa.RecordBatch:
            urls = _urls(documents)
            parts = pc.extract_regex(urls, PARTS)
            hosts = normalize_hosts(pc.struct_field(parts, "host"))
            tokens = pc.count_substring_regex(pc.struct_field(parts, "path"), _TOKEN).fill_null(0)
            columns = [hosts, registered_domains(hosts), tokens.cast(pa.int32())]
            columns += [find(hosts) for find in find_blocked]
            columns += [count(urls) for count in counts]
            return pa.record_batch(columns, schema=self.columns())

        return judge

    def _word_lists(self) -> dict[str, str]:
        named = {"strict": self.strict_words, "hard": self.hard_words, "soft": self.soft_words}
        return {kind: path for kind, path in named.items() if path is not None}


def _urls(documents: pa.RecordBatch) -> pa.Array:
    if "url" not in documents.schema.names:
        return pa.nulls(documents.num_rows, pa.string())
    return documents.column("url").cast(pa.string())


def _read_lines(path: str) -> pa.Array:
    """The lines of a text file without comments and blanks around them; RecipeError if there are none."""
    import fsspec
    from pyarrow import csv

    try:
        with fsspec.open(path, "rb", compression="infer") as opened:
            whole_lines = csv.ParseOptions(delimiter="\x1f", quote_char=False)
            names = csv.ReadOptions(column_names=["line"])
            as_text = csv.ConvertOptions(column_types={"line": pa.string()})
            table = csv.read_csv(opened, names, whole_lines, as_text)
    except (OSError, ValueError, EOFError) as error:  # pa.ArrowInvalid is a ValueError
        raise RecipeError(f"the list {path} cannot be read ({error}): give a text file of one entry a line") from error
    lines = pc.ascii_trim_whitespace(pc.replace_substring_regex(table["line"].combine_chunks(), "#.*", ""))
    lines = lines.filter(pc.not_equal(lines, ""))
    if not len(lines):
        raise RecipeError(f"the list {path} holds no entries: give one entry a line")
    return lines


def _read_blocklist(path: str) -> Callable[[pa.Array], pa.Array]:
    """The function that finds for each host the longest entry that it is or is below."""
    from winnow.kernels.buffers import text_buffers
    from winnow.kernels.domains import find_listed, make_domain_set

    domains = make_domain_set(*text_buffers(_listed_domains(path)))

    def find_blocked(hosts: pa.Array) -> pa.Array:
        starts = np.empty(len(hosts), np.int32)
        find_listed(*text_buffers(hosts), domains.slots, domains.hashes, starts)
        blocked = np.full(len(hosts), None, object)
        for place in np.flatnonzero(starts >= 0):
            blocked[place] = hosts[place].as_py()[starts[place] :]
        return pa.array(blocked, pa.string())

    return find_blocked


def _listed_domains(path: str) -> pa.Array:
    lines = pc.replace_substring_regex(_read_lines(path), _LISTED_ADDRESS, "")
    entries = pc.list_flatten(pc.ascii_split_whitespace(lines))
    hosts = normalize_hosts(pc.replace_substring_regex(pc.ascii_ltrim(entries, "*."), ":[0-9]+$", ""))
    if hosts.null_count > _MAX_UNUSABLE * len(hosts):
        first = entries.filter(hosts.is_null())[0]
        raise RecipeError(f"{hosts.null_count:,} of {len(hosts):,} entries of {path} are no domains, such as '{first}'")
    return without_www(hosts.drop_null())


def _read_words(path: str, normalize: Callable[[pa.Array], pa.Array]) -> Count:
    """The function that counts how many different words of a list are in each URL."""
    words = [word for word in pc.unique(normalize(_read_lines(path))).to_pylist() if word.strip()]
    pattern = "|".join(re.escape(word) for word in words)
    try:
        pc.match_substring_regex(pa.array([""]), pattern or "(")
    except pa.ArrowInvalid as error:
        raise RecipeError(
            f"{len(words):,} words in {path} make no pattern ({error}): give 1 to 20,000 words"
        ) from error

    def count(urls: pa.Array) -> pa.Array:
        texts = normalize(urls)
        encoded = texts.cast(pa.binary())  # a URL may hold broken UTF-8
        counts = np.zeros(len(urls), np.int32)
        for place in np.flatnonzero(pc.match_substring_regex(texts, pattern).fill_null(False)):
            text = encoded[place].as_py()
            counts[place] = sum(word.encode() in text for word in words)
        return pa.array(counts)

    return count


def _without_separators(texts: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(pc.ascii_lower(texts), "[-.]", "")


def _as_words(texts: pa.Array) -> pa.Array:
    """Words with one space around each, so that a whole word is a substring."""
    spaced = pc.replace_substring_regex(pc.ascii_lower(texts), "[^a-z0-9]+", " ")
    return pc.binary_join_element_wise("", pc.ascii_trim(spaced, " "), "", " ")


_NORMALIZE = {"strict": _without_separators, "hard": _as_words, "soft": _as_words}
