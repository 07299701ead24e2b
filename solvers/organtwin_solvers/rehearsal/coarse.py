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
    return _in_order(*_connected(label, rows, columns))


def _in_order(label: NDArray[np.int32], count: int) -> tuple[NDArray[np.int32], int]:
    """The clusters numbered as their points lie, so that only clusters of near numbers touch."""
    inside = np.flatnonzero(label >= 0)
    middle = np.bincount(label[inside], inside, count) / np.maximum(np.bincount(label[inside], minlength=count), 1)
    number = np.empty(count + 1, np.int32)
    number[np.argsort(middle, kind="stable")] = np.arange(count, dtype=np.int32)
    number[count] = -1
    return number[label], count


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
def galerkin(rows, columns, diagonal, blocks, inertia, label, arm, free, out):
    """The matrix of the linear system with ``inertia`` (n,), seen by the clusters (6c, 6c).

    A point of a cluster moves by b = [I, [arm]_x^T]: three shifts and three turns.
    """
    out[:] = 0.0
    near = np.empty(64, np.int32)
    along = np.empty((64, 4, 6))  # of each cluster around a point: K b, and below it G b
    for i in range(len(rows) - 1):
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
            a0, a1, a2 = arm[j, 0], arm[j, 1], arm[j, 2]
            for r in range(4):
                k0, k1, k2 = float(blocks[at, 0, r]), float(blocks[at, 1, r]), float(blocks[at, 2, r])
                if i == j and r < 3:
                    k0 += inertia[i] * (r == 0)
                    k1 += inertia[i] * (r == 1)
                    k2 += inertia[i] * (r == 2)
                along[slot, r, 0] += k0
                along[slot, r, 1] += k1
                along[slot, r, 2] += k2
                along[slot, r, 3] += a1 * k2 - a2 * k1
                along[slot, r, 4] += a2 * k0 - a0 * k2
                along[slot, r, 5] += a0 * k1 - a1 * k0
        if free[i] and label[i] >= 0:
            a0, a1, a2 = arm[i, 0], arm[i, 1], arm[i, 2]
            own = 6 * label[i]
            for slot in range(found):
                other = 6 * near[slot]
                for s in range(6):
                    t0, t1, t2 = along[slot, 0, s], along[slot, 1, s], along[slot, 2, s]
                    out[own, other + s] += t0
                    out[own + 1, other + s] += t1
                    out[own + 2, other + s] += t2
                    out[own + 3, other + s] += a1 * t2 - a2 * t1
                    out[own + 4, other + s] += a2 * t0 - a0 * t2
                    out[own + 5, other + s] += a0 * t1 - a1 * t0
        compliance = blocks[diagonal[i], 3, 3]
        if compliance <= 0.0:
            continue
        for k in range(found):
            for m in range(found):
                for r in range(6):
                    share = along[k, 3, r] / compliance
                    for s in range(6):
                        out[6 * near[k] + r, 6 * near[m] + s] += share * along[m, 3, s]


@compiled
def factor(a, lower, upper, pivots, begins, ends):
    """Cholesky factor of ``a`` (n, n), which is destroyed: its rows below the diagonal, those of its transpose, the inverse of the
    diagonal, and where the rows begin and end; arrays may be longer than n. A direction that nothing resists is held."""
    n = len(a)
    least = np.empty(n)
    end = 0
    for k in range(n):
        least[k] = 1e-6 * a[k, k] if a[k, k] > 0.0 else 1.0
        for j in range(n - 1, end, -1):
            if a[k, j] != 0.0:
                end = j
                break
        end = max(end, k)
        ends[k] = end + 1
    for k in range(n):
        root = np.sqrt(max(a[k, k], least[k]))
        a[k, k] = root
        inverse = 1.0 / root
        for j in range(k + 1, ends[k]):
            a[k, j] *= inverse
        for i in range(k + 1, ends[k]):
            f = a[k, i]
            for j in range(i, ends[k]):
                a[i, j] -= f * a[k, j]
    lower[:] = 0.0
    upper[:] = 0.0
    begin = 0
    for i in range(n):
        while ends[begin] <= i:
            begin += 1
        begins[i] = begin
        pivots[i] = 1.0 / a[i, i]
        for j in range(begin, i):
            lower[i, j] = a[j, i]
        for j in range(i + 1, ends[i]):
            upper[i, j] = a[i, j]


@compiled
def correct(r, clusters, free, y, z):
    """Add to z (n, 4) what the clusters answer to r (n, 4)."""
    label, arm, lower, upper, pivots, begins, ends = clusters
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
        y[i] = (y[i] - row_dot(lower, i, y, begins[i] // 16 * 16, (i + 15) // 16 * 16)) * pivots[i]
    for i in range(n - 1, -1, -1):
        y[i] = (y[i] - row_dot(upper, i, y, i // 16 * 16, (ends[i] + 15) // 16 * 16)) * pivots[i]
    for i in range(len(label)):
        c = 6 * label[i]
        if c >= 0 and free[i]:
            a0, a1, a2 = arm[i, 0], arm[i, 1], arm[i, 2]
            z[i, 0] += y[c] + a2 * y[c + 4] - a1 * y[c + 5]
            z[i, 1] += y[c + 1] - a2 * y[c + 3] + a0 * y[c + 5]
            z[i, 2] += y[c + 2] + a1 * y[c + 3] - a0 * y[c + 4]
