"""What a model predicts as a quadratic of its normalised parameters, fitted to runs of the model, with its own error."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from organtwin.physiology.model import Floats

RIDGE = 1e-6


@dataclass(frozen=True)
class Emulator:
    """``error`` (r) is the root mean square of what each run deviates from the fit to all the others (leave one out)."""

    centre: Floats  # (k)
    scale: Floats  # (k)
    coefficients: Floats  # (terms, r)
    error: Floats
    quadratic: bool

    @classmethod
    def fit(cls, z: Floats, y: Floats) -> Self:
        """From n runs at z (n, k) with outcomes y (n, r); linear where there are too few for a quadratic."""
        n, k = z.shape
        quadratic = n >= 2 * (1 + 2 * k + k * (k - 1) // 2)
        centre, scale = z.mean(axis=0), np.maximum(z.std(axis=0), 1e-9)
        terms = _terms((z - centre) / scale, quadratic)
        gram = terms.T @ terms + RIDGE * n * np.eye(terms.shape[1])
        inverse = np.linalg.inv(gram)
        coefficients = inverse @ (terms.T @ y)
        leverage = np.einsum("ni,ij,nj->n", terms, inverse, terms)
        left_out = (y - terms @ coefficients) / np.maximum(1.0 - leverage, 0.05)[:, None]
        return cls(centre, scale, coefficients, np.sqrt(np.mean(left_out**2, axis=0)), quadratic)

    def __call__(self, z: Floats) -> Floats:
        """(m, r) of z (m, k)."""
        made: Floats = _terms((z - self.centre) / self.scale, self.quadratic) @ self.coefficients
        return made

    @cached_property
    def slope(self) -> Floats:
        """(r, k): change of each outcome per unit of z at the centre."""
        k = len(self.centre)
        found: Floats = (self.coefficients[1 : 1 + k] / self.scale[:, None]).T
        return found

    def holds(self, z: Floats, reach: float = 3.0) -> bool:
        """Whether z (m, k) lies where the runs were: on average within ``reach`` of their standard deviations."""
        return bool(np.all(np.abs(z.mean(axis=0) - self.centre) < reach * self.scale))


def _terms(x: Floats, quadratic: bool) -> Floats:
    n, k = x.shape
    parts: list[NDArray[np.float64]] = [np.ones((n, 1)), x]
    if quadratic:
        i, j = np.triu_indices(k)
        parts.append(x[:, i] * x[:, j])
    return np.concatenate(parts, axis=1)
