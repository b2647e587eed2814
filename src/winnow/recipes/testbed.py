"""The testbed's recipes: train a model, evaluate a model, and the two tracks that compare what models learn from."""

from __future__ import annotations

from collections.abc import Sequence

from winnow.bench.imported import ImportedRuns
from winnow.bench.tracks import Bench, Candidate, Trial, bench
from winnow.core.errors import RecipeError
from winnow.core.step import Rows
from winnow.documents.read import Read
from winnow.evaluate.evaluate import Evaluate
from winnow.evaluate.fine_tune import FineTune
from winnow.lm.fit_tokenizer import FitTokenizer
from winnow.lm.mix import Mix
from winnow.lm.scales import find_scale
from winnow.lm.shares import Proportional, Shares, Temperature, Weights
from winnow.lm.tokenize import Tokenize
from winnow.lm.train import Train
from winnow.measure.model import Model


def train(
    source: str,
    scale: str = "1M",
    tokens: int | None = None,
    heldout: tuple[str, ...] = (),
    tokenizer: str | None = None,
    vocabulary: int = 4096,
    seed: int = 0,
) -> Train:
    """Train one model of a fixed scale on documents, by the fixed recipe.

    ``--source`` is files, a glob, or the recipe.json of an earlier run. The budget is the scale's own (20 tokens per
    parameter) or ``--tokens``; a smaller set is repeated. The tokenizer is a file or a name, or else byte-level BPE
    fitted on the documents. ``--heldout NAME=SOURCE`` measures bits per byte along the way.
    """
    documents = documents_of(source)
    model = tokenizer or FitTokenizer(documents=documents, vocab_size=vocabulary)
    stream = Mix(
        sources=(("documents", Tokenize(documents=documents, tokenizer=model)),),
        num_tokens=find_scale(scale).num_tokens if tokens is None else tokens,
        seed=seed,
    )
    return Train(tokens=stream, scale=scale, seed=seed, heldout=heldout_mixes(heldout, model))


def evaluate(
    model: str,
    tasks: tuple[str, ...] = ("core",),
    task_files: tuple[str, ...] = (),
    max_items: int | None = None,
) -> Evaluate:
    """Evaluate a language model on DCLM's tasks: a checkpoint of ours or any causal model of Hugging Face's layout.

    ``--model`` is the directory of either, or a name on the hub; ``--tasks`` are names or groups (core, extended,
    small); their files are looked for in ``--task-files``, and a task whose file is not there is said to be missing.
    """
    return Evaluate(model=model, tasks=tasks, task_files=task_files, max_items=max_items)


def fine_tune(
    model: str,
    tasks: tuple[str, ...],
    task_files: tuple[str, ...] = (),
    fields: tuple[str, ...] = (),
    runs: int = 5,
    learning_rate: float | None = None,
    seed: int = 0,
) -> FineTune:
    """Fine-tune a language model on classification tasks and measure its accuracy on each, as papers do with GLUE.

    ``--model`` is a checkpoint of ours or any causal model of Hugging Face's layout. ``--tasks`` are names of GLUE's
    (sst2, rte, ...) whose files are looked for in ``--task-files``, or your own: ``NAME=TRAIN,TEST``, or ``NAME=FILE``,
    which is split. Accuracies are read beside the share of the most frequent label, ``majority`` in the report.
    """
    return FineTune(
        model=model,
        tasks=tasks,
        task_files=task_files,
        fields=fields,
        num_runs=runs,
        learning_rate=learning_rate,
        seed=seed,
    )


def filtering(
    candidate: tuple[str, ...],
    scale: tuple[str, ...] = ("0.3M", "1M"),
    seeds: int = 3,
    tokens: int | None = None,
    heldout: tuple[str, ...] = (),
    tasks: tuple[str, ...] = (),
    task_files: tuple[str, ...] = (),
    max_items: int | None = None,
    tokenizer: str | None = None,
    vocabulary: int = 4096,
) -> Bench:
    """Which choice of documents trains the better model?

    ``--candidate NAME=SOURCE ...``: files, a glob, or the recipe.json that a run left. Each is trained at every scale
    with every seed on the same number of tokens (the scale's own or ``--tokens``; what is smaller is repeated), then
    evaluated on ``--heldout NAME=SOURCE ...`` in bits per byte and on ``--tasks``. All share one tokenizer: a file, a
    name, or byte-level BPE fitted on the candidates' documents together.
    """
    _check_measured(seeds, heldout, tasks)
    documents = {name: documents_of(text) for name, text in all_named(candidate, "candidate").items()}
    model = tokenizer or FitTokenizer(documents=tuple(documents.values()), vocab_size=vocabulary)
    candidates = [
        Candidate(name, (("documents", Tokenize(documents=rows, tokenizer=model)),)) for name, rows in documents.items()
    ]
    return bench("filtering", candidates, _trial(scale, seeds, tokens, heldout, tasks, task_files, max_items, model))


def mixing(
    source: tuple[str, ...],
    mixture: tuple[str, ...],
    scale: tuple[str, ...] = ("0.3M", "1M"),
    seeds: int = 3,
    tokens: int | None = None,
    heldout: tuple[str, ...] = (),
    tasks: tuple[str, ...] = (),
    task_files: tuple[str, ...] = (),
    max_items: int | None = None,
    tokenizer: str | None = None,
    vocabulary: int = 4096,
) -> Bench:
    """Which mixture of sources trains the better model?

    ``--source NAME=SOURCE ...`` as candidates of the filtering track; ``--mixture NAME=SHARES ...``, where shares are
    ``size``, ``temperature:T``, or weights such as ``web:0.7,books:0.3``. Everything else is as in the filtering track.
    """
    _check_measured(seeds, heldout, tasks)
    documents = {name: documents_of(text) for name, text in all_named(source, "source").items()}
    model = tokenizer or FitTokenizer(documents=tuple(documents.values()), vocab_size=vocabulary)
    tables = tuple((name, Tokenize(documents=rows, tokenizer=model)) for name, rows in documents.items())
    candidates = [Candidate(name, tables, _shares(text)) for name, text in all_named(mixture, "mixture").items()]
    return bench("mixing", candidates, _trial(scale, seeds, tokens, heldout, tasks, task_files, max_items, model))


def imported(results: str, columns: tuple[str, ...] = (), track: str = "imported") -> ImportedRuns:
    """Rows of a CSV file of results, one run each, for the ledger.

    ``--columns COLUMN=FIELD ...`` says which column is which field of a run (``candidate``, ``scale``, ``seed``...);
    those called like fields are found by themselves, and every other column of numbers is a metric.
    """
    return ImportedRuns(results=results, columns=tuple(all_named(columns, "columns").items()), track=track)


def documents_of(source: str) -> Rows:
    """The documents of files, or those of a recipe that a run wrote down."""
    if not source.endswith(("recipe.json", "manifest.json")):
        return Read(source=source)
    from winnow.recipes.catalog import find_recipe

    step = find_recipe(source)()
    if not isinstance(step, Rows):
        raise RecipeError(f"{source} makes {type(step).__name__}, which has no documents")
    return step


def all_named(texts: Sequence[str], what: str) -> dict[str, str]:
    """``NAME=VALUE`` by its name; RecipeError for one that is not, and for a name that is given twice."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise RecipeError(f"--{what} is {text!r}; it must be NAME=VALUE")
        if name in found:
            raise RecipeError(f"--{what} names {name!r} twice: {found[name]} and {value}")
        found[name] = value
    return found


def _check_measured(seeds: int, heldout: Sequence[str], tasks: Sequence[str]) -> None:
    """Refuse a bench of no runs, or one that asks nothing of them."""
    if seeds < 1:
        raise RecipeError(f"--seeds is {seeds}; it must be at least 1, and 3 to tell training noise")
    if not heldout and not tasks:
        raise RecipeError("nothing is measured: give --heldout NAME=SOURCE or --tasks, best both")


def _shares(text: str) -> Shares:
    """``size``, ``temperature:2``, ``web:0.7,books:0.3``."""
    if text == "size":
        return Proportional()
    parts = [part.partition(":") for part in text.split(",")]
    try:
        numbers = tuple((name, float(number)) for name, _, number in parts)
    except ValueError:
        raise RecipeError(
            f"the mixture {text!r} is none: give size, temperature:T, or weights such as web:0.7,books:0.3"
        ) from None
    return Temperature(numbers[0][1]) if numbers[0][0] == "temperature" else Weights(numbers)


def _trial(
    scale: tuple[str, ...],
    seeds: int,
    tokens: int | None,
    heldout: tuple[str, ...],
    tasks: tuple[str, ...],
    task_files: tuple[str, ...],
    max_items: int | None,
    tokenizer: Model,
) -> Trial:
    return Trial(
        scales=scale,
        seeds=tuple(range(seeds)),
        num_tokens=tokens,
        heldout=heldout_mixes(heldout, tokenizer),
        tasks=tasks,
        task_files=task_files,
        max_items=max_items,
    )


def heldout_mixes(heldout: Sequence[str], tokenizer: Model) -> tuple[tuple[str, Mix], ...]:
    """Every held-out set once through, in a fixed order."""
    return tuple(
        (name, Mix(sources=((name, Tokenize(documents=documents_of(source), tokenizer=tokenizer)),)))
        for name, source in all_named(heldout, "heldout").items()
    )
