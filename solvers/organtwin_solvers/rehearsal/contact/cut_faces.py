"""Contact of the two sides of a cut: points of cut faces do not pass through the cut triangles across from them."""

from __future__ import annotations

from math import floor, sqrt

import numpy as np
from numba import njit
from numpy.typing import NDArray

from organtwin.rehearsal.frame import SKIN
from organtwin_solvers.rehearsal.contact.penalty import OFFSET_MM, pressure
from organtwin_solvers.rehearsal.contact.skin import Skin
from organtwin_solvers.rehearsal.stepper import Stepper

compiled = njit(cache=True, error_model="numpy")

Floats = NDArray[np.float64]

_ACROSS = -0.2  # normals of two sides that lie against each other have a product less than this
_SLACK_MM = 1.0  # how far before the surface a pair is looked for, beyond what it moves in a step
_AT_REST_MM = 0.5  # deeper below a triangle at rest is the other face of a flap, not the other side of the cut


class CutFaces:
    """Load on the cut faces of the body of a stepper from each other."""

    def __init__(self, stepper: Stepper) -> None:
        self._stepper = stepper
        self._skin: Skin | None = None
        self._cut = np.empty((0, 3), np.int32)
        self._nodes = np.empty(0, np.int32)
        self._size_mm = 1.0
        self._none()

    def _none(self) -> None:
        self._pairs = np.empty((0, 4), np.int32)
        self._shares, self._normals = np.empty((0, 3)), np.empty((0, 3))

    def begin(self, x: Floats, v: Floats, dt: float) -> None:
        body = self._stepper.body
        if self._skin is None or self._skin.body is not body:
            self._skin = Skin.of(body)
            self._cut = np.ascontiguousarray(body.triangles[body.kinds != SKIN], np.int32)
            self._nodes = np.unique(self._cut).astype(np.int32)
            p = body.rest_mm[self._cut]
            edges = np.linalg.norm(p - np.roll(p, 1, axis=1), axis=2)
            self._size_mm = float(np.median(edges)) if len(edges) else 1.0
        if len(self._cut) == 0:
            self._none()
            return
        self._pairs, self._shares, self._normals = _find(
            x, v, dt, body.rest_mm, self._cut, self._nodes, 1.5 * self._size_mm
        )

    def evaluate(self, x: Floats) -> tuple[NDArray[np.int32], Floats, Floats]:
        if self._skin is None or self._skin.body is not self._stepper.body or len(self._pairs) == 0:
            return np.empty(0, np.int32), np.empty((0, 3)), np.empty((0, 3, 3))
        weight = self._skin.node_area_mm2 * self._skin.node_stiffness
        force, stiffness = _push(x, self._pairs, self._shares, self._normals, weight)
        return self._pairs.ravel(), force, stiffness

    def missed(self, x: Floats) -> bool:
        return False


@compiled
def _find(x, v, dt, rest, cut, nodes, cell):
    """Pairs (k, 4) of a point and the triangle across from it, the shares (k, 3) of its corners, and its normal (k, 3)."""
    count = len(cut)
    normals, centres = np.empty((count, 3)), np.empty((count, 3))
    around = np.zeros((len(x), 3))
    low, high = np.full(3, 1e30), np.full(3, -1e30)
    for t in range(count):
        a, b, c = x[cut[t, 0]], x[cut[t, 1]], x[cut[t, 2]]
        n0 = (b[1] - a[1]) * (c[2] - a[2]) - (b[2] - a[2]) * (c[1] - a[1])
        n1 = (b[2] - a[2]) * (c[0] - a[0]) - (b[0] - a[0]) * (c[2] - a[2])
        n2 = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        for k in range(3):
            node = cut[t, k]
            around[node, 0] += n0
            around[node, 1] += n1
            around[node, 2] += n2
        size = max(sqrt(n0 * n0 + n1 * n1 + n2 * n2), 1e-12)
        normals[t, 0], normals[t, 1], normals[t, 2] = n0 / size, n1 / size, n2 / size
        for d in range(3):
            centres[t, d] = (a[d] + b[d] + c[d]) / 3
            low[d] = min(low[d], centres[t, d])
            high[d] = max(high[d], centres[t, d])
    dims = np.empty(3, np.int64)
    for d in range(3):
        dims[d] = min(int((high[d] - low[d]) / cell) + 1, 128)
    # triangles by the cell of their centre, counted and sorted
    cells = np.empty(count, np.int64)
    starts = np.zeros(dims[0] * dims[1] * dims[2] + 1, np.int64)
    for t in range(count):
        at = np.int64(0)
        for d in range(3):
            at = at * dims[d] + min(int((centres[t, d] - low[d]) / cell), dims[d] - 1)
        cells[t] = at
        starts[at + 1] += 1
    starts = np.cumsum(starts)
    order, filled = np.empty(count, np.int64), starts.copy()
    for t in range(count):
        order[filled[cells[t]]] = t
        filled[cells[t]] += 1

    pairs = np.empty((len(nodes), 4), np.int32)
    shares, out = np.empty((len(nodes), 3)), np.empty((len(nodes), 3))
    made = 0
    for m in range(len(nodes)):
        node = nodes[m]
        p = x[node]
        speed = sqrt(v[node, 0] ** 2 + v[node, 1] ** 2 + v[node, 2] ** 2)
        slack = _SLACK_MM + 2 * speed * dt
        length = sqrt(around[node, 0] ** 2 + around[node, 1] ** 2 + around[node, 2] ** 2)
        best, height_of_best, s_best, r_best = -1, 1e30, 0.0, 0.0
        i0, j0, k0 = floor((p[0] - low[0]) / cell), floor((p[1] - low[1]) / cell), floor((p[2] - low[2]) / cell)
        for i in range(max(i0 - 1, 0), min(i0 + 2, dims[0])):
            for j in range(max(j0 - 1, 0), min(j0 + 2, dims[1])):
                for k in range(max(k0 - 1, 0), min(k0 + 2, dims[2])):
                    at = (i * dims[1] + j) * dims[2] + k
                    for o in range(starts[at], starts[at + 1]):
                        t = order[o]
                        if cut[t, 0] == node or cut[t, 1] == node or cut[t, 2] == node:
                            continue
                        n = normals[t]
                        facing = n[0] * around[node, 0] + n[1] * around[node, 1] + n[2] * around[node, 2]
                        if facing > _ACROSS * length:
                            continue
                        height, s, r = _over(p, x[cut[t, 0]], x[cut[t, 1]], x[cut[t, 2]])
                        if s < -0.05 or r < -0.05 or s + r > 1.05 or height > slack or height < -0.5 * cell:
                            continue
                        if abs(height) < height_of_best:
                            below, u, w = _over(rest[node], rest[cut[t, 0]], rest[cut[t, 1]], rest[cut[t, 2]])
                            if below < -_AT_REST_MM and u > -0.5 and w > -0.5 and u + w < 1.5:
                                continue
                            best, height_of_best, s_best, r_best = t, abs(height), s, r
        if best >= 0:
            pairs[made, 0] = node
            pairs[made, 1:] = cut[best]
            shares[made, 0], shares[made, 1], shares[made, 2] = 1 - s_best - r_best, s_best, r_best
            out[made] = normals[best]
            made += 1
    return pairs[:made].copy(), shares[:made].copy(), out[:made].copy()


@compiled
def _over(p, a, b, c):
    """Height of a point over the plane of a triangle, and the shares of its second and third corner below the point."""
    u0, u1, u2 = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    w0, w1, w2 = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    q0, q1, q2 = p[0] - a[0], p[1] - a[1], p[2] - a[2]
    n0, n1, n2 = u1 * w2 - u2 * w1, u2 * w0 - u0 * w2, u0 * w1 - u1 * w0
    twice = max(n0 * n0 + n1 * n1 + n2 * n2, 1e-24)
    s = ((q1 * w2 - q2 * w1) * n0 + (q2 * w0 - q0 * w2) * n1 + (q0 * w1 - q1 * w0) * n2) / twice
    r = ((u1 * q2 - u2 * q1) * n0 + (u2 * q0 - u0 * q2) * n1 + (u0 * q1 - u1 * q0) * n2) / twice
    return (q0 * n0 + q1 * n1 + q2 * n2) / sqrt(twice), s, r


@compiled
def _push(x, pairs, shares, normals, weight):
    force, stiffness = np.zeros((4 * len(pairs), 3)), np.zeros((4 * len(pairs), 3, 3))
    for m in range(len(pairs)):
        n = normals[m]
        height = 0.0
        for d in range(3):
            below = 0.0
            for k in range(3):
                below += shares[m, k] * x[pairs[m, k + 1], d]
            height += n[d] * (x[pairs[m, 0], d] - below)
        push, slope = pressure(height + OFFSET_MM, OFFSET_MM)  # sides that just touch do not push
        if push == 0.0:
            continue
        push, slope = push * weight[pairs[m, 0]], slope * weight[pairs[m, 0]]
        for k in range(4):
            share = 1.0 if k == 0 else -shares[m, k - 1]
            for a in range(3):
                force[4 * m + k, a] = share * push * n[a]
                for b in range(3):  # twice: an upper bound of what the corners do to each other
                    stiffness[4 * m + k, a, b] = 2 * abs(share) * slope * n[a] * n[b]
    return force, stiffness
