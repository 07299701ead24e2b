"""Moving a mesh with its wall: the cells follow as a membrane would, so that none of them has to be made anew."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.linalg import cg

from organtwin.errors import SolveFailed
from organtwin.mesh import quality

Points = NDArray[np.float64]


def carried(
    points: Points, tets: NDArray[np.int32], moved: Points, held: NDArray[np.bool_], stiffening: float = 0.3
) -> Points:
    """Displacements (n, 3) of all points when the ``held`` ones (n,) bool take those of ``moved`` (n, 3).

    Each component is harmonic in between (linear finite elements); small cells are made stiffer by their size to the
    power ``-stiffening``, so that large ones take up the change (as in Jasak and Tukovic 2006). The sides of the mesh that
    are not held go with it freely.

    Raises
    ------
    SolveFailed
    """
    free = ~held
    out = np.where(held[:, None], moved, 0.0)
    if not free.any():
        return out
    stiffness = _laplacian(points, tets, stiffening)
    inner = stiffness[free][:, free]
    load = -(stiffness[free][:, held] @ moved[held])
    diagonal = inner.diagonal()
    scale = csr_matrix((1 / diagonal, (np.arange(len(diagonal)), np.arange(len(diagonal)))))
    for axis in range(3):
        if not load[:, axis].any():
            continue
        found, missed = cg(inner, load[:, axis], rtol=1e-6, maxiter=5000, M=scale)
        if missed:
            raise SolveFailed("The cells could not be moved with the wall")
        out[free, axis] = found
    return out


def _laplacian(points: Points, tets: NDArray[np.int32], stiffening: float) -> csr_matrix:
    """Stiffness of linear tetrahedra, their coefficient the volume to the power ``-stiffening``."""
    volume = quality.volumes(points, tets)
    opposite = np.stack(
        [
            np.cross(points[tets[:, b]] - points[tets[:, a]], points[tets[:, c]] - points[tets[:, a]])
            for a, b, c in quality.FACES
        ],
        axis=1,
    )  # twice the outward area of the face opposite each corner; the gradient is its inverse over 6 V
    weight = volume ** (-stiffening) / (36 * volume)
    local = np.einsum("mik,mjk,m->mij", opposite, opposite, weight)
    rows = np.repeat(tets, 4, axis=1).ravel()
    columns = np.tile(tets, (1, 4)).ravel()
    return coo_matrix((local.ravel(), (rows, columns)), shape=(len(points), len(points))).tocsr()
