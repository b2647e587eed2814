"""The command ``winnow``: parse, call, print.

Exit codes: 0 done; 1 an error in winnow itself; 2 a wrong recipe, option or SQL condition, before anything ran; 3 an
input that cannot be read as what it claims to be; 4 more failures than the budget allows; 5 a task that kills its
workers; 130 interrupted. What is finished is kept in every case.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from winnow.core.errors import WinnowError

COMMANDS = {
    "run": "make a recipe's result; export the documents and a report",
    "plan": "what would run, what is cached and which field changed; cost estimate from a sample",
    "show": "a table's schema, counts, histograms of its columns, first rows",
    "explain": "everything known about one document: measures, the rule that dropped it, the document that it repeats",
    "audit": "plants duplicates, test items and noise in a copy of your own documents; reports what a recipe finds",
    "bench": "train and evaluate candidates at several scales and seeds; a ledger of runs and a leaderboard",
    "compare": "two candidates of a ledger, or the documents of two runs: paired differences, what changed",
    "advise": "how hard to filter and how many epochs for a budget, with uncertainty, from runs of your own",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    try:
        return _dispatch([argument for argument in given if argument != "--debug"])
    except KeyboardInterrupt:
        print("interrupted; finished work is kept, run the same command to go on", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader of our output went away
        return 0
    except Exception as error:
        if debug:
            raise
        return _tell(error)


def _tell(error: Exception) -> int:
    from winnow.core.errors import WinnowError

    if not isinstance(error, WinnowError):
        print(f"winnow: {type(error).__name__}: {error}", file=sys.stderr)
        print("This is a defect in winnow or in code it calls; --debug shows where.", file=sys.stderr)
        return 1
    print(f"winnow: {error}", file=sys.stderr)
    return _exit_code(error)


def _exit_code(error: WinnowError) -> int:
    from winnow.core.errors import FailureBudgetError, InputError, RecipeError, WorkerError

    codes = {RecipeError: 2, InputError: 3, FailureBudgetError: 4, WorkerError: 5}
    return next((code for kind, code in codes.items() if isinstance(error, kind)), 1)


def _dispatch(given: list[str]) -> int:
    parser = _parser()
    if not given or given[0] in ("-h", "--help"):
        parser.print_help()
        return 0
    if given[0] == "--version":
        from importlib.metadata import version

        print(f"winnow {version('winnow-data')}")
        return 0
    if given[0] not in COMMANDS:
        _refuse(f"there is no command {given[0]!r}", given[0], COMMANDS)
    actions = {
        "run": _run,
        "plan": _plan,
        "show": _show,
        "explain": _explain,
        "audit": _audit,
        "bench": _bench,
        "compare": _compare,
        "advise": _advise,
    }
    return actions[given[0]](given[1:])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="winnow",
        description="Turns raw web crawl into the training set that a given amount of compute deserves.",
        epilog=(__doc__ or "").split("\n\n")[1],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, text in COMMANDS.items():
        commands.add_parser(name, help=text)
    return parser


def _refuse(problem: str, name: str, known: Sequence[str] | dict[str, str]) -> NoReturn:
    from winnow.core.errors import RecipeError, did_you_mean

    raise RecipeError(f"{problem}; {did_you_mean(name, known)}")


class _Parser(argparse.ArgumentParser):
    """Raises RecipeError, with the nearest option, where argparse would print its usage and exit."""

    def error(self, message: str) -> NoReturn:
        from winnow.core.errors import RecipeError

        raise RecipeError(f"{self.prog}: {message} (--help shows the options)")


def _recipe_command(name: str, given: list[str]) -> tuple[argparse.Namespace, Any, dict[str, Any]]:
    """Parse a command that takes a recipe: its own options, the recipe's, and the step they make."""
    from winnow.recipes.catalog import SHIPPED, TRACKS, build, find_recipe, options_parser

    parser = _Parser(prog=f"winnow {name}", description=COMMANDS[name], allow_abbrev=False)
    shipped = TRACKS if name == "bench" else [recipe for recipe in SHIPPED if name == "plan" or recipe not in TRACKS]
    parser.add_argument("recipe", help=f"{', '.join(shipped)}, file.py:function, or a recipe.json")
    parser.add_argument("--json", action="store_true", help="print JSON for machines")
    _RECIPE_OPTIONS[name](parser)
    if given and not given[0].startswith("-") and ("-h" in given or "--help" in given):
        recipe = find_recipe(given[0])
        print(f"{recipe.__doc__ or ''}\n")
        options_parser(given[0], recipe).print_help()
        print()
    own, others = parser.parse_known_args(given)
    recipe = find_recipe(own.recipe)
    _check_options(parser, own.recipe, recipe, others)
    step, options = build(own.recipe, recipe, others)
    return own, step, options


def _check_options(parser: argparse.ArgumentParser, name: str, recipe: Any, others: list[str]) -> None:
    from winnow.recipes.catalog import options_parser

    own = list(parser._option_string_actions)
    known = [*own, *options_parser(name, recipe)._option_string_actions]
    for argument in others:
        option = argument.split("=")[0]
        if option.startswith("--") and option not in known:
            _refuse(f"neither winnow nor the recipe {name} has an option {option}", option, known)


def _add_store_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store", default="winnow-store", help="where tables are kept: a directory or s3://... (default: %(default)s)"
    )


def _add_plan_options(parser: argparse.ArgumentParser) -> None:
    _add_store_option(parser)
    parser.add_argument("--sample", metavar="SIZE", help="estimate the cost from a run on so much of the source: 64MiB")
    parser.add_argument("--workers", type=int, help="that the estimate is for (default: one per core)")


def _add_audit_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", help="where the page goes (default: winnow-audit-RECIPE)")
    parser.add_argument("--documents", type=int, default=4000, help="documents to read (default: %(default)s)")
    parser.add_argument("--plants", type=int, default=40, help="cases of every kind and rate (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of what is planted where (default: %(default)s)")


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", help="where documents and report go (default: winnow-RECIPE)")
    parser.add_argument("--format", default="parquet", help="of the documents: parquet or jsonl.zst")
    parser.add_argument("--attributes", action="store_true", help="also export every measure as Dolma attributes")
    _add_executor_options(parser)


def _add_bench_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", default="winnow-bench", help="of the ledger, which grows, and its leaderboard (default: %(default)s)"
    )
    _add_executor_options(parser)


def _add_executor_options(parser: argparse.ArgumentParser) -> None:
    _add_store_option(parser)
    parser.add_argument("--executor", choices=("processes", "ray"), default="processes", help="default: %(default)s")
    parser.add_argument("--address", help="of a Ray cluster: auto or HOST:PORT (default: one on this machine)")
    parser.add_argument("--workers", type=int, help="tasks at once (default: one per core; 0 runs in this process)")
    parser.add_argument("--failure-budget", type=float, default=0.01, help="share of records that may be quarantined")


_RECIPE_OPTIONS = {
    "run": _add_run_options,
    "plan": _add_plan_options,
    "audit": _add_audit_options,
    "bench": _add_bench_options,
}


def _run(given: list[str]) -> int:
    own, step, options = _recipe_command("run", given)
    from winnow.bench.rater_study import RaterStudy
    from winnow.bench.study import PruningStudy
    from winnow.choose.comparison import Comparison
    from winnow.core.step import Whole
    from winnow.core.storage import place
    from winnow.recipes.making import make_recipe
    from winnow.recipes.running import run_recipe
    from winnow.recipes.studying import run_study

    out = place(own.out or f"winnow-{_name(own.recipe)}")
    done: Any
    with contextlib.redirect_stdout(sys.stderr):  # what libraries have to say is no result
        if isinstance(step, PruningStudy | RaterStudy):
            done = run_study(own.recipe, step, out=out, **_execution(own))
        elif isinstance(step, Whole) and not isinstance(step, Comparison):
            done = make_recipe(own.recipe, step, out=out, **_execution(own))
        else:
            exported = {"format": own.format, "attributes": own.attributes}
            done = run_recipe(own.recipe, step, options, out=out, **exported, **_execution(own))
    return _print(done, own.json)


def _bench(given: list[str]) -> int:
    own, step, _ = _recipe_command("bench", given)
    from winnow.core.storage import place
    from winnow.recipes.benching import run_bench

    with contextlib.redirect_stdout(sys.stderr):
        done = run_bench(own.recipe, step, out=place(own.out), **_execution(own))
    return _print(done, own.json)


def _execution(own: argparse.Namespace) -> dict[str, Any]:
    """How and where a recipe is made."""
    from winnow.core.storage import place
    from winnow.recipes.running import find_executor

    return {
        "store": place(own.store),
        "executor": find_executor(own.executor, own.address, own.workers),
        "failure_budget": own.failure_budget,
        "quiet": own.json,
    }


def _print(result: Any, as_json: bool) -> int:
    """Every result has a plain form for machines and prints itself for people."""
    if as_json:
        print(json.dumps(result.to_plain(), indent=1, default=str))
    else:
        result.print()
    return 0


def _name(recipe: str) -> str:
    """A recipe's name as part of a directory's."""
    return Path(recipe).stem.split(":")[0]


def _plan(given: list[str]) -> int:
    own, step, _ = _recipe_command("plan", given)
    from winnow.core.executors import num_cores
    from winnow.core.storage import place
    from winnow.recipes.estimate import num_bytes
    from winnow.recipes.planning import plan_recipe

    sample = num_bytes(own.sample) if own.sample else None
    planned = plan_recipe(step, place(own.store), workers=own.workers or num_cores(), sample_bytes=sample)
    return _print(planned, own.json)


def _audit(given: list[str]) -> int:
    own, step, _ = _recipe_command("audit", given)
    from winnow.audit.model import Setting
    from winnow.recipes.auditing import audit_recipe

    command = shlex.join(["winnow", "audit", *given])
    amounts = {"documents": own.documents, "plants": own.plants, "seed": own.seed}
    setting = Setting(name=own.recipe, command=command, **amounts)
    done = audit_recipe(step, setting, Path(own.out or f"winnow-audit-{_name(own.recipe)}"))
    return _print(done, own.json)


def _show(given: list[str]) -> int:
    from winnow.core.storage import place
    from winnow.report.show import show

    parser = _Parser(prog="winnow show", description=COMMANDS["show"], allow_abbrev=False)
    parser.add_argument("path", help="a table's directory, or a store")
    parser.add_argument("--rows", type=int, default=5, help="first rows to print (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON for machines")
    own = parser.parse_args(given)
    shown = show(place(own.path), own.rows)
    return _print(shown, own.json)


def _explain(given: list[str]) -> int:
    from winnow.core.storage import place
    from winnow.report.explain import explain

    parser = _Parser(prog="winnow explain", description=COMMANDS["explain"], allow_abbrev=False)
    parser.add_argument("id", help="a document's id or url")
    _add_store_option(parser)
    parser.add_argument("--run", help="the output directory of the run to explain (default: the store's last run)")
    parser.add_argument("--json", action="store_true", help="print JSON for machines")
    own = parser.parse_args(given)
    found = explain(own.id, place(own.store), place(own.run) if own.run else None)
    return _print(found, own.json)


def _advise(given: list[str]) -> int:
    own = _advise_parser().parse_args(given)
    from winnow.recipes import advising

    if own.action == "check":
        checked = advising.check(Path(own.data) if own.data else None)
        return _print(checked, own.json) or int(bool(checked.wrong))
    if own.action == "fit":
        given_runs = {"metric": own.metric, "num_draws": own.draws, "chance": own.chance}
        return _print(advising.fit_runs(own.runs, own.pools, Path(own.out), **given_runs), own.json)
    budgets = _budgets(own)
    if own.action == "design":
        return _print(_design(own, budgets), own.json)
    return _print(advising.recommend(Path(own.fit), budgets), own.json)


def _design(own: argparse.Namespace, budgets: list[Any]) -> Any:
    from winnow.core.errors import RecipeError
    from winnow.laws.design import EPOCHS
    from winnow.recipes import designing

    if own.pools is None:
        return designing.design(Path(own.fit), budgets)
    if own.run_tokens is None or not own.run_params:
        raise RecipeError("winnow advise design --pools: give --run-params and --run-tokens, the runs thought of")
    plan = {name: getattr(own, name) for name in ("seeds", "noise", "quality")}
    plan["epochs"] = tuple(own.epochs or EPOCHS)
    runs = designing.RunPlan(num_params=tuple(own.run_params), tokens=own.run_tokens, **plan)
    return designing.simulate_runs(own.pools, runs, budgets)


def _advise_parser() -> argparse.ArgumentParser:
    more = "winnow advise ACTION --help shows an action's options; each takes --json"
    parser = _Parser(prog="winnow advise", description=COMMANDS["advise"], epilog=more, allow_abbrev=False)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=_Parser)
    fit = actions.add_parser("fit", help="fit laws of filtering and repetition to runs")
    fit.add_argument("runs", help="a ledger's directory, or a file: run, value, tokens:POOL, unique:POOL, params")
    fit.add_argument("--pools", help="a JSON list, best first: name, unique_tokens (default: the ledger's pools.json)")
    fit.add_argument("--metric", help="of the ledger, or the file's column (default: the only loss there is; value)")
    fit.add_argument("--out", default="winnow-advice", help="where the fit goes (default: %(default)s)")
    fit.add_argument("--draws", type=int, default=1000, help="fits of resampled runs (default: %(default)s)")
    fit.add_argument("--chance", type=float, help="the value that guessing reaches, if the value has one")
    for name, text in (("recommend", "what to do with budgets"), ("design", "what to train next to know better")):
        action = actions.add_parser(name, help=text)
        action.add_argument("fit", nargs="?", default="winnow-advice", help="what fit left (default: %(default)s)")
        action.add_argument("--tokens", nargs="+", type=float, default=[], help="budgets of so many tokens")
        action.add_argument("--flops", nargs="+", type=float, default=[], help="budgets of so many FLOPs")
        action.add_argument(
            "--params", type=float, help="size of the model (default: that of the runs, or to be advised)"
        )
        action.add_argument("--max-epochs", type=float, default=float("inf"), help="times a token may be seen at most")
    design = actions.choices["design"]
    design.add_argument("--pools", help="of no fit: simulate runs on these pools, before any is trained")
    design.add_argument("--run-params", nargs="+", type=float, default=[], help="their models")
    design.add_argument("--run-tokens", type=float, help="of each at most")
    design.add_argument("--epochs", nargs="+", type=float, help="over their pools (default: half a one to 16)")
    design.add_argument("--seeds", type=int, default=2, help="default: %(default)s")
    design.add_argument("--noise", type=float, default=0.005, help="of a run, relative (default: %(default)s)")
    quality = "what a token is worth in tokens of the pool before, as is assumed (default: %(default)s)"
    design.add_argument("--quality", type=float, default=0.5, help=quality)
    check = actions.add_parser("check", help="compute published numbers again, on this machine")
    check.add_argument("--data", help="a directory of the studies' data, for fits to it too")
    for action in actions.choices.values():
        action.add_argument("--json", action="store_true", help="print JSON for machines")
    return parser


def _budgets(own: argparse.Namespace) -> list[Any]:
    from winnow.core.errors import RecipeError
    from winnow.laws.plans import Budget

    limits = {"num_params": own.params, "max_epochs": own.max_epochs}
    found = [Budget(tokens=tokens, **limits) for tokens in own.tokens]
    found += [Budget(flops=flops, **limits) for flops in own.flops]
    if not found:
        raise RecipeError(f"winnow advise {own.action}: give --tokens or --flops, one budget or several")
    return found


def _compare(given: list[str]) -> int:
    parser = _Parser(prog="winnow compare", description=COMMANDS["compare"], allow_abbrev=False)
    parser.add_argument("a", help="a candidate of the ledger, or the output directory of a run")
    parser.add_argument("b", help="another")
    parser.add_argument("--ledger", default="winnow-bench", help="a ledger or its directory (default: %(default)s)")
    parser.add_argument("--scale", help="only this one (default: every scale that has both)")
    parser.add_argument("--metric", nargs="+", help="only these, such as heldout/news/bits_per_byte (default: all)")
    parser.add_argument("--json", action="store_true", help="print JSON for machines")
    own = parser.parse_args(given)
    from winnow.recipes.comparing import compare_any

    return _print(compare_any(own.a, own.b, own.ledger, own.scale, own.metric), own.json)


if __name__ == "__main__":
    sys.exit(main())
