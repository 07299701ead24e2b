"""Make the sample study: a DICOM series of a made-up patient, and the truth about it.

    python sample_dicom/generate.py [--out DIR]

The pixels and the numbers are the same at every run. Who is where is in ``phantom/anatomy.py``, what each tissue looks like in
``phantom/scene.py``, what the scanner adds in ``phantom/scanner.py``.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from phantom import dicom, scanner, scene, truth
from phantom.shapes import Lattice

COLUMNS = ROWS = 256
PIXEL_MM, STEP_MM = 1.4, 2.0
SLICES = range(185)
BOTTOM_MM, CENTRE_Y_MM = -200.0, 6.0
SLAB = 24  # slices painted at a time


def lattice(slices: range = SLICES, shift: float = 0.0) -> Lattice:
    """Voxel centres of the scan, or of some of its slices, shifted by a part of a voxel."""
    plain = scene.lattice_of(COLUMNS, ROWS, slices, PIXEL_MM, STEP_MM, BOTTOM_MM, CENTRE_Y_MM)
    return Lattice(
        plain.x + np.float32(shift * PIXEL_MM),
        plain.y + np.float32(shift * PIXEL_MM),
        plain.z + np.float32(shift * STEP_MM),
    )


def _slabs(slices: range) -> list[range]:
    return [range(first, min(first + SLAB, slices.stop)) for first in range(slices.start, slices.stop, SLAB)]


def scan_and_labels(slices: range = SLICES) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """HU and labels (nk, nj, ni) of the scan, or of some of its slices."""
    values, labels = [], []
    for part in _slabs(slices):
        painted = scene.paint(lattice(part))
        values.append(scanner.scan(painted.hu, painted.lattice, part))
        labels.append(painted.labels)
    return np.concatenate(values), np.concatenate(labels)


def labels_only(shift: float) -> NDArray[np.uint8]:
    """Labels of the lattice shifted by a part of a voxel along every axis."""
    return np.concatenate([scene.paint(lattice(part, shift)).labels for part in _slabs(SLICES)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent, help="folder for series/, truth.dcm and truth.json"
    )
    out: Path = parser.parse_args().out
    values, labels = scan_and_labels()
    whole = lattice()
    shutil.rmtree(out / "series", ignore_errors=True)
    headers = dicom.write_series(values, whole, out / "series")
    truth.write_segmentation(labels, whole, headers, out / "truth.dcm")
    facts = truth.truth(labels, whole, labels_only)
    (out / "truth.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
