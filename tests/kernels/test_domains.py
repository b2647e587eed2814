"""Listed suffixes of hosts: cases with known answers, and the readable twin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from winnow.kernels.domains import find_listed, find_listed_reference, make_domain_set


def packed(names: list[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    encoded = [name.encode() for name in names]
    return np.frombuffer(b"".join(encoded) + b"\0", np.uint8), np.cumsum([0, *map(len, encoded)]).astype(np.int64)


def starts_of(hosts: list[str], listed: list[str]) -> list[int]:
    domains = make_domain_set(*packed(listed))
    starts = np.full(len(hosts), -9, np.int32)
    find_listed(*packed(hosts), domains.slots, domains.hashes, starts)
    return [int(start) for start in starts]


@pytest.mark.parametrize(
    ("host", "start"),
    [
        ("bad.com", 0),
        ("www.bad.com", 4),
        ("a.b.bad.com", 4),
        ("notbad.com", -1),  # a suffix of letters, not of labels
        ("bad.com.au", -1),
        ("com", -1),
        ("very.bad.com", 0),  # the longest entry, though bad.com is listed too
        ("so.very.bad.com", 3),
        ("x.xxx", 2),
        ("xxx", 0),
        ("", -1),
    ],
)
def test_whole_labels_from_the_right_are_compared(host: str, start: int) -> None:
    assert starts_of([host], ["bad.com", "very.bad.com", "xxx"]) == [start]


def test_a_list_that_names_a_domain_twice_is_as_one_that_names_it_once() -> None:
    assert starts_of(["a.de", "b.de"], ["a.de", "a.de"]) == [0, -1]


def test_an_empty_list_finds_nothing() -> None:
    assert starts_of(["a.de", ""], []) == [-1, -1]


def test_every_entry_of_a_long_list_is_found_and_nothing_else() -> None:
    listed = [f"site{number}.example{number % 7}.com" for number in range(50_000)]
    others = [f"side{number}.example{number % 7}.com" for number in range(50_000)]
    assert starts_of(listed, listed) == [0] * len(listed)
    assert starts_of(others, listed) == [-1] * len(others)


labels = st.sampled_from(["a", "b", "ab", "www", "com", "co", "uk", ""])
names = st.lists(labels, min_size=0, max_size=4).map(".".join)


@given(hosts=st.lists(names, max_size=20), listed=st.lists(names.filter(bool), max_size=10))
def test_the_twin_agrees(hosts: list[str], listed: list[str]) -> None:
    assert starts_of(hosts, listed) == [find_listed_reference(host, set(listed)) for host in hosts]
