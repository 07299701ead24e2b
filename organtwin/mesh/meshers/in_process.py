"""Netgen (LGPL) and fTetWild (MPL), each called in a process of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


def netgen(points: NDArray[Any], triangles: NDArray[Any]) -> Arrays:
    """Fill the surface, which stays as it is."""
    from netgen.meshing import Element2D, FaceDescriptor, Mesh, MeshPoint, Pnt

    mesh = Mesh(dim=3)
    ids = [mesh.Add(MeshPoint(Pnt(*map(float, p)))) for p in points]
    face = mesh.Add(FaceDescriptor(surfnr=1, domin=1, bc=1))
    for a, b, c in triangles.tolist():
        mesh.Add(Element2D(face, [ids[a], ids[b], ids[c]]))
    sides = np.linalg.norm(points[triangles] - points[np.roll(triangles, 1, axis=1)], axis=2)
    mesh.GenerateVolumeMesh(maxh=float(np.percentile(sides, 99)), grading=0.4)
    coordinates = np.array(mesh.Coordinates())
    tets = np.array([[v.nr - 1 for v in element.vertices] for element in mesh.Elements3D()], np.int32)
    return {"points": coordinates, "tets": tets}


def ftetwild(points: NDArray[Any], triangles: NDArray[Any]) -> Arrays:
    """Fill whatever the surface is: holes, crossings, doubles. The surface moves within a small envelope."""
    from pytetwild import tetrahedralize  # type: ignore[attr-defined]

    sides = np.linalg.norm(points[triangles] - points[np.roll(triangles, 1, axis=1)], axis=2)
    diagonal = float(np.linalg.norm(np.ptp(points, axis=0)))
    edge = float(np.median(sides))
    made, tets = tetrahedralize(
        np.ascontiguousarray(points, np.float64),
        np.ascontiguousarray(triangles, np.int32),
        edge_length_abs=edge,
        epsilon=0.05 * edge / diagonal,
        num_threads=1,
    )
    return {"points": np.asarray(made), "tets": np.asarray(tets, np.int32)}
