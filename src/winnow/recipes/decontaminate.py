"""Decontamination alone: read, look for evaluation items, leave out the documents that hold them."""

from __future__ import annotations

from winnow.choose.select import Select
from winnow.choose.unique import contaminated_from, uncontaminated
from winnow.core.step import Rows, Step, ordered
from winnow.decontaminate.contamination import Contamination, contamination
from winnow.decontaminate.items import Fields
from winnow.decontaminate.report import ContaminationReport
from winnow.documents.read import Read
from winnow.extract.named import extractor


def decontaminate(
    source: str,
    tasks: tuple[str, ...],
    method: str = "coverage",
    threshold: float | None = None,
    question_field: str | None = None,
    answer_field: str | None = None,
    choices_field: str | None = None,
    passage_field: str | None = None,
    extract: str = "resiliparse",
) -> Rows:
    """Leave out documents that hold evaluation items: JSONL files of tasks as their authors publish them.

    ``--method`` is coverage, decon, dclm or gpt3, ``--threshold`` the overlap from which a document is contaminated
    (default: the method's own). Fields are only named where they are not the usual ones. Besides the documents, a run
    leaves every item with the documents that hold it, and the tasks without the items that any document holds.
    """
    pages = Read(source=source, extract=extractor(extract))
    fields = Fields(question=question_field, answer=answer_field, choices=choices_field, passage=passage_field)
    return uncontaminated(contamination(pages, tasks=tasks, method=method, fields=fields), threshold)


def item_reports(recipe: Step) -> list[ContaminationReport]:
    """What each search for evaluation items of a recipe says of the items, from the overlap that its choice goes by."""
    steps = ordered(recipe)
    overlaps = {
        score.key: contaminated_from(select)
        for select in steps
        if isinstance(select, Select)
        for score in select.scores()
    }
    searches = [step for step in steps if isinstance(step, Contamination)]
    return [ContaminationReport(contamination=search, threshold=overlaps.get(search.key)) for search in searches]
