from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from winnow.core.errors import RecipeError
from winnow.kernels import minhash_reference, normalize_reference, shingles_reference
from winnow.measure.minhash import MinHash

TEXTS = [
    "A few words, and a few more words.",
    None,
    "",
    "...",
    "Ünïcode",
    "one two three four",
    "한국어 문장 하나 둘 셋 넷",
]


def signed(measure: MinHash, texts: list[str | None] = TEXTS) -> pa.RecordBatch:
    return measure.load()(pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.string())}))


@pytest.mark.parametrize("measure", [MinHash(), MinHash(shingles="characters", ngram=3, bands=3, rows=2, seed=9)])
def test_each_document_has_its_shingles_and_a_hash_per_band(measure: MinHash) -> None:
    found = signed(measure)
    assert found.schema == measure.columns()
    for row, text in zip(found.to_pylist(), TEXTS, strict=True):
        normal = normalize_reference.normalize(text or "")
        expected = shingles_reference.shingles(normal, measure.shingles, measure.ngram)
        assert row["shingles"] == expected
        assert row["num_shingles"] == len(expected)
        hashes = minhash_reference.band_hashes(expected, measure.bands, measure.rows, measure.seed) if expected else []
        assert row["bands"] == hashes


def test_a_document_without_words_has_no_bands_and_the_file_says_so_too(tmp_path: Path) -> None:
    found = pa.Table.from_batches([signed(MinHash())])
    pq.write_table(found, tmp_path / "found.parquet")
    assert pq.read_table(tmp_path / "found.parquet").equals(found)
    assert [not bands for bands in found.column("bands").to_pylist()] == [text in (None, "", "...") for text in TEXTS]


def test_another_seed_gives_other_bands_and_the_same_shingles() -> None:
    one, other = signed(MinHash(seed=1)), signed(MinHash(seed=2))
    assert one.column("shingles").equals(other.column("shingles"))
    assert not set(one.column("bands").flatten().to_pylist()) & set(other.column("bands").flatten().to_pylist())


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(RecipeError, match="no shingles of 'word'; did you mean words"):
        MinHash(shingles="word")  # type: ignore[arg-type]
    for name in ("ngram", "bands", "rows"):
        with pytest.raises(RecipeError, match=f"{name} is 0"):
            MinHash(**{name: 0})  # type: ignore[arg-type]
