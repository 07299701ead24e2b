"""Surfaces in: STL, OBJ, PLY, VTP and VTK files, in LPS mm, and the voxels that they enclose."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.io import codes, outline
from organtwin.io.parts import Drawn
from organtwin.model import STRUCTURES, Segment, structure
from organtwin.space import Grid

Space = Literal["LPS", "RAS"]
SURFACES = (".stl", ".obj", ".ply", ".vtp", ".vtk")
# the voxels of a closed surface hold its volume to within the half voxels of its skin; a leak is a streak through the body
LEAK = 0.05
_MARGIN_MM = 4.0


def read_triangles(path: Path, space: Space | None = None) -> tuple[NDArray[np.float64], NDArray[np.int64], list[str]]:
    """Points (n, 3) in LPS mm and triangles (m, 3) of a surface file, and notes.

    Parameters
    ----------
    path : Path
    space : {"LPS", "RAS"}, optional
        Of the coordinates in the file; without, what the file says, else LPS, with a note.

    Raises
    ------
    BadInput
        When the file is damaged or holds no triangles.
    """
    import pyvista as pv

    notes = []
    try:
        read = pv.read(path, force_ext=path.suffix.lower())
        data = read.combine(merge_points=False) if isinstance(read, pv.MultiBlock) else read
        data = data.extract_surface(algorithm="dataset_surface") if not isinstance(data, pv.PolyData) else data
        data = data.triangulate().clean(point_merging=True, tolerance=0.0, lines_to_points=False, polys_to_lines=False)
        points, triangles = np.asarray(data.points, np.float64), np.asarray(data.regular_faces, np.int64)
    except (OSError, ValueError, RuntimeError, TypeError, AttributeError) as error:
        raise BadInput("The surface file is damaged", where=path.name, remedy="Export it again.") from error
    if not len(triangles) or not np.isfinite(points).all():
        raise BadInput("The surface file holds no triangles, or is damaged", where=path.name)
    said = _said_space(path)
    if space is None and said is None:
        notes.append("The surface file does not say its space: LPS was taken. Check left and right before you use it.")
    if (space or said) == "RAS":
        points = points * (-1.0, -1.0, 1.0)
    return points, triangles, notes


def draw_surface(path: Path, grid: Grid | None = None, space: Space | None = None, voxel_mm: float = 1.0) -> Drawn:
    """The voxels whose centres lie in a closed surface, on a scan's grid or on one of ``voxel_mm`` around it.

    Raises
    ------
    BadInput
        When the surface is damaged, is not closed, or lies outside the grid.
    """
    points, triangles, notes = read_triangles(path, space)
    if _open_edges(triangles):
        raise BadInput(
            "The surface is not closed, so that nothing is inside it", where=path.name, remedy="Close its holes first."
        )
    volume = _volume_mm3(points, triangles)
    if grid is None:
        low, high = points.min(axis=0) - _MARGIN_MM, points.max(axis=0) + _MARGIN_MM
        grid = Grid.make(np.ceil((high - low) / voxel_mm).astype(int) + 1, (voxel_mm,) * 3, low)
    ijk = grid.to_index(points)
    first = np.maximum(np.floor(ijk.min(axis=0)) - 1, 0).astype(int)
    last = np.minimum(np.ceil(ijk.max(axis=0)) + 2, grid.size).astype(int)
    if (last <= first).any():
        raise BadInput(
            "The surface lies wholly outside the scan",
            where=path.name,
            remedy="Check its space (LPS or RAS) and its unit.",
        )
    inner = grid.crop(first, last)
    mask = outline.fill_surface(inner.to_index(points), triangles, inner.shape)
    whole = bool(((ijk >= -0.5) & (ijk <= np.asarray(grid.size) - 0.5)).all())
    if not whole:
        notes.append("A part of the surface lies outside the scan and was left out.")
    found = float(mask.sum()) * grid.voxel_volume_mm3
    if whole and volume > 0 and abs(found - volume) > LEAK * volume:
        notes.append(
            f"The voxels hold {found / 1000:.4g} mL, the surface {volume / 1000:.4g} mL: they are coarse for it."
        )
    name = re.sub(r"[_\s]+", " ", path.stem).strip()
    key = codes.key_of_name(name)
    known = structure(key)
    segment = Segment(
        label=1, key=key or "surface", name=known.name if key == known.key and key in STRUCTURES else name,
        colour=known.colour, code=known.code, volume_mm3=0.0,
    )  # fmt: skip
    drawn = Drawn(path.stem, grid, [], notes)
    box = tuple(slice(int(a), int(b)) for a, b in zip(first[::-1], last[::-1], strict=True))
    drawn.add(segment, mask, (box[0], box[1], box[2]))
    return drawn


def _said_space(path: Path) -> Space | None:
    with open(path, "rb") as file:
        head = file.read(4096)
        file.seek(max(0, path.stat().st_size - 4096))
        head += file.read()
    found = re.search(rb"SPACE[=:]\s*(LPS|RAS)", head)
    if not found:
        return None
    return "RAS" if found[1] == b"RAS" else "LPS"


def _volume_mm3(points: NDArray[np.float64], triangles: NDArray[np.int64]) -> float:
    a, b, c = (points[triangles[:, n]] - points.mean(axis=0) for n in range(3))
    return float(abs(np.einsum("ij,ij->i", a, np.cross(b, c)).sum()) / 6)


def _open_edges(triangles: NDArray[np.int64]) -> bool:
    """Whether an edge belongs to an odd number of triangles."""
    edges = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    edges = edges[edges[:, 0] != edges[:, 1]]
    _, counts = np.unique(edges[:, 0] * (int(triangles.max()) + 1) + edges[:, 1], return_counts=True)
    return bool((counts % 2).any())
