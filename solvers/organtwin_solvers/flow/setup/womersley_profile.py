"""The profile of a pulsatile flow in a straight tube of any cross-section (Womersley, J. Physiol. 127, 1955)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import diags_array
from scipy.sparse.linalg import splu

from organtwin_solvers.flow.setup.inflow import Section
from organtwin_solvers.flow.setup.waveforms import Waveform

HARMONICS = 24  # at most; those below NEGLIGIBLE of the strongest are left out
NEGLIGIBLE = 1e-4


@dataclass(frozen=True)
class WomersleyProfile:
    """speed(t) = steady c_0 + Re sum_k mode_k c_k exp(i k omega t), every mode carrying 1 mm^3/s.

    What the waveform holds beyond these harmonics is spread like the highest of them, so the flow is exact.
    """

    waveform: Waveform
    steady: NDArray[np.float64]  # (k,)
    modes: NDArray[np.complex128]  # (h, k)
    coefficients: NDArray[np.complex128]  # (h + 1,) of the flow
    orders: NDArray[np.int64]  # (h,)

    def __call__(self, time_s: float) -> NDArray[np.float64]:
        """Inward speed (k,) in mm/s."""
        turning = self.coefficients[1:] * np.exp(2j * np.pi * self.orders * time_s / self.waveform.period_s)
        speed = self.coefficients[0].real * self.steady + (turning @ self.modes).real
        rest = self.waveform(time_s) - self.coefficients[0].real - turning.sum().real
        return speed + rest * (self.modes[-1].real if len(self.modes) else self.steady)


def womersley_profile(section: Section, waveform: Waveform, kinematic_viscosity: float) -> WomersleyProfile:
    """(i k omega / nu - Laplace) w = 1 with w = 0 on the rim for every harmonic k of the waveform.

    Mass is lumped: where the mesh is coarser than the oscillating layer, the profile becomes flat without overshoot.

    Parameters
    ----------
    kinematic_viscosity : float
        nu, mm^2/s.
    """
    omega = 2.0 * np.pi / waveform.period_s
    flow = waveform.harmonics(HARMONICS)
    strong = np.abs(flow[1:]) > NEGLIGIBLE * max(np.abs(flow[1:]).max(), NEGLIGIBLE * waveform.peak, 1e-300)
    orders = 1 + np.flatnonzero(strong)
    inside = section.inside
    stiffness, mass = section.stiffness[inside][:, inside], section.load[inside]
    modes = np.zeros((len(orders), len(inside)), complex)
    for mode, k in zip(modes, orders, strict=True):
        matrix = (stiffness + diags_array(1j * k * omega / kinematic_viscosity * mass)).tocsc()
        mode[inside] = splu(matrix).solve(mass.astype(complex))
        mode[:] = section.unit(mode)
    return WomersleyProfile(
        waveform, section.parabolic(), modes, np.concatenate([flow[:1], flow[orders]]), orders.astype(np.int64)
    )
