"""Guccione: the exponential law of passive heart muscle, stiffer along its fibres.

It is the same in all directions across the fibres; the shear modulus at rest that Young's modulus sets is the one
there, μ = C b_t / 2. Along the fibres the modulus for shear is C b_fs / 2. With C = 10 kPa and b = 1, 1, 1, the
isotropic wall of Land 2015, μ is 5 kPa and Young's modulus of the incompressible tissue 15 kPa; with C = 2 kPa and b_t = 2,
μ is 2 kPa and Young's modulus 6 kPa.
"""

from __future__ import annotations

from typing import Any

import ufl

from organtwin_solvers.tissue.laws.base import Law, Parameter
from organtwin_solvers.tissue.laws.invariants import isochoric_strain


def distortion(F: Any, mu: Any, fibre: Any, bf: Any, bt: Any, bfs: Any) -> Any:
    """C/2 (exp Q − 1), Q = b_f E_ff² + b_t (E_ss² + E_nn² + 2 E_sn²) + 2 b_fs (E_fs² + E_fn²), with C = 2 μ / b_t.

    Without sheets: E_fs² + E_fn² = |E f|² − E_ff², and E_ss² + E_nn² + 2 E_sn² is the rest of E : E.
    """
    E = isochoric_strain(F)
    along = ufl.dot(fibre, E * fibre)
    shear = ufl.inner(E * fibre, E * fibre) - along**2
    across = ufl.inner(E, E) - along**2 - 2 * shear
    Q = bf * along**2 + bt * across + 2 * bfs * shear
    return mu / bt * (ufl.exp(Q) - 1)


LAW = Law(
    "guccione",
    "Guccione",
    distortion,
    "Guccione, McCulloch and Waldman 1991, Journal of Biomechanical Engineering 113, 42; Land 2015, eq. 2.2",
    {
        "bf": Parameter(8.0, 0.01, 200.0, "stiffening along the fibres"),
        "bt": Parameter(2.0, 0.01, 200.0, "stiffening across the fibres"),
        "bfs": Parameter(4.0, 0.01, 200.0, "stiffening in shear along the fibres"),
    },
    directions=("fibre",),
)
