"""The scan as a DICOM CT series: complete metadata, lossless compression, file names that say nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, JPEG2000Lossless, generate_uid

from phantom.shapes import Lattice


def uid(*what: object) -> UID:
    """A UID that is the same at every run."""
    return generate_uid(entropy_srcs=["organtwin sample patient", *map(str, what)])


STUDY_UID = uid("study")
SERIES_UID = uid("series", 3)
FRAME_UID = uid("frame of reference")
INTERCEPT = -1024
PEAK_KV, WINDOW = 100, (40, 400)


def patient_and_study() -> Dataset:
    """What every file of the study says."""
    d = Dataset()
    d.PatientName = "SAMPLE^ORGANTWIN"
    d.PatientID = "OT-0001"
    d.PatientBirthDate = "19670412"
    d.PatientSex = "M"
    d.PatientAge = "058Y"
    d.PatientSize = 1.76
    d.PatientWeight = 78
    d.PatientIdentityRemoved = "YES"
    d.DeidentificationMethod = "No real person: analytic phantom"
    d.StudyInstanceUID = STUDY_UID
    d.StudyDate = "20250611"
    d.StudyTime = "101532"
    d.StudyID = "1"
    d.StudyDescription = "CT thorax and upper abdomen with contrast"
    d.AccessionNumber = "OT20250611"
    d.ReferringPhysicianName = ""
    d.InstitutionName = "OrganTwin sample"
    d.Manufacturer = "OrganTwin"
    d.ManufacturerModelName = "Analytic phantom"
    d.StationName = "PHANTOM"
    d.SoftwareVersions = "1"
    d.DeviceSerialNumber = "1"
    return d


def ct_slice(pixels: NDArray[np.int16], lattice: Lattice, n: int, count: int) -> FileDataset:
    """One axial slice; ``n`` counts from the feet, the instance number from the head as scanners do."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = uid("slice", n)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationVersionName = "ORGANTWIN_SAMPLE"
    d = FileDataset("", patient_and_study(), file_meta=meta, preamble=b"\0" * 128)
    d.SpecificCharacterSet = "ISO_IR 192"
    d.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    d.SOPClassUID = CTImageStorage
    d.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    d.SeriesDate = d.AcquisitionDate = d.ContentDate = d.StudyDate
    d.SeriesTime, d.AcquisitionTime, d.ContentTime = "102104", "102104.250", f"1022{n % 60:02d}"
    d.Modality = "CT"
    d.SeriesDescription = "Thorax-abdomen arterial-portal 2.0 Br36"
    d.ProtocolName = "Aorta and liver"
    d.BodyPartExamined = "CHEST_ABDOMEN"
    d.SeriesInstanceUID = SERIES_UID
    d.SeriesNumber = 3
    d.AcquisitionNumber = 2
    d.InstanceNumber = count - n
    d.PatientPosition = "HFS"
    d.FrameOfReferenceUID = FRAME_UID
    d.PositionReferenceIndicator = ""
    spacing = float(lattice.x[1] - lattice.x[0])
    d.ImagePositionPatient = [round(float(v), 3) for v in (lattice.x[0], lattice.y[0], lattice.z[n])]
    d.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    d.SliceLocation = round(float(lattice.z[n]), 3)
    d.SliceThickness = round(float(lattice.z[1] - lattice.z[0]), 3)
    d.PixelSpacing = [round(spacing, 4)] * 2
    d.ContrastBolusAgent = "Iodine 370 mg/mL"
    d.ContrastBolusRoute = "IV"
    d.ContrastBolusVolume = 90
    d.ContrastFlowRate = 4
    d.ScanOptions = "HELICAL MODE"
    d.KVP = PEAK_KV
    d.XRayTubeCurrent = 260
    d.ExposureTime = 500
    d.Exposure = 130
    d.ConvolutionKernel = "Br36"
    d.FilterType = "FLAT"
    d.DataCollectionDiameter = 500
    d.ReconstructionDiameter = round(spacing * pixels.shape[1], 3)
    d.DistanceSourceToDetector = 1085.6
    d.DistanceSourceToPatient = 595
    d.GantryDetectorTilt = 0
    d.TableHeight = 142
    d.RotationDirection = "CW"
    d.SamplesPerPixel = 1
    d.PhotometricInterpretation = "MONOCHROME2"
    d.Rows, d.Columns = pixels.shape
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 12, 11, 0
    d.RescaleIntercept, d.RescaleSlope, d.RescaleType = INTERCEPT, 1, "HU"
    d.WindowCenter, d.WindowWidth = WINDOW
    d.WindowCenterWidthExplanation = "SOFT TISSUE"
    stored = (pixels.astype(np.int32) - INTERCEPT).astype(np.uint16)
    d.PixelData = stored.tobytes()
    d["PixelData"].VR = "OW"
    d.compress(JPEG2000Lossless, generate_instance_uid=False)
    return d


def file_name(n: int) -> Path:
    """Where slice ``n`` is kept: names in no order, in uneven folders, some with an ending and some without."""
    digest = hashlib.sha256(f"organtwin sample {n}".encode()).hexdigest()
    folder = ("S30", "S30/a", "EXPORT 2", "S30", "EXPORT 2/disc_1")[int(digest[:2], 16) % 5]
    name = (f"I{digest[2:8].upper()}", f"{digest[2:10]}.dcm", f"IM_{int(digest[2:7], 16)}", f"{digest[2:8]}.IMA")[
        int(digest[10:12], 16) % 4
    ]
    return Path(folder) / name


def write_series(values: NDArray[np.int16], lattice: Lattice, folder: Path) -> list[FileDataset]:
    """Write every slice below ``folder``; gives back their headers."""
    headers = []
    for n, pixels in enumerate(values):
        path = folder / file_name(n)
        path.parent.mkdir(parents=True, exist_ok=True)
        slice_ = ct_slice(pixels, lattice, n, len(values))
        slice_.save_as(path, enforce_file_format=True)
        del slice_.PixelData
        headers.append(slice_)
    return headers
