"""Lines in space: their length, direction and bending, even and smooth versions of them, and frames that go along."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

Points = NDArray[np.float64]


def distances(line: Points) -> NDArray[np.float64]:
    """(n,) length from the first point."""
    return np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))]


def tangents(line: Points) -> Points:
    """(n, 3) unit directions along a polyline."""
    tangent = np.gradient(line, distances(line), axis=0)
    return np.asarray(tangent / np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-12))


def curvature(line: Points) -> NDArray[np.float64]:
    """(n,) 1/mm: how fast the direction turns."""
    along = distances(line)
    if len(line) < 3:
        return np.zeros(len(line))
    return np.asarray(np.linalg.norm(np.gradient(tangents(line), along, axis=0), axis=1))


def even(line: Points, step: float) -> Points:
    """Points about ``step`` apart along a polyline, its two ends kept."""
    along = distances(line)
    places = np.linspace(0.0, along[-1], max(2, round(along[-1] / step) + 1))
    return at(line, along, places)


def at(line: Points, along: NDArray[np.float64], places: NDArray[np.float64]) -> Points:
    """(k, 3) points at so many mm from the start of a polyline."""
    return np.stack([np.interp(places, along, line[:, k]) for k in range(line.shape[1])], axis=1)


def smooth(values: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """A Gaussian of ``sigma`` points applied twice over (2 G - G G), which does not shrink bends; the ends stay."""

    def once(v: NDArray[np.float64]) -> NDArray[np.float64]:
        pad = min(len(v) - 1, int(4 * sigma) + 1)
        longer = np.concatenate([2 * v[0] - v[pad:0:-1], v, 2 * v[-1] - v[-2 : -pad - 2 : -1]])
        return np.asarray(gaussian_filter1d(longer, sigma, axis=0))[pad : pad + len(v)]

    if len(values) < 3:
        return values.copy()
    soft = once(values)
    out = 2.0 * soft - once(soft)
    out[0], out[-1] = values[0], values[-1]
    return out


def carried_axes(tangent: Points, first: Points | None = None) -> Points:
    """(n, 3) unit vectors across a line that turn about it as little as can be: each is the one before it, laid flat again.

    ``first`` is what the first of them should be near to.
    """
    helper = np.eye(3)[int(np.argmin(np.abs(tangent[0])))]
    axis = _across(helper if first is None else first, tangent[0], helper)
    out = np.empty_like(tangent)
    for n, direction in enumerate(tangent):
        axis = out[n] = _across(axis, direction, helper)
    return out


def _across(vector: Points, tangent: Points, otherwise: Points) -> Points:
    flat = vector - (vector @ tangent) * tangent
    length = float(np.linalg.norm(flat))
    return np.asarray(flat / length) if length > 1e-6 else _across(otherwise, tangent, np.roll(otherwise, 1))
