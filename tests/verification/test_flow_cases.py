"""Stenosis, windkessel and nozzle: published numbers and others."""

from __future__ import annotations

import numpy as np
import pytest
from organtwin_solvers.validation import fda_nozzle
from organtwin_solvers.validation.measures import point_volumes
from organtwin_solvers.validation.stenosis import PUBLISHED, Stenosis, compute
from organtwin_solvers.validation.windkessel import SLOW, Circuit, compared, order_in_time

from organtwin.monitor import NullMonitor


def failing(rows):
    return [row.to_json() for row in rows if not row.passed]


def test_the_law_of_young_and_tsai_gives_the_published_drops():
    drops = [stenosis.drop for stenosis in PUBLISHED]
    assert np.allclose(drops, [134.3, 360.5, 965.6, 1088.3], atol=0.05)


@pytest.mark.parametrize(
    "stenosis",
    [PUBLISHED[0], Stenosis(diameter=6.0, throat=3.6, length=9.0, flow=2500.0, viscosity=4e-3)],
    ids=["published", "mild, in a larger vessel"],
)
def test_the_drop_of_a_blunt_stenosis_is_that_of_young_and_tsai(stenosis):
    drop, _ = compute(stenosis, 4)
    assert drop == pytest.approx(stenosis.drop, rel=0.2)


@pytest.mark.parametrize(
    "circuit",
    [Circuit(), Circuit(proximal=300.0, compliance=4e-4, distal=2000.0, frequency=1.4, radius=1.0, length=8.0)],
    ids=["published", "another artery"],
)
def test_a_windkessel_at_the_outlet_follows_its_own_equation(circuit):
    assert failing(compared(circuit, 4, 80, NullMonitor())) == []


def test_the_pressure_of_a_windkessel_is_second_order_in_time():
    assert failing([order_in_time(SLOW, NullMonitor())]) == []


def test_the_nozzle_has_the_volume_of_its_drawing():
    organ = fda_nozzle.mesh(fda_nozzle.QUICK)
    cone = np.pi * fda_nozzle.CONE_MM * (36.0 + 4.0 + 12.0) / 3.0
    wide = np.pi * 36.0 * (fda_nozzle.END_MM - fda_nozzle.START_MM - 40.0 - fda_nozzle.CONE_MM)
    assert point_volumes(organ).sum() == pytest.approx(wide + cone + np.pi * 4.0 * 40.0, rel=3e-3)
    assert {cap.name for cap in organ.caps} == {"inlet", "outlet"}
    assert organ.caps[0].area_mm2 == pytest.approx(np.pi * 36.0, rel=1e-6)


@pytest.mark.slow
def test_the_jet_of_the_nozzle_lies_within_what_the_laboratories_measured():
    assert failing(fda_nozzle.run(True, NullMonitor())) == []
