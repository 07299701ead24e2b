"""Make the sample study: a DICOM series of a made-up patient, and the truth about it.

    python sample_dicom/generate.py [--out DIR]

The result is the same at every run. The patient is in ``phantom/anatomy.py``, the tissues in ``phantom/scene.py``.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np
from phantom import dicom, scanner, scene
from phantom.shapes import Lattice

COLUMNS = ROWS = 256
PIXEL_MM, STEP_MM = 1.4, 2.0
SLICES = range(185)
BOTTOM_MM, CENTRE_Y_MM = -200.0, 6.0


def lattice(slices: range = SLICES) -> Lattice:
    """Voxel centres of the scan, or of some of its slices."""
    return scene.lattice_of(COLUMNS, ROWS, slices, PIXEL_MM, STEP_MM, BOTTOM_MM, CENTRE_Y_MM)


def scan_and_labels(slices: range = SLICES, slab: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """HU (nk, nj, ni) int16 and labels uint8 of some slices, painted slab by slab."""
    values, labels = [], []
    for first in range(slices.start, slices.stop, slab):
        part = range(first, min(first + slab, slices.stop))
        painted = scene.paint(lattice(part))
        values.append(scanner.scan(painted.hu, painted.lattice, part))
        labels.append(painted.labels)
    return np.concatenate(values), np.concatenate(labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder for series/, truth.dcm and truth.json")
    out: Path = parser.parse_args().out
    values, labels = scan_and_labels()
    shutil.rmtree(out / "series", ignore_errors=True)
    dicom.write_series(values, lattice(), out / "series")


if __name__ == "__main__":
    main()
