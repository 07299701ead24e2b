"""Target pressures and flow split, brought about in 3D from the first beat on."""

from __future__ import annotations

import numpy as np
import pytest
from organtwin_solvers.flow.solve import solve
from organtwin_solvers.validation.pipes import tee

from organtwin.model import FlowCase


@pytest.fixture(scope="module")
def histories():
    case = FlowCase.model_validate(
        {
            "inlets": [{"cap": "inlet", "flow": "6 mL/s", "waveform": "common-carotid", "profile": "womersley"}],
            "targets": {"systolic": "130 mmHg", "diastolic": "75 mmHg", "split": {"left": 30.0, "right": 70.0}},
            "numerics": {"mode": "pulsatile", "period": "0.8 s", "cycles": 1, "steps_per_cycle": 80},
        }
    )
    result = solve(tee(8.0, 12.0, 12.0, cells=4), case)
    return {name: np.array(column) for name, column in result.histories.items()}


def test_the_first_beat_already_has_the_target_pressures(histories):
    pressure = histories["pressure inlet (mmHg)"]
    assert pressure.max() == pytest.approx(130.0, abs=1.0)
    assert pressure.min() == pytest.approx(75.0, abs=1.0)
    assert pressure[-1] == pytest.approx(pressure[1], abs=2.5)  # two steps apart: it repeats


def test_flow_divides_as_it_was_told(histories):
    left, right = (histories[f"flow {cap} (mL/s)"].mean() for cap in ("left", "right"))
    assert left / (left + right) == pytest.approx(0.30, abs=0.005)
    assert left + right == pytest.approx(6.0, rel=0.01)
