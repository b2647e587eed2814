"""Hosts, sites and list hits of URLs as they come, broken ones included."""

from __future__ import annotations

import bz2
import gzip
import lzma
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from winnow.core.errors import RecipeError
from winnow.measure.url import Url


def batch(*urls: str | None) -> pa.RecordBatch:
    return pa.record_batch({"url": pa.array(urls, pa.string())})


def judged(measure: Url, *urls: str | None) -> dict[str, list[object]]:
    return dict(measure.load()(batch(*urls)).to_pydict())


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Write lines to a file and give its path."""

    def write(*lines: str, name: str = "list.txt") -> str:
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(path)

    return write


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.COM/Path?x=1#y", "example.com"),
        ("http://www.example.com:8080/", "www.example.com"),
        ("http://example.com.", "example.com"),
        ("http://user:p%40ss@example.com:80/a", "example.com"),
        ("http://a@b@example.com/", "example.com"),
        ("//cdn.example.com/x.js", "cdn.example.com"),
        ("  http://example.com\n", "example.com"),
        ("http://example.com?q=http://other.org/", "example.com"),
        ("http://example.com#@other.org/", "example.com"),
        ("http://example.com\\@other.org/", "example.com"),  # as browsers read it
        ("https://bücher.de/ä", "xn--bcher-kva.de"),
        ("https://BÜCHER.de.", "xn--bcher-kva.de"),
        ("https://xn--bcher-kva.de/", "xn--bcher-kva.de"),
        ("http://例え.テスト/", "xn--r8jz45g.xn--zckzah"),
        ("http://example。com/", "example.com"),  # the ideographic full stop is a dot
        ("http://192.168.0.1:3000/x", "192.168.0.1"),
        ("http://[2001:DB8::1]:80/x", "[2001:db8::1]"),
        ("http://my_host-1/", "my_host-1"),
        ("ftp://ftp.example.org/pub", "ftp.example.org"),
    ],
)
def test_the_host_is_what_the_network_would_ask_for(url: str, host: str) -> None:
    assert judged(Url(), url)["host"] == [host]


BROKEN = [
    None, "", "   ", "example.com", "/relative/path", "mailto:someone@example.com", "about:blank", "http://", "http:///p",
    "http://./", "http://a..b/", "http://sp ace.com/", "http://example.com:port/", "http://%41.com/", "http://[::1/",
    "http://[zz]/", "http://\ufffd.com/", "http://" + "ü" * 100 + ".de", "javascript:void(0)",
]  # fmt: skip


@pytest.mark.parametrize("url", BROKEN)
def test_what_is_no_url_has_no_host_and_no_hits_and_is_no_error(url: str | None, write: Callable[..., str]) -> None:
    measure = Url(blocklist=write("example.com"))
    row = measure.load()(batch(url)).to_pylist()[0]
    assert (row["host"], row["registered_domain"], row["blocked_domain"]) == (None, None, None)


def test_documents_without_the_column_have_no_urls() -> None:
    documents = pa.record_batch({"text": ["a", "b"]})
    assert Url(hard_words=None).load()(documents).to_pydict() == {
        "host": [None, None],
        "registered_domain": [None, None],
        "num_path_tokens": [0, 0],
    }


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("www.example.com", "example.com"),
        ("a.b.c.example.co.uk", "example.co.uk"),
        ("example.co.uk", "example.co.uk"),
        ("co.uk", "co.uk"),  # nothing is registered below it
        ("localhost", "localhost"),
        ("10.1.2.3", "10.1.2.3"),
        ("[::1]", "[::1]"),
        ("me.github.io", "me.github.io"),
        ("x.www.ck", "www.ck"),  # an exception of the list: !www.ck
        ("x.y.other.ck", "y.other.ck"),  # a wildcard of the list: *.ck
        ("a.b.unknown-suffix", "b.unknown-suffix"),
        ("www.食狮.公司.cn", "xn--85x722f.xn--55qx5d.cn"),
    ],
)
def test_the_registered_domain_is_one_label_below_a_public_suffix(host: str, domain: str) -> None:
    assert judged(Url(), f"http://{host}/")["registered_domain"] == [domain]


@pytest.mark.parametrize(
    ("url", "num_tokens"),
    [
        ("http://e.com", 0),
        ("http://e.com/", 0),
        ("http://e.com/?a=b/c", 0),
        ("http://e.com/news/2024/some-long-title.html", 6),
        ("http://e.com//a//", 1),
        ("http://e.com/%D0%B0%D0%B1/ü-x#frag/ment", 3),
        (None, 0),
    ],
)
def test_path_tokens_are_the_words_of_the_path(url: str | None, num_tokens: int) -> None:
    assert judged(Url(), url)["num_path_tokens"] == [num_tokens]


def test_the_rows_have_the_announced_schema_whatever_the_batch(write: Callable[..., str]) -> None:
    measure = Url(blocklist=write("a.de"), soft_words=write("x", name="soft.txt"))
    judge = measure.load()
    for documents in (batch(), batch(None), batch("http://a.de/x", "?", None).slice(1)):
        rows = judge(documents)
        assert rows.schema.equals(measure.columns(), check_metadata=True)
        assert rows.num_rows == documents.num_rows


def test_a_column_is_there_for_each_list_that_is_given(write: Callable[..., str]) -> None:
    path = write("word")
    assert Url().columns().names == ["host", "registered_domain", "num_path_tokens"]
    assert Url(blocklist=path).columns().names[3:] == ["blocked_domain"]
    full = Url(blocklist=path, strict_words=path, hard_words=path, soft_words=path)
    assert full.columns().names[3:] == ["blocked_domain", "num_strict_words", "num_hard_words", "num_soft_words"]
    assert (Url().files(), full.files()) == ((), (path,) * 4)


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("http://le.com/", "le.com"),
        ("http://www.le.com/", "le.com"),  # DCLM keeps this one
        ("http://WWW.LE.COM:8080/", "le.com"),
        ("http://m.le.com./x", "le.com"),
        ("http://google.com/", None),
        ("http://le.com.evil.org/", None),
        ("http://sub.other.org/", "sub.other.org"),
        ("http://deep.sub.other.org/", "sub.other.org"),
        ("http://other.org/", None),
        ("http://evil.org/?u=le.com", None),
        (None, None),
    ],
)
def test_a_host_is_blocked_by_an_entry_that_it_is_or_is_below(
    url: str | None, entry: str | None, write: Callable[..., str]
) -> None:
    assert judged(Url(blocklist=write("le.com", "sub.other.org")), url)["blocked_domain"] == [entry]


def test_blocklists_of_all_sorts_are_understood(write: Callable[..., str]) -> None:
    path = write(
        "# adult sites",
        "Plain.COM   # why",
        "",
        "   spaced.com\t",
        "0.0.0.0 zeroed.com",
        "127.0.0.1\tlocal1.com local2.com",
        "::1 six.com",
        "www.dubdub.com",
        ".dotted.com",
        "*.starred.com",
        "trailing.com.",
        "ported.com:8080",
        "bücher.de",
        "6.6.6.6",
    )
    blocked = [
        "plain.com", "spaced.com", "zeroed.com", "local1.com", "local2.com", "six.com", "dubdub.com", "dotted.com",
        "starred.com", "trailing.com", "ported.com", "xn--bcher-kva.de", "6.6.6.6",
    ]  # fmt: skip
    measure = Url(blocklist=path)
    assert judged(measure, *(f"http://{host}/" for host in blocked))["blocked_domain"] == blocked
    assert judged(measure, "http://0.0.0.0/", "http://adult/")["blocked_domain"] == [None, None]


def test_an_entry_whose_www_stands_before_a_public_suffix_does_not_block_the_suffix(write: Callable[..., str]) -> None:
    measure = Url(blocklist=write("www.com", "www.co.uk"))
    hosts = ["www.com", "x.www.com", "www.co.uk", "google.com", "bbc.co.uk"]
    assert judged(measure, *(f"http://{host}/" for host in hosts))["blocked_domain"] == [
        "www.com", "www.com", "www.co.uk", None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress), (".zst", zstandard.compress)],
)
def test_compressed_lists_are_opened_as_such(tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"domains.txt{suffix}"
    path.write_bytes(compress(b"a.de\r\nb.de\r\n"))
    assert judged(Url(blocklist=str(path)), "http://b.de/", "http://c.de/")["blocked_domain"] == ["b.de", None]


def test_strict_words_count_anywhere_once_hyphens_and_dots_are_gone(write: Callable[..., str]) -> None:
    measure = Url(strict_words=write("badword", "# no word", "Worse", "i.l-l", ""))
    urls = ["http://a.de/BAD-word/x", "http://bad.word.de/bad-word", "http://xbadwordx.worse.de/", "http://a.de/", None]
    assert judged(measure, *urls)["num_strict_words"] == [1, 1, 2, 0, 0]
    assert judged(measure, "http://ill.de/")["num_strict_words"] == [1]


def test_hard_and_soft_words_count_whole_words_and_each_once(write: Callable[..., str]) -> None:
    words = ["porn", "webcam", "Live-Chat"]
    measure = Url(hard_words=write(*words), soft_words=write(*words, name="soft.txt"))
    urls = [
        "http://a.de/PORN/",  # datatrove keeps this one
        "http://porn.de/porn_porn?webcam",
        "http://popcorn.de/webcams",
        "http://a.de/live-chat",
        "http://porn",
        None,
    ]
    rows = judged(measure, *urls)
    assert rows["num_hard_words"] == [1, 2, 0, 1, 1, 0]
    assert rows["num_soft_words"] == rows["num_hard_words"]


def test_words_are_taken_literally(write: Callable[..., str]) -> None:
    measure = Url(strict_words=write("c++(x", "a|b"))
    assert judged(measure, "http://e.de/c++(x", "http://e.de/ccx", "http://e.de/b", "http://e.de/a|b")[
        "num_strict_words"
    ] == [1, 0, 0, 1]


def test_a_missing_list_is_a_recipe_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"nowhere\.txt cannot be read"):
        Url(blocklist=str(tmp_path / "nowhere.txt")).load()


@pytest.mark.parametrize("content", [b"", b"\n\n", b"# only a comment\n"])
def test_an_empty_list_is_a_recipe_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=r"list\.txt (holds no entries|cannot be read)"):
        Url(hard_words=str(path)).load()


def test_a_file_that_is_not_what_its_name_says_is_a_recipe_error(tmp_path: Path) -> None:
    path = tmp_path / "list.gz"
    path.write_bytes(b"a.de\n")
    with pytest.raises(RecipeError, match=r"list\.gz cannot be read"):
        Url(blocklist=str(path)).load()


def test_a_list_that_is_no_text_is_a_recipe_error(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xff\xfe\x00\x01\n" * 10)
    with pytest.raises(RecipeError, match=r"list\.txt cannot be read"):
        Url(blocklist=str(path)).load()


def test_a_list_of_something_else_is_refused_with_an_example(write: Callable[..., str]) -> None:
    path = write("a.de", "http://b.de/page", "c.de/x")
    with pytest.raises(RecipeError, match=r"2 of 3 entries of .* are no domains, such as 'http://b\.de/page'"):
        Url(blocklist=path).load()


def test_one_odd_line_among_many_is_passed_over(write: Callable[..., str]) -> None:
    measure = Url(blocklist=write("http://odd.de/page", *(f"site{number}.de" for number in range(200))))
    assert judged(measure, "http://site7.de/", "http://odd.de/page")["blocked_domain"] == ["site7.de", None]


def test_words_that_leave_nothing_to_look_for_are_refused(write: Callable[..., str]) -> None:
    with pytest.raises(RecipeError, match="make no pattern"):
        Url(hard_words=write("!!!", "---")).load()


def test_broken_utf8_in_a_url_is_no_error(write: Callable[..., str]) -> None:
    raw = [b"http://a.de/\xff/porn", b"http://\xff\xfe.de/porn", b"\xc3"]
    urls = pa.Array.from_buffers(pa.string(), len(raw), pa.array(raw, pa.binary()).buffers())
    judge = Url(blocklist=write("a.de"), hard_words=write("porn", name="hard.txt")).load()
    rows = judge(pa.record_batch({"url": urls})).to_pydict()
    assert rows["host"] == ["a.de", None, None]
    assert rows["num_hard_words"] == [1, 1, 0]


@given(st.lists(st.one_of(st.none(), st.text(max_size=60), st.text(max_size=40).map("http://a.".__add__)), max_size=20))
def test_no_url_is_an_error_and_neighbours_do_not_matter(urls: list[str | None]) -> None:
    urls = [url if url is None else url.encode("utf-8", "ignore").decode() for url in urls]
    judge = Url().load()
    together = judge(batch(*urls)).to_pylist()
    assert together == [judge(batch(url)).to_pylist()[0] for url in urls]
    for row in together:
        assert row["host"] is None or (row["host"].isascii() and row["host"] == row["host"].lower() != "")
        assert (row["host"] is None) == (row["registered_domain"] is None)


host_names = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z]{2,6}){1,3}", fullmatch=True)


@given(host=host_names, port=st.integers(0, 65535), path=st.text("abc/.-_~%20é", max_size=20))
def test_well_formed_urls_are_read_as_the_standard_library_reads_them(host: str, port: int, path: str) -> None:
    url = f"https://{host}:{port}/{path}"
    assert judged(Url(), url)["host"] == [urllib.parse.urlsplit(url).hostname]
