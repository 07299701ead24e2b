"""Centrelines of a closed surface by vmtk, for comparison: run with the Python of an environment that has it (pip install vmtk).

python vmtk_lines.py SURFACE.stl OUT.npz x,y,z x,y,z [x,y,z ...]     source, then targets, in the surface's own millimetres
"""

from __future__ import annotations

import sys
import time

import numpy as np
from vmtk import vmtkscripts
from vtk.util.numpy_support import vtk_to_numpy


def main() -> None:
    source, out, *places = sys.argv[1:]
    points = [[float(c) for c in place.split(",")] for place in places]
    reader = vmtkscripts.vmtkSurfaceReader()
    reader.InputFileName = source
    reader.Execute()
    started = time.process_time()
    lines = vmtkscripts.vmtkCenterlines()
    lines.Surface = reader.Surface
    lines.SeedSelectorName = "pointlist"
    lines.SourcePoints = points[0]
    lines.TargetPoints = [c for point in points[1:] for c in point]
    lines.AppendEndPoints = 1
    lines.Resampling = 1
    lines.ResamplingStepLength = 0.5
    lines.Execute()
    sections = vmtkscripts.vmtkCenterlineSections()
    sections.Surface = reader.Surface
    sections.Centerlines = lines.Centerlines
    sections.Execute()
    spent = time.process_time() - started
    made, cut = lines.Centerlines, sections.CenterlineSections
    cells = [
        np.array([made.GetCell(k).GetPointId(n) for n in range(made.GetCell(k).GetNumberOfPoints())])
        for k in range(made.GetNumberOfCells())
    ]
    np.savez(
        out,
        points=vtk_to_numpy(made.GetPoints().GetData()),
        radius=vtk_to_numpy(made.GetPointData().GetArray("MaximumInscribedSphereRadius")),
        line=np.concatenate([np.full(len(c), k) for k, c in enumerate(cells)]),
        order=np.concatenate(cells),
        area=vtk_to_numpy(cut.GetCellData().GetArray("CenterlineSectionArea")),
        closed=vtk_to_numpy(cut.GetCellData().GetArray("CenterlineSectionClosed")),
        cpu_s=spent,
    )
    print(f"vmtk: {len(cells)} lines, {made.GetNumberOfPoints()} points, {spent:.1f} s of CPU")


if __name__ == "__main__":
    main()
