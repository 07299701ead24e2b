"""Gas exchange in a steady state: a lung of many ratios of ventilation to perfusion, the body's use, and the drive to breathe.

Each compartment of the lung balances what blood takes up against what air brings (West 1969, Respir Physiol 7:88), the ratios
spread log-normally over the blood flow (Wagner et al. 1974, J Clin Invest 54:54). The drive follows arterial acidity and oxygen
(form of Lloyd and Cunningham 1963), rises with carbon dioxide given off in exercise, and meets the most that the lung can move.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from organtwin_solvers.physiology.respiration.blood import SOLUBILITY_CO2, acidity, contents

Array = NDArray[np.float64]
compiled = njit(cache=True, error_model="numpy", nogil=True)

CONSTANTS = (
    "barometric", "inspired_o2", "inspired_co2", "uptake", "output", "output_rest", "flow", "hb", "base", "compensation",
    "dead_space", "alveolar_dead", "shunt", "spread", "acid_gain", "acid_threshold", "hypoxic_gain", "acclimatised", "wakefulness",
    "exercise_gain", "most", "breath_offset", "breath_most", "answer",
)  # fmt: skip
C = {name: place for place, name in enumerate(CONSTANTS)}
(_PB, _PIO2, _PICO2, _VO2, _VCO2, _VCO2R, _Q, _HB, _BASE, _COMP, _VD, _VDA, _SHUNT, _SPREAD, _GAIN, _H0, _HYP, _ACC, _WAKE, _EX,
 _MOST, _VT0, _VTM, _ANSWER) = range(len(CONSTANTS))  # fmt: skip
FOUND = (
    "p_o2",
    "p_co2",
    "ph",
    "s_o2",
    "ventilation",
    "tidal",
    "rate",
    "s_venous",
    "p_o2_alveolar",
    "bicarbonate",
    "base_excess",
)
STATES = ("o2_venous", "co2_venous", "ventilation", "co2_arterial")

WATER = 47.0
KIDNEY = 0.45  # mmol/L of base excess a mmHg
# Of a base excess of one's own the receptors behind the blood-brain barrier see but a part: the threshold moves with it, nmol/L a
# mmol/L, so that carbon dioxide answers with about 1.2 mmHg in acidosis and 0.7 in alkalosis (Berend et al. 2014, N Engl J Med 371:1434)
HIDDEN_ACID, HIDDEN_BASE = 0.8, 0.75
OWN_MUCH = 4.0  # mmol/L of a base excess of one's own, at which the kidney answers carbon dioxide but half (assumed)
BTPS = 863.0
_NODES = np.array([-2.4, -1.6, -0.8, 0.0, 0.8, 1.6, 2.4])  # of the log-normal, in its sd
_SHARES = np.exp(-0.5 * _NODES**2) / np.exp(-0.5 * _NODES**2).sum()
KNEE_MMHG = 30.0  # pressure of oxygen at which the hypoxic drive would have no bound
PLENTY_MMHG = (
    100.0  # beyond, oxygen does not calm a standing drive further (Becker et al. 1996, J Appl Physiol 81:1683)
)
LEFT = 0.15  # of the arterial oxygen that tissues cannot take
HEY_SLOPE, HEY_OFFSET = 28.0, 0.3  # V_E = 28 (V_T - 0.3): Hey et al. 1966, Respir Physiol 1:193


@compiled
def compartment(
    p: Array, ratio: float, c: Array, base: float, o2_venous: float, co2_venous: float
) -> tuple[float, float]:
    """Find pressures ``p`` = (O2, CO2) in place where blood and air agree; return the blood's contents."""
    to_air = BTPS * 0.01 / ratio  # a mL/dL that blood gains, as mmHg of the air that comes
    squeeze = to_air / (c[_PB] - WATER)
    hb = c[_HB]
    o2, co2, _s, _ph = contents(p[0], p[1], base, hb)
    for _ in range(12):
        left = 1.0 - squeeze * ((o2 - o2_venous) - (co2_venous - co2))
        f1 = c[_PIO2] - left * p[0] - to_air * (o2 - o2_venous)
        f2 = left * p[1] - c[_PICO2] - to_air * (co2_venous - co2)
        if abs(f1) < 1e-4 and abs(f2) < 1e-4:
            break
        h1, h2 = 1e-3 * p[0] + 1e-4, 1e-3 * p[1] + 1e-4
        a1, b1, _s, _ph = contents(p[0] + h1, p[1], base, hb)
        a2, b2, _s, _ph = contents(p[0], p[1] + h2, base, hb)
        l1 = 1.0 - squeeze * ((a1 - o2_venous) - (co2_venous - b1))
        l2 = 1.0 - squeeze * ((a2 - o2_venous) - (co2_venous - b2))
        j11 = (c[_PIO2] - l1 * (p[0] + h1) - to_air * (a1 - o2_venous) - f1) / h1
        j12 = (c[_PIO2] - l2 * p[0] - to_air * (a2 - o2_venous) - f1) / h2
        j21 = (l1 * p[1] - c[_PICO2] - to_air * (co2_venous - b1) - f2) / h1
        j22 = (l2 * (p[1] + h2) - c[_PICO2] - to_air * (co2_venous - b2) - f2) / h2
        det = j11 * j22 - j12 * j21
        d1, d2 = (f1 * j22 - f2 * j12) / det, (f2 * j11 - f1 * j21) / det
        p[0] = min(max(p[0] - d1, 0.3 * p[0]), 3.0 * p[0] + 5.0)
        p[1] = min(max(p[1] - d2, 0.3 * p[1]), 3.0 * p[1] + 5.0)
        o2, co2, _s, _ph = contents(p[0], p[1], base, hb)
    return o2, co2


@compiled
def pressures(o2: float, co2: float, c: Array, base: float, p: Array) -> tuple[float, float]:
    """Pressures ``p`` in place of blood with these contents; saturation and pH."""
    hb = c[_HB]
    a, b, s, ph = contents(p[0], p[1], base, hb)
    for _ in range(40):
        f1, f2 = a - o2, b - co2
        if abs(f1) < 1e-6 and abs(f2) < 1e-6:
            break
        h1, h2 = 1e-3 * p[0] + 1e-4, 1e-3 * p[1] + 1e-4
        a1, b1, _s, _ph = contents(p[0] + h1, p[1], base, hb)
        a2, b2, _s, _ph = contents(p[0], p[1] + h2, base, hb)
        j11, j12, j21, j22 = (a1 - a) / h1, (a2 - a) / h2, (b1 - b) / h1, (b2 - b) / h2
        det = j11 * j22 - j12 * j21
        p[0] = min(max(p[0] - (f1 * j22 - f2 * j12) / det, 0.5 * p[0]), 1.5 * p[0] + 2.0)
        p[1] = min(max(p[1] - (f2 * j11 - f1 * j21) / det, 0.5 * p[1]), 1.5 * p[1] + 2.0)
        a, b, s, ph = contents(p[0], p[1], base, hb)
    return s, ph


@compiled
def breath(ventilation: float, c: Array) -> float:
    """Tidal volume, L, of a ventilation, L/min (Hey 1966), at most half of the vital capacity or so."""
    tidal: float = min(HEY_OFFSET * c[_VT0] + ventilation / HEY_SLOPE, c[_VTM])
    return tidal


@compiled
def drive(p_o2: float, p_co2: float, ph: float, c: Array) -> float:
    """Ventilation, L/min, that the chemoreceptors and exercise ask for, as far as the lung can."""
    hidden = (HIDDEN_ACID if c[_BASE] < 0.0 else HIDDEN_BASE) * c[_BASE]
    acid = max(10.0 ** (9.0 - ph) - c[_H0] + hidden, 0.0)
    above = min(p_o2, PLENTY_MMHG) - KNEE_MMHG
    above = 0.5 * (above + math.sqrt(above * above + 16.0))
    hypoxic = 1.0 + c[_HYP] / above
    asked = c[_WAKE] + c[_GAIN] * acid * hypoxic + c[_EX] * (c[_VCO2] - c[_VCO2R])
    asked = max(asked, 1.0)
    able: float = asked / (1.0 + (asked / c[_MOST]) ** 4) ** 0.25
    return able


@compiled
def alveolar(ventilation: float, c: Array) -> float:
    """Ventilation that meets blood, L/min."""
    meets: float = max(ventilation * (1.0 - c[_VD] / breath(ventilation, c)), 0.08 * ventilation) * (1.0 - c[_VDA])
    return meets


@compiled
def kidney(p_co2: float, c: Array) -> float:
    """Base excess, mmol/L: a standing change of arterial carbon dioxide is answered (Krapf 1991, Martinu 2003: 0.4 to 0.5 mmol/L of
    bicarbonate a mmHg), but not the part of it that answers a base excess of the person's own: that would undo itself for ever.
    In a great one it is the kidney that fails, or is overcome, and answers little."""
    busy = 1.0 + (c[_BASE] / OWN_MUCH) ** 4
    base: float = c[_BASE] + c[_COMP] * KIDNEY / busy * min(max(p_co2 - 40.0 - c[_ANSWER], -35.0), 45.0)
    return base


@compiled
def ideal(ventilation: float, c: Array, p: Array) -> float:
    """Pressures ``p`` = (O2, CO2) in ideal alveoli; how much more ventilation they ask for."""
    meets = alveolar(ventilation, c)
    p_co2 = c[_PICO2] + BTPS * c[_VCO2] / meets
    left = 1.0 - BTPS * (c[_VO2] - c[_VCO2]) / meets / (c[_PB] - WATER)
    p[0] = max((c[_PIO2] - BTPS * c[_VO2] / meets) / max(left, 0.2), 3.0)
    p[1] = p_co2
    return drive(p[0], p_co2, acidity(p_co2, kidney(p_co2, c), c[_HB]), c) - ventilation


@compiled
def ideal_ventilation(c: Array, p: Array) -> float:
    """What an ideal lung settles at, L/min, by bisection, and its pressures ``p`` in place."""
    low, high = 0.5, 1.2 * c[_MOST]
    for _ in range(40):
        middle = 0.5 * (low + high)
        if ideal(middle, c, p) > 0.0:
            low = middle
        else:
            high = middle
    found = 0.5 * (low + high)
    ideal(found, c, p)
    return found


@compiled
def misses(x: Array, c: Array, lung: Array, arterial: Array, found: Array, f: Array) -> None:
    """How far ``x`` = venous contents, ventilation and arterial carbon dioxide is from steady: ``f`` (4). Pressures go on in place; ``found`` is filled."""
    ventilation, flow = x[2], c[_Q]
    base = kidney(x[3], c)
    ratio = alveolar(ventilation, c) / (flow * (1.0 - c[_SHUNT])) / _mean(c[_SPREAD])
    o2 = co2 = p_alveolar = 0.0
    for k in range(7):
        r = math.exp(c[_SPREAD] * _NODES[k])
        a, b = compartment(lung[k], ratio * r, c, base, x[0], x[1])
        o2 += _SHARES[k] * a
        co2 += _SHARES[k] * b
        p_alveolar += _SHARES[k] * r * lung[k, 0]
    o2 = (1.0 - c[_SHUNT]) * o2 + c[_SHUNT] * x[0]
    co2 = (1.0 - c[_SHUNT]) * co2 + c[_SHUNT] * x[1]
    s, ph = pressures(o2, co2, c, base, arterial)
    f[0] = max(o2 - 100.0 * c[_VO2] / flow, LEFT * o2) - x[0]  # beyond that uptake falls: it cannot last
    f[1] = co2 + 100.0 * c[_VCO2] / flow - x[1]
    f[2] = drive(arterial[0], arterial[1], ph, c) - ventilation
    f[3] = arterial[1] - x[3]
    tidal = breath(ventilation, c)
    found[0], found[1], found[2], found[3], found[4], found[5] = arterial[0], arterial[1], ph, s, ventilation, tidal
    found[6], found[8] = ventilation / tidal, p_alveolar / _mean(c[_SPREAD])
    found[9], found[10] = SOLUBILITY_CO2 * arterial[1] * 10.0 ** (ph - 6.1), base


@compiled
def solve4(a: Array, b: Array) -> None:
    """a x = b by elimination with pivots, in place; ``b`` becomes x."""
    for i in range(4):
        best = i
        for j in range(i + 1, 4):
            if abs(a[j, i]) > abs(a[best, i]):
                best = j
        if best != i:
            for k in range(4):
                a[i, k], a[best, k] = a[best, k], a[i, k]
            b[i], b[best] = b[best], b[i]
        for j in range(i + 1, 4):
            q = a[j, i] / a[i, i]
            for k in range(i, 4):
                a[j, k] -= q * a[i, k]
            b[j] -= q * b[i]
    for i in range(3, -1, -1):
        for k in range(i + 1, 4):
            b[i] -= a[i, k] * b[k]
        b[i] /= a[i, i]


@compiled
def settle(x: Array, c: Array, found: Array) -> bool:
    """Blood gases and the ventilation that they ask for: ``x`` (4) in place, ``found`` (k) filled.

    Newton's rule from the ideal lung, whose ventilation is found by bisection.
    """
    lung, arterial, p = np.empty((7, 2)), np.empty(2), np.empty(2)
    c[_ANSWER] = 0.0
    if c[_BASE] != 0.0:
        at_once = c.copy()
        at_once[_COMP] = 0.0
        ideal_ventilation(at_once, p)
        c[_ANSWER] = p[1]
        at_once[_BASE] = 0.0
        ideal_ventilation(at_once, p)
        c[_ANSWER] -= p[1]
    ventilation = ideal_ventilation(c, p)
    base = kidney(p[1], c)
    hb, flow = c[_HB], c[_Q]
    o2, co2, _s, _ph = contents(p[0], p[1], base, hb)
    lung[:, 0], lung[:, 1] = p[0], p[1]
    arterial[0], arterial[1] = 0.9 * p[0], p[1]
    x[0], x[1] = max(0.97 * o2 - 100.0 * c[_VO2] / flow, 0.05 * o2), co2 + 100.0 * c[_VCO2] / flow
    x[2], x[3] = ventilation, p[1]
    f = np.empty(4)
    for attempt in range(2):
        if newton(x, c, lung, arterial, found, f):
            mixed = np.array([35.0, arterial[1] + 6.0])
            found[7], _ph = pressures(x[0], x[1], c, found[10], mixed)
            return True
        if attempt == 0:
            lung[:, 0], lung[:, 1] = p[0], p[1]
            arterial[0], arterial[1] = 0.9 * p[0], p[1]
            x[0], x[1] = 0.6 * o2, co2 + 100.0 * c[_VCO2] / flow
            x[2], x[3] = ventilation, p[1]
            relax(x, c, lung, arterial, found, f)
    return False


@compiled
def newton(x: Array, c: Array, lung: Array, arterial: Array, found: Array, f: Array) -> bool:
    """Bring ``f`` to nothing; whether it came there."""
    f_new, step, trial = np.empty(4), np.empty(4), np.empty(4)
    jacobian = np.empty((4, 4))
    misses(x, c, lung, arterial, found, f)
    for _ in range(30):
        size = abs(f[0]) + abs(f[1]) + abs(f[2]) + abs(f[3])
        if size < 1e-4:
            return True
        for k in range(4):
            h = 1e-4 * x[k] + 1e-5
            trial[:] = x
            trial[k] += h
            misses(trial, c, lung, arterial, found, f_new)
            jacobian[:, k] = (f_new - f) / h
        step[:] = -f
        solve4(jacobian, step)
        part = 1.0
        for _try in range(6):
            for k in range(4):
                trial[k] = min(max(x[k] + part * step[k], 0.4 * x[k]), 2.0 * x[k])
            misses(trial, c, lung, arterial, found, f_new)
            new = abs(f_new[0]) + abs(f_new[1]) + abs(f_new[2]) + abs(f_new[3])
            if math.isfinite(new) and new < size:
                break
            part *= 0.5
        if not math.isfinite(new):
            return False
        x[:] = trial
        f[:] = f_new
    return False


@compiled
def relax(x: Array, c: Array, lung: Array, arterial: Array, found: Array, f: Array) -> None:
    """A while of moving toward the steady state as the body would, where Newton's rule does not find it at once."""
    for _ in range(300):
        misses(x, c, lung, arterial, found, f)
        x[0] = max(x[0] + 0.5 * f[0], 0.05)
        x[1] = max(x[1] + 0.5 * f[1], 1.0)
        x[2] = max(x[2] + 0.05 * f[2], 0.3)
        x[3] = max(x[3] + 0.2 * f[3], 2.0)


@compiled
def _mean(spread: float) -> float:
    total = 0.0
    for k in range(7):
        total += _SHARES[k] * math.exp(spread * _NODES[k])
    return total


@compiled
def settle_all(x: Array, c: Array, found: Array) -> None:
    """``settle`` of each member: ``x`` (m, 4), ``c`` (m, k), ``found`` (m, k); NaN where it does not."""
    for member in range(len(x)):
        if not settle(x[member], c[member], found[member]):
            x[member] = np.nan
            found[member] = np.nan
