"""Flow cases by name: physiological values for an adult at rest, ready for a mesh whose caps are named."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from organtwin.errors import BadInput
from organtwin.model import FlowCase
from organtwin.operations.registry import validated

# cardiac output 5 L/min at 75 beats/min; mean arterial pressure about 90 mmHg
PRESETS: dict[str, dict[str, Any]] = {
    "aorta-steady": {
        "name": "Aorta, steady 5 L/min",
        "inlets": [{"cap": "inlet", "flow": "5 L/min"}],
        "outlets": [{"cap": "*", "pressure": "90 mmHg"}],
        "numerics": {"mode": "steady"},
    },
    "aorta-pulsatile": {
        "name": "Aorta, 5 L/min at 75 beats/min",
        "inlets": [{"cap": "inlet", "flow": "5 L/min", "waveform": "systolic"}],
        "outlets": [{"cap": "*", "pressure": "90 mmHg"}],
        "numerics": {"mode": "pulsatile", "period": "0.8 s", "cycles": 2, "steps_per_cycle": 200},
    },
    # infrarenal aorta at rest: about a third of the cardiac output (Cheng et al., Ann. Biomed. Eng. 31, 2003: 1.3 to 2 L/min)
    "abdominal-aorta-steady": {
        "name": "Abdominal aorta, steady 1.6 L/min",
        "inlets": [{"cap": "inlet", "flow": "1.6 L/min"}],
        "outlets": [{"cap": "*", "pressure": "90 mmHg"}],
        "numerics": {"mode": "steady"},
    },
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
