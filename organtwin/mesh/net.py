"""Surface nets over a label map: one shared net for all labels, so that neighbours share their points and cannot overlap.

The net has one point in each cell between eight voxel centres that holds more than one label, and one quadrilateral for
each voxel face between two labels (Gibson 1998, "Constrained elastic surface nets"). It is smoothed without shrinkage
(Taubin 1995, "A signal processing approach to fair surface design"), each point kept near its own cell, the points of the
scan's border in their plane, and where three labels meet along their common line.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix

OUTSIDE = -1  # label of what lies beyond the scan


@dataclass(frozen=True)
class Net:
    """Quadrilaterals between labels.

    ``points`` (n, 3) in array index order (k, j, i); ``cells`` (n, 3) centre of each point's cell; ``quads`` (q, 4),
    turning right-handed about the direction from ``inside`` to ``outside`` (q,) in (k, j, i) space; ``held`` (n, 3) True
    where a coordinate must not move.
    """

    points: NDArray[np.float64]
    cells: NDArray[np.float64]
    quads: NDArray[np.int64]
    inside: NDArray[np.int16]
    outside: NDArray[np.int16]
    held: NDArray[np.bool_]


def surface_net(labels: NDArray[np.int16], wanted: NDArray[np.int16]) -> Net:
    """The net of all voxel faces that touch one of the ``wanted`` labels; what lies beyond the array is :data:`OUTSIDE`."""
    padded = np.pad(labels, 1, constant_values=OUTSIDE)
    is_wanted = np.isin(padded, wanted)
    shape = np.array(padded.shape)
    corners, pairs_in, pairs_out, axes, middles = [], [], [], [], []
    for axis in range(3):
        low: list[slice] = [slice(None)] * 3
        high = list(low)
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        a, b = padded[tuple(low)], padded[tuple(high)]
        at = np.argwhere((a != b) & (is_wanted[tuple(low)] | is_wanted[tuple(high)]))
        first, second = (axis + 1) % 3, (axis + 2) % 3
        around = np.repeat(at[:, None, :], 4, axis=1)
        around[:, (0, 3), first] -= 1
        around[:, (0, 1), second] -= 1
        corners.append(np.ravel_multi_index(tuple(np.moveaxis(around, -1, 0)), tuple(shape)))
        pairs_in.append(a[tuple(at.T)])
        pairs_out.append(b[tuple(at.T)])
        axes.append(np.full(len(at), axis))
        middle = at.astype(float)
        middle[:, axis] += 0.5
        middles.append(middle)
    ids = np.concatenate(corners)
    cell_ids, quads = np.unique(ids, return_inverse=True)
    quads = quads.reshape(-1, 4).astype(np.int64)
    inside, outside = np.concatenate(pairs_in), np.concatenate(pairs_out)
    axis_of = np.concatenate(axes)
    middle_of = np.repeat(np.concatenate(middles), 4, axis=0)
    count = len(cell_ids)
    hits = np.bincount(quads.ravel(), minlength=count)
    points = np.stack([np.bincount(quads.ravel(), middle_of[:, k], minlength=count) / hits for k in range(3)], axis=1)
    cells = np.stack(np.unravel_index(cell_ids, tuple(shape)), axis=1).astype(np.float64) + 0.5
    held = np.zeros((count, 3), bool)
    border = (inside == OUTSIDE) | (outside == OUTSIDE)
    for axis in range(3):
        flat = quads[border & (axis_of == axis)].ravel()
        held[flat, axis] = True
    points[held] = cells[held]
    return Net(points - 1.0, cells - 1.0, quads, inside, outside, held)


def smoothed(net: Net, amount: float, reach: float = 0.85) -> Net:
    """Smooth without shrinkage.

    Parameters
    ----------
    net : Net
    amount : float
        0 leaves the net as it is, 1 is the strongest.
    reach : float
        How far, in voxels along each axis, a point may go from the centre of its cell.
    """
    if amount <= 0:
        return net
    mean = _mean_of_neighbours(net)
    rounds = round(8 + 72 * amount)
    forward = 0.55
    pass_band = 0.08 * 0.15**amount  # eigenvalue of the net's Laplacian below which shapes stay as they are
    back = 1.0 / (1.0 / forward - pass_band)
    low, high = net.cells - reach, net.cells + reach
    points = net.points.copy()
    for _ in range(rounds):
        for step in (forward, -back):
            change = mean @ points - points
            change[net.held] = 0.0
            points += step * change
        np.clip(points, low, high, out=points)
    return replace(net, points=points)


def _mean_of_neighbours(net: Net) -> csr_matrix:
    """(n, n) averages over net neighbours; a point where three labels meet looks only along the line where they meet."""
    count = len(net.points)
    sides = np.concatenate([net.quads[:, [k, (k + 1) % 4]] for k in range(4)])
    sides.sort(axis=1)
    low = np.minimum(net.inside, net.outside).astype(np.int64) + 1
    high = np.maximum(net.inside, net.outside).astype(np.int64) + 1
    pair = np.tile(low * (int(high.max(initial=0)) + 1) + high, 4)
    keys, edge_of = np.unique(sides[:, 0] * count + sides[:, 1], return_inverse=True)
    smallest = np.full(len(keys), np.iinfo(np.int64).max)
    largest = np.full(len(keys), -1)
    np.minimum.at(smallest, edge_of, pair)
    np.maximum.at(largest, edge_of, pair)
    feature = smallest != largest
    a, b = keys // count, keys % count
    on_line = np.zeros(count, bool)
    on_line[a[feature]] = True
    on_line[b[feature]] = True
    keep_a, keep_b = feature | ~on_line[a], feature | ~on_line[b]
    rows = np.concatenate([a[keep_a], b[keep_b]])
    columns = np.concatenate([b[keep_a], a[keep_b]])
    weights = 1.0 / np.bincount(rows, minlength=count)[rows]
    return coo_matrix((weights, (rows, columns)), shape=(count, count)).tocsr()


def triangulated(net: Net, points: NDArray[np.float64]) -> NDArray[np.int64]:
    """(q, 2, 3) each quadrilateral cut along its shorter diagonal, measured between ``points``."""
    q = net.quads
    first = np.linalg.norm(points[q[:, 0]] - points[q[:, 2]], axis=1)
    second = np.linalg.norm(points[q[:, 1]] - points[q[:, 3]], axis=1)
    straight = np.stack([q[:, [0, 1, 2]], q[:, [0, 2, 3]]], axis=1)
    turned = np.stack([q[:, [0, 1, 3]], q[:, [1, 2, 3]]], axis=1)
    return np.where((first <= second)[:, None, None], straight, turned)
