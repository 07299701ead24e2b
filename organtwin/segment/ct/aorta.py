"""The aorta, from its root to as far down as the scan shows it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.segment.ct.discs import DiscPath, best_path, disc_evidence
from organtwin.segment.ct.shape import bounding_box, largest_piece
from organtwin.segment.ct.tube import FloatArray, Mask, Section, Tube, find_wall, follow, paint, sections_along

if TYPE_CHECKING:
    from organtwin.segment.ct.context import CTContext

RADII_MM = (5.0, 6.5, 8.0, 9.5, 11.0, 12.5, 14.0, 16.0, 18.0, 21.0, 24.0)
SOFT_TISSUE_HU = 55.0
LEAST_CONTRAST_HU = 100.0  # blood without contrast is below 60
ROOM_ABOVE_MM = 12.0
MOST_BONE = 0.35
MOST_NOISE = 1.8  # times that of the scan: trabeculae vary by more
LEAST_SCORE, GOOD_SCORE = 0.9, 1.3
LEAST_CANAL, GOOD_CANAL = 0.4, 0.8
WIDE_MM = 21.0  # radius above which the aorta is an aneurysm, or no aorta
CEILING_HU = 180.0
LONGEST_STENOSIS_MM = 60.0
FORK_SHARE = 0.72  # of the usual radius: a branch of the fork is thinner
LEAST_CHAMBERS_ML = 15.0
ASCENT_MM = 40.0  # how far down from the top of the scan a cut ascending aorta is looked for


@dataclass(frozen=True)
class Aorta:
    """What was found of the aorta.

    Parameters
    ----------
    tube : Tube
    ascending : Tube or None
        The ascending part from above to the root, where the arch lies above the scan.
    mask : (nk, nj, ni) bool array
        On the full canonical grid.
    level_hu, noise_hu : float
        Median of the lumen and its robust standard deviation.
    arch : bool
        Whether it was followed over the arch into the ascending part.
    root_mm : (3,) float array or None
        Where the heart begins; None when the root is not in view or was not reached.
    confidence : float
    doubts : tuple of str
    """

    tube: Tube
    ascending: Tube | None
    mask: Mask
    level_hu: float
    noise_hu: float
    arch: bool
    root_mm: FloatArray | None
    confidence: float
    doubts: tuple[str, ...]

    @property
    def rising(self) -> FloatArray:
        """(n, 3) the ascending part from the root upwards; empty where there is none or its root is unknown."""
        if self.root_mm is None:
            return np.empty((0, 3))
        line = self.tube.line if self.ascending is None else self.ascending.line
        return line[int(line[:, 0].argmax()) :][::-1]


def tracking_image(context: CTContext) -> NDArray[np.float32]:
    """The working scan with contrast cut at 180 HU and everything from fat downwards at 0."""
    return ndimage.gaussian_filter(np.clip(context.hu, 0, CEILING_HU), 0.5)


def descending_path(context: CTContext, canal: DiscPath) -> DiscPath:
    """The descending aorta as one disc per slice, in front and to the left of the spine."""
    pixel = float(context.spacing_mm[1])
    _, nj, ni = context.hu.shape
    j0 = max(0, int(canal.centre[:, 0].min() - 110 / pixel))
    j1 = min(nj, int(canal.centre[:, 0].max()) + 1)
    i0 = max(0, int(canal.centre[:, 1].min() - 45 / pixel))
    i1 = min(ni, int(canal.centre[:, 1].max() + 70 / pixel))
    window = ndimage.gaussian_filter(np.clip(context.hu[:, j0:j1, i0:i1], 0, CEILING_HU), (1, 0, 0))
    score = disc_evidence(window, pixel, RADII_MM)
    front = (canal.centre[:, 0, None, None] - np.arange(j0, j1)[None, :, None]) * pixel
    left = (np.arange(i0, i1)[None, None] - canal.centre[:, 1, None, None]) * pixel
    prior = np.where(np.hypot(front - 26, left) < 20, -4.0, 0.0)  # the vertebral body
    prior = prior - 0.5 * ((front - np.clip(front, 15, 75)) / 8) ** 2 - 0.5 * ((left - np.clip(left, -8, 45)) / 9) ** 2
    score += (prior - 0.005 * np.abs(left - 12)).astype(np.float32)
    path = best_path(score, RADII_MM)
    return DiscPath(np.add(path.centre, (j0, i0)), path.radius_mm, path.score)


def find_aorta(context: CTContext, canal: DiscPath, tick: Callable[[], None] = lambda: None) -> Aorta | str:
    """Find the aorta, or say in words why not.

    Parameters
    ----------
    context : CTContext
    canal : DiscPath
        The spinal canal on the working grid.
    tick : callable
        Called about every second, to give room for a cancel.
    """
    spacing = context.spacing_mm
    path = descending_path(context, canal)
    tick()
    image = tracking_image(context)
    trust = ndimage.gaussian_filter1d(path.score, 3.0, mode="nearest")
    above = math.ceil(ROOM_ABOVE_MM / float(spacing[0]))  # it is followed upwards from there
    seed = int(trust[: max(len(trust) - above, 1)].argmax())
    core = _inner_values(context, path, seed)
    if trust[seed] < LEAST_SCORE:
        return "no bright round vessel stands out in front of the spine; the scan may have been made without contrast"
    if float(np.percentile(core, 75)) < LEAST_CONTRAST_HU:
        return f"the scan shows no contrast in the aorta ({np.median(core):.0f} HU)"
    points = np.column_stack([np.arange(len(path.centre)), path.centre])
    points = (ndimage.gaussian_filter1d(points, 2.0, axis=0, mode="nearest") + 0.5) * spacing

    tick()
    up = follow(image, spacing, points[seed], np.array([1.0, 0, 0]), float(path.radius_mm[seed]))
    if len(up) < 2:
        return "the vessel in front of the spine could not be followed"
    down = _downwards(image, spacing, points, path, seed)
    tick()
    up, arch, root = _ended_at_root(up)
    line, radius = _joined(down, up)
    line, radius = _to_the_edge(line, radius, np.asarray(image.shape) * spacing, root)
    tube = find_wall(context.full_hu, full_spacing(context), line, radius)
    tick()
    mask = largest_piece(paint(tube, context.full_hu.shape, full_spacing(context)))
    box = bounding_box(mask)
    inside = context.full_hu[box][ndimage.binary_erosion(mask[box])]
    if inside.size == 0:
        return "the vessel in front of the spine is too thin"
    level = float(np.median(inside))
    noise = float(1.4826 * np.median(np.abs(inside - level)))
    if level < LEAST_CONTRAST_HU:
        return f"the scan shows no contrast in the aorta ({level:.0f} HU)"
    # bright blood beside the spine is rough bone too, by place and brightness, but it is even
    if noise > MOST_NOISE * context.noise_hu and _bone_share(context, mask) > MOST_BONE:
        return "what stands out by the spine is bone; the scan may have been made without contrast"
    confidence, doubts = _judged(tube, trust[seed], canal, arch and not root)
    tick()
    root_mm = tube.line[-1] if root else None
    ascending = None
    if not arch:
        ascending, root_mm = _ascending(context, image, canal, mask, level)
    if ascending is not None:
        mask |= paint(ascending, context.full_hu.shape, full_spacing(context))
        doubts.append("the arch is not in view: the ascending part is a piece of its own")
    return Aorta(tube, ascending, mask, level, noise, arch, root_mm, confidence, tuple(doubts))


def _bone_share(context: CTContext, mask: Mask) -> float:
    """Share of a mask on the full grid that is bone by its place and brightness."""
    share = context.to_working(mask)
    return float(share[context.bone].sum()) / max(float(share.sum()), 1e-6)


def _joined(down: list[Section], up: list[Section]) -> tuple[FloatArray, FloatArray]:
    """Centres and radii of both ways from the seed as one line, from below."""
    sections = [*reversed(down), *up]
    return np.array([s.centre for s in sections]), np.array([s.radius_mm for s in sections])


def _judged(tube: Tube, trust: float, canal: DiscPath, lost: bool) -> tuple[float, list[str]]:
    """Confidence 0 to 1 and doubts, from how clear the wall, the vessel and the spine are."""
    clear, seen = float(np.median(tube.clarity)), float(np.median(canal.score))
    confidence = 0.95 * min(1.0, clear / 0.9)
    confidence *= float(np.clip((trust - LEAST_SCORE) / (GOOD_SCORE - LEAST_SCORE), 0.5, 1))
    confidence *= float(np.clip((seen - LEAST_CANAL) / (GOOD_CANAL - LEAST_CANAL), 0.3, 1))
    doubts = []
    if clear < 0.8:
        doubts.append(f"its wall is clear along only {100 * clear:.0f} % of its circumference")
    if seen < 0.5 * (LEAST_CANAL + GOOD_CANAL):
        doubts.append("the spine, beside which it was looked for, is hardly seen")
    if float(np.median(tube.radius_mm)) > WIDE_MM:
        confidence *= 0.4
        doubts.append(f"what was found is {2 * np.median(tube.radius_mm):.0f} mm wide: an aneurysm, or not the aorta")
    if lost:
        confidence *= 0.9
        doubts.append("where it leaves the heart could not be told")
    return confidence, doubts


def _ascending(
    context: CTContext, image: NDArray[np.float32], canal: DiscPath, taken: Mask, level: float
) -> tuple[Tube | None, FloatArray | None]:
    """The ascending aorta where the scan ends below the arch, a second disc in front, and the place of its root."""
    spacing = context.spacing_mm
    pixel = float(spacing[1])
    top = image.shape[0]
    slices = slice(max(0, top - int(ASCENT_MM / spacing[0])), top)
    centre = canal.centre[slices]
    rows = slice(max(0, int(centre[:, 0].min() - 140 / pixel)), max(1, int(centre[:, 0].max() - 40 / pixel)))
    columns = slice(max(0, int(centre[:, 1].min() - 50 / pixel)), int(centre[:, 1].max() + 30 / pixel))
    window = ndimage.gaussian_filter(image[slices, rows, columns], (1, 0, 0))
    if min(window.shape) < 8:
        return None, None
    radii = np.array([r for r in RADII_MM if r > 9])
    score = disc_evidence(window, pixel, radii)
    blood = ndimage.gaussian_filter(context.hu[slices, rows, columns], (1, 2, 2))
    score -= np.clip((0.85 * level - blood) / (0.15 * level), 0, 3)  # a false lumen may be darker, nothing brighter
    score -= 4 * ndimage.gaussian_filter(context.to_working(taken)[slices, rows, columns], (0, 1.5, 1.5))
    path = best_path(score, radii)
    seed = len(path.centre) - 2
    if float(path.score[-6:].mean()) < GOOD_SCORE:
        return None, None
    start = (np.array([slices.start + seed, *np.add(path.centre[seed], (rows.start, columns.start))]) + 0.5) * spacing
    sections = follow(image, spacing, start, np.array([-1.0, 0, 0]), float(path.radius_mm[seed]))
    sections, _, root = _ended_at_root(sections, least=4)
    # a chamber of the heart is round in some slices too, but it is no steady tube
    steady = np.array([s.radius_mm for s in sections])
    if (
        not root
        or len(sections) < 8
        or np.mean([s.walled for s in sections]) < 0.75
        or np.ptp(steady) > 0.5 * steady[0]
    ):
        return None, None
    line, radius = _joined([], sections[::-1])
    line, radius = _to_the_edge(line, radius, np.asarray(image.shape) * spacing, root, ends=(-1,))
    tube = find_wall(context.full_hu, full_spacing(context), line[::-1], radius[::-1])
    return (tube, tube.line[-1]) if _heart_below(context, tube.line[-1], level) else (None, None)


def _heart_below(context: CTContext, root_mm: FloatArray, level: float) -> bool:
    """Whether there are wide chambers below a supposed root."""
    k, j, i = (root_mm / context.spacing_mm).astype(int)
    down, across = (np.array((70.0, 70.0)) / context.spacing_mm[:2]).astype(int)
    box = (slice(max(0, k - down), k), slice(max(0, j - across), j + across), slice(max(0, i - across), i + across))
    inner = context.shrink(
        ndimage.gaussian_filter(context.hu[box], 0.6) > SOFT_TISSUE_HU + 0.6 * (level - SOFT_TISSUE_HU), 8
    )
    return context.volume_ml(inner) > LEAST_CHAMBERS_ML


def full_spacing(context: CTContext) -> FloatArray:
    """Spacing of axes k, j, i of the full grid."""
    return np.asarray(context.full.spacing_mm[::-1])


def _inner_values(context: CTContext, path: DiscPath, seed: int) -> FloatArray:
    pixel = float(context.spacing_mm[1])
    slices = range(max(0, seed - 5), min(len(path.centre), seed + 6))
    j, i = np.mgrid[: context.hu.shape[1], : context.hu.shape[2]]
    return np.concatenate(
        [
            context.hu[k][np.hypot(j - path.centre[k, 0], i - path.centre[k, 1]) * pixel < 0.6 * path.radius_mm[k]]
            for k in slices
        ]
    )


def _downwards(
    image: NDArray[np.float32], spacing: FloatArray, points: FloatArray, path: DiscPath, seed: int
) -> list[Section]:
    """Sections at the slice-wise path below the seed, until the vessel gets lost or divides."""
    sections = sections_along(image, spacing, points, path.radius_mm)[:seed][::-1]
    usual = float(path.radius_mm[seed])
    good = 0  # how many from the seed down to the last slice where the vessel surely goes on
    run = bad = 0
    for n, seen in enumerate(sections):
        # a narrow stretch is a stenosis when the vessel widens again below it, else the branches of a fork
        if seen.walled >= 0.4 and path.score[seed - 1 - n] > 0.2 and seen.radius_mm > FORK_SHARE * usual:
            run, bad = run + 1, 0
            usual = 0.85 * usual + 0.15 * seen.radius_mm  # it tapers, but not within a centimetre
            if good == n or run >= 5:
                good = n + 1
        else:
            run, bad = 0, bad + 1
            if bad * spacing[0] > LONGEST_STENOSIS_MM:
                break
    return sections[:good]


def _ended_at_root(up: list[Section], least: int = 12) -> tuple[list[Section], bool, bool]:
    """Cut a path that went over the arch where the heart begins: (sections, over the arch, root reached).

    ``least`` is how many steps it takes at least from the top of the arch to the valve.
    """
    heading = np.array([s.normal[0] for s in up])
    over = np.flatnonzero(heading < -0.5)
    if over.size < min(4, least):
        return up, False, False
    start = int(over[0])
    radius = np.array([s.radius_mm for s in up])
    walled = np.array([s.walled for s in up])
    tubular = float(np.median(radius[start : start + 12]))
    end, annulus = len(up), False
    for n in range(start + min(4, least), len(up)):
        sinus = float(radius[max(start, n - 9) : n].max())
        narrow = radius[n : n + 2].max() < 0.92 * sinus
        if n - start >= least and sinus > 1.05 * tubular and narrow:
            end, annulus = n + 1, True  # the sinuses are passed
        elif radius[n] > 1.5 * tubular or heading[n] > -0.4:
            end = n
        if end < len(up):
            break
    clear = np.flatnonzero(walled[start:end] >= 0.75)
    last = end - 1 if annulus else start + (min(int(clear[-1]) + 1, end - 1 - start) if clear.size else 0)
    return up[: last + 1], True, annulus or end < len(up) or walled[-1] < 0.75


def _to_the_edge(
    line: FloatArray, radius: FloatArray, extent: FloatArray, root: bool, ends: tuple[int, ...] | None = None
) -> tuple[FloatArray, FloatArray]:
    """Lengthen a line that ends near the edge of the scan to beyond it."""
    for end in ends or ((0,) if root else (0, -1)):
        inner = line[min(4, len(line) - 1)] if end == 0 else line[max(-5, -len(line))]
        direction = (line[end] - inner) / np.linalg.norm(line[end] - inner)
        gap = np.where(direction > 0, extent - line[end], line[end]) / np.maximum(np.abs(direction), 1e-6)
        if gap.min() < 14:
            more = line[end] + direction * (gap.min() + 0.3 * radius[end])
            line = np.concatenate([[more], line] if end == 0 else [line, [more]])
            radius = np.concatenate([[radius[0]], radius] if end == 0 else [radius, [radius[-1]]])
    return line, radius
