"""Ogden: powers of the principal stretches, one to three terms.

The energy needs Σ λᵢ^α, a smooth function of C̄ although the stretches themselves are not where two of them are equal.
It is computed without them, from the invariants of C̄, whose third is 1. With α/2 = n + s, n whole and 0 ≤ s < 1,

    x^s = Σ_k w_k x / (x + t_k)

to within 1e-9 for stretches between 1/2 and 2, and 3e-6 between 1/3 and 3 (Gauss-Jacobi quadrature of x^s = sin(πs)/π ∫
t^(s−1) x/(x + t) dt), and Σ λᵢ^(2n + 2) / (λᵢ² + t) is rational in the invariants by the theorem of Cayley and
Hamilton. A negative exponent is a positive one of the inverse, whose invariants are the same two exchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import roots_jacobi

from organtwin_solvers.tissue.laws.base import Law, Parameter
from organtwin_solvers.tissue.laws.invariants import isochoric_invariants

NODES = 10
TERMS = (1, 2, 3)


def distortion(F: Any, mu: Any, **parameters: Any) -> Any:
    """Σ_p 2 μ_p/α_p² (λ̄₁^α_p + λ̄₂^α_p + λ̄₃^α_p − 3) with μ_p = share_p μ, and share_1 what the others leave."""
    I1, I2 = isochoric_invariants(F)
    shares = (1 - parameters["share_2"] - parameters["share_3"], parameters["share_2"], parameters["share_3"])
    terms = [(share, parameters[f"alpha_{number}"]) for number, share in zip(TERMS, shares, strict=True) if share > 0]
    return sum(2 * share * mu / alpha**2 * (sum_of_powers(I1, I2, alpha / 2) - 3) for share, alpha in terms)


def sum_of_powers(I1: Any, I2: Any, exponent: float) -> Any:
    """Σ xᵢ^exponent of three numbers whose product is 1, from their sum I1 and the sum I2 of their products in pairs."""
    if exponent < 0:
        return sum_of_powers(I2, I1, -exponent)
    whole, rest = divmod(exponent, 1)
    n = int(whole)
    sums = [3, I1, I1**2 - 2 * I2]  # of the powers 0, 1, 2 ...
    while len(sums) < n + 3:
        sums.append(I1 * sums[-1] - I2 * sums[-2] + sums[-3])
    if rest < 1e-12:
        return sums[n]
    return sum(
        weight * (sums[n] + t * (I1 * sums[n + 1] - sums[n + 2]) + t**2 * sums[n + 1]) / (((t + I1) * t + I2) * t + 1)
        for t, weight in _nodes(rest)
    )


@lru_cache(maxsize=64)
def _nodes(power: float) -> list[tuple[float, float]]:
    """Pairs (t, w) with x^power = Σ w x / (x + t), exact at x = 1."""
    with np.errstate(divide="ignore", invalid="ignore"):  # SciPy computes 0/0 where it does not use it
        y, weight = roots_jacobi(NODES, power - 1, -power)
    t = (1 - y) / (1 + y)
    weight = weight / (1 + y)
    weight /= np.sum(weight / (1 + t))
    return [(float(a), float(b)) for a, b in zip(t, weight, strict=True)]


def _unstable(parameters: Mapping[str, float]) -> str:
    for term in TERMS:
        if parameters[f"alpha_{term}"] == 0:
            return f"with alpha_{term} = 0: a power of zero stores no energy"
    rest = 1 - parameters["share_2"] - parameters["share_3"]
    return f"with shares that leave {rest:g} to the first term" if rest < 0 else ""


def _alpha(default: float, term: int) -> Parameter:
    return Parameter(default, -30.0, 30.0, f"exponent of term {term}; not 0", fixed=True)


def _share(term: int) -> Parameter:
    meaning = f"share of the shear modulus in term {term}: below 0, mu alpha would be negative"
    return Parameter(0.0, 0.0, 1.0, meaning, fixed=True)


LAW = Law(
    "ogden",
    "Ogden",
    distortion,
    "Ogden 1972, Proceedings of the Royal Society A 326, 565; Holzapfel 2000, Nonlinear Solid Mechanics, eq. 6.119",
    {
        "alpha_1": _alpha(4.0, 1),
        "alpha_2": _alpha(-2.0, 2),
        "share_2": _share(2),
        "alpha_3": _alpha(2.0, 3),
        "share_3": _share(3),
    },
    unstable=_unstable,
)
