"""The loops over cells, rows and facets of the fast scheme, compiled.

All matrices share one pattern of rows (compressed rows, sorted columns) over the owned nodes. ``blocks`` (nonzeros, 2) carries
side by side what each step makes anew, momentum K and pressure stabilisation L; ``slopes`` (nonzeros, 3) the three parts of
the weak divergence B (q, d_i v). Integrals of products of linear functions are exact: V/20 (1 + delta_ij) is the mass matrix.
"""

from __future__ import annotations

import numpy as np
from numba import njit

compiled = njit(cache=True, fastmath={"contract", "reassoc", "nsz", "arcp"}, error_model="numpy")


# -- set-up -------------------------------------------------------------------------------------------------------------


@compiled
def geometry(points, cells, gradients, volumes):
    """Gradients (m, 4, 3) of the four linear functions and volumes (m,) of each tetrahedron."""
    for c in range(len(cells)):
        o = points[cells[c, 0]]
        a, b, d = points[cells[c, 1]] - o, points[cells[c, 2]] - o, points[cells[c, 3]] - o
        na = np.array([b[1] * d[2] - b[2] * d[1], b[2] * d[0] - b[0] * d[2], b[0] * d[1] - b[1] * d[0]])
        nb = np.array([d[1] * a[2] - d[2] * a[1], d[2] * a[0] - d[0] * a[2], d[0] * a[1] - d[1] * a[0]])
        nd = np.array([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])
        six = a[0] * na[0] + a[1] * na[1] + a[2] * na[2]
        volumes[c] = abs(six) / 6.0
        for k in range(3):
            gradients[c, 1, k] = na[k] / six
            gradients[c, 2, k] = nb[k] / six
            gradients[c, 3, k] = nd[k] / six
            gradients[c, 0, k] = -(na[k] + nb[k] + nd[k]) / six


@compiled
def pattern(cells, owned, size):
    """Rows (owned + 1,), sorted columns (nonzeros,) of the nodes that share a cell, and positions (m, 4, 4) of each cell's
    entries; -1 where the row is not owned."""
    count = np.zeros(owned + 1, np.int64)
    for c in range(len(cells)):
        for i in range(4):
            if cells[c, i] < owned:
                count[cells[c, i] + 1] += 1
    starts = np.cumsum(count)
    around = np.empty(starts[-1], np.int32)
    filled = starts[:-1].copy()
    for c in range(len(cells)):
        for i in range(4):
            node = cells[c, i]
            if node < owned:
                around[filled[node]] = c
                filled[node] += 1
    seen = np.full(size, -1, np.int32)
    rows = np.zeros(owned + 1, np.int64)
    for node in range(owned):
        n = 0
        for at in range(starts[node], starts[node + 1]):
            for j in range(4):
                other = cells[around[at], j]
                if seen[other] != node:
                    seen[other] = node
                    n += 1
        rows[node + 1] = rows[node] + n
    columns = np.empty(rows[owned], np.int32)
    seen[:] = -1
    for node in range(owned):
        n = rows[node]
        for at in range(starts[node], starts[node + 1]):
            for j in range(4):
                other = cells[around[at], j]
                if seen[other] != node:
                    seen[other] = node
                    columns[n] = other
                    n += 1
        columns[rows[node] : n].sort()
    positions = np.full((len(cells), 4, 4), -1, np.int32)
    where = np.zeros(size, np.int32)
    for node in range(owned):
        for at in range(rows[node], rows[node + 1]):
            where[columns[at]] = at
        for at in range(starts[node], starts[node + 1]):
            c = around[at]
            for i in range(4):
                if cells[c, i] == node:
                    for j in range(4):
                        positions[c, i, j] = where[cells[c, j]]
    return rows, columns, positions


@compiled
def weak_divergence(cells, gradients, volumes, positions, slopes, lumped):
    """B, and the lumped mass (owned,)."""
    for c in range(len(cells)):
        quarter = 0.25 * volumes[c]
        for i in range(4):
            if positions[c, i, 0] < 0:
                continue
            lumped[cells[c, i]] += quarter
            for j in range(4):
                at = positions[c, i, j]
                for k in range(3):
                    slopes[at, k] += quarter * gradients[c, j, k]


# -- a step ---------------------------------------------------------------------------------------------------------------


@compiled
def shear_rates(cells, gradients, velocity, rates):
    """sqrt(2 D:D) of each cell, 1/s."""
    slope = np.empty((3, 3))
    for c in range(len(cells)):
        total = 0.0
        slope[:] = 0.0
        for i in range(4):
            for k in range(3):
                for d in range(3):
                    slope[k, d] += velocity[cells[c, i], k] * gradients[c, i, d]
        for k in range(3):
            for d in range(3):
                total += 0.5 * (slope[k, d] + slope[d, k]) ** 2
        rates[c] = np.sqrt(total)


@compiled
def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@compiled
def _row(array, i):
    return array[i, 0], array[i, 1], array[i, 2]


@compiled
def _of_cell(gradients, c):
    """The four gradients as tuples: values in registers, which a write to an array does not make the compiler read again."""
    g = gradients[c]
    return _row(g, 0), _row(g, 1), _row(g, 2), _row(g, 3)


@compiled
def _along(u, g):
    """u.grad N of the four functions."""
    return _dot(u, g[0]), _dot(u, g[1]), _dot(u, g[2]), _dot(u, g[3])


@compiled
def _sum(a, b, c, d):
    return a[0] + b[0] + c[0] + d[0], a[1] + b[1] + c[1] + d[1], a[2] + b[2] + c[2] + d[2]


@compiled
def subscales(
    cells, gradients, volumes, heights2, positions, velocity, viscosity, density, reference, taus, spread, convected
):
    """First pass over the cells, with the convecting velocity a.

    tau = 1/(4 mu/h^2 + rho sum_i |a.grad N_i|) of each cell, and for the pressure the same with at least 2 ``reference``/h
    for the sum: where blood is slow it would be far longer than a step, and hard to solve with. ``spread`` (owned, 2)
    gathers V tau and V around each node; ``convected`` (owned, 3) the test of a.grad a. Returns the largest
    sum |a.grad N_i| (twice the CFL number per second).
    """
    fastest = 0.0
    spread[:] = 0.0
    convected[:] = 0.0
    for c in range(len(cells)):
        n0, n1, n2, n3 = cells[c, 0], cells[c, 1], cells[c, 2], cells[c, 3]
        g = _of_cell(gradients, c)
        u0, u1, u2, u3 = _row(velocity, n0), _row(velocity, n1), _row(velocity, n2), _row(velocity, n3)
        u = _sum(u0, u1, u2, u3)
        total = _along(u, g)
        speed = 0.25 * (abs(total[0]) + abs(total[1]) + abs(total[2]) + abs(total[3]))
        fastest = max(fastest, speed)
        rate = 4.0 * viscosity[c] / heights2[c]
        tau = 1.0 / (rate + density * max(speed, 2.0 * reference / np.sqrt(heights2[c])))
        taus[c, 0] = 1.0 / (rate + density * speed)
        taus[c, 1] = tau
        volume = volumes[c]
        twentieth = volume / 20.0
        # (sum_m a_m + a_i).grad a, by the components' gradients
        for k in range(3):
            x = u0[k] * g[0][0] + u1[k] * g[1][0] + u2[k] * g[2][0] + u3[k] * g[3][0]
            y = u0[k] * g[0][1] + u1[k] * g[1][1] + u2[k] * g[2][1] + u3[k] * g[3][1]
            z = u0[k] * g[0][2] + u1[k] * g[1][2] + u2[k] * g[2][2] + u3[k] * g[3][2]
            slope = (x, y, z)
            mean = _dot(u, slope)
            if positions[c, 0, 0] >= 0:
                convected[n0, k] += twentieth * (mean + _dot(u0, slope))
            if positions[c, 1, 0] >= 0:
                convected[n1, k] += twentieth * (mean + _dot(u1, slope))
            if positions[c, 2, 0] >= 0:
                convected[n2, k] += twentieth * (mean + _dot(u2, slope))
            if positions[c, 3, 0] >= 0:
                convected[n3, k] += twentieth * (mean + _dot(u3, slope))
        for i in range(4):
            if positions[c, i, 0] >= 0:
                spread[cells[c, i], 0] += volume * tau
                spread[cells[c, i], 1] += volume
    return fastest


@compiled
def _entry(blocks, forward, backward, inert, both, there, back, laplace):
    """Adds to K and L what two nodes of a cell have in common; ``there`` and ``back`` are not symmetric."""
    if forward >= 0:
        blocks[forward, 0] += inert + both + there
        blocks[forward, 1] += laplace
    if backward >= 0:
        blocks[backward, 0] += inert + both + back
        blocks[backward, 1] += laplace


@compiled
def assemble(
    cells,
    gradients,
    volumes,
    positions,
    velocity,
    viscosity,
    density,
    inertia,
    past,
    taus,
    shared,
    transposed,
    blocks,
    rhs,
):
    """Second pass: K and L, and the right-hand side of past velocities and of the resolved part of convection.

    ``shared`` (n, 4): at each node the projection of rho a.grad a and the mean of tau. ``past`` (n, 3) is what the mass
    matrix acts on. ``transposed``: 1 adds mu (grad a)^T to the right-hand side, for a viscosity that varies.
    """
    blocks[:] = 0.0
    rhs[:] = 0.0
    for c in range(len(cells)):
        n0, n1, n2, n3 = cells[c, 0], cells[c, 1], cells[c, 2], cells[c, 3]
        g = _of_cell(gradients, c)
        u0, u1, u2, u3 = _row(velocity, n0), _row(velocity, n1), _row(velocity, n2), _row(velocity, n3)
        a0, a1, a2, a3 = _along(u0, g), _along(u1, g), _along(u2, g), _along(u3, g)
        t = _along(_sum(u0, u1, u2, u3), g)
        divergence = a0[0] + a1[1] + a2[2] + a3[3]
        volume, mu = volumes[c], viscosity[c]
        twentieth = volume / 20.0
        streamline = density * taus[c, 0] * twentieth
        diffusion, damping, carried = volume * mu, density * streamline, density * twentieth
        inert = (inertia + 0.5 * density * divergence) * twentieth
        spread = 0.25 * volume * (shared[n0, 3] + shared[n1, 3] + shared[n2, 3] + shared[n3, 3])

        p = positions[c]
        for i in range(4):
            laplace = _dot(g[i], g[i])
            cross = t[i] * t[i] + a0[i] * a0[i] + a1[i] * a1[i] + a2[i] * a2[i] + a3[i] * a3[i]
            own = a0[0] if i == 0 else a1[1] if i == 1 else a2[2] if i == 2 else a3[3]
            both = inert + diffusion * laplace + damping * cross
            _entry(blocks, p[i, i], -1, inert, both, carried * (t[i] + own), 0.0, spread * laplace)
        l01, l02, l03 = _dot(g[0], g[1]), _dot(g[0], g[2]), _dot(g[0], g[3])
        l12, l13, l23 = _dot(g[1], g[2]), _dot(g[1], g[3]), _dot(g[2], g[3])
        x01 = t[0] * t[1] + a0[0] * a0[1] + a1[0] * a1[1] + a2[0] * a2[1] + a3[0] * a3[1]
        x02 = t[0] * t[2] + a0[0] * a0[2] + a1[0] * a1[2] + a2[0] * a2[2] + a3[0] * a3[2]
        x03 = t[0] * t[3] + a0[0] * a0[3] + a1[0] * a1[3] + a2[0] * a2[3] + a3[0] * a3[3]
        x12 = t[1] * t[2] + a0[1] * a0[2] + a1[1] * a1[2] + a2[1] * a2[2] + a3[1] * a3[2]
        x13 = t[1] * t[3] + a0[1] * a0[3] + a1[1] * a1[3] + a2[1] * a2[3] + a3[1] * a3[3]
        x23 = t[2] * t[3] + a0[2] * a0[3] + a1[2] * a1[3] + a2[2] * a2[3] + a3[2] * a3[3]
        _entry(blocks, p[0, 1], p[1, 0], inert, diffusion * l01 + damping * x01,
               carried * (t[1] + a0[1]), carried * (t[0] + a1[0]), spread * l01)  # fmt: skip
        _entry(blocks, p[0, 2], p[2, 0], inert, diffusion * l02 + damping * x02,
               carried * (t[2] + a0[2]), carried * (t[0] + a2[0]), spread * l02)  # fmt: skip
        _entry(blocks, p[0, 3], p[3, 0], inert, diffusion * l03 + damping * x03,
               carried * (t[3] + a0[3]), carried * (t[0] + a3[0]), spread * l03)  # fmt: skip
        _entry(blocks, p[1, 2], p[2, 1], inert, diffusion * l12 + damping * x12,
               carried * (t[2] + a1[2]), carried * (t[1] + a2[1]), spread * l12)  # fmt: skip
        _entry(blocks, p[1, 3], p[3, 1], inert, diffusion * l13 + damping * x13,
               carried * (t[3] + a1[3]), carried * (t[1] + a3[1]), spread * l13)  # fmt: skip
        _entry(blocks, p[2, 3], p[3, 2], inert, diffusion * l23 + damping * x23,
               carried * (t[3] + a2[3]), carried * (t[2] + a3[2]), spread * l23)  # fmt: skip

        for k in range(3):
            s0, s1, s2, s3 = shared[n0, k], shared[n1, k], shared[n2, k], shared[n3, k]
            b0, b1, b2, b3 = past[n0, k], past[n1, k], past[n2, k], past[n3, k]
            together, older = s0 + s1 + s2 + s3, b0 + b1 + b2 + b3
            x = twentieth * (older + b0) + streamline * (
                t[0] * together + a0[0] * s0 + a1[0] * s1 + a2[0] * s2 + a3[0] * s3
            )
            y = twentieth * (older + b1) + streamline * (
                t[1] * together + a0[1] * s0 + a1[1] * s1 + a2[1] * s2 + a3[1] * s3
            )
            z = twentieth * (older + b2) + streamline * (
                t[2] * together + a0[2] * s0 + a1[2] * s1 + a2[2] * s2 + a3[2] * s3
            )
            w = twentieth * (older + b3) + streamline * (
                t[3] * together + a0[3] * s0 + a1[3] * s1 + a2[3] * s2 + a3[3] * s3
            )
            if transposed:  # (d_k a) . grad N_i
                slope = (
                    u0[0] * g[0][k] + u1[0] * g[1][k] + u2[0] * g[2][k] + u3[0] * g[3][k],
                    u0[1] * g[0][k] + u1[1] * g[1][k] + u2[1] * g[2][k] + u3[1] * g[3][k],
                    u0[2] * g[0][k] + u1[2] * g[1][k] + u2[2] * g[2][k] + u3[2] * g[3][k],
                )
                x -= diffusion * _dot(slope, g[0])
                y -= diffusion * _dot(slope, g[1])
                z -= diffusion * _dot(slope, g[2])
                w -= diffusion * _dot(slope, g[3])
            if p[0, 0] >= 0:
                rhs[n0, k] += x
            if p[1, 0] >= 0:
                rhs[n1, k] += y
            if p[2, 0] >= 0:
                rhs[n2, k] += z
            if p[3, 0] >= 0:
                rhs[n3, k] += w


@compiled
def backflow(facets, normals, positions, velocity, density, blocks):
    """K gains -rho/2 min(a.n, 0) u v on the outlets' facets (quadrature at mid-edges); positions (f, 3, 3)."""
    for f in range(len(facets)):
        for i in range(3):
            j = (i + 1) % 3
            a, b = velocity[facets[f, i]], velocity[facets[f, j]]
            through = 0.0
            for k in range(3):
                through += 0.5 * (a[k] + b[k]) * normals[f, k]
            if through < 0.0:
                weight = -0.5 * density * through / 12.0  # a third of the facet, a half of each function
                for p in (i, j):
                    for q in (i, j):
                        at = positions[f, p, q]
                        if at >= 0:
                            blocks[at, 0] += weight


@compiled
def weighted_laplace(cells, gradients, volumes, positions, weights, values):
    """int w grad p.grad q into ``values`` (nonzeros,)."""
    for c in range(len(cells)):
        for i in range(4):
            if positions[c, i, 0] < 0:
                continue
            for j in range(4):
                laplace = 0.0
                for k in range(3):
                    laplace += gradients[c, i, k] * gradients[c, j, k]
                values[positions[c, i, j]] += weights[c] * volumes[c] * laplace


# -- products -------------------------------------------------------------------------------------------------------------


@compiled
def product(rows, columns, blocks, slopes, x, y, rise):
    """y = [K u + B p, B.u + L p] and rise = B p, for x (n, 4) of velocity and pressure."""
    for i in range(len(rows) - 1):
        u = v = w = q = gx = gy = gz = 0.0
        for at in range(rows[i], rows[i + 1]):
            j = columns[at]
            k, p = blocks[at, 0], x[j, 3]
            bx, by, bz = slopes[at, 0], slopes[at, 1], slopes[at, 2]
            u += k * x[j, 0]
            v += k * x[j, 1]
            w += k * x[j, 2]
            gx += bx * p
            gy += by * p
            gz += bz * p
            q += bx * x[j, 0] + by * x[j, 1] + bz * x[j, 2] + blocks[at, 1] * p
        y[i, 0], y[i, 1], y[i, 2], y[i, 3] = u + gx, v + gy, w + gz, q
        rise[i, 0], rise[i, 1], rise[i, 2] = gx, gy, gz


@compiled
def divergence(rows, columns, slopes, x, sign, y):
    """y (owned,) += sign B.x for vectors x (n, 3)."""
    for i in range(len(rows) - 1):
        q = 0.0
        for at in range(rows[i], rows[i + 1]):
            j = columns[at]
            q += slopes[at, 0] * x[j, 0] + slopes[at, 1] * x[j, 1] + slopes[at, 2] * x[j, 2]
        y[i] += sign * q


@compiled
def gradient(rows, columns, slopes, p, y):
    """y (owned, 3) = B p."""
    for i in range(len(rows) - 1):
        gx = gy = gz = 0.0
        for at in range(rows[i], rows[i + 1]):
            q = p[columns[at]]
            gx += slopes[at, 0] * q
            gy += slopes[at, 1] * q
            gz += slopes[at, 2] * q
        y[i, 0], y[i, 1], y[i, 2] = gx, gy, gz


@compiled
def boundary_pressure(facets, normals, owned, p, sign, y):
    """y (owned, 3+) += sign * boundary integral of N p n; normals (f, 3) are as long as the facet's area."""
    for f in range(len(facets)):
        total = p[facets[f, 0]] + p[facets[f, 1]] + p[facets[f, 2]]
        for i in range(3):
            node = facets[f, i]
            if node < owned:
                weight = sign * (total + p[node]) / 12.0
                for k in range(3):
                    y[node, k] += weight * normals[f, k]


@compiled
def boundary_flux(facets, normals, owned, x, sign, y):
    """y (owned,) += sign * boundary integral of N x.n."""
    along = np.empty(3)
    for f in range(len(facets)):
        along[:] = 0.0
        for i in range(3):
            for k in range(3):
                along[i] += x[facets[f, i], k] * normals[f, k]
        total = along[0] + along[1] + along[2]
        for i in range(3):
            node = facets[f, i]
            if node < owned:
                y[node] += sign * (total + along[i]) / 12.0


# -- incomplete factors ---------------------------------------------------------------------------------------------------


@compiled
def owned_pattern(rows, columns, owned):
    """The pattern without columns of ghosts: rows, columns, positions in the whole pattern, and where the diagonals are."""
    count = 0
    for at in range(rows[owned]):
        count += columns[at] < owned
    kept_rows, kept = np.zeros(owned + 1, np.int64), np.empty(count, np.int32)
    source, diagonal = np.empty(count, np.int64), np.empty(owned, np.int64)
    n = 0
    for i in range(owned):
        for at in range(rows[i], rows[i + 1]):
            if columns[at] < owned:
                kept[n] = columns[at]
                source[n] = at
                if columns[at] == i:
                    diagonal[i] = n
                n += 1
        kept_rows[i + 1] = n
    return kept_rows, kept, source, diagonal


@compiled
def factorise(rows, columns, diagonal, values, held, marker):
    """ILU(0) in place; held rows become those of the identity, and the diagonal is stored inverted. False when it fails."""
    fine = True
    for i in range(len(diagonal)):
        start, stop = rows[i], rows[i + 1]
        if held[i]:
            values[start:stop] = 0.0
            values[diagonal[i]] = 1.0
            continue
        for at in range(start, stop):
            marker[columns[at]] = at
        for at in range(start, diagonal[i]):
            k = columns[at]
            factor = values[at] * values[diagonal[k]]
            values[at] = factor
            for other in range(diagonal[k] + 1, rows[k + 1]):
                target = marker[columns[other]]
                if target >= 0:
                    values[target] -= factor * values[other]
        pivot = values[diagonal[i]]
        if not abs(pivot) > 0.0:
            fine = False
            pivot = 1.0
        values[diagonal[i]] = 1.0 / pivot
        for at in range(start, stop):
            marker[columns[at]] = -1
    return fine


@compiled
def substitute(rows, columns, diagonal, factors, x):
    """x (owned, 3) becomes U^-1 L^-1 x."""
    for i in range(len(diagonal)):
        u, v, w = x[i, 0], x[i, 1], x[i, 2]
        for at in range(rows[i], diagonal[i]):
            j, f = columns[at], factors[at]
            u -= f * x[j, 0]
            v -= f * x[j, 1]
            w -= f * x[j, 2]
        x[i, 0], x[i, 1], x[i, 2] = u, v, w
    for i in range(len(diagonal) - 1, -1, -1):
        u, v, w = x[i, 0], x[i, 1], x[i, 2]
        for at in range(diagonal[i] + 1, rows[i + 1]):
            j, f = columns[at], factors[at]
            u -= f * x[j, 0]
            v -= f * x[j, 1]
            w -= f * x[j, 2]
        d = factors[diagonal[i]]
        x[i, 0], x[i, 1], x[i, 2] = d * u, d * v, d * w
