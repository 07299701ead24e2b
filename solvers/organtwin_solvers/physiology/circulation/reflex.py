"""Arterial baroreflex in its steady state (Ursino 1998, Am J Physiol 275:H1733-H1747), relative to a person's resting values.

The carotid sinus fires with a sigmoid of the mean pressure's distance from the setpoint; sympathetic activity falls
exponentially with it, vagal activity rises with a sigmoid. They act on the resistance, the contractility, the unstressed volume
of the veins and the period of the heart. Within days the setpoint follows the pressure: ``reset`` is the part that it has followed.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from organtwin_solvers.physiology.circulation.circuit import PLACE

Array = NDArray[np.float64]
compiled = njit(cache=True, error_model="numpy", nogil=True)

F_MIN, F_MAX, SLOPE_MMHG = 2.52, 47.78, 11.76  # of the carotid sinus nerve, spikes/s
ES_INF, ES_0, ES_MIN, K_ES = 2.10, 16.11, 2.66, 0.0675  # sympathetic
EV_0, EV_INF, CS_0, K_EV = 3.2, 6.3, 25.0, 7.06  # vagal
# Gains of Ursino's effectors over their values at the setpoint: splanchnic 0.695/3.26 and other 0.53/1.36 weighted by conductance,
# end-systolic elastance 0.475/2.92, veins 265.4 + 132.5 mL, period 0.13 and 0.09 s of 0.866 s.
G_RESISTANCE, G_ELASTANCE, G_VEINS_ML, G_PERIOD_S, G_PERIOD_V = 0.337, 0.163, 397.9, 0.13 / 0.866, 0.09 / 0.866

_RATE, _MAX, _PACED = PLACE["rate_per_min"], PLACE["rate_max"], PLACE["paced"]
_GAIN, _SET, _RESET = PLACE["reflex_gain"], PLACE["reflex_setpoint"], PLACE["reflex_reset"]
_ELV, _ERV, _RS = PLACE["elv_active"], PLACE["erv_active"], PLACE["r_sys"]
SLOWEST_PER_MIN = 25.0


@compiled
def firing(distance_mmhg: float) -> tuple[float, float]:
    """Sympathetic effect ln(f_es - f_es,min + 1) and vagal activity f_ev, spikes/s."""
    e = math.exp(min(max(distance_mmhg / SLOPE_MMHG, -30.0), 30.0))
    f = (F_MIN + F_MAX * e) / (1.0 + e)
    sympathetic = ES_INF + (ES_0 - ES_INF) * math.exp(-K_ES * f)
    v = math.exp((f - CS_0) / K_EV)
    return math.log(max(sympathetic - ES_MIN, 0.0) + 1.0), (EV_0 + EV_INF * v) / (1.0 + v)


@compiled
def respond(c: Array, mean_mmhg: float, into: Array) -> tuple[float, float]:
    """Write the circuit ``c`` as the reflex sets it at a mean pressure ``into``; return the period, s, and the volume of the veins
    given up (negative: taken from the stressed volume), mL."""
    into[:] = c
    gain = c[_GAIN]
    period = 60.0 / c[_RATE]
    if gain <= 0.0:
        return period, 0.0
    s, v = firing((1.0 - c[_RESET]) * (mean_mmhg - c[_SET]))
    s0, v0 = firing(0.0)
    into[_RS] = c[_RS] * max(0.3, 1.0 + gain * G_RESISTANCE * (s - s0))
    strength = max(0.3, 1.0 + gain * G_ELASTANCE * (s - s0))
    into[_ELV] = c[_ELV] * strength
    into[_ERV] = c[_ERV] * strength
    if c[_PACED] <= 0.0:
        period *= max(0.2, 1.0 + gain * (-G_PERIOD_S * (s - s0) + G_PERIOD_V * (v - v0)))
        period = min(max(period, 60.0 / max(c[_MAX], c[_RATE])), 60.0 / SLOWEST_PER_MIN)
    return period, gain * G_VEINS_ML * (s - s0)
