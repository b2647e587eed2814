from __future__ import annotations

import pytest
from brute import AllPairs

from winnow.audit.definition import sets_of, threshold_of
from winnow.choose.unique import unique
from winnow.dedup.bloom import bloom_duplicates
from winnow.dedup.duplicates import Duplicates
from winnow.dedup.exact import exact_duplicates
from winnow.dedup.minhash import minhash_duplicates
from winnow.documents.read import Read
from winnow.measure.minhash import MinHash

READ = Read(source="anywhere")
TEXT = "one two three four"


def test_a_method_is_held_to_its_own_threshold_and_not_to_one_before_it() -> None:
    first = unique(minhash_duplicates(READ, threshold=0.9))
    assert threshold_of(minhash_duplicates(first, threshold=0.6)) == 0.6
    assert threshold_of(exact_duplicates(first)) is None
    assert threshold_of(bloom_duplicates(READ, threshold=0.7)) == 0.7


@pytest.mark.parametrize(
    ("minhash", "shingle", "number"),
    [
        (MinHash(ngram=3), ("one", "two", "three"), 2),
        (MinHash(shingles="characters", ngram=4), ("o", "n", "e", " "), 15),
    ],
)
def test_sets_are_those_that_the_signature_is_made_of(minhash: MinHash, shingle: tuple[str, ...], number: int) -> None:
    sets = sets_of(minhash_duplicates(READ, minhash=minhash))
    assert sets is not None
    assert shingle in sets(TEXT) and len(sets(TEXT)) == number


def test_what_is_no_jaccard_similarity_of_shingles_is_not_counted() -> None:
    assert sets_of(bloom_duplicates(READ)) is None
    assert sets_of(minhash_duplicates(READ, similarity="containment")) is None


def test_a_method_of_ones_own_is_taken_to_compare_word_5_grams() -> None:
    own = Duplicates(documents=READ, found=AllPairs(documents=READ, threshold=0.5), method="own")
    sets = sets_of(own)
    assert threshold_of(own) == 0.5 and sets is not None and sets("a b c d e f") == {tuple("abcde"), tuple("bcdef")}
