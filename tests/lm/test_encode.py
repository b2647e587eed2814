from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.lm.encode import Encoder, open_encoder
from winnow.lm.token_table import token_type
from winnow.lm.tokenizer import FastTokenizer, byte_characters, load_tokenizer

tokenizers = pytest.importorskip("tokenizers")
KINDS = ["bytes", "gpt2", "neox", "gpt2_ranks"]


@pytest.fixture(scope="session", params=KINDS)
def encoder(request: pytest.FixtureRequest) -> Encoder:
    """Of each kind of tokenizer."""
    return open_encoder(load_tokenizer("bytes" if request.param == "bytes" else request.getfixturevalue(request.param)))


def encoded(encoder: Encoder, texts: list[str | None]) -> list[list[int]]:
    kind = token_type(encoder.tokenizer.vocab_size)
    return [np.frombuffer(ids, kind).tolist() for ids in encoder.encode(pa.array(texts, pa.string())).to_pylist()]


def expected(encoder: Encoder, texts: list[str | None]) -> list[list[int]]:
    tokenizer = encoder.tokenizer
    return [[*ids, tokenizer.end_of_text] for ids in tokenizer.encode([text or "" for text in texts])]


@settings(max_examples=30)
@given(texts=st.lists(st.none() | st.text(max_size=60), max_size=5))
def test_any_text_gets_the_tokenizers_ids(encoder: Encoder, texts: list[str | None]) -> None:
    assert encoded(encoder, texts) == expected(encoder, texts)


@pytest.mark.parametrize("source", ["register_web_multilingual", "mt_mbpp_code_17langs", "nltk_webtext_chat"])
def test_real_text_gets_the_tokenizers_ids(encoder: Encoder, real_texts: Any, source: str) -> None:
    texts = real_texts(source, 100)
    assert encoded(encoder, texts) == expected(encoder, texts)


def test_tokens_that_are_taken_out_of_texts_are(neox: str) -> None:
    encoder = open_encoder(load_tokenizer(neox))
    texts: list[str | None] = [
        "a    b",
        "|||EMAIL_ADDRESS|||",
        "e\u0301 caf\u00e9",
        "<|endoftext|> <|padding|>",
        " " * 60,
    ]
    assert encoded(encoder, texts) == expected(encoder, texts)
    assert len(encoded(encoder, ["|||EMAIL_ADDRESS|||"])[0]) == 2
    assert encoder.apart == ("|||IP_ADDRESS|||", "  ", "|||EMAIL_ADDRESS|||", "|||PHONE_NUMBER|||")


def test_the_kernel_takes_gpt2s_kind_and_nothing_else(gpt2_ranks: Path) -> None:
    vocabulary = {character: byte for byte, character in enumerate(byte_characters())}
    by_bytes = tokenizers.pre_tokenizers.ByteLevel

    def is_taken(
        normalizer: Any = None, splits: Any = None, known: dict[str, int] = vocabulary, **settings: Any
    ) -> bool:
        inner = tokenizers.Tokenizer(tokenizers.models.BPE(known, [], **settings))
        inner.pre_tokenizer = splits or by_bytes(add_prefix_space=False)
        if normalizer is not None:
            inner.normalizer = normalizer
        return open_encoder(FastTokenizer(inner, 257, 256)).merges is not None

    assert is_taken()
    assert is_taken(normalizer=tokenizers.normalizers.NFC())
    assert not is_taken(normalizer=tokenizers.normalizers.NFKC())
    assert not is_taken(splits=by_bytes(add_prefix_space=True))
    assert not is_taken(splits=by_bytes(add_prefix_space=False, use_regex=False))
    assert not is_taken(splits=tokenizers.pre_tokenizers.Whitespace())
    assert not is_taken(dropout=0.1)
    assert not is_taken(ignore_merges=True)
    assert not is_taken(known={one: id for one, id in vocabulary.items() if one != "a"})
    assert open_encoder(load_tokenizer("bytes")).merges is None
    assert open_encoder(load_tokenizer(gpt2_ranks)).merges is None
