"""The aorta, from its root to as far down as the scan shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.segment.ct.discs import DiscPath, best_path, disc_evidence
from organtwin.segment.ct.spine import spinal_canal
from organtwin.segment.ct.tube import FloatArray, Mask, Section, Tube, cross_section, find_wall, follow, paint

if TYPE_CHECKING:
    from organtwin.segment.ct.context import CTContext

RADII_MM = (5.0, 6.5, 8.0, 9.5, 11.0, 12.5, 14.0, 16.0, 18.0, 21.0, 24.0)
SOFT_TISSUE_HU = 55.0
LEAST_CONTRAST_HU = 100.0  # blood without contrast is below 60
LEAST_SCORE = 0.7
CEILING_HU = 180.0
LONGEST_STENOSIS_MM = 60.0
SHORTEST_ASCENT = 12  # steps of 4 mm from the top of the arch to the valve


@dataclass(frozen=True)
class Aorta:
    """What was found of the aorta.

    Parameters
    ----------
    tube : Tube
    mask : (nk, nj, ni) bool array
        On the full canonical grid.
    level_hu, noise_hu : float
        Median of the lumen and its robust standard deviation.
    arch : bool
        Whether it was followed over the arch into the ascending part.
    root : int
        Index on the line where the heart begins; -1 when the root is not in view or was not reached.
    confidence : float
    doubts : tuple of str
    """

    tube: Tube
    mask: Mask
    level_hu: float
    noise_hu: float
    arch: bool
    root: int
    confidence: float
    doubts: tuple[str, ...]


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
    prior = np.where(np.hypot(front - 26, left) < 20, -1.5, 0.0)  # the vertebral body
    prior = prior - 0.5 * ((front - np.clip(front, 15, 75)) / 8) ** 2 - 0.5 * ((left - np.clip(left, -8, 45)) / 9) ** 2
    score += (prior - 0.005 * np.abs(left - 12)).astype(np.float32)
    path = best_path(score, RADII_MM)
    return DiscPath(path.centre + [j0, i0], path.radius_mm, path.score)


def find_aorta(context: CTContext, canal: DiscPath | None = None) -> Aorta | str:
    """Find the aorta, or say in words why not."""
    spacing = context.spacing_mm
    canal = spinal_canal(context) if canal is None else canal
    path = descending_path(context, canal)
    image = tracking_image(context)
    trust = ndimage.gaussian_filter1d(path.score, 3.0, mode="nearest")
    seed = int(trust.argmax())
    if trust[seed] < LEAST_SCORE:
        return "no round vessel was found in front of the spine"
    points = np.column_stack([np.arange(len(path.centre)), path.centre])
    points = (ndimage.gaussian_filter1d(points, 2.0, axis=0, mode="nearest") + 0.5) * spacing
    core = _inner_values(context, path, seed)
    if float(np.percentile(core, 75)) < LEAST_CONTRAST_HU:
        return f"the scan shows no contrast in the aorta ({np.median(core):.0f} HU)"

    up = follow(image, spacing, points[seed], np.array([1.0, 0, 0]), float(path.radius_mm[seed]))
    if len(up) < 2:
        return "the vessel in front of the spine could not be followed"
    down = _downwards(image, spacing, points, path, seed)
    up, arch, root = _ended_at_root(up)
    doubts = []
    line = [s.centre for s in reversed(down)] + [s.centre for s in up]
    radius = [s.radius_mm for s in reversed(down)] + [s.radius_mm for s in up]
    line, radius = _to_the_edge(np.array(line), np.array(radius), np.asarray(image.shape) * spacing, root)
    tube = find_wall(context.full_hu, full_spacing(context), line, radius)
    mask = paint(tube, context.full_hu.shape, full_spacing(context))
    mask = largest(mask)
    inside = context.full_hu[ndimage.binary_erosion(mask)]
    if inside.size == 0:
        return "the vessel in front of the spine is too thin"
    level = float(np.median(inside))
    noise = float(1.4826 * np.median(np.abs(inside - level)))
    return Aorta(tube, mask, level, noise, arch, len(tube.line) - 1 if root else -1, 0.9, tuple(doubts))


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
    sections: list[Section] = []
    usual = float(path.radius_mm[seed])
    good = 0  # how many from the seed down to the last slice where the vessel surely goes on
    run = bad = 0
    for k in range(seed - 1, -1, -1):
        direction = points[min(k + 2, len(points) - 1)] - points[max(k - 2, 0)]
        direction /= np.linalg.norm(direction)
        seen = cross_section(image, spacing, points[k], direction, float(path.radius_mm[k]))
        sections.append(seen)
        # a narrow stretch is a stenosis when the vessel widens again below it, else the branches of a fork
        if seen.walled >= 0.4 and path.score[k] > 0.2 and seen.radius_mm > 0.65 * usual:
            run, bad = run + 1, 0
            usual = 0.9 * usual + 0.1 * seen.radius_mm
            if good == len(sections) - 1 or run >= 5:
                good = len(sections)
        else:
            run, bad = 0, bad + 1
            if bad * spacing[0] > LONGEST_STENOSIS_MM:
                break
    return sections[:good]


def _ended_at_root(up: list[Section]) -> tuple[list[Section], bool, bool]:
    """Cut a path that went over the arch where the heart begins: (sections, over the arch, root reached)."""
    heading = np.array([s.normal[0] for s in up])
    over = np.flatnonzero(heading < -0.5)
    if over.size < 4:
        return up, False, False
    start = int(over[0])
    radius = np.array([s.radius_mm for s in up])
    walled = np.array([s.walled for s in up])
    tubular = float(np.median(radius[start : start + 12]))
    end, annulus = len(up), False
    for n in range(start + 4, len(up)):
        sinus = float(radius[max(start, n - 9) : n].max())
        narrow = radius[n : n + 2].max() < 0.92 * sinus
        if n - start >= SHORTEST_ASCENT and sinus > 1.05 * tubular and narrow:
            end, annulus = n + 1, True  # the sinuses are passed
        elif radius[n] > 1.5 * tubular or heading[n] > -0.4:
            end = n
        if end < len(up):
            break
    clear = np.flatnonzero(walled[start:end] >= 0.75)
    last = end - 1 if annulus else start + (min(int(clear[-1]) + 1, end - 1 - start) if clear.size else 0)
    return up[: last + 1], True, annulus or end < len(up) or walled[-1] < 0.75


def _to_the_edge(
    line: FloatArray, radius: FloatArray, extent: FloatArray, root: bool
) -> tuple[FloatArray, FloatArray]:
    """Lengthen a line that ends near the edge of the scan to beyond it."""
    for end in (0, -1) if not root else (0,):
        inner = line[min(4, len(line) - 1)] if end == 0 else line[max(-5, -len(line))]
        direction = (line[end] - inner) / np.linalg.norm(line[end] - inner)
        gap = np.where(direction > 0, extent - line[end], line[end]) / np.maximum(np.abs(direction), 1e-6)
        if gap.min() < 14:
            more = line[end] + direction * (gap.min() + 0.3 * radius[end])
            line = np.concatenate([[more], line] if end == 0 else [line, [more]])
            radius = np.concatenate([[radius[0]], radius] if end == 0 else [radius, [radius[-1]]])
    return line, radius


def largest(mask: Mask) -> Mask:
    labels, count = ndimage.label(mask)
    if count <= 1:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == int(sizes.argmax()))
