"""What glucose answers to meals, insulin, activity and drugs, and that a course goes on where it stopped."""

from __future__ import annotations

import numpy as np
import pytest

from organtwin.physiology.model import Floats, find

MODEL = find("glucose")
SIMULATOR = MODEL.simulator()
GLUCOSE, SENSOR, INSULIN, A1C = (MODEL.reading(k) for k in ("plasma_glucose", "sensor_glucose", "insulin", "hba1c"))


def course(person: Floats, minutes: int, **drives: tuple[int, int, float]) -> Floats:
    """Readings a minute apart; each drive is (begin, end, value)."""
    acting = MODEL.at_rest(minutes + 1)
    for key, (begin, end, value) in drives.items():
        acting[begin:end, MODEL.drive(key)] = value
    found: Floats = SIMULATOR.run(person[None], acting, 60.0 * np.arange(minutes + 1)).readings[0]
    return found


HEALTHY = MODEL.defaults()[0]
TYPE_1, TYPE_2 = MODEL.person("type 1 diabetes"), MODEL.person("type 2 diabetes")


def test_a_healthy_person_is_back_to_fasting_three_hours_after_a_meal_and_a_patient_is_not() -> None:
    meal = (10, 25, 5.0)
    healthy, type_2 = (course(p, 200, carbohydrates=meal)[:, GLUCOSE] for p in (HEALTHY, TYPE_2))
    assert 120 < healthy.max() < 190
    assert healthy[-1] < healthy[0] + 15.0
    assert type_2.max() > 220
    assert type_2[-1] > type_2[0] + 15.0


def test_the_sensor_follows_some_minutes_later() -> None:
    found = course(HEALTHY, 200, carbohydrates=(10, 25, 5.0))
    assert 3 <= found[:, SENSOR].argmax() - found[:, GLUCOSE].argmax() <= 20


def test_a_bolus_lowers_glucose_and_without_basal_insulin_it_rises() -> None:
    bolus = course(TYPE_1, 240, insulin=(10, 11, 3.0))[:, GLUCOSE]
    off = course(TYPE_1, 240, basal_change=(1, 241, -1.0))[:, GLUCOSE]
    assert bolus[-1] < bolus[0] - 20.0
    assert off[-1] > off[0] + 20.0


def test_exercise_lowers_glucose_and_sensitivity_stays_up_for_hours() -> None:
    found = course(TYPE_1, 400, exercise=(30, 75, 0.5))[:, GLUCOSE]
    assert found[75] < found[0] - 10.0
    assert found[300] < found[0] - 10.0


def test_less_production_lowers_fasting_glucose_and_a_gliflozin_works_only_above() -> None:
    def steady(person: Floats, **drives: float) -> float:
        acting = MODEL.at_rest()
        for key, value in drives.items():
            acting[0, MODEL.drive(key)] = value
        return float(SIMULATOR.run(person[None], acting, np.zeros(1)).readings[0, 0, GLUCOSE])

    assert steady(TYPE_2, production_change=-0.2) < steady(TYPE_2) - 10.0
    assert steady(TYPE_2, sensitivity_change=0.3) < steady(TYPE_2) - 5.0
    assert steady(TYPE_2, excretion=0.3) < steady(TYPE_2) - 5.0
    assert steady(TYPE_2, excretion=0.3) - steady(TYPE_2) < steady(HEALTHY, excretion=0.3) - steady(HEALTHY)


def test_a_course_in_two_parts_is_the_course_in_one() -> None:
    acting = MODEL.at_rest(241)
    acting[20:32, MODEL.drive("carbohydrates")] = 5.0
    acting[22, MODEL.drive("insulin")] = 4.0
    times = 60.0 * np.arange(241)
    whole = SIMULATOR.run(TYPE_1[None], acting, times)
    first = SIMULATOR.run(TYPE_1[None], acting[:28], times[:28])  # in the middle of the meal
    second = SIMULATOR.run(TYPE_1[None], acting[27:], times[27:], first.state)
    np.testing.assert_allclose(second.readings[0], whole.readings[0, 27:], rtol=1e-12)


def test_times_may_be_uneven_and_nothing_may_pass_between_two() -> None:
    times = np.array([0.0, 60.0, 60.0, 7.0 * 60.0, 100.0 * 60.0])
    found = SIMULATOR.run(HEALTHY[None], MODEL.at_rest(5), times).readings[0, :, GLUCOSE]
    np.testing.assert_allclose(found, 91.8, rtol=1e-4)


def test_a_meal_at_the_first_time_does_not_count_as_the_days_mean() -> None:
    acting = MODEL.at_rest(2)
    acting[0, MODEL.drive("carbohydrates")] = 5.0
    found = SIMULATOR.run(HEALTHY[None], acting, np.array([0.0, 300.0])).readings[0, :, GLUCOSE]
    assert found[0] == pytest.approx(91.8)


def test_hba1c_takes_weeks_to_follow_and_comes_to_what_the_mean_says() -> None:
    acting = MODEL.at_rest(4)
    acting[:, MODEL.drive("production_change")] = -0.2
    days = 86400.0 * np.array([0.0, 7.0, 90.0, 400.0])
    start = SIMULATOR.run(TYPE_2[None], MODEL.at_rest(), np.zeros(1)).state
    found = SIMULATOR.run(TYPE_2[None], acting, days, start).readings[0]
    assert found[0, A1C] - found[1, A1C] < 0.3 * (found[0, A1C] - found[3, A1C])
    assert found[3, A1C] == pytest.approx((found[3, GLUCOSE] + 46.7) / 28.7, abs=0.02)


def test_a_long_step_under_constant_drives_is_what_many_short_ones_come_to() -> None:
    acting = MODEL.at_rest(2)
    acting[:, MODEL.drive("sensitivity_change")] = 0.3
    start = SIMULATOR.run(TYPE_2[None], MODEL.at_rest(), np.zeros(1)).state
    long = SIMULATOR.run(TYPE_2[None], acting, np.array([0.0, 5 * 86400.0]), start).readings[0, -1]
    short = SIMULATOR.run(
        TYPE_2[None], np.repeat(acting[:1], 481, 0), np.linspace(0.0, 5 * 86400.0, 481), start
    ).readings[0, -1]
    np.testing.assert_allclose(long, short, rtol=3e-3)
