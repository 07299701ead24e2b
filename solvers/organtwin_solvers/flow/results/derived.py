"""Fields and sums that follow from a velocity field: vorticity, vortex criteria, kinetic energy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from organtwin.model import OrganMesh

Array = NDArray[np.float64]


def shape_gradients(points: Array, tets: NDArray[np.integer]) -> tuple[Array, Array]:
    """Gradients (m, 4, 3) of the linear shape functions, 1/mm, and volumes (m,), mm^3."""
    corners = np.asarray(points, float)[tets]
    edges = corners[:, 1:] - corners[:, :1]
    determinant = np.linalg.det(edges)
    inverse = np.linalg.inv(edges).transpose(0, 2, 1)  # rows: gradients of the functions of corners 1 to 3
    return np.concatenate([-inverse.sum(axis=1, keepdims=True), inverse], axis=1), np.abs(determinant) / 6.0


class Gradients:
    """Gradients of linear fields at mesh points: the volume-weighted mean of the cells around each point."""

    def __init__(self, organ: OrganMesh) -> None:
        points, tets = np.asarray(organ.points_mm), np.asarray(organ.tets, np.int64)
        gradients, volumes = shape_gradients(points, tets)
        share = np.zeros(len(points))
        for corner in range(4):
            share += np.bincount(tets[:, corner], volumes, minlength=len(points))
        rows, columns = np.repeat(tets, 4, axis=1).ravel(), np.tile(tets, 4).ravel()
        scale = 1.0 / np.maximum(share, 1e-300)
        self._parts: list[csr_array] = []
        for axis in range(3):
            entries = np.tile(volumes[:, None] * gradients[:, :, axis], 4).ravel() * scale[rows]
            self._parts.append(coo_array((entries, (rows, columns)), shape=(len(points),) * 2).tocsr())

    def __call__(self, velocity: Array) -> Array:
        """J (n, 3, 3), J[i, j] = du_i / dx_j, 1/s, of a velocity (n, 3), mm/s."""
        return np.stack([part @ velocity for part in self._parts], axis=2)


def vorticity(jacobian: Array) -> Array:
    """|curl u| (n,), 1/s."""
    j = jacobian
    curl = np.stack([j[:, 2, 1] - j[:, 1, 2], j[:, 0, 2] - j[:, 2, 0], j[:, 1, 0] - j[:, 0, 1]], axis=1)
    return np.asarray(np.linalg.norm(curl, axis=1))


def q_criterion(jacobian: Array) -> Array:
    """Q = (|W|^2 - |S|^2) / 2 (n,), 1/s^2: above 0 rotation outweighs strain (Hunt, Wray and Moin, 1988)."""
    transposed = jacobian.transpose(0, 2, 1)
    strain, spin = 0.5 * (jacobian + transposed), 0.5 * (jacobian - transposed)
    return 0.5 * (np.sum(spin**2, axis=(1, 2)) - np.sum(strain**2, axis=(1, 2)))


def lambda2(jacobian: Array) -> Array:
    """Middle eigenvalue of S^2 + W^2 (n,), 1/s^2: below 0 in a vortex core (Jeong and Hussain, J. Fluid Mech. 285, 1995)."""
    transposed = jacobian.transpose(0, 2, 1)
    strain, spin = 0.5 * (jacobian + transposed), 0.5 * (jacobian - transposed)
    return _middle_eigenvalue(strain @ strain + spin @ spin)


def _middle_eigenvalue(a: Array) -> Array:
    """Of symmetric matrices (n, 3, 3), by the trigonometric formula (Smith, Commun. ACM 4, 1961)."""
    mean = np.trace(a, axis1=1, axis2=2) / 3.0
    b = a - mean[:, None, None] * np.eye(3)
    spread = np.sqrt(np.sum(b**2, axis=(1, 2)) / 6.0)
    half_determinant = 0.5 * np.linalg.det(b / np.maximum(spread, 1e-300)[:, None, None])
    angle = np.arccos(np.clip(half_determinant, -1.0, 1.0)) / 3.0
    highest = mean + 2.0 * spread * np.cos(angle)
    lowest = mean + 2.0 * spread * np.cos(angle + 2.0 * np.pi / 3.0)
    return 3.0 * mean - highest - lowest


def kinetic_energy(organ: OrganMesh, density: float, velocity: Array) -> Array:
    """Kinetic energy (nt,) of velocities (nt, n, 3), mJ; exact for linear fields."""
    corners = np.asarray(organ.points_mm)[organ.tets]
    volume = np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1])) / 6.0
    energy = []
    for frame in velocity:
        at = frame[organ.tets]
        square = np.sum(at**2, axis=(1, 2)) + np.sum(at.sum(axis=1) ** 2, axis=1)
        energy.append(0.5 * density * np.sum(volume * square) / 20.0)
    return np.array(energy) * 1e-6  # g mm^2/s^2 = 1e-9 J
