"""The one exception tree.

WinnowError
├── RecipeError       the recipe or an option is wrong; nothing was run
├── InputError        a source cannot be read as what it claims to be
│   └── DuplicateIdError   two documents of one source carry the same id
├── AlignmentError    two tables that must describe the same documents do not
├── FailureBudgetError     more records were quarantined than the run allows
└── WorkerError       a worker died more often than its shard may be retried

Every message says what happened, the value, and what to do next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class WinnowError(Exception):
    """Anything that winnow reports to its user without a traceback."""


class RecipeError(WinnowError):
    """The recipe or an option is wrong; nothing was run."""


class InputError(WinnowError):
    """A source cannot be read as what it claims to be."""


class DuplicateIdError(InputError):
    """Two documents of one source carry the same id."""


class AlignmentError(WinnowError):
    """Two tables that must describe the same documents do not."""


class FailureBudgetError(WinnowError):
    """More records were quarantined than the run allows."""


class WorkerError(WinnowError):
    """A worker died more often than its shard may be retried."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of an error message about an unknown name: the nearest known names, else all of them.

    >>> did_you_mean("gopher@dcml", ["gopher@dclm", "c4@tfds"])
    'did you mean gopher@dclm?'
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"known: {', '.join(names)}" if names else "none are known"
