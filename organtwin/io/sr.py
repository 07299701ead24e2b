"""Measurements as a DICOM structured report, template TID 1500: volume and intensity of each structure, diameters and
narrow places of its vessels. The report refers to a SEG file, written beside it, and names every image of the scan.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from organtwin.errors import BadInput
from organtwin.io import codes
from organtwin.io.dicom_seg import MAKER, code, instance, text, tracking_uid, version, write_seg
from organtwin.io.identity import surrogate_uid
from organtwin.io.writing import whole_file
from organtwin.model import Centerline, Segment, Segmentation, Volume

OWN = "99ORGANTWIN"  # scheme of the codes that no other scheme has
ML, MM = Code("mL", "UCUM", "milliliter"), Code("mm", "UCUM", "millimeter")
HU, PERCENT = Code("[hnsf'U]", "UCUM", "Hounsfield unit"), Code("%", "UCUM", "percent")
VOLUME = Code("118565006", "SCT", "Volume")
ATTENUATION = Code("112031", "DCM", "Attenuation Coefficient")
DIAMETER, LENGTH = Code("81827009", "SCT", "Diameter"), Code("410668003", "SCT", "Length")
MEAN, DEVIATION = Code("373098007", "SCT", "Mean"), Code("386136009", "SCT", "Standard Deviation")
LOWEST, HIGHEST = Code("255605001", "SCT", "Minimum"), Code("56851009", "SCT", "Maximum")
FINDINGS = {
    "stenosis": Code("415582006", "SCT", "Stenosis"),
    "dilatation": Code("25322007", "SCT", "Dilatation"),
    "aneurysm": Code("432119003", "SCT", "Aneurysm"),
}
PROCEDURES = {
    "CT": Code("25045-6", "LN", "CT unspecified body region"),
    "MR": Code("25056-3", "LN", "MRI unspecified body region"),
}
OTHER_PROCEDURE = Code("363679005", "SCT", "Imaging procedure")


def write_sr(
    segmentation: Segmentation, path: Path, sources: Sequence[Dataset], volume: Volume | None = None,
    lines: Iterable[Centerline] = (),
) -> Path:  # fmt: skip
    """Write the report, and the SEG that it refers to beside it (``NAME-seg.dcm``).

    Parameters
    ----------
    segmentation : Segmentation
    path : Path
    sources : sequence of Dataset
        Headers of the images that it was drawn on: all of them become evidence.
    volume : Volume, optional
        The scan on the same grid: for mean and deviation.
    lines : iterable of Centerline
        Measured vessels: their diameters, stenoses and aneurysms.

    Raises
    ------
    BadInput
        When there is nothing to report, or the images are not given: a report of no images cannot be filed.
    """
    if not sources:
        raise BadInput(
            "A measurement report must name the images it was measured on, and the project does not keep who they are",
            remedy="Give the folder of the scan (--source).",
        )
    labels = np.asarray(segmentation.labels)
    counts = np.bincount(labels.ravel(), minlength=1)
    present = [(n, s) for n, s in enumerate(segmentation.segments, 1) if s.label < len(counts) and counts[s.label]]
    if not present:
        raise BadInput(f"The segmentation '{segmentation.name}' has no structure to report")
    beside = path.with_name(f"{path.name.removesuffix(path.suffix)}-seg.dcm")
    with whole_file(beside) as file:
        write_seg(segmentation, Path(file.name), sources)
    seg = pydicom.dcmread(beside, stop_before_pixels=True)
    lines = list(lines)
    values = np.asarray(volume.values) if volume is not None and volume.grid.same_as(segmentation.grid) else None
    hu = volume is not None and volume.value_unit == "HU"
    groups: list[Any] = []
    for number, segment in present:
        inside = values[labels == segment.label] if values is not None and hu else None
        own = [line for line in lines if line.structure == segment.key]
        measured = [
            sr.Measurement(
                VOLUME, round(float(counts[segment.label]) * segmentation.grid.voxel_volume_mm3 / 1000, 4), ML
            )
        ]
        if inside is not None:
            measured += [
                sr.Measurement(ATTENUATION, round(float(inside.mean()), 2), HU, derivation=MEAN),
                sr.Measurement(ATTENUATION, round(float(inside.std()), 2), HU, derivation=DEVIATION),
            ]
        if own:
            across = np.concatenate([_clear(line) for line in own])
            measured += [
                sr.Measurement(DIAMETER, round(float(across.min()), 2), MM, derivation=LOWEST),
                sr.Measurement(DIAMETER, round(float(across.max()), 2), MM, derivation=HIGHEST),
            ]
        groups.append(_group(segmentation, segment, number, seg, sources, measured))
        groups += [
            _finding(segmentation, segment, finding, n) for line in own for n, finding in enumerate(line.findings, 1)
        ]
    report = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=_observer()),
        procedure_reported=PROCEDURES.get(str(sources[0].get("Modality", "")), OTHER_PROCEDURE),
        imaging_measurements=groups,
        title=Code("126000", "DCM", "Imaging Measurement Report"),
        referenced_images=list(sources) if "PixelSpacing" in sources[0] else None,  # highdicom lists single frames only
    )
    document = sr.Comprehensive3DSR(
        evidence=[*sources, seg],
        content=report[0],
        is_complete=False,
        is_final=False,
        **instance(902, f"Measurements {segmentation.name}"),
    )
    with whole_file(path) as file:
        document.save_as(file)
    return path


def _observer() -> sr.ObserverContext:
    return sr.ObserverContext(
        observer_type=sr.CodedConcept("121007", "DCM", "Device"),
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=surrogate_uid("device", MAKER, version()), name=MAKER, manufacturer_name=MAKER, model_name=MAKER
        ),
    )


def _group(
    segmentation: Segmentation, segment: Segment, number: int, seg: Dataset, sources: Sequence[Dataset], measured: list[Any]
) -> Any:  # fmt: skip
    side = codes.side_of(segment)
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=tracking_uid(segmentation.uuid, segment), identifier=text(segment.key, 64)
        ),
        referenced_segment=sr.ReferencedSegment(
            sop_class_uid=seg.SOPClassUID,
            sop_instance_uid=seg.SOPInstanceUID,
            segment_number=number,
            source_series=sr.SourceSeriesForSegmentation(sources[0].SeriesInstanceUID),
        ),
        finding_category=code(codes.category_of(segment)),
        finding_type=code(codes.type_of(segment)),
        finding_sites=[sr.FindingSite(code(codes.type_of(segment)), laterality=code(side) if side else None)],
        measurements=measured,
    )


def _finding(segmentation: Segmentation, segment: Segment, finding: Any, number: int) -> Any:
    """A narrow or wide place, which no segment shows."""
    name = f"{segment.key} {finding.what} {number}"
    measured = [
        sr.Measurement(
            DIAMETER,
            round(float(finding.diameter_mm), 2),
            MM,
            derivation=LOWEST if finding.what == "stenosis" else HIGHEST,
        ),
        sr.Measurement(LENGTH, round(float(finding.length_mm), 2), MM),
    ]
    if finding.what == "stenosis":
        told = (
            ("STENOSIS_DIAMETER", "Stenosis by diameter", finding.percent_diameter),
            ("STENOSIS_AREA", "Stenosis by area", finding.percent_area),
            ("STENOSIS_NASCET", "Stenosis by diameter, NASCET", finding.nascet_percent),
        )
        measured += [
            sr.Measurement(Code(key, OWN, words), round(float(v), 2), PERCENT)
            for key, words, v in told
            if v is not None
        ]
    if finding.volume_mm3 > 0:
        measured.append(sr.Measurement(VOLUME, round(float(finding.volume_mm3) / 1000, 4), ML))
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=surrogate_uid("finding", segmentation.uuid, name), identifier=text(name, 64)
        ),
        finding_type=FINDINGS[finding.what],
        finding_sites=[sr.FindingSite(code(codes.type_of(segment)))],
        measurements=measured,
    )


def _clear(line: Centerline) -> np.ndarray:
    """Diameters of the sections that are whole."""
    across = line.diameter_mm
    if line.clear is not None and np.any(line.clear):
        across = across[np.asarray(line.clear, bool)]
    return across[across > 0] if np.any(across > 0) else np.zeros(1)
