"""Attributes that another tool wrote, as a measure."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from winnow.choose.rules import RuleSet
from winnow.choose.select import Select
from winnow.core.errors import InputError, RecipeError
from winnow.core.executors import Inline, Processes
from winnow.core.run import materialize, num_shards
from winnow.core.step import Step
from winnow.core.table import Store
from winnow.documents.export import ExportAttributes
from winnow.documents.read import Read
from winnow.measure.attributes import Attributes, imported_attributes
from winnow.measure.score import Score
from winnow.measure.text import Text


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt") as opened:
        opened.writelines(json.dumps(row) + "\n" for row in rows)
    return str(path)


def made(step: Step, root: Path, executor: Any = None) -> dict[str, list[Any]]:
    materialize(step, root / "store", executor or Inline())
    store = Store(root / "store")
    shards = [store.table(step).shard(shard).to_pydict() for shard in range(num_shards(step, store))]  # type: ignore[arg-type]
    return {name: [value for shard in shards for value in shard[name]] for name in shards[0]}


@pytest.fixture
def documents(tmp_path: Path) -> Read:
    for number in range(3):
        rows = [{"id": f"d{number}{n}", "text": "ten letter" * (n % 3)} for n in range(10)]
        write(tmp_path / "documents" / f"{number}.json.gz", rows)
    return Read(source=str(tmp_path / "documents"))


def test_numbers_and_spans_are_found_by_id_whatever_the_files_and_their_order(documents: Read, tmp_path: Path) -> None:
    spans = {"d00": [[0, 10, 0.25]], "d01": [[0, 1, 1], [1, 4, 0]], "d02": []}
    rows: list[dict[str, Any]] = [
        {"id": id, "attributes": {"t__v1__score": found, "deep": {"number": 7}}} for id, found in spans.items()
    ]
    source = write(tmp_path / "given" / "else.jsonl.gz", [*rows, {"id": "another", "attributes": {}}][::-1])
    columns = {"score": "t__v1__score", "number": "deep.number"}
    found = made(imported_attributes(documents, source=source, attributes=columns), tmp_path)
    assert found["id"] == made(documents, tmp_path)["id"]
    by_id = dict(zip(found["id"], found["score"], strict=True))
    assert (by_id["d00"], by_id["d01"], by_id["d02"]) == (0.25, 0.25, 0.0)
    assert [id for id, value in by_id.items() if value is not None] == ["d00", "d01", "d02"]
    assert [value for value in found["number"] if value is not None] == [7, 7, 7]


def test_what_winnow_exports_comes_back_as_it_was(documents: Read, tmp_path: Path) -> None:
    score = Score(documents=documents, measure=Text())
    exported = ExportAttributes(documents=documents, score=score)
    numbers = made(score, tmp_path)
    made_files(exported, tmp_path)
    files = str(tmp_path / "store" / exported.label / "shards")
    again = imported_attributes(documents, source=files, attributes={"chars": "text__num_chars"})
    assert made(again, tmp_path)["chars"] == numbers["num_chars"]


def made_files(step: ExportAttributes, root: Path) -> None:
    materialize(step, root / "store", Inline())


def test_real_attributes_of_dolma_reject_what_they_should(shared_data: Path, tmp_path: Path) -> None:
    provided = shared_data / "peer_fixtures" / "dolma" / "provided"
    pages = Read(source=str(provided / "documents"))
    toxic = imported_attributes(
        pages, source=str(provided / "attributes" / "toxicity"), attributes={"score": "toxicity"}, name="toxicity"
    )
    personal = imported_attributes(
        pages, source=str(provided / "attributes" / "pii"), attributes={"email": "pii.email"}, name="pii"
    )
    given = {row["id"]: row for row in lines(provided / "attributes" / "toxicity" / "000.json.gz")}
    found = made(toxic, tmp_path)
    assert len(found["id"]) == len(given) == 10
    expected = [given[id]["attributes"].get("toxicity") for id in found["id"]]
    assert found["score"] == expected
    rules = RuleSet(
        name="safe", source="", measures=(), rules=(("toxic", "toxicity.score > 0.7"), ("pii", "pii.email > 0"))
    )
    chosen = Select(documents=pages, measures=(toxic, personal), reject=rules)
    materialize(chosen, tmp_path / "store", Inline())
    counts = Store(tmp_path / "store").table(chosen).manifest.counts
    assert counts["any: safe:toxic"] == sum(score is not None and score > 0.7 for score in expected)
    given_pii = lines(provided / "attributes" / "pii" / "000.json.gz")
    assert counts["any: safe:pii"] == sum("email" in row["attributes"].get("pii", {}) for row in given_pii)


def lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as opened:
        return [json.loads(line) for line in opened]


def test_workers_and_files_decide_nothing(documents: Read, tmp_path: Path) -> None:
    rows = [{"id": f"d{n % 3}{n // 3}", "attributes": {"n": n}} for n in range(30)]
    one = write(tmp_path / "one" / "a.jsonl.gz", rows)
    for place in range(5):
        write(tmp_path / "many" / f"{place}.jsonl.gz", rows[place::5])
    first = imported_attributes(documents, source=one, attributes={"n": "n"})
    second = imported_attributes(documents, source=str(tmp_path / "many"), attributes={"n": "n"})
    assert made(first, tmp_path) == made(second, tmp_path, Processes(2))


def test_a_line_that_is_none_is_set_aside_and_its_neighbours_are_kept(documents: Read, tmp_path: Path) -> None:
    rows = [{"id": f"d0{n}", "attributes": {"a": n}} for n in range(10)]
    rows[3]["attributes"] = "none"
    rows[4]["attributes"] = {"a": [[1, 2]]}
    source = write(tmp_path / "given" / "a.jsonl.gz", rows)
    step = imported_attributes(documents, source=source, attributes={"a": "a"})
    found = made(step, tmp_path)
    assert [value for value in found["a"] if value is not None] == [0, 1, 2, 5, 6, 7, 8, 9]
    errors = [entry["error"] for entry in Store(tmp_path / "store").table(step.joined.values).quarantine()]
    assert len(errors) == 2
    assert "no object 'attributes'" in errors[0]
    assert "neither a number nor spans" in errors[1]


def test_attributes_of_other_documents_are_refused(documents: Read, tmp_path: Path) -> None:
    source = write(tmp_path / "given" / "a.jsonl.gz", [{"id": "x", "attributes": {"a": 1}}])
    with pytest.raises(InputError, match="is it the right folder"):
        made(imported_attributes(documents, source=source, attributes={"a": "a"}), tmp_path)


@pytest.mark.parametrize(
    ("attributes", "message"), [({}, "attributes is empty"), ({"a b": "x"}, "'a b' must be a name")]
)
def test_columns_that_are_no_names_are_refused(
    documents: Read, tmp_path: Path, attributes: dict[str, str], message: str
) -> None:
    step: Attributes = imported_attributes(documents, source="somewhere", attributes=attributes)
    with pytest.raises(RecipeError, match=message):
        step.joined.values.check()
