"""The pressure that a narrowing costs (Young and Tsai, J. Biomech. 6, 1973)."""

from __future__ import annotations

import math
from dataclasses import dataclass

TURBULENT = 1.52  # K_t
INERTIAL = 1.2  # K_u


@dataclass(frozen=True)
class Law:
    """Drop = (resistance + stenosis |q|) q + inertance dq/dt, in mm-g-s."""

    resistance: float
    stenosis: float
    inertance: float


def young_tsai(diameter: float, throat: float, length: float, viscosity: float, density: float) -> Law:
    """Of a narrowing to a ``throat`` of this ``length`` in an artery of this ``diameter``: an empirical law, good to 10-20 %.

    drop = K_v mu / (A0 D0) q + rho K_t / (2 A0^2) (A0/A - 1)^2 q |q| + K_u rho length / A0 dq/dt with
    K_v = 32 (0.83 length + 1.64 throat) (A0/A)^2 / D0.
    """
    area = 0.25 * math.pi * diameter**2
    ratio = (diameter / throat) ** 2
    viscous = 32.0 * (0.83 * length + 1.64 * throat) * ratio**2 / diameter
    return Law(
        resistance=viscous * viscosity / (area * diameter),
        stenosis=TURBULENT * density / (2.0 * area**2) * (ratio - 1.0) ** 2,
        inertance=INERTIAL * density * length / area,
    )
