"""One lesion around a click: what differs from the organ around it, is connected to the click, and is compact.

The brightness of the organ around is measured first. A lesion differs from it by more than a threshold; the lowest threshold
at which the connected part that holds the click is a compact body, and not a leak, is taken. Its border is then put half way
between the organ and the outer part of the lesion (a necrotic core does not move it), starting anew from its deepest place. Last
the whole is asked once more from the core of what was found, so that it matters little where in the lesion the click was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.segment import regions
from organtwin.segment.lesion.window import Window
from organtwin.segment.regions import Mask

Floats = NDArray[np.float32]

WINDOWS_MM = (18.0, 32.0, 55.0, 90.0)  # half width of what is looked at; wider where the lesion fills it
NOISE_MM, EDGE_MM = 1.6, 0.9  # noise is averaged over this distance to find a lesion, and its border
SHARES = (0.35, 0.45, 0.55, 0.65, 0.75, 0.85)  # of the contrast at the click: thresholds tried in turn
LEAST_SPREADS = 2.0  # a threshold is at least so many times the spread of the organ's values
CLICK_MM = 2.0  # what is looked at under a click
CLIMB_MM = 3.0  # over this distance the scan is evened for the way from the click into the depth
VERY_GOOD, GOOD, LEAST_SCORE = 0.6, 0.45, 0.1  # scores at which nothing else, and no wider window, is tried; the least
TOO_BRIGHT = 1.8  # so many times the contrast at the click is something else
LEAST_OPEN = 0.4  # of its surface a lesion turns to the organ, the rest to what lies outside
FLAT_MM = 30.0  # thinner than this, a scan cuts most lesions: that they reach its faces says nothing
SMALL_MM = 4.0
KEEP = 0.8  # of the score: what is found in a wider window is taken where the narrower one cut something
RING_MM = 15.0
AGAIN, CORE = 3, 0.5  # so often is the lesion asked from its core: deeper than this part of its depth
WIDER = (1.0, 1.6)  # windows that are tried for it
HELD = 0.75  # a body that holds this part of the core of another ...
ENCLOSES, WHOLE = 2.0, 0.6  # ... is so many times as large, and has this part of its score, is the whole
COMPACT = 0.5  # radius of the largest ball inside over that of a ball of the same volume
NECKS = (0.3, 0.5, 0.7)  # what is thinner than this part of the largest ball and sticks out is none of it
LEAK = 1.05  # such a part is cut off where the score is so many times better without
OUTER_MM = 4.0  # the outer part of a lesion is as thick
DENSE = 5.0  # bright knots (calcified, or an agent that stayed) differ by so many times ...
DENSE_HU = 120.0  # ... and in CT by at least this
KNOT_MM, KNOT_SHARE = 8.0, 0.4


@dataclass(frozen=True)
class Lesion:
    """``mask`` (nk, nj, ni), empty where nothing stands out; ``doubt`` in words; ``contrast`` to the organ, in units of the
    scan."""

    mask: Mask
    doubt: str = ""
    contrast: float = 0.0


def lesion(
    values: Floats, seeds: NDArray[np.int64], spacing_mm: NDArray[np.float64], organ: Mask | None = None,
    taken: Mask | None = None, reach_mm: float = 60.0,
) -> Lesion:  # fmt: skip
    """The lesion that holds the seeds.

    Parameters
    ----------
    values : (nk, nj, ni) float32
        The scan around the seeds.
    seeds : (n, 3) int
        Voxels k, j, i.
    organ, taken : (nk, nj, ni) bool, optional
        The organ that the lesion lies in (it may lack the lesion), and what belongs to others.
    reach_mm : float
        The largest radius.
    """
    scan = _Scan(values, spacing_mm, organ, taken, reach_mm)
    best = _at(scan, seeds)
    if best is None or best[1].score <= GOOD:
        deeper = _at(scan, seeds, climb=True)
        if deeper is not None and (best is None or deeper[1].score > best[1].score) and _holds(*deeper, seeds) > 0:
            best = deeper
    if best is None:
        return Lesion(np.zeros(values.shape, bool), "nothing there stands out from its surroundings")
    window, found = best
    mask = np.zeros(values.shape, bool)
    mask[window.box] = window.back(found.mask)
    return Lesion(mask, _doubt(found), found.contrast)


@dataclass(frozen=True)
class _Scan:
    """What is looked at: see :func:`lesion`."""

    values: Floats
    spacing_mm: NDArray[np.float64]
    organ: Mask | None
    taken: Mask | None
    reach_mm: float


def _at(scan: _Scan, seeds: NDArray[np.int64], climb: bool = False) -> tuple[Window, _Body] | None:
    """The best body at the seeds, of the narrowest window that holds it, asked once more from its core."""
    centre = np.rint(seeds.mean(0)).astype(np.int64)
    best: tuple[Window, _Body] | None = None
    most, cut = 0.0, False
    for half_mm in WINDOWS_MM:
        window = Window.around(scan.values, centre, scan.spacing_mm, half_mm)
        found = _in_window(window, scan, seeds, climb)
        if found is not None and found.score > (most if not cut else KEEP * most):
            best, most, cut = (window, found), found.score, found.cut
        if (most > GOOD and not cut) or half_mm >= scan.reach_mm + 5.0:
            break
    return None if best is None else _from_its_core(scan, *best)


def _from_its_core(scan: _Scan, window: Window, found: _Body) -> tuple[Window, _Body]:
    """The lesion asked anew from its core with as much of the organ in view as it needs: the click itself is forgotten.

    A part of a lesion (its necrosis, or where an agent stayed) taken for the whole is found out so: seen from farther away, a
    larger body is around it.
    """
    part = window, found
    for _ in range(AGAIN):
        again = _wider(scan, window, found)
        if again is None:
            break
        window, found = again
    return (window, found) if found.score >= WHOLE * part[1].score else part


def _wider(scan: _Scan, window: Window, found: _Body) -> tuple[Window, _Body] | None:
    """The body at the core of one that was found, where it is as good as that, or encloses it."""
    depth = regions.distance_mm(~found.bare, window.spacing)
    deepest = float(depth.max())
    centre = np.array(np.unravel_index(int(depth.argmax()), depth.shape))
    off = np.argwhere(found.mask) - centre
    half_mm = float(np.sqrt((off**2).sum(1).max())) * window.mm + max(RING_MM, deepest)
    core = window.voxels(np.argwhere(depth > CORE * deepest))
    size = np.count_nonzero(found.mask) * window.mm**3
    for part in WIDER:
        wider = Window.around(scan.values, window.voxels(centre[None])[0], scan.spacing_mm, part * half_mm)
        again = _in_window(wider, scan, core)
        if again is None:
            continue
        held = _holds(wider, again, core)
        larger = held > HELD and np.count_nonzero(again.mask) * wider.mm**3 > ENCLOSES * size
        encloses = larger and (again.contrast < 0 or found.contrast > 0)  # a dark part of something bright: a cyst
        if (held > 0.5 and again.score >= KEEP * found.score) or encloses:
            return wider, again
    return None


def _holds(window: Window, body: _Body, voxels: NDArray[np.int64]) -> float:
    """Which part of the voxels of the scan a body holds."""
    index = window.index(voxels)
    return float(np.count_nonzero(body.mask[tuple(index.T)])) / len(voxels)


@dataclass(frozen=True)
class _Body:
    """A candidate, on its window. ``score``: how compact it is times how much of its surface faces healthy organ."""

    mask: Mask
    score: float
    contrast: float = 0.0
    neck: float = 0.3
    cut: bool = False  # at a lower threshold something larger is there that the window does not hold
    knots: Mask | None = None  # the part of the mask that dense knots are

    @property
    def bare(self) -> Mask:
        return self.mask if self.knots is None else self.mask & ~self.knots


def _doubt(body: _Body) -> str:
    return "" if body.score > GOOD else "its border is not clear all around, or its shape is irregular"


@dataclass(frozen=True)
class _Look:
    """A window: how much every voxel differs from the organ, at two scales; its spread; where a lesion may be."""

    mm: float
    calm: Floats
    fine: Floats
    spread: float
    allowed: Mask

    @property
    def spacing(self) -> NDArray[np.float64]:
        return np.full(3, self.mm)


def _in_window(window: Window, scan: _Scan, seeds: NDArray[np.int64], climb: bool = False) -> _Body | None:
    """What is found in one window; None also where the window does not hold all of it."""
    image, reach_mm = window.cut(scan.values), scan.reach_mm
    start = np.zeros(image.shape, bool)
    start[tuple(window.index(seeds).T)] = True
    start = regions.grown(start, CLICK_MM, window.spacing)
    mine = None if scan.organ is None else window.cut(scan.organ) > 0.5
    others = None if scan.taken is None else window.cut(scan.taken) > 0.5
    look = _look(image, start, mine, others, window)
    if look is None or not (start & look.allowed).any():
        return None
    if climb:
        start = _into_the_depth(look, start)
    contrast = float(np.median(look.calm[start & look.allowed]))
    if abs(contrast) < LEAST_SPREADS * look.spread:
        ring = _ring_around(look, start)
        if ring is None:
            return None
        start, contrast = ring, float(np.median(look.calm[ring]))
    body = None
    if contrast > max(DENSE * look.spread, DENSE_HU):  # a click on a knot: the dark body beside it, if there is one
        body = _dark_body_beside(look, start, reach_mm)
    if body is None:
        body = _body(look, 1.0 if contrast > 0 else -1.0, abs(contrast), start, reach_mm)
    if body is None:
        return None
    whole = _with_knots(look, body.mask) if body.contrast < 0 else body.mask
    return replace(body, mask=whole, knots=whole & ~body.mask)


def _into_the_depth(look: _Look, start: Mask) -> Mask:
    """The click moved to where, uphill all the way, the scan differs most from the organ."""
    broad = ndimage.gaussian_filter(np.where(look.allowed, look.calm, 0), CLIMB_MM / look.mm, truncate=3)
    sign = 1.0 if float(np.median(look.calm[start & look.allowed])) > 0 else -1.0
    top = np.zeros_like(start)
    top[_uphill(sign * broad, start & look.allowed)] = True
    moved = regions.grown(top, CLICK_MM, look.spacing) & look.allowed
    return moved if moved.any() else start


def _look(image: Floats, start: Mask, organ: Mask | None, others: Mask | None, window: Window) -> _Look | None:
    """Measure the organ around the click."""
    from organtwin.segment.lesion.surroundings import surroundings

    mm = window.mm
    around = surroundings(image, start, organ, others, mm)
    if around is None:
        return None
    inside = around.allowed.astype(np.float32)
    smooth = []
    for sigma_mm in (NOISE_MM, EDGE_MM):
        sigma = sigma_mm / mm
        weight = ndimage.gaussian_filter(inside, sigma, truncate=3)
        total = ndimage.gaussian_filter(image * inside, sigma, truncate=3)
        smooth.append(np.where(weight > 0.02, total / np.maximum(weight, 0.02), image) - around.level)
    healthy = around.healthy & (np.abs(smooth[0]) < 3 * around.spread)
    spread = float(1.4826 * np.median(np.abs(smooth[0][healthy]))) if healthy.any() else around.spread
    return _Look(mm, smooth[0], smooth[1], max(spread, 1e-3), around.allowed)


def _body(look: _Look, sign: float, contrast: float, start: Mask, reach_mm: float) -> _Body | None:
    """The best body at the click, its border half way down."""
    best: _Body | None = None
    tried, cut = 0.0, False
    differs = sign * look.calm
    brightest = TOO_BRIGHT * contrast if sign > 0 else np.inf  # vessels are often brighter than a bright lesion
    for share in SHARES:
        level = max(share * contrast, LEAST_SPREADS * look.spread)
        if level == tried:
            continue
        tried = level
        candidate = (differs > level) & (differs < brightest)
        for neck in NECKS:
            mask = _compact_part(look, candidate, start, neck)
            score = 0.0 if mask is None else _score(mask, look, sign, reach_mm)
            if mask is not None and score > (best.score + 0.05 if best else LEAST_SCORE):
                best = _Body(mask, score, sign * contrast, neck, cut)
            if mask is None or score > GOOD:
                break
        cut = cut or (score == 0.0 and mask is not None and _reaches_faces(mask, look))
        if best is not None and best.score > VERY_GOOD:
            break
    return None if best is None else _with_border(look, sign, best, reach_mm)


def _reaches_faces(mask: Mask, look: _Look) -> bool:
    """Whether the window (where it is no thin scan) cuts it."""
    rim = max(1, int(0.05 * min(mask.shape)))
    box = regions.bounding_box(mask, mask.shape, 0)
    sides = () if box is None else zip(box, mask.shape, strict=True)
    return any(s.start < rim or s.stop > n - rim for s, n in sides if n * look.mm > FLAT_MM)


def _ring_around(look: _Look, start: Mask) -> Mask | None:
    """What stands out all around a click that itself looks like the organ: a lesion with such a core."""
    near = regions.grown(start, RING_MM, look.spacing) & look.allowed
    for sign in (-1.0, 1.0):
        ring = near & (sign * look.calm > LEAST_SPREADS * look.spread)
        ring = regions.without_islands(ring, 50.0, look.mm**3)
        core = regions.filled(regions.closed(ring, 2.0, look.spacing)) & ~ring
        if (core & start).sum() > 0.5 * start.sum():
            return regions.connected_to(
                ring, regions.grown(regions.connected_to(core, start), 1.5 * look.mm, look.spacing) & ring
            )
    return None


def _with_border(look: _Look, sign: float, best: _Body, reach_mm: float) -> _Body:
    """Its border moved to half way between the organ and its own outer part, beginning at its deepest place."""
    differs = sign * look.fine
    for _ in range(3):
        depth = regions.distance_mm(~best.mask, look.spacing)
        deepest = float(depth.max())
        if deepest > SMALL_MM:
            full = float(np.median(differs[(depth > 1.0) & (depth < max(OUTER_MM, 0.35 * deepest))]))
        else:  # the blur takes from the contrast of a small one
            full = 1.1 * float(np.percentile(differs[best.mask], 90))
        core = depth > 0.7 * deepest
        near = regions.grown(best.mask, max(2.0, 0.25 * deepest), look.spacing)
        level = max(0.5 * full, 1.5 * look.spread)
        brightest = TOO_BRIGHT * full if sign > 0 else np.inf
        moved = _compact_part(look, ((differs > level) & (differs < brightest) & near) | core, core, best.neck)
        score = 0.0 if moved is None else _score(moved, look, sign, reach_mm)
        if moved is None or score < 0.8 * best.score:
            break
        same = np.count_nonzero(moved ^ best.mask) < 0.01 * np.count_nonzero(best.mask)
        best = replace(best, mask=moved, score=score)
        if same:
            break
    return _without_leaks(look, sign, best, reach_mm)


def _without_leaks(look: _Look, sign: float, best: _Body, reach_mm: float) -> _Body:
    """Cut at a neck where what is left faces more of healthy organ than the whole."""
    for neck in NECKS:
        cut = _compact_part(look, best.mask, best.mask, neck) if neck > best.neck else None
        score = 0.0 if cut is None else _score(cut, look, sign, reach_mm)
        if cut is not None and score > LEAK * best.score:
            best = replace(best, mask=cut, score=score, neck=neck)
    return best


def _compact_part(look: _Look, candidate: Mask, start: Mask, neck: float) -> Mask | None:
    """The part that holds the start, up to necks thinner than ``neck`` times the largest ball there."""
    candidate = candidate & look.allowed
    whole = regions.connected_to(candidate, start & candidate)
    box = regions.bounding_box(whole, whole.shape, 3)
    if box is None:
        return None
    part = regions.filled(regions.closed(whole[box], 1.3 * look.mm, look.spacing) & look.allowed[box])
    depth = regions.distance_mm(~part, look.spacing)
    local = _uphill(depth, start[box] & part)
    thick = max(0.7 * look.mm, neck * float(depth[local]))
    pieces, _ = ndimage.label(depth > thick)
    if not pieces[local]:
        body = part
    else:
        piece = pieces == pieces[local]
        body = regions.grown(piece, thick + 0.5 * look.mm, look.spacing) & part
        body = regions.filled(regions.connected_to(body, piece))
    if not (body & start[box]).any():
        return None
    out = np.zeros_like(candidate)
    out[box] = body
    return out


def _uphill(depth: Floats, start: Mask) -> tuple[int, int, int]:
    """From the deepest place of the start on to where no neighbour is deeper."""
    place = tuple(int(p) for p in np.unravel_index(int(np.argmax(np.where(start, depth, -np.inf))), depth.shape))
    while True:
        near = tuple(slice(max(0, p - 1), p + 2) for p in place)
        offset = np.unravel_index(int(np.argmax(depth[near])), depth[near].shape)
        there = tuple(int(s.start + o) for s, o in zip(near, offset, strict=True))
        if depth[there] <= depth[place]:
            return place[0], place[1], place[2]
        place = there


def _score(mask: Mask, look: _Look, sign: float, reach_mm: float) -> float:
    """0 to 1: how compact a body is, times how much of what lies around it is healthy organ; 0 where it is cut or too large."""
    if not mask.any() or _reaches_faces(mask, look):
        return 0.0
    radius = (0.75 / np.pi * np.count_nonzero(mask)) ** (1 / 3) * look.mm
    if radius > reach_mm:
        return 0.0
    gap = max(1.5, 0.1 * radius)
    width = gap + max(2.0, 1.5 * look.mm)
    around = regions.bounding_box(mask, mask.shape, int(np.ceil(width / look.mm)) + 1)
    assert around is not None
    mask, allowed, differs = mask[around], look.allowed[around], sign * look.calm[around]
    depth = float(regions.distance_mm(~mask, look.spacing).max())
    if depth < COMPACT * radius:
        return 0.0
    off = regions.distance_mm(mask, look.spacing)
    shell = (off > gap) & (off <= width)
    beside = shell & allowed
    healthy = beside & (differs < 0.45 * float(np.median(differs[mask])))
    open_to = float(np.count_nonzero(beside)) / max(float(np.count_nonzero(shell)), 1.0)
    facing = float(np.count_nonzero(healthy)) / max(float(np.count_nonzero(beside)), 1.0)
    return min(1.0, depth / radius * 1.25) * facing**2 * min(1.0, open_to / LEAST_OPEN)


def _dark_body_beside(look: _Look, start: Mask, reach_mm: float) -> _Body | None:
    """The dark body that a dense knot under the click belongs to."""
    knots = regions.connected_to(look.fine > max(DENSE * look.spread, DENSE_HU), start)
    beside = regions.grown(knots | start, 6.0, look.spacing) & ~regions.grown(knots, 1.5, look.spacing) & look.allowed
    parts, count = ndimage.label(beside & (look.calm < -3 * look.spread))
    if not count:
        return None
    sizes = np.bincount(parts.ravel())[1:]
    if sizes.max() < 0.1 * np.count_nonzero(knots):
        return None
    largest = parts == 1 + int(np.argmax(sizes))
    body = _body(look, -1.0, abs(float(np.median(look.calm[largest]))), largest, reach_mm)
    return body if body is not None and (_with_knots(look, body.mask) & start).any() else None


def _with_knots(look: _Look, body: Mask) -> Mask:
    """With the dense knots that lie in its hull or at its border and are smaller than it."""
    dense = look.allowed & (look.fine > max(DENSE * look.spread, DENSE_HU))
    knots, count = ndimage.label(dense)
    if not count:
        return body
    hull = regions.closed(body, KNOT_MM, look.spacing)
    near = set(np.unique(knots[regions.grown(body, 2.5, look.spacing)]).tolist())
    sizes = np.bincount(knots.ravel(), minlength=count + 1)
    within = np.bincount(knots[hull], minlength=count + 1)
    size = np.count_nonzero(body)
    own = np.zeros(count + 1, bool)
    for knot in range(1, count + 1):
        own[knot] = within[knot] > KNOT_SHARE * sizes[knot] or (knot in near and sizes[knot] < size)
    joined = body | own[knots]
    if not own.any():
        return body
    return regions.filled(regions.closed(joined, 3.0, look.spacing) & look.allowed | joined)
