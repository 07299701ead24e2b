"""What the circulation answers to drugs, volume, valves, pumps and pacing."""

from __future__ import annotations

import numpy as np
import pytest

from organtwin.physiology.model import Floats, find

MODEL = find("circulation")
SIMULATOR = MODEL.simulator()


def settled(parameters: dict[str, float] | None = None, **drives: float) -> dict[str, float]:
    person, acting = MODEL.defaults(), MODEL.at_rest()
    for key, value in (parameters or {}).items():
        person[0, MODEL.parameter(key)] = value
    for key, value in drives.items():
        acting[0, MODEL.drive(key)] = value
    found = SIMULATOR.run(person, acting, np.zeros(1)).readings[0, 0]
    return {r.key: float(found[k]) for k, r in enumerate(MODEL.readings)}


REST = settled()


def test_a_resting_adult_is_normal() -> None:
    assert 110 < REST["systolic"] < 130
    assert 65 < REST["diastolic"] < 85
    assert 4 < REST["cardiac_output"] < 6.5
    assert 52 < REST["ejection_fraction"] < 74
    assert 2 < REST["central_venous_pressure"] < 8
    assert 11 < REST["pulmonary_mean"] < 20


def test_output_is_rate_times_stroke_where_no_valve_leaks() -> None:
    assert REST["cardiac_output"] == pytest.approx(REST["heart_rate"] * REST["stroke_volume"] / 1000.0, rel=1e-3)


def test_a_vasodilator_lowers_pressure_and_the_heart_answers_faster_before_the_reflex_resets() -> None:
    after = settled({"reflex_reset": 0.0}, resistance_change=-0.2)
    later = settled({"reflex_reset": 1.0}, resistance_change=-0.2)
    assert after["mean_pressure"] < REST["mean_pressure"]
    assert after["heart_rate"] > REST["heart_rate"] + 2.0
    assert later["heart_rate"] == pytest.approx(70.0)
    assert later["mean_pressure"] < after["mean_pressure"]


def test_volume_fills_the_heart_and_a_diuretic_empties_it() -> None:
    more, less = settled(volume_change=300.0), settled(volume_change=-300.0)
    assert more["end_diastolic_volume"] > REST["end_diastolic_volume"] > less["end_diastolic_volume"]
    assert more["wedge_pressure"] > REST["wedge_pressure"] > less["wedge_pressure"]


def test_pacing_holds_the_rate_against_the_reflex() -> None:
    assert settled(pacing_rate=95.0, volume_change=-300.0)["heart_rate"] == pytest.approx(95.0)


def test_a_narrow_valve_has_a_gradient_and_hardly_lowers_pressure() -> None:
    narrow = settled({"aortic_valve_area": 0.8})
    assert narrow["valve_gradient"] > 60.0
    assert narrow["mean_pressure"] == pytest.approx(REST["mean_pressure"], rel=0.05)


def test_a_leaking_mitral_valve_ejects_more_than_goes_forward() -> None:
    leaking = settled({"mitral_leak": 0.4})
    forward = 1000.0 * leaking["cardiac_output"] / leaking["heart_rate"]
    assert leaking["stroke_volume"] > 1.5 * forward


def test_a_leaking_aortic_valve_widens_the_pulse() -> None:
    leaking = settled({"aortic_leak": 0.3})
    assert leaking["systolic"] - leaking["diastolic"] > 1.5 * (REST["systolic"] - REST["diastolic"])


def test_an_assist_pump_unloads_a_failing_ventricle() -> None:
    failing = MODEL.persons["heart failure, reduced ejection fraction"]
    alone, helped = settled(dict(failing)), settled(dict(failing), pump_speed=1.0)
    assert helped["pump_flow"] > 2.0
    assert helped["end_diastolic_volume"] < alone["end_diastolic_volume"] - 10.0
    assert helped["wedge_pressure"] < alone["wedge_pressure"]
    assert helped["cardiac_output"] > alone["cardiac_output"]


def test_exercise_triples_output_while_pressure_rises_a_quarter() -> None:
    hard = settled(exercise=1.0)
    assert 3.0 < hard["cardiac_output"] / REST["cardiac_output"] < 4.5
    assert 1.1 < hard["mean_pressure"] / REST["mean_pressure"] < 1.4
    assert hard["heart_rate"] == pytest.approx(180.0, rel=0.02)
    assert hard["ejection_fraction"] > REST["ejection_fraction"] + 8.0


def test_a_warm_start_comes_to_the_same_state_as_a_cold_one() -> None:
    cold = settled({"systemic_resistance": 1.2})
    start = SIMULATOR.run(MODEL.defaults(), MODEL.at_rest(), np.zeros(1)).state
    person = MODEL.defaults()
    person[0, MODEL.parameter("systemic_resistance")] = 1.2
    warm = SIMULATOR.run(person, MODEL.at_rest(), np.zeros(1), start).readings[0, 0]
    np.testing.assert_allclose(warm, list(cold.values()), rtol=1e-3, atol=0.02)


def test_a_lost_state_begins_afresh() -> None:
    lost: Floats = np.full((1, 13), np.nan)
    found = SIMULATOR.run(MODEL.defaults(), MODEL.at_rest(), np.zeros(1), lost).readings[0, 0]
    np.testing.assert_allclose(found, list(REST.values()), rtol=1e-6, atol=1e-9)


def test_a_change_of_drives_in_time_settles_anew_and_back() -> None:
    drives = MODEL.at_rest(3)
    drives[1, MODEL.drive("volume_change")] = 400.0
    found = SIMULATOR.run(MODEL.defaults(), drives, np.array([0.0, 86400.0, 172800.0])).readings[0]
    assert found[1, 2] > found[0, 2] + 2.0
    np.testing.assert_allclose(found[2], found[0], rtol=2e-3, atol=0.02)


def test_the_curves_of_a_beat_carry_the_output() -> None:
    curves = SIMULATOR.curves(MODEL.defaults(), MODEL.at_rest())
    per_beat = np.mean(curves["aortic_flow_mL_per_s"][0]) * curves["period_s"][0, 0]
    assert per_beat == pytest.approx(REST["stroke_volume"], rel=0.01)
    assert curves["aortic_pressure_mmHg"].max() == pytest.approx(REST["systolic"], rel=0.01)
    assert np.ptp(curves["left_ventricular_volume_mL"]) == pytest.approx(REST["stroke_volume"], rel=0.01)
