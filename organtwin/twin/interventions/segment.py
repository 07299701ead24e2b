"""A piece of an artery as the circulation feels it: what it resists, how much it stretches, and what that is of the whole.

Resistance is that of Poiseuille and, at a narrowing, of Young and Tsai (J Biomech 6:395 and 6:547, 1973). The pieces in a bed
that takes a ``share`` of the cardiac output stand in series with it, and the bed in parallel with the rest of the body.
"""

from __future__ import annotations

import math

import numpy as np

from organtwin.physiology.model import Floats, Physiology
from organtwin.units import factor

VISCOSITY_G_PER_MM_S, DENSITY_G_PER_MM3 = 3.5e-3, 1.06e-3
YOUNG_TSAI = "Young and Tsai, J Biomech 6:395, 1973"
DISTENSIBILITY = "Distensibility 0.002/mmHg unless told otherwise (aorta at about 50 years: Redheuil et al., Hypertension 55:319, 2010; rounded)."


def drop_pa(diameter_mm: float, narrow_mm: float, length_mm: float, flow_mm3_per_s: float) -> float:
    """Mean pressure drop over a piece of ``length_mm`` that is ``narrow_mm`` wide in a vessel of ``diameter_mm``."""
    if narrow_mm >= diameter_mm:
        return 128.0 * VISCOSITY_G_PER_MM_S * length_mm * flow_mm3_per_s / (math.pi * narrow_mm**4)
    area, throat = (0.25 * math.pi * d**2 for d in (diameter_mm, narrow_mm))
    viscous = 32.0 * (0.83 * length_mm + 1.64 * narrow_mm) / diameter_mm * (area / throat) ** 2
    linear = viscous * VISCOSITY_G_PER_MM_S / (0.25 * math.pi * diameter_mm**3) * flow_mm3_per_s
    lost = 0.5 * 1.52 * DENSITY_G_PER_MM3 * ((area / throat - 1.0) * flow_mm3_per_s / area) ** 2
    return linear + lost


def resistance(diameter_mm: float, narrow_mm: float, length_mm: float, flow_ml_per_s: float) -> float:
    """Drop over flow, mmHg s/mL, at a mean flow."""
    flow = 1000.0 * max(flow_ml_per_s, 0.1)
    return drop_pa(diameter_mm, narrow_mm, length_mm, flow) * factor("pressure", "mmHg") * 1000.0 / flow


def compliance_ml_per_mmhg(diameter_mm: float, length_mm: float, distensibility: float) -> float:
    """How much a piece stretches: area times length times distensibility (1/mmHg)."""
    return 0.25e-3 * math.pi * diameter_mm**2 * length_mm * distensibility


def pull_resistance(
    model: Physiology, parameters: Floats, drives: Floats, less: float, share: float, on: Floats
) -> float:
    """Take ``less`` mmHg s/mL (negative: add) from a bed with a ``share`` of the flow, in place; how the whole changes, in the median."""
    place = model.drive("resistance_change")
    whole = parameters[..., model.parameter("systemic_resistance")] * (1.0 + drives[..., place])
    bed = np.maximum(whole / share - less, 0.05 * whole / share)
    then = 1.0 / ((1.0 - share) / whole + 1.0 / bed)
    ratio = 1.0 + on * (then / whole - 1.0)
    drives[..., place] = (1.0 + drives[..., place]) * ratio - 1.0
    return float(np.median((then / whole)[:, -1]) - 1.0)


def pull_compliance(
    model: Physiology, parameters: Floats, drives: Floats, less_ml_per_mmhg: float, on: Floats
) -> float:
    """Take some compliance from the arteries, in place; how the whole changes, in the median."""
    place = model.drive("compliance_change")
    whole = parameters[..., model.parameter("arterial_compliance")] * (1.0 + drives[..., place])
    ratio = np.maximum(1.0 - less_ml_per_mmhg / whole, 0.2)
    drives[..., place] = (1.0 + drives[..., place]) * (1.0 + on * (ratio - 1.0)) - 1.0
    return float(np.median(ratio[:, -1]) - 1.0)
