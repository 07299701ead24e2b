"""What blood carries: oxygen and carbon dioxide of their partial pressures, and the acid-base state between them."""

from __future__ import annotations

import math

from numba import njit

compiled = njit(cache=True, error_model="numpy", nogil=True)

SOLUBILITY_CO2 = 0.0307  # mmol/L/mmHg at 37 C
MMOL_G = 0.6206  # mmol/L of haemoglobin in a g/dL


@compiled
def saturation(p_o2: float, p_co2: float, ph: float) -> float:
    """Part of haemoglobin that carries oxygen: curve of Severinghaus 1979 (J Appl Physiol 46:599), shifted by pH and carbon
    dioxide as in Kelman 1966 (J Appl Physiol 21:1375)."""
    if p_o2 <= 0.0:
        return 0.0
    x = p_o2 * math.exp(2.302585 * 0.40 * (ph - 7.40)) * (40.0 / max(p_co2, 1.0)) ** 0.06
    cube = x * x * x + 150.0 * x
    carries: float = cube / (cube + 23400.0)
    return carries


@compiled
def acidity(p_co2: float, base_excess: float, hb: float) -> float:
    """pH of blood with that base excess, mmol/L: Henderson-Hasselbalch with the Van Slyke equation (Siggaard-Andersen 1977)."""
    h = MMOL_G * hb
    buffer = 2.3 * h + 7.7
    p_co2 = max(p_co2, 1.0)
    ph = 7.4 + (base_excess - 0.22 * (p_co2 - 40.0) * 40.0 / (p_co2 + 20.0)) / 60.0
    for _ in range(20):
        bicarbonate = SOLUBILITY_CO2 * p_co2 * math.exp(2.302585 * (ph - 6.1))
        off = bicarbonate - 24.4 + buffer * (ph - 7.4) - base_excess / (1.0 - 0.023 * h)
        step = off / (2.302585 * bicarbonate + buffer)
        ph -= step
        if abs(step) < 1e-7:
            break
    return ph


@compiled
def oxygen(p_o2: float, s: float, hb: float) -> float:
    """Content, mL/dL."""
    return 1.34 * hb * s + 0.0031 * p_o2


@compiled
def carbon_dioxide(p_co2: float, ph: float, s: float, hb: float) -> float:
    """Content of whole blood, mL/dL (Douglas et al. 1988, J Appl Physiol 65:473)."""
    pk = 6.086 + 0.042 * (7.4 - ph) + 0.00472 + 0.00139 * (7.4 - ph)
    plasma = 2.226 * SOLUBILITY_CO2 * p_co2 * (1.0 + math.exp(2.302585 * (ph - pk)))
    return plasma * (1.0 - 0.0289 * hb / ((3.352 - 0.456 * s) * (8.142 - min(ph, 8.0))))


@compiled
def contents(p_o2: float, p_co2: float, base_excess: float, hb: float) -> tuple[float, float, float, float]:
    """Oxygen and carbon dioxide, mL/dL, saturation and pH."""
    ph = acidity(p_co2, base_excess, hb)
    s = saturation(p_o2, p_co2, ph)
    return oxygen(p_o2, s, hb), carbon_dioxide(p_co2, ph, s, hb), s, ph
