"""Stored pixels to values with a meaning: decoding, rescale, padding, and the smallest type that holds them exactly."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels.processing import apply_modality_lut
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from organtwin.errors import BadInput
from organtwin.io.frames import Frame, quiet
from organtwin.io.sources import Progress

# Lowest value with a meaning on the Hounsfield scale: what scanners write below it marks where they did not measure.
LOWEST_HU = -1024


@dataclass
class Plane:
    """One decoded slice (rows, columns): int16 or int32 where that is exact, else float; and where nothing was measured."""

    values: NDArray[Any]
    padding: NDArray[np.bool_] | None = None
    window: tuple[float, float] | None = None
    facts: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unit: str = ""
    # of the values as they were decoded: each pass over a long series costs as much as reading a tenth of it
    low: float = 0.0
    high: float = 0.0

    def __post_init__(self) -> None:
        if self.values.size:
            self.low, self.high = float(self.values.min()), float(self.values.max())


def decode(frames: Sequence[Frame], monitor: Progress, share: tuple[float, float] = (0.0, 1.0)) -> list[Plane]:
    """Read the pixels of all frames, several files at a time.

    Raises
    ------
    BadInput
        Naming the files that are damaged or in a form that cannot be decoded.
    """
    by_file: dict[Any, list[int]] = {}
    for n, frame in enumerate(frames):
        by_file.setdefault(frame.path, []).append(n)
    planes: list[Plane | None] = [None] * len(frames)
    failed: dict[str, str] = {}
    start, stop = share
    with quiet(), ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        jobs = {pool.submit(_decode_file, [frames[n] for n in wanted]): wanted for wanted in by_file.values()}
        try:
            for done, job in enumerate(as_completed(jobs), 1):
                wanted = jobs[job]
                try:
                    for n, plane in zip(wanted, job.result(), strict=True):
                        planes[n] = plane
                except MemoryError:
                    raise too_large() from None
                except Exception as error:
                    failed[frames[wanted[0]].name] = _plain_reason(error)
                monitor.progress(start + (stop - start) * done / len(jobs), f"reading file {done} of {len(jobs)}")
        finally:  # a cancel does not wait for what has not begun
            pool.shutdown(wait=False, cancel_futures=True)
    if failed:
        names = sorted(failed)
        shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        count = len(by_file)
        raise BadInput(
            f"{len(names)} of {count} files cannot be read: {failed[names[0]]}"
            if count > 1
            else f"The file cannot be read: {failed[names[0]]}",
            where=shown,
            remedy="Copy the series again.",
        )
    return [plane for plane in planes if plane is not None]


def too_large() -> BadInput:
    return BadInput(
        "There is not enough memory for this series", remedy="Close other programs, or import a smaller series."
    )


def _plain_reason(error: Exception) -> str:
    text = f"{error}".lower()
    if "less than" in text or "truncat" in text or "length" in text or "unexpected end" in text or "not enough" in text:
        return "the pixels are cut short"
    if (
        "no available" in text
        or "unable to decompress" in text
        or "unsupported" in text
        or "plugins" in text
        or "missing" in text
    ):
        return "the pixels are damaged or compressed in a way that is not known"
    return "the pixels are damaged"


def _decode_file(frames: Sequence[Frame]) -> list[Plane]:
    dataset = pydicom.dcmread(frames[0].path, force=True)
    _name_the_syntax(dataset)
    try:
        stored = dataset.pixel_array
    except (Exception, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of a decoder that is not written in Python
        raise ValueError("the pixels are damaged") from error
    several = frames[0].index is not None
    return [_plane(dataset, stored[frame.index] if several else stored, frame) for frame in frames]


def _name_the_syntax(dataset: Dataset) -> None:
    """Files without a preamble do not name their transfer syntax; the way they were parsed tells it."""
    if not hasattr(dataset, "file_meta"):
        dataset.file_meta = FileMetaDataset()
    if not dataset.file_meta.get("TransferSyntaxUID"):
        implicit, little = dataset.original_encoding
        dataset.file_meta.TransferSyntaxUID = (
            ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        )


def _plane(dataset: Dataset, stored: NDArray[Any], frame: Frame) -> Plane:
    bits = int(dataset.get("BitsStored") or dataset.BitsAllocated)
    signed = int(dataset.get("PixelRepresentation") or 0) == 1
    if stored.dtype.kind in "iu" and bits < stored.dtype.itemsize * 8:
        stored = _only_stored_bits(stored, bits, signed)
    padding = _padding(dataset, stored, signed)
    groups = _groups(dataset, frame)
    transform = _find(groups, "PixelValueTransformationSequence")
    slope, intercept = _scale(transform if transform is not None else dataset)
    notes: list[str] = []
    if transform is None and "ModalityLUTSequence" in dataset:
        values = np.asarray(apply_modality_lut(stored, dataset))
    elif slope == 1 and intercept == int(intercept) and stored.dtype.kind in "iu":
        low, high = (int(stored.min()), int(stored.max())) if stored.size else (0, 0)
        small = min(low, low + intercept) >= -(2**15) and max(high, high + intercept) < 2**15
        values = stored.astype(np.int16 if small else np.int32)
        values += values.dtype.type(intercept)
    else:
        exact = stored.astype(np.float64) * slope + intercept
        values = (
            exact.astype(np.int32)
            if slope == int(slope) and intercept == int(intercept) and np.abs(exact).max(initial=0) < 2**31
            else exact.astype(np.float32)
        )
    values = _smallest(values)
    if padding is not None and frame.modality == "CT" and float(values[padding].max()) > -900:
        padding = None  # the padding value is also that of tissue: a mistake in the file
    if str(dataset.get("PhotometricInterpretation", "")).strip() == "MONOCHROME1" and frame.modality not in (
        "CT",
        "PT",
    ):
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
        turned = (low + high) * slope + 2 * intercept - values.astype(np.float64)
        values = _smallest(turned.astype(np.int32)) if values.dtype.kind == "i" else turned.astype(values.dtype)
        notes.append("The file stores bright as low (MONOCHROME1); values were turned so that bright is high.")
    voi = _find(groups, "FrameVOILUTSequence")
    unit = _unit(dataset, transform, frame.modality)
    return Plane(
        values, padding, _window(voi if voi is not None else dataset), _facts(dataset, groups), tuple(notes), unit
    )


def _smallest(values: NDArray[Any]) -> NDArray[Any]:
    """int16 where whole numbers fit it."""
    if values.dtype.kind != "i" or values.dtype == np.int16 or not values.size:
        return values
    return values.astype(np.int16) if values.min() >= -(2**15) and values.max() < 2**15 else values


def _unit(dataset: Dataset, transform: Dataset | None, modality: str) -> str:
    """HU for CT unless the file says otherwise (dual-energy maps do); Units for PET."""
    if modality == "PT":
        unit = str(dataset.get("Units") or "")
        return {"BQML": "Bq/mL"}.get(unit, unit)
    if modality != "CT":
        return ""
    kind = str((transform if transform is not None else dataset).get("RescaleType") or "HU").strip()
    return "HU" if kind in ("HU", "US") else kind


def _only_stored_bits(stored: NDArray[Any], bits: int, signed: bool) -> NDArray[Any]:
    """Drop what lies above BitsStored (old files keep overlays there) and extend the sign."""
    if signed:
        shift = stored.dtype.itemsize * 8 - bits
        return np.asarray((stored << shift) >> shift) if stored.dtype.kind == "i" else stored
    return np.asarray(stored & stored.dtype.type((1 << bits) - 1))


def _padding(dataset: Dataset, stored: NDArray[Any], signed: bool) -> NDArray[np.bool_] | None:
    first = _stored_value(dataset.get("PixelPaddingValue"), signed, int(dataset.BitsAllocated))
    if first is None:
        return None
    last = _stored_value(dataset.get("PixelPaddingRangeLimit"), signed, int(dataset.BitsAllocated))
    last = first if last is None else last
    mask = (stored >= min(first, last)) & (stored <= max(first, last))
    return mask if mask.any() else None


def _stored_value(value: Any, signed: bool, bits: int) -> int | None:
    """A pixel value of the header, which may have been written with the other sign."""
    try:
        number = int.from_bytes(value, "little") if isinstance(value, bytes) else int(value)
    except (TypeError, ValueError):
        return None
    if signed and number >= 1 << (bits - 1):
        return number - (1 << bits)
    return number + (1 << bits) if not signed and number < 0 else number


def _scale(dataset: Dataset) -> tuple[float, float]:
    try:
        slope = float(dataset.get("RescaleSlope") or 1)
        intercept = float(dataset.get("RescaleIntercept") or 0)
    except (TypeError, ValueError):
        return 1.0, 0.0
    return slope, intercept


def _window(dataset: Dataset) -> tuple[float, float] | None:
    """(level, width) of the first window of the file, when it is one."""
    try:
        level, width = (float(np.atleast_1d(dataset.get(name))[0]) for name in ("WindowCenter", "WindowWidth"))
    except (TypeError, ValueError, IndexError):
        return None
    return (level, width) if np.isfinite(level) and np.isfinite(width) and width > 1 else None


def _groups(dataset: Dataset, frame: Frame) -> list[Dataset]:
    """Functional groups that hold for a frame: its own, then the shared ones."""
    groups = []
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    n = frame.index or 0
    if n < len(per_frame):
        groups.append(per_frame[n])
    return groups + list(dataset.get("SharedFunctionalGroupsSequence") or [])[:1]


def _find(groups: Sequence[Dataset], name: str) -> Dataset | None:
    for group in groups:
        sequence = group.get(name)
        if sequence:
            return sequence[0]
    return None


# facts of the acquisition that say nothing about the patient: what a person asks of a scan
_FACTS = {
    "KVP": "tube voltage (kV)", "ConvolutionKernel": "kernel", "ContrastBolusAgent": "contrast", "ContrastBolusRoute": "contrast route",
    "SliceThickness": "slice thickness (mm)", "XRayTubeCurrent": "tube current (mA)", "Exposure": "exposure (mAs)",
    "ReconstructionDiameter": "reconstruction diameter (mm)", "GantryDetectorTilt": "gantry tilt (degrees)", "ScanOptions": "scan options",
    "Manufacturer": "manufacturer", "ManufacturerModelName": "scanner", "MagneticFieldStrength": "field strength (T)",
    "ScanningSequence": "sequence", "RepetitionTime": "repetition time (ms)", "EchoTime": "echo time (ms)", "FlipAngle": "flip angle (degrees)",
    "HeartRate": "heart rate (1/min)", "NominalInterval": "R-R interval (ms)", "PatientPosition": "patient position",
    "BodyPartExamined": "body part", "PatientSex": "sex",
}  # fmt: skip


def _facts(dataset: Dataset, groups: Sequence[Dataset]) -> dict[str, str]:
    where = [dataset] + [
        item
        for group in groups
        for sequence in group
        if sequence.VR == "SQ" and sequence.value
        for item in [sequence.value[0]]
    ]
    facts = {}
    for keyword, label in _FACTS.items():
        for place in where:
            value = place.get(keyword)
            if value not in (None, ""):
                facts[label] = (
                    ", ".join(str(v) for v in value) if isinstance(value, pydicom.multival.MultiValue) else str(value)
                )
                break
    age = str(dataset.get("PatientAge") or "")
    if age[:3].isdigit() and age.endswith("Y"):
        facts["age"] = "90 or more" if int(age[:3]) >= 90 else f"{int(age[:3])}"
    return facts


# -- many planes ----------------------------------------------------------------------------------------------------


def common_type(planes: Sequence[Plane], lowest: float) -> np.dtype[Any]:
    """int16 where every value fits exactly, else float32 (int32 values beyond 2**24 keep float64)."""
    if all(plane.values.dtype.kind == "i" for plane in planes):
        low = min(min(int(plane.low) for plane in planes), int(lowest))
        high = max(int(plane.high) for plane in planes)
        if low >= -(2**15) and high < 2**15:
            return np.dtype(np.int16)
        if max(abs(low), abs(high)) >= 2**24:
            return np.dtype(np.float64)
    return np.dtype(np.float32)


def settle_padding(planes: Sequence[Plane], unit: str) -> tuple[float, list[str]]:
    """Give what was not measured the lowest value with a meaning; returns that value and what to tell.

    Changes the planes in place.
    """
    lowest = min((value for value in map(_measured_low, planes) if value is not None), default=0.0)
    notes = []
    if unit == "HU":
        lowest = max(lowest, float(LOWEST_HU)) if lowest < -900 else float(LOWEST_HU)
    for plane in planes:
        if plane.padding is not None:
            plane.values = np.where(plane.padding, plane.values.dtype.type(lowest), plane.values)
            plane.low, plane.high = float(plane.values.min()), float(plane.values.max())
    if unit == "HU":
        deep = [plane for plane in planes if plane.low < LOWEST_HU]
        below = sum(int((plane.values < LOWEST_HU).sum()) for plane in deep)
        if below:
            share = 100 * below / sum(plane.values.size for plane in planes)
            for plane in deep:
                plane.low = float(LOWEST_HU)
                plane.values = np.maximum(plane.values, plane.values.dtype.type(LOWEST_HU))
            shown = f"{share:.1f} %" if share >= 0.05 else "A few"
            notes.append(
                f"{shown} of the voxels lay below {LOWEST_HU} HU, outside what the scanner measures, and were set to it."
            )
    return lowest, notes


def _measured_low(plane: Plane) -> float | None:
    if plane.padding is None:
        return plane.low if plane.values.size else None
    measured = plane.values[~plane.padding]
    return float(measured.min()) if measured.size else None
