"""Encodings of tiktoken: a file of ranks, and what its name says of how text is split."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from winnow.core.errors import InputError, RecipeError, did_you_mean

_GPT2 = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""
_CL100K = (
    r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$"""
    r"""|\s*[\r\n]|\s+(?!\S)|\s"""
)
_O200K = (
    r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"""
    r"""|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"""
    r"""|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
)
SPLITS: Mapping[str, tuple[str, int]] = {
    "gpt2": (_GPT2, 50256),
    "r50k_base": (_GPT2, 50256),
    "p50k_base": (_GPT2, 50256),
    "cl100k_base": (_CL100K, 100257),
    "o200k_base": (_O200K, 199999),
}
"""Encoding to the pattern that splits text before ranks apply, and the id of the end of text (openai/tiktoken,
tiktoken_ext/openai_public.py)."""


@dataclass(frozen=True, eq=False)
class TiktokenTokenizer:
    """An encoding of tiktoken."""

    inner: Any
    vocab_size: int
    end_of_text: int

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, on one core; ValueError for one that is beyond tiktoken, such as a million spaces."""
        return [self._encode(text) for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of the ids."""
        return str(self.inner.decode([id for id in ids if id != self.end_of_text]))

    def _encode(self, text: str) -> list[int]:
        try:
            ids: list[int] = self.inner.encode_ordinary(text)
        except BaseException as panic:  # tiktoken's is no Exception, and would end the run
            if type(panic).__name__ != "PanicException":
                raise
            raise ValueError(f"tiktoken gives up on a text of {len(text)} characters: {panic}") from None
        return ids

    def save(self, directory: Path) -> None:
        """Write the ranks as a ``.tiktoken`` file under the encoding's name."""
        ranks = sorted(self.inner._mergeable_ranks.items(), key=lambda entry: entry[1])
        lines = (base64.b64encode(token) + b" %d\n" % rank for token, rank in ranks)
        (directory / f"{self.inner.name}.tiktoken").write_bytes(b"".join(lines))


def load_encoding(name: str) -> TiktokenTokenizer:
    """The encoding of a name, which tiktoken fetches where it is not in its cache; RecipeError where it cannot."""
    try:
        return _tokenizer(_library().get_encoding(name))
    except OSError as error:
        raise RecipeError(
            f"tiktoken cannot fetch {name} ({error}): give the path of {name}.tiktoken, or TIKTOKEN_CACHE_DIR"
        ) from error


def load_ranks(path: Path) -> TiktokenTokenizer:
    """The encoding of a ``.tiktoken`` file; InputError where its name or content says nothing to us."""
    if path.stem not in SPLITS:
        raise InputError(
            f"{path} does not say how its text is split: name it after its encoding; {did_you_mean(path.stem, SPLITS)}"
        )
    try:
        entries = [line.split() for line in path.read_bytes().splitlines() if line]
        ranks = {base64.b64decode(token, validate=True): int(rank) for token, rank in entries}
    except (ValueError, binascii.Error) as error:
        raise InputError(f"{path} is no file of tiktoken, one token in base64 and its rank a line: {error}") from error
    pattern, end_of_text = SPLITS[path.stem]
    special = {"<|endoftext|>": end_of_text}
    library = _library()
    return _tokenizer(library.Encoding(path.stem, pat_str=pattern, mergeable_ranks=ranks, special_tokens=special))


def _tokenizer(encoding: Any) -> TiktokenTokenizer:
    return TiktokenTokenizer(encoding, encoding.n_vocab, encoding.eot_token)


def _library() -> Any:
    try:
        import tiktoken
    except ImportError as error:
        raise RecipeError(
            "an encoding of tiktoken needs the tiktoken extra: pip install 'winnow-data[tiktoken]'"
        ) from error
    return tiktoken
