"""A forced expiration: flow is limited by the lung's recoil over the resistance of the airways upstream of where they narrow.

Mead et al. 1967 (J Appl Physiol 22:95): V' = P_el / R_us. Recoil P_el = ln((A - RV) / (A - V)) / k (Salazar and Knowles 1964,
J Appl Physiol 19:97); conductance grows with volume from nothing at the residual one (after Briscoe and DuBois 1958, J Clin
Invest 37:1279). At high volume muscles and wave speed set a limit of their own.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]
compiled = njit(cache=True, error_model="numpy", nogil=True)

CONSTANTS = ("total", "residual", "recoil", "resistance", "peak")  # L, L, 1/cmH2O, cmH2O s, L/s
FOUND = ("fev1", "fvc", "pef")
STEP_S = 0.005
LONGEST_S = 15.0
END_L_PER_S = 0.025  # end of test: Graham et al. 2019, Am J Respir Crit Care Med 200:e70
RISE_S = 0.05


@compiled
def forced_flow(volume: float, t: float, c: Array) -> float:
    """L/s at a volume, L, at ``t`` s after the beginning."""
    if volume <= c[1]:
        return 0.0
    ceiling = 1.05 * c[0]
    recoil = math.log((ceiling - c[1]) / (ceiling - volume)) / c[2]
    limited = recoil * (volume - c[1]) / c[3]
    effort = c[4] * (1.0 - math.exp(-t / RISE_S))
    flow: float = limited * effort / (limited + effort + 1e-12)
    return flow


@compiled
def expire(c: Array, found: Array, trace: Array, every: int) -> None:
    """Blow out from total capacity: ``found`` (3), and ``trace`` (n, 2) volume exhaled and flow each ``every`` steps."""
    volume, t, most = c[0], 0.0, 0.0
    first, rows = -1.0, trace.shape[0]
    for step in range(int(LONGEST_S / STEP_S) + 1):
        flow = forced_flow(volume, t, c)
        if step % every == 0 and step // every < rows:
            trace[step // every, 0] = c[0] - volume
            trace[step // every, 1] = flow
        most = max(most, flow)
        if t >= 1.0 - 1e-9 and first < 0.0:
            first = c[0] - volume
        if t > 1.0 and flow < END_L_PER_S:
            break
        volume -= STEP_S * forced_flow(volume - 0.5 * STEP_S * flow, t + 0.5 * STEP_S, c)
        t += STEP_S
    found[0], found[1], found[2] = first, c[0] - volume, most


@compiled
def expire_all(c: Array, found: Array, traces: Array, every: int) -> None:
    """``expire`` of each member."""
    for member in range(len(c)):
        expire(c[member], found[member], traces[member], every)
