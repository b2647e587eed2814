from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.documents.addresses import Level, nodes_of

LEVELS: tuple[Level, ...] = ("host", "domain", "page")


def nodes(url: str | None) -> tuple[str | None, ...]:
    """The host, the registered domain and the page of a URL."""
    return tuple(nodes_of(pa.array([url], pa.string()), level)[0].as_py() for level in LEVELS)


@pytest.mark.parametrize(
    ("url", "host", "domain", "page"),
    [
        ("HTTP://www.Example.com:80", "example.com", "example.com", "http://www.example.com/"),
        ("https://a.b.co.uk/x?q=1#part", "a.b.co.uk", "b.co.uk", "https://a.b.co.uk/x?q=1"),
        ("https://münchen.de:8080?x", "xn--mnchen-3ya.de", "xn--mnchen-3ya.de", "https://xn--mnchen-3ya.de:8080/?x"),
        ("http://user:secret@h.org/#top", "h.org", "h.org", "http://h.org/"),
        (" https://h.org.:443/a ", "h.org", "h.org", "https://h.org/a"),
        ("http://h.org:443/", "h.org", "h.org", "http://h.org:443/"),
        ("http://www.com/", "www.com", "www.com", "http://www.com/"),
        ("http://[::1]:80/x", "[::1]", "[::1]", "http://[::1]/x"),
        ("http://127.0.0.1/x", "127.0.0.1", "127.0.0.1", "http://127.0.0.1/x"),
        ("mailto:someone@h.org", None, None, None),
        ("http:///path", None, None, None),
        ("", None, None, None),
        (None, None, None, None),
    ],
)
def test_a_url_is_a_node_of_each_level(url: str | None, host: str | None, domain: str | None, page: str | None) -> None:
    assert nodes(url) == (host, domain, page)


@given(
    st.from_regex(
        r"\Ahttps?://(w{3}\.)?[a-z0-9]{1,5}\.(com|de|co\.uk)(:(80|81|443))?(/[a-z./]{0,6})?(\?[a-z=]{0,4})?(#x)?\Z"
    )
)
def test_a_page_is_itself_and_its_host_is_that_of_the_url(url: str) -> None:
    host, domain, page = nodes(url)
    assert nodes(page) == (host, domain, page)
    assert host is not None and domain is not None
    assert host.endswith(domain)
