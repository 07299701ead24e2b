"""Even surfaces: of one segment, or of several together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.edit.canvas import Box, Canvas, Labels, Mask, Proposal
from organtwin.edit.places import box_between
from organtwin.edit.tools.smooth import SmoothOptions
from organtwin.errors import BadInput
from organtwin.monitor import Monitor
from organtwin.segment import regions

LONG = 3.0  # a thin part that is longer than so many radii is a branch, and no roughness


def smooth(canvas: Canvas, options: SmoothOptions, monitor: Monitor) -> Proposal:
    """See :class:`~organtwin.edit.tools.smooth.SmoothOptions`.

    Raises
    ------
    BadInput
        When the segment is empty there, or unknown.
    """
    region = canvas.whole if options.region_mm is None else box_between(canvas.grid, options.region_mm)
    if options.method == "joint":
        return _joint(canvas, options, region, monitor)
    label = canvas.label
    margin = np.ceil((3 * options.radius_mm) / canvas.spacing_mm[::-1]).astype(int) + 2
    mine = canvas.labels[region] == label
    inner = regions.bounding_box(mine, mine.shape, (int(margin[0]), int(margin[1]), int(margin[2])))
    if inner is None:
        raise BadInput(f"'{canvas.target}' has no voxel to smooth", remedy="Paint some first.")
    box = _within(region, inner)
    monitor.progress(0.1, "smoothing")
    mask = mine[inner]
    even = _even(mask, options, canvas.spacing_mm)
    if not even.any():
        return Proposal(said="Smoothing by so much would leave nothing; take a smaller radius.")
    return canvas.become(box, even)


def _even(mask: Mask, options: SmoothOptions, spacing_mm: NDArray[np.float64]) -> Mask:
    radius = options.radius_mm
    if options.method == "median":
        return _majority(mask, radius, spacing_mm)
    if options.method == "opening":
        return regions.opened(mask, radius, spacing_mm)
    if options.method == "closing":
        return regions.closed(mask, radius, spacing_mm)
    even = blurred_to_volume(mask, radius, spacing_mm)
    return _with_branches(mask, even, radius, spacing_mm) if options.method == "keeping" else even


def _majority(mask: Mask, radius_mm: float, spacing_mm: NDArray[np.float64]) -> Mask:
    """What most of the ball around each voxel is: the median of a mask. Beyond the array it goes on as at its rim."""
    from scipy import fft

    reach = np.floor(radius_mm / spacing_mm[::-1]).astype(int)
    pad = [(int(r), int(r)) for r in reach]
    off = [np.arange(-r, r + 1) * s for r, s in zip(reach, spacing_mm[::-1], strict=True)]
    ball = off[0][:, None, None] ** 2 + off[1][None, :, None] ** 2 + off[2][None, None, :] ** 2 <= radius_mm**2
    padded = np.pad(mask, pad, mode="edge").astype(np.float32)
    shape = [fft.next_fast_len(n, real=True) for n in padded.shape]
    product = fft.rfftn(padded, shape) * fft.rfftn(ball.astype(np.float32), shape)
    counts = fft.irfftn(product, shape)[
        tuple(slice(2 * int(r), 2 * int(r) + n) for r, n in zip(reach, mask.shape, strict=True))
    ]
    return np.asarray(counts > ball.sum() / 2 + 1e-2)


def blurred_to_volume(mask: Mask, sigma_mm: float, spacing_mm: NDArray[np.float64]) -> Mask:
    """The blurred mask above the level that keeps as many voxels as it had."""
    soft = ndimage.gaussian_filter(mask.astype(np.float32), sigma_mm / spacing_mm[::-1], truncate=3, mode="nearest")
    count = int(np.count_nonzero(mask))
    inside = soft[soft > 0.05]
    if len(inside) <= count:
        return np.asarray(soft > 0.05)
    level = float(np.partition(inside, len(inside) - count)[len(inside) - count])
    return np.asarray(soft >= max(level, 0.05))


def _with_branches(mask: Mask, even: Mask, radius_mm: float, spacing_mm: NDArray[np.float64]) -> Mask:
    """Thin parts (that a ball does not fit into) which are long stay as they are; what the blur made of the rest stays."""
    thin = mask & ~regions.opened(mask, radius_mm, spacing_mm)
    parts, count = ndimage.label(thin, np.ones((3, 3, 3)))
    kept = np.zeros(count + 1, bool)
    for n, where in enumerate(ndimage.find_objects(parts), start=1):
        extent = np.array([s.stop - s.start for s in where]) * spacing_mm[::-1]
        kept[n] = float(np.linalg.norm(extent)) > LONG * radius_mm
    return np.asarray(even | kept[parts])


def _joint(canvas: Canvas, options: SmoothOptions, region: Box, monitor: Monitor) -> Proposal:
    """Every voxel of the segments, and the background at their rim, goes to the one that is strongest after a blur."""
    keys = options.segments if options.segments is not None else tuple(s.key for s in canvas.segments)
    chosen = [canvas.label_of(key) for key in keys]
    labels = canvas.labels[region]
    sigma = options.radius_mm / canvas.spacing_mm[::-1]
    margin = tuple(int(np.ceil(3 * s)) + 1 for s in sigma)
    among = np.isin(labels, chosen)
    inner = regions.bounding_box(among, among.shape, (margin[0], margin[1], margin[2]))
    if inner is None:
        raise BadInput("None of the segments has a voxel there", remedy="Choose others, or a larger region.")
    labels, among = labels[inner], among[inner]
    free = among | (labels == 0)  # other segments are walls: they keep what they have, and push nobody
    best = np.full(labels.shape, -1, np.float32)
    wanted: Labels = np.zeros_like(labels)
    for n, label in enumerate([0, *chosen]):
        monitor.progress(0.1 + 0.8 * n / (len(chosen) + 1), "smoothing together")
        mine = labels == label
        reach = regions.bounding_box(mine, mine.shape, (margin[0], margin[1], margin[2]))
        if reach is None:
            continue
        soft = ndimage.gaussian_filter(mine[reach].astype(np.float32), sigma, truncate=3, mode="nearest")
        wins = soft > best[reach]
        best[reach][wins] = soft[wins]
        wanted[reach][wins] = label
    return canvas.relabelled(_within(region, inner), np.where(free, wanted, labels))


def _within(outer: Box, inner: Box) -> Box:
    a, b, c = (slice(o.start + n.start, o.start + n.stop) for o, n in zip(outer, inner, strict=True))
    return a, b, c
