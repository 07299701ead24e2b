"""Triangle surfaces as STL, OBJ, PLY and VTP. All say SPACE=LPS, so that no reader has to guess the side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.io.writing import write_whole
from organtwin.model import OrganMesh, Surface

SPACE = "SPACE=LPS"


def boundary_of(mesh: OrganMesh) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """The boundary of a mesh with only the points that it uses: (n, 3) mm and (b, 3)."""
    used, triangles = np.unique(np.asarray(mesh.boundary_triangles), return_inverse=True)
    return np.asarray(mesh.points_mm)[used], triangles.reshape(-1, 3).astype(np.int32)


def geometry(thing: Surface | OrganMesh) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    if isinstance(thing, OrganMesh):
        return boundary_of(thing)
    return np.asarray(thing.points_mm), np.asarray(thing.triangles)


def write_stl(thing: Surface | OrganMesh, path: Path) -> None:
    """Binary STL, with the triangles' unit normals; the space is named in the 80 bytes of the header."""
    points, triangles = geometry(thing)
    corners = points[triangles].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300)
    records = np.zeros(len(triangles), dtype=[("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    records["normal"], records["corners"] = normals, corners
    write_whole(path, SPACE.encode().ljust(80) + np.uint32(len(triangles)).tobytes() + records.tobytes())


def write_obj(things: Sequence[Surface | OrganMesh], path: Path) -> None:
    """Wavefront OBJ, one object per surface."""
    lines = [f"# {SPACE}", "# lengths in mm"]
    offset = 1
    for thing in things:
        points, triangles = geometry(thing)
        lines.append(f"o {thing.structure.replace(' ', '_')}")
        lines += [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in points.tolist()]
        lines += [f"f {a} {b} {c}" for a, b, c in (triangles + offset).tolist()]
        offset += len(points)
    write_whole(path, ("\n".join(lines) + "\n").encode())


def write_ply(thing: Surface | OrganMesh, path: Path) -> None:
    """Binary PLY with double coordinates."""
    points, triangles = geometry(thing)
    header = [
        "ply", "format binary_little_endian 1.0", f"comment {SPACE}", "comment lengths in mm", f"element vertex {len(points)}",
        "property double x", "property double y", "property double z", f"element face {len(triangles)}",
        "property list uchar int vertex_indices", "end_header", "",
    ]  # fmt: skip
    faces = np.zeros(len(triangles), dtype=[("count", "u1"), ("corners", "<i4", 3)])
    faces["count"], faces["corners"] = 3, triangles
    write_whole(path, "\n".join(header).encode() + points.astype("<f8").tobytes() + faces.tobytes())


def write_vtp(things: Sequence[Surface | OrganMesh], path: Path) -> None:
    """VTK polygons: surfaces in one file, told apart by the cell array ``structure``; a mesh's named boundaries as
    ``boundary`` and, for SimVascular, ``ModelFaceID`` (from 1)."""
    from organtwin.io.vtk_xml import Cells, add_names, encode_polygons

    points: list[NDArray[Any]] = []
    triangles: list[NDArray[Any]] = []
    which: list[NDArray[Any]] = []
    tags: list[NDArray[Any]] = []
    caps: dict[str, int] = {}
    offset = 0
    for n, thing in enumerate(things):
        own_points, own_triangles = geometry(thing)
        points.append(own_points)
        triangles.append(own_triangles + offset)
        which.append(np.full(len(own_triangles), n, dtype=np.int32))
        if isinstance(thing, OrganMesh):
            tags.append(np.asarray(thing.boundary_tags, dtype=np.int32))
            caps |= thing.boundaries
        else:
            tags.append(np.zeros(len(own_triangles), dtype=np.int32))
        offset += len(own_points)
    arrays: Cells = {"structure": np.concatenate(which)}
    names: dict[str, Any] = {"SPACE": ["LPS"], "structures": [thing.structure for thing in things]}
    if caps:
        arrays["boundary"] = np.concatenate(tags)
        arrays["ModelFaceID"] = arrays["boundary"] + max(0, 1 - min(caps.values()))
        names["boundaries"] = [f"{tag}={name}" for name, tag in caps.items()]
    write_whole(path, encode_polygons(np.concatenate(points), np.concatenate(triangles), arrays, add_names(names)))
