"""URL removal: the outcomes that DCLM's tests expect, its two faults, and where a URL starts and ends."""

from __future__ import annotations

import pytest
from editing import counted, edited

from winnow.edit.urls import UrlRemoval

DCLM, FIXED = UrlRemoval(), UrlRemoval(rules="fixed")


@pytest.mark.parametrize(
    "url",
    [
        "https://www.example.com",
        "www.example.org",
        "example.co.uk",
        "example.randomsite.net:9000",
        "blog.samplewebsite.org:8081/post.html",
        "ftp://ftp.example.com/files",
        "irc.randomchat.org:6667/chatroom",
        "https://www.example.com/page?id=123&category=tech",
        "https://www.example.com/page#comments",
        "ftp://username:password@ftp.example.com",
        "http://bit.ly/abcdef",
        "http://192.168.1.1",
        "https://10.0.0.1:8080",
        "1.1.1.1",
    ],
)
def test_urls_of_dclms_tests_go(url: str) -> None:
    for editor in (DCLM, FIXED):
        assert edited(editor, f"This URL {url} should be removed.") == ["This URL should be removed."]
        assert edited(editor, f"This URL goes\n{url}\nand this line stays.") == ["This URL goes\nand this line stays."]


@pytest.mark.parametrize(
    "text",
    [
        "U.S.A.",
        "e.g.",
        "3.14",
        "1.123.456.7899",
        "999.999.999.999",
        "123.123.123",
        "v3.12.7.4",
        "notes.So it",
        "x.COM",
        "a.comé",
    ],
)
def test_what_is_no_url_stays(text: str) -> None:
    assert edited(FIXED, f"This text {text} is no URL.\n{text}") == [f"This text {text} is no URL.\n{text}"]
    assert counted(FIXED, text) == {}


def test_dclm_looks_only_into_texts_that_start_like_a_domain() -> None:
    texts = ["The site a.com is here", "CoMMents: a.com", "We saw a.com there", "What a.com now", ""]
    assert edited(DCLM, *texts) == ["The site is here", "CoMMents:", *texts[2:]]
    assert edited(FIXED, *texts) == ["The site is here", "CoMMents:", "We saw there", "What now", ""]


def test_dclm_removes_addresses_from_every_text() -> None:
    assert edited(DCLM, "We saw 10.0.0.1 there") == ["We saw there"]
    assert counted(DCLM, "We saw 10.0.0.1 there") == {"num_ip_addresses_removed": 1}


def test_domains_in_right_to_left_scripts_need_a_mark_for_dclm() -> None:
    texts = ["The site x.مصر here", "The site x.مصر\u200ehere"]
    assert edited(DCLM, *texts) == [texts[0], "The site"]
    assert edited(FIXED, *texts) == ["The site here", "The site\u200ehere"]


def test_a_url_takes_at_most_ten_spaces_before_it() -> None:
    assert edited(FIXED, f"at{' ' * 12}a.com") == ["at  "]
    assert edited(FIXED, "at \n\u3000\thttp://a.com") == ["at"]


def test_a_host_is_at_most_256_characters_long() -> None:
    assert edited(FIXED, f"at {'x' * 256}.com") == ["at"]
    assert edited(FIXED, f"at {'x' * 258}.com") == ["at xx"]
    assert edited(FIXED, f"at {'x' * 100}.com{'y' * 300}.com!") == [f"at {'x' * 100}.com{'y' * 44}!"]


def test_a_domain_within_reach_of_the_host_is_taken() -> None:
    assert edited(FIXED, f"at {'x' * 100}.com-{'y' * 151}.рф") == ["at"]
    assert edited(FIXED, f"at {'x' * 100}.com-{'y' * 152}.рф") == ["atрф"]


def test_the_last_domain_of_a_host_is_its_domain() -> None:
    assert edited(FIXED, "see a.com.nothing now", "see a.com.org now", "see a.comé.org now") == [
        "see now",
        "see now",
        "see a.comé.org now",
    ]


def test_a_host_is_ascii_and_a_domain_need_not_be() -> None:
    assert edited(FIXED, "see http://пример.рф or http://example.рф") == ["see http://пример.рф or"]


def test_a_scheme_needs_no_boundary_before_it() -> None:
    assert edited(FIXED, "seehttp://a.com", "see xhttps://1.2.3.4") == ["see", "see xhttps://"]


def test_counts_are_of_urls_and_addresses() -> None:
    assert counted(FIXED, "a.com b.org, http://c.de/x.net 1.2.3.4 http://5.6.7.8") == {
        "num_urls_removed": 3,
        "num_ip_addresses_removed": 2,
    }
