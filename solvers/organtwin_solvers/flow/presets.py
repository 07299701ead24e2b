"""Flow cases by name: physiological values for an adult at rest, ready for a mesh whose caps are named.

All have target pressures and a split by Murray's law, so the vessels beyond the outlets are there: as resistances where
the flow is steady, as windkessels where it beats.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from organtwin.checked import validated
from organtwin.errors import BadInput
from organtwin.model import FlowCase

SYSTEMIC = {"systolic": "120 mmHg", "diastolic": "80 mmHg"}
PULMONARY = {"systolic": "25 mmHg", "diastolic": "10 mmHg", "distal_pressure": "8 mmHg"}
BEATS = {"mode": "pulsatile", "period": "0.8 s", "cycles": 3, "steps_per_cycle": 400}  # 75 beats/min


def _steady(name: str, flow: str, targets: dict[str, str]) -> dict[str, Any]:
    return {
        "name": f"{name}, steady {flow}",
        "inlets": [{"cap": "inlet", "flow": flow}],
        "targets": targets,
        "numerics": {"mode": "steady"},
    }


def _beating(name: str, flow: str, waveform: str, targets: dict[str, str]) -> dict[str, Any]:
    return {
        "name": f"{name}, {flow} at 75 beats/min",
        "inlets": [{"cap": "inlet", "flow": flow, "waveform": waveform, "profile": "womersley"}],
        "targets": targets,
        "numerics": BEATS,
    }


PRESETS: dict[str, dict[str, Any]] = {
    # the whole aorta, from the heart: cardiac output 5 L/min
    "aorta-steady": _steady("Aorta", "5 L/min", SYSTEMIC),
    "aorta-pulsatile": _beating("Aorta", "5 L/min", "ascending-aorta", SYSTEMIC),
    # beyond the arch: what the head and arms leave of it
    "descending-aorta-steady": _steady("Descending aorta", "3.5 L/min", SYSTEMIC),
    "descending-aorta-pulsatile": _beating("Descending aorta", "3.5 L/min", "descending-aorta", SYSTEMIC),
    # below the kidneys at rest: a fifth to a third of the cardiac output
    "abdominal-aorta-steady": _steady("Abdominal aorta", "1.2 L/min", SYSTEMIC),
    "abdominal-aorta-pulsatile": _beating("Abdominal aorta", "1.2 L/min", "abdominal-aorta", SYSTEMIC),
    # mean of the benchmark that the waveform is from (Boileau et al. 2015)
    "carotid-steady": _steady("Carotid artery", "6.5 mL/s", SYSTEMIC),
    "carotid-pulsatile": _beating("Carotid artery", "6.5 mL/s", "common-carotid", SYSTEMIC),
    "iliac-pulsatile": _beating("Iliac artery", "6 mL/s", "iliac", SYSTEMIC),
    # left main stem: 4 % of the cardiac output flow through the heart, two thirds of it through the left
    "left-coronary-pulsatile": _beating("Left coronary artery", "2.2 mL/s", "left-coronary", SYSTEMIC),
    "pulmonary-artery-steady": _steady("Pulmonary artery", "5 L/min", PULMONARY),
    "pulmonary-artery-pulsatile": _beating("Pulmonary artery", "5 L/min", "pulmonary-artery", PULMONARY),
}


def preset(name: str, overrides: dict[str, Any] | None = None) -> FlowCase:
    """The case of that name, with top-level parts replaced (dictionaries such as ``numerics`` are merged).

    Raises
    ------
    BadInput
        When there is none, or an override does not fit.
    """
    if name not in PRESETS:
        raise BadInput(f"There is no flow preset '{name}'", remedy=f"There are: {', '.join(PRESETS)}.")
    data = deepcopy(PRESETS[name])
    for key, value in (overrides or {}).items():
        data[key] = {**data[key], **value} if isinstance(value, dict) and isinstance(data.get(key), dict) else value
    return validated(FlowCase, data, f"the preset '{name}'")
