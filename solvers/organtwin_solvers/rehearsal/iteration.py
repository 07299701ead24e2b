"""The linear system of a Newton step, and conjugate gradients with a coarse space.

Displacement and pressure of a point stand side by side in blocks of four: [[K, G^T], [G, C]], K the tangent of the elements with what
acts on single points (inertia, springs, contact), G the slopes of the volumes around the points, C the compliance of the
pressures. What is solved is K + G^T C^-1 G (+ threads, w w^T k). C^-1 is a Chebyshev polynomial of fixed degree: C is close to
diagonal, and a matrix that is a little off still leads Newton to the right place.
"""

from __future__ import annotations

import numpy as np

from organtwin_solvers.rehearsal.coarse import correct
from organtwin_solvers.rehearsal.compiled import compiled
from organtwin_solvers.rehearsal.wide import block_row, number_row, slope_row


@compiled
def answer(rows, columns, slopes, soft, chebyshev, x, s, r, d):
    """s (n,) = C^-1 G x, the pressures that go with x (n, 4); r, d (n,) are scratch."""
    n = len(rows) - 1
    scale, low, high, degree = chebyshev
    middle, half = np.float32(0.5) * (high + low), np.float32(0.5) * (high - low)
    sigma = middle / half
    rho = np.float32(1.0) / sigma
    for i in range(n):
        r[i] = slope_row(slopes, columns, x, rows[i], rows[i + 1])
        s[i] = d[i] = scale[i] * r[i] / middle
    for _ in range(degree - 1):
        after = np.float32(1.0) / (np.float32(2.0) * sigma - rho)
        keep, gain = after * rho, np.float32(2.0) * after / half
        for i in range(n):
            r[i] -= number_row(soft, columns, d, rows[i], rows[i + 1])
        for i in range(n):
            d[i] = keep * d[i] + gain * scale[i] * r[i]
            s[i] += d[i]
        rho = after


@compiled
def product(rows, columns, blocks, slopes, soft, chebyshev, links, x, y, s, r, d):
    """y = A x in the first three columns of x, y (n, 4) float32; the fourth of x is 0 before and after.

    ``slopes`` (nonzeros, 4) are the rows of G with a 0, ``soft`` (nonzeros,) is C: they are in ``blocks`` too, but reading
    only them is what costs less. ``s`` (n,) becomes the pressure's answer; r, d (n,) are scratch.
    """
    answer(rows, columns, slopes, soft, chebyshev, x, s, r, d)
    n = len(rows) - 1
    for i in range(n):
        x[i, 3] = s[i]
    for i in range(n):
        y[i, 0], y[i, 1], y[i, 2], _ = block_row(blocks, columns, x, rows[i], rows[i + 1])
        y[i, 3] = np.float32(0.0)
    for i in range(n):
        x[i, 3] = np.float32(0.0)
    starts, nodes, weights, k = links
    for m in range(len(starts) - 1):
        g0 = g1 = g2 = np.float32(0.0)
        for at in range(starts[m], starts[m + 1]):
            w, i = weights[at], nodes[at]
            g0 += w * x[i, 0]
            g1 += w * x[i, 1]
            g2 += w * x[i, 2]
        f0 = k[m, 0, 0] * g0 + k[m, 0, 1] * g1 + k[m, 0, 2] * g2
        f1 = k[m, 1, 0] * g0 + k[m, 1, 1] * g1 + k[m, 1, 2] * g2
        f2 = k[m, 2, 0] * g0 + k[m, 2, 1] * g1 + k[m, 2, 2] * g2
        for at in range(starts[m], starts[m + 1]):
            w, i = weights[at], nodes[at]
            y[i, 0] += w * f0
            y[i, 1] += w * f1
            y[i, 2] += w * f2


@compiled
def inverse_blocks(rows, columns, diagonal, blocks, links, free, out):
    """Inverses (n, 3, 3) of the diagonal blocks of the matrix; zero for points that are held."""
    n = len(rows) - 1
    out[:] = 0.0
    starts, nodes, link_weights, k = links
    for m in range(len(starts) - 1):
        for at in range(starts[m], starts[m + 1]):
            for r in range(3):
                for s in range(3):
                    out[nodes[at], r, s] += link_weights[at] ** 2 * k[m, r, s]
    for i in range(n):
        if not free[i]:
            out[i] = 0.0
            continue
        own = blocks[diagonal[i]]
        a, b, c = out[i, 0, 0] + own[0, 0], out[i, 0, 1] + own[0, 1], out[i, 0, 2] + own[0, 2]
        e, f, h = out[i, 1, 1] + own[1, 1], out[i, 1, 2] + own[1, 2], out[i, 2, 2] + own[2, 2]
        for at in range(rows[i], rows[i + 1]):
            stiffness = blocks[diagonal[columns[at]], 3, 3]  # 1 / the response of a pressure whose neighbours stay
            if stiffness <= 0.0:
                continue
            w = np.float32(1.0) / stiffness
            g0, g1, g2 = blocks[at, 3, 0], blocks[at, 3, 1], blocks[at, 3, 2]
            a += w * g0 * g0
            b += w * g0 * g1
            c += w * g0 * g2
            e += w * g1 * g1
            f += w * g1 * g2
            h += w * g2 * g2
        m00, m01, m02 = e * h - f * f, c * f - b * h, b * f - c * e
        determinant = a * m00 + b * m01 + c * m02
        trace = a + e + h
        if not (a > 0.0 and a * e > b * b and determinant > 1e-7 * trace * trace * trace):
            # not positive (torn or inverted all around): as stiff in every direction as its size
            size = abs(a) + abs(e) + abs(h) + np.float32(1e-30)
            out[i] = 0.0
            out[i, 0, 0] = out[i, 1, 1] = out[i, 2, 2] = np.float32(1.0) / size
            continue
        w = np.float32(1.0) / determinant
        out[i, 0, 0], out[i, 0, 1], out[i, 0, 2] = w * m00, w * m01, w * m02
        out[i, 1, 0], out[i, 1, 1], out[i, 1, 2] = w * m01, w * (a * h - c * c), w * (b * c - a * f)
        out[i, 2, 0], out[i, 2, 1], out[i, 2, 2] = w * m02, w * (b * c - a * f), w * (a * e - b * b)


@compiled
def _precondition(r, inverse, clusters, free, coarse, z):
    for i in range(len(r)):
        a, b, c = r[i, 0], r[i, 1], r[i, 2]
        z[i, 0] = inverse[i, 0, 0] * a + inverse[i, 0, 1] * b + inverse[i, 0, 2] * c
        z[i, 1] = inverse[i, 1, 0] * a + inverse[i, 1, 1] * b + inverse[i, 1, 2] * c
        z[i, 2] = inverse[i, 2, 0] * a + inverse[i, 2, 1] * b + inverse[i, 2, 2] * c
    correct(r, clusters, free, coarse, z)


@compiled
def _inner(a, b):
    """a.b, in a fixed order."""
    total = 0.0
    for i in range(len(a)):
        total += float(a[i, 0] * b[i, 0] + a[i, 1] * b[i, 1] + a[i, 2] * b[i, 2])
    return total


@compiled
def conjugate_gradients(matrix, clusters, inverse, free, b, x, guess, vectors, scratch, p, coarse, tolerance, most):
    """Lower the quadratic of A x = b from the x (n, 4) given plus the best multiple of ``guess``; points not free keep their x.

    ``matrix`` are the arguments of :func:`product` up to the vectors; ``vectors`` (4, n, 4) zeros, ``scratch`` (2, n). ``p`` (n,) becomes the change of
    the pressure that goes with x. Returns the iterations made, whether a direction of negative curvature ended them (x is then
    the last good one), and by how much the residual fell, in the preconditioner's norm.
    """
    rows, columns, blocks, slopes, soft, chebyshev, links = matrix
    r, z, d, q = vectors[0], vectors[1], vectors[2], vectors[3]
    u, w = scratch[0], scratch[1]
    n = len(x)
    shifted, guessed = _inner(x, x) > 0.0, _inner(guess, guess) > 0.0
    if shifted:
        product(rows, columns, blocks, slopes, soft, chebyshev, links, x, q, p, u, w)
    for i in range(n):
        for k in range(3):
            r[i, k] = np.float32(0.0)
            if free[i]:
                r[i, k] = b[i, k] - q[i, k] if shifted else b[i, k]
    if guessed:
        for i in range(n):
            for k in range(3):
                d[i, k] = guess[i, k] if free[i] else np.float32(0.0)
        product(rows, columns, blocks, slopes, soft, chebyshev, links, d, q, p, u, w)
        curvature = _inner(d, q)
        best = np.float32(_inner(r, d) / curvature) if curvature > 0.0 else np.float32(0.0)
        for i in range(n):
            if free[i]:
                for k in range(3):
                    x[i, k] += best * d[i, k]
                    r[i, k] -= best * q[i, k]
    _precondition(r, inverse, clusters, free, coarse, z)
    rz = _inner(r, z)
    first = rz
    for i in range(n):
        for k in range(3):
            d[i, k] = z[i, k]
    bad = False
    done = 0
    while done < most and rz > tolerance * tolerance * first and rz > 1e-30:
        product(rows, columns, blocks, slopes, soft, chebyshev, links, d, q, p, u, w)
        for i in range(n):
            if not free[i]:
                q[i, 0] = q[i, 1] = q[i, 2] = np.float32(0.0)
        dq = _inner(d, q)
        if not dq > 0.0:
            bad = True
            break
        step = np.float32(rz / dq)
        for i in range(n):
            for k in range(3):
                x[i, k] += step * d[i, k]
                r[i, k] -= step * q[i, k]
        _precondition(r, inverse, clusters, free, coarse, z)
        last = rz
        rz = _inner(r, z)
        turn = np.float32(rz / last)
        for i in range(n):
            for k in range(3):
                d[i, k] = z[i, k] + turn * d[i, k]
        done += 1
    for i in range(n):
        for k in range(3):
            d[i, k] = x[i, k]
    answer(rows, columns, slopes, soft, chebyshev, d, p, u, w)
    return done, bad, np.sqrt(rz / max(first, 1e-300))
