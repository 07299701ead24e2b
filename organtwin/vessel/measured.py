"""The tree of a vessel with everything measured along it: from a mask, and from the scan where there is one.

The tree is found in the voxels (:mod:`organtwin.vessel.centerline`), rooted where the blood comes from and named. Its lines
are then drawn to the middles of the sections across them, which are those of a smooth sub-voxel surface
(:mod:`organtwin.vessel.lumen`) in planes at right angles to the line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from organtwin.errors import BadInput
from organtwin.model import Branch, Centerline, Volume, structure
from organtwin.space import Grid
from organtwin.vessel import centerline, naming
from organtwin.vessel.findings import of_line
from organtwin.vessel.lumen import RAYS, Lumen, angles, box_of
from organtwin.vessel.morphometry import Sections, measures
from organtwin.vessel.openings import Opening
from organtwin.vessel.polyline import Points, carried_axes, curvature, distances, even, smooth, tangents

Numbers = NDArray[np.float64]
Progress = Callable[[float, str], None]

ROUNDS = 3  # of centring
CALM = 0.7  # of the radius: how far the line is smoothed
REACH = 4.0  # radii: how far a wall is looked for
ROUNDED = 1.1  # radii: as far from an end the vessel may be rounded off
IN_VIEW = 0.85  # of an outline: where less is met, the section is not used
AT_FORK = 1.15  # times the outline beyond a fork is the most that a section at the fork is taken to be
SEEN = 0.75  # of the voxels must be near the line: else it goes round a ring
BEND_SPAN = 1.0  # radii over which curvature is taken
VEINS = ("inferior_vena_cava", "superior_vena_cava", "hepatic_vein", "portal_vein")


@dataclass(eq=False)
class _Twig:
    """A branch in the making; its first point is the last one of its parent."""

    points: Points
    radius: Numbers
    parent: int
    name: str = ""
    ends: bool = False


def of_mask(
    mask: NDArray[np.bool_],
    grid: Grid,
    key: str,
    *,
    name: str = "",
    volume: Volume | None = None,
    inlet_mm: tuple[float, float, float] | None = None,
    progress: Progress = lambda fraction, what: None,
    **source: str,
) -> Centerline:
    """The measured tree of one vessel.

    Parameters
    ----------
    mask : (nk, nj, ni) bool
        On ``grid``. Of several pieces the largest is taken, and a note says what is left out.
    key : str
        Of the structure: it decides how branches are named.
    volume : Volume, optional
        On the same grid: outlines are moved to the edges in it.
    inlet_mm : (3,), optional
        Near the end that blood comes from; by default the structure says which that is.
    source : str
        ``segmentation``, ``surface`` or ``mesh``: the uuid of what it is of.

    Raises
    ------
    BadInput
        For a mask without a middle line: empty, a ball, a closed ring.
    """
    what = structure(key).name
    main, notes = _one_piece(mask, grid, what)
    low, high = box_of(main, 1)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    progress(0.02, "tree of the vessel")
    rough = centerline.extract(
        main[box],
        grid.crop(low[::-1], high[::-1]),
        min_radius_mm=0.5 * float(grid.spacing_mm.min()),
        progress=lambda f, text: progress(0.02 + 0.4 * f, text),
    )
    rings = _rings(main[box])
    _refuse_ring(rough, main[box], grid.crop(low[::-1], high[::-1]), rings, what)
    if rings:
        notes.append(
            f"{what} goes round {rings} loop{'s' if rings > 1 else ''} (walls that touch, or a graft): "
            "of each only the deeper way is followed."
        )
    lumen = Lumen.of(main, grid, volume)
    twigs = _twigs(_rooted(rough, key, inlet_mm), lumen)
    thin = 2 * float(np.median(np.concatenate([t.radius for t in twigs])))
    if thin < 2.5 * float(grid.spacing_mm.max()):
        notes.append(
            f"{what} is only about {thin / float(grid.spacing_mm.max()):.1f} voxels wide: its diameters are uncertain by half a voxel."
        )
    for number, twig in enumerate(twigs):
        progress(0.45 + 0.35 * number / len(twigs), "middle of the vessel")
        _centre(twig, twigs, lumen)
    progress(0.8, "sections")
    return _described(twigs, lumen, key, name or what, tuple(notes), progress, source)


def _one_piece(mask: NDArray[np.bool_], grid: Grid, what: str) -> tuple[NDArray[np.bool_], list[str]]:
    labels, count = ndimage.label(mask, np.ones((3, 3, 3)))
    if count == 0:
        raise BadInput(f"{what} has no voxels", remedy="Segment it first.")
    if count == 1:
        return mask, []
    sizes = np.bincount(labels.ravel())[1:]
    best = int(sizes.argmax())
    left = 1e-3 * (sizes.sum() - sizes[best]) * grid.voxel_volume_mm3
    others = "another one" if count == 2 else f"{count - 1} others"
    note = f"{what} is in {count} pieces: the largest is measured, {others} of {left:.1f} mL together {'is' if count == 2 else 'are'} not."
    return np.asarray(labels == best + 1), [note]


def _rings(mask: NDArray[np.bool_]) -> int:
    """How many times the mask goes round a hole."""
    from skimage.measure import euler_number

    padded = np.pad(mask, 1)
    _, pieces = ndimage.label(padded, np.ones((3, 3, 3)))
    _, outside = ndimage.label(~padded)
    return int(pieces + outside - 1 - euler_number(padded, connectivity=3))


def _refuse_ring(line: centerline.Centerline, mask: NDArray[np.bool_], grid: Grid, rings: int, what: str) -> None:
    if not rings:
        return
    voxels = np.argwhere(mask)
    if len(voxels) > 20_000:
        voxels = voxels[:: len(voxels) // 20_000 + 1]
    away, near = cKDTree(line.points_mm).query(grid.to_world(voxels[:, ::-1]))
    seen = float(
        (away < 2.0 * np.maximum(line.radii_mm[near], float(grid.spacing_mm.max())) + grid.spacing_mm.max()).mean()
    )
    if seen < SEEN:
        raise BadInput(
            f"{what} is closed to a ring: it has no end that blood could come from",
            remedy="Cut it open, or take away what joins its ends.",
        )


# -- the tree ---------------------------------------------------------------------------------------------------------


def _rooted(
    line: centerline.Centerline, key: str, inlet_mm: tuple[float, float, float] | None
) -> tuple[centerline.Centerline, dict[int, Opening]]:
    """The tree with its root where the blood comes from (of veins: where it goes to), and its ends with their names."""
    found = []
    for end in line.ends.tolist():
        path = line.from_end(end)
        radius = float(np.median(line.radii_mm[path[: max(3, len(path) // 20)]]))
        far = path[min(len(path) - 1, max(1, int(2 * radius / max(line.length(path) / len(path), 1e-6))))]
        out = line.points_mm[end] - line.points_mm[far]
        found.append(Opening(end, line.points_mm[end], out / max(np.linalg.norm(out), 1e-9), np.pi * radius**2))
    named = naming.named(found, line, key)
    role = "outlet" if key in VEINS and key != "portal_vein" else "inlet"
    first = next((o for o in named if o.role == role), named[0])
    if inlet_mm is not None:
        nearest = min(named, key=lambda o: float(np.linalg.norm(o.centre_mm - np.asarray(inlet_mm))))
        if nearest is not first:
            named = [replace(nearest, name="inlet"), *(o for o in named if o is not nearest and o is not first),
                     replace(first, name=nearest.name if nearest.name != "inlet" else "outlet")]  # fmt: skip
            first = named[0]
    return _turned(line, first.end), {o.end: o for o in named}


def _turned(line: centerline.Centerline, root: int) -> centerline.Centerline:
    """The same tree hanging from another point."""
    parents = line.parents.copy()
    way = line.path_to_root(root)
    parents[way[1:]] = way[:-1]
    parents[root] = -1
    return replace(line, parents=parents)


def _twigs(rooted: tuple[centerline.Centerline, dict[int, Opening]], lumen: Lumen) -> list[_Twig]:
    """Branches from fork to fork, parents first, drawn out to where the vessel ends."""
    line, openings = rooted
    children: list[list[int]] = [[] for _ in line.parents]
    for point, parent in enumerate(line.parents.tolist()):
        if parent >= 0:
            children[parent].append(point)
    root = int(np.flatnonzero(line.parents < 0)[0])
    twigs: list[_Twig] = []
    queue = [([root], -1)]
    for chain, parent in queue:
        while len(children[chain[-1]]) == 1:
            chain.append(children[chain[-1]][0])
        points, radius = line.points_mm[chain], line.radii_mm[chain]
        end = chain[-1]
        leaf = not children[end]
        if parent < 0:
            points = _to_the_end(points[::-1], float(np.median(radius[:5])), lumen)[::-1]
        if leaf:
            points = _to_the_end(points, float(np.median(radius[-5:])), lumen)
        _, near = cKDTree(line.points_mm[chain]).query(points)
        twigs.append(_Twig(points, radius[near], parent, openings[end].name if leaf else "", leaf))
        queue += [([end, child], len(twigs) - 1) for child in children[end]]
    if not twigs[0].name:
        twigs[0].name = openings[root].name
    return twigs


def _to_the_end(points: Points, radius: float, lumen: Lumen) -> Points:
    """The line led straight on from its last point to the wall that closes the vessel, or to the edge of the scan."""
    back = min(len(points) - 1, max(2, int(2 * radius / max(float(np.linalg.norm(points[-1] - points[-2])), 1e-6))))
    ahead = points[-1] - points[-1 - back]
    ahead = ahead / max(float(np.linalg.norm(ahead)), 1e-9)
    steps = np.arange(lumen.step_mm, 3.0 * radius + 3 * float(lumen.grid.spacing_mm.max()), lumen.step_mm)
    places = points[-1] + steps[:, None] * ahead
    index = lumen.grid.to_index(places)
    within = ((index > -0.5) & (index < np.asarray(lumen.grid.size) - 0.5)).all(axis=1)
    inside = (lumen.at(places) > 0.5) & within
    far = len(steps) if inside.all() else int(inside.argmin())
    if far < 1:
        return points
    return np.vstack([points, places[:far]])


# -- the middle --------------------------------------------------------------------------------------------------------


def _step(radius: float, lumen: Lumen) -> float:
    return max(0.5 * float(lumen.grid.spacing_mm.min()), 0.1 * radius)


def _centre(twig: _Twig, twigs: list[_Twig], lumen: Lumen) -> None:
    """Draw the line to the middles of its sections; the first point follows the parent."""
    if twig.parent >= 0:
        start = twigs[twig.parent].points[-1]
        rest = twig.points[1:] if len(twig.points) > 2 else twig.points[-1:]
        twig.points, twig.radius = np.vstack([start, rest]), np.r_[twig.radius[0], twig.radius[-len(rest) :]]
    typical = float(np.median(twig.radius))
    step = _step(typical, lumen)
    for _ in range(ROUNDS):
        line, radius = _evened(twig, step)
        if twig.parent < 0:
            line = _straight_end(line[::-1], typical)[::-1]
        if twig.ends:
            line = _straight_end(line, typical)
        line = smooth(line, CALM * typical / step)
        way = tangents(line)
        up = carried_axes(way)
        outline = lumen.outlines(line, way, up, REACH * radius + 2 * float(lumen.grid.spacing_mm.max()))
        moved = _offset(outline, way, up)
        clear = np.isfinite(moved[:, 0]) & (np.linalg.norm(moved, axis=1) < radius)
        if twig.parent >= 0:
            clear &= distances(line) > 1.3 * radius[0]
        if not twig.ends:
            clear &= distances(line)[-1] - distances(line) > radius[-1]
        along = distances(line)
        if clear.any():
            moved = np.stack([np.interp(along, along[clear], moved[clear, k]) for k in range(3)], axis=1)
            if twig.parent >= 0:
                moved *= np.clip(along / max(1.3 * float(radius[0]), step), 0, 1)[:, None]
            line = line + moved
            radius = np.interp(along, along[clear], np.sqrt(np.nanmean(outline[clear] ** 2, axis=1)))
        twig.points, twig.radius = smooth(line, CALM * typical / step), radius
    twig.points, twig.radius = _evened(twig, step)


def _straight_end(line: Points, radius: float) -> Points:
    """The line led straight on where the vessel is rounded off: there is no middle to be found there."""
    left = distances(line)[-1] - distances(line)
    rounded = left < ROUNDED * radius
    first = int(rounded.argmax())
    back = int((left < 3.0 * ROUNDED * radius).argmax())
    if first - back < 2:
        return line
    before = line[back:first]
    way = np.linalg.svd(before - before.mean(axis=0), full_matrices=False)[2][0]
    way = way * np.sign(way @ (before[-1] - before[0]))
    out = line.copy()
    out[first:] = line[first - 1] + (left[first - 1] - left[first:])[:, None] * way
    return out


def _evened(twig: _Twig, step: float) -> tuple[Points, Numbers]:
    along = distances(twig.points)
    line = even(twig.points, step)
    return line, np.interp(np.linspace(0, along[-1], len(line)), along, twig.radius)


def _offset(outline: Numbers, way: Points, up: Points) -> Points:
    """(n, 3) from the points to the middles of their outlines; NaN where most of the outline is missing."""
    a = angles()
    there = np.isfinite(outline)
    r = np.where(there, outline, 0.0)
    # the centroid of a fan of triangles about the point
    area = np.maximum((r**2).sum(axis=1), 1e-12)
    x = (2 / 3) * (r**3 * np.cos(a)).sum(axis=1) / area
    y = (2 / 3) * (r**3 * np.sin(a)).sum(axis=1) / area
    out = x[:, None] * up + y[:, None] * np.cross(way, up)
    out[there.sum(axis=1) < 0.9 * RAYS] = np.nan
    return np.asarray(out)


# -- what is measured --------------------------------------------------------------------------------------------------


def _described(
    twigs: list[_Twig],
    lumen: Lumen,
    key: str,
    name: str,
    notes: tuple[str, ...],
    progress: Progress,
    source: dict[str, str],
) -> Centerline:
    clear = _clear(twigs)
    parts: list[Sections] = []
    at_end: list[float] = []
    ups: list[Points] = []
    branches: list[Branch] = []
    seen: list[tuple[float, int]] = []
    first = 0
    names = _names(twigs, key)
    for number, twig in enumerate(twigs):
        progress(0.8 + 0.18 * number / len(twigs), f"sections of {names[number]}")
        line = twig.points
        way = tangents(line)
        up = carried_axes(way, ups[twig.parent][-1] if twig.parent >= 0 else None)
        ups.append(up)
        outline = lumen.outlines(line, way, up, REACH * twig.radius + 2 * float(lumen.grid.spacing_mm.max()))
        clear[number] &= np.isfinite(outline).mean(axis=1) > IN_VIEW
        clear[number] &= ~_along_itself(line, way, up, outline, twig.radius)
        outline = _whole(outline, clear[number], distances(line), twig.radius)
        refined, share = lumen.refined(line, way, up, outline)
        if lumen.image is not None:
            seen.append((share, len(line)))
            outline = _whole(
                np.where(clear[number][:, None], refined, outline), clear[number], distances(line), twig.radius
            )
        outline = outline - lumen.filled_in(outline, line, way)[:, None]
        start = at_end[twig.parent] if twig.parent >= 0 else 0.0
        along = start + distances(line)
        at_end.append(float(along[-1]))
        step = max(float(np.median(np.diff(along))), 1e-6)
        bent = curvature(smooth(line, max(1.0, BEND_SPAN * float(np.median(twig.radius)) / step)))
        parts.append(measures(line, along, way, up, outline, clear[number], bent))
        last = first + len(line) - 1
        branches.append(
            Branch(
                name=names[number],
                parent=twig.parent,
                cap=twig.name if twig.ends else "",
                first=first,
                last=last,
                radius_mm=float(np.median(parts[-1].diameter[parts[-1].clear])) / 2
                if parts[-1].clear.any()
                else float(np.median(parts[-1].diameter)) / 2,
            )
        )
        first = last + 1
    every = Sections.joined(parts)
    if seen:
        share = sum(s * n for s, n in seen) / sum(n for _, n in seen)
        notes = (
            *notes,
            f"The scan shows the wall on {100 * share:.0f} % of the outlines; the rest is as it was segmented.",
        )
    made = Centerline(
        name=name,
        structure=key,
        inlet=twigs[0].name or "inlet",
        branches=tuple(branches),
        points_mm=every.points,
        distance_mm=every.along,
        radius_mm=every.ball,
        area_mm2=every.area,
        tangent=every.tangent,
        up=every.up,
        outline_mm=every.outline.astype(np.float32),
        least_mm=every.least,
        most_mm=every.most,
        circularity=every.circularity,
        curvature_per_mm=every.bent,
        clear=every.clear,
        notes=notes,
        **source,
    )
    progress(0.99, "narrow and wide places")
    return made.with_(findings=of_line(made, float(lumen.grid.spacing_mm.max())))


def _clear(twigs: list[_Twig]) -> list[NDArray[np.bool_]]:
    """Of each branch, the points whose sections meet neither another branch nor the rounding of an end."""
    out = []
    for number, twig in enumerate(twigs):
        line, radius = twig.points, twig.radius
        clear = np.ones(len(line), bool)
        others = [t for k, t in enumerate(twigs) if k != number]
        if others:
            every = np.concatenate([t.points for t in others])
            wide = np.concatenate([t.radius for t in others])
            near = cKDTree(every).query_ball_point(line, float(wide.max() + 0.4 * radius.max()))
            for n, those in enumerate(near):
                if those:
                    away = np.linalg.norm(every[those] - line[n], axis=1)
                    clear[n] = not (away < np.minimum(wide[those], 3 * radius[n]) + 0.4 * radius[n]).any()
        along = distances(line)
        if twig.parent < 0:
            clear &= along >= min(ROUNDED * np.median(radius), 0.25 * along[-1])
        if twig.ends:
            clear &= along[-1] - along >= min(ROUNDED * np.median(radius), 0.25 * along[-1])
        out.append(clear)
    return out


def _along_itself(line: Points, way: Points, up: Points, outline: Numbers, radius: Numbers) -> NDArray[np.bool_]:
    """Points whose sections hold another part of the same branch: in a sharp bend the plane runs along the vessel."""
    along = distances(line)
    side = np.cross(way, up)
    out = np.zeros(len(line), bool)
    step = float(np.median(np.diff(along)))
    for n in range(len(line)):
        to = line - line[n]
        far = (np.abs(along - along[n]) > 1.5 * radius[n]) & (np.abs(to @ way[n]) < step)
        if not far.any():
            continue
        x, y = to[far] @ up[n], to[far] @ side[n]
        ray = np.round(np.arctan2(y, x) / (2 * np.pi) * RAYS).astype(int) % RAYS
        wall = outline[n, ray]
        out[n] = bool((np.hypot(x, y) < np.where(np.isfinite(wall), wall, np.inf)).any())
    return out


def _whole(outline: Numbers, clear: NDArray[np.bool_], along: Numbers, radius: Numbers) -> Numbers:
    """Outlines without gaps; at forks, not wider than what is beyond them."""
    out = outline.copy()
    whole = np.isfinite(out).sum(axis=1) >= 0.5 * RAYS
    for n in np.flatnonzero(whole):
        gap = ~np.isfinite(out[n])
        if gap.any():
            a = angles()
            out[n, gap] = np.interp(a[gap], a[~gap], out[n, ~gap], period=2 * np.pi)
    good = clear & whole
    if not good.any():
        good = whole
    if not good.any():
        return np.repeat(radius[:, None], RAYS, axis=1)
    beside = np.stack([np.interp(along, along[good], out[good, k]) for k in range(RAYS)], axis=1)
    limited = np.where(np.isfinite(out), np.minimum(out, AT_FORK * beside), beside)
    return np.where(good[:, None], out, limited)


def _names(twigs: list[_Twig], key: str) -> list[str]:
    """What branches are called: an end's own name, else the vessel's, numbered along the flow where it forks on."""
    trunk = structure(key).name.lower() if key not in ("blood_pool", "vessel") else "vessel"
    below: list[list[str]] = [[] for _ in twigs]
    for twig in twigs:
        up = twig.parent
        while up >= 0 and twig.ends:
            below[up].append(twig.name)
            up = twigs[up].parent
    out: list[str] = []
    main = _main_way(twigs)
    number = 0
    for at, twig in enumerate(twigs):
        if twig.ends and not (at in main and (twig.name in ("descending", "outlet", "inlet") or at == 0)):
            out.append(twig.name)
        elif at in main:
            number += 1
            out.append(trunk if number == 1 else f"{trunk} {number}")
        else:
            out.append(" + ".join(sorted(below[at])) or f"branch {at + 1}")
    return out


def _main_way(twigs: list[_Twig]) -> set[int]:
    """The branches from the root on along the widest child, as long as it stays two thirds as wide."""
    way = {0}
    at = 0
    while True:
        below = [k for k, t in enumerate(twigs) if t.parent == at]
        if not below:
            return way
        best = max(below, key=lambda k: float(np.median(twigs[k].radius)))
        if np.median(twigs[best].radius) < 0.66 * np.median(twigs[at].radius):
            return way
        if len([k for k in below if np.median(twigs[k].radius) > 0.8 * np.median(twigs[best].radius)]) > 1:
            return way
        way.add(best)
        at = best
