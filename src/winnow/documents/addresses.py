"""What a page's address says: its host, whose site that is, and the page itself, each in one form.

Two hosts that are the same compare equal: small letters, punycode, no port, no trailing dot. Rejected: ``urllib.parse``
(6 microseconds a URL, and it raises on a bad port), tldextract (downloads its list).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

Level = Literal["host", "domain", "page"]

_BEFORE_HOST = r"(?:[^/?#\\@]*@)*"
_BARE_HOST = r"(?P<host>\[[^\]/?#\\]*\]|[^/?#\\:@\s]*)"
PARTS = (
    rf"^\s*(?:[A-Za-z][A-Za-z0-9+.-]*:)?//{_BEFORE_HOST}{_BARE_HOST}(?::[0-9]*)?\s*"
    r"(?:[/\\](?P<path>[^?#]*)|[?#]|$)"
)
"""Host and path of a URL that names a host."""
_PAGE = rf"^\s*(?P<scheme>[A-Za-z]+)://{_BEFORE_HOST}{_BARE_HOST}(?::(?P<port>[0-9]*))?(?P<rest>[/?][^#]*|)(?:#|\s*$)"
_HOST = r"^(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]*:[0-9a-f:.]*\])$"
_ADDRESS = r"^(?:[0-9]+(?:\.[0-9]+){3}|\[.*\])$"
_USUAL_PORTS = ("http:", "http:80", "https:", "https:443")


def normalize_hosts(hosts: pa.Array) -> pa.Array:
    """Hosts in the form in which two that are the same compare equal; null for what is no host."""
    hosts = pc.ascii_rtrim(pc.ascii_lower(hosts), ".")
    foreign = np.flatnonzero(pc.invert(pc.string_is_ascii(hosts).fill_null(True)))
    if len(foreign):
        names = hosts.to_numpy(zero_copy_only=False)
        names[foreign] = [_punycode(name) for name in names[foreign]]
        hosts = pa.array(names, pa.string())
    return pc.if_else(pc.match_substring_regex(hosts, _HOST), hosts, None)


def registered_domains(hosts: pa.Array) -> pa.Array:
    """The domain below a public suffix that each host is or is below; the host itself where there is none."""
    suffixes = public_suffixes()
    encoded = hosts.dictionary_encode()
    is_address = pc.match_substring_regex(encoded.dictionary, _ADDRESS).to_pylist()
    domains = [
        host if address else suffixes.privatesuffix(host) or host
        for host, address in zip(encoded.dictionary.to_pylist(), is_address, strict=True)
    ]
    return pa.array(domains, pa.string()).take(encoded.indices)


def without_www(hosts: pa.Array) -> pa.Array:
    """``www.`` cut off, but where a public suffix would be left: ``www.com`` is a domain like others."""
    suffixes = public_suffixes()
    starts = pc.starts_with(hosts, "www.")
    rest = [host[4:] if suffixes.privatesuffix(host[4:]) else host for host in hosts.filter(starts).to_pylist()]
    return pc.replace_with_mask(hosts, starts, pa.array(rest, pa.string()))


def nodes_of(urls: pa.Array, level: Level) -> pa.Array:
    """What each URL is in a graph of hosts, registered domains or pages; null where it names no host.

    A host is without ``www.``, as in Common Crawl's host graphs. A page is its URL with the host in its one form,
    without user, default port and fragment; ``http`` and ``https`` are two pages.
    """
    if level == "page":
        return _pages(urls)
    hosts = normalize_hosts(pc.struct_field(pc.extract_regex(urls, PARTS), "host"))
    return without_www(hosts) if level == "host" else registered_domains(hosts)


@cache
def public_suffixes() -> PublicSuffixList:
    """Mozilla's list as publicsuffixlist bundles it, with its private part: ``me.github.io`` is a site of its own."""
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


def _punycode(host: str) -> str | None:
    try:
        return host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None


def _pages(urls: pa.Array) -> pa.Array:
    parts = pc.extract_regex(urls, _PAGE)
    scheme, host, port, rest = (pc.struct_field(parts, name) for name in ("scheme", "host", "port", "rest"))
    scheme = pc.ascii_lower(scheme)
    is_usual = pc.is_in(pc.binary_join_element_wise(scheme, port, ":"), pa.array(_USUAL_PORTS))
    port = pc.if_else(is_usual, "", pc.binary_join_element_wise("", port, ":"))
    rest = pc.ascii_trim_whitespace(
        pc.if_else(pc.starts_with(rest, "/"), rest, pc.binary_join_element_wise("/", rest, ""))
    )
    return pc.binary_join_element_wise(scheme, "://", normalize_hosts(host), port, rest, "")
