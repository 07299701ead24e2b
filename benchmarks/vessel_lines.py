"""Centreline, radii and areas of the abdominal aorta of mra-aorta, against vmtk run on the same surface in the same session.

python benchmarks/vessel_lines.py --vmtk PYTHON [--data FOLDER]

PYTHON is that of an environment with vmtk in it. The folder of real scans is ORGANTWIN_REAL_DATA where it is not given.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pyvista
from scipy.spatial import cKDTree

from organtwin.model import Surface
from organtwin.operations import find

HERE = Path(__file__).parent


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--vmtk", required=True, help="Python with vmtk")
    given.add_argument("--data", default=os.environ.get("ORGANTWIN_REAL_DATA", HERE.parent / "shared" / "data"))
    asked = given.parse_args()
    folder = Path(asked.data) / "mra-aorta"
    shape = pyvista.read(folder / "aorta-surface-open-ends.stl").clean().triangulate().fill_holes(1e3).triangulate()
    shape = shape.compute_normals(auto_orient_normals=True, consistent_normals=True)
    surface = Surface(
        name="aorta",
        structure="vessel",
        points_mm=np.asarray(shape.points, float),
        triangles=shape.faces.reshape(-1, 4)[:, 1:].astype(np.int32),
    )
    find("vessel")({"surface": surface})  # compiled once
    started = time.process_time()
    (line,) = find("vessel")({"surface": surface})
    spent = time.process_time() - started
    ends = [np.asarray(line.points_mm)[0], *(np.asarray(line.points_mm)[b.last] for b in line.branches if b.cap)]
    with tempfile.TemporaryDirectory() as place:
        stl, out = Path(place) / "aorta.stl", Path(place) / "lines.npz"
        shape.save(stl)
        where = [",".join(f"{c:.4f}" for c in end) for end in ends]
        subprocess.run([asked.vmtk, str(HERE / "peers" / "vmtk_lines.py"), str(stl), str(out), *where], check=True)
        theirs = dict(np.load(out))
    print(f"organtwin: {len(line.branches)} branches, {len(line.points_mm)} points, {spent:.1f} s of CPU")
    reference = pyvista.read(folder / "aorta-centerline.vtp")
    order = theirs["order"]  # sections come line by line
    area = np.where(theirs["closed"].astype(bool), theirs["area"], np.nan)
    compare("vmtk, now", line, theirs["points"][order], theirs["radius"][order], area)
    compare("published", line, reference.points, np.asarray(reference["MaximumInscribedSphereRadius"]), None)


def compare(name, line, points, radius, area) -> None:
    away, at = cKDTree(np.asarray(line.points_mm)).query(points)
    clear = np.asarray(line.clear)[at] & (away < radius)
    off = np.abs(np.asarray(line.radius_mm)[at] - radius)[clear]
    said = f"{name}: line {np.median(away[clear]):.2f} mm apart (95 %: {np.percentile(away[clear], 95):.2f}), "
    said += f"radius {np.median(off):.2f} mm (95 %: {np.percentile(off, 95):.2f}; {100 * np.median(off / radius[clear]):.1f} %)"
    if area is not None:
        ratio = (np.asarray(line.area_mm2)[at] / area - 1)[clear]
        ratio = ratio[np.isfinite(ratio)]
        said += f", area {100 * np.median(ratio):+.1f} % (half within {100 * np.median(np.abs(ratio)):.1f} %)"
    print(said)


if __name__ == "__main__":
    main()
