"""Region competition: organs grow from seeds against each other over the tissue between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Mask = NDArray[np.bool_]
FloatVolume = NDArray[np.float32]


def walk(
    values: FloatVolume,
    tissue: Mask,
    likelihoods: Sequence[FloatVolume],
    seeds: Sequence[Mask],
    edge_hu: float,
    data_weight: float,
    tick: Callable[[], None] = lambda: None,
) -> list[FloatVolume]:
    """Probability of each class in each tissue voxel: a random walker with priors.

    Grady, "Multilabel random walker image segmentation using prior models", CVPR 2005: for each class the minimiser x of
    sum over neighbours w (x_a - x_b)^2 + data_weight sum (x - p)^2, with w = exp(-(difference / edge_hu)^2 / 2) and
    p the normalised likelihood, held at 0 or 1 on seeds.

    Parameters
    ----------
    values : (nk, nj, ni) float array
        Denoised image in HU.
    tissue : (nk, nj, ni) bool array
        Where the classes compete; everything else is a barrier.
    likelihoods, seeds : sequences of (nk, nj, ni) arrays, one of each per class
        Seeds may be empty; likelihoods need not be normalised.
    edge_hu : float
        A step that high between neighbours is an edge.
    data_weight : float
        Weight of the likelihood against one link between neighbours.
    tick : callable
        Called about once a second.

    Returns
    -------
    list of (nk, nj, ni) float32 arrays
        They sum to 1 in the tissue and are 0 elsewhere.
    """
    index = np.full(tissue.shape, -1, np.int32)
    count = int(np.count_nonzero(tissue))
    index[tissue] = np.arange(count, dtype=np.int32)
    rows, columns, weights = [], [], []
    for axis in range(3):
        low = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
        high = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        both = tissue[low] & tissue[high]
        step = (values[high][both] - values[low][both]) / edge_hu
        rows.append(index[low][both])
        columns.append(index[high][both])
        weights.append(np.exp(-0.5 * step**2) + 1e-4)
    a, b, w = np.concatenate(rows), np.concatenate(columns), np.concatenate(weights).astype(np.float32)
    links = sparse.coo_array((w, (a, b)), shape=(count, count)).tocsr()
    links = links + links.T
    degree = np.asarray(links.sum(axis=1)).ravel().astype(np.float32)
    tick()

    prior = np.stack([p[tissue] for p in likelihoods], axis=1).astype(np.float32) + 1e-12
    prior /= prior.sum(axis=1, keepdims=True)
    fixed = np.stack([s[tissue] for s in seeds], axis=1)
    held = fixed.any(axis=1)
    stiff = 1e3 * held.astype(np.float32)  # a seed is a voxel that hardly moves
    target = np.where(held[:, None], fixed / np.maximum(fixed.sum(axis=1, keepdims=True), 1), prior).astype(np.float32)
    diagonal = degree + data_weight + stiff
    result = np.clip(_solve(links, diagonal, (data_weight + stiff)[:, None] * target, target.copy(), tick), 0, 1)
    result /= result.sum(axis=1, keepdims=True)
    fields = []
    for column in result.T:
        field = np.zeros(tissue.shape, np.float32)
        field[tissue] = column
        fields.append(field)
    return fields


def _solve(
    links: sparse.csr_array,
    diagonal: NDArray[np.float32],
    right: NDArray[np.float32],
    guess: NDArray[np.float32],
    tick: Callable[[], None],
) -> NDArray[np.float32]:
    """Conjugate gradients with Jacobi preconditioning for (diag - links) x = right, all columns side by side."""
    x = guess
    residual = right - (diagonal[:, None] * x - links @ x)
    z = residual / diagonal[:, None]
    p = z.copy()
    rz = np.einsum("nc,nc->c", residual, z, dtype=np.float64)
    goal = 1e-5 * np.einsum("nc,nc->c", right, right / diagonal[:, None], dtype=np.float64) + 1e-12
    for step in range(200):
        if step % 8 == 0:
            tick()
        if (rz <= goal).all():
            break
        ap = diagonal[:, None] * p - links @ p
        alpha = (rz / np.maximum(np.einsum("nc,nc->c", p, ap, dtype=np.float64), 1e-30)).astype(np.float32)
        x += alpha * p
        residual -= alpha * ap
        z = residual / diagonal[:, None]
        new = np.einsum("nc,nc->c", residual, z, dtype=np.float64)
        p = z + (new / np.maximum(rz, 1e-30)).astype(np.float32) * p
        rz = new
    return x
