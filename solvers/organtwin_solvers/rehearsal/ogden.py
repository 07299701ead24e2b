"""Ogden's law in the compiled loops: the formula of the full solve, :mod:`organtwin_solvers.tissue.laws.ogden`, with its derivatives.

A number that depends on I1 and I2 is carried together with its derivatives: (f, f1, f2, f11, f12, f22).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin_solvers.rehearsal.compiled import compiled, inlined
from organtwin_solvers.tissue.laws import ogden

PARAMETERS = ("alpha_1", "alpha_2", "share_2", "alpha_3", "share_3")
FIRST, TERMS = 2, len(ogden.TERMS)  # after the shear and the bulk modulus
NODES, TERM = ogden.NODES, 4 + 2 * ogden.NODES  # numbers of a term: factor, sign, whole power, nodes; places, weights
NUMBERS = TERMS * TERM


def numbers(parameters: tuple[float, ...]) -> NDArray[np.float64]:
    """What the loops need of the parameters of a material, (NUMBERS,)."""
    alpha_1, alpha_2, share_2, alpha_3, share_3 = parameters
    rows = np.zeros((TERMS, TERM))
    terms = ((alpha_1, 1 - share_2 - share_3), (alpha_2, share_2), (alpha_3, share_3))
    for row, (alpha, share) in zip(rows, terms, strict=True):
        if share <= 0:
            continue
        whole, rest = divmod(abs(alpha) / 2, 1)
        row[:3] = 2 * share / alpha**2, np.sign(alpha), whole
        if rest >= 1e-12:
            row[3] = NODES
            row[4 : 4 + NODES], row[4 + NODES :] = np.array(ogden._nodes(rest)).T
    return rows.ravel()


@inlined
def _by_first(I1, a):
    return I1 * a[0], a[0] + I1 * a[1], I1 * a[2], 2.0 * a[1] + I1 * a[3], a[2] + I1 * a[4], I1 * a[5]


@inlined
def _by_second(I2, a):
    return I2 * a[0], I2 * a[1], a[0] + I2 * a[2], I2 * a[3], a[1] + I2 * a[4], 2.0 * a[2] + I2 * a[5]


@inlined
def _sum(a, s, b):
    return a[0] + s * b[0], a[1] + s * b[1], a[2] + s * b[2], a[3] + s * b[3], a[4] + s * b[4], a[5] + s * b[5]


@inlined
def _quotient(a, d, d1, d2):
    """a / d for a d that is linear in the invariants."""
    q = a[0] / d
    q1, q2 = (a[1] - q * d1) / d, (a[2] - q * d2) / d
    return q, q1, q2, (a[3] - 2.0 * q1 * d1) / d, (a[4] - q1 * d2 - q2 * d1) / d, (a[5] - 2.0 * q2 * d2) / d


@compiled
def _powers(I1, I2, q, at):
    """Sum of powers of three numbers whose product is 1, from their invariants."""
    zero = (3.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    one = (I1, 1.0, 0.0, 0.0, 0.0, 0.0)
    two = (I1 * I1 - 2.0 * I2, 2.0 * I1, -2.0, 2.0, 0.0, 0.0)
    for _ in range(int(q[at + 2])):
        three = _sum(_sum(_by_first(I1, two), -1.0, _by_second(I2, one)), 1.0, zero)
        zero, one, two = one, two, three
    if q[at + 3] == 0.0:
        return zero
    shared = _sum(_by_first(I1, one), -1.0, two)
    total = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    for k in range(NODES):
        t = q[at + 4 + k]
        a = _sum(_sum(zero, t, shared), t * t, one)
        total = _sum(total, q[at + 4 + NODES + k], _quotient(a, ((t + I1) * t + I2) * t + 1.0, t * t, t))
    return total


@compiled
def derivatives(mu, q, I1, I2):
    """W_iso, and its first and second derivatives by the isochoric invariants."""
    total = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    for term in range(TERMS):
        at = FIRST + TERM * term
        factor = mu * q[at]
        if factor == 0.0:
            continue
        if q[at + 1] > 0.0:
            s = _powers(I1, I2, q, at)
        else:  # powers of the inverses, whose invariants are the same two exchanged
            r = _powers(I2, I1, q, at)
            s = (r[0], r[2], r[1], r[5], r[4], r[3])
        total = _sum(total, factor, s)
        total = (total[0] - 3.0 * factor, total[1], total[2], total[3], total[4], total[5])
    return total
