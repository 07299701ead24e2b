"""From the true positions of slices to a regular grid: what is negligible, what is resampled, what is refused.

Positions are those of ImagePositionPatient alone. Each irregularity has two thresholds. Below the first it is rounding,
and nothing is said. Above the second the anatomy between the slices is not known, and the stack is refused. Between
them the slices are resampled onto a regular, right-angled grid, and the report says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.space import Grid

FloatArray = NDArray[np.float64]

# A slice this near to its regular place is in its place: a tenth of a millimetre is below what any organ surface made
# from voxels resolves, and a tenth of a slice distance below what interpolation would change (for very fine scans).
SILENT_MM, SILENT_OF_GAP = 0.1, 0.1
# Sideways, a quarter of a pixel: less than the blur that an in-plane resampling would add.
SILENT_OF_PIXEL, SILENT_SIDEWAYS_MM = 0.25, 0.2
# Ten millimetres is the coarsest slice distance at which a body scan is still read as a volume; linear interpolation
# over a wider hole invents anatomy.
LARGEST_HOLE_MM = 10.0
# A gap that is this much wider than both its neighbours is a hole (slices are missing), not a change of protocol.
HOLE_RATIO = 1.6
# With more than a tenth of the slices missing (and more than one) the copy is not the scan.
MOST_MISSING = 0.1
# Gantries tilt to 30 degrees; a stack more oblique than this is not a tilt.
LARGEST_TILT_DEG = 45.0
# Two images nearer than this along the normal are in the same place.
SAME_PLACE_MM = 0.01


@dataclass(frozen=True)
class Layout:
    """How slices (in ascending order along the normal) fill a grid.

    ``along_mm`` (n,) is the place of each slice along the normal, and ``shift_px`` (n, 2) its place down and across in
    pixels relative to the grid; both are None when slice k simply is plane k.
    """

    grid: Grid
    notes: tuple[str, ...]
    along_mm: FloatArray | None = None
    shift_px: FloatArray | None = None

    @property
    def regular(self) -> bool:
        return self.along_mm is None


def axes_of(across: FloatArray, down: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Unit directions of columns, rows and slices, at right angles; the normal is across x down.

    Raises
    ------
    BadInput
        When the two directions of the file are no directions, or not at right angles.
    """
    a, d = np.asarray(across, dtype=float), np.asarray(down, dtype=float)
    lengths = np.linalg.norm(a), np.linalg.norm(d)
    if min(lengths) < 0.5 or max(lengths) > 1.5 or abs(a @ d) > 0.02:
        raise BadInput(
            "The directions of rows and columns in the files are not at right angles (ImageOrientationPatient)",
            remedy="Export the series again from the scanner or archive.",
        )
    a = a / lengths[0]
    normal = np.cross(a, d)
    normal /= np.linalg.norm(normal)
    return a, np.cross(normal, a), normal


def lay_out(
    positions: FloatArray,
    axes: tuple[FloatArray, FloatArray, FloatArray],
    spacing: tuple[float, float],
    size: tuple[int, int],
    frame_uid: str = "",
) -> Layout:
    """Find the regular grid of a stack.

    Parameters
    ----------
    positions : (n, 3) array
        Centres of the first pixel of each slice in LPS mm, in ascending order along the normal, n >= 2.
    axes : three (3,) arrays
        From :func:`axes_of`.
    spacing : (down, across)
        Pixel spacing in mm.
    size : (rows, columns)

    Raises
    ------
    BadInput
        When slices are missing or lie so unevenly that anatomy between them is not known.
    """
    across, down, normal = axes
    along = positions @ normal
    sideways = np.stack([positions @ down / spacing[0], positions @ across / spacing[1]], axis=1)  # in pixels
    gaps = np.diff(along)
    n = len(along)
    mean_gap = (along[-1] - along[0]) / (n - 1)

    uneven = np.abs(along - (along[0] + mean_gap * np.arange(n))).max()
    drift = np.ptp(sideways, axis=0) * spacing
    even = bool(uneven <= min(SILENT_MM, SILENT_OF_GAP * mean_gap))
    straight = all(d / 2 <= min(SILENT_OF_PIXEL * s, SILENT_SIDEWAYS_MM) for d, s in zip(drift, spacing, strict=True))

    notes: list[str] = []
    if not even:
        notes += _judge_gaps(
            gaps, np.linalg.norm(np.diff(positions, axis=0), axis=1), [place(p, normal) for p in positions]
        )
    if not straight:
        notes += _judge_shear(along, sideways * spacing, size, spacing)
    step = mean_gap if even else _regular_step(gaps, along[-1] - along[0])
    nk = n if even else round((along[-1] - along[0]) / step) + 1

    first = (sideways.min(axis=0) + sideways.max(axis=0)) / 2 if straight else np.floor(sideways.min(axis=0))
    extra = np.zeros(2, dtype=int) if straight else np.ceil(sideways.max(axis=0) - first - 1e-6).astype(int)
    if straight and np.abs(sideways - sideways[0]).max() < 1e-3:
        first = sideways[0]
    elif not straight:  # keep whole slices in place in the direction in which nothing drifts
        first = np.where(drift < 1e-3, sideways[0], first)
        extra = np.where(drift < 1e-3, 0, extra)
    origin = normal * along[0] + down * first[0] * spacing[0] + across * first[1] * spacing[1]
    grid = Grid.make(
        (size[1] + extra[1], size[0] + extra[0], nk),
        (spacing[1], spacing[0], step),
        origin,
        np.stack([across, down, normal], axis=1),
        frame_uid,
    )
    if even and straight:
        return Layout(grid, tuple(notes))
    where = np.asarray(step * np.arange(n) if even else along - along[0], dtype=np.float64)
    return Layout(grid, tuple(notes), where, np.zeros((n, 2)) if straight else sideways - first)


def _regular_step(gaps: FloatArray, length: float) -> float:
    """A slice distance that keeps the detail of the finer part: the lower fifth of the gaps, fitted to the length."""
    fine = float(np.quantile(gaps, 0.2, method="higher"))
    return length / max(1, round(length / fine))


def _judge_gaps(gaps: FloatArray, steps: FloatArray, places: list[str]) -> list[str]:
    """``gaps`` along the normal, ``steps`` from corner to corner (longer where the gantry was tilted)."""
    left = np.concatenate([gaps[1:2], gaps[:-1]])
    right = np.concatenate([gaps[1:], gaps[-2:-1]])
    usual = np.maximum(left, right) if len(gaps) > 1 else gaps
    holes = np.flatnonzero(gaps > HOLE_RATIO * usual)
    if not len(holes):  # neighbouring holes hide each other: compare with the whole
        holes = np.flatnonzero(gaps > max(LARGEST_HOLE_MM, HOLE_RATIO * float(np.median(gaps))))
        usual = np.full_like(gaps, float(np.median(gaps)))
    rest = np.delete(gaps, holes)
    if len(holes) and np.ptp(rest) > 2 * SILENT_OF_GAP * np.median(rest):
        holes = holes[gaps[holes] > LARGEST_HOLE_MM]  # no regular scan with slices missing, but one without a rule
    missing = int(sum(max(1, round(gaps[k] / usual[k]) - 1) for k in holes))
    if len(holes):
        widest = holes[np.argmax(gaps[holes])]
        span = f"between {places[widest]} and {places[widest + 1]}"
        if gaps[widest] > LARGEST_HOLE_MM:
            raise BadInput(
                f"Slices are missing: a gap of {gaps[widest]:.1f} mm {span}, where the slices are {usual[widest]:.2f} mm apart",
                remedy="Copy the whole series again: the anatomy in the gap is not in these files.",
            )
        if missing > max(1, MOST_MISSING * (len(places) + missing)):
            raise BadInput(
                f"About {missing} of {len(places) + missing} slices are missing, the largest gap being {gaps[widest]:.1f} mm {span}",
                remedy="Copy the whole series again.",
            )
        slices = "1 slice is" if missing == 1 else f"{missing} slices are"
        return [
            f"{slices} missing (largest gap {gaps[widest]:.2f} mm {span}); filled by linear interpolation between the neighbours."
        ]
    if gaps.max() > LARGEST_HOLE_MM and gaps.max() > HOLE_RATIO * np.median(gaps):
        raise BadInput(
            f"The slices lie too unevenly: {gaps.min():.2f} to {gaps.max():.2f} mm apart",
            remedy="Import a series with regular slices.",
        )
    shown = ", ".join(f"{gap:.2f}" for gap in _distinct(gaps))
    if np.abs(steps - gaps).max() > SILENT_MM / 2:
        shown = f"{', '.join(f'{step:.2f}' for step in _distinct(steps))} mm apart along the table, {shown}"
    return [
        f"The slices are unevenly spaced ({shown} mm apart at right angles to them); resampled to a regular distance."
    ]


def _judge_shear(
    along: FloatArray, sideways_mm: FloatArray, size: tuple[int, int], spacing: tuple[float, float]
) -> list[str]:
    centred = along - along.mean()
    slope = centred @ (sideways_mm - sideways_mm.mean(axis=0)) / (centred @ centred)  # mm sideways per mm along
    rest = sideways_mm - sideways_mm.mean(axis=0) - np.outer(centred, slope)
    angle = float(np.degrees(np.arctan(np.hypot(*slope))))
    if angle > LARGEST_TILT_DEG:
        raise BadInput(
            f"The slices are shifted against each other by {angle:.0f} degrees, more than a tilted gantry does",
            remedy="Import a series whose slices form one stack.",
        )
    if (np.abs(np.diff(sideways_mm, axis=0)).max(initial=0.0, axis=0) > np.asarray(size) * spacing / 2).any():
        raise BadInput("Neighbouring slices hardly overlap: they do not form one stack")
    if np.abs(rest).max() <= max(SILENT_SIDEWAYS_MM, max(spacing)):
        return [
            f"The gantry was tilted by {angle:.1f} degrees; the slices were shifted back to their true places on a right-angled grid."
        ]
    return [
        f"The slices are shifted sideways by up to {np.ptp(sideways_mm, axis=0).max():.1f} mm; "
        "resampled at their true places on a right-angled grid."
    ]


def _distinct(gaps: FloatArray) -> list[float]:
    """The few different gaps of a stack, for people: at most five."""
    kinds: list[float] = []
    for gap in np.sort(gaps):
        if not kinds or gap - kinds[-1] > SILENT_MM:
            kinds.append(float(gap))
    return kinds if len(kinds) <= 5 else [kinds[0], kinds[len(kinds) // 2], kinds[-1]]


def place(position: FloatArray, normal: FloatArray) -> str:
    """A slice's place as the viewer also shows it: "S 120.3 mm", along the patient axis nearest to the normal."""
    axis = int(np.argmax(np.abs(normal)))
    letter = ("RL", "AP", "IS")[axis][int(position[axis] >= 0)]
    return f"{letter} {abs(position[axis]):.1f} mm"


def resample(
    layout: Layout,
    plane: Callable[[int], NDArray[np.float32]],
    fill: float,
    store: Callable[[int, NDArray[np.float32]], None],
) -> None:
    """Fill the grid of an irregular layout plane by plane: linear, at the true place of every slice.

    Parameters
    ----------
    plane : callable
        ``plane(k)`` is slice k (rows, columns).
    fill : float
        Value where no slice reaches.
    store : callable
        ``store(k, values)`` takes plane k of the grid.
    """
    assert layout.along_mm is not None
    assert layout.shift_px is not None
    _, nj, ni = layout.grid.shape
    step = float(layout.grid.spacing_mm[2])
    placed: dict[int, NDArray[np.float32]] = {}

    def at(index: int) -> NDArray[np.float32]:
        if index not in placed:
            placed[index] = _shifted(plane(index), layout.shift_px[index], (nj, ni))  # type: ignore[index]
        return placed[index]

    last = len(layout.along_mm) - 1
    for k in range(layout.grid.size[2]):
        lower = int(np.clip(np.searchsorted(layout.along_mm, k * step, side="right") - 1, 0, last - 1))
        for old in [index for index in placed if index < lower]:
            del placed[old]
        gap = layout.along_mm[lower + 1] - layout.along_mm[lower]
        weight = float(np.clip((k * step - layout.along_mm[lower]) / gap, 0.0, 1.0))
        if weight < 1e-3:
            values = at(lower)
        elif weight > 1 - 1e-3:
            values = at(lower + 1)
        else:
            values = (1 - weight) * at(lower) + weight * at(lower + 1)
        store(k, np.where(np.isnan(values), np.float32(fill), values))


def _shifted(values: NDArray[np.float32], shift_px: FloatArray, shape: tuple[int, int]) -> NDArray[np.float32]:
    """A slice moved by a fraction of pixels down and across into a larger plane; NaN where it does not reach."""
    out = np.asarray(values, dtype=np.float32)
    for axis in (0, 1):
        whole = int(np.floor(shift_px[axis] + 1e-3))
        part = float(shift_px[axis] - whole)
        n = out.shape[axis]
        wide = np.full([shape[a] if a == axis else out.shape[a] for a in (0, 1)], np.nan, dtype=np.float32)
        moved = out if part < 1e-3 else None
        if moved is None:  # value at index m + whole is between those of m - 1 and m
            lead = (
                np.take(out, np.arange(1, n), axis=axis) * (1 - part)
                + np.take(out, np.arange(0, n - 1), axis=axis) * part
            )
            moved, whole = lead.astype(np.float32), whole + 1
        stop = min(whole + moved.shape[axis], shape[axis])
        start = max(whole, 0)
        target = (slice(start, stop), slice(None)) if axis == 0 else (slice(None), slice(start, stop))
        source = slice(start - whole, stop - whole)
        wide[target] = moved[(source, slice(None)) if axis == 0 else (slice(None), source)]
        out = wide
    return out
