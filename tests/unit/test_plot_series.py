"""The curves of a result, in the units of the clinic."""

from __future__ import annotations

import numpy as np
import pytest

from organtwin.model import Result

series = pytest.importorskip("organtwin_gui.plots.series")


def result(**changes) -> Result:
    distance = [0.0, 10.0, 20.0]
    table = {
        "distance_mm": distance,
        "pressure_pa": [13332.2, 13000.0, 9999.15],
        "ffr": [1.0, 0.97, 0.75],
        "odd": [1.0],
    }
    times = np.linspace(0.01, 1.6, 160)
    made = {
        "name": "r", "physics": "flow", "mesh": "m", "times_s": np.linspace(0.84, 1.6, 20), "fields": {},
        "tables": {"inlet → left iliac": table, "inlet → right iliac": {**table, "area_mm2": [1.0, 2.0, 3.0]}},
        "histories": {
            "time_s": times.tolist(), "residual": [0.1] * 160,
            "flow inlet (mL/s)": (times * 10).tolist(), "pressure left iliac (mmHg)": [90.0] * 160,
        },
    }  # fmt: skip
    return Result(**(made | changes))


def test_columns_along_come_with_units_and_the_known_ones_first():
    r = result()
    assert series.quantities_along(r) == ["pressure_pa", "ffr", "area_mm2"]
    left, right = series.along(r, "pressure_pa")
    assert (left.cap, right.cap) == ("left iliac", "right iliac")
    assert left.y == pytest.approx([100, 97.5, 75], abs=0.02)
    assert [s.cap for s in series.along(r, "area_mm2")] == ["right iliac"]


def test_courses_are_those_of_the_last_cycle_from_its_start():
    r = result()
    assert series.period_s(r) == pytest.approx(0.8)
    assert series.histories(r) == ["flow (mL/s)", "pressure (mmHg)", "residual"]
    (inlet,) = series.courses(r, "flow (mL/s)")
    assert len(inlet.x) in (80, 81)
    assert inlet.x[0] == pytest.approx(0.0, abs=0.011)
    assert inlet.x[-1] == pytest.approx(0.8)
    assert inlet.y[-1] == pytest.approx(16)


def test_a_steady_flow_has_its_way_to_the_steady_state():
    r = result(times_s=np.zeros(1), histories={"residual": [1.0, 0.1, 0.01]})
    assert series.period_s(r) == 0
    (course,) = series.courses(r, "residual")
    assert course.x.tolist() == [1, 2, 3]


def test_a_lumped_result_has_curves_without_fields():
    times = np.linspace(0, 0.8, 41)
    r = result(physics="lumped", times_s=times, histories={"time_s": times.tolist(), "flow inlet (mL/s)": [1.0] * 41})
    assert series.period_s(r) == pytest.approx(0.8)
    assert len(series.courses(r, "flow (mL/s)")[0].x) == 41


def test_a_result_without_tables_has_nothing_along():
    assert series.quantities_along(result(tables={})) == []
    assert series.along(result(tables={}), "ffr") == []
