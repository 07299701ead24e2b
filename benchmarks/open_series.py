"""Time from a folder of 512 x 512 x 600 CT slices to the first picture, as a ratio to SimpleITK's reading of it in the same run.

python benchmarks/open_series.py [--slices 600] [--jpeg2000] [--rounds 5] [--folder FOLDER]

Makes the series when the folder does not hold it. The first picture is the middle slice as it is shown, after the whole
series was read, sorted, checked and put on its grid.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEG2000Lossless, generate_uid

SIZE = 512


def make(folder: Path, slices: int, jpeg2000: bool) -> None:
    """A body-like phantom with noise, so that compression is as hard as it is for a scan."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    noise = random.normal(0, 12, (8, SIZE, SIZE))
    j, i = np.indices((SIZE, SIZE)) - SIZE / 2
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    for k, name in enumerate(random.permutation(slices)):
        wide = 200 + 20 * np.sin(k / 40)
        values = np.where((i / wide) ** 2 + (j / 140) ** 2 < 1, 40.0, -1000.0)
        values[(i + 70) ** 2 + j**2 < (20 + k / 20) ** 2] = 180
        values += noise[k % 8]
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        d = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        d.SOPClassUID, d.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = study, series, frame
        d.PatientID, d.PatientName, d.Modality, d.SeriesNumber, d.InstanceNumber = "P", "P", "CT", 1, k + 1
        d.SeriesDescription, d.ImageType = "Thorax 1.0", ["ORIGINAL", "PRIMARY", "AXIAL"]
        d.Rows = d.Columns = SIZE
        d.PixelSpacing, d.SliceThickness = [0.7, 0.7], 1.0
        d.ImagePositionPatient, d.ImageOrientationPatient = [-179.2, -179.2, float(k)], [1, 0, 0, 0, 1, 0]
        d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
        d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 12, 11, 0
        d.RescaleSlope, d.RescaleIntercept = 1, -1024
        d.WindowCenter, d.WindowWidth = 40, 400
        stored = np.clip(values + 1024, 0, 4095).astype("<u2")
        if jpeg2000:
            d.compress(JPEG2000Lossless, stored, generate_instance_uid=False)
        else:
            d.PixelData = stored.tobytes()
        d.save_as(folder / f"IM{name:05d}")


def ours(folder: Path) -> None:
    from organtwin.operations import find

    (volume,) = find("import")({}, {"sources": [str(folder)]})
    level, width = volume.window
    middle = np.asarray(volume.values[len(volume.values) // 2], np.float32)
    np.clip((middle - level) / width + 0.5, 0, 1)


def peer(folder: Path) -> None:
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    reader = sitk.ImageSeriesReader()
    (series,) = reader.GetGDCMSeriesIDs(str(folder))
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder), series))
    image = reader.Execute()
    view = sitk.GetArrayViewFromImage(image)
    np.array(view[len(view) // 2])


def seconds(work, folder: Path) -> float:
    began = time.perf_counter()
    work(folder)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=600)
    parser.add_argument("--jpeg2000", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    kind = "jpeg2000" if given.jpeg2000 else "plain"
    folder = given.folder or Path(tempfile.gettempdir()) / f"organtwin-series-{given.slices}-{kind}"
    if not folder.is_dir():
        make(folder, given.slices, given.jpeg2000)
    seconds(ours, folder), seconds(peer, folder)  # imports, and files into the cache
    pairs = [(seconds(ours, folder), seconds(peer, folder)) for _ in range(given.rounds)]
    ratios = [a / b for a, b in pairs]
    a, b = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(
        f"{kind}, {given.slices} slices: {a:.2f} s, SimpleITK {b:.2f} s, ratio median {statistics.median(ratios):.2f} "
        f"(min {min(ratios):.2f}, max {max(ratios):.2f}, {given.rounds} rounds)"
    )


if __name__ == "__main__":
    main()
