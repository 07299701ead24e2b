"""One patient's scans laid over each other: where a point of the first scan is in a later one.

First the structures that both scans show are laid over each other by their middles (W. Kabsch, Acta Cryst. A32, 1976), which
forgives any table and any cut; then the pictures by mutual information (D. Mattes et al., IEEE Trans. Med. Imaging 22, 2003),
which forgives another contrast; then, rigidly and only around it, the structure that is followed: organs move against
each other with every breath. What grows is itself left out of the comparison, or its growth would be taken for motion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.model import Segmentation, Volume, structure
from organtwin.monitor import Monitor
from organtwin.space import Grid

Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]

COARSE_MM, FINE_MM = 6.0, 2.0
AROUND_MM = 20.0  # of the picture that is looked at
NEAR_MM = 6.0  # of a structure: what lies farther from it moves on its own
SAMPLES = 20000
MOST_POINTS = 5000
PERCENTILES = (1, 99)


@dataclass(frozen=True)
class Laid:
    """``matrix`` (4, 4) maps LPS mm of a later scan to the first one; ``said`` is how."""

    matrix: Numbers
    said: str

    def first(self, points_mm: Numbers) -> Numbers:
        """(n, 3) points of the later scan in the first."""
        return np.asarray(points_mm @ self.matrix[:3, :3].T + self.matrix[:3, 3])

    def later(self, points_mm: Numbers) -> Numbers:
        """(n, 3) points of the first scan in the later one."""
        return np.asarray((points_mm - self.matrix[:3, 3]) @ np.linalg.inv(self.matrix[:3, :3]).T)


SAME = Laid(np.eye(4), "the same scan")


def lay_over(
    fixed: Segmentation, moving: Segmentation, scans: tuple[Volume, Volume] | None, key: str, monitor: Monitor, grows: str = ""
) -> Laid:  # fmt: skip
    """Lay ``moving`` over ``fixed``.

    Parameters
    ----------
    scans : (Volume, Volume), optional
        Behind the two; without them only the middles of structures are used.
    key : str
        The structure around which the last step is done: the one followed, or the organ that holds it.
    grows : str
        Structures whose keys begin with this are left out of the comparison.
    """
    start, said = _by_middles(fixed, moving, grows)
    if fixed.grid.frame_uid and fixed.grid.frame_uid == moving.grid.frame_uid:
        start, said = np.eye(4), "same frame of reference"
    if scans is None:
        return Laid(start, f"{said}; no scans to compare, so within some millimetres only")
    one, other = scans
    monitor.progress(0.1, "scans laid over each other")
    transform = _rigid(np.linalg.inv(start), one.grid.to_world((np.array(one.grid.size) - 1) / 2))
    coarse = _picture(one, COARSE_MM), _picture(other, COARSE_MM)
    whole = _registered(coarse, None, transform, (2, 1))
    monitor.progress(0.5, "scans laid over each other")
    box = _around(fixed, key, AROUND_MM)
    if box is None:
        matrix = np.linalg.inv(_matrix(whole))
        return Laid(matrix, f"{said}, then rigidly by mutual information")
    fine = _picture(one, FINE_MM, box), _picture(other, FINE_MM)
    look = _mask(fixed, key, grows, fine[0])
    centre = _middle_mm(fixed, key)
    begun = _rigid(_matrix(whole), centre)
    best = _registered(fine, look, sitk.Euler3DTransform(begun), (2, 1))
    monitor.progress(0.9, "scans laid over each other")
    if _likeness(fine, look, best) < _likeness(fine, look, begun):  # it got lost
        best = begun
    name = structure(key).name.lower()
    matrix = np.linalg.inv(_matrix(best))
    return Laid(matrix, f"{said}, then rigidly by mutual information, last around the {name}")


def overlap(fixed: Segmentation, moving: Segmentation, laid: Laid, key: str) -> float:
    """The part of a structure of the later scan that lies over itself in the first one, of what both scans show there; 1 where
    it cannot be told."""
    own = [s for s in fixed.segments if s.key == key]
    other = [s for s in moving.segments if s.key == key]
    if not own or not other:
        return 1.0
    at = np.argwhere(np.asarray(moving.labels) == other[0].label)
    at = at[:: max(1, len(at) // MOST_POINTS)]
    index = np.round(fixed.grid.to_index(laid.first(moving.grid.to_world(at[:, ::-1])))).astype(int)
    i, j, k = index[((index >= 0) & (index < fixed.grid.size)).all(axis=1)].T
    if not len(i):
        return 0.0 if len(at) else 1.0
    return float((np.asarray(fixed.labels)[k, j, i] == own[0].label).mean())


def _by_middles(fixed: Segmentation, moving: Segmentation, grows: str) -> tuple[Numbers, str]:
    """(4, 4) moving to fixed, from the middles of what both show whole."""
    shared = []
    for s in fixed.segments:
        other = next((o for o in moving.segments if o.key == s.key), None)
        if other is None or not s.volume_mm3 or not other.volume_mm3 or (grows and s.key.startswith(grows)):
            continue
        if 0.8 < other.volume_mm3 / s.volume_mm3 < 1.25 and s.key != "body":
            shared.append(s.key)
    if not shared:
        shared = [
            s.key
            for s in fixed.segments
            if s.volume_mm3 and any(o.key == s.key and o.volume_mm3 for o in moving.segments)
        ][:1]
    matrix = np.eye(4)
    if not shared:
        matrix[:3, 3] = fixed.grid.centre_mm - moving.grid.centre_mm
        return matrix, "by the middles of the scans"
    a, b = (np.array([_middle_mm(seg, key) for key in shared]) for seg in (fixed, moving))
    weight = np.cbrt([fixed.segment(key).volume_mm3 for key in shared])
    weight = weight / weight.sum()
    ca, cb = weight @ a, weight @ b
    if len(shared) >= 3:
        u, _, vt = np.linalg.svd((b - cb).T @ (weight[:, None] * (a - ca)))
        sign = np.diag([1.0, 1.0, np.sign(np.linalg.det(vt.T @ u.T))])
        turn = vt.T @ sign @ u.T
        if np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1)) < np.deg2rad(35):
            matrix[:3, :3] = turn
    matrix[:3, 3] = ca - matrix[:3, :3] @ cb
    return matrix, f"by the middles of {len(shared)} structure{'s' if len(shared) > 1 else ''}"


def _middle_mm(segmentation: Segmentation, key: str) -> Numbers:
    labels = np.asarray(segmentation.labels)
    step = max(1, round((labels.size / 4e6) ** (1 / 3)))
    at = np.argwhere(labels[::step, ::step, ::step] == segmentation.segment(key).label)
    at = at * step if len(at) else np.argwhere(labels == segmentation.segment(key).label)
    return segmentation.grid.to_world(at.mean(axis=0)[::-1]) if len(at) else segmentation.grid.centre_mm


def _around(segmentation: Segmentation, key: str, margin_mm: float) -> tuple[Numbers, Numbers] | None:
    """Box in LPS mm."""
    known = [s for s in segmentation.segments if s.key == key]
    if not known:
        return None
    found = ndimage.find_objects((np.asarray(segmentation.labels) == known[0].label).astype(np.uint8))
    if not found or found[0] is None:
        return None
    low = np.array([s.start for s in found[0]])[::-1]
    high = np.array([s.stop - 1 for s in found[0]])[::-1]
    ends = np.array([low, high])
    corners = segmentation.grid.to_world(
        [(ends[a, 0], ends[b, 1], ends[c, 2]) for a in (0, 1) for b in (0, 1) for c in (0, 1)]
    )
    return corners.min(axis=0) - margin_mm, corners.max(axis=0) + margin_mm


def _picture(volume: Volume, spacing_mm: float, box: tuple[Numbers, Numbers] | None = None) -> sitk.Image:
    """A scan at about this spacing, smoothed before, clipped to what matters; LPS is SimpleITK's own frame."""
    grid = volume.grid
    values = np.asarray(volume.values)
    if box is not None:
        corners = grid.to_index([[box[a][0], box[b][1], box[c][2]] for a in (0, 1) for b in (0, 1) for c in (0, 1)])
        low = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, np.array(grid.size) - 2)
        high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, low + 2, grid.size)
        grid = grid.crop(low, high)
        values = values[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
    step = np.maximum(1, np.round(spacing_mm / grid.spacing_mm)).astype(int)[::-1]
    if volume.value_unit == "HU":
        values = np.clip(values, -1000, 600)
    small = ndimage.uniform_filter(values.astype(np.float32), step)[tuple(slice(s // 2, None, s) for s in step)]
    low_, high_ = np.percentile(small, PERCENTILES)
    image = sitk.GetImageFromArray(np.clip((small - low_) / max(high_ - low_, 1e-6), 0, 1))
    image.SetOrigin(tuple(grid.to_world((step // 2)[::-1]).tolist()))
    image.SetSpacing(tuple((grid.spacing_mm * step[::-1]).tolist()))
    image.SetDirection(tuple(_orthonormal(grid).ravel().tolist()))
    return image


def _orthonormal(grid: Grid) -> Numbers:
    u, _, vt = np.linalg.svd(grid.directions)
    return np.asarray(u @ vt)


def _mask(segmentation: Segmentation, key: str, grows: str, like: sitk.Image) -> sitk.Image:
    """The structure and what is around it, without what grows, on the voxels of a picture."""
    size = like.GetSize()
    corner = np.array(like.GetOrigin())
    columns = np.array(like.GetDirection()).reshape(3, 3) * np.array(like.GetSpacing())
    ijk = np.stack(np.meshgrid(*[np.arange(n) for n in size], indexing="ij"), axis=-1).reshape(-1, 3)
    index = segmentation.grid.to_index(ijk @ columns.T + corner)
    at = np.round(index).astype(int)
    inside = ((at >= 0) & (at < segmentation.grid.size)).all(axis=1)
    labels = np.zeros(len(at), int)
    i, j, k = at[inside].T
    labels[inside] = np.asarray(segmentation.labels)[k, j, i]
    labels = labels.reshape(size).transpose(2, 1, 0)
    spacing = like.GetSpacing()[::-1]
    near = ndimage.distance_transform_edt(labels != segmentation.segment(key).label, sampling=spacing) <= NEAR_MM
    growing = [s.label for s in segmentation.segments if grows and s.key.startswith(grows)]
    if growing and (own := np.isin(labels, growing)).any():
        near &= ndimage.distance_transform_edt(~own, sampling=spacing) > FINE_MM
    image = sitk.GetImageFromArray(near.astype(np.uint8))
    image.CopyInformation(like)
    return image


def _rigid(matrix: Numbers, centre_mm: Numbers) -> sitk.Euler3DTransform:
    """``matrix`` maps fixed points to moving ones, as SimpleITK wants it."""
    transform = sitk.Euler3DTransform()
    transform.SetCenter(tuple(np.asarray(centre_mm, float).tolist()))
    transform.SetMatrix(tuple(matrix[:3, :3].ravel().tolist()), 1e-6)
    shift = matrix[:3, 3] - np.asarray(centre_mm) + matrix[:3, :3] @ np.asarray(centre_mm)
    transform.SetTranslation(tuple(shift.tolist()))
    return transform


def _matrix(transform: sitk.Euler3DTransform) -> Numbers:
    matrix = np.eye(4)
    turn = np.array(transform.GetMatrix()).reshape(3, 3)
    centre = np.array(transform.GetCenter())
    matrix[:3, :3] = turn
    matrix[:3, 3] = np.array(transform.GetTranslation()) + centre - turn @ centre
    return matrix


def _method(fixed: sitk.Image, look: sitk.Image | None) -> sitk.ImageRegistrationMethod:
    method = sitk.ImageRegistrationMethod()
    method.SetGlobalDefaultNumberOfThreads(1)  # sums in one order: the same result at every run
    method.SetNumberOfThreads(1)
    method.SetMetricAsMattesMutualInformation(40)
    if look is not None:
        method.SetMetricFixedMask(look)
    voxels = int(np.prod(fixed.GetSize()))
    if look is not None:  # samples are drawn from the whole picture
        voxels = max(int(sitk.GetArrayViewFromImage(look).sum()), 1)
    method.SetMetricSamplingStrategy(method.RANDOM if voxels > SAMPLES else method.NONE)
    if voxels > SAMPLES:
        method.SetMetricSamplingPercentage(SAMPLES / voxels, 7)
    method.SetInterpolator(sitk.sitkLinear)
    return method


def _registered(
    pictures: tuple[sitk.Image, sitk.Image], look: sitk.Image | None, start: sitk.Euler3DTransform, shrink: tuple[int, ...]
) -> sitk.Euler3DTransform:  # fmt: skip
    fixed, moving = pictures
    method = _method(fixed, look)
    method.SetOptimizerAsRegularStepGradientDescent(2.0, 0.01, 120, 0.6, 1e-6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(list(shrink))
    method.SetSmoothingSigmasPerLevel([0.5 * (s - 1) for s in shrink])
    method.SetInitialTransform(start, inPlace=True)
    try:
        method.Execute(fixed, moving)
    except RuntimeError:  # nothing of one lies over the other
        return start
    return start


def _likeness(pictures: tuple[sitk.Image, sitk.Image], look: sitk.Image | None, transform: sitk.Transform) -> float:
    method = _method(pictures[0], look)
    method.SetInitialTransform(transform)
    try:
        return -float(method.MetricEvaluate(*pictures))
    except RuntimeError:
        return -np.inf
