from __future__ import annotations

import json
from pathlib import Path

import pytest

from winnow.choose.select import Select
from winnow.core.errors import RecipeError
from winnow.core.files import read_json
from winnow.core.run import materialize
from winnow.core.step import ordered
from winnow.core.table import Store
from winnow.measure.ask_llm import AskLLM
from winnow.measure.llm_endpoint import Endpoint
from winnow.measure.score import Score
from winnow.recipes.catalog import find_recipe
from winnow.recipes.distil import distil

TEACHER = '''
def calm(text: str) -> float:
    """Words for each mark of exclamation."""
    return len(text.split()) / (1 + text.count("!"))
'''


@pytest.fixture
def crawl(tmp_path: Path) -> str:
    """400 documents, in half of which somebody shouts."""
    calm, loud = "it is known that water is wet", "buy now ! cheap ! offer ends !"
    rows = [{"id": f"d{n}", "text": " ".join([calm if n % 2 else loud] * (3 + n % 5))} for n in range(400)]
    path = tmp_path / "crawl.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_a_function_of_a_text_teaches(crawl: str, tmp_path: Path) -> None:
    (tmp_path / "judges.py").write_text(TEACHER)
    step = distil(crawl, teacher=f"{tmp_path / 'judges.py'}:calm", sample=0.8, fraction=0.3, keep=0.25)
    assert isinstance(step, Select)
    materialize(step, tmp_path / "store")
    store = Store(tmp_path / "store")
    kept = [row for batch in step.open_shard(store, 0, ["id"]) for row in batch.column("id").to_pylist()]
    assert len(kept) == 100
    assert {int(id[1:]) % 2 for id in kept} == {1}
    agreement = next(made for made in ordered(step) if type(made).__name__ == "Agreement")
    assert read_json(store.table(agreement).file("report.json"))["auc"] > 0.8


def test_nearness_to_a_benchmark_teaches(crawl: str, tmp_path: Path) -> None:
    tasks = tmp_path / "tasks.jsonl"
    tasks.write_text(
        '{"question": "Is water wet?", "answer": "It is."}\n{"question": "What is wet?", "answer": "Water"}\n'
    )
    step = distil(crawl, teacher="betr", benchmarks=(str(tasks),), sample=0.8, keep=0.25, by="tokens", student="linear")
    materialize(step, tmp_path / "store")
    kept = [
        id for batch in step.open_shard(Store(tmp_path / "store"), 0, ["id"]) for id in batch.column("id").to_pylist()
    ]
    assert {int(id[1:]) % 2 for id in kept} == {1}


def test_a_language_model_is_a_directory_or_a_name_at_an_endpoint(crawl: str) -> None:
    for endpoint, model in ((None, "models/judge"), ("http://localhost:8000/v1", "judge")):
        step = distil(crawl, teacher="ask_llm", model=model, endpoint=endpoint)
        asked = [made.measure for made in ordered(step) if isinstance(made, Score) and isinstance(made.measure, AskLLM)]
        expected = Endpoint(model=model, url=endpoint) if endpoint else model
        assert [measure.model for measure in asked] == [expected]


def test_what_cannot_work_is_refused_with_what_to_give() -> None:
    assert find_recipe("distil") is distil
    for options, told in (
        ({"teacher": "betr"}, "--benchmarks"),
        ({"teacher": "ask_llm"}, "--model"),
        ({"teacher": "ask_lm"}, "did you mean ask_llm"),
        ({"teacher": "nowhere.py:judge"}, "there is no file nowhere.py"),
        ({"teacher": "betr", "student": "ngrams"}, "did you mean ngram"),
    ):
        with pytest.raises(RecipeError, match=told):
            distil("crawl.jsonl", **options)  # type: ignore[arg-type]
