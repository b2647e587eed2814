"""What a law is: a prediction with parameters, a part of which is linear."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.laws.setups import Runs, Setups


@dataclass(frozen=True)
class Parameter:
    """One that a law is not linear in. Fits search its logarithm between the bounds."""

    name: str
    low: float
    high: float
    """Both above zero; a fit that ends at either says so."""


@dataclass(frozen=True)
class Law:
    """A law: ``terms(theta) @ coefficients``, where every coefficient is at least zero.

    ``theta`` are the values of ``parameters``, in their order; coefficients those of ``coefficients``.
    """

    @abstractmethod
    def parameters(self, setups: Setups) -> tuple[Parameter, ...]:
        """What it is not linear in, for these pools."""

    @abstractmethod
    def coefficients(self, setups: Setups) -> tuple[str, ...]:
        """Names of what it is linear in."""

    @abstractmethod
    def terms(self, theta: NDArray[np.float64], setups: Setups) -> NDArray[np.float64]:
        """[n, coefficients] what each coefficient is multiplied with."""

    def predict(
        self, theta: NDArray[np.float64], coefficients: NDArray[np.float64], setups: Setups
    ) -> NDArray[np.float64]:
        """[n] values."""
        found: NDArray[np.float64] = self.terms(theta, setups) @ coefficients
        return found

    def residuals(
        self, theta: NDArray[np.float64], coefficients: NDArray[np.float64], runs: Runs
    ) -> NDArray[np.float64]:
        """[n] logarithms of prediction over measurement."""
        return np.log(self.predict(theta, coefficients, runs)) - np.log(runs.value)
