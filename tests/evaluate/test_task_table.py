"""The table of tasks says what DCLM's configuration and the tasks' files say."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from winnow.core.errors import RecipeError
from winnow.evaluate.task_files import TaskFiles
from winnow.evaluate.tasks import Task, all_tasks, find_tasks, task_groups

DCLM = task_groups()["extended"]
SHAPES = {"generation_task_with_answers": "generation"}
CHANGED_IN_V2 = {
    "siqa": 33.3,
    "commonsense_qa": 20,
    "bigbench_novel_concepts": 20,
    "bigbench_language_identification": 9.1,
    "bigbench_conceptual_combinations": 25,
    "bigbench_elementary_math_qa": 20,
    "agi_eval_lsat_ar": 20,
    "bigbench_logical_deduction": 20,
    "logi_qa": 27,
    "agi_eval_lsat_rc": 20,
    "agi_eval_lsat_lr": 20,
    "bigbench_understanding_fables": 20,
}
"""The baselines of eval_meta_data_v1.csv that eval_meta_data.csv does not have."""


@pytest.fixture(scope="module")
def configuration(shared_data: Path) -> Path:
    return shared_data / "eval_tasks" / "dclm_config"


@pytest.fixture(scope="module")
def heavy(configuration: Path) -> Mapping[str, Any]:
    yaml = pytest.importorskip("yaml")
    tasks = yaml.safe_load((configuration / "heavy.yaml").read_text())["icl_tasks"]
    return {task["label"]: task for task in tasks}


@pytest.fixture(scope="module")
def about(configuration: Path) -> Mapping[str, Mapping[str, str]]:
    with (configuration / "eval_meta_data.csv").open(newline="") as table:
        return {row["Eval Task"]: row for row in csv.DictReader(table)}


def test_the_53_tasks_are_dclms_in_its_order(heavy: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    assert len(DCLM) == 53
    assert list(DCLM) == list(heavy) == list(about)


@pytest.mark.parametrize("name", DCLM)
def test_prompts_are_configured_as_in_heavy_yaml(name: str, heavy: Mapping[str, Any]) -> None:
    task, theirs = all_tasks()[name], heavy[name]
    assert task.files[0].path == theirs["dataset_uri"].removeprefix("local_data/").removesuffix(".jsonl")
    assert task.shape == SHAPES.get(theirs["icl_task_type"], theirs["icl_task_type"])
    assert [task.num_shots] == theirs["num_fewshot"]
    assert task.example_delimiter == theirs.get("example_delimiter", "\n")
    assert task.continuation_delimiter == theirs.get("continuation_delimiter", " ")
    assert task.prelimiter == theirs.get("question_prelimiter", "")
    assert task.chain_delimiter == theirs.get("cot_delimiter", "")
    assert list(task.stop) == theirs.get("early_stopping_criteria", [])
    assert task.by_category == theirs.get("has_categories", False)


@pytest.mark.parametrize("name", DCLM)
def test_categories_counts_and_baselines_are_those_of_dclms_table(name: str, about: Mapping[str, Any]) -> None:
    task, theirs = all_tasks()[name], about[name]
    assert theirs["Task Category"].replace(" ", "_") in task.groups
    assert task.num_shots == int(theirs["#shots"])
    assert task.baselines["v2"] == pytest.approx(float(theirs["Random baseline"]) / 100)
    assert task.baselines["v1"] == pytest.approx(CHANGED_IN_V2.get(name, float(theirs["Random baseline"])) / 100)
    # Their row of arc_challenge repeats that of arc_easy; the file has 1,172.
    assert task.num_items == (1_172 if name == "arc_challenge" else int(theirs["#datapoints"]))


def test_core_is_dclms_list_of_low_variance(configuration: Path) -> None:
    lists = json.loads((configuration / "additional_aggregation.json").read_text())
    assert set(task_groups()["core"]) == set(lists["low_variance_datasets"])
    assert len(task_groups()["core"]) == 22


def test_the_six_categories_divide_the_53() -> None:
    sizes = {
        "world_knowledge": 10,
        "language_understanding": 8,
        "commonsense_reasoning": 8,
        "symbolic_problem_solving": 15,
        "reading_comprehension": 8,
        "safety": 4,
    }
    groups = task_groups()
    assert {name: len(groups[name]) for name in sizes} == sizes
    assert sorted(task for name in sizes for task in groups[name]) == sorted(DCLM)


def test_v2_and_corrected_differ_in_four_tasks() -> None:
    tasks = [all_tasks()[name] for name in DCLM]
    assert sum(task.baselines["v1"] != task.baselines["v2"] for task in tasks) == 12
    differing = {task.name for task in tasks if task.baselines["v2"] != task.baselines["corrected"]}
    assert differing == {"commonsense_qa", "boolq", "bigbench_conceptual_combinations", "math_qa"}


@pytest.mark.parametrize("task", all_tasks().values(), ids=lambda task: task.name)
def test_corrected_baselines_are_what_guessing_gets_in_the_file(task: Task, shared_data: Path) -> None:
    found = TaskFiles([str(shared_data / "eval_tasks")]).find(task)
    if found is None:
        pytest.skip(f"{task.name} is not at hand")
    field = {"multiple_choice": "choices", "schema": "context_options"}.get(task.shape)
    rows = found.rows()
    chance = sum(1 / len(row[field]) for row in rows) / len(rows) if field else 0.0
    assert task.baselines["corrected"] == pytest.approx(chance, abs=1e-6)


def test_groups_and_names_are_found_once_and_in_the_tables_order() -> None:
    names = [task.name for task in find_tasks(["small", "copa", "core", "copa"])]
    assert names[:22] == [name for name in DCLM if name in task_groups()["core"]]
    assert names[22:] == list(task_groups()["small"])
    assert find_tasks(["gpqa_main"])[0].num_shots == 5


def test_an_unknown_name_is_an_error_that_names_near_ones() -> None:
    with pytest.raises(RecipeError, match=r"'helaswag'.*did you mean hellaswag"):
        find_tasks(["core", "helaswag"])


def test_names_and_groups_do_not_collide() -> None:
    assert not set(all_tasks()) & set(task_groups())
