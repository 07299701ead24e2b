"""Constants of the circuit in the order that the kernel reads them: one row for a member of the ensemble.

mmHg, mL, s. An elastance goes from ``e*_passive`` to ``e*_passive + e*_active``; durations are those at one beat a second and
scale with the root of the period. Valves: ``area_*`` is the effective orifice area open, ``leak_*`` shut, in cm^2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NAMES = (
    "rate_per_min",
    "elv_active", "elv_passive", "v0_lv", "erv_active", "erv_passive", "v0_rv",
    "ela_active", "ela_passive", "v0_la", "era_active", "era_passive", "v0_ra",
    "contract_v", "relax_v", "contract_a", "relax_a", "lead_a",
    "r_sys", "c_sys", "l_sys", "z_aorta", "r_vein", "c_vein", "l_vein",
    "r_pul", "c_pul", "l_pul", "r_pvein", "c_pvein", "l_pvein",
    "r_valve", "area_mitral", "area_aortic", "area_tricuspid", "area_pulmonary",
    "leak_mitral", "leak_aortic", "leak_tricuspid", "leak_pulmonary",
    "pump_head", "pump_resistance",
    "volume",
    "reflex_gain", "reflex_setpoint", "reflex_reset", "rate_max", "paced",
)  # fmt: skip
PLACE = {name: place for place, name in enumerate(NAMES)}

# Regazzoni et al., J Comput Phys 457:111083 (2022), with the values of the package `circulation` 0.4: both atria begin to
# contract with the ventricles; the valves are bare resistances.
REGAZZONI = {
    "rate_per_min": 75.0,
    "elv_active": 4.482, "elv_passive": 0.17, "v0_lv": 42.0, "erv_active": 0.2, "erv_passive": 0.029, "v0_rv": 16.0,
    "ela_active": 0.07, "ela_passive": 0.18, "v0_la": 4.0, "era_active": 0.06, "era_passive": 0.07, "v0_ra": 4.0,
    "contract_v": 0.25 / 0.8**0.5, "relax_v": 0.4 / 0.8**0.5, "contract_a": 0.17 / 0.8**0.5, "relax_a": 0.17 / 0.8**0.5,
    "lead_a": 0.0,
    "r_sys": 0.733, "c_sys": 1.372, "l_sys": 0.005, "z_aorta": 0.0, "r_vein": 0.32, "c_vein": 11.363, "l_vein": 0.0005,
    "r_pul": 0.046, "c_pul": 20.0, "l_pul": 0.0005, "r_pvein": 0.0015, "c_pvein": 16.0, "l_pvein": 0.0005,
    "r_valve": 0.0075, "area_mitral": 1e4, "area_aortic": 1e4, "area_tricuspid": 1e4, "area_pulmonary": 1e4,
    "leak_mitral": 0.0, "leak_aortic": 0.0, "leak_tricuspid": 0.0, "leak_pulmonary": 0.0,
    "pump_head": 0.0, "pump_resistance": 0.5,
    "volume": 1618.1,
    "reflex_gain": 0.0, "reflex_setpoint": 93.0, "reflex_reset": 0.0, "rate_max": 180.0, "paced": 0.0,
}  # fmt: skip

STATES = ("v_la", "v_lv", "v_ra", "v_rv", "p_sys", "p_vein", "p_pul", "p_pvein", "q_sys", "q_vein", "q_pul", "q_pvein")
REGAZZONI_START = np.array(
    [87.183, 118.520, 86.833, 166.177, 87.675, 35.898, 19.545, 15.004, 71.104, 94.039, 94.084, 473.279]
)


def volume_ml(circuit: Array, state: Array) -> Array:
    """Blood in the chambers and, as far as it stretches them, in the vessels: (m,) of ``circuit`` (m, c), ``state`` (m, >= 12)."""
    stores = [circuit[:, PLACE[name]] for name in ("c_sys", "c_vein", "c_pul", "c_pvein")]
    volume: Array = state[:, :4].sum(1) + sum(c * state[:, 4 + k] for k, c in enumerate(stores))
    return volume
