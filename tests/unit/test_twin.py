"""The twin's ensemble: calibrated, kept up with its patient, asked what it knows. On models small enough to know the answer."""

from __future__ import annotations

import numpy as np
import pytest

from organtwin.errors import BadInput
from organtwin.model.twin_state import TwinState
from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Drive, Parameter, Physiology, Reading, Run
from organtwin.timeline.days import DAY_S
from organtwin.twin.assimilation import Tracker
from organtwin.twin.ensemble import estimates
from organtwin.twin.levels import Level, level
from organtwin.twin.prior import Prior
from organtwin.twin.readings import Readings

NOW = 1.7e9


class Windkessel:
    """Two elements, settled: mean = flow * resistance, and an exponential fall between beats."""

    def run(self, parameters, drives, times_s, state=None):
        resistance, compliance, rate, stroke = (parameters[:, None, k] for k in range(4))
        resistance = resistance * (1.0 + np.broadcast_to(drives, (len(parameters), len(times_s), 1))[..., 0])
        mean = resistance * rate * stroke / 60.0
        pulse = stroke / compliance
        tau = resistance * compliance
        fall = np.exp(-60.0 / rate / tau)
        diastolic = pulse * fall / (1.0 - fall)
        readings = np.stack(
            np.broadcast_arrays(diastolic + pulse, diastolic, mean, rate, stroke), axis=-1
        )  # the stroke comes at once
        return Run(np.array(readings), np.zeros((len(parameters), 1)))

    def curves(self, parameters, drives, state=None):
        time = np.linspace(0.0, 1.0, 20)
        fall = np.exp(-time[None] / (parameters[:, :1] * parameters[:, 1:2]))
        return {"time_s": time, "pressure (mmHg)": 120.0 * fall}


SHEET = DataSheet(purpose="tests", sources=("Frank 1899",), validity="none", bias="no waves")
MODEL = Physiology(
    name="small", title="Two-element windkessel", about="", pace="day",
    parameters=(
        Parameter("resistance", "Resistance", "mmHg s/mL", 1.0, 0.3, 3.0, 0.25, learned=True),
        Parameter("compliance", "Compliance", "mL/mmHg", 1.5, 0.4, 5.0, 0.3, learned=True),
        Parameter("rate", "Heart rate", "/min", 70.0, 35.0, 160.0, 0.15, learned=True),
        Parameter("stroke", "Stroke volume", "mL", 75.0, 25.0, 160.0, 0.2, learned=True),
    ),
    readings=(
        Reading("systolic", "Systolic pressure", "mm[Hg]", 5.0, "8480-6"),
        Reading("diastolic", "Diastolic pressure", "mm[Hg]", 4.0, "8462-4"),
        Reading("mean", "Mean pressure", "mm[Hg]", 4.0, "8478-0"),
        Reading("rate", "Heart rate", "/min", 2.0, "8867-4"),
        Reading("stroke", "Stroke volume", "mL", 6.0, "20562-5"),
    ),
    drives=(Drive("tone", "Change of resistance", "1"),),
    function=f"{__name__}:Windkessel", sheet=SHEET,
)  # fmt: skip


def begun(members=200, seed=0):
    """A twin that knows nothing but the prior."""
    prior = Prior.of(MODEL)
    z = prior.draw(members, np.random.default_rng(seed))
    weights = np.full(members, 1.0 / members)
    return TwinState(
        name="twin", model="small", at_s=NOW, keys=tuple(p.key for p in MODEL.parameters), parameters=prior.parameters(z),
        state=np.zeros((members, 1)), weights=weights, estimates=estimates(prior, z, weights), method="prior",
    )  # fmt: skip


def truth(**changes):
    theta = MODEL.defaults()[0]
    for key, value in changes.items():
        theta[MODEL.parameter(key)] = value
    return Windkessel().run(theta[None], MODEL.at_rest(), np.zeros(1)).readings[0, 0]


def at(days, values, *keys):
    keys = keys or tuple(r.key for r in MODEL.readings)
    return Readings.from_values(MODEL, NOW + days * DAY_S, {k: float(values[MODEL.reading(k)]) for k in keys})


def value(state, key):
    return next(e.value for e in state.estimates if e.key == key)


def test_readings_of_a_month_bring_the_twin_to_the_patient():
    rng, measured = np.random.default_rng(1), truth(resistance=1.4, rate=58.0, stroke=82.0)
    noise = np.array([r.noise for r in MODEL.readings])
    tracker = Tracker(MODEL, begun())
    for day in range(1, 31):
        state = tracker.update(at(day, measured + noise * rng.standard_normal(5)))
    assert abs(value(state, "resistance") / 1.4 - 1.0) < 0.05
    assert abs(value(state, "rate") / 58.0 - 1.0) < 0.03
    assert state.at_s == NOW + 30 * DAY_S
    assert state.used["8480-6"] == 30


def test_readings_out_of_order_teach_the_same_as_in_order():
    measured = truth(resistance=1.3)
    days = [1.0, 2.0, 3.0, 4.0]
    ordered, mixed = Tracker(MODEL, begun(), walk_per_day=0.0), Tracker(MODEL, begun(), walk_per_day=0.0)
    for day in days:
        one = ordered.update(at(day, measured))
    for day in [1.0, 3.0, 4.0, 2.0]:
        other = mixed.update(at(day, measured))
    assert value(other, "resistance") == pytest.approx(value(one, "resistance"), rel=1e-6)
    assert other.at_s == one.at_s
    assert other.used == one.used


def test_the_same_reading_twice_teaches_once():
    tracker = Tracker(MODEL, begun())
    once = tracker.update(at(1.0, truth(resistance=1.3)))
    again = tracker.update(at(1.0, truth(resistance=1.3)))
    np.testing.assert_array_equal(once.parameters, again.parameters)
    assert once.used == again.used


def test_one_wild_reading_hardly_moves_the_twin_and_a_lasting_change_does():
    tracker = Tracker(MODEL, begun())
    for day in range(1, 20):
        calm = tracker.update(at(day, truth(), "systolic", "diastolic", "rate"))
    wild = tracker.update(at(20, truth() * 1.8, "systolic"))
    assert abs(value(wild, "resistance") / value(calm, "resistance") - 1.0) < 0.04
    for day in range(21, 60):
        changed = tracker.update(at(day, truth(resistance=1.5), "systolic", "diastolic", "mean", "rate", "stroke"))
    assert abs(value(changed, "resistance") / 1.5 - 1.0) < 0.05


def test_readings_every_second_do_not_make_the_twin_surer_than_an_hour_of_them_can():
    dense = Tracker(MODEL, begun())
    second = 1.0 / DAY_S
    for k in range(300):
        state = dense.update(at(1.0 + k * second, truth(), "systolic"))
    sparse = Tracker(MODEL, begun())
    for day in range(1, 6):
        other = sparse.update(at(float(day), truth(), "systolic"))
    spread = [np.std(s.parameters[:, 0]) for s in (state, other)]
    assert spread[0] > 0.8 * spread[1]


def test_a_parameter_without_a_spread_cannot_be_learned():
    with pytest.raises(BadInput, match="no parameter"):
        Prior.of(MODEL, ("stiffness",))


def month(theta, rng, days=28, keys=("systolic", "diastolic", "rate"), echo=("stroke",), wild=0):
    """A month of a patient: readings at home twice a day, and an echo."""
    values = Windkessel().run(theta[None], MODEL.at_rest(), np.zeros(1)).readings[0, 0]
    parts = []
    for k in range(2 * days):
        seen = {
            key: values[MODEL.reading(key)] + MODEL.readings[MODEL.reading(key)].noise * rng.standard_normal()
            for key in keys
        }
        parts.append(Readings.from_values(MODEL, NOW + 0.5 * k * DAY_S, seen))
    for key in echo:
        seen = {key: values[MODEL.reading(key)] + MODEL.readings[MODEL.reading(key)].noise * rng.standard_normal()}
        parts.append(Readings.from_values(MODEL, NOW + 3.0 * DAY_S, seen))
    for k in range(wild):
        parts.append(Readings.from_values(MODEL, NOW + (0.3 + k) * DAY_S, {"systolic": 300.0}))
    return Readings.none().with_(parts)


def test_calibration_finds_known_parameters_and_its_intervals_hold_them():
    from organtwin.twin.calibration import Settings, calibrate

    rng = np.random.default_rng(5)
    prior = Prior.of(MODEL)
    errors, held = [], []
    for k, z in enumerate(0.9 * prior.draw(20, rng)):
        theta = prior.parameters(z[None])[0]
        state = calibrate(MODEL, month(theta, rng), Settings(members=100, seed=k))
        errors.append([abs(e.value / t - 1.0) for e, t in zip(state.estimates, theta, strict=True)])
        held += [e.low <= t <= e.high for e, t in zip(state.estimates, theta, strict=True)]
    assert (np.median(errors, axis=0) < 0.06).all()
    assert 0.8 <= np.mean(held) <= 1.0


def test_readings_that_are_plainly_wrong_do_not_move_a_calibration():
    from organtwin.twin.calibration import Settings, calibrate

    theta = MODEL.defaults()[0]
    clean = calibrate(MODEL, month(theta, np.random.default_rng(0)), Settings(members=100))
    wild = calibrate(MODEL, month(theta, np.random.default_rng(0), wild=5), Settings(members=100))
    assert value(wild, "resistance") == pytest.approx(value(clean, "resistance"), rel=0.03)


def test_what_the_readings_cannot_tell_is_said():
    from organtwin.twin.calibration import Settings, calibrate

    readings = month(MODEL.defaults()[0], np.random.default_rng(0), keys=("systolic", "diastolic"), echo=())
    state = calibrate(MODEL, readings, Settings(members=200))
    learned = {e.key: e.learned for e in state.estimates}
    assert learned["rate"] < 0.5
    assert any("would teach more" in note for note in state.notes)
    whole = calibrate(MODEL, month(MODEL.defaults()[0], np.random.default_rng(0)), Settings(members=200))
    assert next(e.learned for e in whole.estimates if e.key == "rate") > 0.8


def test_a_patient_without_a_reading_that_the_model_predicts_is_refused_with_what_it_predicts():
    from organtwin.twin.calibration import calibrate

    with pytest.raises(BadInput, match="no readings"):
        calibrate(MODEL, Readings.none())


def test_a_tracker_goes_on_from_a_calibration():
    from organtwin.twin.calibration import Settings, calibrate

    state = calibrate(MODEL, month(MODEL.defaults()[0], np.random.default_rng(0)), Settings(members=100))
    after = Tracker(MODEL, state).update(at(40, truth(resistance=1.1)), curves=True)
    assert value(after, "resistance") > value(state, "resistance")
    assert after.curves["pressure (mmHg)"].shape == (3, 20)
    assert [q.name for q in after.quantities] == [q.name for q in state.quantities]


def test_a_reading_that_the_model_cannot_explain_is_named_and_counts_less():
    from organtwin.twin.calibration import Settings, calibrate

    readings = month(MODEL.defaults()[0], np.random.default_rng(0), echo=())
    strange = Readings.from_values(MODEL, NOW + 3.2 * DAY_S, {"mean": 190.0})  # above the systolic pressure
    state = calibrate(MODEL, readings.with_([strange]), Settings(members=100))
    plain = calibrate(MODEL, readings, Settings(members=100))
    assert state.notes[0].startswith("The model does not explain Mean pressure together")
    assert value(state, "resistance") == pytest.approx(value(plain, "resistance"), rel=0.15)


def test_few_readings_that_scatter_more_than_the_device_errs_make_the_level_less_sure():
    rng = np.random.default_rng(5)

    def of(scatter: float, drift: float = 0.0) -> Level:
        times = NOW + np.arange(30) * 1.3 * DAY_S
        values = 70.0 + scatter * rng.standard_normal(30) + drift * np.arange(30)
        place = np.full(30, MODEL.reading("rate"))
        return level(Readings.in_order(times, values, place, np.full(30, 2.0), np.zeros(30)), times[-1], wander=0.02)

    assert of(6.0).se > 1.6 * of(2.0).se
    assert of(2.0, drift=0.3).se < 1.3 * of(2.0).se, "a slow drift is not scatter"
