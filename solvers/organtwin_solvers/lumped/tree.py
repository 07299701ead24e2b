"""A vessel tree as a circuit: what each branch costs, from the areas along its centreline.

Walls are rigid, as in the 3D solve, so that one flow runs through the whole of a branch. Its total pressure (static plus
dynamic) falls by

* friction, Poiseuille's 8 pi mu / A^2 per length, more where the vessel bends (Dean's vortices; White, 1929);
* inertia, profile density / A per length and rate of flow;
* narrowings, by the law of Young and Tsai, where the area dips below what lies before and beyond it;
* forks, where a stream turns and slows: see :func:`turning`.

At a fork all branches share one total pressure; the static one is less by the dynamic one, density profile (q/A)^2 / 2, where
``profile`` is the momentum correction of one-dimensional flow: 4/3 for a parabola, 1 for a flat profile.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from organtwin.model.centerline import Branch, Centerline
from organtwin_solvers.lumped.stenosis import young_tsai

Array = NDArray[np.float64]
Viscosity = Callable[[Array], Array]  # g/(mm s) at shear rates in 1/s

PARABOLIC, NEARLY_FLAT = 4.0 / 3.0, 1.1
NARROW = 1.3  # times smaller than its surroundings: a narrowing
RECOVERED = 1.05  # times smaller: where a narrowing begins and ends
REACH = 5.0  # diameters before and beyond that are the surroundings
LEAST_SHARE = 0.02  # of the flow at a fork, where a branch is all but shut


@dataclass(frozen=True)
class Narrowing:
    """A dip of the area along a branch: points ``first`` to ``last``, narrowest at ``throat``."""

    first: int
    throat: int
    last: int
    reference_mm2: float
    area_mm2: float

    @property
    def percent(self) -> float:
        """Of the diameter that is lost."""
        return 100.0 * (1.0 - math.sqrt(self.area_mm2 / self.reference_mm2))


@dataclass(frozen=True)
class Course:
    """A branch and what it has cost from its start to each of its points (n,): see :meth:`total`.

    ``friction`` in Pa s/mm^3, ``loss`` in Pa s^2/mm^6, ``inertia`` in Pa s^2/mm^3; ``dynamic`` times flow squared is the
    dynamic pressure there.
    """

    branch: Branch
    distance_mm: Array
    area_mm2: Array
    friction: Array
    loss: Array
    inertia: Array
    dynamic: Array
    narrowings: tuple[Narrowing, ...]

    def static(self, start_pa: Array, flow: Array, rate: Array) -> Array:
        """Static pressure (times, n) from total pressure at its start, flow and rate of flow (times,).

        While blood runs against its mean direction the dynamic pressure counts as lost, as where it enters an outlet.
        """
        q, dq = flow[:, None], rate[:, None]
        along = -1.0 if flow.mean() < 0.0 else 1.0
        lost = (self.loss + along * self.dynamic) * np.abs(q) * q
        pressure: Array = start_pa[:, None] - self.friction * q - lost - self.inertia * dq
        return pressure


def courses(
    line: Centerline,
    density: float,
    viscosity: Viscosity,
    profile: float = PARABOLIC,
    flows: Array | None = None,
    known: Sequence[Course] | None = None,
) -> tuple[Course, ...]:
    """What each branch of a tree costs.

    Parameters
    ----------
    density : float
        g/mm^3.
    viscosity : callable
        g/(mm s) at shear rates (1/s); thinning blood is taken at the mean shear rate of Poiseuille flow.
    profile : float
        Momentum correction; that of slow pulses' inertia is the same for a parabola, and near it for a flat profile.
    flows : ndarray, optional
        Mean flow (mm^3/s) of each branch, for thinning blood, bends and the losses at forks; none without.
    known : sequence of Course, optional
        Of the same tree: its narrowings are not looked for again.
    """
    made = []
    for index, branch in enumerate(line.branches):
        part = slice(branch.first, branch.last + 1)
        distance, area = np.asarray(line.distance_mm)[part], np.asarray(line.area_mm2)[part]
        area = np.maximum(median_filter(area, 3, mode="nearest"), 1e-6)
        step = np.diff(distance)
        flow = 0.0 if flows is None else abs(float(flows[index]))
        radius = np.sqrt(area / math.pi)
        thick = viscosity((2.0 / 3.0) * 4.0 * flow / (math.pi * radius**3))
        reynolds = 2.0 * density * flow / (math.pi * radius * thick)
        bend = radius * curvature(np.asarray(line.points_mm)[part], distance, 2.0 * radius)
        friction = _mean(bent(reynolds * np.sqrt(bend)) * 8.0 * math.pi * thick / area**2) * step
        loss = np.zeros_like(friction)
        narrowings = known[index].narrowings if known else find_narrowings(distance, area)
        for narrowing in narrowings:
            before, beyond = slice(narrowing.first, narrowing.last), slice(narrowing.throat, narrowing.last)
            plug = float(np.sum(_mean((narrowing.area_mm2 / area) ** 2)[before] * step[before]))
            law = young_tsai(
                _diameter(narrowing.reference_mm2),
                _diameter(narrowing.area_mm2),
                plug,
                float(thick[narrowing.throat]),
                density,
            )
            friction[before] *= law.resistance / friction[before].sum()
            loss[beyond] += law.stenosis * step[beyond] / step[beyond].sum()
        entry = 0.0
        if flows is not None and branch.parent >= 0 and flow > 0.0:
            share = max(flow / max(abs(float(flows[branch.parent])), flow), LEAST_SHARE)
            entry = 0.5 * density * profile * turning(line, branch, share)
        made.append(
            Course(
                branch=branch,
                distance_mm=distance,
                area_mm2=area,
                friction=_summed(friction),
                loss=entry + _summed(loss),
                inertia=_summed(_mean(profile * density / area) * step),
                dynamic=0.5 * density * profile / area**2,
                narrowings=narrowings,
            )
        )
    return tuple(made)


def bent(dean: Array) -> Array:
    """Friction in a bent pipe over that in a straight one, laminar; ``dean`` = Reynolds number * sqrt(radius / bend radius).

    White, Proc. R. Soc. A 123, 1929: within a few percent of measurements for 11.6 < dean < 2000.
    """
    lower = np.clip(11.6 / np.maximum(dean, 1e-9), 11.6 / 2000.0, 1.0)
    more: Array = 1.0 / (1.0 - (1.0 - lower**0.45) ** 2.2)
    return more


def curvature(points_mm: Array, distance_mm: Array, reach_mm: Array) -> Array:
    """1/mm: how much the chords over ``reach_mm`` before and beyond each point turn; at the ends as where both still fit."""

    def at(places: Array) -> Array:
        return np.stack([np.interp(places, distance_mm, points_mm[:, k]) for k in range(3)], axis=1)

    reach = np.minimum(reach_mm, 0.4 * (distance_mm[-1] - distance_mm[0]))
    middle = np.clip(distance_mm, distance_mm[0] + reach, distance_mm[-1] - reach)
    before, beyond = at(middle) - at(middle - reach), at(middle + reach) - at(middle)
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(beyond, axis=1)
    turn: Array = np.arccos(np.clip(np.einsum("ij,ij->i", before, beyond) / np.maximum(lengths, 1e-12), -1.0, 1.0))
    return turn / np.maximum(reach, 1e-9)


def find_narrowings(distance_mm: Array, area_mm2: Array) -> tuple[Narrowing, ...]:
    """Where the area is :data:`NARROW` times smaller than what is usual both before and beyond.

    What is usual is the median over :data:`REACH` diameters, so that a taper, or a vessel beside a wide place, is none.
    """
    even = np.linspace(distance_mm[0], distance_mm[-1], len(area_mm2))
    reach = REACH * _diameter(float(np.median(area_mm2)))
    half = max(round(0.5 * reach / (even[1] - even[0])), 1)
    half = min(half, len(even) - 1)
    resampled = np.interp(even, distance_mm, area_mm2)
    before, beyond = (median_filter(resampled, 2 * half + 1, mode="nearest", origin=side * half) for side in (1, -1))
    usual = np.interp(distance_mm, even, np.minimum(before, beyond))
    narrow = np.flatnonzero(area_mm2 * NARROW < usual)
    found: list[Narrowing] = []
    for group in np.split(narrow, np.flatnonzero(np.diff(narrow) > 1) + 1) if narrow.size else []:
        throat = int(group[area_mm2[group].argmin()])
        wide = np.flatnonzero(area_mm2 * RECOVERED >= usual[throat])
        first, last = int(max(wide[wide < throat], default=0)), int(min(wide[wide > throat], default=len(area_mm2) - 1))
        if found and first < found[-1].last:  # two dips of one narrowing
            if area_mm2[throat] >= found[-1].area_mm2:
                continue
            found.pop()
        if throat < last:
            found.append(Narrowing(first, throat, last, float(usual[throat]), float(area_mm2[throat])))
    return tuple(found)


def turning(line: Centerline, branch: Branch, share: float) -> float:
    """What a stream leaves of its speed at a fork, per flow in the branch, squared: 1/mm^4.

    The stream of the parent keeps in the branch what of its velocity points along it, as it slows, and loses the rest;
    three quarters of the angle count (Mynard and Valen-Sendstad, Int. J. Numer. Methods Biomed. Eng. 31, 2015). Straight on
    this is Borda and Carnot's loss of a sudden widening.

    Parameters
    ----------
    share : float
        Flow in the branch over that in its parent.
    """
    parent = line.branches[branch.parent]
    areas, points, distance = (np.asarray(a) for a in (line.area_mm2, line.points_mm, line.distance_mm))
    here, there = slice(branch.first, branch.last + 1), slice(parent.first, parent.last + 1)
    radius = math.sqrt(areas[parent.last] / math.pi)
    own = _near(distance[here] - distance[branch.first], radius)
    behind = _near(distance[parent.last] - distance[there][::-1], radius)
    ahead = points[here][own[-1]] - points[here][own[0]]
    came = points[there][::-1][behind[0]] - points[there][::-1][behind[-1]]
    cosine = float(ahead @ came) / max(float(np.linalg.norm(ahead) * np.linalg.norm(came)), 1e-12)
    angle = 0.75 * math.acos(min(max(cosine, -1.0), 1.0))
    before, after = 1.0 / (share * float(areas[parent.last])), 1.0 / float(np.median(areas[here][own]))
    slowed = max(before - after * math.cos(angle), 0.0)
    return slowed**2 + (after * math.sin(angle)) ** 2


def _near(along: Array, radius: float) -> NDArray[np.intp]:
    """Points one to three radii from a fork, where a branch is itself; at least two."""
    far = max(min(3.0 * radius, along[-1]), 0.5 * along[-1])
    own = np.flatnonzero((along >= min(radius, 0.3 * along[-1])) & (along <= far))
    return own if len(own) > 1 else np.array([0, len(along) - 1])


def _diameter(area: float) -> float:
    return math.sqrt(4.0 * area / math.pi)


def _mean(values: Array) -> Array:
    """Between neighbours."""
    mean: Array = 0.5 * (values[1:] + values[:-1])
    return mean


def _summed(parts: Array) -> Array:
    return np.concatenate([[0.0], np.cumsum(parts)])
