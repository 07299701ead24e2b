"""Segmentations as DICOM RTSTRUCT: contours on the slices, as radiotherapy keeps them.

Contours are written along the edges of the pixels, so that they hold the same voxels and the same volume when they are
read again. Holes are joined by keyholes, as PS3.3 C.8.8.6.3 asks. They are read with their true places below the pixel: a
voxel belongs to a structure when its centre lies in the contour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.tag import Tag
from pydicom.uid import ImplicitVRLittleEndian, RTStructureSetStorage, generate_uid
from pydicom.valuerep import format_number_as_ds

from organtwin.errors import BadInput
from organtwin.io import codes, outline
from organtwin.io.dicom_seg import MAKER, name_nobody, text, version
from organtwin.io.frames import quiet
from organtwin.io.parts import Box, Drawn
from organtwin.io.writing import whole_file
from organtwin.model import Segment, Segmentation, structure
from organtwin.space import Grid

FloatArray = NDArray[np.float64]
Lines = Literal["edges", "smooth"]
# points of a contour this near to a plane lie in it, in parts of the slice distance
IN_PLANE = 0.1
# slices of a grid and planes of contours this near to each other are the same, in parts of the slice distance
SAME_PLANE = 0.25
_STUDY = "1.2.840.10008.3.1.2.3.1"  # Detached Study Management, as structure sets refer to a study


def write_rtstruct(
    segmentation: Segmentation, path: Path, sources: Sequence[Dataset] = (), *, lines: Lines = "edges"
) -> Path:
    """Write the contours of all segments as one RTSTRUCT file.

    Parameters
    ----------
    segmentation : Segmentation
    path : Path
    sources : sequence of Dataset, optional
        Headers of the images: patient and study are taken from them, and every contour names its image.
    lines : {"edges", "smooth"}
        Along the edges of the pixels (the same volume), or round lines between the same pixel centres.

    Raises
    ------
    BadInput
        When there is nothing to write.
    """
    if not segmentation.segments:
        raise BadInput(f"The segmentation '{segmentation.name}' has no structure to write")
    grid = segmentation.grid
    d = _header(segmentation, sources)
    frame_uid = d.FrameOfReferenceUID
    d.ReferencedFrameOfReferenceSequence = [_reference(frame_uid, sources)]
    images = _images_by_slice(grid, sources)
    labels = np.asarray(segmentation.labels)
    d.StructureSetROISequence, d.ROIContourSequence, d.RTROIObservationsSequence = [], [], []
    for number, segment in enumerate(segmentation.segments, 1):
        roi = Dataset()
        roi.ROINumber, roi.ReferencedFrameOfReferenceUID = number, frame_uid
        roi.ROIName = text(segment.name, 64)
        roi.ROIDescription = text(segment.key, 64)
        roi.ROIVolume = f"{segment.volume_mm3 / 1000:.6g}"
        roi.ROIGenerationAlgorithm = "MANUAL" if segment.confidence is None else "AUTOMATIC"
        d.StructureSetROISequence.append(roi)
        contours = Dataset()
        contours.ROIDisplayColor, contours.ReferencedROINumber = list(segment.colour), number
        contours.SourcePixelPlanesCharacteristicsSequence = [_planes(grid)]
        made = list(_contours(labels, segment.label, grid, lines, images))
        if made:
            contours.ContourSequence = made
        d.ROIContourSequence.append(contours)
        d.RTROIObservationsSequence.append(_observation(number, segment))
    with whole_file(path) as file:
        d.save_as(file, enforce_file_format=True)
    return path


def draw_rtstruct(path: Path, grid: Grid | None = None, pixel_mm: float | None = None) -> Drawn:
    """The structures of an RTSTRUCT file as masks.

    Parameters
    ----------
    path : Path
    grid : Grid, optional
        The scan's. Contours that lie in its slices are filled there, exactly; others on a grid of their own.
    pixel_mm : float, optional
        Pixel size of a grid of their own. Without: that of contours along pixels, else 1 mm.

    Raises
    ------
    BadInput
        When it is no structure set, is damaged, or holds no closed contour.
    """
    d = _open(path)
    frames = {str(r.get("ReferencedFrameOfReferenceUID", "")) for r in d.get("StructureSetROISequence", [])}
    frames |= {str(r.get("FrameOfReferenceUID", "")) for r in d.get("ReferencedFrameOfReferenceSequence", [])}
    frames.discard("")
    if len(frames) > 1:
        raise BadInput("The structures lie in several frames of reference", where=path.name)
    frame_uid = next(iter(frames), "")
    notes: list[str] = []
    regions = _regions(d, notes)
    if not any(region.contours for region in regions):
        raise BadInput("The structure set holds no closed contours", where=path.name)
    if grid is None or not _in_slices(regions, grid):
        if grid is not None:
            notes.append("The contours do not lie in the slices of the scan: they were filled on a grid of their own.")
        target = _own_grid(regions, pixel_mm, frame_uid)
    else:
        target = Grid(grid.size, grid.affine, frame_uid)
    name = str(d.get("StructureSetName") or d.get("StructureSetLabel") or d.get("SeriesDescription") or path.stem)
    drawn = Drawn(name, target, [], notes)
    planes, halves = _slabs(regions, target)
    if len(planes) > 1 and float(np.diff(planes).min()) > 1.5:
        gap = float(np.diff(planes).min())
        notes.append(f"The contours are {gap:.3g} slices apart; each was taken for the slices nearest to it.")
    for region in regions:
        box, mask = _filled(region, target, planes, halves, notes)
        drawn.add(region.segment, mask, box)
        if not region.contours:
            notes.append(f"'{region.segment.name}' has no closed contour: it is empty.")
    if any(region.contours for region in regions) and not any(_lies_in(region, target) for region in regions):
        raise BadInput(
            "The structure set lies wholly outside the scan",
            where=path.name,
            remedy="Choose the scan that it was drawn on.",
        )
    drawn.notes = list(dict.fromkeys(notes))
    return drawn


# -- writing ----------------------------------------------------------------------------------------------------------


def _header(segmentation: Segmentation, sources: Sequence[Dataset]) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = RTStructureSetStorage, generate_uid()
    meta.TransferSyntaxUID = ImplicitVRLittleEndian  # explicit lengths of 16 bits are too short for large contours
    d = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    now = datetime.now()
    d.SpecificCharacterSet = "ISO_IR 192"
    d.SOPClassUID, d.SOPInstanceUID = RTStructureSetStorage, meta.MediaStorageSOPInstanceUID
    name_nobody(d)
    d.FrameOfReferenceUID, d.PositionReferenceIndicator = segmentation.grid.frame_uid or generate_uid(), ""
    d.StudyInstanceUID, d.StudyDate, d.StudyTime = generate_uid(), now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    if sources:
        for name in (
            "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime",
            "StudyID", "AccessionNumber", "ReferringPhysicianName", "StudyDescription",
        ):  # fmt: skip
            if name in sources[0]:
                setattr(d, name, sources[0].get(name))
    d.Modality, d.Manufacturer, d.ManufacturerModelName, d.SoftwareVersions = "RTSTRUCT", MAKER, MAKER, version()
    d.SeriesInstanceUID, d.SeriesNumber, d.InstanceNumber = generate_uid(), 901, 1
    d.SeriesDescription = text(f"Structures {segmentation.name}", 64)
    d.SeriesDate, d.SeriesTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    d.OperatorsName = ""
    d.StructureSetLabel, d.StructureSetName = text(segmentation.name, 16), text(segmentation.name, 64)
    d.StructureSetDate, d.StructureSetTime = d.SeriesDate, d.SeriesTime
    d.InstanceCreationDate, d.InstanceCreationTime = d.SeriesDate, d.SeriesTime
    d.ApprovalStatus = "UNAPPROVED"
    return d


def _reference(frame_uid: str, sources: Sequence[Dataset]) -> Dataset:
    frame = Dataset()
    frame.FrameOfReferenceUID = frame_uid
    if sources:
        study, series = Dataset(), Dataset()
        study.ReferencedSOPClassUID, study.ReferencedSOPInstanceUID = _STUDY, sources[0].StudyInstanceUID
        series.SeriesInstanceUID = sources[0].SeriesInstanceUID
        series.ContourImageSequence = [_image(source) for source in sources]
        study.RTReferencedSeriesSequence = [series]
        frame.RTReferencedStudySequence = [study]
    return frame


def _image(source: Dataset) -> Dataset:
    image = Dataset()
    image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = source.SOPClassUID, source.SOPInstanceUID
    return image


def _images_by_slice(grid: Grid, sources: Sequence[Dataset]) -> dict[int, Dataset]:
    """The image of each slice of the grid, where one lies in it."""
    images: dict[int, Dataset] = {}
    for source in sources:
        if "ImagePositionPatient" not in source:
            continue
        k = float(grid.to_index([float(v) for v in source.ImagePositionPatient])[2])
        if abs(k - round(k)) < SAME_PLANE:
            images.setdefault(round(k), source)
    return images


def _planes(grid: Grid) -> Dataset:
    """The pixels that the contours were drawn on."""
    planes = Dataset()
    planes.PixelSpacing = [
        format_number_as_ds(float(grid.spacing_mm[1])),
        format_number_as_ds(float(grid.spacing_mm[0])),
    ]
    planes.SpacingBetweenSlices = format_number_as_ds(float(grid.spacing_mm[2]))
    planes.ImageOrientationPatient = [
        format_number_as_ds(float(v)) for v in (*grid.directions[:, 0], *grid.directions[:, 1])
    ]
    first = (0, 0, 0 if np.linalg.det(grid.affine[:3, :3]) > 0 else grid.size[2] - 1)
    planes.ImagePositionPatient = [format_number_as_ds(float(v)) for v in grid.to_world(first)]
    planes.NumberOfFrames, planes.Rows, planes.Columns = grid.size[2], grid.size[1], grid.size[0]
    return planes


def _contours(labels: NDArray[Any], label: int, grid: Grid, lines: Lines, images: dict[int, Dataset]) -> Any:
    number = 0
    for k in range(len(labels)):
        mask = labels[k] == label
        if not mask.any():
            continue
        ways = outline.outlines(mask) if lines == "edges" else outline.smooth_outlines(mask)
        if sum(outline.area(way) for way in ways) < 0:
            ways = [way[::-1] for way in ways]
        for way in outline.with_keyholes(ways):
            number += 1
            points = grid.to_world(np.column_stack([way, np.full(len(way), float(k))]))
            contour = Dataset()
            if k in images:
                contour.ContourImageSequence = [_image(images[k])]
            contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", len(points)
            contour.ContourNumber = number
            _put_points(contour, points)
            yield contour


def _put_points(contour: Dataset, points: FloatArray) -> None:
    """As bytes: a million numbers as objects of their own would take a minute."""
    data = "\\".join(map(_decimal, points.ravel().tolist())).encode()
    data += b" " * (len(data) % 2)
    tag = Tag("ContourData")
    contour[tag] = RawDataElement(tag, "DS", len(data), data, 0, True, True)
    contour.set_original_encoding(True, True, "iso8859")  # as it is written: the bytes go out as they are


def _decimal(value: float) -> str:
    """A decimal string of at most 16 characters, to a millionth of a millimetre."""
    shown = f"{value:.6f}".rstrip("0").rstrip(".")
    return shown if shown not in ("-0", "") else "0"


def _observation(number: int, segment: Segment) -> Dataset:
    seen = Dataset()
    seen.ObservationNumber, seen.ReferencedROINumber = number, number
    seen.ROIObservationLabel = text(segment.key, 16)
    lesion = codes.category_of(segment) == codes.LESION
    seen.RTROIInterpretedType = "GTV" if lesion else "EXTERNAL" if segment.key == "body" else "ORGAN"
    seen.ROIInterpreter = ""
    seen.SegmentedPropertyCategoryCodeSequence = [_coded(codes.category_of(segment))]
    kind = _coded(codes.type_of(segment))
    side = codes.side_of(segment)
    if side:
        kind.SegmentedPropertyTypeModifierCodeSequence = [_coded(side)]
    seen.RTROIIdentificationCodeSequence = [kind]
    return seen


def _coded(concept: codes.Concept) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = concept.value[:16], concept.scheme[:16]
    item.CodeMeaning = concept.meaning[:64]
    return item


# -- reading ----------------------------------------------------------------------------------------------------------


@dataclass
class _Region:
    segment: Segment
    contours: list[tuple[FloatArray, bool]]  # points in LPS mm, whether of the kind that is combined by exclusive or
    planes: Grid | None = None  # the pixels that they were drawn on, where the file says so


def _open(path: Path) -> Dataset:
    try:
        with quiet():
            d = pydicom.dcmread(path)
            d.get("ROIContourSequence")
    except (InvalidDicomError, EOFError) as error:
        raise BadInput("This is not a DICOM file", where=path.name) from error
    except OSError as error:
        raise BadInput("The file cannot be read", where=str(path), remedy=str(error.strerror or "")) from error
    if str(d.get("SOPClassUID", "")) != RTStructureSetStorage and d.get("Modality") != "RTSTRUCT":
        raise BadInput("This is not a DICOM structure set", where=path.name)
    if "StructureSetROISequence" not in d or "ROIContourSequence" not in d:
        raise BadInput("The structure set holds no structures", where=path.name)
    return d


def _regions(d: Dataset, notes: list[str]) -> list[_Region]:
    drawn = {int(c.ReferencedROINumber): c for c in d.ROIContourSequence if "ReferencedROINumber" in c}
    seen = {int(o.ReferencedROINumber): o for o in d.get("RTROIObservationsSequence", []) if "ReferencedROINumber" in o}
    regions, other = [], 0
    for label, roi in enumerate(d.StructureSetROISequence, 1):
        number = int(roi.ROINumber)
        item = drawn.get(number, Dataset())
        region = _Region(_segment(label, roi, item, seen.get(number, Dataset())), [])
        for contour in item.get("ContourSequence", []):
            kind = str(contour.get("ContourGeometricType", "")).replace("_", "")
            try:
                points = np.asarray(contour.get("ContourData") or [], float).reshape(-1, 3)
            except ValueError as error:
                raise BadInput(
                    f"A contour of '{region.segment.name}' is damaged: its points are not triples"
                ) from error
            if kind not in ("CLOSEDPLANAR", "CLOSEDPLANARXOR") or len(points) < 3 or not np.isfinite(points).all():
                other += 1
                continue
            region.contours.append((points, kind.endswith("XOR")))
        region.planes = _said_planes(item)
        regions.append(region)
    if other:
        notes.append(f"{other} contours that enclose nothing (points and open lines) were passed over.")
    return regions


def _segment(label: int, roi: Dataset, item: Dataset, seen: Dataset) -> Segment:
    name = str(roi.get("ROIName") or f"Structure {label}")
    kinds = seen.get("RTROIIdentificationCodeSequence") or [Dataset()]
    value, scheme = str(kinds[0].get("CodeValue", "")), str(kinds[0].get("CodingSchemeDesignator", ""))
    sides = [str(m.get("CodeValue", "")) for m in kinds[0].get("SegmentedPropertyTypeModifierCodeSequence", [])]
    said = str(roi.get("ROIDescription") or "") if value else ""  # of ours only: others write prose there
    key = codes.key_of(said if codes.plain(said) == said else "", value, sides, name)
    known = structure(key)
    colour = item.get("ROIDisplayColor") or known.colour
    try:
        red, green, blue = (min(255, max(0, int(c))) for c in colour)
    except (TypeError, ValueError):
        red, green, blue = known.colour
    return Segment(
        label=label, key=key, name=name, colour=(red, green, blue), code=codes.code_text(value, scheme) or known.code,
        volume_mm3=0.0,
    )  # fmt: skip


def _said_planes(item: Dataset) -> Grid | None:
    try:
        d = item.SourcePixelPlanesCharacteristicsSequence[0]
        turn = np.array([float(v) for v in d.ImageOrientationPatient]).reshape(2, 3)
        axes = np.column_stack([*turn, np.cross(*turn)])
        spacing = (float(d.PixelSpacing[1]), float(d.PixelSpacing[0]), float(d.SpacingBetweenSlices))
        size = (int(d.Columns), int(d.Rows), int(d.NumberOfFrames))
        return Grid.make(size, spacing, [float(v) for v in d.ImagePositionPatient], axes) if min(size) > 0 else None
    except (AttributeError, IndexError, TypeError, ValueError):
        return None


def _in_slices(regions: Sequence[_Region], grid: Grid) -> bool:
    """Whether the contours are parallel to the slices of the grid."""
    return all(
        np.ptp(grid.to_index(points)[:, 2]) < 2 * IN_PLANE for region in regions for points, _ in region.contours
    )


def _slabs(regions: Sequence[_Region], grid: Grid) -> tuple[FloatArray, FloatArray]:
    """The planes of all contours, in slices of the grid, and how far each reaches down and up (n, 2).

    Half the way to the next plane of the set, but no farther than the pixels that they were drawn on are thick, or than the
    usual distance of the planes where the file does not say: a wider gap is one.
    """
    at = np.sort([float(grid.to_index(points)[:, 2].mean()) for region in regions for points, _ in region.contours])
    starts = np.flatnonzero(np.concatenate([[True], np.diff(at) > SAME_PLANE]))
    planes = np.array([part.mean() for part in np.split(at, starts[1:])])
    gaps = np.diff(planes)
    told = [float(region.planes.spacing_mm[2]) for region in regions if region.planes]
    usual = float(np.median(gaps)) if len(gaps) else 1.0
    most = min(told) / float(grid.spacing_mm[2]) / 2 if told else 0.99 * usual
    end = min(most, usual / 2)
    down = np.concatenate([[end], np.minimum(gaps / 2, most)])
    up = np.concatenate([np.minimum(gaps / 2, most), [end]])
    return planes, np.maximum(np.stack([down, up], axis=1), 0.5)


def _filled(
    region: _Region, grid: Grid, planes: FloatArray, halves: FloatArray, notes: list[str]
) -> tuple[Box, NDArray[np.bool_]]:
    """Fill a region's contours, each in the slices that its plane stands for."""
    nothing = (slice(0, 0),) * 3, np.zeros((0, 0, 0), bool)
    held: dict[int, list[tuple[FloatArray, bool]]] = {}
    for points, exclusive in region.contours:
        ijk = grid.to_index(points)
        held.setdefault(int(np.argmin(np.abs(planes - ijk[:, 2].mean()))), []).append((ijk[:, :2], exclusive))
    if not held:
        return nothing
    slices: dict[int, int] = {}  # of the grid -> the plane that is nearest
    for n in held:
        first, last = planes[n] - halves[n, 0] - 1e-3, planes[n] + halves[n, 1] - 1e-3
        for k in range(max(0, int(np.ceil(first))), min(grid.size[2] - 1, int(np.floor(last))) + 1):
            if k not in slices or abs(planes[n] - k) < abs(planes[slices[k]] - k):
                slices[k] = n
    if not slices:
        notes.append(f"'{region.segment.name}' lies outside the slices of the scan.")
        return nothing
    if not _lies_in(region, grid):
        notes.append(f"'{region.segment.name}' lies outside the scan.")
        return nothing
    low, high = min(slices), max(slices) + 1
    mask = np.zeros((high - low, grid.size[1], grid.size[0]), bool)
    done = {n: _slice(held[n], (grid.size[1], grid.size[0]), region.segment.name, notes) for n in set(slices.values())}
    for k, n in slices.items():
        mask[k - low] = done[n]
    return (slice(low, high), slice(0, grid.size[1]), slice(0, grid.size[0])), mask


def _lies_in(region: _Region, grid: Grid) -> bool:
    """Whether the box around the contours and the grid have any place in common."""
    if not region.contours:
        return False
    ijk = np.concatenate([grid.to_index(points) for points, _ in region.contours])
    return bool((ijk.max(axis=0) >= -0.5).all() and (ijk.min(axis=0) <= np.array(grid.size) - 0.5).all())


def _slice(
    contours: list[tuple[FloatArray, bool]], shape: tuple[int, int], name: str, notes: list[str]
) -> NDArray[np.bool_]:
    """Contours of one slice together: one inside another is a hole, side by side both count, and those that cross add up."""
    total = np.zeros(shape, bool)
    for way, exclusive in sorted(contours, key=lambda c: -abs(outline.area(c[0]))):
        rows, columns, inside = outline.fill(way, shape)
        part = total[rows, columns]
        shared = part & inside
        if exclusive or (shared == inside).all():
            part ^= inside
        else:
            if shared.any():
                notes.append(f"Contours of '{name}' cross each other on a slice; what either encloses was taken.")
            part |= inside
    return total


def _own_grid(regions: Sequence[_Region], pixel_mm: float | None, frame_uid: str) -> Grid:
    """A grid in the planes of the contours that holds them all with one voxel around."""
    told = next((region.planes for region in regions if region.planes), None)
    if told is not None and pixel_mm is None and _in_slices(regions, told):
        return Grid(told.size, told.affine, frame_uid)
    contours = [points for region in regions for points, _ in region.contours]
    normal = _normal(max(contours, key=len))
    for points in contours:
        if np.ptp(points @ normal) > 0.5:
            raise BadInput(
                "The contours lie in planes that are not parallel", remedy="Choose the scan that they were drawn on."
            )
    places = np.sort([float((points @ normal).mean()) for points in contours])
    places = places[np.concatenate([[True], np.diff(places) > 0.05])]
    step = float(np.diff(places).min(initial=np.inf))
    step = step if np.isfinite(step) else 1.0
    across, size = _across(contours, normal)
    down = np.cross(normal, across)
    pixel = (pixel_mm, pixel_mm) if pixel_mm else size
    axes = np.stack([across, down, normal], axis=1)
    flat = np.concatenate(contours) @ axes
    low, high = flat.min(axis=0), flat.max(axis=0)
    first = np.array([low[0] - 0.5 * pixel[0], low[1] - 0.5 * pixel[1], places[0] - step])
    count = np.array([
        np.rint((high[0] - low[0]) / pixel[0]) + 2, np.rint((high[1] - low[1]) / pixel[1]) + 2,
        np.rint((places[-1] - places[0]) / step) + 3,
    ])  # fmt: skip
    return Grid.make(count.astype(int), (*pixel, step), axes @ first, axes, frame_uid)


def _normal(points: FloatArray) -> FloatArray:
    """Of the plane of a contour, towards the head, the back or the left."""
    _, _, axes = np.linalg.svd(points - points.mean(axis=0), full_matrices=True)
    normal = np.asarray(axes[2], float)
    main = int(np.argmax(np.abs(normal)))
    normal *= np.sign(normal[main])
    rounded = np.zeros(3)
    rounded[main] = 1.0
    return rounded if normal @ rounded > 1 - 1e-7 else normal


def _across(contours: Sequence[FloatArray], normal: FloatArray) -> tuple[FloatArray, tuple[float, float]]:
    """Direction of the columns and the pixel size: those of contours along pixel edges, else the patient's and 1 mm."""
    patient = np.eye(3)[int(np.argmin(np.abs(normal) + np.array([0, 1e-3, 2e-3])))]
    patient = patient - normal * (patient @ normal)
    patient /= np.linalg.norm(patient)
    edges = np.concatenate([np.diff(points, axis=0) for points in contours])
    edges = edges[np.linalg.norm(edges, axis=1) > 1e-3]
    for axis in (patient, edges[0] / np.linalg.norm(edges[0])):
        axis = axis * (np.sign(axis[np.argmax(np.abs(axis))]))
        other = np.cross(normal, axis)
        along = [np.abs(edges @ direction) for direction in (axis, other)]
        if np.minimum(*along).max() > 2e-3:
            continue
        size = []
        for lengths in along:
            lengths = lengths[lengths > 1e-2]
            shortest = float(lengths.min()) if len(lengths) else 1.0
            size.append(shortest if len(lengths) and _multiples(lengths, shortest) else 0.0)
        if all(size):
            return axis, (size[0], size[1])
    return patient, (1.0, 1.0)


def _multiples(lengths: FloatArray, unit: float) -> bool:
    return bool((np.abs(lengths / unit - np.rint(lengths / unit)) < 0.02).all())
