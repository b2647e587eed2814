"""AskLLM in a run: what enters the key, what is asked once, what a kill costs, what is told beforehand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chat_server import ChatServer, chat_server, share_of_yes
from toys import Given, rows_of

import winnow
from winnow.core.errors import InputError, RecipeError
from winnow.core.executors import Processes
from winnow.core.plain import from_plain, to_plain
from winnow.core.run import materialize, stale_reason
from winnow.core.table import Store
from winnow.measure.ask_llm import AskLLM
from winnow.measure.llm_answers import FILE, Answers
from winnow.measure.llm_endpoint import Endpoint
from winnow.measure.llm_questions import CRITERIA_PROMPT, Rubric, YesNo
from winnow.measure.score import Score

PROMPT = "Is <{document}> good?"


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as serving:
        yield serving


def scores(server: ChatServer, kept: Path, *shards: list[str], **options: Any) -> Score:
    """The score of shards of texts, whose ids number them."""
    rows = tuple(tuple((f"{i}.{j}", text) for j, text in enumerate(shard)) for i, shard in enumerate(shards))
    endpoint = Endpoint(model="judge-1", url=server.url, **{"timeout": 20.0, **options})
    measure = AskLLM(model=endpoint, question=YesNo(prompt=PROMPT), answers=str(kept))
    return Score(documents=Given(shards=rows), measure=measure)


SHARDS = [[f"text {number}" for number in range(start, start + 15)] for start in (0, 10, 20)]
TEXTS = [text for shard in SHARDS for text in shard]


def test_any_number_of_workers_gives_the_same_bytes_and_asks_each_text_once(server: ChatServer, tmp_path: Path) -> None:
    digests = set()
    for workers in (1, 3):
        step = scores(server, tmp_path / f"answers-{workers}", *SHARDS)
        materialize(step, tmp_path / f"store-{workers}", Processes(workers))
        digests.add(Store(tmp_path / f"store-{workers}").table(step).manifest.digest)
        assert [row["yes"] for row in rows_of(step, tmp_path / f"store-{workers}")] == pytest.approx(
            [share_of_yes(text) for text in TEXTS]
        )
        assert server.asked == dict.fromkeys(TEXTS, 1)
        server.asked.clear()
    assert len(digests) == 1


def test_another_run_over_the_same_texts_asks_nothing(server: ChatServer, tmp_path: Path) -> None:
    materialize(scores(server, tmp_path / "answers", *SHARDS), tmp_path / "one")
    server.asked.clear()
    materialize(scores(server, tmp_path / "answers", TEXTS[::-1], ["new"]), tmp_path / "two")
    assert server.asked == {"new": 1}


def test_where_and_how_fast_it_is_asked_is_no_part_of_the_result(server: ChatServer, tmp_path: Path) -> None:
    step = scores(server, tmp_path / "answers", ["a text"])
    with chat_server() as moved:
        same = scores(moved, tmp_path / "other", ["a text"], concurrency=2, dollars_in=1.0, dollars_out=1.0)
        assert step.key == same.key
        materialize(step, tmp_path / "store")
        assert stale_reason(same, Store(tmp_path / "store")) is None
        again = scores(moved, tmp_path / "answers", ["a text"])
        materialize(again, tmp_path / "elsewhere")
        assert not moved.asked
    assert rows_of(step, tmp_path / "store") == rows_of(again, tmp_path / "elsewhere")


def test_what_is_asked_of_whom_is_the_result() -> None:
    def key(question: YesNo | Rubric | None = None, max_tokens: int = 1024, **options: Any) -> str:
        endpoint = Endpoint(**{"model": "judge-1", "url": "http://localhost/v1", **options})
        measure = AskLLM(model=endpoint, question=question or YesNo(), max_tokens=max_tokens)
        return Score(documents=Given(shards=()), measure=measure).key

    different = [
        key(),
        key(model="judge-2"),
        key(top_logprobs=5),
        key(extra={"seed": 1}),
        key(max_tokens=99),
        key(YesNo(prompt=CRITERIA_PROMPT)),
        key(YesNo(clipped="...")),
        key(Rubric()),
    ]
    assert len(set(different)) == len(different)
    assert key(url="http://elsewhere/v1") == key()


def test_a_step_is_rebuilt_from_its_plain_form_with_its_address() -> None:
    endpoint = Endpoint(model="judge-1", url="http://localhost/v1", extra={"options": {"think": False}}, max_cost=2.5)
    step = Score(documents=Given(shards=()), measure=AskLLM(model=endpoint, answers="here"))
    again = from_plain(to_plain(step))
    assert again.key == step.key
    assert again.measure.model.url == endpoint.url and again.measure.model.max_cost == 2.5
    assert again.measure.answers == "here"


def test_the_key_of_the_provider_is_written_nowhere(
    server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    materialize(scores(server, tmp_path / "answers", ["a text"]), tmp_path / "store", Processes(1))
    assert server.headers[0]["Authorization"] == "Bearer sk-secret"
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert not [path for path in files if b"sk-secret" in path.read_bytes()]


RUN = """
import sys
sys.path[:0] = [{tests!r}, {tests!r} + "/measure"]
from pathlib import Path
from chat_server import ChatServer
from test_ask_llm_run import SHARDS, scores
from winnow.core.run import materialize
materialize(scores(ChatServer(url={url!r}), Path({kept!r}), *SHARDS, concurrency=1), {store!r})
"""


def test_a_killed_run_goes_on_without_asking_again_what_was_answered(server: ChatServer, tmp_path: Path) -> None:
    tests, kept, store = str(Path(__file__).parents[1]), str(tmp_path / "answers"), str(tmp_path / "store")
    script = RUN.format(tests=tests, url=server.url, kept=kept, store=store)
    server.faults = {"text 17": ["hang"]}
    running = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not server.asked["text 17"] and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    before = dict(server.answered)
    assert before.pop("text 17") == 0 and set(before) > {"text 0", "text 14", "text 16"} and "text 29" not in before
    step = scores(server, Path(kept), *SHARDS)
    materialize(step, store)
    assert server.answered == dict.fromkeys(TEXTS, 1)
    assert server.asked == {text: 1 + (text == "text 17") for text in TEXTS}
    assert [row["yes"] for row in rows_of(step, Path(store))] == pytest.approx([share_of_yes(text) for text in TEXTS])


def test_the_cost_is_told_once_before_anything_is_asked(
    server: ChatServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prices = {"dollars_in": 2000.0, "dollars_out": 4000.0}
    materialize(scores(server, tmp_path / "answers", ["text 0"]), tmp_path / "one")
    caplog.clear()
    server.requests.clear()
    step = scores(server, tmp_path / "answers", *SHARDS, **prices)
    materialize(step, tmp_path / "two", Processes(2))
    (told,) = [record.getMessage() for record in caplog.records]
    prompts = sum(len(request["messages"][0]["content"]) for request in server.requests)
    tokens = int(told.split("about ")[1].split(" tokens in")[0].replace(",", ""))
    assert tokens == prompts // 4
    dollars = (tokens * 2000 + 34 * 5 * 4000) / 1e6
    assert f"judge-1 at {server.url}: 34 requests for 45 documents" in told
    assert told.endswith(f"170 out at 4 bytes a token, ${dollars:.2f}")
    assert len(server.requests) == 34
    caplog.clear()
    materialize(step, tmp_path / "two", Processes(2))
    assert not caplog.records


@pytest.mark.parametrize(
    ("limit", "why"),
    [
        ({"max_requests": 34}, "35 requests for 45 documents.*max_requests is 34"),
        ({"max_cost": 1.5, "dollars_in": 10000.0, "dollars_out": 1000.0}, r"max_cost is \$1\.50"),
    ],
)
def test_what_costs_more_than_allowed_is_refused_before_anything_is_asked(
    server: ChatServer, tmp_path: Path, limit: dict[str, Any], why: str
) -> None:
    step = scores(server, tmp_path / "answers", *SHARDS, **limit)
    with pytest.raises(RecipeError, match=why):
        materialize(step, tmp_path / "store", Processes(2))
    assert not server.requests
    materialize(scores(server, tmp_path / "answers", *SHARDS, max_requests=35), tmp_path / "store")


def test_a_choice_reads_the_scores(server: ChatServer, tmp_path: Path) -> None:
    score = scores(server, tmp_path / "answers", *SHARDS)
    chosen = winnow.Select(documents=score.documents, measures=(score,), keep=winnow.Top("ask_llm.log_odds", 0.2))
    materialize(chosen, tmp_path / "store")
    kept = [
        row["text"]
        for shard in (0, 1, 2)
        for batch in chosen.open_shard(Store(tmp_path / "store"), shard)
        for row in batch.to_pylist()
    ]
    assert sorted(set(kept), key=share_of_yes) == sorted(set(TEXTS), key=share_of_yes)[-len(set(kept)) :]


def test_answers_outlive_their_process_and_a_file_that_holds_none_is_refused(tmp_path: Path) -> None:
    keys = [number.to_bytes(16, "little") for number in range(1200)]
    with Answers(tmp_path) as kept:
        kept.put({key: {"number": number} for number, key in enumerate(keys)})
        assert kept.get([b"unknown"]) == {}
    with Answers(tmp_path) as kept, kept.claimed(keys[0]), kept.claimed(keys[1]):
        assert kept.get(keys) == {key: {"number": number} for number, key in enumerate(keys)}
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / FILE).write_bytes(b"no database" * 100)
    with pytest.raises(InputError, match=r"broken/answers-1\.sqlite cannot be used \(file is not a database\)"):
        Answers(tmp_path / "broken")
    with pytest.raises(RecipeError, match=r"cannot be kept in .*asking\.lock"):
        Answers(tmp_path / "asking.lock")


def test_a_full_disk_ends_the_run_instead_of_asking_again(
    server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Answers._open

    def opened_on_a_small_disk(self: Answers) -> Any:
        database = opened(self)
        database.execute("PRAGMA max_page_count = 2")
        return database

    monkeypatch.setattr(Answers, "_open", opened_on_a_small_disk)
    with pytest.raises(InputError, match=r"cannot be used \(database or disk is full\)"):
        materialize(scores(server, tmp_path / "answers", TEXTS, concurrency=1), tmp_path / "store")
    assert max(server.asked.values()) == 1


def test_a_claim_keeps_other_processes_out_until_its_process_ends(tmp_path: Path) -> None:
    script = (
        "import sys, time; from winnow.measure.llm_answers import Answers\n"
        f"kept = Answers({str(tmp_path)!r})\n"
        "with kept.claimed(bytes(16)): print('mine', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None and other.stdout.readline() == "mine\n"
        with Answers(tmp_path) as kept:
            assert not kept._claim(0)
            assert kept._claim(1)
            other.kill()
            other.wait()
            with kept.claimed(bytes(16)):
                pass
    finally:
        other.kill()
        other.wait()
        if other.stdout is not None:
            other.stdout.close()
