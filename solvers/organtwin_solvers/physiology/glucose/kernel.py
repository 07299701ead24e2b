"""The equations of glucose and insulin, and their march through time for each member of an ensemble.

Units mg/kg (glucose), pmol/kg (insulin), min. Stomach and gut, glucose in plasma and tissue, insulin in liver, plasma and under
the skin, and its delayed actions are those of the S2008 simulator (Kovatchev 2009). The body's own insulin and the liver's
extraction follow Dalla Man 2007:

    S = gamma I_po,  dI_po/dt = -gamma I_po + S_po,  S_po = S_b + Y + K max(dG/dt, 0),  dY/dt = -alpha (Y - max(beta (G - G_b), -S_b)),
    HE = HE_b - m5 (S - S_b),  m3 = m1 HE / (1 - HE).

Classical Runge-Kutta steps of at most a minute, shorter where insulin turns over faster.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]
compiled = njit(cache=True, error_model="numpy", nogil=True)

STATES = (
    "stomach_solid", "stomach_liquid", "gut", "plasma", "tissue", "insulin", "action", "delayed", "delayed_twice", "liver",
    "depot", "depot_slow", "interstitial", "portal", "standing", "heart_rate", "trained", "mean", "meal", "eating",
)  # fmt: skip
SOLID, LIQUID, GUT, GP, GT, IP, X, I1, ID, IL, SC1, SC2, GS, IPO, Y, HR, Z, MEAN, MEAL, EATING = range(20)
SEEN = (GP, GS, MEAN, IP, SC1, SC2)  # what readings are made of
MOVING = 17  # states before the mean: integrated with Runge-Kutta

CONSTANTS = (
    "weight", "kabs", "kmax", "kmin", "b", "d", "f", "vg", "vi", "k1", "k2", "kp1", "kp2", "kp3", "kp4", "ke1", "ke2",
    "fcns", "vm0", "vmx", "vmx_rest", "km0", "p2u", "ki", "m1", "m2", "m4", "m5", "heb", "ib", "gb", "sb", "alpha", "beta", "k", "gamma",
    "ka1", "ka2", "kd", "ksc", "basal", "production", "glycation_min", "excretion",
)  # fmt: skip
C = {name: place for place, name in enumerate(CONSTANTS)}
(_BW, _KABS, _KMAX, _KMIN, _B, _D, _F, _VG, _VI, _K1, _K2, _KP1, _KP2, _KP3, _KP4, _KE1, _KE2, _FCNS, _VM0, _VMX, _VMXR,
 _KM0, _P2U, _KI, _M1, _M2, _M4, _M5, _HEB, _IB, _GB, _SB, _ALPHA, _BETA, _K, _GAMMA, _KA1, _KA2, _KD, _KSC, _BASAL, _PROD,
 _GLYC, _EXCR) = range(len(CONSTANTS))  # fmt: skip

PMOL_PER_UNIT = 6000.0
STEP_MIN = 1.0
STABLE = 2.2  # of a rate times the step; the limit of Runge-Kutta is 2.785
HEART_RATE_SPAN = 110.0  # /min from rest to full exercise
# Dalla Man 2009: uptake that needs no insulin rises by 1 % for each beat a minute; sensitivity rises while the heart beats faster
# than a tenth over rest, and stays for hours. ACTIVITY_GAIN and its rise are judged (see the data sheet).
UPTAKE_PER_BEAT, HEART_RATE_DELAY_MIN, THRESHOLD_PER_MIN, LASTING_MIN = 0.01, 5.0, 7.0, 600.0
ACTIVITY_GAIN, ACTIVITY_RISE_MIN = 1.0, 30.0


@compiled
def slope(y: Array, c: Array, meal_mg: float, insulin: float, effort: float, dy: Array) -> None:
    """``meal_mg`` mg/min eaten, ``insulin`` pmol/kg/min injected, ``effort`` 0 .. 1."""
    dy[SOLID] = -c[_KMAX] * y[SOLID] + meal_mg
    empties = c[_KMAX]
    if y[MEAL] > 0.0:
        q = y[SOLID] + y[LIQUID]
        a = 2.5 / (y[MEAL] * (1.0 - c[_B]))
        b = 2.5 / (y[MEAL] * c[_D])
        empties = c[_KMIN] + 0.5 * (c[_KMAX] - c[_KMIN]) * (
            math.tanh(a * (q - c[_B] * y[MEAL])) - math.tanh(b * (q - c[_D] * y[MEAL])) + 2.0
        )
    dy[LIQUID] = c[_KMAX] * y[SOLID] - empties * y[LIQUID]
    dy[GUT] = empties * y[LIQUID] - c[_KABS] * y[GUT]
    appears = c[_F] * c[_KABS] * y[GUT] / c[_BW]
    produced = c[_PROD] * max(c[_KP1] - c[_KP2] * y[GP] - c[_KP3] * y[ID] - c[_KP4] * y[IPO], 0.0)
    excreted = c[_KE1] * max(y[GP] - c[_KE2], 0.0) + c[_EXCR] * y[GP]
    beats = y[HR]
    vmax = (
        c[_VM0] * (1.0 + UPTAKE_PER_BEAT * beats)
        + c[_VMX] * (1.0 + ACTIVITY_GAIN * y[Z]) * (y[X] + c[_IB])
        - c[_VMXR] * c[_IB]
    )
    used = max(vmax, 0.0) * y[GT] / (c[_KM0] + y[GT])
    dy[GP] = produced + appears - c[_FCNS] - excreted - c[_K1] * y[GP] + c[_K2] * y[GT]
    if y[GP] < 0.0:
        dy[GP] = max(dy[GP], 0.0)
    dy[GT] = -used + c[_K1] * y[GP] - c[_K2] * y[GT]
    if y[GT] < 0.0:
        dy[GT] = max(dy[GT], 0.0)
    # the body's own insulin
    above = c[_BETA] * (y[GP] / c[_VG] - c[_GB])
    dy[Y] = -c[_ALPHA] * (y[Y] - max(above, -c[_SB]))
    secreted = max(c[_SB] + y[Y], 0.0) + c[_K] * max(dy[GP] / c[_VG], 0.0)
    dy[IPO] = secreted - c[_GAMMA] * y[IPO]
    into_liver = c[_GAMMA] * y[IPO]
    extraction = min(max(c[_HEB] - c[_M5] * (into_liver - c[_SB]), 0.05), 0.9)
    dy[IL] = -(c[_M1] + c[_M1] * extraction / (1.0 - extraction)) * y[IL] + c[_M2] * y[IP] + into_liver
    dy[IP] = -(c[_M2] + c[_M4]) * y[IP] + c[_M1] * y[IL] + c[_KA1] * y[SC1] + c[_KA2] * y[SC2]
    concentration = y[IP] / c[_VI]
    dy[X] = -c[_P2U] * (y[X] - (concentration - c[_IB]))
    dy[I1] = -c[_KI] * (y[I1] - concentration)
    dy[ID] = -c[_KI] * (y[ID] - y[I1])
    dy[SC1] = insulin - (c[_KA1] + c[_KD]) * y[SC1]
    dy[SC2] = c[_KD] * y[SC1] - c[_KA2] * y[SC2]
    dy[GS] = c[_KSC] * (y[GP] - y[GS])
    dy[HR] = (HEART_RATE_SPAN * effort - beats) / HEART_RATE_DELAY_MIN
    ratio = (beats / THRESHOLD_PER_MIN) ** 4
    dy[Z] = ratio / (1.0 + ratio) / ACTIVITY_RISE_MIN * (1.0 - y[Z]) - y[Z] / LASTING_MIN


@compiled
def advance(y: Array, c: Array, u: Array, minutes: float, step_min: float, until_still: bool, work: Array) -> None:
    """March ``y`` (20) in place under constant ``u`` = (meal g/min, insulin U/min, effort); ``work`` (5, 20) is scratch.

    With ``until_still`` it stops as soon as nothing moves any more, and the mean goes on by its exact solution.
    """
    k1, k2, k3, k4, z = work[0], work[1], work[2], work[3], work[4]
    fastest = c[_M2] + c[_M4] + c[_M1] / (1.0 - min(c[_HEB] + c[_M5] * c[_SB], 0.9))
    if not math.isfinite(fastest * minutes):
        y[:] = np.nan
        return
    steps = max(1, math.ceil(minutes / min(step_min, STABLE / fastest) - 1e-9))
    h = minutes / steps
    meal_mg = 1000.0 * u[0]
    insulin = (u[1] * PMOL_PER_UNIT) / c[_BW] + c[_BASAL]
    if meal_mg > 0.0 and y[EATING] <= 0.0:
        y[MEAL] = y[SOLID] + y[LIQUID]
    y[EATING] = 1.0 if meal_mg > 0.0 else 0.0
    for step in range(steps):
        if meal_mg > 0.0:
            y[MEAL] += meal_mg * h
            if until_still:  # eating all day: what the stomach holds is the meal
                y[MEAL] = y[SOLID] + y[LIQUID] + meal_mg * h
        before = y[GP]
        z[:] = y
        slope(y, c, meal_mg, insulin, u[2], k1)
        for i in range(MOVING):
            z[i] = y[i] + 0.5 * h * k1[i]
        slope(z, c, meal_mg, insulin, u[2], k2)
        for i in range(MOVING):
            z[i] = y[i] + 0.5 * h * k2[i]
        slope(z, c, meal_mg, insulin, u[2], k3)
        for i in range(MOVING):
            z[i] = y[i] + h * k3[i]
        slope(z, c, meal_mg, insulin, u[2], k4)
        for i in range(MOVING):
            y[i] += h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i])
        seen = 0.5 * (before + y[GP]) / c[_VG]
        y[MEAN] += (seen - y[MEAN]) * -math.expm1(-h / c[_GLYC])
        if until_still and step % 30 == 29:
            # per minute: a thousandth of a mg/dL, and what drives it
            still = (
                abs(k1[GP]) + abs(k1[GT]) < 1e-3 and abs(k1[ID]) + abs(k1[I1]) + abs(k1[X]) < 1e-3 and abs(k1[Z]) < 1e-6
            )
            if still and abs(k1[LIQUID]) + abs(k1[GUT]) + abs(k1[SOLID]) < 0.05:
                rest = (steps - 1 - step) * h
                y[MEAN] += (y[GP] / c[_VG] - y[MEAN]) * -math.expm1(-rest / c[_GLYC])
                return


@compiled
def march(y: Array, c: Array, u: Array, minutes: Array, step_min: float, long_min: float, seen: Array) -> None:
    """Each member from time to time: ``y`` (m, 20) in place, ``c`` (m, k), ``u`` (m, n, 3) held for ``minutes`` (n).

    ``seen`` (m, n, 6) is filled with the states that readings are made of, before each of them.
    """
    work = np.zeros((5, y.shape[1]))
    for member in range(len(y)):
        for k in range(len(minutes)):
            for j in range(len(SEEN)):
                seen[member, k, j] = y[member, SEEN[j]]
            if minutes[k] > 0.0:
                advance(y[member], c[member], u[member, k], minutes[k], step_min, minutes[k] > long_min, work)
