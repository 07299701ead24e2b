"""Lumped circuits against the published results of svZeroDSolver and against exact solutions."""

from __future__ import annotations

import math

import pytest
from organtwin_solvers.lumped import svzerod
from organtwin_solvers.validation import zerod

from organtwin.monitor import NullMonitor

QUICK = [name for name in zerod.names() if name not in zerod.SLOW]


@pytest.mark.parametrize("name", QUICK)
def test_a_circuit_gives_the_published_result(name: str) -> None:
    case = zerod.load(name)
    assert zerod.deviation(case, svzerod.simulate(svzerod.read(case["input"]))) < zerod.ACCEPTED


@pytest.mark.slow
@pytest.mark.parametrize("name", zerod.SLOW)
def test_a_long_circuit_gives_the_published_result(name: str) -> None:
    case = zerod.load(name)
    assert zerod.deviation(case, svzerod.simulate(svzerod.read(case["input"]))) < zerod.ACCEPTED


def test_every_row_of_the_quick_case_passes() -> None:
    rows = zerod.run(True, NullMonitor())
    assert [row.quantity for row in rows if not row.passed] == []


def test_a_windkessel_has_its_exact_impedance_at_a_frequency_of_no_reference() -> None:
    exact = zerod.RP + zerod.RD / (1.0 + 2j * math.pi * 3.7 * zerod.RD * zerod.C)
    assert abs(zerod.impedance(3.7) - exact) < 1e-4 * abs(exact)


def test_the_time_scheme_is_of_second_order() -> None:
    exact = zerod.RP + zerod.RD / (1.0 + 2j * math.pi * zerod.RD * zerod.C)
    coarse, fine = (abs(zerod.impedance(1.0, steps) - exact) for steps in (50, 100))
    assert math.log2(coarse / fine) > 1.9
