"""A graft from one place of a vessel to another: a round tube on a smooth curve, joined to the lumen at both ends.

The curve is a cubic Bezier that leaves and meets the vessel's middle line at a slant, as an end-to-side anastomosis does. Of
many such curves, bowed to all sides, the shortest is taken that keeps clear of the vessel and of itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from organtwin.errors import BadInput, SolveFailed
from organtwin.mesh import triangles as tri
from organtwin.mesh.patch import patched
from organtwin.mesh.procedures.changed import Beat, Changed
from organtwin.mesh.procedures.refit import adopted, edges_at, refit
from organtwin.mesh.procedures.way import Way
from organtwin.mesh.repair import fair
from organtwin.model import Centerline, OrganMesh
from organtwin.model.procedure import Bypass
from organtwin.units import parse
from organtwin.vessel.section import plane_axes

Points = NDArray[np.float64]
Numbers = NDArray[np.float64]

SLANTS_DEG = (45.0, 60.0, 75.0, 90.0)  # between graft and middle line
LEAST_SLANT_DEG = 40.0  # between graft and wall: a flatter joint would be a long slit
SIDES = 24  # directions that the graft may bow to
HANDLES = (0.35, 0.5, 0.7, 0.95, 1.3, 1.8)  # lengths of the Bezier's handles, in distances between the ends
SAMPLES = 240
TRIES = 24  # grafts that are joined to the vessel before it is given up
AT_JOINT = 0.85  # widest joint, in radii of the ball inside the vessel
WIDEST = 3.0  # a graft is at most so many times as wide as the vessel
GRAFT_TETS = 120_000  # a long thin graft gets coarser cells, to have about so many
CELLS = (2.0, 6.0)  # edges per radius of the graft, at least and at most


@dataclass(frozen=True)
class _End:
    """A place on the middle line, the way the vessel runs there (unit, towards the other end), the ball inside."""

    place: Points
    along: Points
    ball: float


@dataclass(frozen=True)
class _Graft:
    """The middle line of a graft (k, 3) and its radii (k,)."""

    line: Points
    radius: Numbers


def bypassed(organ: OrganMesh, action: Bypass, line: Centerline, beat: Beat = lambda: None) -> Changed:
    """The vessel with a graft.

    Raises
    ------
    BadInput
        For places or a diameter that cannot be, or when no graft fits there.
    """
    radius = parse(action.diameter, "length") / 2
    if radius <= 0:
        raise BadInput(f"A diameter of {action.diameter} is none", remedy='Give a positive length, for example "6 mm".')
    ends = _ends(action, line)
    _check(ends, radius)
    points, faces = np.asarray(organ.points_mm, float), np.asarray(organ.boundary_triangles)
    tags = np.asarray(organ.boundary_tags)
    edges = edges_at(points, faces)
    wall = np.unique(organ.boundary("wall"))
    depth = cKDTree(np.asarray(line.points_mm)).query(points[wall])[0]
    apart = float(np.linalg.norm(ends[1].place - ends[0].place))
    affordable = (GRAFT_TETS * radius / (8.5 * np.pi * 1.3 * apart)) ** (1 / 3)
    edge = radius / float(np.clip(min(np.median(depth / edges[wall]), affordable), *CELLS))
    graft, (shell, joined, joined_tags, joint) = _joined(organ, points, faces, tags, ends, radius, edge, beat)
    every, own, changed = adopted(points, faces, shell, joined)
    changed &= joined_tags == organ.boundaries["wall"]
    on = np.unique(faces)
    sizes = np.concatenate([edges, np.full(len(every) - len(points), edge)])
    lost = np.setdiff1d(on, own)
    every, own, own_tags, changed, sizes = _softened(every, own, joined_tags, changed, sizes, joint, 0.5 * radius, beat)
    body = refit(every, np.asarray(organ.tets), own, own_tags, changed, sizes, touched=lost, beat=beat)
    notes = [
        f"A graft of {2 * radius:.3g} mm and {_length(graft.line):.0f} mm length joins the vessel at "
        f"{action.start_mm:.0f} and {action.stop_mm:.0f} mm from the inlet."
    ]
    notes += [
        f"At its {name} the graft narrows to {2 * narrow:.1f} mm: the vessel is no wider."
        for name, narrow in (("start", graft.radius[0]), ("end", graft.radius[-1]))
        if narrow < 0.99 * radius
    ]
    return Changed(body, organ.boundaries, organ.caps, tuple(notes))


# -- where the graft runs ---------------------------------------------------------------------------------------------


def _ends(action: Bypass, line: Centerline) -> tuple[_End, _End]:
    """Both ends of the graft, the first one's vessel running towards the second and the other's on from the first."""
    places, along, balls = [], [], []
    for cap, distance, what in (
        (action.start_toward, action.start_mm, "The graft starts"),
        (action.stop_toward, action.stop_mm, "The graft ends"),
    ):
        way = Way.to(line, cap)
        way.check(distance, what)
        places.append(way.place(distance))
        along.append(way.direction(distance))
        balls.append(float(np.interp(distance, way.distance_mm, np.asarray(way.ball_mm))))
    chord = places[1] - places[0]
    turned = [t if t @ chord >= 0 else -t for t in along]
    return _End(places[0], turned[0], balls[0]), _End(places[1], turned[1], balls[1])


def _check(ends: tuple[_End, _End], radius: float) -> None:
    widest = max(end.ball for end in ends)
    if radius > WIDEST * widest:
        raise BadInput(
            f"A graft of {2 * radius:.3g} mm is more than {WIDEST:g} times as wide as the vessel ({2 * widest:.1f} mm)",
            remedy="Give a smaller diameter.",
        )
    apart = float(np.linalg.norm(ends[1].place - ends[0].place))
    least = 4 * radius
    if apart < least:
        raise BadInput(
            f"The ends of the graft are only {apart:.1f} mm apart",
            remedy=f"A graft of {2 * radius:.3g} mm needs {least:.1f} mm at least.",
        )


def _grafts(
    points: Points, faces: tri.Triangles, ends: tuple[_End, _End], radius: float, edge: float
) -> Iterator[_Graft]:
    """Grafts that keep clear of the vessel and of themselves, the shortest first."""
    outside = np.unique(faces)
    tree, normals = cKDTree(points[outside]), tri.vertex_normals(points, faces)[outside]
    clear = radius + max(0.2 * radius, edge)
    for curve in sorted(_curves(ends), key=_length):
        if _sharpest(curve) < 1.2 * radius:
            continue
        gap, nearest = tree.query(curve)
        beyond = np.einsum("ij,ij->i", curve - points[outside[nearest]], normals[nearest])
        height = np.where(beyond > 0, gap, -gap)
        steep = np.abs(np.einsum("ij,ij->i", _tangents(curve), normals[nearest]))
        if _keeps_clear(curve, height, steep, clear, radius):
            yield _Graft(curve, _radii(curve, height, ends, radius))


def _curves(ends: tuple[_End, _End]) -> Iterator[Points]:
    """Curves between the ends, bowed to all sides, more and less slanted, more and less far."""
    chord = ends[1].place - ends[0].place
    reach = float(np.linalg.norm(chord))
    u, v = plane_axes(chord / reach)
    for angle in 2 * np.pi * np.arange(SIDES) / SIDES:
        bow = np.cos(angle) * u + np.sin(angle) * v
        for slant in np.radians(SLANTS_DEG):
            leave, arrive = (_slanted(end.along, bow * sign, slant) for end, sign in zip(ends, (1, -1), strict=True))
            for handle in HANDLES:
                yield _bezier(ends[0].place, leave, arrive, ends[1].place, handle * reach)


def _slanted(along: Points, bow: Points, slant: float) -> Points:
    """Unit direction at an angle ``slant`` to ``along``, to the side of ``bow``."""
    aside = bow - (bow @ along) * along
    aside /= max(float(np.linalg.norm(aside)), 1e-9)
    return np.asarray(np.cos(slant) * along + np.sin(slant) * aside)


def _bezier(start: Points, leave: Points, arrive: Points, stop: Points, handle: float) -> Points:
    t = np.linspace(0, 1, SAMPLES)[:, None]
    one, two = start + handle * leave, stop - handle * arrive
    return np.asarray((1 - t) ** 3 * start + 3 * t * (1 - t) ** 2 * one + 3 * t**2 * (1 - t) * two + t**3 * stop)


def _length(curve: Points) -> float:
    return float(np.linalg.norm(np.diff(curve, axis=0), axis=1).sum())


def _sharpest(curve: Points) -> float:
    """Smallest radius of curvature."""
    first, second = np.gradient(curve, axis=0), np.gradient(np.gradient(curve, axis=0), axis=0)
    bend = np.linalg.norm(np.cross(first, second), axis=1) / np.maximum(np.linalg.norm(first, axis=1), 1e-9) ** 3
    return float(1 / max(bend[3:-3].max(), 1e-9))


def _tangents(curve: Points) -> Points:
    along = np.gradient(curve, axis=0)
    return np.asarray(along / np.linalg.norm(along, axis=1, keepdims=True))


def _keeps_clear(curve: Points, height: Numbers, steep: Numbers, clear: float, radius: float) -> bool:
    """Whether a curve leaves the vessel once and not too flat, stays away from it, comes back once, and does not near itself."""
    free = np.flatnonzero(height >= clear)
    if len(free) < 0.2 * len(curve) or not (height[free[0] : free[-1] + 1] >= clear).all():
        return False
    for inside_out in (slice(0, free[0]), slice(None, free[-1], -1)):  # out of the lumen in one go
        outside = height[inside_out] > 0
        if len(outside) == 0 or outside[0]:
            return False
        if _length(curve[inside_out][outside]) > 2 * clear / np.sin(np.radians(LEAST_SLANT_DEG)):
            return False
        if (np.diff(outside.astype(int)) < 0).any():
            return False
        if steep[inside_out][np.count_nonzero(~outside) - 1] < np.sin(np.radians(LEAST_SLANT_DEG)):
            return False
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    some = slice(None, None, 6)
    apart = np.linalg.norm(curve[some][:, None] - curve[some][None], axis=2)
    far = np.abs(along[some][:, None] - along[some][None]) > np.pi * radius
    return not (apart[far] < 2.4 * radius).any()


def _radii(curve: Points, height: Numbers, ends: tuple[_End, _End], radius: float) -> Numbers:
    """The graft's radius along it: at the joints no wider than the vessel, its own soon after."""
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    outside = np.flatnonzero(height > 0)
    out = np.full(len(curve), radius)
    for end, away in ((ends[0], along - along[outside[0]]), (ends[1], along[outside[-1]] - along)):
        narrow = min(radius, AT_JOINT * end.ball)
        t = np.clip(away / (4 * radius), 0, 1)
        out = np.minimum(out, narrow + (radius - narrow) * t * t * (3 - 2 * t))
    return out


# -- joining it to the vessel ------------------------------------------------------------------------------------------


def _tube(graft: _Graft, edge: float) -> tuple[Points, tri.Triangles]:
    """A closed tube along the graft: rings that do not twist, and a flat end at each side."""
    step = edge / _length(graft.line)
    share = np.linspace(0, 1, max(8, round(1 / step)) + 1)
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(graft.line, axis=0), axis=1))])
    centre = np.stack([np.interp(share * along[-1], along, x) for x in graft.line.T], axis=1)
    radius = np.interp(share * along[-1], along, graft.radius)
    tangent = _tangents(centre)
    around = max(12, round(2 * np.pi * float(graft.radius.max()) / edge))
    angle = 2 * np.pi * np.arange(around) / around
    u = plane_axes(tangent[0])[0]
    rings = []
    for c, t, r in zip(centre, tangent, radius, strict=True):
        u = u - (u @ t) * t
        u /= np.linalg.norm(u)
        rings.append(c + r * (np.cos(angle)[:, None] * u + np.sin(angle)[:, None] * np.cross(t, u)))
    points = np.concatenate([*rings, centre[:1], centre[-1:]])
    at = np.arange(around)
    following = np.roll(at, -1)
    low = (np.arange(len(centre) - 1) * around)[:, None]
    a, b, c, d = low + at, low + following, low + around + at, low + around + following
    side = np.concatenate([np.stack([a, b, d], axis=-1), np.stack([a, d, c], axis=-1)]).reshape(-1, 3)
    last = (len(centre) - 1) * around
    first_end = np.stack([following, at, np.full(around, len(points) - 2)], axis=1)
    last_end = np.stack([last + at, last + following, np.full(around, len(points) - 1)], axis=1)
    return points, np.concatenate([side, first_end, last_end]).astype(np.int32)


def _joined(
    organ: OrganMesh,
    points: Points,
    faces: tri.Triangles,
    tags: NDArray[np.int16],
    ends: tuple[_End, _End],
    radius: float,
    edge: float,
    beat: Beat,
) -> tuple[_Graft, tuple[Points, tri.Triangles, NDArray[np.int16], Points]]:
    """The shortest graft that can be joined, and the outside of both (see :func:`_union`).

    Raises
    ------
    BadInput
    """
    failure = BadInput(
        f"No graft of {2 * radius:.3g} mm fits between these places without running into the vessel or itself",
        remedy="Place its ends farther apart or elsewhere, or make it thinner.",
    )
    for graft in islice(_grafts(points, faces, ends, radius, edge), TRIES):
        beat()
        try:
            return graft, _union(organ, points, faces, tags, graft, edge)
        except BadInput as refused:
            failure = refused
    raise failure


def _union(
    organ: OrganMesh, points: Points, faces: tri.Triangles, tags: NDArray[np.int16], graft: _Graft, edge: float
) -> tuple[Points, tri.Triangles, NDArray[np.int16], Points]:
    """The outside of vessel and graft as one, with the tags of the vessel, the graft being wall; and the points where they meet.

    Raises
    ------
    BadInput
        When the graft meets an opening, or crosses the vessel.
    SolveFailed
    """
    try:
        import manifold3d
    except ImportError as missing:
        raise SolveFailed(
            "The package manifold3d is not installed, which joins a graft to a vessel",
            remedy="Install it: pip install manifold3d.",
        ) from missing

    tube_points, tube = _tube(graft, edge)
    own, numbered, _ = tri.compact(points, faces)
    bodies = []
    for p, f, first in ((own, numbered, 0), (tube_points, tube, len(faces))):
        body = manifold3d.Manifold(
            manifold3d.Mesh64(
                vert_properties=np.ascontiguousarray(p, np.float64),
                tri_verts=np.ascontiguousarray(f, np.uint64),
                face_id=np.arange(first, first + len(f), dtype=np.uint64),
            )
        )
        if body.status() != manifold3d.Error.NoError:
            raise SolveFailed("The vessel and the graft could not be joined", where=str(body.status()))
        bodies.append(body)
    made = (bodies[0] + bodies[1]).to_mesh64()
    shell = np.asarray(made.vert_properties, float)[:, :3]
    joined = np.asarray(made.tri_verts).astype(np.int32)
    origin = np.asarray(made.face_id).astype(np.int64)
    shell, joined, _ = tri.compact(shell, joined)
    own_tags = np.where(origin < len(faces), tags[np.minimum(origin, len(faces) - 1)], organ.boundaries["wall"])
    for cap in organ.caps:
        area = float(tri.areas(shell, joined[own_tags == organ.boundaries[cap.name]]).sum())
        if abs(area - cap.area_mm2) > 1e-6 * cap.area_mm2:
            raise BadInput(
                f"The graft would meet the opening '{cap.name}'", remedy="Place it farther from the opening."
            )
    if tri.parts(joined, len(shell))[0] != 1 or _handles(joined) != _handles(faces) + 1:
        raise BadInput(
            "The graft does not join the vessel exactly twice", remedy="Place its ends elsewhere, or make it thinner."
        )
    neither = cKDTree(np.concatenate([own, tube_points])).query(shell)[0] > 1e-9
    return shell, joined, own_tags.astype(np.int16), shell[neither]


def _handles(faces: tri.Triangles) -> int:
    """Genus of a closed surface in one part: how many ways lead round in it."""
    edges = len(faces) * 3 // 2
    return 1 - (len(np.unique(faces)) - edges + len(faces)) // 2


def _softened(
    points: Points,
    faces: tri.Triangles,
    tags: NDArray[np.int16],
    changed: NDArray[np.bool_],
    sizes: Numbers,
    joint: Points,
    reach_mm: float,
    beat: Beat,
) -> tuple[Points, tri.Triangles, NDArray[np.int16], NDArray[np.bool_], Numbers]:
    """The surface with even triangles where it changed, and its joints rounded as tissue is."""
    more, patch, patch_tags = patched(points, faces[changed], tags[changed], sizes, beat)
    every = np.concatenate([points, more])
    own = np.concatenate([faces[~changed], patch])
    anew = np.concatenate([np.zeros(np.count_nonzero(~changed), bool), np.ones(len(patch), bool)])
    wanted = np.concatenate([sizes, sizes[cKDTree(points).query(more)[1]]])
    fixed = np.ones(len(every), bool)
    fixed[patch] = False
    fixed[faces[~changed]] = True
    fixed |= cKDTree(joint).query(every)[0] > reach_mm
    return fair(every, own, 6, fixed), own, np.concatenate([tags[~changed], patch_tags]), anew, wanted
