"""Morphometry of the sections across a vessel: areas, caliper diameters, circularity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from organtwin.vessel.lumen import angles
from organtwin.vessel.polyline import Points

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Sections:
    """Of n points of a line: what :class:`organtwin.model.Centerline` says of them."""

    points: Points
    along: Numbers
    tangent: Points
    up: Points
    outline: Numbers
    clear: NDArray[np.bool_]
    ball: Numbers
    area: Numbers
    least: Numbers
    most: Numbers
    circularity: Numbers
    bent: Numbers

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))

    @property
    def diameter(self) -> Numbers:
        """Of the circles of the same area."""
        return np.asarray(2 * np.sqrt(self.area / np.pi))


def measures(
    points: Points,
    along: Numbers,
    tangent: Points,
    up: Points,
    outline: Numbers,
    clear: NDArray[np.bool_],
    bent: Numbers,
) -> Sections:
    """Area, caliper diameters, circularity and inscribed ball of outlines (n, m)."""
    a = angles()
    calm = gaussian_filter1d(outline, 1.0, axis=1, mode="wrap")
    flat = calm[..., None] * np.stack([np.cos(a), np.sin(a)], axis=-1)
    after = np.roll(flat, -1, axis=1)
    # the polygon lies within the curve through its corners: by this much for a circle
    round_area = (a[1] / 2) / (0.5 * np.sin(a[1]))
    area = 0.5 * (flat[..., 0] * after[..., 1] - flat[..., 1] * after[..., 0]).sum(axis=1) * round_area
    perimeter = np.linalg.norm(after - flat, axis=-1).sum(axis=1) * (a[1] / 2) / np.sin(a[1] / 2)
    widths = []
    for turn in np.linspace(0, np.pi, 90, endpoint=False):
        across = flat @ np.array([np.cos(turn), np.sin(turn)])
        widths.append(across.max(axis=1) - across.min(axis=1))
    width = np.stack(widths)
    side = np.cross(tangent, up)
    walls = points[:, None] + gaussian_filter1d(calm, 1.0, axis=0, mode="nearest")[..., None] * (
        np.cos(a)[:, None] * up[:, None] + np.sin(a)[:, None] * side[:, None]
    )
    ball = calm.min(axis=1)
    if clear.any():
        near = cKDTree(walls[clear].reshape(-1, 3)).query(points)[0]
        ball = np.where(clear, np.minimum(near, ball), ball)
    return Sections(
        points,
        along,
        tangent,
        up,
        outline,
        clear,
        ball,
        area,
        width.min(axis=0),
        width.max(axis=0),
        np.minimum(4 * np.pi * area / np.maximum(perimeter, 1e-9) ** 2, 1.0),
        bent,
    )
