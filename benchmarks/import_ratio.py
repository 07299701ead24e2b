"""Time to read a DICOM folder as a volume, as a ratio to SimpleITK's series reader in the same run.

python benchmarks/import_ratio.py FOLDER [ROUNDS]
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import SimpleITK as sitk

from organtwin.operations import find


def ours(folder: Path) -> None:
    find("import")({}, {"sources": [str(folder)]})


def peer(folder: Path) -> None:
    reader = sitk.ImageSeriesReader()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    series = max((reader.GetGDCMSeriesFileNames(str(folder), s) for s in reader.GetGDCMSeriesIDs(str(folder))), key=len)
    reader.SetFileNames(series)
    reader.Execute()


def seconds(work, folder: Path) -> float:
    began = time.perf_counter()
    work(folder)
    return time.perf_counter() - began


if __name__ == "__main__":
    folder, rounds = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5
    ours(folder), peer(folder)
    ratios = [seconds(ours, folder) / seconds(peer, folder) for _ in range(rounds)]
    print(
        f"import / SimpleITK: median {statistics.median(ratios):.2f} (min {min(ratios):.2f}, max {max(ratios):.2f}, {rounds} rounds)"
    )
