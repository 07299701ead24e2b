"""Courses over several scans against what is known: a population, and a phantom that moved and grew."""

from __future__ import annotations

import pytest
from organtwin_solvers.validation.progression import COHORTS, cohort, false_alarms, phantom

from organtwin.monitor import NullMonitor


@pytest.mark.parametrize("number", range(len(COHORTS)), ids=[c[0].name for c in COHORTS])
def test_nine_of_ten_next_values_lie_in_the_interval_and_the_rate_is_as_sure_as_it_says(number):
    for row in cohort(*COHORTS[number], 400, NullMonitor()):
        assert row.passed, f"{row.quantity}: {row.computed:.3g}, not {row.reference:.3g}"


def test_one_in_twenty_stable_patients_is_called_changed():
    assert false_alarms(1000).passed


def test_a_breathing_moving_phantom_is_laid_over_itself_within_a_voxel_and_its_growth_measured():
    for row in phantom(NullMonitor()):
        assert row.passed, f"{row.quantity}: {row.computed:.3g}, not {row.reference:.3g}"
