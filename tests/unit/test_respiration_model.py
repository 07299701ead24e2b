"""What breathing answers to oxygen, altitude, obstruction, opioids and work."""

from __future__ import annotations

import numpy as np
import pytest

from organtwin.physiology.model import find

MODEL = find("respiration")
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


def test_oxygen_corrects_unequal_ventilation_but_not_a_shunt() -> None:
    unequal, shunted = {"ventilation_perfusion_spread": 1.2}, {"shunt": 0.3}
    assert settled(unequal)["spo2"] < 94.0
    assert settled(unequal, inspired_oxygen=0.6)["spo2"] > 98.0
    assert settled(shunted, inspired_oxygen=0.6)["spo2"] < 96.0


def test_height_lowers_oxygen_and_one_breathes_more_after_days_than_at_once() -> None:
    high, sudden = settled(altitude=4000.0), settled(altitude=4000.0, acute=1.0)
    assert sudden["spo2"] < high["spo2"] < REST["spo2"]
    assert high["paco2"] < sudden["paco2"] < REST["paco2"]


def test_an_opioid_raises_carbon_dioxide() -> None:
    assert settled(drive_change=-0.7, acute=1.0)["paco2"] > REST["paco2"] + 3.0


def test_carbon_dioxide_held_back_is_compensated_after_days() -> None:
    at_once, later = settled(drive_change=-0.5, acute=1.0), settled(drive_change=-0.5)
    assert at_once["ph"] < REST["ph"] - 0.02
    assert later["bicarbonate"] > REST["bicarbonate"] + 2.0
    assert abs(later["ph"] - REST["ph"]) < abs(at_once["ph"] - REST["ph"])


def test_narrow_airways_lower_fev1_more_than_fvc_and_a_bronchodilator_gives_part_back() -> None:
    narrow = {"airway_resistance": 7.0}
    asthma, treated = settled(narrow), settled(narrow, bronchodilation=0.3)
    assert asthma["fev1_fvc"] < 70.0 < REST["fev1_fvc"]
    assert asthma["fev1"] / REST["fev1"] < asthma["fvc"] / REST["fvc"]
    assert asthma["fev1"] < treated["fev1"] < REST["fev1"]


def test_obstruction_limits_the_ventilation_of_exercise() -> None:
    person = dict(MODEL.persons["COPD, GOLD 3"])
    limited, free = settled(person, exercise=0.8), settled(exercise=0.8)
    assert limited["minute_ventilation"] < 60.0
    assert limited["paco2"] > free["paco2"] + 3.0


def test_air_and_blood_agree_on_carbon_dioxide() -> None:
    """What is given off is what the alveoli breathe out: V_A P_ACO2 = 863 V'CO2 in a lung of equal ratios without dead space."""
    even = {"ventilation_perfusion_spread": 0.05, "shunt": 0.0, "alveolar_dead_space": 0.0}
    found = settled(even)
    alveolar = found["minute_ventilation"] - 0.15 * found["respiratory_rate"]
    assert found["paco2"] * alveolar == pytest.approx(863.0 * 0.25 * 0.82, rel=0.015)


def test_blood_and_tissue_agree_on_oxygen() -> None:
    """Fick: what tissues take is flow times the difference of contents."""
    difference = 1.34 * 14.5 * (REST["sao2"] - REST["venous_saturation"]) / 100.0 + 0.0031 * (REST["pao2"] - 39.0)
    assert 5.2 * difference / 100.0 == pytest.approx(0.25, rel=0.01)


def test_breathing_answers_a_metabolic_disorder_as_much_as_in_patients():
    model = find("respiration")
    excess = np.array([-10.0, -8.0, -5.0, -3.0, 0.0, 3.0, 5.0, 8.0])
    people = np.repeat(model.defaults(), len(excess), axis=0)
    people[:, model.parameter("base_excess")] = excess
    found = model.simulator().run(people, model.at_rest(), np.zeros(1)).readings[:, 0]
    carbon, bicarbonate = (found[:, model.reading(key)] for key in ("paco2", "bicarbonate"))
    assert (np.diff(carbon) > 0).all()
    assert (np.diff(bicarbonate) > 0).all()
    strong = excess <= -5.0
    # Albert, Dell and Winters 1967; Berend et al. 2014
    assert np.abs(carbon[strong] - (1.5 * bicarbonate[strong] + 8.0)).max() < 2.0
    assert np.abs(carbon[excess > 0] - (40.0 + 0.7 * (bicarbonate[excess > 0] - 24.0))).max() < 2.0
