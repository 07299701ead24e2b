"""What moves, out: 4D NIfTI, and the curves of a segmentation as CSV."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import numpy as np

from organtwin.io import nifti
from organtwin.io.writing import write_whole
from organtwin.model import DynamicSegmentation, DynamicVolume

_LEVEL = 4  # of gzip


def write_dynamic(thing: DynamicVolume | DynamicSegmentation, path: Path) -> None:
    """Write by extension: ``.nii`` and ``.nii.gz`` hold values or labels, ``.csv`` the volumes over time and what follows."""
    name = path.name.lower()
    if name.endswith(".csv"):
        assert isinstance(thing, DynamicSegmentation)
        write_whole(path, curves(thing).encode())
        return
    values = np.asarray(thing.values if isinstance(thing, DynamicVolume) else thing.labels)
    times = np.asarray(thing.times_s, float)
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    content = nifti.encode(values, thing.grid.affine, label_map=isinstance(thing, DynamicSegmentation), step_s=step)
    write_whole(path, gzip.compress(content, _LEVEL, mtime=0) if name.endswith(".gz") else content)


def curves(thing: DynamicSegmentation) -> str:
    """A row for each phase with the volume of each segment in mL; then a row for each quantity."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["phase", "time_s", *(f"{s.key}_ml" for s in thing.segments)])
    for phase, (time, volumes) in enumerate(
        zip(np.asarray(thing.times_s), np.asarray(thing.volumes_mm3), strict=True), 1
    ):
        table.writerow([phase, f"{time:.6g}", *(f"{v / 1000:.4f}" for v in volumes)])
    if thing.quantities:
        table.writerow([])
        table.writerow(["quantity", "value", "unit", "level", "why"])
        for q in thing.quantities:
            table.writerow([q.name, f"{q.value:.6g}", q.unit, q.level, q.why])
    return text.getvalue()
