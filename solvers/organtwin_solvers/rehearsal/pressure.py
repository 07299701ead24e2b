"""The pressure of the points, eliminated: the one that is in balance with the volumes around them.

With v_a the volume around point a, and J~(p) the volume ratio at pressure p, it is the stationary point of
p.v - int U*(p) dX - 1/(2 mu) int (p - mean p)^2 dX, the mixed form of the full solve: linear pressure, stabilised by what of it the
element's mean cannot follow (Dohrmann and Bochev 2004, Int. J. Numer. Meth. Fluids 46, 183). The quadratic part of U* is
integrated exactly, the rest at the points. The solution maximises a concave function, so what is left is an energy of x alone;
its Hessian is C, entries of which couple only points of one element.
"""

from __future__ import annotations

import numpy as np

from organtwin_solvers.rehearsal.compiled import compiled, inlined
from organtwin_solvers.rehearsal.elements import LEAST_RATIO


@compiled
def compliance(tets, volumes, part, constants, places, values, lumped):
    """Entries of C at zero pressure (nonzeros,), and int 1/kappa around the points (n,)."""
    values[:] = 0.0
    lumped[:] = 0.0
    for e in range(len(tets)):
        shear, bulk = volumes[e] / constants[part[e], 0], volumes[e] / constants[part[e], 1]
        for i in range(4):
            lumped[tets[e, i]] += 0.25 * bulk
            for j in range(4):
                values[places[e, i, j]] += 0.05 * bulk - 0.0125 * shear
            values[places[e, i, i]] += 0.05 * bulk + 0.05 * shear


@inlined
def _dual(s):
    """U*/kappa, the volume ratio and its derivative by s = p / kappa."""
    least = 0.5 * (LEAST_RATIO - 1.0 / LEAST_RATIO)
    if s >= least:
        root = np.sqrt(1.0 + s * s)
        ratio = s + root
        return 0.5 * (s * ratio + np.log(ratio)), ratio, ratio / root
    slope = 2.0 / (1.0 + 1.0 / (LEAST_RATIO * LEAST_RATIO))
    start = 0.5 * (least * LEAST_RATIO + np.log(LEAST_RATIO))
    gap = s - least
    return start + gap * (LEAST_RATIO + 0.5 * gap * slope), LEAST_RATIO + slope * gap, slope


@compiled
def _times(rows, columns, values, extra, x, y):
    """y = (C + diag extra) x."""
    for i in range(len(rows) - 1):
        total = extra[i] * x[i]
        for at in range(rows[i], rows[i + 1]):
            total += values[at] * x[columns[at]]
        y[i] = total


@compiled
def balance(rows, columns, values, lumped, rest, volumes, p, extra, work, tolerance, most):
    """Find the pressure p (n,) for the volumes around the points (n,), from the one given; the energy.

    ``extra`` (n,) becomes what the nonlinearity adds to the diagonal of C. ``work`` (6, n) is scratch. The pressure is found when the
    volumes agree to ``tolerance`` of those at rest, root mean square; at most ``most`` products are made.
    """
    n = len(p)
    r, z, d, q, diagonal, zero = work[0], work[1], work[2], work[3], work[4], work[5]
    zero[:] = 0.0
    scale = 0.0
    for a in range(n):
        scale += rest[a]
        for at in range(rows[a], rows[a + 1]):
            if columns[at] == a:
                diagonal[a] = values[at]
    goal = tolerance * tolerance * scale
    done = 0
    while True:
        _times(rows, columns, values, zero, p, r)
        done += 1
        misfit = 0.0
        for a in range(n):
            if rest[a] <= 0.0:
                r[a] = 0.0
                continue
            s = p[a] * lumped[a] / rest[a]
            _, ratio, slope = _dual(s)
            r[a] = volumes[a] - r[a] - rest[a] * (ratio - s)
            extra[a] = lumped[a] * (slope - 1.0)
            misfit += r[a] * r[a] / rest[a]
        if not misfit > goal or done >= most:
            break
        # conjugate gradients, preconditioned by the diagonal
        rz = 0.0
        for a in range(n):
            z[a] = r[a] / (diagonal[a] + extra[a]) if rest[a] > 0.0 else 0.0
            d[a] = z[a]
            rz += r[a] * z[a]
        end = max(1e-4 * rz, 1e-300)
        while rz > end and done < most:
            _times(rows, columns, values, extra, d, q)
            done += 1
            dq = 0.0
            for a in range(n):
                dq += d[a] * q[a]
            step = rz / dq
            last = rz
            rz = 0.0
            misfit = 0.0
            for a in range(n):
                p[a] += step * d[a]
                r[a] -= step * q[a]
                if rest[a] > 0.0:
                    z[a] = r[a] / (diagonal[a] + extra[a])
                    misfit += r[a] * r[a] / rest[a]
                rz += r[a] * z[a]
            if misfit < 0.1 * goal:
                break
            turn = rz / last
            for a in range(n):
                d[a] = z[a] + turn * d[a]
    _times(rows, columns, values, zero, p, q)
    energy = 0.0
    for a in range(n):
        if rest[a] > 0.0:
            kappa = rest[a] / lumped[a]
            s = p[a] / kappa
            dual, _, _ = _dual(s)
            energy += p[a] * (volumes[a] - 0.5 * q[a] - rest[a]) - rest[a] * kappa * (dual - s - 0.5 * s * s)
    return energy
