"""How good tetrahedra are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
FACES = np.array(
    [[1, 2, 3], [0, 3, 2], [0, 1, 3], [0, 2, 1]]
)  # opposite each corner, outward for a positive tetrahedron


def volumes(points: Points, tets: NDArray[Any]) -> NDArray[np.float64]:
    """(m,) signed volumes; positive where dot(b-a, cross(c-a, d-a)) > 0."""
    a, b, c, d = (points[tets[:, k]] for k in range(4))
    return np.asarray(np.einsum("ij,ij->i", b - a, np.cross(c - a, d - a)) / 6.0)


def mean_ratios(points: Points, tets: NDArray[Any]) -> NDArray[np.float64]:
    """(m,) mean ratio 12 (3 V)^(2/3) / sum of squared edges: 1 is regular, 0 is flat (Liu and Joe 1994)."""
    squares = np.zeros(len(tets))
    for i in range(4):
        for j in range(i + 1, 4):
            squares += ((points[tets[:, i]] - points[tets[:, j]]) ** 2).sum(axis=1)
    volume = volumes(points, tets)
    return np.asarray(np.sign(volume) * 12.0 * (3.0 * np.abs(volume)) ** (2.0 / 3.0) / squares)


def dihedral_angles_deg(points: Points, tets: NDArray[Any]) -> NDArray[np.float64]:
    """(m, 6) angles between the faces of each tetrahedron in degrees."""
    normals = []
    for face in FACES:
        a, b, c = (points[tets[:, k]] for k in face)
        n = np.cross(b - a, c - a)
        normals.append(n / np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-300))
    angles = [
        180.0 - np.degrees(np.arccos(np.clip(np.einsum("ij,ij->i", normals[i], normals[j]), -1.0, 1.0)))
        for i in range(4)
        for j in range(i + 1, 4)
    ]
    return np.stack(angles, axis=1)


def oriented(points: Points, tets: NDArray[Any]) -> NDArray[np.int32]:
    """The same tetrahedra, all positive."""
    out = np.array(tets, np.int32)
    negative = volumes(points, out) < 0
    out[negative] = out[negative][:, [0, 2, 1, 3]]
    return out


def boundary(tets: NDArray[Any]) -> NDArray[np.int32]:
    """(b, 3) faces of positive tetrahedra that belong to only one, outward."""
    faces = np.concatenate([tets[:, face] for face in FACES])
    ordered = np.sort(faces, axis=1).astype(np.int64)
    n = int(tets.max()) + 1
    keys = (ordered[:, 0] * n + ordered[:, 1]) * n + ordered[:, 2]
    _, first, times = np.unique(keys, return_index=True, return_counts=True)
    return faces[np.sort(first[times == 1])].astype(np.int32)


def report(points: Points, tets: NDArray[Any]) -> dict[str, float]:
    """The numbers of the field."""
    angles = dihedral_angles_deg(points, tets)
    ratios = mean_ratios(points, tets)
    return {
        "tets": float(len(tets)),
        "nodes": float(len(points)),
        "min_dihedral_deg": float(angles.min()),
        "max_dihedral_deg": float(angles.max()),
        "mean_quality": float(ratios.mean()),
        "worst_quality": float(ratios.min()),
        "volume_mm3": float(volumes(points, tets).sum()),
    }
