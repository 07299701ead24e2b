"""The headers of the images that a segmentation was drawn on, read again for a file that must refer to them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from organtwin.errors import BadInput
from organtwin.io.dicom_seg import name_nobody
from organtwin.io.frames import quiet
from organtwin.io.sources import Progress, gather
from organtwin.space import Grid

# what DICOM files must say and old scans leave out
_NEEDED = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate", "StudyTime",
    "ReferringPhysicianName",
)  # fmt: skip
# what a reference to an image consists of
_REFERRED = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
_PERSONAL = (
    "PatientAge", "PatientSize", "PatientWeight", "OtherPatientIDs", "OtherPatientNames", "OtherPatientIDsSequence",
    "PatientComments", "EthnicGroup", "Occupation", "AdditionalPatientHistory", "StudyDescription",
    "PhysiciansOfRecord", "NameOfPhysiciansReadingStudy", "IssuerOfPatientID", "PatientAddress",
    "DeidentificationMethodCodeSequence", "PatientMotherBirthName", "MedicalAlerts", "Allergies", "PregnancyStatus", "ReferencedPatientSequence",
    "ReferencedStudySequence", "RequestAttributesSequence",
)  # fmt: skip


def read_headers(
    sources: Sequence[str | Path], grid: Grid, keep_identity: bool = False, monitor: Progress | None = None
) -> list[Dataset]:
    """Headers of the series on whose slices a grid lies, in the order of the slices.

    Parameters
    ----------
    sources : sequence of path
        Folders, zip files or files of the scan.
    grid : Grid
        Of the segmentation.
    keep_identity : bool
        Leave the patient's name, number and dates in; without, nobody is named and only UIDs refer to the scan.

    Raises
    ------
    BadInput
        When there is no image of that scan.
    """
    series: dict[str, list[Dataset]] = {}
    d: Dataset
    elsewhere = nameless = 0
    with gather(sources, monitor) as files, quiet():
        for found in files.files:
            if found.kind != "dicom":
                continue
            try:
                d = pydicom.dcmread(found.path, stop_before_pixels=True, force=True)
            except Exception:  # damaged: not one of the images
                continue
            if "Rows" not in d or d.get("Modality") == "SEG":
                continue
            if not d.get("SOPClassUID"):  # left out by a program that was in a hurry; the file's head may still say it
                d.SOPClassUID = getattr(d, "file_meta", Dataset()).get("MediaStorageSOPClassUID", "")
            if not all(d.get(name) for name in _REFERRED):
                nameless += 1
                continue
            frame = str(d.get("FrameOfReferenceUID") or "")
            if frame and grid.frame_uid and frame != grid.frame_uid:
                elsewhere += 1
                continue
            series.setdefault(str(d.SeriesInstanceUID), []).append(d)
    fitting = [(_share(images, grid), images) for images in series.values()]
    fitting = [(share, images) for share, images in fitting if share > 0]
    if not fitting and nameless:
        raise BadInput(
            "The images of the scan have no unique numbers (UIDs) of their own, so that no file can refer to them",
            where=str(sources[0]),
            remedy="Export without the images (--source).",
        )
    if not fitting:
        raise BadInput(
            "These are not the images of the scan: they lie in another frame of reference"
            if elsewhere
            else "There are no images of the scan here",
            where=str(sources[0]),
            remedy="Give the folder that the scan was imported from.",
        )
    images = max(fitting, key=lambda one: one[0])[1]
    whole = [d for d in images if "SharedFunctionalGroupsSequence" in d]
    if whole:  # one file holds all slices: of several (phases, echoes) the one with as many as the grid
        images = [min(whole, key=lambda d: abs(int(d.get("NumberOfFrames") or 1) - grid.size[2]))]
        _share_geometry(images[0])
    normal = grid.directions[:, 2]
    images.sort(key=lambda d: float(np.dot([float(v) for v in d.get("ImagePositionPatient", (0, 0, 0))], normal)))
    for d in images:
        d.FrameOfReferenceUID = grid.frame_uid or d.get("FrameOfReferenceUID") or ""
        if not keep_identity:
            for name in _PERSONAL:
                if name in d:
                    delattr(d, name)
            name_nobody(d)
            d.StudyDate = d.StudyTime = ""
            d.PatientIdentityRemoved, d.DeidentificationMethod = "YES", "Name, number and dates were not exported"
        elif not d.get("DeidentificationMethod"):  # said and left empty is against the standard
            for name in ("PatientIdentityRemoved", "DeidentificationMethod"):
                d.pop(pydicom.tag.Tag(name), None)
        for name in _NEEDED:
            if name not in d:
                setattr(d, name, "")
    return images


def _share(images: list[Dataset], grid: Grid) -> float:
    """Which part of a series' images has its corner in the grid's box: 0 where it is another scan."""
    inside = 0
    for d in images:
        if "ImagePositionPatient" not in d:  # multi-frame: its frame of reference must do
            return (
                0.5 if "SharedFunctionalGroupsSequence" in d and d.get("FrameOfReferenceUID") == grid.frame_uid else 0.0
            )
        at = grid.to_index([float(v) for v in d.ImagePositionPatient])
        inside += bool(((at > -2) & (at < np.asarray(grid.size) + 2)).all())
    return inside / len(images) * (1 + len(images) / 1e6)


def _share_geometry(d: Dataset) -> None:
    """Pixel size and direction among the groups that all frames share, where highdicom looks for them."""
    frames = d.get("PerFrameFunctionalGroupsSequence")
    for name in ("PixelMeasuresSequence", "PlaneOrientationSequence"):
        if frames and name in frames[0] and name not in d.SharedFunctionalGroupsSequence[0]:
            setattr(d.SharedFunctionalGroupsSequence[0], name, frames[0][name].value)
