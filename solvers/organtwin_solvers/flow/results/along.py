"""A flow along the centreline: means over sections, from discs of sample points in the mesh."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.spatial import cKDTree

from organtwin.errors import BadInput
from organtwin.model import Centerline, OrganMesh
from organtwin.vessel.section import plane_axes
from organtwin.vessel.tree import of_mesh, tangents

Array = NDArray[np.float64]

SAMPLES = 61  # on each disc, spread evenly over its area
CANDIDATES = 24  # cells looked at for each sample: those with the nearest centres
MARGIN = 0.02  # a sample this far outside a cell, in barycentric coordinates, still counts as in it
MIN_PRESSURE_PA = 2666.0  # 20 mmHg: below, pressures are not absolute and their ratio says nothing


class Sampler:
    """Finds points in tetrahedra; built once for a mesh."""

    def __init__(self, organ: OrganMesh) -> None:
        self._tets = np.asarray(organ.tets, np.int64)
        corners = np.asarray(organ.points_mm, float)[self._tets]
        self._origin = corners[:, 0]
        self._inverse = np.linalg.inv((corners[:, 1:] - corners[:, :1]).transpose(0, 2, 1))
        self._tree = cKDTree(corners.mean(axis=1))
        self._size = len(organ.points_mm)

    def matrix(self, points: Array) -> tuple[csr_array, NDArray[np.bool_]]:
        """Weights (k, n_points) that take a point field to these points (k, 3), zero rows outside; which are inside."""
        _, near = self._tree.query(points, k=min(CANDIDATES, len(self._tets)))
        near = near.reshape(len(points), -1)
        inner = np.einsum("kcij,kcj->kci", self._inverse[near], points[:, None] - self._origin[near])
        weights = np.concatenate([1.0 - inner.sum(axis=2, keepdims=True), inner], axis=2)
        least = weights.min(axis=2)
        best = least.argmax(axis=1)
        row = np.arange(len(points))
        inside = least[row, best] > -MARGIN
        chosen = np.where(inside[:, None], weights[row, best], 0.0)
        entries = (chosen.ravel(), (np.repeat(row, 4), self._tets[near[row, best]].ravel()))
        return coo_array(entries, shape=(len(points), self._size)).tocsr(), inside


class Along:
    """Sections of a mesh along its centreline, ready to take means of any field.

    A section is a disc across the line with the area of the vessel there; of its samples those inside the mesh count.
    """

    def __init__(self, organ: OrganMesh, line: Centerline) -> None:
        self.line = line
        across = np.concatenate([tangents(np.asarray(line.points_mm)[b.first : b.last + 1]) for b in line.branches])
        centres = np.asarray(line.points_mm, float).copy()
        radius = np.sqrt(np.asarray(line.area_mm2) / np.pi)
        for branch in line.branches:  # a section at a cap lies just inside
            if branch.parent < 0:
                centres[branch.first] += 0.05 * radius[branch.first] * across[branch.first]
            if branch.cap:
                centres[branch.last] -= 0.05 * radius[branch.last] * across[branch.last]
        turn = np.arange(SAMPLES) * np.pi * (3.0 - np.sqrt(5.0))  # a sunflower
        disc = np.sqrt((np.arange(SAMPLES) + 0.5) / SAMPLES)[:, None] * np.column_stack([np.cos(turn), np.sin(turn)])
        axes = np.array([plane_axes(direction) for direction in across])
        samples = centres[:, None] + radius[:, None, None] * np.einsum("sk,pkd->psd", disc, axes)
        self._samples, inside = Sampler(organ).matrix(samples.reshape(-1, 3))
        self._inside = inside.reshape(len(centres), SAMPLES)
        count = self._inside.sum(axis=1)
        rows = np.repeat(np.arange(len(centres)), SAMPLES)
        mean = coo_array(
            (inside / np.maximum(count, 1)[rows], (rows, np.arange(len(rows)))), shape=(len(centres), len(rows))
        )
        self._mean = (mean.tocsr() @ self._samples).tocsr()
        lost = np.flatnonzero(count == 0)
        if len(lost):  # a section that the mesh hardly resolves takes its nearest point
            _, nearest = cKDTree(np.asarray(organ.points_mm)).query(centres[lost])
            shape = (len(centres), len(organ.points_mm))
            self._mean = self._mean + coo_array((np.ones(len(lost)), (lost, nearest)), shape=shape).tocsr()

    def mean(self, field: Array) -> Array:
        """Means over the sections (k,) or (k, 3) of a point field (n,) or (n, 3)."""
        return np.asarray(self._mean @ field)

    def greatest_speed(self, velocity: Array) -> Array:
        """Greatest sampled speed (k,) in each section of a velocity (n, 3)."""
        speed = np.linalg.norm(self._samples @ velocity, axis=1).reshape(self._inside.shape)
        return np.asarray(np.where(self._inside, speed, 0.0).max(axis=1))


def line_of(organ: OrganMesh) -> Centerline | None:
    """The centreline of a mesh, None for one that has none (no wall, or one opening)."""
    try:
        return of_mesh(organ)
    except BadInput:
        return None


def tables(
    along: Along, velocity: Array, pressure: Array, mean_pressure: Array, inlet_pressure_pa: float
) -> dict[str, dict[str, list[float]]]:
    """Columns along each way "inlet → cap" of velocities (nt, n, 3), pressures (nt, n) and the mean pressure (n,) of the cycle.

    ``ffr`` is the fractional flow reserve: mean pressure over the section and the cycle, divided by that at the inlet (Pijls
    et al., N. Engl. J. Med. 334, 1996; a lesion of 0.80 or less is by convention held to limit flow: Tonino et al., N. Engl. J.
    Med. 360, 2009). It takes absolute pressures and the flow of hyperaemia, and is left out where the inlet's mean
    pressure is below 20 mmHg: then the outlets' pressures are no blood pressures. ``systolic_pa`` and ``diastolic_pa``
    are the highest and lowest section pressures of the frames; ``speed_mm_per_s`` is the mean of the section's mean
    velocity, ``peak_speed_mm_per_s`` the greatest of all frames.
    """
    line = along.line
    sections = along.mean(pressure.T).T  # (nt, k)
    mean = along.mean(mean_pressure)
    speed = np.mean([np.linalg.norm(along.mean(frame), axis=1) for frame in velocity], axis=0)
    fastest = np.max([along.greatest_speed(frame) for frame in velocity], axis=0)
    points = np.asarray(line.points_mm)
    columns = {
        "distance_mm": np.asarray(line.distance_mm),
        "x_mm": points[:, 0],
        "y_mm": points[:, 1],
        "z_mm": points[:, 2],
        "pressure_pa": mean,
        "pressure_drop_pa": inlet_pressure_pa - mean,
        "area_mm2": np.asarray(line.area_mm2),
        "radius_mm": np.asarray(line.radius_mm),
        "speed_mm_per_s": speed,
        "peak_speed_mm_per_s": fastest,
    }
    if inlet_pressure_pa >= MIN_PRESSURE_PA:
        columns["ffr"] = mean / inlet_pressure_pa
    if len(pressure) > 1:
        columns["systolic_pa"], columns["diastolic_pa"] = sections.max(axis=0), sections.min(axis=0)
    made = {}
    for branch in line.branches:
        if branch.cap:
            way = line.path(branch.cap)
            made[f"{line.inlet} → {branch.cap}"] = {name: values[way].tolist() for name, values in columns.items()}
    return made
