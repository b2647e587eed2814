from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.documents.charset import Decoded, codec_for, decode

GERMAN = "Die Straße ist schön und größer als über alle Maßen. " * 5
RUSSIAN = "Привет, как дела? Это русский текст. " * 5
JAPANESE = "日本語のテキストです。こんにちは世界。" * 5
CHINESE = "这是中文文本，你好世界。我们今天学习如何检测编码。" * 5
KOREAN = "한국어 텍스트입니다. 안녕하세요 여러분. " * 5


def page(text: str, charset: str) -> bytes:
    return f'<html><head><meta charset="{charset}"><title>x</title></head><body>{text}'.encode(charset)


def test_the_header_is_believed_where_it_fits() -> None:
    assert decode(RUSSIAN.encode("koi8-r"), "koi8-r") == Decoded(RUSSIAN, "koi8-r", "header", 0)


def test_a_byte_order_mark_is_believed_before_the_header_and_left_out_of_the_text() -> None:
    for bom, codec in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        assert decode(bom + GERMAN.encode(codec), "iso-8859-1") == Decoded(GERMAN, codec, "bom", 0)


def test_a_byte_order_mark_is_believed_in_a_page_cut_off_inside_a_character() -> None:
    assert decode(codecs.BOM_UTF16_LE + b"a\0b\0c") == Decoded("ab\ufffd", "utf-16-le", "bom", 1)


@pytest.mark.parametrize(
    "declaration",
    [
        '<meta charset="windows-1251">',
        "<META HTTP-EQUIV='Content-Type' CONTENT='text/html; charset=windows-1251'>",
        "<meta name=x><meta  content='text/html;charset=WINDOWS-1251' http-equiv=content-type />",
        "<?xml version='1.0' encoding='windows-1251'?>",
    ],
)
def test_the_page_s_own_declaration_is_believed_where_there_is_no_header(declaration: str) -> None:
    found = decode((declaration + RUSSIAN).encode("cp1251"))
    assert (found.charset, found.source) == ("cp1251", "meta")
    assert found.text.endswith(RUSSIAN)


def test_a_declaration_in_plain_text_is_no_declaration() -> None:
    text = "<meta charset=koi8-r> " + RUSSIAN
    assert decode(text.encode(), is_html=False) == Decoded(text, "utf-8", "detected", 0)


@pytest.mark.parametrize(
    ("text", "charset", "codec"),
    [
        (GERMAN, "cp1252", "cp1252"),
        (RUSSIAN, "cp1251", "cp1251"),
        (RUSSIAN, "koi8-r", "koi8-r"),
        (JAPANESE, "shift_jis", "cp932"),
        (JAPANESE, "euc_jp", "euc_jp"),
        (JAPANESE, "iso2022_jp", "iso2022_jp"),
        (CHINESE, "gb2312", "gb18030"),
        (KOREAN, "euc_kr", "cp949"),
        (GERMAN, "utf-8", "utf-8"),
        (KOREAN, "utf-8", "utf-8"),
    ],
)
def test_the_charset_is_detected_where_nothing_is_said(text: str, charset: str, codec: str) -> None:
    assert decode(text.encode(charset)) == Decoded(text, codec, "detected", 0)


@pytest.mark.parametrize("bogus", ["", "none", "utf-8;", "x" * 300, "\u2603", "utf-7", "no-such-charset"])
def test_a_name_that_means_nothing_is_passed_over(bogus: str) -> None:
    assert decode(page(RUSSIAN, "koi8-r"), bogus).source == "meta"


def test_a_latin_page_that_claims_utf8_is_not_believed() -> None:
    found = decode(page(GERMAN, "utf-8").replace(b'"utf-8"', b'"iso-8859-1"').decode().encode("cp1252"), "utf-8")
    assert (found.charset, found.source, found.num_replaced) == ("cp1252", "meta", 0)
    assert GERMAN in found.text


def test_one_latin_letter_in_an_ascii_page_is_enough_to_disprove_utf8() -> None:
    assert decode(b"the caf\xe9 is open today", "utf-8").text == "the café is open today"


@pytest.mark.parametrize("claim", ["iso-8859-1", "windows-1251", "ascii"])
def test_a_utf8_page_that_claims_a_charset_of_single_bytes_is_read_as_utf8(claim: str) -> None:
    assert decode(GERMAN.encode(), claim) == Decoded(GERMAN, "utf-8", "detected", 0)


def test_an_ascii_page_that_claims_utf16_is_read_as_ascii() -> None:
    assert decode(b"<p>plain", "utf-16").text == "<p>plain"
    assert decode(b'<meta charset="utf-16"><p>plain').text.endswith("<p>plain")


def test_utf16_without_a_mark_is_read_where_the_header_says_so() -> None:
    text = "<p>" + CHINESE
    assert decode(text.encode("utf-16-le"), "utf-16le") == Decoded(text, "utf-16-le", "header", 0)


def test_a_page_cut_off_inside_a_character_keeps_its_charset() -> None:
    assert decode(KOREAN.strip(" .").encode()[:-1], "utf-8") == Decoded(KOREAN[:-3] + "\ufffd", "utf-8", "header", 1)


def test_a_few_broken_bytes_do_not_cost_the_page_its_charset() -> None:
    data = KOREAN.encode() + b"\xff" + KOREAN.encode()
    found = decode(data, "utf-8")
    assert (found.charset, found.source, found.num_replaced) == ("utf-8", "header", 1)
    assert found.text.replace("\ufffd", "") == KOREAN * 2


def test_replacement_characters_that_the_page_itself_holds_are_not_counted() -> None:
    data = ("\ufffd" * 3 + KOREAN).encode() + b"\xff"
    assert decode(data, "utf-8").num_replaced == 1


@given(st.binary(max_size=300), st.none() | st.sampled_from(["utf-8", "gbk", "latin1", "utf-16", "bogus"]))
def test_every_sequence_of_bytes_gives_a_text_and_views_give_the_same(data: bytes, declared: str | None) -> None:
    found = decode(data, declared)
    assert decode(memoryview(data), declared) == found
    assert found.num_replaced <= found.text.count("\ufffd")
    codecs.lookup(found.charset)
    found.text.encode()


@given(st.text())
def test_utf8_comes_back_as_it_was(text: str) -> None:
    assert decode(text.encode(), "UTF-8").text == text.removeprefix("\ufeff")


def test_every_charset_of_the_web_has_a_codec() -> None:
    labels = """866 ascii big5 big5-hkscs cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 dos-874 euc-jp
        euc-kr gb18030 gb2312 gbk hebrew iso-2022-jp iso-8859-1 iso-8859-2 iso-8859-3 iso-8859-4 iso-8859-5 iso-8859-6
        iso-8859-7 iso-8859-8 iso-8859-8-i iso-8859-9 iso-8859-10 iso-8859-13 iso-8859-14 iso-8859-15 iso-8859-16 koi8-r
        koi8-u ks_c_5601-1987 latin1 mac shift_jis sjis tis-620 utf-16 utf-16be utf-16le utf-8 windows-874 windows-949
        windows-1250 windows-1251 windows-1252 x-cp1251 x-gbk x-sjis"""
    for label in labels.split():
        codec = codec_for(label)
        assert codec is not None, label
        assert "a".encode(codec).decode(codec) == "a"
