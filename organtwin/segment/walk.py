"""The linear systems of the random walker.

For the probability x_l that a voxel belongs to structure l, with x = 1 at its own strokes and 0 at others:

    (L + diag(g)) x_l = g p_l

L is the graph Laplacian with weights A/h exp(-(dI / 3w)²) between neighbours (A the face between them, h the distance, w the
width of the values under the strokes), p_l how likely the value is under structure l (they sum to 1), and g = q V / range²
(V the volume of a voxel, q how decisive the p are), so that ``range`` is how far strokes reach against the evidence of values.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.linalg import cg

from organtwin.errors import SolveFailed
from organtwin.monitor import Monitor
from organtwin.segment.competition import Floats, Statistics
from organtwin.segment.strokes import Drawn

RESIDUAL = 1e-4
MOST_STEPS = 2000


def owners(
    values: Floats, drawn: Drawn, statistics: Statistics, spacing_mm: NDArray[np.float64],
    tolerance: float, range_mm: float, largest: int, monitor: Monitor,
) -> NDArray[np.int16]:  # fmt: skip
    """For every voxel the index of the most probable key, or -1 for something else."""
    factors = coarsening(values.shape, spacing_mm, largest)
    step = spacing_mm[::-1] * factors
    coarse = _averaged(values, factors, spacing_mm)
    seeds = _coarse_seeds(drawn, coarse.shape, factors)
    likely = likelihoods(coarse, drawn, statistics, tolerance)
    matrix = laplacian(coarse, step, 3 * float(statistics.width.min()))
    evidence = float(np.prod(step)) / range_mm**2 * decisiveness(likely)
    best = np.zeros(values.shape, np.float32)
    rest = np.ones(values.shape, np.float32)  # of the probability: something that has no stroke
    owner = np.full(values.shape, -1, np.int16)
    part = 1.0 / len(drawn.keys)
    for n, key in enumerate(drawn.keys):
        probability = _solve(matrix, likely[n], seeds, n, evidence, monitor, (n * part, (n + 1) * part), key)
        fine = _to_fine(probability.reshape(coarse.shape), values.shape, factors)
        rest -= fine
        owner[fine > best] = n
        np.maximum(best, fine, out=best)
    owner[best < rest] = -1
    return owner


def decisiveness(likely: Floats) -> Floats:
    """How far the likeliest is ahead of the next, 0 to 1: values that speak for two structures alike say nothing."""
    ordered = np.partition(likely, -2, axis=0)
    return np.asarray(np.maximum(1 - ordered[-2] / ordered[-1], 1e-3), np.float32)


def coarsening(shape: tuple[int, ...], spacing_mm: NDArray[np.float64], largest: int) -> NDArray[np.int64]:
    """How many voxels (k, j, i) to take together so that at most ``largest`` remain, as cubic as can be."""
    factors = np.ones(3, dtype=np.int64)
    while np.prod(np.ceil(np.array(shape) / factors)) > largest:
        axis = int(np.argmin(spacing_mm[::-1] * factors / (np.array(shape) > 2 * factors)))
        factors[axis] += 1
    return factors


def _averaged(values: Floats, factors: NDArray[np.int64], spacing_mm: NDArray[np.float64]) -> Floats:
    """Means over blocks; a little smoothed where there is no block to average over."""
    calm = ndimage.gaussian_filter(values, np.where(factors > 1, 0.0, 0.8 / spacing_mm[::-1]))
    pad = [(0, int(-n % f)) for n, f in zip(values.shape, factors, strict=True)]
    padded = np.pad(calm, pad, mode="edge")
    blocks = [v for n, f in zip(padded.shape, factors, strict=True) for v in (n // int(f), int(f))]
    return np.asarray(padded.reshape(blocks).mean(axis=(1, 3, 5)), np.float32)


def _coarse_seeds(drawn: Drawn, shape: tuple[int, ...], factors: NDArray[np.int64]) -> NDArray[np.int16]:
    """Index of the key at the voxels under strokes, -1 elsewhere."""
    seeds = np.full(shape, -1, np.int16)
    for stroke in sorted(range(len(drawn.voxels)), key=lambda s: -len(drawn.voxels[s])):
        seeds[tuple((drawn.voxels[stroke] // factors).T)] = drawn.owner[stroke]
    return seeds.ravel()


def likelihoods(values: Floats, drawn: Drawn, statistics: Statistics, tolerance: float) -> Floats:
    """(keys + 1, voxels): how likely each value is under each key, and last under something unknown; columns sum to 1."""
    flat = values.ravel()
    out = np.zeros((len(drawn.keys) + 1, flat.size), np.float32)
    for centre, width, owner in zip(statistics.centre, statistics.width, drawn.owner, strict=True):
        np.maximum(out[owner], np.exp(-0.5 * ((flat - centre) / width) ** 2), out=out[owner])
    out[-1] = np.exp(-0.5 * tolerance**2)
    return out / out.sum(axis=0)


def laplacian(values: Floats, step_mm: NDArray[np.float64], scale: float) -> sparse.csr_array:
    """Weighted graph Laplacian of the six-neighbourhood; ``step_mm`` along k, j, i."""
    size = values.size
    strides = (values.shape[1] * values.shape[2], values.shape[2], 1)
    diagonals, offsets = [], []
    degree = np.zeros(size)
    for axis in range(3):
        change = np.diff(values, axis=axis)
        weight = np.prod(step_mm) / step_mm[axis] ** 2 * (np.exp(-((change / scale) ** 2)) + 1e-4)
        full = np.zeros(values.shape)
        full[tuple(slice(0, -1) if a == axis else slice(None) for a in range(3))] = weight
        flat = full.ravel()
        degree += flat
        degree[strides[axis] :] += flat[: size - strides[axis]]
        diagonals += [-flat[: size - strides[axis]]] * 2
        offsets += [strides[axis], -strides[axis]]
    merged: dict[int, NDArray[np.float64]] = {}  # an axis of one voxel shares its offset with the next
    for offset, diagonal in zip(offsets, diagonals, strict=True):
        merged[offset] = merged[offset] + diagonal if offset in merged else diagonal
    return sparse.csr_array(sparse.diags_array([degree, *merged.values()], offsets=[0, *merged], shape=(size, size)))


def _solve(
    matrix: sparse.csr_array,
    likely: Floats,
    seeds: NDArray[np.int16],
    n: int,
    evidence: Floats,
    monitor: Monitor,
    span: tuple[float, float],
    name: str,
) -> NDArray[np.float64]:
    free = np.flatnonzero(seeds < 0)
    x = (seeds == n).astype(float)
    system = matrix[free][:, free] + sparse.diags_array(evidence[free].astype(float))
    right = evidence[free] * likely[free] - (matrix @ x)[free]
    steps = 0

    def look(_: NDArray[np.float64]) -> None:
        nonlocal steps
        steps += 1
        monitor.progress(span[0] + (span[1] - span[0]) * (1 - np.exp(-steps / 60)), f"walking for {name}, step {steps}")

    jacobi = sparse.diags_array(1 / system.diagonal())
    solution, failed = cg(
        system, right, x0=likely[free].astype(float), rtol=RESIDUAL, maxiter=MOST_STEPS, M=jacobi, callback=look
    )
    if failed:
        raise SolveFailed(
            f"The random walker did not converge for '{name}'", remedy="Make range_mm smaller, or draw more strokes."
        )
    x[free] = solution
    return x


def _to_fine(coarse: NDArray[np.float64], shape: tuple[int, ...], factors: NDArray[np.int64]) -> Floats:
    """Linear between the centres of the blocks."""
    if np.all(factors == 1):
        return coarse.astype(np.float32)
    out = coarse.astype(np.float32)
    for axis in range(3):
        place = np.clip((np.arange(shape[axis]) + 0.5) / factors[axis] - 0.5, 0, out.shape[axis] - 1)
        low = np.minimum(place.astype(int), max(out.shape[axis] - 2, 0))
        high = np.minimum(low + 1, out.shape[axis] - 1)
        part = (place - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
        out = np.take(out, low, axis) * (1 - part) + np.take(out, high, axis) * part
    return out
