"""Where to cut: a field over the grid, negative where the organ is taken, zero on the cut surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.errors import BadInput
from organtwin.resection.anatomy import CAVA, INFLOW, OUTFLOW, Anatomy
from organtwin.resection.distance import Field, Mask, at, places, smoothed, to_segment
from organtwin.resection.settings import CutPlane, Push, Settings, Stroke
from organtwin.space import Grid
from organtwin.units import parse

CRUMB_ML = 10.0  # a piece that would hang free: taken with the rest
SPLINTER_ML = 1.0  # a piece taken by the way, without tumour: left
TOUCHED_SHARE = 0.01  # of the tumour with its margin, for a territory to count as touched
SPARED_ML = 20.0  # what a branch must feed or drain of the remnant to be worth sparing
SPARED_DEEP_MM = 25.0  # how far beyond the border it can be dissected free
SHEATH_MM = 2.0
DIRECTIONS = 400
SAMPLED = 20_000


@dataclass(frozen=True, eq=False)
class Cut:
    """``field`` (nk, nj, ni) mm; ``taken`` the voxels of the organ where it is negative. ``planes`` and ``territories`` are
    those that were used in the end, also when they were found here."""

    field: Field
    taken: Mask
    tumours: tuple[str, ...]
    territories: tuple[str, ...] = ()
    planes: tuple[CutPlane, ...] = ()
    notes: tuple[str, ...] = ()


def make_cut(anatomy: Anatomy, settings: Settings) -> Cut:
    """The cut that the settings ask for.

    Raises
    ------
    BadInput
        No tumour where one is needed, an unknown tumour, territory or structure, a margin that is none, or a cut that takes
        everything or nothing.
    """
    tumours = chosen_tumours(anatomy, settings)
    margin = parse(settings.margin, "length")
    if margin < 0:
        raise BadInput(
            f"A margin of {settings.margin} is not possible", remedy='Give zero or more, for example "10 mm".'
        )
    for key in settings.protect:
        if key not in anatomy.names and key != CAVA:  # which is protected wherever it is known
            known = ", ".join(anatomy.names)
            raise BadInput(f"There is no structure '{key}' to protect", remedy=f"There are: {known}.")
    used: tuple[str, ...] = ()
    planes = settings.planes
    match settings.strategy:
        case "margin":
            _need_tumour(anatomy, tumours, "A margin")
            field = _around(anatomy, tumours, margin, settings)
        case "territories":
            used = _territories(anatomy, settings, tumours, margin)
            field = smoothed(anatomy.territory_mm(used), parse(settings.smoothing, "length"), anatomy.grid)
            if settings.spare_vessels:
                field = _sparing(anatomy, field)
            if tumours:  # what the territories leave of the margin is taken as well
                field = np.minimum(field, _body(anatomy, tumours, margin, parse(settings.smoothing, "length")))
        case "plane":
            if not planes:
                _need_tumour(anatomy, tumours, "A plane that is to be found")
                planes = (least_plane(anatomy, tumours, margin),)
            field = beyond(anatomy, planes)
    field, by_hand = _adjusted(anatomy, np.asarray(field, np.float32), settings)
    taken = anatomy.organ & (field < 0)
    field, taken, notes = _without_crumbs(anatomy, field, taken, tumours)
    if not taken.any():
        raise BadInput(
            "Nothing of the organ would be taken", remedy="Take more: a larger margin or offset, or another plane."
        )
    if np.count_nonzero(anatomy.organ & ~taken) * anatomy.voxel_ml < min(CRUMB_ML, 0.01 * anatomy.organ_ml):
        raise BadInput(
            f"This takes the whole {anatomy.organ_name.lower()}: nothing would stay",
            remedy="Ask for a smaller margin, fewer tumours, or other territories.",
        )
    names = tuple(dict.fromkeys((*used, *by_hand)))
    return Cut(field, taken, tumours, tuple(n for n in names if n not in settings.remove_territories), planes, notes)


def chosen_tumours(anatomy: Anatomy, settings: Settings) -> tuple[str, ...]:
    """Keys of the tumours that are meant."""
    if settings.tumours is None:
        return tuple(anatomy.tumours)
    for key in settings.tumours:
        if key not in anatomy.tumours:
            known = ", ".join(anatomy.tumours) or "none"
            raise BadInput(f"There is no tumour '{key}'", remedy=f"There are: {known}.")
    return settings.tumours


def touched(anatomy: Anatomy, tumours: tuple[str, ...], margin_mm: float) -> tuple[str, ...]:
    """The territories that tumours with their margin reach into."""
    zone = anatomy.organ & (anatomy.tumour_mm(tumours) <= margin_mm)
    least = max(1.0, TOUCHED_SHARE * np.count_nonzero(zone))
    return tuple(key for key, mask in anatomy.territories.items() if np.count_nonzero(mask & zone) >= least)


def least_plane(anatomy: Anatomy, tumours: tuple[str, ...], margin_mm: float) -> CutPlane:
    """The plane beyond which the tumours lie with their margin, and the least of the organ beside.

    Tried are many directions; one with the vena cava, or the trunk of another vein, on the far side is avoided.
    """
    organ = _sample(places(anatomy.organ, anatomy.grid))
    zone = _sample(places(anatomy.organ & (anatomy.tumour_mm(tumours) <= margin_mm), anatomy.grid))
    kept = [
        places(anatomy.roots(key) & (anatomy.organ_mm < 5.0), anatomy.grid)
        for key in (CAVA, INFLOW, OUTFLOW)
        if key in anatomy.vessels
    ]
    trunks = _sample(np.concatenate([k for k in kept if len(k)])) if any(len(k) for k in kept) else np.zeros((0, 3))
    normals = directions(DIRECTIONS)
    lowest = (zone @ normals.T).min(axis=0) - 0.5 * anatomy.voxel_mm
    share = ((organ @ normals.T) >= lowest).mean(axis=0)
    if len(trunks):
        share = share + ((trunks @ normals.T) >= lowest - 3.0).mean(axis=0)
    best = int(np.argmin(share))
    normal = normals[best]
    centre = zone.mean(axis=0)
    point = centre + (lowest[best] - centre @ normal) * normal
    return CutPlane(point_mm=_triple(point), normal=_triple(normal))


def plane_along(anatomy: Anatomy, tumours: tuple[str, ...], margin_mm: float, normal: NDArray[np.float64]) -> CutPlane:
    """The plane of a given direction beyond which the tumours lie with their margin, and no more than that."""
    zone = places(anatomy.organ & (anatomy.tumour_mm(tumours) <= margin_mm), anatomy.grid)
    centre = zone.mean(axis=0)
    lowest = float((zone @ normal).min()) - 0.5 * anatomy.voxel_mm
    return CutPlane(point_mm=_triple(centre + (lowest - centre @ normal) * normal), normal=_triple(normal))


def directions(count: int) -> NDArray[np.float64]:
    """(n, 3) directions spread evenly over the sphere, along a Fibonacci spiral."""
    n = np.arange(count) + 0.5
    z, turn = 1 - 2 * n / count, np.pi * (1 + 5**0.5) * n
    flat = np.sqrt(1 - z * z)
    return np.stack([flat * np.cos(turn), flat * np.sin(turn), z], axis=1)


def beyond(anatomy: Anatomy, planes: Sequence[CutPlane]) -> Field:
    """Negative on the far side of all planes."""
    rows = []
    for plane in planes:
        normal = np.asarray(plane.normal) / np.linalg.norm(plane.normal)
        rows.append(-_linear(anatomy, np.asarray(plane.point_mm), normal))
    return np.asarray(np.maximum.reduce(rows), np.float32)


# -- the pieces -------------------------------------------------------------------------------------------------------


def _need_tumour(anatomy: Anatomy, tumours: tuple[str, ...], what: str) -> None:
    if not tumours:
        raise BadInput(
            f"{what} needs a tumour, and the {anatomy.organ_name.lower()} has none that is chosen",
            remedy="Find or draw one, or cut by named territories or by a plane.",
        )


def _territories(anatomy: Anatomy, settings: Settings, tumours: tuple[str, ...], margin_mm: float) -> tuple[str, ...]:
    if not anatomy.territories:
        raise BadInput(
            "There are no vascular territories", remedy="Find the territories first, or cut by margin or plane."
        )
    for key in (*(settings.territories or ()), *settings.add_territories, *settings.remove_territories):
        _known_territory(anatomy, key)
    if settings.territories is not None:
        found = settings.territories
    else:
        _need_tumour(anatomy, tumours, "Finding the territories to take")
        found = touched(anatomy, tumours, margin_mm)
    found = tuple(key for key in found if key not in settings.remove_territories)
    if not found:
        raise BadInput("No territory is left to take", remedy="Name at least one.")
    return found


def _sparing(anatomy: Anatomy, field: Field) -> Field:
    """Branches near the border of what is taken that feed or drain much of what stays, left out of it with their sheath."""
    own = anatomy.organ[anatomy.thin]
    stays = (field[anatomy.thin][own] >= 0).astype(float)
    each_ml = anatomy.organ_ml / max(len(stays), 1)
    made = field
    for tree in anatomy.trees:
        feeds = tree.behind(np.bincount(anatomy.nearest_of_tree(tree), stays, minlength=len(tree.points_mm)) * each_ml)
        at_points = at(field, anatomy.grid, tree.points_mm)
        inside = at(anatomy.organ_mm, anatomy.grid, tree.points_mm) < 0
        needed = (feeds >= SPARED_ML) & (at_points < 2 * SHEATH_MM) & (at_points > -SPARED_DEEP_MM) & inside
        if not needed.any():
            continue
        made = made.copy() if made is field else made
        for n in np.flatnonzero(needed):
            reach = float(tree.radius_mm[n]) + SHEATH_MM
            box = _box(anatomy.grid, tree.points_mm[n], reach + 1.5 * anatomy.voxel_mm, field.shape)
            away = np.linalg.norm(_points(anatomy, box) - tree.points_mm[n], axis=-1)
            made[box] = np.maximum(made[box], reach - away)
    return made


def _known_territory(anatomy: Anatomy, key: str) -> None:
    if key not in anatomy.territories:
        known = ", ".join(anatomy.territories) or "none"
        raise BadInput(f"There is no territory '{key}'", remedy=f"There are: {known}.")


def _body(anatomy: Anatomy, tumours: tuple[str, ...], margin_mm: float, smooth_mm: float) -> Field:
    """Tumours with their margin, smoothed; moved out as far as smoothing ate of the margin."""
    sharp = anatomy.tumour_mm(tumours) - np.float32(margin_mm)
    if smooth_mm <= 0:
        return np.asarray(sharp, np.float32)
    soft = smoothed(sharp, smooth_mm, anatomy.grid)
    inside = anatomy.organ & (sharp <= 0)
    eaten = float(soft[inside].max()) if inside.any() else 0.0
    return np.asarray(soft - np.float32(max(eaten, 0.0)), np.float32)


def _around(anatomy: Anatomy, tumours: tuple[str, ...], margin_mm: float, settings: Settings) -> Field:
    smooth = parse(settings.smoothing, "length")
    field = _body(anatomy, tumours, margin_mm, smooth)
    if not settings.reach_surface:
        return field
    for key in tumours:
        way = _way_out(anatomy, key, margin_mm)
        if way is not None:
            start, stop, radius = way
            field = _with_tunnel(anatomy, field, start, stop, radius)
    return field


def _way_out(
    anatomy: Anatomy, tumour: str, margin_mm: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], float] | None:
    """Start, end and radius of a way from a deep tumour to the surface; None where it lies near enough to it.

    The way is short and keeps away from the vena cava and the trunks.
    """
    own = places(anatomy.tumours[tumour], anatomy.grid)
    centre = own.mean(axis=0)
    radius = float(np.cbrt(3 / (4 * np.pi) * len(own) * anatomy.grid.voxel_volume_mm3)) + margin_mm
    depth = -float(at(anatomy.organ_mm, anatomy.grid, centre[None])[0])
    if depth < 0.6 * radius:  # the cut then opens at the surface as wide as four fifths of what is taken
        return None
    skin = places(anatomy.organ & (anatomy.organ_mm > -anatomy.voxel_mm), anatomy.grid)
    skin = _sample(skin, 3000)
    length = np.linalg.norm(skin - centre, axis=1)
    share = np.linspace(0.2, 1.0, 5)
    line = centre + share[:, None, None] * (skin - centre)  # (5, n, 3)
    clear = np.full(len(skin), np.inf)
    for key in (CAVA, INFLOW, OUTFLOW):
        if key in anatomy.vessels:
            field = anatomy.vessel_mm(key) if key == CAVA else anatomy.roots_mm(key)
            clear = np.minimum(clear, at(field, anatomy.grid, line.reshape(-1, 3)).reshape(len(share), -1).min(axis=0))
    cost = length + 3.0 * np.maximum(radius - clear, 0.0)
    end = skin[int(np.argmin(cost))]
    return centre, end + 2.0 * radius * (end - centre) / max(float(np.linalg.norm(end - centre)), 1e-9), radius


def _with_tunnel(
    anatomy: Anatomy, field: Field, start: NDArray[np.float64], stop: NDArray[np.float64], radius: float
) -> Field:
    """What lies within ``radius`` of a line is taken as well; computed near the line only."""
    grid = anatomy.grid
    index = grid.to_index(np.stack([start, stop]))[:, ::-1]
    room = (radius + 6.0) / grid.spacing_mm[::-1]
    low = np.clip(np.floor(index.min(axis=0) - room).astype(int), 0, field.shape)
    high = np.clip(np.ceil(index.max(axis=0) + room).astype(int) + 1, 0, field.shape)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    made = field.copy()
    away = to_segment(_points(anatomy, box), start.tolist(), stop.tolist()) - radius
    made[box] = np.minimum(made[box], away)
    return made


def _adjusted(anatomy: Anatomy, field: Field, settings: Settings) -> tuple[Field, tuple[str, ...]]:
    """What was changed by hand, and the territories it brought in."""
    field = field - np.float32(parse(settings.offset, "length"))
    smooth = parse(settings.smoothing, "length")
    for keys, take in ((settings.add_territories, True), (settings.remove_territories, False)):
        for key in keys:
            _known_territory(anatomy, key)
        if keys:
            part = smoothed(anatomy.territory_mm(tuple(sorted(keys))), smooth, anatomy.grid)
            field = np.minimum(field, part) if take else np.maximum(field, -part)
    for push in settings.pushes:
        field = _pushed(anatomy, field, push)
    for stroke in settings.strokes:
        field = _drawn(anatomy, field, stroke)
    return np.asarray(field, np.float32), settings.add_territories


def _pushed(anatomy: Anatomy, field: Field, push: Push) -> Field:
    """The field carried along: u(x) = move (1 − (r/radius)²)². The radius is kept at three times the way at least, so that
    nothing folds over."""
    grid = anatomy.grid
    move = np.asarray(push.move_mm, float)
    radius = max(parse(push.radius, "length"), 3.0 * float(np.linalg.norm(move)))
    if radius <= 0 or not move.any():
        return field
    box = _box(grid, np.asarray(push.at_mm), radius, field.shape)
    points = _points(anatomy, box)
    # the place that comes to x was at about x − u(x − u(x))
    moved = points - move * _weight(points - move * _weight(points, push, radius)[..., None], push, radius)[..., None]
    made = field.copy()
    made[box] = at(field, grid, moved.reshape(-1, 3)).reshape(points.shape[:3])
    return made


def _weight(points: NDArray[np.float64], push: Push, radius: float) -> NDArray[np.float64]:
    away = np.linalg.norm(points - np.asarray(push.at_mm), axis=-1) / radius
    return np.asarray(np.maximum(1 - away * away, 0.0) ** 2)


def _drawn(anatomy: Anatomy, field: Field, stroke: Stroke) -> Field:
    radius = parse(stroke.radius, "length")
    if radius <= 0:
        raise BadInput(f"A stroke of {stroke.radius} has no width", remedy="Give its radius a positive length.")
    points = stroke.points_mm if len(stroke.points_mm) > 1 else stroke.points_mm * 2
    made = field.copy()
    for start, stop in pairwise(points):
        low, high = np.minimum(start, stop), np.maximum(start, stop)
        reach = 0.5 * float(np.linalg.norm(high - low)) + 2 * radius
        box = _box(anatomy.grid, 0.5 * (low + high), reach, field.shape)
        away = to_segment(_points(anatomy, box), start, stop) - radius
        made[box] = np.minimum(made[box], away) if stroke.take else np.maximum(made[box], -away)
    return made


def _without_crumbs(
    anatomy: Anatomy, field: Field, taken: Mask, tumours: tuple[str, ...]
) -> tuple[Field, Mask, tuple[str, ...]]:
    """Splinters stay, pieces that would hang free are taken; what large pieces are left is told."""
    notes = []
    half = np.float32(0.5 * anatomy.voxel_mm)
    number, count = ndimage.label(taken)
    if count > 1:
        size = np.bincount(number.ravel(), minlength=count + 1) * anatomy.voxel_ml
        keep = size >= SPLINTER_ML
        for key in tumours:
            keep[np.unique(number[anatomy.tumours[key]])] = True
        keep[0] = True
        if not keep[1:].any():
            keep[int(np.argmax(size[1:])) + 1] = True
        back = ~keep[number]
        field = np.where(back, np.maximum(field, half), field)
        taken = taken & ~back
    stays = anatomy.organ & ~taken
    number, count = ndimage.label(stays)
    if count > 1:
        size = np.bincount(number.ravel(), minlength=count + 1) * anatomy.voxel_ml
        size[0] = np.inf
        largest = int(np.argmax(size[1:])) + 1
        crumb = size < CRUMB_ML
        crumb[largest] = False
        loose = crumb[number]
        if loose.any():
            field = np.where(loose, np.minimum(field, -half), field)
            taken = taken | loose
            free = np.count_nonzero(loose) * anatomy.voxel_ml
            if free >= 0.5:
                notes.append(f"{free:.1f} mL that would hang free are taken as well.")
        pieces = int(np.count_nonzero(~crumb[1:]))
        if pieces > 1:
            sizes = ", ".join(f"{s:.0f}" for s in sorted(size[1:][~crumb[1:]], reverse=True))
            notes.append(f"What stays falls into {pieces} pieces of {sizes} mL.")
    return np.asarray(field, np.float32), taken, tuple(notes)


# -- geometry ----------------------------------------------------------------------------------------------------------


def _linear(anatomy: Anatomy, point: NDArray[np.float64], normal: NDArray[np.float64]) -> NDArray[np.float32]:
    """(nk, nj, ni) mm along a normal from a point."""
    affine = anatomy.grid.affine
    slope = normal @ affine[:3, :3]
    start = float(normal @ (affine[:3, 3] - point))
    nk, nj, ni = anatomy.organ.shape
    return np.asarray(
        start
        + (slope[2] * np.arange(nk))[:, None, None]
        + (slope[1] * np.arange(nj))[None, :, None]
        + (slope[0] * np.arange(ni))[None, None, :],
        np.float32,
    )


def _box(grid: Grid, centre: NDArray[np.float64], radius: float, shape: Sequence[int]) -> tuple[slice, ...]:
    index = grid.to_index(centre)[::-1]
    room = radius / grid.spacing_mm[::-1]
    return tuple(
        slice(int(np.clip(np.floor(i - r), 0, n)), int(np.clip(np.ceil(i + r) + 1, 0, n)))
        for i, r, n in zip(index, room, shape, strict=True)
    )


def _points(anatomy: Anatomy, box: tuple[slice, ...]) -> NDArray[np.float64]:
    """(..., 3) LPS mm of the voxels of a box."""
    k, j, i = np.meshgrid(*(np.arange(s.start, s.stop) for s in box), indexing="ij")
    return anatomy.grid.to_world(np.stack([i, j, k], axis=-1))


def _sample(points: NDArray[np.float64], most: int = SAMPLED) -> NDArray[np.float64]:
    return points[:: max(1, len(points) // most)]


def _triple(vector: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (round(float(v), 4) for v in vector)
    return x, y, z
