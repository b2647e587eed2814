from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.core.errors import InputError, RecipeError
from winnow.lm.tiktoken import SPLITS
from winnow.lm.tokenizer import ByteTokenizer, byte_characters, load_tokenizer, tokenizer_files

transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")
ODD = [
    "",
    " ",
    "Grüße, 日本語 und العربية!\r\n\r\n\tx = 10_000;",
    "a<|endoftext|>b",
    "\x00\ufffd\U0001f600",
    "  two   ",
]


@pytest.fixture(scope="session", params=["bytes", "gpt2", "neox", "gpt2_ranks"])
def model(request: pytest.FixtureRequest) -> str:
    """Each kind of tokenizer."""
    return "bytes" if request.param == "bytes" else str(request.getfixturevalue(request.param))


def test_bytes_are_the_bytes_of_utf8_and_the_end_of_text() -> None:
    tokenizer = ByteTokenizer()
    assert tokenizer.encode(["é!", ""]) == [[0xC3, 0xA9, 0x21], []]
    assert (tokenizer.vocab_size, tokenizer.end_of_text) == (257, 256)
    assert tokenizer.decode([0xC3, 0xA9, 256, 0x21]) == "é!"
    assert tokenizer.decode([0xC3]) == "\ufffd"


def test_the_characters_for_bytes_are_gpt2s(gpt2: str) -> None:
    vocabulary = json.loads(Path(gpt2).read_text())
    assert sorted(byte_characters(), key=vocabulary.__getitem__) == [
        character for character, _ in sorted(vocabulary.items(), key=lambda entry: entry[1])[:256]
    ]
    assert byte_characters()[ord(" ")] == "Ġ"


@given(st.lists(st.text()))
def test_saved_bytes_give_the_same_ids_wherever_tokenizer_files_are_read(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    directory = tmp_path_factory.mktemp("bytes")
    ByteTokenizer().save(directory)
    tokenizer = load_tokenizer(directory)
    assert tokenizer.encode(texts) == ByteTokenizer().encode(texts)
    assert (tokenizer.vocab_size, tokenizer.end_of_text) == (257, 256)
    assert all(tokenizer.decode(ids) == text for ids, text in zip(tokenizer.encode(texts), texts, strict=True))


def test_ids_are_those_that_were_published(gpt2: str, neox: str) -> None:
    assert load_tokenizer(gpt2).encode(["Hello world", "Hello, I'm a language model,"]) == [
        [15496, 995],
        [15496, 11, 314, 1101, 257, 3303, 2746, 11],
    ]
    assert load_tokenizer(neox).encode(["Hello, I am"]) == [[12092, 13, 309, 717]]


def test_vocabularies_have_the_sizes_of_their_files(gpt2: str, neox: str) -> None:
    """DCLM's 50,432 and OLMo's 50,304 are GPT-NeoX's rows rounded up by the model, not ids."""
    first, second = load_tokenizer(gpt2), load_tokenizer(neox)
    assert (first.vocab_size, first.end_of_text) == (50257, 50256)
    assert (second.vocab_size, second.end_of_text) == (50280, 50279)


def test_shakespeare_has_as_many_gpt2_tokens_as_nanogpt_counts(gpt2: str, real_texts: Any) -> None:
    """karpathy/nanoGPT, data/shakespeare/readme.md: 301,966 in the first nine tenths, 36,059 in the rest."""
    (text,) = real_texts("tinyshakespeare", 1)
    cut = int(len(text) * 0.9)
    assert [len(ids) for ids in load_tokenizer(gpt2).encode([text[:cut], text[cut:]])] == [301_966, 36_059]


@pytest.mark.parametrize("source", ["register_web_multilingual", "mt_mbpp_code_17langs", "reddit_selfposts_2013"])
def test_gpt2_gives_tiktokens_ids_on_real_text(gpt2: str, gpt2_ranks: Path, real_texts: Any, source: str) -> None:
    texts = real_texts(source, 120)
    assert load_tokenizer(gpt2).encode(texts) == load_tokenizer(gpt2_ranks).encode(texts)


def test_gpt2_gives_transformers_ids(gpt2: str, real_texts: Any) -> None:
    texts = real_texts("register_web_multilingual", 60)
    merges = gpt2.replace("vocab.json", "merges.txt")
    theirs = transformers.GPT2Tokenizer(vocab=gpt2, merges=merges)
    assert load_tokenizer(gpt2).encode(texts) == theirs(texts)["input_ids"]


def test_what_is_encoded_decodes_to_the_text(model: str) -> None:
    tokenizer = load_tokenizer(model)
    for text, ids in zip(ODD, tokenizer.encode(ODD), strict=True):
        assert tokenizer.decode([*ids, tokenizer.end_of_text]) == text
        assert all(0 <= id < tokenizer.vocab_size for id in ids)


def test_a_special_token_in_a_text_is_text(model: str) -> None:
    tokenizer = load_tokenizer(model)
    for ids in tokenizer.encode(["<|endoftext|>", "a<|endoftext|>b", "<|padding|>"]):
        assert tokenizer.end_of_text not in ids
        assert len(ids) > 3


def test_what_is_saved_is_read_back(model: str, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(model)
    tokenizer.save(tmp_path)
    again = load_tokenizer(tmp_path)
    assert again.encode(ODD) == tokenizer.encode(ODD)
    assert (again.vocab_size, again.end_of_text) == (tokenizer.vocab_size, tokenizer.end_of_text)


def test_a_directory_with_the_pair_is_opened_by_it(gpt2: str, tmp_path: Path) -> None:
    shutil.copy(gpt2, tmp_path / "vocab.json")
    shutil.copy(gpt2.replace("vocab.json", "merges.txt"), tmp_path / "merges.txt")
    assert load_tokenizer(tmp_path).encode(ODD) == load_tokenizer(gpt2).encode(ODD)
    assert tokenizer_files(str(tmp_path / "vocab.json")) == (f"{tmp_path}/vocab.json", f"{tmp_path}/merges.txt")
    (tmp_path / "merges.txt").unlink()
    with pytest.raises(InputError, match=r"put merges.txt beside it"):
        load_tokenizer(tmp_path)


def words(directory: Path, *vocabulary: str, **more: Any) -> Path:
    """A tokenizer of whole words that knows these."""
    ids = {word: id for id, word in enumerate(vocabulary)}
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel(ids, unk_token=vocabulary[0]))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    inner.enable_truncation(1)
    inner.enable_padding(length=5)
    path = directory / "tokenizer.json"
    inner.save(str(path))
    return path


def test_a_file_that_cuts_or_pads_does_neither_here(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(words(tmp_path, "<|endoftext|>", "a", "b"))
    assert tokenizer.encode(["a b a"]) == [[1, 2, 1]]


@pytest.mark.parametrize("named", ["</s>", {"content": "</s>", "lstrip": False}])
def test_the_end_of_text_is_the_configs_where_none_goes_by_the_name(tmp_path: Path, named: Any) -> None:
    path = words(tmp_path, "a", "</s>")
    with pytest.raises(InputError, match=r'no token that ends a text.*write \{"eos_token"'):
        load_tokenizer(path)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": named}))
    assert load_tokenizer(path).end_of_text == 1


def test_a_name_on_the_hub_is_opened_by_transformers(neox: str, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = transformers.PreTrainedTokenizerFast(tokenizer_file=neox, eos_token="<|endoftext|>")
    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", {"some/model": theirs}.__getitem__)
    assert load_tokenizer("some/model").encode(ODD) == load_tokenizer(neox).encode(ODD)


def test_what_goes_by_no_name_is_an_error_that_lists_what_may(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise OSError(f"{name} is not a local folder\nand more")

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", refuse)
    with pytest.raises(RecipeError, match=r"no-such is neither a tokenizer's file .* not a local folder$"):
        load_tokenizer("no-such")


def test_a_file_that_is_no_tokenizer_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError, match=r"tokenizer.json is no tokenizer that"):
        load_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(InputError, match=r"holds no tokenizer: expected tokenizer.json"):
        load_tokenizer(tmp_path)


def test_text_is_split_as_tiktoken_publishes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    published = pytest.importorskip("tiktoken_ext.openai_public")
    monkeypatch.setattr(published, "load_tiktoken_bpe", lambda *args, **more: {})
    monkeypatch.setattr(published, "data_gym_to_mergeable_bpe_ranks", lambda *args, **more: {})
    for name, (pattern, end_of_text) in SPLITS.items():
        theirs = published.ENCODING_CONSTRUCTORS[name]()
        assert (pattern, end_of_text) == (theirs["pat_str"], theirs["special_tokens"]["<|endoftext|>"])


def test_ranks_under_another_name_or_damaged_are_errors(gpt2_ranks: Path, tmp_path: Path) -> None:
    shutil.copy(gpt2_ranks, tmp_path / "cl100k.tiktoken")
    with pytest.raises(InputError, match=r"name it after its encoding; did you mean cl100k_base"):
        load_tokenizer(tmp_path / "cl100k.tiktoken")
    (tmp_path / "gpt2.tiktoken").write_text("IQ== 0\nno base64\n")
    with pytest.raises(InputError, match=r"no file of tiktoken"):
        load_tokenizer(tmp_path / "gpt2.tiktoken")


def test_a_text_beyond_tiktoken_is_an_ordinary_error(gpt2_ranks: Path) -> None:
    tokenizer = load_tokenizer(gpt2_ranks)
    with pytest.raises(ValueError, match="gives up on a text of 1000001 characters"):
        tokenizer.encode([" " * 1_000_000 + "x"])
    assert tokenizer.encode(["still here"])
