"""Gmsh's program, run through files. It is under the GPL, so it is never imported."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from organtwin.mesh.child import ChildFailed, run_program

ALGORITHMS = {"hxt": 10, "delaunay": 1}


def executable() -> Path | None:
    """Gmsh beside this Python, or on the path."""
    beside = Path(sys.executable).parent / ("gmsh.exe" if os.name == "nt" else "gmsh")
    if beside.exists():
        return beside
    found = shutil.which("gmsh")
    return Path(found) if found else None


def tetrahedra(
    points: NDArray[np.float64],
    triangles: NDArray[np.int32],
    algorithm: str,
    beat: Callable[[], None],
    timeout_s: float,
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Points (the surface's first, unchanged) and tetrahedra.

    Raises
    ------
    ChildFailed
    """
    program = executable()
    if program is None:
        raise ChildFailed("gmsh is not installed")
    with tempfile.TemporaryDirectory(prefix="organtwin-") as name:
        folder = Path(name)
        _write_surface(folder / "surface.msh", points, triangles)
        (folder / "fill.geo").write_text(
            'Merge "surface.msh";\n'
            "Surface Loop(1) = {1};\nVolume(1) = {1};\nPhysical Volume(1) = {1};\n"
            f"Mesh.Algorithm3D = {ALGORITHMS[algorithm]};\n"
            "Mesh.MeshSizeExtendFromBoundary = 1;\nMesh.Optimize = 1;\nMesh.OptimizeThreshold = 0.4;\n"
            "Mesh.MshFileVersion = 2.2;\nMesh.Binary = 0;\n"
        )
        command = [sys.executable, program] if _is_script(program) else [program]
        run_program([*command, "fill.geo", "-3", "-nt", "1", "-o", "filled.msh", "-v", "2"], folder, beat, timeout_s)
        if not (folder / "filled.msh").exists():
            raise ChildFailed("gmsh wrote no mesh")
        return _read(folder / "filled.msh", points)


def _is_script(program: Path) -> bool:
    with program.open("rb") as stream:
        return stream.read(2) == b"#!" and Path(sys.executable).parent == program.parent


def _write_surface(path: Path, points: NDArray[np.float64], triangles: NDArray[np.int32]) -> None:
    n, m = len(points), len(triangles)
    with path.open("w") as out:
        out.write(f"$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$Nodes\n{n}\n")
        np.savetxt(out, np.column_stack([np.arange(1, n + 1), points]), fmt="%d %.16g %.16g %.16g")
        out.write(f"$EndNodes\n$Elements\n{m}\n")
        ones = np.ones(m, int)
        np.savetxt(
            out, np.column_stack([np.arange(1, m + 1), 2 * ones, 2 * ones, 0 * ones, ones, triangles + 1]), fmt="%d"
        )
        out.write("$EndElements\n")


def _read(path: Path, surface_points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    text = path.read_text()
    nodes = text[text.index("$Nodes\n") + 7 : text.index("$EndNodes")]
    count, _, body = nodes.partition("\n")
    table = np.fromstring(body, sep=" ").reshape(int(count), 4)
    elements = text[text.index("$Elements\n") + 10 : text.index("$EndElements")]
    count, _, body = elements.partition("\n")
    if int(count) == 0:
        raise ChildFailed("gmsh made no tetrahedra")
    rows = np.fromstring(body, sep=" ", dtype=np.int64)
    if rows.size != 9 * int(count) or not np.all(rows.reshape(-1, 9)[:, 1] == 4):
        raise ChildFailed("gmsh wrote something other than tetrahedra")
    ids = table[:, 0].astype(np.int64)
    number = np.full(ids.max() + 1, -1)
    number[ids] = np.arange(len(ids))
    tets = number[rows.reshape(-1, 9)[:, 5:]]
    points = table[:, 1:]
    own = number[1 : len(surface_points) + 1] if ids.max() >= len(surface_points) else np.array([-1])
    if (own < 0).any() or not np.array_equal(own, np.arange(len(own))):
        raise ChildFailed("gmsh lost points of the surface")
    points[own] = surface_points
    return points, tets.astype(np.int32)
