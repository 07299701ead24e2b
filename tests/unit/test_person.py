"""Where a twin begins: with what is usual in this person, not in the model's one adult."""

from __future__ import annotations

import numpy as np
import pytest

from organtwin.model import Event, Observations, Person, Source
from organtwin.physiology.model import find
from organtwin.twin.person import suited
from organtwin.twin.prior import Prior


def patient(condition="", code="", sex="female", born=1951, height_cm=None, weight_kg=None, over=None):
    values = {"8302-2": height_cm, "29463-7": weight_kg}
    known = {c: v for c, v in values.items() if v is not None}
    events = (Event(kind="condition", code=code, display=condition, start_s=0.0, end_s=over),) if condition else ()
    n = len(known)
    return Observations(
        name="readings", person=Person(sex=sex, birth_year=born), sources=(Source(name="x", format="fhir"),),
        codes=tuple(known), code=np.arange(n), times_s=np.full(n, 1.75e9), values=np.array(list(known.values()), float),
        durations_s=np.zeros(n), offset_min=np.zeros(n), source=np.zeros(n), events=events,
    )  # fmt: skip


def value(model, key):
    return model.parameters[model.parameter(key)].default


def test_without_a_diagnosis_or_a_height_nothing_is_changed():
    model = find("respiration")
    assert suited(model, [patient()]) == (model, ())


@pytest.mark.parametrize(
    ("name", "code"),
    [("Chronic obstructive lung disease (disorder)", "13645005"), ("COPD", ""), ("Lungenleiden", "J44.9")],
)
def test_an_obstructed_patient_begins_obstructed(name, code):
    model, said = suited(find("respiration"), [patient(name, code)])
    assert value(model, "airway_resistance") > 2 * value(find("respiration"), "airway_resistance")
    assert name in said[0]


def test_a_condition_that_is_over_does_not_count():
    model = find("respiration")
    assert suited(model, [patient("COPD", over=10.0)]) == (model, ())


def test_in_type_1_diabetes_no_insulin_of_the_own_is_there_or_learned():
    model, _ = suited(find("glucose"), [patient("Diabetes mellitus type 1 (disorder)", weight_kg=61.0)])
    assert value(model, "own_insulin") == 0.0
    assert value(model, "body_weight") == 61.0
    assert "beta_static" not in Prior.of(model).keys


def test_type_2_diabetes_is_not_taken_for_type_1():
    model, _ = suited(find("glucose"), [patient("Diabetes mellitus type 2 (disorder)", "E11.9")])
    assert value(model, "own_insulin") == 1.0


def test_lungs_go_with_height_sex_and_age():
    small, said = suited(find("respiration"), [patient(height_cm=155.0)])
    tall, _ = suited(find("respiration"), [patient(sex="male", height_cm=195.0)])
    assert value(small, "total_lung_capacity") == pytest.approx(6.60 * 1.55 - 5.79)
    assert value(tall, "total_lung_capacity") == pytest.approx(7.99 * 1.95 - 7.08)
    assert "woman of 155 cm" in said[0]


def test_the_height_of_a_child_or_of_nobody_known_is_not_used():
    model = find("respiration")
    assert suited(model, [patient(height_cm=120.0, born=2018)])[0] == model
    assert suited(model, [patient(height_cm=170.0, sex="unknown")])[0] == model
