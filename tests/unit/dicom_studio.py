"""Makes DICOM series of an asymmetric phantom for tests: its value tells the place, so that no flip can hide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

ROWS, COLUMNS = 34, 38  # JPEG 2000 wants at least 32
SPACING = (0.8, 0.6)  # between rows, between columns
AXIAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
ORIENTATIONS = {
    "axial": AXIAL,
    "axial, columns to the right": ((-1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    "axial, rows to the front": ((1.0, 0.0, 0.0), (0.0, -1.0, 0.0)),
    "axial, prone": ((-1.0, 0.0, 0.0), (0.0, -1.0, 0.0)),
    "coronal": ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    "sagittal": ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
    "transposed": ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0)),
    "oblique": ((0.8, 0.6, 0.0), (-0.36, 0.48, -0.8)),
}


def phantom(xyz: np.ndarray) -> np.ndarray:
    """Value at a place (LPS mm): more to the left, to the back and to the head, by different amounts."""
    return 20 + 7 * xyz[..., 0] + 11 * xyz[..., 1] + 17 * xyz[..., 2]


def world(volume: Any) -> np.ndarray:
    """(nk, nj, ni, 3) place of every voxel, as the volume's grid says."""
    k, j, i = np.meshgrid(*(np.arange(n) for n in volume.grid.shape), indexing="ij")
    return volume.grid.to_world(np.stack([i, j, k], axis=-1))


def error(volume: Any) -> np.ndarray:
    """Difference between each voxel and the phantom at the place where the grid says it is."""
    return np.abs(np.asarray(volume.values, dtype=float) - phantom(world(volume)))


def plane(position: Sequence[float], orientation: Any = AXIAL) -> np.ndarray:
    """The phantom on one slice (rows, columns)."""
    across, down = (np.array(v) for v in orientation)
    j, i = np.meshgrid(np.arange(ROWS), np.arange(COLUMNS), indexing="ij")
    return phantom(np.array(position) + i[..., None] * SPACING[1] * across + j[..., None] * SPACING[0] * down)


def positions(
    n: int = 6, gap: float = 2.0, orientation: Any = AXIAL, start: Sequence[float] = (-3.0, 5.0, -4.0)
) -> list[np.ndarray]:
    normal = np.cross(*(np.array(v) for v in orientation))
    return [np.array(start) + k * gap * normal for k in range(n)]


def header(
    position: Sequence[float],
    orientation: Any = AXIAL,
    *,
    modality: str = "CT",
    series: str = "1.2.3.4",
    patient: str = "P1",
    **more: Any,
) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage if modality == "CT" else MRImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    d.SOPClassUID, d.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    d.PatientID, d.PatientName, d.PatientBirthDate = patient, f"Meier^{patient}", "19500101"
    d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = "1.2.3", series, "1.2.99"
    d.StudyDate, d.SeriesNumber, d.SeriesDescription, d.Modality = "20200101", 1, "Thorax", modality
    d.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    d.Rows, d.Columns, d.PixelSpacing = ROWS, COLUMNS, list(SPACING)
    d.ImagePositionPatient = [float(x) for x in position]
    d.ImageOrientationPatient = [float(x) for v in orientation for x in v]
    d.SliceThickness = 5.0
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.BitsAllocated = d.BitsStored = 16
    d.HighBit, d.PixelRepresentation = 15, 1
    d.RescaleSlope, d.RescaleIntercept = 1, 0
    for name, value in more.items():
        if value is None:
            delattr(d, name)
        else:
            setattr(d, name, value)
    return d


def series(
    folder: Path,
    where: Sequence[Sequence[float]],
    orientation: Any = AXIAL,
    change: Callable[[FileDataset, int], None] | None = None,
    seed: int = 0,
    prefix: str = "",
    **more: Any,
) -> list[Path]:
    """Write one file per position, under names and in an order that tell nothing."""  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    names = np.random.default_rng(seed).permutation(len(where))
    paths = []
    for n, position in enumerate(where):
        d = header(position, orientation, InstanceNumber=int(names[n]) + 1, **more)
        d.PixelData = np.rint(plane(position, orientation)).astype("<i2").tobytes()
        if change:
            change(d, n)
        path = folder / f"{prefix}{names[n]:03d}.xyz"
        d.save_as(path)
        paths.append(path)
    return paths


def enhanced(
    path: Path,
    where: Sequence[Sequence[float]],
    orientation: Any = AXIAL,
    extra: Sequence[dict[str, Any]] | None = None,
    **more: Any,
) -> Path:
    """One enhanced multi-frame MR file; ``extra`` gives each frame's echo_ms, temporal or stack."""
    d = header(where[0], orientation, modality="MR", **more)
    d.SOPClassUID = d.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
    for name in (
        "PixelSpacing",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "SliceThickness",
        "RescaleSlope",
        "RescaleIntercept",
    ):
        delattr(d, name)
    d.NumberOfFrames = len(where)
    measures, turned, scaled = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = list(SPACING), 5.0
    turned.ImageOrientationPatient = [float(x) for v in orientation for x in v]
    scaled.RescaleSlope, scaled.RescaleIntercept, scaled.RescaleType = 2, -100, "US"
    shared = Dataset()
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = Items([measures]), Items([turned])
    shared.PixelValueTransformationSequence = Items([scaled])
    d.SharedFunctionalGroupsSequence = Items([shared])
    frames, pixels = [], []
    for n, position in enumerate(where):
        place, content, own = Dataset(), Dataset(), Dataset()
        place.ImagePositionPatient = [float(x) for x in position]
        own.PlanePositionSequence = Items([place])
        given = extra[n] if extra else {}
        if "temporal" in given:
            content.TemporalPositionIndex = given["temporal"]
        if "stack" in given:
            content.StackID = given["stack"]
        own.FrameContentSequence = Items([content])
        if "echo_ms" in given:
            echo = Dataset()
            echo.EffectiveEchoTime = given["echo_ms"]
            own.MREchoSequence = Items([echo])
        frames.append(own)
        pixels.append(np.rint((plane(position, orientation) + given.get("add", 0) + 100) / 2))
    d.PerFrameFunctionalGroupsSequence = Items(frames)
    d.PixelData = np.stack(pixels).astype("<i2").tobytes()
    d.save_as(path)
    return path


def change_pixels(path: Path, values: np.ndarray, **more: Any) -> None:
    """Replace a file's stored pixels and header values."""
    d = pydicom.dcmread(path)
    d.PixelData = values.tobytes()
    for name, value in more.items():
        setattr(d, name, value)
    d.save_as(path)
