"""Where a vessel ends, and the planes to cut it flat there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from organtwin.errors import BadInput
from organtwin.vessel.centerline import Centerline
from organtwin.vessel.section import Section, section

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Opening:
    """A plane across the vessel near one of its ends: ``normal`` points out of the vessel; ``end`` is the centreline's point."""

    end: int
    centre_mm: Points
    normal: Points
    area_mm2: float
    name: str = ""
    role: str = ""

    @property
    def radius_mm(self) -> float:
        return float(np.sqrt(self.area_mm2 / np.pi))


def with_surface(line: Centerline, points: Points) -> Centerline:
    """The same tree with its radii measured to a surface, finer than to voxels."""
    return replace(line, radii_mm=cKDTree(points).query(line.points_mm)[0])


def find(
    line: Centerline,
    points: Points,
    triangles: NDArray[np.int32],
    on_border: NDArray[np.bool_],
    min_radius_mm: float = 1.0,
) -> tuple[list[Opening], list[str]]:
    """One plane for each end of the tree, and notes on the ends that had none.

    From outside inwards, the first plane across the centreline whose cut through the surface is one compact loop of nearly
    the full width of the vessel and clear of the flat border of the scan.
    """
    found, notes = [], []
    for end in line.ends.tolist():
        opening = _at_end(line, int(end), points, triangles, on_border)
        where = _place(line.points_mm[end])
        if opening is None:
            notes.append(f"The end of the vessel at {where} has no clean cross-section and stays closed.")
        elif opening.radius_mm < min_radius_mm:
            notes.append(
                f"The end of the vessel at {where} is only {2 * opening.radius_mm:.1f} mm wide and stays closed."
            )
        else:
            found.append(opening)
    return found, notes


def at_point(
    line: Centerline,
    points: Points,
    triangles: NDArray[np.int32],
    point_mm: Points,
    normal: Points | None,
    taken: Collection[int] = (),
) -> Opening:
    """An opening that a person placed: through ``point_mm``, across the centreline unless a normal is given.

    What lies between it and the nearest end of the vessel that is not ``taken`` by another opening is cut off.

    Raises
    ------
    BadInput
        When the point is not in the vessel.
    """
    at = int(np.argmin(np.linalg.norm(line.points_mm - point_mm, axis=1)))
    free = [int(e) for e in line.ends if int(e) not in taken] or [int(e) for e in line.ends]
    end = min(free, key=lambda e: line.length(line.path(e, at)))
    centre = np.asarray(point_mm, float)
    if normal is None:
        centre = line.points_mm[at]
        outwards = line.path(end, at)
        track = outwards if len(outwards) > 3 else line.from_end(end)
        along = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(line.points_mm[track], axis=0), axis=1))]
        place = float(along[len(outwards) - 1])
        radius = float(line.radii_mm[at])
        out = _direction(line.points_mm[track], along, min(place, max(along[-1] - 1.5 * radius, 0.0)), radius)
        cut, out = _squared_up(points, triangles, centre, out, radius)
    else:
        out = np.asarray(normal, float)
        length = float(np.linalg.norm(out))
        if length == 0:
            raise BadInput("The normal of an opening has no length", where=_place(centre))
        out = out / length
        cut = section(points, triangles, centre, out)
    if cut is None or np.linalg.norm(cut.centre_mm - centre) > 2 * cut.radius_mm:
        raise BadInput(
            "There is no vessel at the place given for an opening",
            where=_place(centre),
            remedy="Pick a point inside the vessel.",
        )
    return Opening(end, cut.centre_mm, out, cut.area_mm2)


def _at_end(
    line: Centerline, end: int, points: Points, triangles: NDArray[np.int32], on_border: NDArray[np.bool_]
) -> Opening | None:
    path = line.from_end(end)
    track = line.points_mm[path]
    along = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(track, axis=0), axis=1))]
    radius = float(np.median(line.radii_mm[path][along <= max(4 * line.radii_mm[path][0], 3.0)]))
    # a side branch may be cut as far as its parent's wall, the trunk as far as its middle
    branch = line.branch_of(end)
    limit = line.length(branch) - (line.radii_mm[branch[-1]] if len(branch) < len(path) else 0.5 * along[-1])
    limit = max(limit, 0.0)
    step = max(0.2 * radius, 0.25)
    tip_out = _direction(track, along, 0.0, radius)
    close = np.linalg.norm(points - track[0], axis=1) < 10 * radius
    triangles = triangles[close[triangles].all(axis=1)]  # all that a section here can need

    def cross(t: float) -> tuple[Section | None, Points]:
        """The section ``t`` mm inside the tip, across the vessel's axis; beyond the tip the line goes straight on."""
        if t <= 0:
            centre, normal = track[0] - t * tip_out, tip_out
        else:
            centre, normal = _at(track, along, t), _direction(track, along, t, radius)
        return _squared_up(points, triangles, centre, normal, radius)

    inside = [s for t in np.linspace(0.0, min(1.5 * radius, limit), 4) if (s := cross(float(t))[0]) is not None]
    if not inside:
        return None
    full = float(np.median([s.area_mm2 for s in inside]))
    touches = on_border[triangles].any(axis=1)
    places = np.arange(-3.0 * radius, min(limit, 4.0 * radius) + 0.5 * step, step)
    sections = [cross(float(t)) for t in places]
    for share in (0.85, 0.6):
        for cut, normal in sections:
            if cut is None or touches[cut.triangles].any() or cut.compactness > 2.0:
                continue
            if share * full <= cut.area_mm2 <= 2.0 * full:
                return Opening(end, cut.centre_mm, normal, cut.area_mm2)
    return None


def _squared_up(
    points: Points, triangles: NDArray[np.int32], centre: Points, normal: Points, radius: float
) -> tuple[Section | None, Points]:
    """The section through ``centre``, its normal turned to run through the middles of it and of one further inside."""
    here = section(points, triangles, centre, normal)
    for _ in range(3):
        deeper = section(points, triangles, centre - radius * normal, normal)
        if here is None or deeper is None or np.linalg.norm(here.centre_mm - centre) > 2 * radius:
            return None, normal
        axis = here.centre_mm - deeper.centre_mm
        axis = axis / max(float(np.linalg.norm(axis)), 1e-12)
        if axis @ normal < 0.7:  # two different vessels
            break
        normal = axis
        here = section(points, triangles, centre, normal)
    return here, normal


def _at(track: Points, along: NDArray[np.float64], t: float) -> Points:
    return np.array([np.interp(t, along, track[:, k]) for k in range(3)])


def _direction(track: Points, along: NDArray[np.float64], t: float, radius: float) -> Points:
    """Outward unit direction of the line about ``t`` mm from its tip."""
    near, far = max(t - 0.5 * radius, 0.0), min(max(t, 0.0) + 1.5 * radius, along[-1])
    out = _at(track, along, near) - _at(track, along, far)
    return np.asarray(out / max(float(np.linalg.norm(out)), 1e-12))


def _place(point: Points) -> str:
    x, y, z = point
    return f"{'L' if x >= 0 else 'R'} {abs(x):.1f}, {'P' if y >= 0 else 'A'} {abs(y):.1f}, {'S' if z >= 0 else 'I'} {abs(z):.1f} mm"
