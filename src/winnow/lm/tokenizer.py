"""Text to token ids and back, by the tokenizers of the field or by bytes.

============================================  =====================================================  ============
``load_tokenizer`` takes                      which is                                               extra
============================================  =====================================================  ============
``"bytes"``                                   256 bytes and the end of text                          none
``tokenizer.json``, or a directory with it    a file of the tokenizers library; a fitted one too     ``lm``
``gpt2-vocab.json`` beside                    GPT-2's pair, or its directory                         ``lm``
``gpt2-merges.txt``
``cl100k_base.tiktoken``, or ``cl100k_base``  tiktoken's ranks; the name says how text is split      ``tiktoken``
``EleutherAI/gpt-neox-20b``                   a name on the Hugging Face hub                         ``hf``
============================================  =====================================================  ============

Text is text: ``<|endoftext|>`` in a document is encoded as the thirteen characters that it is. The end of text is one
id, appended to every document by ``Tokenize``.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from winnow.core.errors import InputError, RecipeError
from winnow.core.files import read_json, stamp, write_json
from winnow.core.table import Store
from winnow.measure.model import Model

BYTES = "bytes"
END_OF_TEXT = "<|endoftext|>"
FILE = "tokenizer.json"
CONFIG = "tokenizer_config.json"
"""transformers' file; says which token ends a text where none is called ``<|endoftext|>``."""
VOCABULARY, MERGES = "vocab.json", "merges.txt"
"""How the names of GPT-2's two files end."""


class Tokenizer(Protocol):
    """Texts to ids and back."""

    @property
    def vocab_size(self) -> int:
        """One more than the highest id."""

    @property
    def end_of_text(self) -> int:
        """The id that ends a document."""

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, nothing added before or after."""

    def decode(self, ids: Sequence[int]) -> str:
        """The text of the ids; bytes that are no UTF-8 become U+FFFD, the end of text becomes nothing."""

    def save(self, directory: Path) -> None:
        """Write what ``load_tokenizer(directory)`` reads back."""


def load_tokenizer(model: str | Path) -> Tokenizer:
    """Open a tokenizer by file, directory or name (see the table above).

    Raises RecipeError where an extra is missing or nothing goes by that name, InputError where a file is not what its
    name says or no token ends a text.
    """
    path = Path(model)
    if path.is_dir():
        path = _file_in(path)
    if path.is_file():
        return _load_file(path)
    if str(model) == BYTES:
        return ByteTokenizer()
    from winnow.lm.tiktoken import SPLITS, load_encoding

    if str(model) in SPLITS:
        return load_encoding(str(model))
    return _load_from_hub(str(model))


def open_tokenizer(model: Model, store: Store) -> Tokenizer:
    """The tokenizer that a step's field names: a file or name, or the step that fits it; opened once a process."""
    path = model if isinstance(model, str) else str(store.table(model).files())
    return _open_once(path, tuple(stamp(Path(file)) for file in tokenizer_files(path)))


@functools.lru_cache(maxsize=4)
def _open_once(path: str, stamps: tuple[str | None, ...]) -> Tokenizer:
    """A tokenizer that is not opened again while its files' stamps stand."""
    return load_tokenizer(path)


def tokenizer_files(model: Model) -> tuple[str, ...]:
    """The outside files that a tokenizer is read from; none of a name or a fitted one."""
    if not isinstance(model, str) or not Path(model).exists():
        return ()
    path = _file_in(Path(model)) if Path(model).is_dir() else Path(model)
    if path.suffix == ".tiktoken":
        return (str(path),)
    return (str(path), str(_merges(path) if path.name.endswith(VOCABULARY) else path.parent / CONFIG))


@dataclass(frozen=True)
class ByteTokenizer:
    """The bytes of UTF-8 as ids 0 to 255, and the end of text."""

    vocab_size: int = 257
    end_of_text: int = 256

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The bytes of each text."""
        return [list(text.encode()) for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        """The text that the bytes spell."""
        return bytes(id for id in ids if id < self.end_of_text).decode(errors="replace")

    def save(self, directory: Path) -> None:
        """Write a ``tokenizer.json`` without merges, which gives the same ids wherever such files are read."""
        vocabulary = {character: byte for byte, character in enumerate(byte_characters())}
        level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
        end = {"id": self.end_of_text, "content": END_OF_TEXT, "special": True, "normalized": False}
        end |= {"single_word": False, "lstrip": False, "rstrip": False}
        model = {"type": "BPE", "vocab": vocabulary, "merges": []}
        described = {"version": "1.0", "added_tokens": [end], "pre_tokenizer": level, "decoder": level, "model": model}
        write_json(directory / FILE, described)


@dataclass(frozen=True, eq=False)
class FastTokenizer:
    """A tokenizer of the tokenizers library."""

    inner: Any
    vocab_size: int
    end_of_text: int

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, on one core unless ``TOKENIZERS_PARALLELISM`` says otherwise."""
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # workers share the cores among them
        return [found.ids for found in self.inner.encode_batch_fast(list(texts), add_special_tokens=False)]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of the ids."""
        return str(self.inner.decode(list(ids)))

    def save(self, directory: Path) -> None:
        """Write ``tokenizer.json``, and which token ends a text."""
        self.inner.save(str(directory / FILE))
        write_json(directory / CONFIG, {"eos_token": self.inner.id_to_token(self.end_of_text)})


def byte_characters() -> list[str]:
    """The printable character that stands for each byte in GPT-2's vocabulary and all that followed it.

    Bytes that print in Latin-1 stand for themselves, the others for U+0100 and on (openai/gpt-2, encoder.py).
    """
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def needs_torch(what: str) -> None:
    """RecipeError where the extra is missing that models come with."""
    if importlib.util.find_spec("torch") is None:
        raise RecipeError(f"{what} needs the lm extra: pip install 'winnow-data[lm]'")


def tokenizers_library() -> Any:
    """The tokenizers library; RecipeError where it is not there."""
    try:
        import tokenizers
    except ImportError as error:
        raise RecipeError("a tokenizer file needs the lm extra: pip install 'winnow-data[lm]'") from error
    return tokenizers


def _file_in(directory: Path) -> Path:
    """The file that a directory's tokenizer is opened by."""
    for pattern in (FILE, f"*{VOCABULARY}", "*.tiktoken"):
        found = sorted(directory.glob(pattern))
        if len(found) == 1:
            return found[0]
    raise InputError(
        f"{directory} holds no tokenizer: expected {FILE}, one pair of files that end in {VOCABULARY} and {MERGES}, or "
        "one file of tiktoken"
    )


def _load_file(path: Path) -> Tokenizer:
    if path.suffix == ".tiktoken":
        from winnow.lm.tiktoken import load_ranks

        return load_ranks(path)
    library = tokenizers_library()
    try:
        inner = _gpt2(path) if path.name.endswith(VOCABULARY) else library.Tokenizer.from_file(str(path))
    except InputError:
        raise
    except Exception as error:  # the library raises Exception itself
        raise InputError(f"{path} is no tokenizer that the tokenizers library reads: {error}") from error
    config = path.parent / CONFIG
    named = read_json(config).get("eos_token") if config.is_file() else None
    return fast_tokenizer(inner, named["content"] if isinstance(named, dict) else named, str(path))


def _gpt2(path: Path) -> Any:
    """The tokenizer of GPT-2's two files: byte-level BPE without a normalizer."""
    library = tokenizers_library()
    merges = _merges(path)
    if not merges.is_file():
        raise InputError(f"{path} is the vocabulary of a pair whose merges are missing: put {merges.name} beside it")
    inner = library.Tokenizer(library.models.BPE.from_file(str(path), str(merges)))
    inner.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = library.decoders.ByteLevel()
    return inner


def _merges(vocabulary: Path) -> Path:
    return vocabulary.with_name(vocabulary.name.removesuffix(VOCABULARY) + MERGES)


def fast_tokenizer(inner: Any, end_of_text: str | None, where: str) -> FastTokenizer:
    """A tokenizer of the library as ours: nothing cut, nothing padded, special tokens in text read as text.

    ``end_of_text`` names the token that ends a text where none is called ``<|endoftext|>``; ``where`` is for errors.
    """
    name = next((one for one in (END_OF_TEXT, end_of_text) if one and inner.token_to_id(one) is not None), None)
    if name is None:
        raise InputError(
            f"{where} has no token that ends a text: it knows neither {END_OF_TEXT} nor the eos_token of a {CONFIG} "
            f'beside it ({end_of_text}); write {{"eos_token": "<one of its tokens>"}} into that file'
        )
    inner.add_special_tokens([name])
    inner.encode_special_tokens = True
    inner.no_truncation()
    inner.no_padding()
    return FastTokenizer(inner, max(inner.get_vocab().values()) + 1, inner.token_to_id(name))


def _load_from_hub(name: str) -> Tokenizer:
    """The tokenizer of a model on the Hugging Face hub, or in its local cache."""
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise RecipeError(
            f"{name} is no file here; as a name on the Hugging Face hub it needs the hf extra: "
            "pip install 'winnow-data[hf]'"
        ) from error
    try:
        found = AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise RecipeError(
            f"{name} is neither a tokenizer's file or directory nor {BYTES!r} nor an encoding of tiktoken, and the "
            f"Hugging Face hub does not give it: {str(error).splitlines()[0]}"
        ) from error
    if not found.is_fast:
        raise RecipeError(f"{name} has a tokenizer in Python only: convert it to a {FILE} (transformers does) first")
    return fast_tokenizer(found.backend_tokenizer, found.eos_token, name)
