"""What the twin expects: intervals that hold, scenarios, a model that follows minutes, flow cases and scans. On small models."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from organtwin.errors import BadInput
from organtwin.model import Cap, DynamicSegmentation, DynamicVolume, Observations, OrganMesh, Source
from organtwin.model.forecast import LEVELS
from organtwin.model.result import Quantity
from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Drive, Parameter, Physiology, Reading, Run, find
from organtwin.space import Grid
from organtwin.timeline.days import DAY_S
from organtwin.twin.ahead import Ahead, Pairs, check, conformal
from organtwin.twin.assimilation import Tracker
from organtwin.twin.calibration import Settings, calibrate
from organtwin.twin.drives import Driven
from organtwin.twin.forecast import Effect, Usual, forecast, scenario_effect
from organtwin.twin.imaging import from_quantities, from_scans, without_repeats
from organtwin.twin.inflow import flow_case, site_of
from organtwin.twin.readings import Readings

NOW = 1.7e9


class Sugar:
    """Glucose that returns to its fasting value and rises with what is eaten."""

    def run(self, parameters, drives, times_s, state=None):
        m, nt = len(parameters), len(times_s)
        drives = np.broadcast_to(drives, (m, nt, 1))
        fasting, rate, rise = parameters.T
        y = fasting[:, None].copy() if state is None else np.array(state)
        readings = np.empty((m, nt, 2))
        for k in range(nt):
            readings[:, k, 0] = readings[:, k, 1] = y[:, 0]
            if k + 1 < nt:
                minutes = (times_s[k + 1] - times_s[k]) / 60.0
                target = fasting + rise * drives[:, k, 0] / rate
                y[:, 0] = target + (y[:, 0] - target) * np.exp(-rate * minutes)
        return Run(readings, y)

    def curves(self, parameters, drives, state=None):
        return {"time_s": np.zeros(2), "glucose": np.tile(parameters[:, :1], (1, 2))}


SUGAR = Physiology(
    name="sugar", title="Sugar", about="", pace="minute",
    parameters=(
        Parameter("fasting", "Fasting glucose", "mg/dL", 100.0, 50.0, 300.0, 0.2, learned=True),
        Parameter("rate", "Return", "/min", 0.02, 0.002, 0.2, 0.3, learned=True),
        Parameter("rise", "Rise", "mg/dL/g", 2.0, 0.2, 10.0, 0.4, learned=True),
    ),
    readings=(
        Reading("sensor", "Glucose by sensor", "mg/dL", 8.0, "99504-3"),
        Reading("plasma", "Glucose in plasma", "mg/dL", 5.0, "2345-7"),
    ),
    drives=(Drive("carbohydrates", "Carbohydrates", "g/min"),),
    function=f"{__name__}:Sugar", sheet=DataSheet(purpose="tests", sources=(), validity="", bias=""),
)  # fmt: skip


@pytest.fixture(scope="module")
def small():
    """The module with the two-element windkessel."""
    spec = importlib.util.spec_from_file_location("small_windkessel", Path(__file__).with_name("test_twin.py"))
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["small_windkessel"] = module
    spec.loader.exec_module(module)
    return module


def year(small, rng, days=240, swing=5.0, trend=0.0):
    """A patient at home: course of the day, disturbances that last, a wild reading now and then."""
    truth = small.truth()
    hours = np.sort(np.concatenate([np.arange(days) * 24.0 + 7.5, np.arange(days) * 24.0 + 20.0]))
    hours = hours[rng.random(len(hours)) > 0.25]
    times = np.floor(NOW / DAY_S) * DAY_S + hours * 3600.0
    parts = []
    for key in ("systolic", "diastolic", "rate"):
        place = small.MODEL.reading(key)
        lasting = np.zeros(len(times))
        for k in range(1, len(times)):
            same = np.exp(-(times[k] - times[k - 1]) / 43200.0)
            lasting[k] = same * lasting[k - 1] + 4.0 * np.sqrt(1.0 - same**2) * rng.standard_normal()
        values = (
            truth[place]
            + swing * np.cos(2 * np.pi * (hours % 24 - 17) / 24)
            + lasting
            + 3.0 * rng.standard_normal(len(times))
        )
        values += trend * hours / 24.0
        values[rng.random(len(times)) < 0.01] += 40.0
        n = len(times)
        parts.append(Readings.in_order(times, values, np.full(n, place), np.full(n, 4.0), np.zeros(n)))
    return Readings.none().with_(parts)


def held(model, expected, later):
    at = np.searchsorted(expected.times_s, later.times_s)
    low, high = expected.quantiles[later.places, 0, at], expected.quantiles[later.places, -1, at]
    return np.mean((later.values >= low) & (later.values <= high))


def test_intervals_hold_nine_of_ten_readings_that_the_twin_never_saw(small):
    found = []
    for k in range(4):
        readings = year(small, np.random.default_rng(k))
        known = readings.between(end_s=readings.times_s[0] + 180 * DAY_S)
        state = calibrate(small.MODEL, known, Settings(members=60, seed=k))
        later = readings.where(readings.times_s > state.at_s)
        expected = forecast(small.MODEL, state, known, times_s=np.unique(later.times_s), members=60)
        found.append(held(small.MODEL, expected, later))
        assert "held" in expected.checked
    assert 0.84 <= np.mean(found) <= 0.96


@pytest.mark.parametrize("last_hour", [7.5, 20.0])
def test_a_day_ahead_stands_for_all_its_readings_whatever_the_hour_of_the_last_one(small, last_hour):
    readings = year(small, np.random.default_rng(3), days=240, swing=9.0)
    known = readings.between(end_s=readings.times_s[0] + 180 * DAY_S)
    end = known.times_s[np.abs(known.local_hour - last_hour) < 0.1][-1]
    known = known.between(end_s=end)
    state = calibrate(small.MODEL, known, Settings(members=60))
    expected = forecast(small.MODEL, state, known, days=55, members=60)
    place = small.MODEL.reading("systolic")
    later = readings.of_place(place).between(end + DAY_S, end + 55 * DAY_S)
    low, middle, high = expected.quantiles[place][[0, 2, -1]].mean(axis=1)
    assert abs(middle - later.values.mean()) < 3.0  # 12 mmHg lie between morning and evening
    morning = later.local_hour < 12.0
    assert low < later.values[morning].mean() - 3.0
    assert high > later.values[~morning].mean() + 3.0


def test_readings_after_the_twin_s_time_do_not_change_its_forecast(small):
    readings = year(small, np.random.default_rng(1), days=120)
    known = readings.between(end_s=readings.times_s[0] + 90 * DAY_S)
    state = calibrate(small.MODEL, known, Settings(members=60))
    one = forecast(small.MODEL, state, known, days=10, members=60)
    other = forecast(small.MODEL, state, readings, days=10, members=60)
    np.testing.assert_allclose(one.quantiles, other.quantiles)


def test_what_was_never_measured_has_wide_intervals_and_says_so(small):
    readings = year(small, np.random.default_rng(2), days=120)
    state = calibrate(small.MODEL, readings, Settings(members=60))
    expected = forecast(small.MODEL, state, readings, days=20, members=60)
    stroke = small.MODEL.reading("stroke")
    width = expected.quantiles[stroke, -1] - expected.quantiles[stroke, 0]
    assert (width > 2 * 1.645 * 6.0).all()
    assert any("Stroke volume" in sentence for sentence in expected.assumes)


def test_a_scenario_moves_the_middle_and_keeps_the_other_readings_steady(small, monkeypatch):
    def weaker(scenario, model, parameters, drives, days, seed=0, hour=0.0):
        drives = np.array(drives)
        drives[..., 0] = np.where(days >= 5.0, -0.2, 0.0)[None]
        return parameters, drives, ("a fifth less resistance",)

    class Something:
        interventions = ("one",)
        name, uuid = "weaker", "x"

    monkeypatch.setattr("organtwin.twin.forecast.apply", weaker)
    state = small.begun(60)
    times = NOW + np.arange(1.0, 11.0) * DAY_S
    effect = scenario_effect(small.MODEL, state, times, Something(), Driven.none(small.MODEL), 60, 0)
    mean, stroke = small.MODEL.reading("mean"), small.MODEL.reading("stroke")
    assert np.abs(effect.change[:, :4, mean]).max() < 1e-9
    np.testing.assert_allclose(effect.change[:, 5:, mean] / effect.now[:, 5:, mean], -0.2, atol=1e-6)
    assert np.abs(effect.change[:, :, stroke]).max() < 1e-9
    assert effect.assumed == ("a fifth less resistance",)
    kept = effect.quantiles()  # of the change of one and the same patient: none at first, and none of what is not moved
    assert kept.shape == (len(small.MODEL.readings), 5, 10)
    assert not kept[mean, :, :4].any()
    assert not kept[stroke].any()
    assert (kept[mean, :, 5:] < 0.0).all()
    assert (np.diff(kept[mean, :, -1]) >= 0.0).all()


def test_a_forecast_into_the_past_is_refused(small):
    state = small.begun(40)
    with pytest.raises(BadInput, match="after the twin"):
        forecast(small.MODEL, state, Readings.none(), times_s=np.array([NOW - 1.0]))
    with pytest.raises(BadInput, match="makes no sense"):
        forecast(small.MODEL, state, Readings.none(), days=-1.0)


def test_intervals_are_as_wide_as_their_samples_where_no_scenario_tells_members_apart(small):
    state = calibrate(small.MODEL, year(small, np.random.default_rng(1), days=90), Settings(members=60))
    levels = (np.arange(20) + 0.5) / 20
    spread = np.tile(levels[None, :, None], (len(small.MODEL.readings), 1, 2))
    zero = np.zeros((60, 2, len(small.MODEL.readings)))
    times = state.at_s + np.array([1.0, 2.0]) * DAY_S
    usual = Usual(
        small.MODEL, state, times, Driven.none(small.MODEL), 60, 0, 0, 100.0 + zero[0].T, spread, 100.0 + zero, "", ()
    )
    found = usual.under(None, Effect(zero, 100.0 + zero, ())).quantiles
    np.testing.assert_allclose(found[0, :, 0], 100.0 + np.array(LEVELS))


def test_conformal_quantiles_lie_outside_the_plain_ones():
    rest = np.random.default_rng(0).standard_normal(50)
    found = conformal(rest)
    assert found[0] <= np.quantile(rest, 0.05)
    assert found[-1] >= np.quantile(rest, 0.95)
    assert (np.diff(found) >= 0).all()


def test_the_check_counts_only_forecasts_that_began_after_what_made_the_intervals():
    rng = np.random.default_rng(0)
    n = 400
    origin = np.arange(n) * DAY_S
    off = rng.standard_normal(n) * np.where(np.arange(n) < 240, 1.0, 10.0)  # it becomes ten times wilder
    pairs = Pairs(origin, np.full(n, DAY_S), np.ones((n, 1)), off)
    found = check(pairs, (0.0, 1.5 * DAY_S))
    assert 100 < found.count < 200
    assert found.inside / found.count < 0.4
    assert Ahead.learn(pairs, (0.0, 1.5 * DAY_S)).spans[0].count == n


def sensor_days(rng, days=4, told=True):
    eaten = NOW + (np.arange(days)[:, None] * 24 + np.array([8.0, 13.0, 19.0])).ravel() * 3600.0
    driven = Driven(
        SUGAR.at_rest()[0], eaten, eaten + 900.0, np.zeros(len(eaten), np.intp), np.full(len(eaten), 60.0 / 15.0)
    )
    times, drives = driven.over(NOW, NOW + days * DAY_S, 300.0)
    theta = np.array([[120.0, 0.015, 3.0]])
    values = Sugar().run(theta, drives, times).readings[0, :, 0] + 4.0 * rng.standard_normal(len(times))
    n = len(times)
    return Readings.in_order(times, values, np.zeros(n, np.intp), np.full(n, 8.0), np.zeros(n)), driven


def test_a_model_that_follows_minutes_learns_from_meals_and_says_what_comes_after_one():
    readings, driven = sensor_days(np.random.default_rng(0))
    state = calibrate(SUGAR, readings, Settings(members=100), driven=driven)
    estimates = {e.key: e for e in state.estimates}
    assert abs(estimates["fasting"].value / 120.0 - 1.0) < 0.05
    assert estimates["rise"].low < 3.0 < estimates["rise"].high
    meal = NOW + 3 * DAY_S + 19 * 3600.0 + 600.0
    known = readings.between(end_s=meal)
    early = calibrate(SUGAR, known, Settings(members=100), driven=driven.known_at(meal))
    expected = forecast(SUGAR, early, known, days=1.0 / 24.0, driven=driven.known_at(meal))
    came = readings.values[np.searchsorted(readings.times_s, expected.times_s[5])]
    assert expected.quantiles[0, 0, 5] <= came <= expected.quantiles[0, -1, 5]


def test_a_tracker_follows_minutes_and_a_long_gap():
    readings, driven = sensor_days(np.random.default_rng(0))
    state = calibrate(SUGAR, readings.between(end_s=NOW + 2 * DAY_S), Settings(members=60), driven=driven)
    tracker = Tracker(SUGAR, state, driven=driven)
    after = tracker.update(readings.between(start_s=state.at_s + 1.0, end_s=NOW + 2.5 * DAY_S))
    assert after.at_s == pytest.approx(NOW + 2.5 * DAY_S, abs=301.0)
    later = tracker.update(Readings.from_values(SUGAR, NOW + 30 * DAY_S, {"sensor": 125.0}))
    assert np.isfinite(later.state).all()
    assert abs(np.median(later.state[:, 0]) - 122.0) < 15.0


def observations(code, times, values, durations=None, offset=0):
    n = len(times)
    return Observations(
        name="import", codes=(code,), sources=(Source(name="a", format="fhir"),), times_s=np.array(times, float),
        durations_s=np.zeros(n, np.float32) if durations is None else np.array(durations, np.float32),
        offset_min=np.full(n, offset, np.int16), values=np.array(values, float), code=np.zeros(n, np.uint16),
        source=np.zeros(n, np.uint16),
    )  # fmt: skip


def test_meals_become_doses_and_a_day_s_sum_does_not():
    eaten = observations(
        "9059-7", [NOW, NOW + 5 * 3600.0, NOW + 7 * 3600.0], [60.0, 30.0, 250.0], [0.0, 1800.0, 86400.0]
    )
    driven = Driven.of(SUGAR, [eaten, eaten])
    assert len(driven.times_s) == 2
    times, drives = driven.over(NOW, NOW + 6 * 3600.0, 300.0)
    grams = float(np.sum(drives[:-1, 0] * np.diff(times))) / 60.0
    assert grams == pytest.approx(90.0)
    assert driven.known_at(NOW + 60.0).at(np.array([NOW + 18000.0, NOW + 18300.0]))[0, 0] == 0.0


def test_who_records_no_meals_is_taken_to_eat_while_awake():
    driven = Driven.of(SUGAR, [observations("99504-3", [NOW], [100.0], offset=60)])
    times, drives = driven.over(NOW, NOW + DAY_S, 300.0)
    assert float(np.sum(drives[:-1, 0] * np.diff(times))) / 60.0 == pytest.approx(200.0, rel=0.02)
    hour = ((times + 3600.0) % DAY_S) / 3600.0
    assert drives[(hour < 6.9) | (hour > 21.1), 0].max() == 0.0


def test_of_codes_for_one_quantity_the_model_s_own_is_taken(small):
    own = observations("8867-4", NOW + np.arange(30) * DAY_S, np.full(30, 75.0))
    resting = observations("40443-4", NOW + np.arange(30) * DAY_S, np.full(30, 62.0))
    assert set(Readings.of(small.MODEL, [own, resting]).values) == {75.0}
    assert set(Readings.of(small.MODEL, [resting]).values) == {62.0}
    all_day = observations("8867-4", NOW + np.arange(900) * 2880.0, np.full(900, 88.0))
    assert set(Readings.of(small.MODEL, [all_day, resting]).values) == {62.0}


CIRCULATION = Physiology(
    name="circulation", title="Circulation", about="", pace="day", parameters=(), drives=(),
    readings=tuple(
        Reading(key, key, unit, 1.0, code) for key, unit, code in (
            ("systolic", "mm[Hg]", "8480-6"), ("diastolic", "mm[Hg]", "8462-4"), ("heart_rate", "/min", "8867-4"),
            ("cardiac_output", "L/min", "8741-1"), ("central_venous_pressure", "mm[Hg]", ""), ("wedge_pressure", "mm[Hg]", ""),
            ("pulmonary_systolic", "mm[Hg]", ""), ("pulmonary_diastolic", "mm[Hg]", ""), ("stroke_volume", "mL", "20562-5"),
            ("ejection_fraction", "%", "10230-1"), ("end_diastolic_volume", "mL", "18026-5"), ("end_systolic_volume", "mL", "18148-7"),
        )
    ),
    function="", sheet=SUGAR.sheet,
)  # fmt: skip


def test_volumes_of_a_scan_are_readings_and_what_follows_from_them_does_not_count_twice():
    seen = [
        Quantity(name="LV end-diastolic volume", value=150.0, unit="mL", level="good"),
        Quantity(name="LV end-systolic volume", value=70.0, unit="mL", level="fair"),
        Quantity(name="LV ejection fraction", value=53.3, unit="%", level="good"),
    ]
    found = from_quantities(CIRCULATION, seen, NOW)
    assert sorted(found.values) == [70.0, 150.0]
    assert found.sds[list(found.values).index(150.0)] == pytest.approx(7.5)
    only = from_quantities(CIRCULATION, seen[2:], NOW)
    assert list(only.values) == [53.3]
    cuff = Readings.from_values(CIRCULATION, NOW, {"systolic": 120.0, "diastolic": 80.0})
    assert len(without_repeats(CIRCULATION, cuff.with_([only]))) == 3


def test_a_scan_without_a_date_is_refused():
    grid = Grid((1, 1, 1), np.eye(4))
    heart = DynamicSegmentation(
        name="heart", dynamic="d", grid=grid, labels=np.zeros((1, 1, 1, 1), np.uint8), times_s=np.zeros(1), segments=(),
        volumes_mm3=np.zeros((1, 0)), quantities=(Quantity(name="LV stroke volume", value=70.0, unit="mL"),),
    )  # fmt: skip
    scan = DynamicVolume(name="cine", grid=grid, values=np.zeros((1, 1, 1, 1)), times_s=np.zeros(1))
    with pytest.raises(BadInput, match="not known"):
        from_scans(CIRCULATION, {"heart-1": heart, "dynamic-1": scan}, {})
    found = from_scans(CIRCULATION, {"heart-1": heart, "dynamic-1": scan}, {"1": "2024-03-01"})
    assert list(found.values) == [70.0]
    dated = scan.with_(acquisition={"study date": "20240301"})
    assert from_scans(CIRCULATION, {"heart-1": heart, "dynamic-1": dated}, {}).times_s[0] == found.times_s[0]


def vessel(normal_z, outlets, structure="aorta"):
    caps = [
        Cap(
            name="inlet", role="inlet", centre_mm=(0, 0, 0), normal=(0.0, 0.0, normal_z), area_mm2=300.0, radius_mm=10.0
        )
    ]
    caps += [
        Cap(name=n, role="outlet", centre_mm=(0, 0, 9), normal=(0.0, 0.0, 1.0), area_mm2=80.0, radius_mm=5.0)
        for n in outlets
    ]
    empty = np.zeros((0, 3))
    return OrganMesh(
        name="Aorta", structure=structure, points_mm=empty, tets=np.zeros((0, 4), np.int32),
        boundary_triangles=np.zeros((0, 3), np.int32), boundary_tags=np.zeros(0, np.int16), boundaries={}, caps=tuple(caps),
    )  # fmt: skip


def beat():
    """A twin of the circulation that says 130/85 at 60 beats and 5 L/min."""
    values = {
        "systolic": 130.0,
        "diastolic": 85.0,
        "heart_rate": 60.0,
        "cardiac_output": 5.0,
        "central_venous_pressure": 5.0,
    }
    from organtwin.model import TwinState

    phase = np.arange(100) / 100
    flow = np.where(phase < 0.35, np.sin(np.pi * phase / 0.35), 0.0)
    return TwinState(
        name="twin", model="circulation", at_s=NOW, keys=(), parameters=np.zeros((1, 0)), state=np.zeros((1, 0)), weights=np.ones(1),
        quantities=tuple(Quantity(name=k, value=v, unit="") for k, v in values.items()),
        curves={"time_s": phase, "aortic_flow_mL_per_s": np.stack([flow, flow, flow])},
    )  # fmt: skip


def test_the_root_of_the_aorta_gets_the_beat_of_the_patient_s_own_circulation():
    case = flow_case(CIRCULATION, beat(), vessel(-0.9, ["descending"]))
    assert case.numerics.period == "1.0 s"
    assert case.targets.systolic == "130.0 mmHg"
    assert case.inlets[0].flow == f"{0.96 * 5.0!r} L/min"
    samples = case.inlets[0].waveform
    assert samples.times_s[-1] == pytest.approx(1.0)
    assert 0.8 < max(samples.values) < 1.0  # rounded
    assert np.mean(samples.values[:-1]) == pytest.approx(np.mean(beat().curves["aortic_flow_mL_per_s"][1]), rel=0.01)
    assert any("2023-11-14" in note for note in case.notes)


def test_below_the_kidneys_only_a_published_part_of_the_output_enters():
    infrarenal = flow_case(CIRCULATION, beat(), vessel(0.9, ["iliac_left", "iliac_right"]))
    assert infrarenal.inlets[0].flow == f"{0.23 * 5.0!r} L/min"
    assert infrarenal.inlets[0].waveform == "abdominal-aorta"
    assert site_of(vessel(0.9, ["renal_left", "renal_right", "iliac_left"])) == "supraceliac-aorta"
    assert (
        flow_case(CIRCULATION, beat(), vessel(0.9, ["x"]), site="infrarenal-aorta", share=0.3).inlets[0].flow
        == "1.5 L/min"
    )


def test_an_unknown_place_of_the_inlet_is_asked_for():
    with pytest.raises(BadInput, match="not clear"):
        flow_case(CIRCULATION, beat(), vessel(0.0, ["a"], "some_vessel"))
    with pytest.raises(BadInput, match="no site"):
        flow_case(CIRCULATION, beat(), vessel(0.9, ["a"]), site="moon")


def test_what_is_measured_in_two_ways_is_not_expected_to_be_two_things():
    from dataclasses import replace

    from organtwin.twin.forecast import _alike

    model = find("glucose")
    sensor, plasma = model.reading("sensor_glucose"), model.reading("plasma_glucose")
    assert plasma in _alike(model, sensor)
    assert sensor in _alike(model, plasma)
    assert _alike(model, model.reading("hba1c")) == []
    alone = replace(model, readings=tuple(replace(r, measures="") for r in model.readings))
    assert _alike(alone, sensor) == []
