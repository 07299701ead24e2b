"""Volumes in NIfTI, NRRD and MHA files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.io import nifti, stack
from organtwin.io.phases import Clock, evenly
from organtwin.io.series import Series, plane_name
from organtwin.io.sources import Found
from organtwin.model import Volume
from organtwin.space import Grid

_FORMAT = {"nifti": "NIfTI", "nrrd": "NRRD", "meta": "MHA"}
_LABEL_NAME = re.compile(r"(^|[._\- ])(labels?|label ?map|seg|segmentation|mask|gt|roi)([._\- \d]|$)", re.IGNORECASE)
# directions that are right-angled to this are; the rest is rounding of the header's decimals
_RIGHT_ANGLED = 2e-3


@dataclass(frozen=True)
class _Header:
    grid: Grid
    phases: int
    notes: tuple[str, ...]
    is_label: bool = False


def describe(found: Found) -> Series:
    """One image file as an entry of the list, from its header."""
    name = _stem(found.name)
    summary, reason, slices, phases, plane = "1 file", None, 0, 1, ""
    notes: tuple[str, ...] = ()
    original = _LABEL_NAME.search(name) is None
    try:
        header = _nifti_header(found.path)[0] if found.kind == "nifti" else _itk_header(found.path)
        size, spacing = header.grid.size, header.grid.spacing_mm
        summary = "{} × {} × {} voxels of {:.3g} × {:.3g} × {:.3g} mm".format(*size, *spacing)
        phases, notes, slices = header.phases, header.notes, size[2]
        summary += f" × {phases} phases" if phases > 1 else ""
        plane = plane_name(header.grid.directions[:, 2])
        original = original and not header.is_label
    except BadInput as error:
        reason = error.sentence
    return Series(
        key=found.name, uid="", number=0, description=name, modality="", patient="patient-unknown", study="", file_count=1,
        summary=f"{_FORMAT[found.kind]}, {summary}", reason=reason, notes=notes, slices=slices, phase_count=phases, plane=plane,
        original=original, path=found.path,
    )  # fmt: skip


def read(path: Path, name: str = "") -> list[Volume]:
    """Read a NIfTI, NRRD or MHA file: one volume, or one per phase of a 4D file.

    Raises
    ------
    BadInput
        When the file is damaged, cut short, or holds something else than numbers on a 3D grid.
    """
    name = name or _stem(path.name)
    if found_kind(path) != "nifti":
        header, series = _itk_values(path)
    else:
        header, read_header = _nifti_header(path)
        series = _scaled(nifti.read_values(read_header), read_header)
    volumes = []
    for n, values in enumerate(series):
        values, notes = _settled(values)
        grid, values, more = _right_angled(header.grid, values)
        modality, guess = _modality(values)
        facts = {"phase": f"{n + 1} of {len(series)}"} if len(series) > 1 else {}
        ni, nj, nk = grid.size
        a, b, c = grid.spacing_mm
        told = (f"{ni} × {nj} × {nk} voxels of {a:.4g} × {b:.4g} × {c:.4g} mm.", *header.notes, *more, *notes, *guess)
        volumes.append(Volume(
            name=f"{name}, phase {n + 1} of {len(series)}" if len(series) > 1 else name, grid=grid, values=values, modality=modality,
            value_unit="HU" if modality == "CT" else "", acquisition=facts, notes=told,
        ))  # fmt: skip
    return volumes


def clock_of(path: Path, count: int) -> Clock:
    """When the phases of a 4D file are."""
    if found_kind(path) == "nifti":
        step_ms = nifti.read_header(path).phase_ms
        return evenly(count, None if step_ms is None else step_ms / 1000, "The file")
    spacing = _itk_reader(path).GetSpacing()
    step = float(spacing[3]) if len(spacing) > 3 else 1.0
    # 1 is what stands there when nobody said anything; above 5 it can only be milliseconds
    return evenly(count, None if step == 1 else step / 1000 if step > 5 else step, "The file")


def found_kind(path: Path) -> str:
    """nifti, nrrd or meta, by the first bytes."""
    with open(path, "rb") as file:
        return "nrrd" if file.read(4) == b"NRRD" else "meta" if _is_meta(path) else "nifti"


def _stem(name: str) -> str:
    return (
        re.sub(r"(\.(nii|hdr|img|nrrd|nhdr|mha|mhd|seg|gz))+$", "", Path(name).name, flags=re.IGNORECASE)
        or Path(name).name
    )


def _is_meta(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(100).lstrip().lower().startswith((b"objecttype", b"ndims"))


# -- NIfTI ----------------------------------------------------------------------------------------------------------


def _nifti_header(path: Path) -> tuple[_Header, nifti.Header]:
    header = nifti.read_header(path)
    return _Header(_grid(header.size, header.affine, path), header.phases, header.notes, header.is_label), header


def _grid(size: tuple[int, int, int], affine: NDArray[np.float64], path: Path) -> Grid:
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
        raise BadInput(
            "The file does not say where its voxels lie: the axes that it states span no space",
            where=path.name,
            remedy="Copy it again.",
        )
    return Grid(size, affine)


def _scaled(stored: NDArray[Any], header: nifti.Header) -> NDArray[Any]:
    if header.slope == 1 and header.intercept == 0:
        return stored
    return stored.astype(np.float64) * header.slope + header.intercept


# -- NRRD and MHA, through ITK, whose world is LPS mm as ours -------------------------------------------------------


def _itk_reader(path: Path) -> Any:
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    with open(path, "rb") as file:
        reader.SetImageIO("NrrdImageIO" if file.read(4) == b"NRRD" else "MetaImageIO")
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise BadInput(
            "The image file's header is damaged, or its data file is not beside it",
            where=path.name,
            remedy="Copy it again.",
        ) from error
    return reader


def _itk_header(path: Path, reader: Any = None) -> _Header:
    reader = reader or _itk_reader(path)
    size, n = reader.GetSize(), reader.GetDimension()
    if reader.GetNumberOfComponents() > 1:
        raise BadInput(
            "The file holds several numbers for each voxel (colours, vectors or layers), not a scan", where=path.name
        )
    if n < 3 or min(size[:3]) < 2 or n > 4:
        raise BadInput(
            "The file has only one slice, and a volume needs several"
            if n <= 3
            else "The file has more than four dimensions",
            where=path.name,
        )
    directions = np.array(reader.GetDirection()).reshape(n, n)[:3, :3]
    notes = []
    if (
        reader.HasMetaDataKey("NRRD_space") is False
        and not reader.HasMetaDataKey("TransformMatrix")
        and _says_no_place(path)
    ):
        notes.append(
            "The file does not say how it lies in the patient: columns were taken to run to the patient's left, rows to the back "
            "and slices to the head. Check left and right before you use it."
        )
    affine = np.eye(4)
    affine[:3, :3] = directions * np.array(reader.GetSpacing()[:3])
    affine[:3, 3] = reader.GetOrigin()[:3]
    grid = _grid(size[:3], affine, path)
    return _Header(grid, size[3] if n == 4 else 1, tuple(notes))


def _says_no_place(path: Path) -> bool:
    with open(path, "rb") as file:
        head = file.read(4096).lower()
    return not any(
        word in head for word in (b"space:", b"space directions", b"transformmatrix", b"orientation", b"rotation")
    )


def _itk_values(path: Path) -> tuple[_Header, NDArray[Any]]:
    import SimpleITK as sitk

    reader = _itk_reader(path)
    header = _itk_header(path, reader)
    try:
        values = sitk.GetArrayFromImage(reader.Execute())
    except RuntimeError as error:
        raise BadInput("The image file is damaged or cut short", where=path.name, remedy="Copy it again.") from error
    return header, values if values.ndim == 4 else values[None]


# -- values ---------------------------------------------------------------------------------------------------------


def _settled(values: NDArray[Any]) -> tuple[NDArray[Any], list[str]]:
    """int16 where exact, else float32; what is not a number becomes the lowest value."""
    notes = []
    if values.dtype.kind == "f":
        bad = ~np.isfinite(values)
        if bad.all():
            raise BadInput("The file holds no numbers")
        if bad.any():
            values = np.where(bad, values[~bad].min(), values)
            notes.append(f"{int(bad.sum())} voxels hold no number (NaN or infinite) and were given the lowest value.")
    low, high = float(values.min()), float(values.max())
    if low >= -(2**15) and high < 2**15 and (values.dtype.kind in "iu" or _whole(values)):
        return values.astype(np.int16), notes
    return values.astype(np.float32), notes


def _whole(values: NDArray[Any]) -> bool:
    return all(bool((plane == np.rint(plane)).all()) for plane in values)


def _modality(values: NDArray[Any]) -> tuple[str, list[str]]:
    """CT when the numbers can only be Hounsfield units: air near -1000 and tissue around and above 0."""
    sample = values[::2, ::4, ::4]
    air, tissue = float((sample < -700).mean()), float(((sample > -200) & (sample < 500)).mean())
    if -10000 < float(values.min()) <= -700 and air > 0.005 and tissue > 0.05:
        return "CT", ["The file does not name its modality; its values are Hounsfield units, so it is taken for a CT."]
    return "OT", []


def _right_angled(grid: Grid, values: NDArray[Any]) -> tuple[Grid, NDArray[Any], list[str]]:
    """A grid whose axes are at right angles: as it is, squared up where only rounding is wrong, or resampled."""
    off = np.abs(grid.directions.T @ grid.directions - np.eye(3)).max()
    if off < 1e-6:
        return grid, values, []
    if off < _RIGHT_ANGLED:
        u, _, vt = np.linalg.svd(grid.directions)
        return Grid.make(grid.size, grid.spacing_mm, grid.origin_mm, u @ vt, grid.frame_uid), values, []
    try:
        axes = stack.axes_of(grid.directions[:, 0], grid.directions[:, 1])
    except BadInput as error:
        raise BadInput(
            "The axes of the image are not at right angles", remedy="Resample it in the program that wrote it."
        ) from error
    positions = grid.to_world(
        np.stack([np.zeros(grid.size[2]), np.zeros(grid.size[2]), np.arange(grid.size[2])], axis=1)
    )
    if (positions[-1] - positions[0]) @ axes[2] < 0:
        positions, values = positions[::-1], values[::-1]
    ni, nj, _ = grid.size
    layout = stack.lay_out(
        positions, axes, (float(grid.spacing_mm[1]), float(grid.spacing_mm[0])), (nj, ni), grid.frame_uid
    )
    if layout.regular:
        return layout.grid, values, list(layout.notes)
    made = np.empty(layout.grid.shape, dtype=values.dtype)

    def store(k: int, plane: NDArray[np.float32]) -> None:
        made[k] = np.rint(plane) if made.dtype.kind == "i" else plane

    stack.resample(layout, lambda k: values[k].astype(np.float32), float(values.min()), store)
    return layout.grid, made, list(layout.notes)
