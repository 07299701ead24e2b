"""Unsteady flow against exact solutions: Womersley in space and in time."""

from __future__ import annotations

import numpy as np
import pytest
from organtwin_solvers.validation.womersley import PUBLISHED, Womersley, rows

from organtwin.monitor import NullMonitor


def test_the_exact_flow_has_the_published_values():
    computed = [
        (float(PUBLISHED.oscillating(0.0, t)), PUBLISHED.flow(t), PUBLISHED.shear(t))
        for t in (0.0, PUBLISHED.period / 4)
    ]
    assert np.allclose(computed, [(43.59884, 351.2022, 0.2764578), (72.11160, 421.7778, 0.1861372)], rtol=2e-7)
    r = np.linspace(0, PUBLISHED.radius, 50)
    for t in np.linspace(0, PUBLISHED.period, 13):
        assert np.all(PUBLISHED.constant(r) + PUBLISHED.oscillating(r, t) >= 0), "blood never flows backward"


@pytest.mark.parametrize(
    "exact",
    [
        PUBLISHED,
        Womersley(radius=8.0, kinematic_viscosity=4.0, density=1.0e-3, period=0.7, amplitude=0.2),  # alpha 12
    ],
    ids=["published", "large artery"],
)
def test_womersley_is_met_and_approached_with_second_order_in_space_and_time(exact):
    failing = [row.to_json() for row in rows(exact, (4, 8), NullMonitor()) if not row.passed]
    assert failing == []
