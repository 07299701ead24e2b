"""One beat of the closed loop: four chambers of time-varying elastance, valves, arteries and veins of body and lungs.

Twelve states (Regazzoni et al. 2022, eq. 2): volumes of the chambers, pressures of arteries and veins, flows through them,

    dV/dt = Q_in - Q_out,   C dp/dt = Q_in - Q_out,   L dQ/dt = p_in - p_out - R Q,

with the pressure of a chamber p = (E_active e(t) + E_passive)(V - V0), e a raised cosine up and down. The midpoint rule marches it
(opening and closing valves would take more than the second order from any rule); the length of the step follows from the
stiffest pair of a resistance and an elastance, so that it stays stable.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from organtwin_solvers.physiology.circulation.circuit import PLACE

Array = NDArray[np.float64]
compiled = njit(cache=True, error_model="numpy", nogil=True)

STEP_S = 2e-3
STABLE = 1.6  # of a real eigenvalue times the step; the limit of the midpoint rule is 2

MEASURED = (
    "p_ao_max", "p_ao_min", "p_ao_mean", "v_lv_max", "v_lv_min", "p_lv_max", "p_rv_max", "p_ra_mean", "p_la_mean",
    "p_pa_max", "p_pa_min", "p_pa_mean", "ejected", "period", "v_rv_max", "v_rv_min", "p_la_max", "p_la_min",
    "gradient_max", "pumped", "p_sys_max", "p_sys_min", "p_sys_mean",
)  # fmt: skip
M = {name: place for place, name in enumerate(MEASURED)}
TRACED = (
    "aortic_pressure_mmHg", "left_ventricular_pressure_mmHg", "left_ventricular_volume_mL", "aortic_flow_mL_per_s",
    "left_atrial_pressure_mmHg", "mitral_flow_mL_per_s", "right_ventricular_pressure_mmHg", "right_ventricular_volume_mL",
    "pulmonary_arterial_pressure_mmHg", "right_atrial_pressure_mmHg", "pump_flow_mL_per_s", "left_atrial_volume_mL",
)  # fmt: skip

_RATE = PLACE["rate_per_min"]
_ELV, _PLV, _V0LV, _ERV, _PRV, _V0RV = (PLACE[n] for n in ("elv_active", "elv_passive", "v0_lv", "erv_active", "erv_passive", "v0_rv"))  # fmt: skip
_ELA, _PLA, _V0LA, _ERA, _PRA, _V0RA = (PLACE[n] for n in ("ela_active", "ela_passive", "v0_la", "era_active", "era_passive", "v0_ra"))  # fmt: skip
_CV, _RLV, _CA, _RLA, _LEAD = (PLACE[n] for n in ("contract_v", "relax_v", "contract_a", "relax_a", "lead_a"))
_RS, _CS, _LS, _ZA, _RV, _CVN, _LV = (PLACE[n] for n in ("r_sys", "c_sys", "l_sys", "z_aorta", "r_vein", "c_vein", "l_vein"))  # fmt: skip
_RP, _CP, _LP, _RPV, _CPV, _LPV = (PLACE[n] for n in ("r_pul", "c_pul", "l_pul", "r_pvein", "c_pvein", "l_pvein"))
_R, _AMV, _AAV, _ATV, _APV = (PLACE[n] for n in ("r_valve", "area_mitral", "area_aortic", "area_tricuspid", "area_pulmonary"))  # fmt: skip
_LMV, _LAV, _LTV, _LPVV = (PLACE[n] for n in ("leak_mitral", "leak_aortic", "leak_tricuspid", "leak_pulmonary"))
_HEAD, _RPUMP = PLACE["pump_head"], PLACE["pump_resistance"]


@compiled
def activation(t: float, contract: float, relax: float, period: float) -> float:
    """0 .. 1 at ``t`` s after the beginning of contraction (Blanco and Feijoo 2010)."""
    t -= period * math.floor(t / period)
    if t < contract:
        return 0.5 * (1.0 - math.cos(math.pi * t / contract))
    if t < contract + relax:
        return 0.5 * (1.0 + math.cos(math.pi * (t - contract) / relax))
    return 0.0


@compiled
def through(drop: float, resistance: float, area: float, leak: float) -> float:
    """Flow, mL/s, through a valve under a drop of pressure: resistance plus the loss 4 v^2 (mmHg, m/s) of the jet."""
    if drop > 0.0:
        ra = resistance * area
        return 2.0 * area * drop / (ra + math.sqrt(ra * ra + 1.6e-3 * drop))
    if leak > 0.0 and drop < 0.0:
        ra = resistance * leak
        return 2.0 * leak * drop / (ra + math.sqrt(ra * ra - 1.6e-3 * drop))
    return 0.0


@compiled
def slope(y: Array, c: Array, over: Array, ev: float, ea: float, dy: Array, seen: Array) -> None:
    """Time derivative ``dy`` of the state, and in ``seen`` the pressures and flows in between; ``over`` is 1 / C and 1 / L of dy[4:]."""
    p_la = (c[_ELA] * ea + c[_PLA]) * (y[0] - c[_V0LA])
    p_lv = (c[_ELV] * ev + c[_PLV]) * (y[1] - c[_V0LV])
    p_ra = (c[_ERA] * ea + c[_PRA]) * (y[2] - c[_V0RA])
    p_rv = (c[_ERV] * ev + c[_PRV]) * (y[3] - c[_V0RV])
    mitral = through(p_la - p_lv, c[_R], c[_AMV], c[_LMV])
    aortic = through(p_lv - y[4], c[_R] + c[_ZA], c[_AAV], c[_LAV])
    tricuspid = through(p_ra - p_rv, c[_R], c[_ATV], c[_LTV])
    pulmonary = through(p_rv - y[6], c[_R], c[_APV], c[_LPVV])
    pump = 0.0
    if c[_HEAD] > 0.0:
        pump = (c[_HEAD] + p_lv - y[4]) / (c[_RPUMP] + c[_ZA])
    dy[0] = y[11] - mitral
    dy[1] = mitral - aortic - pump
    dy[2] = y[9] - tricuspid
    dy[3] = tricuspid - pulmonary
    dy[4] = (aortic + pump - y[8]) * over[4]
    dy[5] = (y[8] - y[9]) * over[5]
    dy[6] = (pulmonary - y[10]) * over[6]
    dy[7] = (y[10] - y[11]) * over[7]
    dy[8] = (y[4] - y[5] - c[_RS] * y[8]) * over[8]
    dy[9] = (y[5] - p_ra - c[_RV] * y[9]) * over[9]
    dy[10] = (y[6] - y[7] - c[_RP] * y[10]) * over[10]
    dy[11] = (y[7] - p_la - c[_RPV] * y[11]) * over[11]
    seen[0], seen[1], seen[2], seen[3] = p_la, p_lv, p_ra, p_rv
    seen[4], seen[5], seen[6], seen[7] = mitral, aortic, pump, y[4] + c[_ZA] * (aortic + pump)


@compiled
def steps_of(c: Array, period: float, step_s: float) -> int:
    """Steps of a beat: none longer than ``step_s`` nor than is stable."""
    r = c[_R]
    stiffest = max(
        (c[_ELV] + c[_PLV] + 1.0 / c[_CS]) / (r + c[_ZA]),
        (0.3 * c[_ELV] + c[_PLV] + c[_ELA] + c[_PLA]) / r,
        (c[_ERV] + c[_PRV] + 1.0 / c[_CP]) / r,
        (0.3 * c[_ERV] + c[_PRV] + c[_ERA] + c[_PRA]) / r,
    )
    stiffest = max(stiffest, c[_RS] / c[_LS], c[_RV] / c[_LV], c[_RP] / c[_LP], c[_RPV] / c[_LPV])
    steps: int = math.ceil(period / min(step_s, STABLE / stiffest))
    return steps


@compiled
def beat(y: Array, c: Array, period: float, steps: int, out: Array, trace: Array, work: Array) -> None:
    """Integrate ``y`` (12) over one beat in place and fill ``out`` (measured); ``trace`` (steps, k) is filled unless empty.

    ``work`` (5, 12) is scratch.
    """
    k1, k2, z, seen, over = work[0], work[1], work[2], work[3], work[4]
    over[4], over[5], over[6], over[7] = 1.0 / c[_CS], 1.0 / c[_CVN], 1.0 / c[_CP], 1.0 / c[_CPV]
    over[8], over[9], over[10], over[11] = 1.0 / c[_LS], 1.0 / c[_LV], 1.0 / c[_LP], 1.0 / c[_LPV]
    root = math.sqrt(period)
    cv, rv, ca, ra = c[_CV] * root, c[_RLV] * root, c[_CA] * root, c[_RLA] * root
    squeeze = min(1.0, 0.98 * period / (cv + rv))
    cv, rv = cv * squeeze, rv * squeeze
    squeeze = min(1.0, 0.98 * period / (ca + ra))
    ca, ra = ca * squeeze, ra * squeeze
    lead = c[_LEAD] * root
    h = period / steps
    tracing = trace.shape[0] > 0
    high, low = -1e30, 1e30
    for k in (0, 3, 5, 6, 9, 14, 16, 18, 20):
        out[k] = high
    for k in (1, 4, 10, 15, 17, 21):
        out[k] = low
    for k in (2, 7, 8, 11, 12, 19, 22):
        out[k] = 0.0
    ev, ea = activation(0.0, cv, rv, period), activation(lead, ca, ra, period)
    for step in range(steps):
        t = step * h
        slope(y, c, over, ev, ea, k1, seen)
        p_la, p_lv, p_ra, p_rv, p_ao, flow = seen[0], seen[1], seen[2], seen[3], seen[7], seen[5] + seen[6]
        out[0], out[1] = max(out[0], p_ao), min(out[1], p_ao)
        out[3], out[4] = max(out[3], y[1]), min(out[4], y[1])
        out[5], out[6] = max(out[5], p_lv), max(out[6], p_rv)
        out[9], out[10] = max(out[9], y[6]), min(out[10], y[6])
        out[14], out[15] = max(out[14], y[3]), min(out[15], y[3])
        out[16], out[17] = max(out[16], p_la), min(out[17], p_la)
        out[18] = max(out[18], p_lv - p_ao)
        out[20], out[21] = max(out[20], y[4]), min(out[21], y[4])
        out[2] += p_ao
        out[7] += p_ra
        out[8] += p_la
        out[11] += y[6]
        out[22] += y[4]
        if tracing:
            row = trace[step]
            row[0], row[1], row[2], row[3], row[4], row[5] = p_ao, p_lv, y[1], flow, p_la, seen[4]
            row[6], row[7], row[8], row[9], row[10], row[11] = p_rv, y[3], y[6], p_ra, seen[6], y[0]
        evm, eam = activation(t + 0.5 * h, cv, rv, period), activation(t + 0.5 * h + lead, ca, ra, period)
        for i in range(12):
            z[i] = y[i] + 0.5 * h * k1[i]
        slope(z, c, over, evm, eam, k2, seen)
        out[1], out[21] = min(out[1], seen[7]), min(out[21], z[4])
        out[12] += h * (seen[5] + seen[6])
        out[19] += h * seen[6]
        for i in range(12):
            y[i] += h * k2[i]
        ev, ea = activation(t + h, cv, rv, period), activation(t + h + lead, ca, ra, period)
    for k in (2, 7, 8, 11, 22):
        out[k] /= steps
    out[13] = period
