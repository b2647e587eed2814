"""Getting documents in and out: WARC, WET, JSONL, Parquet."""
