"""The coarse space: clusters of points that move as rigid bodies, solved exactly.

It carries a load across the whole organ in one iteration, which neighbour-to-neighbour methods need hundreds for. It is made
from the body at rest and does not follow the deformation, so that a step depends on the state alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin_solvers.rehearsal.compiled import compiled
from organtwin_solvers.rehearsal.wide import row_dot

POINTS_IN_CLUSTER = 32
MOST_CLUSTERS = 128


def clusters(points: NDArray[np.float64], used: NDArray[np.bool_], rows, columns) -> tuple[NDArray[np.int32], int]:
    """Cluster (n,) of each point, -1 for none, and their number.

    The points are halved across their longest extent until the parts are small; a part that the mesh does not connect (the two
    sides of a cut) is taken apart.
    """
    label = np.full(len(points), -1, np.int32)
    inside = np.flatnonzero(used)
    parts = [(inside, max(1, min(MOST_CLUSTERS, len(inside) // POINTS_IN_CLUSTER)))]
    count = 0
    while parts:
        nodes, pieces = parts.pop()
        if pieces == 1:
            label[nodes] = count
            count += 1
            continue
        axis = int(np.ptp(points[nodes], axis=0).argmax())
        order = nodes[np.argsort(points[nodes, axis], kind="stable")]
        first = pieces // 2
        at = len(order) * first // pieces
        parts += [(order[at:], pieces - first), (order[:at], first)]
    return _connected(label, rows, columns)


@compiled
def _connected(label, rows, columns):
    """Clusters that are connected through the mesh; crumbs of less than four points belong to none."""
    n = len(label)
    out = np.full(n, -1, np.int32)
    stack = np.empty(n, np.int32)
    count = 0
    for start in range(n):
        if out[start] != -1 or label[start] < 0:
            continue
        size, done = 1, 0
        stack[0] = start
        out[start] = count
        while done < size:
            i = stack[done]
            done += 1
            for at in range(rows[i], rows[i + 1]):
                j = columns[at]
                if out[j] == -1 and label[j] == label[start]:
                    out[j] = count
                    stack[size] = j
                    size += 1
        if size < 4:
            for k in range(size):
                out[stack[k]] = -2
        else:
            count += 1
    for i in range(n):
        if out[i] < 0:
            out[i] = -1
    return out, count


def arms(points: NDArray[np.float64], label: NDArray[np.int32], count: int) -> NDArray[np.float32]:
    """Places (n, 3) of the points from the centre of their cluster, in sizes of it."""
    inside = label >= 0
    size = np.maximum(np.bincount(label[inside], minlength=count), 1)
    centre = np.stack([np.bincount(label[inside], points[inside, k], count) / size for k in range(3)], axis=1)
    arm = np.zeros_like(points)
    arm[inside] = points[inside] - centre[label[inside]]
    reach = np.sqrt(np.bincount(label[inside], (arm[inside] ** 2).sum(axis=1), count) / size)
    arm[inside] /= np.maximum(reach, 1e-9)[label[inside], None]
    return arm.astype(np.float32)


@compiled
def _modes(arm, b):
    """Rows x, y, z of the three shifts and three turns at a point."""
    b[:] = 0.0
    b[0, 0] = b[1, 1] = b[2, 2] = 1.0
    b[0, 4], b[0, 5] = arm[2], -arm[1]
    b[1, 3], b[1, 5] = -arm[2], arm[0]
    b[2, 3], b[2, 4] = arm[1], -arm[0]


@compiled
def galerkin(rows, columns, diagonal, blocks, inertia, label, arm, free, out):
    """The matrix of the linear system with ``inertia`` (n,), seen by the clusters (6c, 6c)."""
    out[:] = 0.0
    bi, bj, kb = np.empty((3, 6)), np.empty((3, 6)), np.empty((3, 6))
    near = np.empty(64, np.int32)
    along = np.empty((64, 6))
    for i in range(len(rows) - 1):
        if free[i] and label[i] >= 0:
            _modes(arm[i], bi)
            for at in range(rows[i], rows[i + 1]):
                j = columns[at]
                if not free[j] or label[j] < 0:
                    continue
                _modes(arm[j], bj)
                b = blocks[at]
                for r in range(3):
                    for s in range(6):
                        kb[r, s] = b[0, r] * bj[0, s] + b[1, r] * bj[1, s] + b[2, r] * bj[2, s]
                        if i == j:
                            kb[r, s] += inertia[i] * bi[r, s]
                for r in range(6):
                    for s in range(6):
                        out[6 * label[i] + r, 6 * label[j] + s] += (
                            bi[0, r] * kb[0, s] + bi[1, r] * kb[1, s] + bi[2, r] * kb[2, s]
                        )
        compliance = blocks[diagonal[i], 3, 3]
        if compliance <= 0.0:
            continue
        found = 0
        for at in range(rows[i], rows[i + 1]):
            j = columns[at]
            if not free[j] or label[j] < 0:
                continue
            slot = 0
            while slot < found and near[slot] != label[j]:
                slot += 1
            if slot == found:
                if found == 64:
                    continue
                near[found] = label[j]
                along[found] = 0.0
                found += 1
            _modes(arm[j], bj)
            b = blocks[at]
            for s in range(6):
                along[slot, s] += b[0, 3] * bj[0, s] + b[1, 3] * bj[1, s] + b[2, 3] * bj[2, s]
        for k in range(found):
            for m in range(found):
                for r in range(6):
                    for s in range(6):
                        out[6 * near[k] + r, 6 * near[m] + s] += along[k, r] * along[m, s] / compliance


@compiled
def factor(a, lower, upper, pivots):
    """Cholesky factor of ``a`` (n, n), which is destroyed: its rows below the diagonal, those of its transpose, and the inverse of
    the diagonal; arrays may be longer than n. A direction that nothing resists is held."""
    n = len(a)
    least = np.empty(n)
    for k in range(n):
        least[k] = 1e-6 * a[k, k] if a[k, k] > 0.0 else 1.0
    for k in range(n):
        root = np.sqrt(max(a[k, k], least[k]))
        a[k, k] = root
        inverse = 1.0 / root
        for j in range(k + 1, n):
            a[k, j] *= inverse
        for i in range(k + 1, n):
            f = a[k, i]
            if f != 0.0:
                for j in range(i, n):
                    a[i, j] -= f * a[k, j]
    lower[:] = 0.0
    upper[:] = 0.0
    for i in range(n):
        pivots[i] = 1.0 / a[i, i]
        for j in range(i):
            lower[i, j] = a[j, i]
        for j in range(i + 1, n):
            upper[i, j] = a[i, j]


@compiled
def correct(r, clusters, free, y, z):
    """Add to z (n, 4) what the clusters answer to r (n, 4)."""
    label, arm, lower, upper, pivots = clusters
    n = len(pivots)
    y[:] = 0.0
    for i in range(len(label)):
        c = 6 * label[i]
        if c >= 0 and free[i]:
            r0, r1, r2 = r[i, 0], r[i, 1], r[i, 2]
            a0, a1, a2 = arm[i, 0], arm[i, 1], arm[i, 2]
            y[c] += r0
            y[c + 1] += r1
            y[c + 2] += r2
            y[c + 3] += a1 * r2 - a2 * r1
            y[c + 4] += a2 * r0 - a0 * r2
            y[c + 5] += a0 * r1 - a1 * r0
    for i in range(n):
        y[i] = (y[i] - row_dot(lower, i, y, 0, (i + 15) // 16 * 16)) * pivots[i]
    for i in range(n - 1, -1, -1):
        y[i] = (y[i] - row_dot(upper, i, y, i // 16 * 16, len(y))) * pivots[i]
    for i in range(len(label)):
        c = 6 * label[i]
        if c >= 0 and free[i]:
            a0, a1, a2 = arm[i, 0], arm[i, 1], arm[i, 2]
            z[i, 0] += y[c] + a2 * y[c + 4] - a1 * y[c + 5]
            z[i, 1] += y[c + 1] - a2 * y[c + 3] + a0 * y[c + 5]
            z[i, 2] += y[c + 2] + a1 * y[c + 3] - a0 * y[c + 4]
