"""Fixtures every test may use."""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # a deadline is a timed assertion
settings.load_profile("untimed")

os.environ.setdefault("OMP_NUM_THREADS", "1")  # several test processes would wait for each other's threads

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data that lies beside a developer's checkout; tests that need it skip where it is absent."""
    path = ROOT.parent / "shared" / "data"
    if not path.is_dir():
        pytest.skip(f"no real data at {path}")
    return path


@pytest.fixture(scope="session")
def real_tokenizers(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the files of ``tokenizers``."""
    directory = tmp_path_factory.mktemp("tokenizers")
    for path in (shared_data / "tokenizers").glob("*.zst"):
        (directory / path.stem).write_bytes(zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read())
    return directory


@pytest.fixture(scope="session")
def gpt2(real_tokenizers: Path) -> str:
    """GPT-2's vocabulary, its merges beside it."""
    return str(real_tokenizers / "gpt2-vocab.json")


@pytest.fixture(scope="session")
def neox(real_tokenizers: Path) -> str:
    """GPT-NeoX's tokenizer as OLMo uses it."""
    return str(real_tokenizers / "gpt-neox-olmo-dolma-v1_5.json")


@pytest.fixture(scope="session")
def gpt2_ranks(gpt2: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GPT-2's vocabulary as tiktoken's file of ranks."""
    from winnow.lm.tokenizer import byte_characters

    byte_of = {character: byte for byte, character in enumerate(byte_characters())}
    path = tmp_path_factory.mktemp("ranks") / "gpt2.tiktoken"
    ranks = sorted(json.loads(Path(gpt2).read_text()).items(), key=lambda entry: entry[1])[:-1]
    lines = [f"{base64.b64encode(bytes(byte_of[c] for c in token)).decode()} {rank}\n" for token, rank in ranks]
    path.write_text("".join(lines))
    return path


@pytest.fixture(scope="session")
def real_texts(shared_data: Path) -> Callable[[str, int], list[str]]:
    """Some texts of a source, evenly spaced."""

    def read(source: str, number: int) -> list[str]:
        paths = sorted((shared_data / "text" / source).glob("*.jsonl.zst"))
        files = [
            zstandard.ZstdDecompressor().stream_reader(path.read_bytes(), read_across_frames=True) for path in paths
        ]
        texts = [json.loads(line)["text"] for file in files for line in io.TextIOWrapper(file, "utf-8")]
        return texts[:: max(1, len(texts) // number)][:number]

    return read
