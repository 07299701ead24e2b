"""One image plane as a DICOM file describes it: the same record for classic files and for frames of enhanced ones."""

from __future__ import annotations

import logging
import math
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset

from organtwin.io.sources import Found

Vec3 = tuple[float, float, float]

DIRECTORY = "1.2.840.10008.1.3.10"
UNCOMPRESSED = frozenset(("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"))

_TAGS = [
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "ProtocolName",
    "Modality", "ImageType", "InstanceNumber", "AcquisitionNumber", "AcquisitionTime", "ContentTime", "PatientID", "PatientName",
    "PatientBirthDate", "StudyDate", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "NumberOfFrames",
    "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "SliceThickness", "SpacingBetweenSlices", "GantryDetectorTilt",
    "FrameOfReferenceUID", "TemporalPositionIdentifier", "TriggerTime", "NominalPercentageOfCardiacPhase", "EchoTime", "EchoNumbers",
    "DiffusionBValue", "BurnedInAnnotation", "LossyImageCompression", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence", "ConversionType", "StackID", "ImageIndex",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Frame:
    """One plane of an image. ``spacing`` is (between rows, between columns) in mm; positions and directions are LPS."""

    path: Path
    name: str
    index: int | None  # frame of a multi-frame file
    patient: tuple[str, str, str]  # id, name, birth date
    study_uid: str
    study_date: str
    series_uid: str
    series_number: int | None
    description: str
    sop_class: str
    sop_uid: str
    modality: str
    image_type: tuple[str, ...]
    rows: int
    columns: int
    samples: int
    spacing: tuple[float, float] | None
    position: Vec3 | None
    across: Vec3 | None  # direction in which the column index grows
    down: Vec3 | None  # direction in which the row index grows
    thickness: float | None
    tilt: float | None
    frame_uid: str
    instance: float
    acquisition: str
    acquired: str
    echo: float | None
    b_value: float | None
    temporal: float | None
    trigger: float | None
    percent: float | None
    stack: str
    burned_in: bool
    lossy: bool
    cut_short: bool


class Unreadable(Exception):
    """A file that begins like DICOM and cannot be read further."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what the DICOM libraries print about odd files from the user: our one sentence says what matters."""
    loggers = [logging.getLogger(name) for name in ("pydicom", "openjpeg", "libjpeg", "rle")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def read_frames(found: Found) -> list[Frame]:
    """The planes that a file holds; empty for a directory (DICOMDIR) or something that is not DICOM after all.

    Raises
    ------
    Unreadable
        When the file is damaged.
    """
    try:
        with open(found.path, "rb") as file:
            dataset = pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=list(_TAGS))
            left = os.fstat(file.fileno()).st_size - file.tell()
        return list(_frames(dataset, found, left))
    except Exception as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error


def _frames(dataset: Dataset, found: Found, left: int) -> Iterator[Frame]:
    meta = getattr(dataset, "file_meta", None) or Dataset()
    sop_class = str(dataset.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID") or "")
    if sop_class == DIRECTORY or not (sop_class or dataset.get("Rows") or dataset.get("Modality")):
        return
    count = _integer(dataset.get("NumberOfFrames")) or 1
    common: dict[str, Any] = {
        "path": found.path,
        "name": found.name,
        "patient": (_text(dataset, "PatientID"), _text(dataset, "PatientName"), _text(dataset, "PatientBirthDate")),
        "study_uid": _text(dataset, "StudyInstanceUID"),
        "study_date": _text(dataset, "StudyDate"),
        "series_uid": _text(dataset, "SeriesInstanceUID"),
        "series_number": _integer(dataset.get("SeriesNumber")),
        "description": _text(dataset, "SeriesDescription") or _text(dataset, "ProtocolName"),
        "sop_class": sop_class,
        "sop_uid": _text(dataset, "SOPInstanceUID"),
        "modality": _text(dataset, "Modality"),
        "rows": _integer(dataset.get("Rows")) or 0,
        "columns": _integer(dataset.get("Columns")) or 0,
        "samples": _integer(dataset.get("SamplesPerPixel")) or 1,
        "frame_uid": _text(dataset, "FrameOfReferenceUID"),
        "tilt": _number(dataset.get("GantryDetectorTilt")),
        "burned_in": _text(dataset, "BurnedInAnnotation").upper() == "YES",
        "lossy": _text(dataset, "LossyImageCompression") == "01",
        "cut_short": _cut_short(dataset, str(meta.get("TransferSyntaxUID", "")), count, left),
    }
    shared = _first(dataset, "SharedFunctionalGroupsSequence")
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    if not (shared or per_frame):
        index: int | None = None if count == 1 else 0
        for n in range(count):
            yield Frame(index=index if index is None else n, **common, **_plane((dataset,), n if count > 1 else None))
        return
    for n in range(count):
        own = per_frame[n] if n < len(per_frame) else Dataset()
        yield Frame(index=n if count > 1 else None, **common, **_enhanced(own, shared, dataset, n))


def _plane(where: tuple[Dataset, ...], ordinal: int | None, **given: Any) -> dict[str, Any]:
    """What differs between planes, from the first dataset that has it."""

    def find(name: str) -> Any:
        for dataset in where:
            value = dataset.get(name)
            if value is not None and value != "":
                return value
        return None

    orientation = _vector(find("ImageOrientationPatient"), 6)
    plane: dict[str, Any] = {
        "image_type": tuple(str(v) for v in _list(find("FrameType") or find("ImageType"))),
        "spacing": _positive(_vector(find("PixelSpacing"), 2)),
        "position": _vector(find("ImagePositionPatient"), 3),
        "across": orientation[:3] if orientation else None,
        "down": orientation[3:] if orientation else None,
        "thickness": _number(find("SliceThickness")),
        "instance": _number(find("InstanceNumber")) or 0.0,
        "acquisition": str(find("AcquisitionNumber") or ""),
        "acquired": str(find("AcquisitionTime") or find("ContentTime") or ""),
        "echo": _number(find("EchoTime")),
        "b_value": _number(find("DiffusionBValue")),
        "temporal": _number(find("TemporalPositionIdentifier")),
        "trigger": _number(find("TriggerTime")),
        "percent": _number(find("NominalPercentageOfCardiacPhase")),
        "stack": "",
    }
    if ordinal is not None:
        plane["instance"] = float(ordinal)
    plane.update({key: value for key, value in given.items() if value is not None})
    return plane


_GROUPS = (
    "PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence", "FrameContentSequence", "MREchoSequence",
    "MRDiffusionSequence", "CardiacSynchronizationSequence", "MRImageFrameTypeSequence", "CTImageFrameTypeSequence",
    "PETFrameTypeSequence", "TemporalPositionSequence",
)  # fmt: skip


def _enhanced(own: Dataset, shared: Dataset | None, dataset: Dataset, ordinal: int) -> dict[str, Any]:
    groups = [item for name in _GROUPS for item in (_first(own, name), _first(shared, name)) if item is not None]
    content = _first(own, "FrameContentSequence") or Dataset()
    heart = (
        _first(own, "CardiacSynchronizationSequence") or _first(shared, "CardiacSynchronizationSequence") or Dataset()
    )
    echo = _first(own, "MREchoSequence") or _first(shared, "MREchoSequence") or Dataset()
    return _plane(
        (*groups, dataset),
        ordinal,
        echo=_number(echo.get("EffectiveEchoTime")),
        temporal=_number(content.get("TemporalPositionIndex")),
        trigger=_number(heart.get("NominalCardiacTriggerDelayTime")),
        percent=_number(heart.get("NominalPercentageOfCardiacPhase")),
        acquisition=str(content.get("FrameAcquisitionNumber") or "") or None,
        acquired=str(content.get("FrameAcquisitionDateTime") or "") or None,
        stack=str(content.get("StackID") or "") or None,
    )


def _cut_short(dataset: Dataset, syntax: str, frames: int, left: int) -> bool:
    """Whether fewer bytes are left in an uncompressed file than its pixels need (with the 8 bytes of their tag)."""
    if syntax not in UNCOMPRESSED and syntax:
        return False
    try:
        bits = (
            int(dataset.Rows)
            * int(dataset.Columns)
            * int(dataset.get("SamplesPerPixel") or 1)
            * int(dataset.BitsAllocated)
            * frames
        )
        if str(dataset.get("PhotometricInterpretation", "")).startswith("YBR_FULL_422"):
            bits = bits * 2 // 3
    except (AttributeError, TypeError, ValueError):
        return False
    return left < bits // 8 + 8


# -- values that may be absent, empty or wrong ----------------------------------------------------------------------


def _first(dataset: Dataset | None, name: str) -> Dataset | None:
    sequence = dataset.get(name) if dataset is not None else None
    return sequence[0] if sequence else None


def _text(dataset: Dataset, name: str) -> str:
    value = dataset.get(name)
    return "" if value is None else str(value).strip()


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return [value] if isinstance(value, str | float | int) else list(value)


def _number(value: Any) -> float | None:
    try:
        number = float(_list(value)[0])
    except (TypeError, ValueError, IndexError):
        return None
    return number if math.isfinite(number) else None


def _integer(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _vector(value: Any, length: int) -> Any:
    try:
        numbers = tuple(float(v) for v in _list(value))
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == length and all(map(math.isfinite, numbers)) else None


def _positive(numbers: Any) -> Any:
    return numbers if numbers and min(numbers) > 1e-6 else None
