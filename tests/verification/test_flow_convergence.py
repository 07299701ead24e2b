"""A mesh study of a pipe: its error bars must hold the exact values."""

from __future__ import annotations

import numpy as np
import pytest
from organtwin_solvers.validation.pipes import pipe

from organtwin.mesh.resize import resized
from organtwin.operations import find

RADIUS, LENGTH, FLOW, VISCOSITY = 5.0, 20.0, 1e4, 3.5e-3  # mm, mm, mm^3/s, Pa s
DROP_MMHG = 8 * VISCOSITY * LENGTH * FLOW / (np.pi * RADIUS**4) / 133.322
SHEAR_PA = 4 * VISCOSITY * FLOW / (np.pi * RADIUS**3)


@pytest.mark.slow
def test_the_exact_values_lie_within_the_error_bars_of_a_mesh_study():
    organ = resized(pipe(RADIUS, LENGTH, rings=8, layers=24), 1.0)
    case = {
        "inlets": [{"cap": "inlet", "flow": "10 mL/s"}],
        "outlets": [{"cap": "*", "pressure": "80 mmHg"}],
        "numerics": {"tolerance": 1e-4},
    }
    (result,) = find("flow-convergence")({"mesh": organ}, {"case": case})
    found = {quantity.name: quantity for quantity in result.quantities}
    for name, exact in (("Pressure drop inlet → outlet", DROP_MMHG), ("Mean wall shear", SHEAR_PA)):
        index = found[f"Grid convergence index: {name}"].value
        error = 100.0 * abs(found[name].value - exact) / found[name].value
        assert error < index < 30.0
        assert found[name].level in ("good", "fair", "poor")
    assert found["FFR inlet → outlet"].level == "good"
    cells = result.tables["mesh study"]["tetrahedra"]
    assert cells == sorted(cells, reverse=True)
    assert result.mesh == organ.uuid
