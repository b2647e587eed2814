"""Everything that runs have taught about some pools, kept in a directory: forms of law, their draws, their profiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from winnow.core.errors import InputError
from winnow.core.executors import num_cores, process_context
from winnow.core.files import read_json, write_json
from winnow.core.plain import from_plain, to_plain
from winnow.laws.advice import Beliefs, beliefs
from winnow.laws.baselines import LogLinearMixing, SingleScaleRanking
from winnow.laws.compare import Form, compare, preferred
from winnow.laws.fit import Fit, Over
from winnow.laws.inputs import VALUE
from winnow.laws.law import Law
from winnow.laws.plans import Pool
from winnow.laws.setups import Runs
from winnow.laws.uncertainty import NUM_DRAWS, Draws, Profile, bootstrap, profile

FITTED, ARRAYS = "fit.json", "fit.npz"


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """Laws fitted to runs, and how sure they are."""

    pools: tuple[Pool, ...]
    runs: Runs
    flags: tuple[str, ...]
    """What is doubtful about the runs."""
    forms: tuple[Form, ...]
    """The one that predicts best first."""
    baselines: tuple[Form, ...] = ()
    """Forms that no advice follows from."""
    draws: tuple[Draws, ...]
    """Of the preferred forms, in their order."""
    profiles: tuple[Profile, ...]
    """Of the best form's parameters."""
    metric: str = VALUE
    """What the runs' values are."""

    @property
    def ranking(self) -> SingleScaleRanking | None:
        """Of what the runs drew; None where no scale has runs of all of that."""
        try:
            return SingleScaleRanking.of(self.runs)
        except InputError:
            return None

    @property
    def believed(self) -> Beliefs:
        """What advice follows from."""
        return beliefs(self.draws, self.runs)

    def save(self, directory: Path) -> None:
        """Write ``fit.json`` and ``fit.npz``; another fit's are replaced."""
        directory.mkdir(parents=True, exist_ok=True)
        runs = {name: getattr(self.runs, name) for name in ("unique", "seen", "num_params", "value", "run")}
        arrays = {f"runs/{name}": array for name, array in runs.items()}
        for kind in ("forms", "baselines"):
            for number, form in enumerate(getattr(self, kind)):
                arrays |= {f"{kind}/{number}/{name}": getattr(form.fitted, name) for name in _ARRAYS}
        for number, draws in enumerate(self.draws):
            arrays |= {f"draws/{number}/{name}": getattr(draws, name) for name in _ARRAYS}
        for number, one in enumerate(self.profiles):
            arrays |= {f"profiles/{number}/{name}": getattr(one, name) for name in ("values", "deviance")}
        with (directory / ARRAYS).open("wb") as file:
            np.savez_compressed(file, **arrays)
        write_json(
            directory / FITTED,
            {
                "pools": [asdict(pool) for pool in self.pools],
                "flags": self.flags,
                "metric": self.metric,
                "forms": [_numbers(form, form.fitted) for form in self.forms],
                "baselines": [_numbers(form, form.fitted) for form in self.baselines],
                "draws": [{"law": to_plain(one.law), "noise": one.noise} for one in self.draws],
                "profiles": [_numbers(one) for one in self.profiles],
            },
        )


def fit_all(
    laws: Sequence[Law],
    runs: Runs,
    pools: Sequence[Pool],
    flags: Sequence[str] = (),
    noise: float | None = None,
    num_draws: int = NUM_DRAWS,
    metric: str = VALUE,
) -> Fitted:
    """Every law fitted and compared, those that predict best resampled, the best one's parameters profiled.

    All cores take part. Mixing without a price of repetition is compared as a baseline, where it can be fitted.
    """
    with ProcessPoolExecutor(num_cores(), process_context()) as processes:
        over = processes.map
        forms = compare(laws, runs, noise=noise, over=over)
        best = forms[0].fitted
        return Fitted(
            pools=tuple(pools),
            runs=runs,
            flags=tuple(flags),
            metric=metric,
            forms=tuple(forms),
            baselines=tuple(_baselines(runs, noise, over)),
            draws=tuple(bootstrap(form.fitted, runs, num_draws, over=over) for form in preferred(forms)),
            profiles=tuple(over(partial(profile, best, runs), range(len(best.theta)))),
        )


def _baselines(runs: Runs, noise: float | None, over: Over) -> Iterator[Form]:
    budgets = bool(np.ptp(runs.num_params * runs.tokens))
    with suppress(InputError):
        yield from compare([LogLinearMixing(budgets=budgets)], runs, noise=noise, over=over)


def open_fitted(directory: Path) -> Fitted:
    """What ``Fitted.save`` wrote; InputError where there is none."""
    if not (directory / FITTED).is_file():
        raise InputError(f"{directory} holds no {FITTED}: winnow advise fit makes it")
    plain = read_json(directory / FITTED)
    with np.load(directory / ARRAYS) as arrays:
        found = dict(arrays)
    pools = tuple(Pool(**one) for one in plain["pools"])
    return Fitted(
        pools=pools,
        runs=Runs(tuple(pool.name for pool in pools), **_under(found, "runs/")),
        flags=tuple(plain["flags"]),
        metric=plain["metric"],
        forms=_forms(plain, found, "forms"),
        baselines=_forms(plain, found, "baselines"),
        draws=tuple(
            Draws(law=from_plain(one["law"]), noise=one["noise"], **_under(found, f"draws/{number}/"))
            for number, one in enumerate(plain["draws"])
        ),
        profiles=tuple(
            Profile(**{**one, "interval": tuple(one["interval"])}, **_under(found, f"profiles/{number}/"))
            for number, one in enumerate(plain["profiles"])
        ),
    )


_ARRAYS = ("theta", "coefficients")


def _numbers(*parts: Any) -> dict[str, Any]:
    """The fields of objects that are no arrays; a law as plain data."""
    fields = {name: value for part in parts for name, value in vars(part).items()}
    kept = {name: value for name, value in fields.items() if not isinstance(value, np.ndarray | Fit)}
    return {name: to_plain(value) if isinstance(value, Law) else value for name, value in kept.items()}


def _forms(plain: Mapping[str, Any], arrays: Mapping[str, Any], kind: str) -> tuple[Form, ...]:
    return tuple(_form(one, _under(arrays, f"{kind}/{number}/")) for number, one in enumerate(plain[kind]))


def _form(plain: Mapping[str, Any], arrays: Mapping[str, Any]) -> Form:
    """A form from its numbers, the fit's among them."""
    own = {name: plain[name] for name in ("trained", "cross_validated", "standard_error", "extrapolated")}
    fit = {name: value for name, value in plain.items() if name not in own}
    return Form(fitted=Fit(**{**fit, "law": from_plain(plain["law"])}, **arrays), **own)


def _under(arrays: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
