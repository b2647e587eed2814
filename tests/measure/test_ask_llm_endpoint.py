"""AskLLM against a real HTTP server: what is asked, what is read from the answers, and what failures cost."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from chat_server import ChatServer, chat_server, plain_reply, says, share_of_yes

from winnow.core.errors import RecipeError, WinnowError
from winnow.measure import llm_client
from winnow.measure.ask_llm import AskLLM
from winnow.measure.llm_endpoint import Endpoint
from winnow.measure.llm_questions import Rubric, YesNo

PROMPT = "Is <{document}> good?"


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as serving:
        yield serving


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llm_client, "FIRST_DELAY", 0.01)


def asking(server: ChatServer, kept: Path, question: YesNo | Rubric | None = None, **options: Any) -> AskLLM:
    endpoint = Endpoint(model="judge-1", url=server.url, **{"timeout": 5.0, "tries": 4, **options})
    return AskLLM(model=endpoint, question=question or YesNo(prompt=PROMPT), answers=str(kept))


def judged(measure: AskLLM, *texts: str | None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = measure.load()(pa.record_batch({"text": pa.array(texts, pa.string())})).to_pylist()
    return rows


def test_the_probabilities_of_all_spellings_are_added(server: ChatServer, tmp_path: Path) -> None:
    server.reply = lambda _: says("Yes", {"Yes": 0.5, " yes": 0.2, "YES": 0.05, "No": 0.1, "no": 0.05, "Maybe": 0.1})
    (row,) = judged(asking(server, tmp_path), "a text")
    assert row == {
        "yes": pytest.approx(0.75),
        "no": pytest.approx(0.15),
        "log_odds": pytest.approx(math.log(5)),
        "reason": None,
    }


@pytest.mark.parametrize(
    ("listed", "no"),
    [
        ({"Yes": 0.98, "Sure": 0.01, "OK": 0.002}, 0.002),  # the least that is listed
        ({"Yes": 0.9}, 0.1),  # what is left
        ({"Yes": 0.6, "Sure": 0.4}, 1e-6),  # nothing is left but rounding
    ],
)
def test_an_option_that_is_not_listed_counts_as_much_as_it_can(
    server: ChatServer, tmp_path: Path, listed: dict[str, float], no: float
) -> None:
    server.reply = lambda _: says("Yes", listed)
    (row,) = judged(asking(server, tmp_path), "a text")
    assert (row["yes"], row["no"]) == pytest.approx((listed["Yes"], no))
    assert row["log_odds"] == pytest.approx(math.log(listed["Yes"] / no))


def test_a_log_probability_that_the_server_does_not_know_is_not_listed(server: ChatServer, tmp_path: Path) -> None:
    reply: dict[str, Any] = says("Yes", {"Yes": 0.9, "Sure": 0.1})
    reply["logprobs"]["content"][0]["top_logprobs"].append({"token": "No", "logprob": -9999.0})
    server.reply = lambda _: reply
    assert judged(asking(server, tmp_path), "a text")[0]["no"] == pytest.approx(1e-6)


def test_a_rating_is_the_mean_over_the_digits(server: ChatServer, tmp_path: Path) -> None:
    server.reply = lambda _: says("3", {"3": 0.5, "2": 0.25, "4": 0.2, "A": 0.05})
    rows = judged(asking(server, tmp_path, Rubric(prompt=PROMPT)), "a text")
    assert rows == [{"score": pytest.approx((1.5 + 0.5 + 0.8) / 0.95), "reason": None}]


def test_the_answer_is_read_where_it_stands_behind_markup(server: ChatServer, tmp_path: Path) -> None:
    server.reply = lambda _: says("**Yes**", {"**": 0.9, "Yes": 0.1}, {"Yes": 0.7, "No": 0.3}, {"**": 1.0})
    assert judged(asking(server, tmp_path), "a text")[0]["yes"] == pytest.approx(0.7)


@pytest.mark.parametrize(("text", "yes"), [("Yes, it is.", 1.0), ("no", 0.0)])
def test_without_probabilities_the_text_decides(server: ChatServer, tmp_path: Path, text: str, yes: float) -> None:
    server.reply = lambda _: says(text)
    rows = judged(asking(server, tmp_path, top_logprobs=0), "a text")
    assert rows == [{"yes": yes, "no": 1 - yes, "log_odds": None, "reason": None}]
    assert "logprobs" not in server.requests[0]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (says("", refusal="I cannot read this."), "refused: I cannot read this."),
        ({**says("Yes"), "finish_reason": "content_filter"}, "refused: content_filter"),
        (says("As a language model", {"As": 0.9, "The": 0.1}), "unreadable: 'As a language model'"),
        ({"message": {"content": None}}, "unreadable: ''"),
    ],
)
def test_an_answer_that_is_none_is_null_with_its_reason(
    server: ChatServer, tmp_path: Path, reply: dict[str, Any], reason: str
) -> None:
    server.reply = lambda document: reply if document == "odd" else plain_reply(document)
    rows = judged(asking(server, tmp_path), "before", "odd", "after")
    assert rows[1] == {"yes": None, "no": None, "log_odds": None, "reason": reason}
    assert [rows[0]["yes"], rows[2]["yes"]] == pytest.approx([share_of_yes("before"), share_of_yes("after")])


def test_what_is_asked_follows_the_protocol(server: ChatServer, tmp_path: Path) -> None:
    judged(asking(server, tmp_path, extra={"max_tokens": None, "max_completion_tokens": 9}), "a text")
    assert server.requests == [
        {
            "model": "judge-1",
            "messages": [{"role": "user", "content": "Is <a text> good?"}],
            "temperature": 0,
            "logprobs": True,
            "top_logprobs": 20,
            "max_completion_tokens": 9,
        }
    ]


LONG = "word " * 210_000


@pytest.mark.parametrize("text", ["", "a", "日本語の文章。" * 900, "שלום", "\x00\u2028{document}", LONG, None])
def test_any_text_gets_a_number_and_the_prompts_end_stays(server: ChatServer, tmp_path: Path, text: str | None) -> None:
    (row,) = judged(asking(server, tmp_path, YesNo(prompt=PROMPT, clipped=" [...]")), text)
    assert row["reason"] is None and 0 <= row["yes"] <= 1
    content = server.requests[0]["messages"][0]["content"]
    assert content.startswith("Is <") and content.endswith("> good?")
    asked = content[4:-7]
    if len((text or "").encode()) <= 4096:
        assert asked == (text or "")
    else:
        kept = asked.removesuffix(" [...]")
        assert kept != asked and (text or "").startswith(kept) and 4090 < len(kept.encode()) <= 4096


FAULTS = ["429", "429 0", "500", "503", "reset", "truncated", "body <html>busy</html>", "body {}"]


@pytest.mark.parametrize(
    "fault", [*FAULTS, "hang", 'body {"error": {"message": "overloaded"}}', 'body {"choices": []}']
)
def test_what_fails_in_passing_is_asked_again_and_costs_no_neighbour(
    server: ChatServer, tmp_path: Path, fault: str
) -> None:
    texts = [f"text {number}" for number in range(12)]
    server.faults = {"text 3": [fault, fault], "text 7": [fault]}
    rows = judged(asking(server, tmp_path, timeout=1.5 if fault == "hang" else 20), *texts)
    assert [row["yes"] for row in rows] == pytest.approx([share_of_yes(text) for text in texts])
    assert server.asked == {text: {"text 3": 3, "text 7": 2}.get(text, 1) for text in texts}


def test_in_a_storm_of_faults_nothing_is_lost_and_nothing_answered_is_asked_again(
    server: ChatServer, tmp_path: Path
) -> None:
    rng = random.Random(0)
    texts = [f"text {number}" for number in range(150)]
    server.faults = {text: rng.choices(FAULTS, k=rng.randrange(4)) for text in texts}
    server.faults["text 30"] = ["reset", "hang", "500"]
    failed = {text: len(faults) for text, faults in server.faults.items()}
    rows = judged(asking(server, tmp_path, timeout=3), *texts, *texts[::-1])
    assert [row["yes"] for row in rows] == pytest.approx([share_of_yes(text) for text in [*texts, *texts[::-1]]])
    assert server.answered == dict.fromkeys(texts, 1)
    assert server.asked == {text: 1 + failed[text] for text in texts}


@pytest.mark.parametrize("status", ["429", "503"])
def test_no_request_is_sent_before_the_time_that_the_server_asks_for(
    server: ChatServer, tmp_path: Path, status: str
) -> None:
    server.faults = {"busy": [f"{status} 1"]}
    times: dict[str, float] = {}

    def timed(document: str) -> dict[str, Any]:
        times[document] = time.monotonic()
        return plain_reply(document)

    server.reply = timed
    began = time.monotonic()
    judged(asking(server, tmp_path, concurrency=1), "busy", "next")
    assert min(times.values()) - began >= 1


def test_being_one_of_too_many_is_no_failed_try(server: ChatServer, tmp_path: Path) -> None:
    server.faults = {"unlucky": ["429 0"] * 7}
    rows = judged(asking(server, tmp_path, tries=1), "unlucky", "other")
    assert [row["reason"] for row in rows] == [None, None]
    assert server.asked == {"unlucky": 8, "other": 1}


def test_an_empty_account_ends_the_run_at_once(server: ChatServer, tmp_path: Path) -> None:
    server.faults = {"*": ["429..."]}
    server.message = "insufficient_quota"
    with pytest.raises(WinnowError, match="insufficient_quota"):
        judged(asking(server, tmp_path), "a text")
    assert server.asked == {"a text": 1}


def test_a_date_to_come_back_at_is_understood() -> None:
    assert llm_client._retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 100))
    assert 90 < llm_client._retry_after(later) <= 100
    assert llm_client._retry_after("soon") == llm_client._retry_after(None) == llm_client._retry_after("-3") == 0


def test_a_document_that_always_fails_is_given_up_alone_and_asked_again_in_the_next_run(
    server: ChatServer, tmp_path: Path
) -> None:
    server.faults = {"bad": ["500..."]}
    texts = ["one", "bad", "two"]
    rows = judged(asking(server, tmp_path), *texts)
    assert [row["yes"] is None for row in rows] == [False, True, False]
    assert rows[1]["reason"].startswith("no answer in 4 tries: HTTP 500")
    assert server.asked == {"one": 1, "bad": 4, "two": 1}
    server.faults.clear()
    assert judged(asking(server, tmp_path), *texts)[1]["yes"] == pytest.approx(share_of_yes("bad"))
    assert server.asked == {"one": 1, "bad": 5, "two": 1}


def test_a_request_that_the_server_rejects_is_not_repeated(server: ChatServer, tmp_path: Path) -> None:
    server.faults = {"bad": ["400..."]}
    rows = judged(asking(server, tmp_path), "bad", "good")
    assert rows[0]["reason"].startswith("rejected: HTTP 400")
    assert "told to fail" in rows[0]["reason"]
    assert server.asked == {"bad": 1, "good": 1}


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("401...", "HTTP 401"),
        ("402...", "HTTP 402"),
        ("404...", "HTTP 404"),
        ("429...", "HTTP 429 .*, for 0 s"),
        ("429 86400", "HTTP 429 .*, come back in 86400 s"),
    ],
)
def test_an_endpoint_at_fault_ends_the_run_with_what_to_do(
    server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, why: str
) -> None:
    monkeypatch.setattr(llm_client, "LONGEST_PAUSE", 0.2)
    server.faults = {"*": [fault]}
    with pytest.raises(WinnowError, match=rf"judge-1: {why}.*Check the address.*\$OPENAI_API_KEY is not set"):
        judged(asking(server, tmp_path), "a text")


def test_a_server_that_is_not_there_ends_the_run(tmp_path: Path) -> None:
    with chat_server() as gone:
        pass
    with pytest.raises(WinnowError, match=r"ConnectionRefusedError.*4 times"):
        judged(asking(gone, tmp_path), "a text")


def test_an_outage_ends_the_run_and_keeps_what_was_answered(server: ChatServer, tmp_path: Path) -> None:
    judged(asking(server, tmp_path), "before")
    server.faults = {"*": ["503..."]}
    with pytest.raises(WinnowError, match=r"none of 20 documents in a row.*HTTP 503"):
        judged(asking(server, tmp_path, tries=1), *(f"text {number}" for number in range(40)))
    server.faults.clear()
    judged(asking(server, tmp_path), "before")
    assert server.asked["before"] == 1


def test_the_key_comes_from_the_environment_and_follows_no_redirect(
    server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGE_KEY", "sk-secret")
    with chat_server() as other:
        server.faults = {"lost": [f"redirect {other.url}/chat/completions"]}
        measure = asking(server, tmp_path, api_key_variable="JUDGE_KEY")
        judged(measure, "a text")
        assert server.headers[0]["Authorization"] == "Bearer sk-secret"
        with pytest.raises(WinnowError, match=r"HTTP 307.*JUDGE_KEY is sent"):
            judged(measure, "lost")
        assert not other.requests


def test_a_server_that_repeats_the_key_does_not_get_it_written_down(
    server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret\n")
    server.message = "wrong key sk-secret"
    server.faults = {"*": ["400"]}
    (row,) = judged(asking(server, tmp_path), "a text")
    assert "wrong key ***" in row["reason"] and "secret" not in row["reason"]


@pytest.mark.parametrize(
    "url", ["http://me:pass@localhost/v1", "https://localhost/v1?key=abc", "localhost:8000", "ftp://x"]
)
def test_an_address_that_is_none_or_holds_a_secret_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(RecipeError, match="url") as refused:
        judged(asking(ChatServer(url=url), tmp_path), "a text")
    assert "pass" not in str(refused.value) and "abc" not in str(refused.value)


@pytest.mark.parametrize("options", [{"concurrency": 0}, {"tries": 0}, {"max_cost": 1.0}])
def test_options_that_cannot_be_are_refused(server: ChatServer, tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match=next(iter(options))):
        judged(asking(server, tmp_path, **options), "a text")


def test_the_rows_have_the_announced_schema_even_when_there_are_none(server: ChatServer, tmp_path: Path) -> None:
    for question in (YesNo(prompt=PROMPT), Rubric(prompt=PROMPT)):
        measure = asking(server, tmp_path, question)
        judge = measure.load()
        for texts in ([], ["one", "two"]):
            made = judge(pa.record_batch({"text": pa.array(texts, pa.string())}))
            assert made.schema.equals(measure.columns(), check_metadata=True)
            assert made.num_rows == len(texts)
