"""The quality page of a segmentation: each structure outlined on three planes, its measures, and what to look at first."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader
from numpy.typing import NDArray
from scipy import ndimage

from organtwin import __version__
from organtwin.errors import BadInput
from organtwin.model import Segmentation, Volume
from organtwin.monitor import Monitor
from organtwin.report.png import png
from organtwin.segment.quality import Quality, quality
from organtwin.store.atomic import replaced, write_text

SIZE = 230  # pixels of a picture
MARGIN_MM = 18.0
_ORDER = {"poor": 0, "fair": 1, "good": 2}


def write_quality(
    segmentation: Segmentation, volume: Volume | None, path: Path, monitor: Monitor | None = None
) -> tuple[Quality, ...]:
    """Measure a segmentation and write the page.

    Parameters
    ----------
    segmentation : Segmentation
    volume : Volume or None
        The scan on the same grid; without it the pictures show outlines alone.
    path : Path
        Ends in .html or .pdf; the page refers to nothing outside itself.

    Returns
    -------
    tuple of Quality
        As :func:`organtwin.segment.quality.quality`.
    """
    ending = path.suffix.lower()
    if ending not in (".html", ".htm", ".pdf"):
        raise BadInput("The quality page is written as .html or .pdf", where=str(path))
    found = quality(segmentation, volume, monitor)
    pictures = thumbnails(segmentation, volume)
    environment = Environment(
        loader=PackageLoader("organtwin.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    colours = {s.key: s.colour for s in segmentation.segments}
    text = environment.get_template("quality.html").render(
        name=segmentation.name,
        version=__version__,
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        rows=sorted(found, key=lambda q: _ORDER[q.level]),
        counts={level: sum(q.level == level for q in found) for level in _ORDER},
        pictures=pictures,
        colours=colours,
        unit=volume.value_unit if volume is not None else "",
        notes=segmentation.notes,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    if ending == ".pdf":
        from organtwin.report.pdf import pdf

        made = pdf(text)
        with replaced(path.resolve()) as stream:
            stream.write(made)
    else:
        write_text(path.resolve(), text)
    return found


def thumbnails(segmentation: Segmentation, volume: Volume | None) -> dict[str, list[str]]:
    """For each structure three pictures (axial, coronal, sagittal), as base64 PNG; patient's right on the left."""
    grid = segmentation.grid.canonical()
    labels = segmentation.grid.to_canonical(np.asarray(segmentation.labels))
    values = None
    if volume is not None and volume.grid.same_as(segmentation.grid):
        values = volume.grid.to_canonical(np.asarray(volume.values))
    made: dict[str, list[str]] = {}
    for segment, box in zip(segmentation.segments, _boxes(segmentation, labels), strict=True):
        if box is not None:
            made[segment.key] = [
                base64.b64encode(png(picture)).decode()
                for picture in _three(labels, values, volume, segment.label, box, grid.spacing_mm[::-1], segment.colour)
            ]
    return made


def _boxes(segmentation: Segmentation, labels: NDArray[Any]) -> list[tuple[slice, slice, slice] | None]:
    found = ndimage.find_objects(labels)
    return [found[s.label - 1] if 0 < s.label <= len(found) else None for s in segmentation.segments]


def _three(
    labels: NDArray[Any], values: NDArray[Any] | None, volume: Volume | None, label: int, box: tuple[slice, slice, slice],
    spacing: NDArray[np.float64], colour: tuple[int, int, int],
) -> list[NDArray[np.uint8]]:  # fmt: skip
    level, width = _window(volume, values, labels, label, box)
    mask = labels[box] == label
    # the plane that shows most of it, along each axis
    best = [
        s.start + int(np.argmax(mask.sum(axis=tuple(a for a in range(3) if a != axis)))) for axis, s in enumerate(box)
    ]
    centre = np.array([(s.start + s.stop - 1) / 2 for s in box])
    extent_mm = max((s.stop - s.start) * h for s, h in zip(box, spacing, strict=True)) + 2 * MARGIN_MM
    pixel = extent_mm / SIZE
    pictures = []
    for axis in range(3):
        rows, columns = [a for a in range(3) if a != axis]
        across = (np.arange(SIZE) - (SIZE - 1) / 2) * pixel
        down = across if axis == 0 else -across  # heads are up
        at_rows = centre[rows] + down / spacing[rows]
        at_columns = centre[columns] + across / spacing[columns]
        plane: list[Any] = [slice(None)] * 3
        plane[axis] = best[axis]
        where = np.meshgrid(at_rows, at_columns, indexing="ij")
        inside = _sampled((labels[tuple(plane)] == label).astype(np.float32), where, 0.0) > 0.5
        if values is None:
            grey = np.full((SIZE, SIZE), 0.09, np.float32)
        else:
            low = level - width / 2
            grey = np.clip((_sampled(values[tuple(plane)].astype(np.float32), where, low) - low) / width, 0, 1)
        pictures.append(_outlined(grey, inside, colour))
    return pictures


def _sampled(plane: NDArray[np.float32], where: Sequence[NDArray[np.float64]], outside: float) -> NDArray[np.float32]:
    return np.asarray(ndimage.map_coordinates(plane, where, order=1, mode="constant", cval=outside, output=np.float32))


def _window(
    volume: Volume | None,
    values: NDArray[Any] | None,
    labels: NDArray[Any],
    label: int,
    box: tuple[slice, slice, slice],
) -> tuple[float, float]:
    if volume is None or values is None:
        return 0.0, 1.0
    if volume.value_unit == "HU":
        mean = float(values[box][labels[box] == label].mean())
        return (-500.0, 1400.0) if mean < -400 else (250.0, 1000.0) if mean > 250 else (60.0, 400.0)
    low, high = (float(v) for v in np.percentile(values[box][:: max(1, len(values[box]) // 20)], (1, 99.5)))
    return (low + high) / 2, max(high - low, 1e-6)


def _outlined(grey: NDArray[np.float32], inside: NDArray[np.bool_], colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    picture = np.repeat(grey[..., None] * 235, 3, axis=2)
    tint = np.array(colour, np.float32)
    bright = tint * (255 / max(1.0, float(tint.max())))
    picture[inside] = picture[inside] * 0.86 + bright * 0.14
    soft = ndimage.gaussian_filter(inside.astype(np.float32), 0.8)
    edge = np.clip(1.0 - np.abs(soft - 0.5) * 3.2, 0, 1)[..., None]  # a line of about two pixels, without steps
    return np.asarray(picture * (1 - edge) + bright * edge, np.uint8)
