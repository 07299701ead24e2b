"""A stent, a balloon, or a stenosis taken away: the wall along a span of the vessel moved outwards, and nowhere inwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from organtwin.errors import BadInput
from organtwin.mesh import quality
from organtwin.mesh import triangles as tri
from organtwin.mesh.procedures.changed import Beat, Body, Changed
from organtwin.mesh.procedures.morph import carried
from organtwin.mesh.procedures.refit import edges_at, refit, refuse_crossings
from organtwin.mesh.procedures.way import Way
from organtwin.model import Centerline, OrganMesh
from organtwin.model.procedure import Widen
from organtwin.units import parse

Numbers = NDArray[np.float64]

# What is lost again of the diameter gained when the balloon is taken out: 23 % of the gain that stays, in 696 coronary
# lesions (Rozenman et al., Am J Cardiol 1993;72:1020), so 0.23 / 1.23 of the gain at full balloon.
BALLOON_RECOIL = 0.23 / 1.23
TAPER = 1.0  # length over which the wall comes back to where it was, in diameters
WIDEST = 3.0  # a device is at most so many times as wide as the healthy vessel
WORST_RATIO = 0.15  # mean ratio below which cells are made anew
NOTICED = 0.01  # a change of radius by less than this part is none


@dataclass(frozen=True)
class _Shift:
    """Where the wall goes: ``moved`` (n, 3), for the points that are ``held`` (n,) bool."""

    moved: tri.Points
    held: NDArray[np.bool_]


def widened(organ: OrganMesh, action: Widen, line: Centerline, beat: Beat = lambda: None) -> Changed:
    """The vessel after a :class:`Widen`.

    Raises
    ------
    BadInput
        For a span that is not on the vessel, a diameter that cannot be, or a vessel that would run into itself.
    """
    way = Way.to(line, action.toward)
    way.check(action.start_mm, "The span starts")
    way.check(action.stop_mm, "The span ends")
    way = way.resampled(max(0.25 * float(way.radius_mm.min()), way.length_mm / 4000))
    target, notes = _target(way, action)
    points = np.asarray(organ.points_mm, float)
    shift = _shift(organ, points, action, line, way, target)
    if action.action == "balloon":
        shift = _Shift(shift.moved * (1 - BALLOON_RECOIL), shift.held)
        notes.append(f"Of the diameter gained {100 * BALLOON_RECOIL:.0f} % were taken back for the recoil of the wall.")
    gain = np.linalg.norm(shift.moved, axis=1)
    if gain.max() < NOTICED * float(way.radius_mm.min()):
        return Changed.not_at_all(organ, (*notes, "The vessel is already as wide as that: nothing was widened."))
    faces, tags = np.asarray(organ.boundary_triangles), np.asarray(organ.boundary_tags)
    tets = np.asarray(organ.tets)
    beat()
    after = points + carried(points, tets, shift.moved, shift.held)
    beat()
    refuse_crossings(after, faces, beat, before=points)
    if _sound(points, after, tets):
        body = Body(after, tets, faces, tags, len(tets), organ.mesher)
        return Changed(body, organ.boundaries, organ.caps, tuple(notes))
    pulled = gain > 0.02 * float(gain.max())
    changed = (tags == organ.boundaries["wall"]) & pulled[faces].any(axis=1)
    healthy = np.percentile(edges_at(points, faces)[np.unique(faces[changed])], 90)
    sizes = np.minimum(edges_at(after, faces), 1.2 * healthy)
    body = refit(after, tets, faces, tags, changed, sizes, beat=beat)
    return Changed(body, organ.boundaries, organ.caps, tuple(notes))


def _target(way: Way, action: Widen) -> tuple[Numbers, list[str]]:
    """Wanted radius at each point of the way, as if the span went on for ever."""
    ends = way.radius(np.array([action.start_mm, action.stop_mm]))
    if action.diameter is None:
        t = (way.distance_mm - action.start_mm) / (action.stop_mm - action.start_mm)
        return ends[0] + np.clip(t, 0, 1) * (ends[1] - ends[0]), []
    radius = parse(action.diameter, "length") / 2
    if radius <= 0:
        raise BadInput(f"A diameter of {action.diameter} is none", remedy='Give a positive length, for example "8 mm".')
    healthy = float(ends.max())
    if radius > WIDEST * healthy:
        raise BadInput(
            f"A diameter of {2 * radius:.3g} mm is more than {WIDEST:g} times that of the vessel beside the span ({2 * healthy:.1f} mm)",
            remedy="No vessel bears that: give a smaller diameter.",
        )
    return np.full(len(way.distance_mm), radius), []


def _shift(organ: OrganMesh, points: tri.Points, action: Widen, line: Centerline, way: Way, target: Numbers) -> _Shift:
    """How the wall moves: outwards from the axis of the device to its radius, tapering off beyond its ends."""
    wall = np.unique(organ.boundary("wall"))
    normals = tri.vertex_normals(points, organ.boundary("wall"))[wall]
    inside = (way.distance_mm >= action.start_mm) & (way.distance_mm <= action.stop_mm)
    radius = float(target[inside].mean()) if inside.any() else float(target.mean())
    taper = 2 * TAPER * radius
    trunk = _on_trunk(points[wall], line, way, action, radius)
    for straight in (2.0, 1.0, 0.5, 0.0):  # a device straightens the vessel, as far as its axis stays inside
        axis = _axis(way, straight * radius)
        distance, foot = axis.foot(points[wall])
        outward = points[wall] - foot
        away = np.linalg.norm(outward, axis=1)
        outward /= np.maximum(away, 1e-9)[:, None]
        beyond = np.maximum(action.start_mm - distance, distance - action.stop_mm)
        near = trunk & (beyond < taper)
        if np.mean(np.einsum("ij,ij->i", normals[near], outward[near]) > 0.05) > 0.995:
            break
    weight = 1 - _smooth_step(beyond / taper)
    weight *= _smooth_step(_from_caps(organ, points, points[wall]) / (0.5 * taper))
    wanted = np.interp(distance, way.distance_mm, target)
    moved = np.zeros_like(points)
    gain = np.where(near, weight * np.maximum(wanted - away, 0), 0)
    moved[wall] = gain[:, None] * outward
    held = np.zeros(len(points), bool)
    held[wall] = True
    if gain.any():  # the beginnings of branches go with the wall that they leave
        loose = ~near & (beyond < taper)
        pulled = gain > 0.02 * gain.max()
        reach = max(3 * float(gain.max()), radius)
        loose &= cKDTree(points[wall][pulled]).query(points[wall], distance_upper_bound=reach)[0] < reach
        held[wall[loose]] = False
    held[np.unique(organ.boundary_triangles[organ.boundary_tags != organ.boundaries["wall"]])] = True
    return _Shift(moved, held)


def _axis(way: Way, length_mm: float) -> Way:
    """The middle line without short bends; narrow places, where it may lie beside the healthy middle, count little."""
    if length_mm <= 0:
        return way
    return way.smoothed(length_mm, (way.radius_mm / way.radius_mm.max()) ** 2)


def _on_trunk(wall: tri.Points, line: Centerline, way: Way, action: Widen, radius: float) -> NDArray[np.bool_]:
    """Whether points of the wall belong to the vessel along the way, and not to a branch or a neighbour."""
    distance, foot = way.foot(wall)
    away = np.linalg.norm(wall - foot, axis=1)
    own = way.radius(distance)
    trunk = away < 2.0 * np.maximum(own, 0.5 * radius)
    on_way = np.zeros(len(line.points_mm), bool)
    on_way[line.path(action.toward)] = True
    if not on_way.all():
        others, size = np.asarray(line.points_mm)[~on_way], np.asarray(line.radius_mm)[~on_way]
        gap, at = cKDTree(others).query(wall, k=min(8, len(others)))
        gap, at = gap.reshape(len(wall), -1), at.reshape(len(wall), -1)
        ratio = (gap / np.maximum(size[at], 1e-6)).min(axis=1)
        trunk &= away / np.maximum(own, 1e-6) <= np.maximum(ratio, 1.0)
    return trunk


def _from_caps(organ: OrganMesh, points: tri.Points, places: tri.Points) -> Numbers:
    """Distance of places to the nearest opening."""
    caps = np.unique(organ.boundary_triangles[organ.boundary_tags != organ.boundaries["wall"]])
    return np.asarray(cKDTree(points[caps]).query(places)[0]) if len(caps) else np.full(len(places), np.inf)


def _smooth_step(x: Numbers) -> Numbers:
    """0 below 0, 1 above 1, without a kink in between."""
    t = np.clip(x, 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def _sound(before: tri.Points, after: tri.Points, tets: NDArray[np.int32]) -> bool:
    """Whether the moved cells are as good as cells must be, or no worse than they were."""
    if quality.volumes(after, tets).min() <= 0:
        return False
    worst = float(quality.mean_ratios(after, tets).min())
    if worst < min(WORST_RATIO, 0.95 * float(quality.mean_ratios(before, tets).min())):
        return False
    return float(quality.dihedral_angles_deg(after, tets).min()) > min(
        8.0, 0.95 * float(quality.dihedral_angles_deg(before, tets).min())
    )
