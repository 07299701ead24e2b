"""The heart benchmarks of Land 2015 against the numbers of the eleven codes."""

from __future__ import annotations

import numpy as np
import pytest
from organtwin_solvers.fem.backend import fem, ufl
from organtwin_solvers.validation import land2015

from organtwin.monitor import NullMonitor
from organtwin.validation import Case


@pytest.mark.slow
@pytest.mark.parametrize("case", [land2015.P1, land2015.P2, land2015.P3], ids=lambda case: case.name)
def test_the_benchmark_is_met(case: Case):
    rows = case.run(True, NullMonitor())
    assert [row.quantity for row in rows if not row.passed] == []


def test_the_curved_ventricle_has_the_volume_of_the_ellipsoids():
    def cut(short: float, long: float) -> float:  # volume below z = 5 of an ellipsoid about z
        return np.pi * short**2 * ((5 + long) - (5**3 + long**3) / (3 * long**2))

    mesh = land2015.ventricle(8, 24, 2)
    volume = fem.assemble_scalar(fem.form(fem.Constant(mesh.domain, 1.0) * ufl.dx(domain=mesh.domain)))
    assert volume == pytest.approx(cut(10, 20) - cut(7, 17), rel=2e-3)
    assert mesh.depth.x.array.min() == pytest.approx(0, abs=1e-9)
    assert mesh.depth.x.array.max() == pytest.approx(1, abs=1e-9)
