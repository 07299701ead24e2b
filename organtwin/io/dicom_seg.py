"""Segmentations as DICOM SEG: the form that other programs and archives read.

Every structure keeps its SNOMED CT code, laterality, name and colour. A code alone does not say which of our structures
was meant (two kidneys, five tumours), so the key also travels as the tracking identifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.sr.coding import Code
from pydicom.uid import CTImageStorage, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, SegmentationStorage

from organtwin.errors import BadInput
from organtwin.model import STRUCTURES, Segment, Segmentation, structure
from organtwin.space import Grid

MAKER = "OrganTwin"
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"  # Label Map Segmentation Storage, younger than pydicom's dictionary
SIDES = {"24028007": Code("24028007", "SCT", "Right"), "7771000": Code("7771000", "SCT", "Left")}
ANATOMY, LESION, TISSUE = (
    Code("123037004", "SCT", "Anatomical Structure"),
    Code("49755003", "SCT", "Morphologically Abnormal Structure"),
    Code("85756007", "SCT", "Tissue"),
)
CATEGORY = {"tumour": LESION, "fat": TISSUE, "muscle": TISSUE}
ARRAY_ORDER = [2, 1, 0, 3]  # highdicom's affine takes indices in the order of the array: k, j, i


def write_seg(
    segmentation: Segmentation, path: Path, sources: Sequence[Dataset] = (), *, deflate: bool = False
) -> Path:
    """Write a segmentation as one DICOM SEG file (BINARY).

    Parameters
    ----------
    segmentation : Segmentation
        On any regular grid.
    path : Path
        The file to write.
    sources : sequence of Dataset, optional
        Headers of the images it was drawn on: patient and study are taken from them and the frames refer to them.
        Without them the file names no patient, and hangs together with the images by its frame of reference alone.
    deflate : bool, optional
        Store with the deflated transfer syntax: a tenth of the size, read by most, not all, programs.

    Raises
    ------
    BadInput
        When there is nothing to write, or the images lie in another frame of reference.
    """
    if not segmentation.segments:
        raise BadInput(f"The segmentation '{segmentation.name}' has no structure to write")
    frame_uid = segmentation.grid.frame_uid or str(hd.UID())
    for source in sources:
        if str(source.get("FrameOfReferenceUID", frame_uid)) != frame_uid:
            raise BadInput(
                f"The segmentation '{segmentation.name}' and the images lie in different frames of reference",
                remedy="Give the images that it was drawn on, or none.",
            )
    volume = hd.Volume(
        _consecutive(segmentation),
        segmentation.grid.affine[:, ARRAY_ORDER],
        coordinate_system="PATIENT",
        frame_of_reference_uid=frame_uid,
    )
    file = hd.seg.Segmentation(
        source_images=list(sources) or [_stand_in(segmentation.grid, frame_uid)],
        pixel_array=volume,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[_describe(number, segment) for number, segment in enumerate(segmentation.segments, 1)],
        series_instance_uid=hd.UID(),
        series_number=900,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer=MAKER,
        manufacturer_model_name=MAKER,
        software_versions=_version(),
        device_serial_number="0",
        content_label="SEGMENTATION",
        content_description=_text(segmentation.name, 64),
        series_description=_text(f"Segmentation {segmentation.name}", 64),
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )
    if not sources:
        _forget_sources(file)
    if deflate:
        file.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save_as(path)
    return path


def read_seg(path: Path, grid: Grid | None = None) -> Segmentation:
    """Read a DICOM SEG file of any program.

    Parameters
    ----------
    path : Path
        A SEG file: binary, fractional (a voxel belongs from one half on) or label map.
    grid : Grid, optional
        Put the labels on this grid (that of the scan): SEG files often leave out empty slices or the rim.

    Returns
    -------
    Segmentation
        One label per voxel. Where structures overlap the smaller one wins, and a note says so.

    Raises
    ------
    BadInput
        When it is not a SEG file, has no regular grid, or lies in another frame of reference than ``grid``.
    """
    file = _open(path)
    numbers = list(file.segment_numbers)
    if not numbers or len(numbers) > 255:
        raise BadInput(f"The segmentation has {len(numbers)} segments, and 1 to 255 can be read", where=str(path))
    try:
        geometry = file.get_volume_geometry()
    except RuntimeError:
        geometry = None
    if geometry is None:
        raise BadInput(
            "The slices of the segmentation are not evenly spaced", where=str(path), remedy="Save it on a regular grid."
        )
    try:
        labels, notes = _labels(file, numbers)
    except (ValueError, IndexError, AttributeError) as error:
        raise BadInput("The pixels of the segmentation are damaged or cut off", where=str(path)) from error
    own = Grid(
        (geometry.shape[2], geometry.shape[1], geometry.shape[0]),
        geometry.affine[:, ARRAY_ORDER],
        str(file.get("FrameOfReferenceUID", "")),
    )
    labels, own = _right_handed(labels, own)
    if grid is not None:
        labels, own = _placed(labels, own, grid, path), grid
    counts = np.bincount(labels.ravel(), minlength=len(numbers) + 1)
    segments, keys = [], set[str]()
    for label, number in enumerate(numbers, 1):
        described = file.get_segment_description(number)
        key = _unused(_key(described), keys)
        keys.add(key)
        segments.append(_segment(label, key, described, float(counts[label]) * own.voxel_volume_mm3))
    name = str(file.get("ContentDescription") or file.get("SeriesDescription") or path.stem)
    return Segmentation(name=name, grid=own, labels=labels, segments=tuple(segments), notes=tuple(notes))


# -- writing ------------------------------------------------------------------------------------------------------


def _consecutive(segmentation: Segmentation) -> NDArray[np.uint8]:
    """Labels renumbered 1, 2, ... in the order of the segments, as SEG wants them."""
    table = np.zeros(256, np.uint8)
    for number, segment in enumerate(segmentation.segments, 1):
        table[segment.label] = number
    return table[segmentation.labels]


def _describe(number: int, segment: Segment) -> hd.seg.SegmentDescription:
    known = structure(segment.key)
    by_hand = segment.confidence is None
    description = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=_text(segment.name, 64),
        segmented_property_category=CATEGORY.get(segment.key, ANATOMY),
        segmented_property_type=Code(segment.code, "SCT", known.meaning),
        algorithm_type="MANUAL" if by_hand else "AUTOMATIC",
        algorithm_identification=None if by_hand else _algorithm(),
        tracking_uid=hd.UID(),
        tracking_id=_text(segment.key, 64),
        display_color=hd.color.CIELabColor.from_rgb(*segment.colour),
    )
    if known.laterality:
        side = SIDES[known.laterality]
        modifier = Dataset()
        modifier.CodeValue, modifier.CodingSchemeDesignator, modifier.CodeMeaning = (
            side.value,
            side.scheme_designator,
            side.meaning,
        )
        description.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [modifier]
    if segment.doubt:
        description.SegmentDescription = _text(segment.doubt, 1000)
    return description


def _algorithm() -> hd.AlgorithmIdentificationSequence:
    return hd.AlgorithmIdentificationSequence(
        name=MAKER, version=_version(), family=Code("123105", "DCM", "Region Growing Algorithm")
    )


def _version() -> str:
    from organtwin import __version__

    return __version__


def _text(text: str, length: int) -> str:
    return text.replace("\\", "/")[:length] or MAKER


def _stand_in(grid: Grid, frame_uid: str) -> Dataset:
    """A header that names no patient, where there are no images to take it from."""
    now = datetime.now()
    d = Dataset()
    d.SOPClassUID, d.SOPInstanceUID = CTImageStorage, hd.UID()
    d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = hd.UID(), hd.UID(), frame_uid
    d.PatientName, d.PatientID, d.PatientBirthDate, d.PatientSex = "ANONYMOUS^", "ANONYMOUS", "", ""
    d.StudyDate, d.StudyTime, d.StudyID, d.AccessionNumber, d.ReferringPhysicianName = (
        now.strftime("%Y%m%d"),
        now.strftime("%H%M%S"),
        "",
        "",
        "",
    )
    d.Modality = "CT"
    d.Columns, d.Rows = grid.size[:2]
    d.PixelSpacing = [float(grid.spacing_mm[1]), float(grid.spacing_mm[0])]
    d.SliceThickness = float(grid.spacing_mm[2])
    d.ImageOrientationPatient = [float(v) for v in (*grid.directions[:, 0], *grid.directions[:, 1])]
    d.ImagePositionPatient = [float(v) for v in grid.origin_mm]
    return d


def _forget_sources(file: Dataset) -> None:
    """Take out the references to the stand-in."""
    for name in ("ReferencedSeriesSequence", "SourceImageSequence"):
        if name in file:
            delattr(file, name)
    for group in (*file.PerFrameFunctionalGroupsSequence, *file.SharedFunctionalGroupsSequence):
        if "DerivationImageSequence" in group:
            del group.DerivationImageSequence


# -- reading ------------------------------------------------------------------------------------------------------


def _open(path: Path) -> Any:
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True)
    except (InvalidDicomError, EOFError) as error:
        raise BadInput("This is not a DICOM file", where=str(path)) from error
    except OSError as error:
        raise BadInput("The file cannot be read", where=str(path), remedy=str(error.strerror or "")) from error
    kind = header.get("SOPClassUID", "")
    if kind not in (SegmentationStorage, LABEL_MAP):
        raise BadInput(
            f"This is not a DICOM segmentation but {getattr(kind, 'name', 'something else')}", where=str(path)
        )
    try:
        return hd.seg.segread(path)
    except (AttributeError, ValueError, KeyError, EOFError, InvalidDicomError) as error:
        raise BadInput(f"The DICOM segmentation is damaged: {error}", where=str(path)) from error


def _labels(file: Any, numbers: list[int]) -> tuple[NDArray[np.uint8], list[str]]:
    """Labels 1, 2, ... in the order of the segment numbers; the smaller structure wins where several overlap."""
    fractional = file.segmentation_type == hd.seg.SegmentationTypeValues.FRACTIONAL
    if not fractional:
        try:
            combined = file.get_volume(segment_numbers=numbers, combine_segments=True, relabel=True, dtype=np.uint8)
            return np.ascontiguousarray(combined.array), []
        except RuntimeError:  # segments overlap
            pass
    masks = [file.get_volume(segment_numbers=[n], combine_segments=False).array[..., 0] >= 0.5 for n in numbers]
    labels = np.zeros(masks[0].shape, np.uint8)
    for index in sorted(range(len(masks)), key=lambda n: -int(masks[n].sum())):
        labels[masks[index]] = index + 1
    overlap = int(np.sum([m.astype(np.uint8) for m in masks], axis=0, dtype=np.int32).clip(1).sum() - labels.size)
    return labels, [f"Structures overlap in {overlap} voxels: there the smaller structure was kept."] if overlap else []


def _right_handed(labels: NDArray[np.uint8], grid: Grid) -> tuple[NDArray[np.uint8], Grid]:
    """Slices in the order of the normal of their rows and columns, as scans are kept."""
    if np.linalg.det(grid.affine[:3, :3]) > 0:
        return labels, grid
    affine = np.array(grid.affine)
    affine[:3, 2] *= -1
    affine[:3, 3] = grid.to_world((0, 0, grid.size[2] - 1))
    return np.ascontiguousarray(labels[::-1]), Grid(grid.size, affine, grid.frame_uid)


def _placed(labels: NDArray[np.uint8], own: Grid, grid: Grid, path: Path) -> NDArray[np.uint8]:
    """The labels on another grid of the same frame (nearest voxel)."""
    if grid.frame_uid and own.frame_uid and grid.frame_uid != own.frame_uid:
        raise BadInput("The segmentation belongs to another scan: the frames of reference differ", where=str(path))
    step = own.inverse @ grid.affine  # index of grid -> index of labels
    out = np.zeros(grid.shape, np.uint8)
    if np.allclose(step[:3, :3], np.diag(np.diag(step[:3, :3])), atol=1e-4):  # same axes: pick rows, columns, slices
        picks, kept = [], []
        for axis in range(3):
            index = _nearest(step[axis, axis] * np.arange(grid.size[axis]) + step[axis, 3])
            inside = (index >= 0) & (index < own.size[axis])
            kept.append(np.flatnonzero(inside))
            picks.append(index[inside])
        out[np.ix_(*kept[::-1])] = labels[np.ix_(*picks[::-1])]
        return out
    j, i = np.meshgrid(np.arange(grid.size[1]), np.arange(grid.size[0]), indexing="ij")
    for k in range(grid.size[2]):
        ijk = _nearest(np.stack([i, j, np.full_like(i, k)], -1) @ step[:3, :3].T + step[:3, 3])
        inside = np.all((ijk >= 0) & (ijk < own.size), axis=-1)
        ii, jj, kk = ijk[inside].T
        out[k][inside] = labels[kk, jj, ii]
    return out


def _nearest(index: NDArray[np.float64]) -> NDArray[np.int64]:
    """Halves always up: rounding them to even would make every other voxel wider. (1e-4 is the noise of headers.)"""
    return np.floor(index + (0.5 + 1e-4)).astype(np.int64)


def _key(described: Any) -> str:
    """The key of a segment: its tracking identifier where that is one of ours, else by code and side, else its label."""
    tracking = str(described.get("TrackingID", ""))
    if tracking in STRUCTURES:
        return tracking
    kind = described.SegmentedPropertyTypeCodeSequence[0]
    code = str(kind.get("CodeValue", ""))
    sides = [str(m.get("CodeValue", "")) for m in kind.get("SegmentedPropertyTypeModifierCodeSequence", [])]
    regions = [
        str(m.get("CodeValue", ""))
        for region in described.get("AnatomicRegionSequence", [])
        for m in region.get("AnatomicRegionModifierSequence", [])
    ]
    said = [*sides, *regions]
    matching = [s for s in STRUCTURES.values() if s.code == code]
    for known in matching:
        if known.laterality and known.laterality in said:
            return known.key
    for known in matching:
        if not known.laterality and not any(side in SIDES for side in said):
            return known.key
    words = "".join(c if c.isalnum() else "_" for c in (tracking or str(described.segment_label)).lower()).strip("_")
    return words or f"segment_{described.segment_number}"


def _unused(key: str, taken: set[str]) -> str:
    if key not in taken:
        return key
    n = 2
    while f"{key}_{n}" in taken:
        n += 1
    return f"{key}_{n}"


def _segment(label: int, key: str, described: Any, volume_mm3: float) -> Segment:
    kind = described.SegmentedPropertyTypeCodeSequence[0]
    colour = structure(key).colour
    if "RecommendedDisplayCIELabValue" in described:
        rgb = hd.color.CIELabColor.from_dicom_value(described.RecommendedDisplayCIELabValue).to_rgb()
        colour = (int(rgb[0]), int(rgb[1]), int(rgb[2]))
    return Segment(
        label=label,
        key=key,
        name=str(described.segment_label),
        colour=colour,
        code=str(kind.get("CodeValue", "")),
        volume_mm3=volume_mm3,
        doubt=str(described.get("SegmentDescription", "")),
    )
