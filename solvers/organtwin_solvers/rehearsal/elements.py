"""Energy, forces and tangent of the tetrahedra.

The discretisation is that of the full solve (:mod:`organtwin_solvers.tissue.problem`): linear displacement and linear pressure,
made stable by the projection of Dohrmann and Bochev 2004. The pressure is eliminated (:mod:`organtwin_solvers.rehearsal.pressure`):
the elements have the energy V W_iso(F), and the stress of the mean p of their four points' pressures.

For J > LEAST_RATIO this is exactly the law. Below, J^(-2/3) goes on as its parabola and a barrier is added, so that an
inverted element has a finite energy and is pushed back.

Blocks of the tangent follow from the vectors f_i = F g_i and c_i = cof(F) g_i of the shape gradients g_i:
K_ij = a (g_i.g_j) I + s (f_i c_j + c_i f_j) + d c_i c_j + h f_i f_j - q [F (g_i x g_j)]_x, and more for laws of the second invariant.
"""

from __future__ import annotations

import numpy as np

from organtwin_solvers.rehearsal.compiled import compiled, inlined
from organtwin_solvers.rehearsal.laws import derivatives
from organtwin_solvers.rehearsal.wide import add_block, add_element, transpose_block

LEAST_RATIO = 0.2
BARRIER = 200.0  # bulk modulus of the barrier, in shear moduli


@compiled
def geometry(points, tets, gradients, volumes, around):
    """Gradients (m, 4, 3) of the four linear functions, volumes (m,), and a quarter of them around each point (n,)."""
    for e in range(len(tets)):
        o = points[tets[e, 0]]
        a, b, d = points[tets[e, 1]] - o, points[tets[e, 2]] - o, points[tets[e, 3]] - o
        na = np.array([b[1] * d[2] - b[2] * d[1], b[2] * d[0] - b[0] * d[2], b[0] * d[1] - b[1] * d[0]])
        nb = np.array([d[1] * a[2] - d[2] * a[1], d[2] * a[0] - d[0] * a[2], d[0] * a[1] - d[1] * a[0]])
        nd = np.array([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])
        six = a[0] * na[0] + a[1] * na[1] + a[2] * na[2]
        volumes[e] = abs(six) / 6.0
        for k in range(3):
            gradients[e, 1, k] = na[k] / six
            gradients[e, 2, k] = nb[k] / six
            gradients[e, 3, k] = nd[k] / six
            gradients[e, 0, k] = -(na[k] + nb[k] + nd[k]) / six
        for i in range(4):
            around[tets[e, i]] += 0.25 * volumes[e]


# -- small pieces ---------------------------------------------------------------------------------------------------------


@inlined
def _cross(a, b):
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@inlined
def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@inlined
def _times(rows, g):
    return _dot(rows[0], g), _dot(rows[1], g), _dot(rows[2], g)


@inlined
def _deformation(x, tets, gradients, e):
    """Rows of F and of its cofactor, J, and the gradients of points 1, 2, 3."""
    n0, n1, n2, n3 = tets[e, 0], tets[e, 1], tets[e, 2], tets[e, 3]
    g1 = (gradients[e, 1, 0], gradients[e, 1, 1], gradients[e, 1, 2])
    g2 = (gradients[e, 2, 0], gradients[e, 2, 1], gradients[e, 2, 2])
    g3 = (gradients[e, 3, 0], gradients[e, 3, 1], gradients[e, 3, 2])
    u1 = (x[n1, 0] - x[n0, 0], x[n1, 1] - x[n0, 1], x[n1, 2] - x[n0, 2])
    u2 = (x[n2, 0] - x[n0, 0], x[n2, 1] - x[n0, 1], x[n2, 2] - x[n0, 2])
    u3 = (x[n3, 0] - x[n0, 0], x[n3, 1] - x[n0, 1], x[n3, 2] - x[n0, 2])
    f0 = (
        u1[0] * g1[0] + u2[0] * g2[0] + u3[0] * g3[0],
        u1[0] * g1[1] + u2[0] * g2[1] + u3[0] * g3[1],
        u1[0] * g1[2] + u2[0] * g2[2] + u3[0] * g3[2],
    )
    f1 = (
        u1[1] * g1[0] + u2[1] * g2[0] + u3[1] * g3[0],
        u1[1] * g1[1] + u2[1] * g2[1] + u3[1] * g3[1],
        u1[1] * g1[2] + u2[1] * g2[2] + u3[1] * g3[2],
    )
    f2 = (
        u1[2] * g1[0] + u2[2] * g2[0] + u3[2] * g3[0],
        u1[2] * g1[1] + u2[2] * g2[1] + u3[2] * g3[1],
        u1[2] * g1[2] + u2[2] * g2[2] + u3[2] * g3[2],
    )
    cof = (_cross(f1, f2), _cross(f2, f0), _cross(f0, f1))
    return (f0, f1, f2), cof, _dot(f0, cof[0]), g1, g2, g3


@inlined
def _isochoric(J):
    """J^(-2/3) and its first two derivatives; below LEAST_RATIO its parabola."""
    at = max(J, LEAST_RATIO)
    power = 1.0 / np.cbrt(at * at)
    first = -2.0 / 3.0 * power / at
    second = -5.0 / 3.0 * first / at
    rest = J - at
    return power + rest * (first + 0.5 * rest * second), first + rest * second, second


@inlined
def _barrier(J, mu):
    """What inverted and nearly inverted elements have on top: energy and its first two derivatives."""
    gap = min(J - LEAST_RATIO, 0.0)
    stiffness = BARRIER * mu
    return 0.5 * stiffness * gap * gap, stiffness * gap, stiffness if gap < 0.0 else 0.0


@compiled
def point_volumes(x, tets, gradients, volumes, around):
    """v_a (n,): a quarter of the volumes around each point."""
    around[:] = 0.0
    for e in range(len(tets)):
        _, _, J, _, _, _ = _deformation(x, tets, gradients, e)
        part = 0.25 * volumes[e] * J
        for i in range(4):
            around[tets[e, i]] += part


# -- forces ---------------------------------------------------------------------------------------------------------------


@compiled
def forces(x, tets, gradients, volumes, part, codes, constants, pressures, force):
    """Add the internal forces, minus the gradient of the energy, to ``force`` (n, 3); the energy of the elements."""
    total = 0.0
    for e in range(len(tets)):
        F, cof, J, g1, g2, g3 = _deformation(x, tets, gradients, e)
        n0, n1, n2, n3 = tets[e, 0], tets[e, 1], tets[e, 2], tets[e, 3]
        m = part[e]
        mu = constants[m, 0]
        j, dj, _ = _isochoric(J)
        I1 = _dot(F[0], F[0]) + _dot(F[1], F[1]) + _dot(F[2], F[2])
        I2 = _dot(cof[0], cof[0]) + _dot(cof[1], cof[1]) + _dot(cof[2], cof[2])
        w, w1, w2, _, _, _ = derivatives(codes[m], mu, constants[m], j * I1, j * j * I2)
        u, du, _ = _barrier(J, mu)
        total += volumes[e] * (w + u)
        p = 0.25 * (pressures[n0] + pressures[n1] + pressures[n2] + pressures[n3])
        a = 2.0 * j * (w1 + w2 * j * I1)
        q = dj * (w1 * I1 + 2.0 * w2 * j * I2) + p + du
        b = 2.0 * w2 * j * j
        P0 = (a * F[0][0] + q * cof[0][0], a * F[0][1] + q * cof[0][1], a * F[0][2] + q * cof[0][2])
        P1 = (a * F[1][0] + q * cof[1][0], a * F[1][1] + q * cof[1][1], a * F[1][2] + q * cof[1][2])
        P2 = (a * F[2][0] + q * cof[2][0], a * F[2][1] + q * cof[2][1], a * F[2][2] + q * cof[2][2])
        if b != 0.0:  # F F^T F
            b00, b11, b22 = _dot(F[0], F[0]), _dot(F[1], F[1]), _dot(F[2], F[2])
            b01, b02, b12 = _dot(F[0], F[1]), _dot(F[0], F[2]), _dot(F[1], F[2])
            P0 = (
                P0[0] - b * (b00 * F[0][0] + b01 * F[1][0] + b02 * F[2][0]),
                P0[1] - b * (b00 * F[0][1] + b01 * F[1][1] + b02 * F[2][1]),
                P0[2] - b * (b00 * F[0][2] + b01 * F[1][2] + b02 * F[2][2]),
            )
            P1 = (
                P1[0] - b * (b01 * F[0][0] + b11 * F[1][0] + b12 * F[2][0]),
                P1[1] - b * (b01 * F[0][1] + b11 * F[1][1] + b12 * F[2][1]),
                P1[2] - b * (b01 * F[0][2] + b11 * F[1][2] + b12 * F[2][2]),
            )
            P2 = (
                P2[0] - b * (b02 * F[0][0] + b12 * F[1][0] + b22 * F[2][0]),
                P2[1] - b * (b02 * F[0][1] + b12 * F[1][1] + b22 * F[2][1]),
                P2[2] - b * (b02 * F[0][2] + b12 * F[1][2] + b22 * F[2][2]),
            )
        V = volumes[e]
        P = (P0, P1, P2)
        for k in range(3):
            t1, t2, t3 = V * _dot(P[k], g1), V * _dot(P[k], g2), V * _dot(P[k], g3)
            force[n1, k] -= t1
            force[n2, k] -= t2
            force[n3, k] -= t3
            force[n0, k] += t1 + t2 + t3
    return total


# -- tangent --------------------------------------------------------------------------------------------------------------


@compiled
def tangent(x, tets, gradients, volumes, part, codes, constants, pressures, guard, places, blocks):
    """Add to the blocks of points i <= j of each element, column after column: [[K_ij, dv_j/dx_i], [dv_i/dx_j, 0]].

    Parameters
    ----------
    tets : (m, 4) int32
        Each in ascending order, with ``gradients`` in the same.
    guard : float
        0 for the true tangent; 1 adds what makes each element's part non-negative, whatever its state.
    places : (m, 4, 4) int32
        Where the block of two points of an element lies.
    blocks : (nonzeros, 4, 4) float32
    """
    for e in range(len(tets)):
        F, cof, J, g1, g2, g3 = _deformation(x, tets, gradients, e)
        n0, n1, n2, n3 = tets[e, 0], tets[e, 1], tets[e, 2], tets[e, 3]
        m = part[e]
        mu = constants[m, 0]
        V = volumes[e]
        j, dj, ddj = _isochoric(J)
        I1 = _dot(F[0], F[0]) + _dot(F[1], F[1]) + _dot(F[2], F[2])
        I2 = _dot(cof[0], cof[0]) + _dot(cof[1], cof[1]) + _dot(cof[2], cof[2])
        _, w1, w2, w11, w12, w22 = derivatives(codes[m], mu, constants[m], j * I1, j * j * I2)
        _, du, ddu = _barrier(J, mu)
        p = 0.25 * (pressures[n0] + pressures[n1] + pressures[n2] + pressures[n3])
        k, dk, ddk = j * j, 2.0 * j * dj, 2.0 * (dj * dj + j * ddj)
        q = V * (w1 * I1 * dj + w2 * I2 * dk + p + du)
        # dI1bar = 2 j F + I1 dj c; dI2bar = k S + I2 dk c with S = 2 (I1 - F F^T) F
        A1, B1, A2, B2 = 2.0 * j, I1 * dj, k, I2 * dk
        a = V * 2.0 * j * w1
        ff = V * w11 * A1 * A1
        fc = V * (2.0 * dj * w1 + w11 * A1 * B1 + w12 * A1 * B2)
        cc = V * (w1 * I1 * ddj + w2 * I2 * ddk + ddu + w11 * B1 * B1 + 2.0 * w12 * B1 * B2 + w22 * B2 * B2)
        sc = V * (w2 * dk + w12 * A2 * B1 + w22 * A2 * B2)
        sf = V * w12 * A1 * A2
        ss = V * w22 * A2 * A2
        k2 = V * w2 * k
        g0 = (-(g1[0] + g2[0] + g3[0]), -(g1[1] + g2[1] + g3[1]), -(g1[2] + g2[2] + g3[2]))
        f1, f2, f3, f0 = _times(F, g1), _times(F, g2), _times(F, g3), _times(F, g0)
        c1, c2, c3, c0 = _times(cof, g1), _times(cof, g2), _times(cof, g3), _times(cof, g0)
        if guard > 0.0:
            widest = I1 / 3.0 + 2.0 / 3.0 * np.sqrt(
                max(I1 * I1 - 3.0 * I2, 0.0)
            )  # at least the largest stretch squared
            trace = ff * I1 + 6.0 * fc * J + cc * I2
            product = (ff * cc - fc * fc) * (I1 * I2 - 9.0 * J * J)
            low = 0.5 * trace - np.sqrt(max(0.25 * trace * trace - product, 0.0))
            low = min(low, 0.0) + a - abs(q) * np.sqrt(widest)
            low += k2 * (2.0 * I1 - 6.0 * widest) if k2 > 0.0 else 6.0 * k2 * I1
            low -= 2.0 * abs(sc) * 2.0 * I1 * np.sqrt(I1 * I2)
            low -= 4.0 * abs(sf) * I1 * I1 - 4.0 * min(ss, 0.0) * I1 * I1 * I1
            a += guard * max(-low, 0.0)
        t12, t23, t31 = _times(F, _cross(g1, g2)), _times(F, _cross(g2, g3)), _times(F, _cross(g3, g1))
        add_element(
            blocks,
            places,
            e,
            (*_single(f0), *_single(f1), *_single(f2), *_single(f3)),
            (*_single(c0), *_single(c1), *_single(c2), *_single(c3)),
            (
                *_difference(q, t12, t31), *_difference(q, t23, t12), *_difference(q, t31, t23),
                *_single((q * t12[0], q * t12[1], q * t12[2])),
                *_single((-q * t31[0], -q * t31[1], -q * t31[2])),
                *_single((q * t23[0], q * t23[1], q * t23[2])),
            ),
            (
                np.float32(a * _dot(g0, g0)), np.float32(a * _dot(g0, g1)), np.float32(a * _dot(g0, g2)),
                np.float32(a * _dot(g0, g3)), np.float32(a * _dot(g1, g1)), np.float32(a * _dot(g1, g2)),
                np.float32(a * _dot(g1, g3)), np.float32(a * _dot(g2, g2)), np.float32(a * _dot(g2, g3)),
                np.float32(a * _dot(g3, g3)),
            ),
            (np.float32(ff), np.float32(fc), np.float32(cc), np.float32(0.25 * V)),
        )  # fmt: skip
        if k2 != 0.0 or w12 != 0.0 or w22 != 0.0:
            _add_second(blocks, places, e, F, I1, k2, sc, sf, ss, (f0, f1, f2, f3), (c0, c1, c2, c3), (g0, g1, g2, g3))


@inlined
def _single(a):
    return np.float32(a[0]), np.float32(a[1]), np.float32(a[2])


@inlined
def _difference(q, a, b):
    return np.float32(q * (a[0] - b[0])), np.float32(q * (a[1] - b[1])), np.float32(q * (a[2] - b[2]))


@compiled
def _add_second(blocks, places, e, F, I1, k2, sc, sf, ss, fs, cs, gs):
    """What laws of the second invariant have on top; S = dI2/dF = 2 (I1 - F F^T) F."""
    b00, b11, b22 = _dot(F[0], F[0]), _dot(F[1], F[1]), _dot(F[2], F[2])
    b01, b02, b12 = _dot(F[0], F[1]), _dot(F[0], F[2]), _dot(F[1], F[2])
    zero = np.float32(0.0)
    for i in range(4):
        f, c, g = fs[i], cs[i], gs[i]
        s0 = 2.0 * (I1 * f[0] - b00 * f[0] - b01 * f[1] - b02 * f[2])
        s1 = 2.0 * (I1 * f[1] - b01 * f[0] - b11 * f[1] - b12 * f[2])
        s2 = 2.0 * (I1 * f[2] - b02 * f[0] - b12 * f[1] - b22 * f[2])
        v0, v1, v2 = sc * c[0] + sf * f[0], sc * c[1] + sf * f[1], sc * c[2] + sf * f[2]
        for o in range(i, 4):
            h, d = fs[o], cs[o]
            gg = _dot(g, gs[o])
            t0 = 2.0 * (I1 * h[0] - b00 * h[0] - b01 * h[1] - b02 * h[2])
            t1 = 2.0 * (I1 * h[1] - b01 * h[0] - b11 * h[1] - b12 * h[2])
            t2 = 2.0 * (I1 * h[2] - b02 * h[0] - b12 * h[1] - b22 * h[2])
            u0, u1, u2 = (
                sc * d[0] + sf * h[0] + ss * t0,
                sc * d[1] + sf * h[1] + ss * t1,
                sc * d[2] + sf * h[2] + ss * t2,
            )
            more = 2.0 * k2 * (I1 * gg - f[0] * h[0] - f[1] * h[1] - f[2] * h[2])
            r, p4, m2 = -2.0 * k2 * gg, 4.0 * k2, -2.0 * k2
            k00 = more + r * b00 + (p4 + m2) * f[0] * h[0] + s0 * u0 + v0 * t0
            k11 = more + r * b11 + (p4 + m2) * f[1] * h[1] + s1 * u1 + v1 * t1
            k22 = more + r * b22 + (p4 + m2) * f[2] * h[2] + s2 * u2 + v2 * t2
            k01 = r * b01 + p4 * f[0] * h[1] + m2 * h[0] * f[1] + s0 * u1 + v0 * t1
            k10 = r * b01 + p4 * f[1] * h[0] + m2 * h[1] * f[0] + s1 * u0 + v1 * t0
            k02 = r * b02 + p4 * f[0] * h[2] + m2 * h[0] * f[2] + s0 * u2 + v0 * t2
            k20 = r * b02 + p4 * f[2] * h[0] + m2 * h[2] * f[0] + s2 * u0 + v2 * t0
            k12 = r * b12 + p4 * f[1] * h[2] + m2 * h[1] * f[2] + s1 * u2 + v1 * t2
            k21 = r * b12 + p4 * f[2] * h[1] + m2 * h[2] * f[1] + s2 * u1 + v2 * t1
            add_block(
                blocks,
                places[e, i, o],
                (
                    np.float32(k00), np.float32(k10), np.float32(k20), zero,
                    np.float32(k01), np.float32(k11), np.float32(k21), zero,
                    np.float32(k02), np.float32(k12), np.float32(k22), zero,
                    zero, zero, zero, zero,
                ),
            )  # fmt: skip


@compiled
def begin_blocks(rows, columns, diagonal, compliance, extra, nodal, blocks):
    """The blocks before the elements add to them: the compliance of the pressures, and what acts on single points (n, 3, 3)."""
    for i in range(len(rows) - 1):
        for at in range(rows[i], rows[i + 1]):
            if columns[at] >= i:
                for c in range(4):
                    for r in range(4):
                        blocks[at, c, r] = np.float32(0.0)
                blocks[at, 3, 3] = np.float32(compliance[at])
        own = diagonal[i]
        blocks[own, 3, 3] += np.float32(extra[i])
        for c in range(3):
            for r in range(3):
                blocks[own, c, r] = np.float32(nodal[i, r, c])


@compiled
def mirror_blocks(rows, columns, diagonal, mirror, blocks, slopes, soft):
    """The blocks below the diagonal, from those above; and of all of them what the pressures need, by itself."""
    for i in range(len(rows) - 1):
        for at in range(rows[i], rows[i + 1]):
            if columns[at] > i:
                transpose_block(blocks, at, mirror[at])
            for c in range(3):
                slopes[at, c] = blocks[at, c, 3]
        soft[diagonal[i]] = blocks[diagonal[i], 3, 3]


@compiled
def inertia(x, ahead, past, mass, stiff, drag, push):
    """Energy of the motion that a step sees, and its slope (n, 3)."""
    total = 0.0
    for i in range(len(x)):
        for k in range(3):
            a, b = x[i, k] - ahead[i, k], x[i, k] - past[i, k]
            push[i, k] = mass[i] * (stiff * a + drag * b)
            total += 0.5 * mass[i] * (stiff * a * a + drag * b * b)
    return total


@compiled
def motion(x, before, mass, stiff):
    """The way from one shape to another, in the measure of what its points' inertia is in a step."""
    total = 0.0
    for i in range(len(x)):
        a, b, c = x[i, 0] - before[i, 0], x[i, 1] - before[i, 1], x[i, 2] - before[i, 2]
        total += mass[i] * stiff * (a * a + b * b + c * c)
    return total


@compiled
def work(force, inverse, free):
    """f.K^-1 f over the free points, K the stiffness of each point (n, 3, 3) alone."""
    total = 0.0
    for i in range(len(force)):
        if free[i]:
            for r in range(3):
                row = inverse[i, r, 0] * force[i, 0] + inverse[i, r, 1] * force[i, 1] + inverse[i, r, 2] * force[i, 2]
                total += force[i, r] * row
    return total


@compiled
def mirrors(rows, columns, diagonal, mirror):
    """Where the diagonal blocks (n,) lie, and the mirrored block of each (nonzeros,)."""
    at_row = rows[:-1].copy()
    for i in range(len(rows) - 1):
        for at in range(rows[i], rows[i + 1]):
            j = columns[at]
            mirror[at] = at_row[j]  # rows are visited in order, so that row j meets i in order too
            at_row[j] += 1
            if i == j:
                diagonal[i] = at


@compiled
def largest_strain(x, tets, gradients, volumes, around, strain):
    """Largest principal Green-Lagrange strain at the points (n,), mean over the elements around."""
    strain[:] = 0.0
    for e in range(len(tets)):
        F, _, _, _, _, _ = _deformation(x, tets, gradients, e)
        c00 = F[0][0] * F[0][0] + F[1][0] * F[1][0] + F[2][0] * F[2][0]
        c11 = F[0][1] * F[0][1] + F[1][1] * F[1][1] + F[2][1] * F[2][1]
        c22 = F[0][2] * F[0][2] + F[1][2] * F[1][2] + F[2][2] * F[2][2]
        c01 = F[0][0] * F[0][1] + F[1][0] * F[1][1] + F[2][0] * F[2][1]
        c02 = F[0][0] * F[0][2] + F[1][0] * F[1][2] + F[2][0] * F[2][2]
        c12 = F[0][1] * F[0][2] + F[1][1] * F[1][2] + F[2][1] * F[2][2]
        mean = (c00 + c11 + c22) / 3.0
        d0, d1, d2 = c00 - mean, c11 - mean, c22 - mean
        size = np.sqrt((d0 * d0 + d1 * d1 + d2 * d2 + 2.0 * (c01 * c01 + c02 * c02 + c12 * c12)) / 6.0)
        largest = mean
        if size > 1e-12 * mean:
            determinant = d0 * (d1 * d2 - c12 * c12) - c01 * (c01 * d2 - c12 * c02) + c02 * (c01 * c12 - d1 * c02)
            # 1 + u of 2 cos(arccos(r) / 3): u^3 + 3 u^2 = 2 (1 + r), by Newton from what is exact at both ends
            right = 2.0 + min(max(determinant / (size * size * size), -2.0), 2.0)
            u = np.sqrt(right / (3.0 + 0.5 * np.sqrt(right)))
            for _ in range(2):
                u -= (u * u * (u + 3.0) - right) / (3.0 * u * (u + 2.0) + 1e-300)
            largest = mean + size * (1.0 + u)
        part = 0.25 * volumes[e] * 0.5 * (largest - 1.0)
        for i in range(4):
            strain[tets[e, i]] += part
    for a in range(len(strain)):
        if around[a] > 0.0:
            strain[a] /= around[a]
