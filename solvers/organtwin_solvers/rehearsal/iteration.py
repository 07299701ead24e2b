"""The linear system of a Newton step: its product, and conjugate gradients with a coarse space.

The matrix is K + D + G^T C^-1 G + sum over threads w w^T k: K the tangent of the elements, D what acts on single points (inertia, springs,
contact), G the slopes of the volumes around the points, C the compliance of the pressures. C^-1 is a Chebyshev polynomial of
fixed degree: C is close to diagonal, and a matrix that is a little off still leads Newton to the right place.
"""

from __future__ import annotations

import numpy as np

from organtwin_solvers.rehearsal.coarse import correct
from organtwin_solvers.rehearsal.compiled import compiled

CHEBYSHEV_DEGREE = 3


@compiled
def _respond(rows, columns, values, extra, scale, low, high, t, s, r, d):
    """s ~ C^-1 t, in place of t's neighbours; t is not changed."""
    n = len(t)
    middle, half = 0.5 * (high + low), 0.5 * (high - low)
    sigma = middle / half
    rho = 1.0 / sigma
    for a in range(n):
        r[a] = t[a]
        d[a] = scale[a] * t[a] / middle
        s[a] = d[a]
    for _ in range(CHEBYSHEV_DEGREE - 1):
        after = 1.0 / (2.0 * sigma - rho)
        for a in range(n):
            total = extra[a] * d[a]
            for at in range(rows[a], rows[a + 1]):
                total += values[at] * d[columns[at]]
            r[a] -= total
        for a in range(n):
            d[a] = after * rho * d[a] + 2.0 * after / half * scale[a] * r[a]
            s[a] += d[a]
        rho = after


@compiled
def product(rows, columns, stiff, slopes, slopes_back, values, extra, scale, low, high, nodal, links, x, y, t, s, r, d):
    """y = A x for x, y (n, 3) float32."""
    n = len(rows) - 1
    for i in range(n):
        total = np.float32(0.0)
        for at in range(rows[i], rows[i + 1]):
            j = columns[at]
            total += slopes[at, 0] * x[j, 0] + slopes[at, 1] * x[j, 1] + slopes[at, 2] * x[j, 2]
        t[i] = total
    _respond(rows, columns, values, extra, scale, low, high, t, s, r, d)
    for i in range(n):
        a, b, c = x[i, 0], x[i, 1], x[i, 2]
        y0 = nodal[i, 0, 0] * a + nodal[i, 0, 1] * b + nodal[i, 0, 2] * c
        y1 = nodal[i, 1, 0] * a + nodal[i, 1, 1] * b + nodal[i, 1, 2] * c
        y2 = nodal[i, 2, 0] * a + nodal[i, 2, 1] * b + nodal[i, 2, 2] * c
        for at in range(rows[i], rows[i + 1]):
            j = columns[at]
            a, b, c, p = x[j, 0], x[j, 1], x[j, 2], s[j]
            y0 += stiff[at, 0, 0] * a + stiff[at, 0, 1] * b + stiff[at, 0, 2] * c + slopes_back[at, 0] * p
            y1 += stiff[at, 1, 0] * a + stiff[at, 1, 1] * b + stiff[at, 1, 2] * c + slopes_back[at, 1] * p
            y2 += stiff[at, 2, 0] * a + stiff[at, 2, 1] * b + stiff[at, 2, 2] * c + slopes_back[at, 2] * p
        y[i, 0], y[i, 1], y[i, 2] = y0, y1, y2
    starts, nodes, weights, k = links
    for l in range(len(starts) - 1):
        g0 = g1 = g2 = np.float32(0.0)
        for at in range(starts[l], starts[l + 1]):
            w, i = weights[at], nodes[at]
            g0 += w * x[i, 0]
            g1 += w * x[i, 1]
            g2 += w * x[i, 2]
        f0 = k[l, 0, 0] * g0 + k[l, 0, 1] * g1 + k[l, 0, 2] * g2
        f1 = k[l, 1, 0] * g0 + k[l, 1, 1] * g1 + k[l, 1, 2] * g2
        f2 = k[l, 2, 0] * g0 + k[l, 2, 1] * g1 + k[l, 2, 2] * g2
        for at in range(starts[l], starts[l + 1]):
            w, i = weights[at], nodes[at]
            y[i, 0] += w * f0
            y[i, 1] += w * f1
            y[i, 2] += w * f2


@compiled
def diagonal_weights(rows, columns, values, extra, weights):
    """1 / C_aa: the response of a pressure when its neighbours stay."""
    for a in range(len(rows) - 1):
        weights[a] = 0.0
        for at in range(rows[a], rows[a + 1]):
            if columns[at] == a and values[at] + extra[a] > 0.0:
                weights[a] = 1.0 / (values[at] + extra[a])


@compiled
def inverse_blocks(rows, columns, stiff, slopes_back, weights, nodal, links, free, out):
    """Inverses (n, 3, 3) of the diagonal blocks of the matrix; zero for points that are held."""
    n = len(rows) - 1
    out[:] = 0.0
    starts, nodes, link_weights, k = links
    for l in range(len(starts) - 1):
        for at in range(starts[l], starts[l + 1]):
            for r in range(3):
                for s in range(3):
                    out[nodes[at], r, s] += link_weights[at] ** 2 * k[l, r, s]
    for i in range(n):
        a, b, c = out[i, 0, 0] + nodal[i, 0, 0], out[i, 0, 1] + nodal[i, 0, 1], out[i, 0, 2] + nodal[i, 0, 2]
        e, f, h = out[i, 1, 1] + nodal[i, 1, 1], out[i, 1, 2] + nodal[i, 1, 2], out[i, 2, 2] + nodal[i, 2, 2]
        if not free[i]:
            out[i] = 0.0
            continue
        for at in range(rows[i], rows[i + 1]):
            w = weights[columns[at]]
            g0, g1, g2 = slopes_back[at, 0], slopes_back[at, 1], slopes_back[at, 2]
            a += w * g0 * g0
            b += w * g0 * g1
            c += w * g0 * g2
            e += w * g1 * g1
            f += w * g1 * g2
            h += w * g2 * g2
            if columns[at] == i:
                a += stiff[at, 0, 0]
                b += stiff[at, 0, 1]
                c += stiff[at, 0, 2]
                e += stiff[at, 1, 1]
                f += stiff[at, 1, 2]
                h += stiff[at, 2, 2]
        m00, m01, m02 = e * h - f * f, c * f - b * h, b * f - c * e
        determinant = a * m00 + b * m01 + c * m02
        trace = a + e + h
        if not (a > 0.0 and a * e > b * b and determinant > 1e-9 * trace * trace * trace):
            # not positive (torn or inverted all around): as stiff in every direction as its size
            size = abs(a) + abs(e) + abs(h) + 1e-30
            out[i] = 0.0
            out[i, 0, 0] = out[i, 1, 1] = out[i, 2, 2] = 1.0 / size
            continue
        w = 1.0 / determinant
        out[i, 0, 0], out[i, 0, 1], out[i, 0, 2] = w * m00, w * m01, w * m02
        out[i, 1, 0], out[i, 1, 1], out[i, 1, 2] = w * m01, w * (a * h - c * c), w * (b * c - a * f)
        out[i, 2, 0], out[i, 2, 1], out[i, 2, 2] = w * m02, w * (b * c - a * f), w * (a * e - b * b)


@compiled
def _precondition(r, inverse, label, arm, free, lower, upper, coarse, z):
    for i in range(len(r)):
        a, b, c = r[i, 0], r[i, 1], r[i, 2]
        z[i, 0] = inverse[i, 0, 0] * a + inverse[i, 0, 1] * b + inverse[i, 0, 2] * c
        z[i, 1] = inverse[i, 1, 0] * a + inverse[i, 1, 1] * b + inverse[i, 1, 2] * c
        z[i, 2] = inverse[i, 2, 0] * a + inverse[i, 2, 1] * b + inverse[i, 2, 2] * c
    if len(coarse):
        correct(r, label, arm, free, lower, upper, coarse, z)


@compiled
def _inner(a, b):
    total = 0.0
    for i in range(len(a)):
        total += float(a[i, 0] * b[i, 0] + a[i, 1] * b[i, 1] + a[i, 2] * b[i, 2])
    return total


@compiled
def conjugate_gradients(matrix, clusters, inverse, free, b, x, guess, vectors, scalars, coarse, tolerance, most):
    """Lower the quadratic of A x = b from the x (n, 3) given plus the best multiple of ``guess``; points not free keep their x.

    ``matrix`` are the arguments of :func:`product` up to the vectors. Returns the iterations made, whether a direction of
    negative curvature ended them (x is then the last good one), and by how much the residual fell, in the preconditioner's norm.
    """
    label, arm, lower, upper = clusters
    rows, columns, stiff, slopes, slopes_back, values, extra, scale, low, high, nodal, links = matrix
    r, z, d, q = vectors[0], vectors[1], vectors[2], vectors[3]
    t, s, u, w = scalars[0], scalars[1], scalars[2], scalars[3]
    n = len(x)
    shifted, guessed = _inner(x, x) > 0.0, _inner(guess, guess) > 0.0
    if shifted:
        product(rows, columns, stiff, slopes, slopes_back, values, extra, scale, low, high, nodal, links, x, q, t, s, u, w)
    for i in range(n):
        for k in range(3):
            r[i, k] = np.float32(0.0)
            if free[i]:
                r[i, k] = b[i, k] - q[i, k] if shifted else b[i, k]
    if guessed:
        for i in range(n):
            for k in range(3):
                d[i, k] = guess[i, k] if free[i] else np.float32(0.0)
        product(rows, columns, stiff, slopes, slopes_back, values, extra, scale, low, high, nodal, links, d, q, t, s, u, w)
        curvature = _inner(d, q)
        best = np.float32(_inner(r, d) / curvature) if curvature > 0.0 else np.float32(0.0)
        for i in range(n):
            if free[i]:
                for k in range(3):
                    x[i, k] += best * d[i, k]
                    r[i, k] -= best * q[i, k]
    _precondition(r, inverse, label, arm, free, lower, upper, coarse, z)
    rz = _inner(r, z)
    first = rz
    for i in range(n):
        for k in range(3):
            d[i, k] = z[i, k]
    for done in range(most):
        if rz <= tolerance * tolerance * first or rz < 1e-30:
            return done, False, np.sqrt(rz / max(first, 1e-300))
        product(rows, columns, stiff, slopes, slopes_back, values, extra, scale, low, high, nodal, links, d, q, t, s, u, w)
        for i in range(n):
            if not free[i]:
                q[i, 0] = q[i, 1] = q[i, 2] = np.float32(0.0)
        dq = _inner(d, q)
        if not dq > 0.0:
            return done, True, np.sqrt(rz / first)
        step = np.float32(rz / dq)
        for i in range(n):
            for k in range(3):
                x[i, k] += step * d[i, k]
                r[i, k] -= step * q[i, k]
        _precondition(r, inverse, label, arm, free, lower, upper, coarse, z)
        last = rz
        rz = _inner(r, z)
        turn = np.float32(rz / last)
        for i in range(n):
            for k in range(3):
                d[i, k] = z[i, k] + turn * d[i, k]
    return most, False, np.sqrt(rz / max(first, 1e-300))
