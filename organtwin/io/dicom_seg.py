"""Segmentations as DICOM SEG: the form that other programs and archives read.

Every structure keeps its SNOMED CT code, laterality, name and colour. A code alone does not say which of our structures
was meant (two kidneys, five tumours), so the key also travels as the tracking identifier.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import highdicom as hd
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.sr.coding import Code
from pydicom.uid import CTImageStorage, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, SegmentationStorage

from organtwin.errors import BadInput
from organtwin.io import codes
from organtwin.io.identity import surrogate_uid
from organtwin.io.parts import Drawn, composed, from_labels, placed
from organtwin.model import Segment, Segmentation, structure
from organtwin.space import Grid

MAKER = "OrganTwin"
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"  # Label Map Segmentation Storage, younger than pydicom's dictionary
Kind = Literal["binary", "fractional", "labelmap"]
ARRAY_ORDER = [2, 1, 0, 3]  # highdicom's affine takes indices in the order of the array: k, j, i
MOST_SEGMENTS = 65535


def write_seg(
    segmentation: Segmentation,
    path: Path,
    sources: Sequence[Dataset] = (),
    *,
    kind: Kind = "binary",
    probabilities: Mapping[str, NDArray[Any]] | None = None,
    deflate: bool = False,
) -> Path:
    """Write a segmentation as one DICOM SEG file.

    Parameters
    ----------
    segmentation : Segmentation
        On any regular grid.
    path : Path
        The file to write.
    sources : sequence of Dataset, optional
        Headers of the images it was drawn on: patient and study are taken from them and the frames refer to them.
        Without them the file names no patient, and hangs together with the images by its frame of reference alone.
    kind : {"binary", "fractional", "labelmap"}
        Binary is read by all programs. A label map (new in DICOM 2024) keeps the label numbers and is the smallest.
    probabilities : mapping of str to array, optional
        For "fractional": key to probabilities 0 to 1 (nk, nj, ni); kept in steps of 1/255. Without: 0 and 1.
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
    numbered = (
        sorted((s.label, n) for n, s in enumerate(segmentation.segments))
        if kind == "labelmap"
        else [(n + 1, n) for n in range(len(segmentation.segments))]
    )
    described = [_describe(number, segmentation.segments[n], segmentation.uuid) for number, n in numbered]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of highdicom: an empty segment, a name that is long
        file = hd.seg.Segmentation(
            source_images=list(sources) or [_stand_in(segmentation.grid, frame_uid)],
            pixel_array=_pixels(segmentation, kind, probabilities, frame_uid),
            segmentation_type=kind.upper(),
            segment_descriptions=described,
            content_label="SEGMENTATION",
            content_description=text(segmentation.name, 64),
            transfer_syntax_uid=ExplicitVRLittleEndian,
            **instance(900, f"Segmentation {segmentation.name}"),
            omit_empty_frames=bool(np.any(segmentation.labels)),
        )
    measures = file.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.SpacingBetweenSlices = f"{segmentation.grid.spacing_mm[2]:.10g}"  # highdicom guesses 1 for a single slice
    if not sources:
        _forget_sources(file)
    if deflate:
        file.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save_as(path)
    return path


def read_seg(path: Path, grid: Grid | None = None, threshold: float = 0.5) -> Segmentation:
    """Read a DICOM SEG file of any program as one label map.

    Parameters
    ----------
    path : Path
        A SEG file: binary, fractional or label map.
    grid : Grid, optional
        Put the labels on this grid (that of the scan): SEG files often leave out empty slices or the rim.
    threshold : float, optional
        In a fractional file, a voxel belongs to a segment from this value on.

    Returns
    -------
    Segmentation
        One label per voxel. Where structures overlap the smaller one wins, and a note says so.

    Raises
    ------
    BadInput
        When it is not a SEG file, has no regular grid, or lies in another frame of reference than ``grid``.
    """
    one = composed(draw_seg(path, threshold))
    if grid is None:
        return one
    if grid.frame_uid and one.grid.frame_uid and grid.frame_uid != one.grid.frame_uid:
        raise BadInput("The segmentation belongs to another scan: the frames of reference differ", where=str(path))
    return placed(one, grid)


def draw_seg(path: Path, threshold: float = 0.5) -> Drawn:
    """The segments of a DICOM SEG file on its own grid, each with its mask (see :func:`read_seg`)."""
    file = _open(path)
    numbers = [int(n) for n in file.segment_numbers if int(n) > 0]
    if not numbers or len(numbers) > MOST_SEGMENTS:
        raise BadInput(f"The segmentation has {len(numbers)} segments to read", where=str(path))
    own = _grid(file, path)
    flat = file.segmentation_type == hd.seg.SegmentationTypeValues.LABELMAP
    segments = [_segment(number, file.get_segment_description(number)) for number in numbers]
    name = str(file.get("ContentDescription") or file.get("SeriesDescription") or path.stem)
    drawn = Drawn(name, own)
    try:
        labels = _labels(file, numbers, flat)
        if labels is not None:
            grid, flip = _right_handed(own)
            return from_labels(name, grid, labels[::-1] if flip else labels, segments)
        drawn.grid, flip = _right_handed(own)
        for number, segment in zip(numbers, segments, strict=True):
            mask = file.get_volume(segment_numbers=[number], combine_segments=False).array[..., 0] >= threshold
            drawn.add(segment, mask[::-1] if flip else mask)
    except (ValueError, IndexError, AttributeError) as error:
        raise BadInput("The pixels of the segmentation are damaged or cut off", where=str(path)) from error
    return drawn


# -- writing ------------------------------------------------------------------------------------------------------


def _pixels(
    segmentation: Segmentation, kind: Kind, probabilities: Mapping[str, NDArray[Any]] | None, frame_uid: str
) -> hd.Volume:
    place = segmentation.grid.affine[:, ARRAY_ORDER], "PATIENT", frame_uid
    labels = np.asarray(segmentation.labels)
    if kind == "fractional" and probabilities is not None:
        shares = np.zeros((*labels.shape, len(segmentation.segments)), np.float32)
        for n, segment in enumerate(segmentation.segments):
            given = probabilities.get(segment.key)
            shares[..., n] = labels == segment.label if given is None else np.clip(given, 0, 1)
        return hd.Volume(shares, *place, channels={"SegmentNumber": list(range(1, shares.shape[-1] + 1))})
    highest = max(max(s.label for s in segmentation.segments), len(segmentation.segments), int(labels.max(initial=0)))
    dtype = np.uint8 if highest < 256 else np.uint16
    table = np.zeros(highest + 1, dtype)  # what has no segment is background
    for number, segment in enumerate(segmentation.segments, 1):
        table[segment.label] = segment.label if kind == "labelmap" else number  # others want 1, 2, ...
    return hd.Volume(table[labels], *place)


def _describe(number: int, segment: Segment, owner: str) -> hd.seg.SegmentDescription:
    by_hand = segment.confidence is None
    description = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=text(segment.name, 64),
        segmented_property_category=code(codes.category_of(segment)),
        segmented_property_type=code(codes.type_of(segment)),
        algorithm_type="MANUAL" if by_hand else "AUTOMATIC",
        algorithm_identification=None if by_hand else _algorithm(),
        tracking_uid=tracking_uid(owner, segment),
        tracking_id=text(segment.key, 64),
        display_color=hd.color.CIELabColor.from_rgb(*segment.colour),
    )
    side = codes.side_of(segment)
    if side:
        modifier = Dataset()
        modifier.CodeValue, modifier.CodingSchemeDesignator, modifier.CodeMeaning = side
        description.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [modifier]
    if segment.doubt:
        description.SegmentDescription = text(segment.doubt, 1000)
    return description


def code(concept: codes.Concept) -> Code:
    return Code(concept.value[:16], concept.scheme[:16], concept.meaning[:64])


def tracking_uid(owner: str, segment: Segment) -> str:
    """The same in every file that is written of a segmentation, so that a report and a SEG speak of one thing."""
    return surrogate_uid("tracking", owner, segment.key)


def _algorithm() -> hd.AlgorithmIdentificationSequence:
    return hd.AlgorithmIdentificationSequence(
        name=MAKER, version=version(), family=Code("123105", "DCM", "Region Growing Algorithm")
    )


def instance(series_number: int, description: str) -> dict[str, Any]:
    """What highdicom asks of every object made here: a series and an instance of its own, by whom, in which letters."""
    return {
        "series_instance_uid": hd.UID(),
        "series_number": series_number,
        "series_description": text(description, 64),
        "sop_instance_uid": hd.UID(),
        "instance_number": 1,
        "manufacturer": MAKER,
        "manufacturer_model_name": MAKER,
        "software_versions": version(),
        "device_serial_number": "0",
        "specific_character_set": "ISO_IR 192",
    }


def version() -> str:
    from organtwin import __version__

    return __version__


def text(words: str, length: int) -> str:
    """Words as a DICOM text may hold them: one value, one line, no longer than is allowed."""
    return " ".join(words.replace("\\", "/").split())[:length].strip() or MAKER


def _stand_in(grid: Grid, frame_uid: str) -> Dataset:
    """A header that names no patient, where there are no images to take it from."""
    d = Dataset()
    d.SOPClassUID, d.SOPInstanceUID = CTImageStorage, hd.UID()
    d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = hd.UID(), hd.UID(), frame_uid
    name_nobody(d)
    now = datetime.now()
    d.StudyDate, d.StudyTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    d.Modality = "CT"
    d.Columns, d.Rows = grid.size[:2]
    d.PixelSpacing = [float(grid.spacing_mm[1]), float(grid.spacing_mm[0])]
    d.SliceThickness = float(grid.spacing_mm[2])
    d.ImageOrientationPatient = [float(v) for v in (*grid.directions[:, 0], *grid.directions[:, 1])]
    d.ImagePositionPatient = [float(v) for v in grid.origin_mm]
    return d


def name_nobody(d: Dataset) -> None:
    """Put a patient without a name into a header."""
    d.PatientName, d.PatientID, d.PatientBirthDate, d.PatientSex = "ANONYMOUS^", "ANONYMOUS", "", ""
    d.StudyID, d.AccessionNumber, d.ReferringPhysicianName = "", "", ""


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
    except AttributeError as error:  # what the library misses, by its keyword
        lacks = f"it has no {error.name}" if error.name else "a part of it is missing"
        raise BadInput(f"The DICOM segmentation is damaged or cut off: {lacks}", where=str(path)) from error
    except (ValueError, KeyError, EOFError, InvalidDicomError) as error:
        raise BadInput(f"The DICOM segmentation is damaged: {error}", where=str(path)) from error


def _grid(file: Any, path: Path) -> Grid:
    try:
        geometry = file.get_volume_geometry()
    except (RuntimeError, ValueError, AttributeError):
        geometry = None
    if geometry is None:
        raise BadInput(
            "The slices of the segmentation are not evenly spaced", where=str(path), remedy="Save it on a regular grid."
        )
    nk, nj, ni = (int(n) for n in geometry.shape)
    return Grid((ni, nj, nk), geometry.affine[:, ARRAY_ORDER], str(file.get("FrameOfReferenceUID", "")))


def _labels(file: Any, numbers: list[int], flat: bool) -> NDArray[Any] | None:
    """The file as a label map of its segment numbers; None where its segments are fractions or overlap."""
    if file.segmentation_type == hd.seg.SegmentationTypeValues.FRACTIONAL:
        return None
    dtype = np.uint8 if max(numbers) < 256 else np.uint16
    try:
        volume = file.get_volume(segment_numbers=numbers, combine_segments=True, relabel=False, dtype=dtype)
    except RuntimeError:  # segments overlap
        if flat:
            raise
        return None
    return np.ascontiguousarray(volume.array)


def _right_handed(grid: Grid) -> tuple[Grid, bool]:
    """Slices in the order of the normal of their rows and columns, as scans are kept; and whether that turns them."""
    if np.linalg.det(grid.affine[:3, :3]) > 0:
        return grid, False
    affine = np.array(grid.affine)
    affine[:3, 2] *= -1
    affine[:3, 3] = grid.to_world((0, 0, grid.size[2] - 1))
    return Grid(grid.size, affine, grid.frame_uid), True


def _segment(label: int, described: Any) -> Segment:
    kind = described.SegmentedPropertyTypeCodeSequence[0]
    value, scheme = str(kind.get("CodeValue", "")), str(kind.get("CodingSchemeDesignator", ""))
    sides = [str(m.get("CodeValue", "")) for m in kind.get("SegmentedPropertyTypeModifierCodeSequence", [])]
    sides += [
        str(m.get("CodeValue", ""))
        for region in described.get("AnatomicRegionSequence", [])
        for m in region.get("AnatomicRegionModifierSequence", [])
    ]
    name = str(described.segment_label)
    key = codes.key_of(str(described.get("TrackingID", "")), value, sides, name)
    colour = structure(key).colour
    if "RecommendedDisplayCIELabValue" in described:
        rgb = hd.color.CIELabColor.from_dicom_value(described.RecommendedDisplayCIELabValue).to_rgb()
        colour = (int(rgb[0]), int(rgb[1]), int(rgb[2]))
    return Segment(
        label=label,
        key=key,
        name=name,
        colour=colour,
        code=codes.code_text(value, scheme),
        volume_mm3=0.0,
        doubt=str(described.get("SegmentDescription", "")),
    )
