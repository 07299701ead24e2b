"""A way through a vessel: the part of its centreline from the inlet to one opening, with what lies at each distance."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from organtwin.errors import BadInput
from organtwin.model import Centerline

Points = NDArray[np.float64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Way:
    """``points_mm`` (n, 3) in order of flow, ``distance_mm`` (n,) rising from 0, ``radius_mm`` (n,) of the circle of the section's area,
    ``ball_mm`` (n,) of the largest ball inside.
    """

    cap: str
    points_mm: Points
    distance_mm: Numbers
    radius_mm: Numbers
    ball_mm: Numbers

    @classmethod
    def to(cls, line: Centerline, cap: str) -> Way:
        """The way from the inlet to ``cap``.

        Raises
        ------
        BadInput
            When no branch ends there.
        """
        at = line.path(cap)
        distance = np.asarray(line.distance_mm, float)[at]
        rising = np.concatenate([[True], np.diff(np.maximum.accumulate(distance)) > 1e-9])
        at, distance = at[rising], distance[rising]
        section = np.sqrt(np.maximum(np.asarray(line.area_mm2, float)[at], 0) / np.pi)
        ball = np.asarray(line.radius_mm, float)[at]
        radius = np.where(np.isfinite(section) & (section > ball), section, ball)
        return cls(cap, np.asarray(line.points_mm, float)[at], distance - distance[0], radius, ball)

    @property
    def length_mm(self) -> float:
        return float(self.distance_mm[-1])

    def place(self, distance: Numbers | float) -> Points:
        """Points at distances from the inlet, (..., 3)."""
        return np.stack([np.interp(distance, self.distance_mm, x) for x in self.points_mm.T], axis=-1)

    def radius(self, distance: Numbers | float) -> Numbers:
        """Radii at distances from the inlet."""
        return np.asarray(np.interp(distance, self.distance_mm, self.radius_mm))

    def direction(self, distance: float) -> Points:
        """Unit tangent, over about a radius."""
        reach = max(float(self.radius(distance)), 1e-3)
        step = self.place(min(distance + reach, self.length_mm)) - self.place(max(distance - reach, 0.0))
        return np.asarray(step / np.linalg.norm(step))

    def foot(self, points: Points) -> tuple[Numbers, Points]:
        """Distance from the inlet of the nearest place of the way to each point, and that place (n, 3)."""
        nearest = cKDTree(self.points_mm).query(points)[1]
        best = np.full(len(points), np.inf)
        distance, foot = np.zeros(len(points)), np.zeros((len(points), 3))
        for first in (nearest - 1, nearest):
            a = np.clip(first, 0, len(self.points_mm) - 2)
            start, step = self.points_mm[a], self.points_mm[a + 1] - self.points_mm[a]
            t = np.clip(np.einsum("ij,ij->i", points - start, step) / np.einsum("ij,ij->i", step, step), 0, 1)
            here = start + t[:, None] * step
            away = np.linalg.norm(points - here, axis=1)
            closer = away < best
            best[closer] = away[closer]
            foot[closer] = here[closer]
            distance[closer] = (self.distance_mm[a] + t * (self.distance_mm[a + 1] - self.distance_mm[a]))[closer]
        return distance, foot

    def resampled(self, step_mm: float) -> Way:
        """The same way with a point every ``step_mm`` at most."""
        d = np.linspace(0, self.length_mm, max(3, int(np.ceil(self.length_mm / step_mm)) + 1))
        return Way(self.cap, self.place(d), d, self.radius(d), np.interp(d, self.distance_mm, self.ball_mm))

    def smoothed(self, length_mm: float, weights: Numbers | None = None) -> Way:
        """The same way without bends shorter than about ``length_mm``; its ends stay.

        ``weights`` (n,) say how much each point counts. Distances keep the numbers that they had.
        """
        step = self.length_mm / (len(self.points_mm) - 1)
        weight = np.ones(len(self.points_mm)) if weights is None else weights
        chord = self.place(np.array([0.0, self.length_mm]))
        t = (self.distance_mm / self.length_mm)[:, None]
        straight = (1 - t) * chord[0] + t * chord[1]  # what is smoothed is zero at both ends

        def blur(values: Numbers) -> Numbers:
            odd = np.concatenate([-values[::-1], values, -values[::-1]])
            return np.asarray(gaussian_filter1d(odd, length_mm / step, axis=0)[len(values) : 2 * len(values)])

        def blur_even(values: Numbers) -> Numbers:
            return np.asarray(gaussian_filter1d(values, length_mm / step, axis=0, mode="reflect"))

        moved = blur((self.points_mm - straight) * weight[:, None]) / np.maximum(blur_even(weight), 1e-9)[:, None]
        return replace(self, points_mm=straight + moved)

    def check(self, distance: float, what: str) -> None:
        """Refuse a distance that is not on the way.

        Raises
        ------
        BadInput
        """
        if not 0 <= distance <= self.length_mm:
            raise BadInput(
                f"{what} at {distance:g} mm, but the vessel is {self.length_mm:.1f} mm long from the inlet to '{self.cap}'",
                remedy=f"Give a distance from 0 to {self.length_mm:.1f} mm.",
            )
