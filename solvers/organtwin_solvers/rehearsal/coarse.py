"""The coarse space: clusters of points that move as rigid bodies, solved exactly.

It carries a load across the whole organ in one iteration, which neighbour-to-neighbour methods need hundreds for. It is made
from the body at rest and does not follow the deformation, so that a step depends on the state alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin_solvers.rehearsal.compiled import compiled

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
def galerkin(rows, columns, stiff, slopes, weights, inertia, label, arm, free, out):
    """The tangent K + G^T W G + inertia, seen by the clusters (6c, 6c)."""
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
                for r in range(3):
                    for s in range(6):
                        kb[r, s] = stiff[at, r, 0] * bj[0, s] + stiff[at, r, 1] * bj[1, s] + stiff[at, r, 2] * bj[2, s]
                        if i == j:
                            kb[r, s] += inertia[i] * bi[r, s]
                for r in range(6):
                    for s in range(6):
                        out[6 * label[i] + r, 6 * label[j] + s] += bi[0, r] * kb[0, s] + bi[1, r] * kb[1, s] + bi[2, r] * kb[2, s]
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
            for s in range(6):
                along[slot, s] += slopes[at, 0] * bj[0, s] + slopes[at, 1] * bj[1, s] + slopes[at, 2] * bj[2, s]
        for k in range(found):
            for l in range(found):
                for r in range(6):
                    for s in range(6):
                        out[6 * near[k] + r, 6 * near[l] + s] += weights[i] * along[k, r] * along[l, s]


@compiled
def factor(a, lower, upper):
    """Cholesky factor of ``a`` (destroyed), and its transpose; a direction that nothing resists is held."""
    n = len(a)
    for k in range(n):
        if a[k, k] <= 0.0:
            a[k, k] = 1.0
        floor = 1e-7 * a[k, k]
        pivot = a[k, k] + floor
        lower[k, k] = pivot  # what it was, until it is the turn of k
    for k in range(n):
        held = 1e-6 * lower[k, k]
        root = np.sqrt(max(a[k, k], held))
        a[k, k] = root
        inverse = 1.0 / root
        for j in range(k + 1, n):
            a[k, j] *= inverse
        for i in range(k + 1, n):
            f = a[k, i]
            if f != 0.0:
                for j in range(i, n):
                    a[i, j] -= f * a[k, j]
    for i in range(n):
        for j in range(n):
            lower[i, j] = a[j, i] if j <= i else 0.0
            upper[i, j] = a[i, j] if j >= i else 0.0


@compiled
def correct(r, label, arm, free, lower, upper, y, z):
    """Add to z (n, 3) what the clusters answer to r (n, 3)."""
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
    n = len(y)
    for i in range(n):
        total = y[i]
        for j in range(i):
            total -= lower[i, j] * y[j]
        y[i] = total / lower[i, i]
    for i in range(n - 1, -1, -1):
        total = y[i]
        for j in range(i + 1, n):
            total -= upper[i, j] * y[j]
        y[i] = total / upper[i, i]
    for i in range(len(label)):
        c = 6 * label[i]
        if c >= 0 and free[i]:
            a0, a1, a2 = arm[i, 0], arm[i, 1], arm[i, 2]
            z[i, 0] += y[c] + a2 * y[c + 4] - a1 * y[c + 5]
            z[i, 1] += y[c + 1] - a2 * y[c + 3] + a0 * y[c + 5]
            z[i, 2] += y[c + 2] + a1 * y[c + 3] - a0 * y[c + 4]
