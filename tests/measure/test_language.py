"""The embedded identifier on plain sentences and on real pages; fastText models on files whose answers are known."""

from __future__ import annotations

import io
import json
import math
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import zstandard

from winnow.core.errors import RecipeError
from winnow.measure.language import Language


def batch(*texts: str | None) -> pa.RecordBatch:
    return pa.record_batch({"text": pa.array(texts, pa.string())})


SENTENCES = {
    "en": "She opened the window because the room had become far too warm during the afternoon.",
    "de": "Nach dem Regen gingen die Kinder wieder hinaus und spielten bis zum Abend im Garten.",
    "fr": "Il faudra que nous partions de bonne heure si nous voulons éviter les embouteillages.",
    "es": "Mi abuela siempre decía que la paciencia es la madre de todas las ciencias.",
    "it": "Domani mattina andremo al mercato per comprare il pesce e qualche verdura fresca.",
    "nl": "De trein naar Utrecht had gisteren meer dan twintig minuten vertraging.",
    "sv": "På vintern brukar vi åka skidor i fjällen tillsammans med våra vänner.",
    "pl": "Wczoraj wieczorem spotkałem starego przyjaciela, którego nie widziałem od wielu lat.",
    "fi": "Kesällä järven rannalla on mukavaa istua ja kuunnella lintujen laulua.",
    "tr": "Akşam yemeğinden sonra hep birlikte sahilde uzun bir yürüyüş yaptık.",
    "hu": "A könyvtárban ma délután felolvasást tartanak a gyerekeknek.",
    "vi": "Hôm qua trời mưa rất to nên chúng tôi phải ở nhà cả ngày.",
    "ru": "Вечером мы долго гуляли по набережной и разговаривали о планах на лето.",
    "uk": "Минулого тижня ми їздили до бабусі в село і допомагали їй у саду.",
    "bg": "Утре ще отидем на планина, ако времето е хубаво и няма сняг по пътя.",
    "el": "Το καλοκαίρι θα πάμε διακοπές σε ένα μικρό νησί του Αιγαίου.",
    "he": "מחר בבוקר אנחנו נוסעים לירושלים לבקר את המשפחה.",
    "ar": "ذهبت مع أصدقائي إلى السوق لشراء الخضار والفواكه الطازجة.",
    "fa": "دیروز با خانواده‌ام به پارک رفتیم و تا شب آنجا ماندیم.",
    "hi": "कल शाम को हम सब मिलकर बाज़ार गए और बहुत सारी चीज़ें ख़रीदीं।",
    "th": "เมื่อวานนี้ฝนตกหนักมากจนถนนหลายสายมีน้ำท่วม",
    "ko": "어제는 친구들과 함께 영화를 보고 늦게 집에 돌아왔다.",
    "ja": "昨日は友だちと一緒に映画を見てから、遅くまで話しました。",
    "zh": "昨天下午我们一起去公园散步，然后在湖边喝茶。",
    "te": "నిన్న మేము స్నేహితులతో కలిసి సినిమా చూశాము.",
    "sw": "Jana jioni tulikwenda sokoni kununua matunda na mboga za majani.",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_plain_sentences_are_recognised(language: str) -> None:
    judged = Language().load()(batch(SENTENCES[language])).to_pylist()[0]
    assert judged["lang"] == language
    assert judged["score"] > 0.5
    assert (judged["en_score"] > 0.5) == (language == "en")


def test_a_page_in_two_languages_is_shared_between_them() -> None:
    page = f"{SENTENCES['en']} " * 20 + f"{SENTENCES['de']} " * 20
    judged = Language(scores=("en", "de", "fr")).load()(batch(page)).to_pylist()[0]
    assert judged["en_score"] == pytest.approx(0.5, abs=0.06)
    assert judged["de_score"] == pytest.approx(0.5, abs=0.06)
    assert judged["fr_score"] < 0.01
    assert judged["score"] == max(judged["en_score"], judged["de_score"])


def test_nothing_to_go_by_is_undetermined_with_score_zero() -> None:
    judged = Language().load()(batch("", None, " 12.5 % \n", "🙂🙂"))
    assert judged.to_pydict() == {"lang": ["und"] * 4, "score": [0.0] * 4, "en_score": [0.0] * 4}


def test_only_the_first_bytes_count_where_that_is_asked() -> None:
    page = SENTENCES["fr"] + f" {SENTENCES['en']}" * 30
    assert Language().load()(batch(page)).column("lang").to_pylist() == ["en"]
    assert Language(max_bytes=80).load()(batch(page)).column("lang").to_pylist() == ["fr"]


@pytest.mark.parametrize("scores", [(), ("en",), ("fr", "ceb")])
def test_the_rows_have_the_announced_schema_whatever_the_batch(scores: tuple[str, ...]) -> None:
    measure = Language(scores=scores)
    judge = measure.load()
    assert measure.columns().names == ["lang", "score", *(f"{language}_score" for language in scores)]
    for documents in (batch(), batch("one"), batch("one", "two", None).slice(1)):
        judged = judge(documents)
        assert judged.schema.equals(measure.columns(), check_metadata=True)
        assert judged.num_rows == documents.num_rows


def test_an_unknown_language_is_refused_with_the_nearest() -> None:
    with pytest.raises(RecipeError, match=r"knows no 'eng': did you mean en"):
        Language(scores=("eng",)).load()


def test_making_the_measure_loads_nothing_heavy() -> None:
    script = "import sys; from winnow.measure.language import Language; Language().columns(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numba", "fasttext", "duckdb"} & set(loaded)


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with zstandard.open(path, "rb") as compressed:
        yield from map(json.loads, io.TextIOWrapper(compressed, "utf-8"))


def test_real_web_pages_are_told_into_english_and_not(shared_data: Path) -> None:
    english = [row["text"] for row in rows(shared_data / "text/c4_sample/c4_sample.jsonl.zst")]
    other = list(rows(shared_data / "text/register_web_multilingual/register_web_multilingual.jsonl.zst"))[::5]
    judge = Language().load()
    kept = np.array(judge(batch(*english)).column("en_score")) >= 0.65
    judged = judge(batch(*(row["text"] for row in other)))
    slipped = np.array(judged.column("en_score")) >= 0.65
    right = np.array(judged.column("lang")) == np.array([row["lang"] for row in other])
    assert kept.mean() > 0.99  # a few pages of this C4 sample are Korean or lists of model numbers
    assert slipped.mean() < 0.005
    assert right.mean() > 0.94  # Indonesian is taken for Malay now and then


def test_sentences_of_75_languages_are_mostly_right(shared_data: Path) -> None:
    sentences = [row for row in rows(shared_data / "langid/lingua_testdata.jsonl.zst") if row["kind"] == "sentences"]
    sample = sentences[::25]
    judged = Language().load()(batch(*(row["text"] for row in sample))).column("lang").to_pylist()
    assert np.mean([got == row["lang"] for got, row in zip(judged, sample, strict=True)]) > 0.89


WORDS = {"hello": (4.0, 0.0), "bonjour": (0.0, 3.0), "both": (1.0, 1.0), "</s>": (0.0, 0.0)}


def write_fasttext(
    path: Path, words: Mapping[str, Sequence[float]], labels: Sequence[str], *, kind: int = 3, version: int = 12
) -> Path:
    """A model file as fastText 0.9.2 writes it (``FastText::saveModel``): softmax over the mean of the words' vectors.

    The output matrix is the identity, so the mean vector is the logits.
    """
    dim = len(labels)
    arguments = (dim, 5, 1, 1, 5, 1, 3, kind, 0, 0, 0, 100)
    parts = [struct.pack("<2i12id", 793712314, version, *arguments, 1e-4)]
    parts.append(struct.pack("<3i2q", len(words) + len(labels), len(words), len(labels), 100, -1))
    parts += [word.encode() + b"\0" + struct.pack("<qb", 10, 0) for word in words]
    parts += [label.encode() + b"\0" + struct.pack("<qb", 10, 1) for label in labels]
    vectors = np.array(list(words.values()), np.float32).reshape(len(words), dim)
    for matrix in (vectors, np.eye(dim, dtype=np.float32)):
        parts.append(struct.pack("<?2q", False, *matrix.shape) + matrix.tobytes())
    path.write_bytes(b"".join(parts))
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_fasttext(tmp_path / "lid.bin", WORDS, ["__label__en", "__label__fr"])


def test_a_fasttext_model_gives_its_softmax(model: Path) -> None:
    judged = Language(model=str(model), scores=("en", "fr")).load()(batch("hello", "bonjour both", "bonjour"))
    english = [1 / (1 + math.exp(-ahead)) for ahead in (4 / 2, -3 / 3, -3 / 2)]  # the mean includes </s>
    assert judged.column("en_score").to_pylist() == pytest.approx(english, abs=1e-4)
    assert judged.column("fr_score").to_pylist() == pytest.approx([1 - share for share in english], abs=1e-4)
    assert judged.column("lang").to_pylist() == ["en", "fr", "fr"]
    assert judged.column("score").to_pylist() == pytest.approx([max(p, 1 - p) for p in english], abs=1e-4)


def test_newlines_separate_words_for_fasttext_and_do_not_end_the_text(model: Path) -> None:
    judge = Language(model=str(model)).load()
    assert judge(batch("both\nbonjour\n\nboth")).equals(judge(batch("both bonjour both")))
    assert not judge(batch("both\nbonjour")).equals(judge(batch("bothbonjour")))


def test_a_fasttext_probability_never_exceeds_one(model: Path) -> None:
    judged = Language(model=str(model)).load()(batch("hello " * 50))
    assert 0.9 < judged.column("score")[0].as_py() <= 1


def test_texts_beyond_the_limit_are_cut_at_a_character_for_fasttext(model: Path) -> None:
    judge = Language(model=str(model), max_bytes=7).load()
    expected = Language(model=str(model)).load()(batch("hello "))
    assert judge(batch("hello é bonjour")).equals(expected)


def test_missing_texts_go_through_a_fasttext_model(model: Path) -> None:
    judged = Language(model=str(model)).load()(batch(None, ""))
    assert judged.column("en_score").to_pylist() == pytest.approx([0.5, 0.5], abs=1e-4)


def test_the_outside_file_is_named_so_that_its_digest_can_enter_the_key(model: Path) -> None:
    assert Language(model=str(model)).files() == (str(model),)
    assert Language().files() == ()


def test_a_fasttext_model_without_the_wanted_language_is_refused(tmp_path: Path) -> None:
    path = write_fasttext(tmp_path / "glot.bin", WORDS, ["__label__eng_Latn", "__label__fra_Latn"])
    with pytest.raises(RecipeError, match=r"knows no 'en': .*eng_Latn"):
        Language(model=str(path)).load()
    assert (
        Language(model=str(path), scores=("eng_Latn",)).load()(batch("hello")).column("lang")[0].as_py() == "eng_Latn"
    )


def test_a_missing_model_is_a_recipe_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"no fastText model at .*lid\.176\.bin"):
        Language(model=str(tmp_path / "lid.176.bin")).load()


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\x00" * 200])
def test_a_file_that_is_no_model_is_refused_with_how_it_begins(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lid.bin"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match="is not a fastText model"):
        Language(model=str(path)).load()


def test_word_vectors_are_refused(tmp_path: Path) -> None:
    path = write_fasttext(tmp_path / "vectors.bin", WORDS, ["x", "y"], kind=2)
    with pytest.raises(RecipeError, match="word vectors, not a classifier"):
        Language(model=str(path)).load()


def test_a_model_that_was_cut_short_is_refused(model: Path) -> None:
    whole = model.read_bytes()
    model.write_bytes(whole[:130])
    with pytest.raises(RecipeError, match="ends within its dictionary, after 130 bytes"):
        Language(model=str(model)).load()


def test_a_model_of_an_unknown_format_is_refused(tmp_path: Path) -> None:
    path = write_fasttext(tmp_path / "new.bin", WORDS, ["__label__en"] * 2, version=99)
    with pytest.raises(RecipeError, match=r"has version 99 of the format, 12 is known"):
        Language(model=str(path)).load()
