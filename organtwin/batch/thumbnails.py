"""Three small pictures of a study: axial, coronal and sagittal, with the outlines of what was found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.model import Segment
from organtwin.report.png import png
from organtwin.space import Grid

SIDE = 256  # pixels of the longer side
PLANES = ("axial", "coronal", "sagittal")
# what the cut does not go through the middle of
OPEN_ENDED = ("body", "lung_right", "lung_left", "bone", "fat", "muscle", "skin", "blood_pool")
WINDOWS = {"CT": (40.0, 400.0)}  # level and width; else from the values


def draw(
    grid: Grid, values: NDArray[Any], labels: NDArray[Any] | None, segments: tuple[Segment, ...], modality: str,
    folder: Path,
) -> None:  # fmt: skip
    """Write ``axial.png``, ``coronal.png`` and ``sagittal.png``: the front and the head are up, the patient's right is left.

    Parameters
    ----------
    values, labels : (nk, nj, ni)
        On ``grid``; the slices go through the middle of what was found.
    """
    turned, spacing = grid.to_canonical(values), grid.canonical().spacing_mm[::-1]
    marks = None if labels is None else grid.to_canonical(labels)
    at = _middle(marks, segments, turned.shape)
    low, high = _window(turned, modality)
    colours = np.zeros((int(max([s.label for s in segments], default=0)) + 1, 3), np.uint8)
    for segment in segments:
        colours[segment.label] = segment.colour
    folder.mkdir(parents=True, exist_ok=True)
    for axis, plane in enumerate(PLANES):
        cut = np.asarray(np.take(turned, at[axis], axis=axis), np.float32)
        height, width = (s for n, s in enumerate(spacing) if n != axis)
        rows, columns = _pixels(cut.shape, (height, width), flip=axis > 0)  # k goes up to the head, j down to the back
        grey = np.clip((_linear(cut, rows, columns) - low) / max(high - low, 1e-6), 0, 1)
        picture = np.repeat((grey * 255).astype(np.uint8)[..., None], 3, axis=2)
        if marks is not None:
            seen = np.take(marks, at[axis], axis=axis)[np.rint(rows).astype(int)[:, None], np.rint(columns).astype(int)]
            seen = np.where(seen < len(colours), seen, 0)
            edge = _outline(seen)
            picture[edge] = colours[seen[edge]]
        (folder / f"{plane}.png").write_bytes(png(picture))


def _middle(marks: NDArray[Any] | None, segments: tuple[Segment, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Where to cut: the slice of each direction that shows most of the organs."""
    if marks is None:
        return tuple(n // 2 for n in shape)
    organs = [s.label for s in segments if s.key not in OPEN_ENDED] or [s.label for s in segments]
    wanted = np.zeros(256 if marks.dtype == np.uint8 else 65536, bool)
    wanted[organs] = True
    inside = np.zeros(shape[0], np.int64), np.zeros(shape[1], np.int64), np.zeros(shape[2], np.int64)
    for k in range(shape[0]):
        here = wanted[marks[k]]
        inside[0][k] = here.sum()
        if inside[0][k]:
            inside[1][:] += here.sum(axis=1)
            inside[2][:] += here.sum(axis=0)
    if not inside[0].any():
        return tuple(n // 2 for n in shape)
    return tuple(int(np.searchsorted(np.cumsum(n), n.sum() / 2)) for n in inside)


def _window(values: NDArray[Any], modality: str) -> tuple[float, float]:
    if modality in WINDOWS:
        level, width = WINDOWS[modality]
        return level - width / 2, level + width / 2
    sample = np.asarray(values[:: max(1, values.shape[0] // 12), ::4, ::4], np.float32)
    sample = sample[np.isfinite(sample)]
    low, high = np.percentile(sample, (1, 99)) if sample.size else (0.0, 1.0)
    return float(low), float(high)


def _pixels(
    shape: tuple[int, ...], spacing: tuple[float, ...], flip: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Row and column indices of a picture with square pixels."""
    size = [n * s for n, s in zip(shape, spacing, strict=True)]
    step = max(size) / SIDE
    places = [
        np.clip((np.arange(max(1, round(mm / step))) + 0.5) * step / s - 0.5, 0, n - 1)
        for mm, s, n in zip(size, spacing, shape, strict=True)
    ]
    return (places[0][::-1] if flip else places[0]), places[1]


def _linear(cut: NDArray[np.float32], rows: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.float32]:
    low_r, low_c = np.floor(rows).astype(int), np.floor(columns).astype(int)
    high_r, high_c = np.minimum(low_r + 1, cut.shape[0] - 1), np.minimum(low_c + 1, cut.shape[1] - 1)
    part_r, part_c = (rows - low_r)[:, None], (columns - low_c)[None, :]
    upper = cut[low_r][:, low_c] * (1 - part_c) + cut[low_r][:, high_c] * part_c
    lower = cut[high_r][:, low_c] * (1 - part_c) + cut[high_r][:, high_c] * part_c
    return np.asarray(upper * (1 - part_r) + lower * part_r, np.float32)


def _outline(seen: NDArray[Any]) -> NDArray[np.bool_]:
    """Pixels of a structure beside another one or nothing."""
    framed = np.pad(seen, 1, mode="edge")
    same = np.ones(seen.shape, bool)
    for rows, columns in ((slice(0, -2), slice(1, -1)), (slice(2, None), slice(1, -1)),
                          (slice(1, -1), slice(0, -2)), (slice(1, -1), slice(2, None))):  # fmt: skip
        same &= framed[rows, columns] == seen
    return ~same & (seen > 0)
