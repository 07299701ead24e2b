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
def subscales(
    cells, gradients, volumes, heights2, positions, velocity, viscosity, density, reference, taus, spread, convected
):
    """First pass over the cells, with the convecting velocity a.

    tau = 1/(4 mu/h^2 + rho sum_i |a.grad N_i|) of each cell, and for the pressure the same with at least 2 ``reference``/h
    for the sum: where blood is slow it would be far longer than a step, and hard to solve with. ``spread`` (owned, 2) gathers V tau and V around each node;
    ``convected`` (owned, 3) the test of a.grad a. Returns the largest sum |a.grad N_i| (twice the CFL number per second).
    """
    fastest = 0.0
    spread[:] = 0.0
    convected[:] = 0.0
    along, total = np.empty((4, 4)), np.empty(4)
    for c in range(len(cells)):
        total[:] = 0.0
        for m in range(4):
            node = cells[c, m]
            u, v, w = velocity[node, 0], velocity[node, 1], velocity[node, 2]
            for k in range(4):
                along[m, k] = u * gradients[c, k, 0] + v * gradients[c, k, 1] + w * gradients[c, k, 2]
                total[k] += along[m, k]
        speed = 0.25 * (abs(total[0]) + abs(total[1]) + abs(total[2]) + abs(total[3]))
        fastest = max(fastest, speed)
        rate = 4.0 * viscosity[c] / heights2[c]
        taus[c, 0] = 1.0 / (rate + density * speed)
        taus[c, 1] = 1.0 / (rate + density * max(speed, 2.0 * reference / np.sqrt(heights2[c])))
        twentieth = volumes[c] / 20.0
        for i in range(4):
            if positions[c, i, 0] < 0:
                continue
            node = cells[c, i]
            spread[node, 0] += volumes[c] * taus[c, 1]
            spread[node, 1] += volumes[c]
            for j in range(4):
                weight = twentieth * (total[j] + along[i, j])
                other = cells[c, j]
                for k in range(3):
                    convected[node, k] += weight * velocity[other, k]
    return fastest


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
    along, total, resolved = np.empty((4, 4)), np.empty(4), np.empty((4, 3))
    together, older, slope = np.empty(3), np.empty(3), np.empty((3, 3))
    for c in range(len(cells)):
        total[:] = 0.0
        resolved[:] = 0.0
        together[:] = 0.0
        older[:] = 0.0
        slope[:] = 0.0
        divergence = mean_tau = 0.0
        for m in range(4):
            node = cells[c, m]
            u, v, w = velocity[node, 0], velocity[node, 1], velocity[node, 2]
            for k in range(4):
                along[m, k] = u * gradients[c, k, 0] + v * gradients[c, k, 1] + w * gradients[c, k, 2]
                total[k] += along[m, k]
            divergence += along[m, m]
            mean_tau += 0.25 * shared[node, 3]
            for k in range(3):
                together[k] += shared[node, k]
                older[k] += past[node, k]
                if transposed:
                    for d in range(3):
                        slope[k, d] += velocity[node, k] * gradients[c, m, d]
        for m in range(4):
            for i in range(4):
                for k in range(3):
                    resolved[i, k] += along[m, i] * shared[cells[c, m], k]
        twentieth = volumes[c] / 20.0
        streamline = density * taus[c, 0] * twentieth
        for i in range(4):
            if positions[c, i, 0] < 0:
                continue
            node = cells[c, i]
            for k in range(3):
                rhs[node, k] += twentieth * (older[k] + past[node, k])
                rhs[node, k] += streamline * (total[i] * together[k] + resolved[i, k])
            if transposed:
                for k in range(3):
                    for d in range(3):
                        rhs[node, k] -= viscosity[c] * volumes[c] * slope[d, k] * gradients[c, i, d]
        # what is symmetric is found once for both entries
        diffusion, damping = viscosity[c] * volumes[c], density * streamline
        inert = (inertia + 0.5 * density * divergence) * twentieth
        carried, spread = density * twentieth, mean_tau * volumes[c]
        for i in range(4):
            for j in range(i, 4):
                laplace = (
                    gradients[c, i, 0] * gradients[c, j, 0]
                    + gradients[c, i, 1] * gradients[c, j, 1]
                    + gradients[c, i, 2] * gradients[c, j, 2]
                )
                cross = (
                    total[i] * total[j]
                    + along[0, i] * along[0, j]
                    + along[1, i] * along[1, j]
                    + along[2, i] * along[2, j]
                    + along[3, i] * along[3, j]
                )
                both = inert + diffusion * laplace + damping * cross
                if i == j:
                    both += inert
                at = positions[c, i, j]
                if at >= 0:
                    blocks[at, 0] += both + carried * (total[j] + along[i, j])
                    blocks[at, 1] += spread * laplace
                if i != j:
                    at = positions[c, j, i]
                    if at >= 0:
                        blocks[at, 0] += both + carried * (total[i] + along[j, i])
                        blocks[at, 1] += spread * laplace


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
