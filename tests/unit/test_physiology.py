"""The models of physiology as every part of the program meets them: manifests, shapes, ensembles, and members that fail."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from organtwin.errors import BadInput
from organtwin.physiology.model import Floats, Physiology, Simulator, find
from organtwin.timeline.codes import CODES
from organtwin.validation import names as cases

NAMES = ("circulation", "respiration", "glucose")
HOUR_S = 3600.0


@pytest.fixture(scope="module", params=NAMES)
def model(request: pytest.FixtureRequest) -> Physiology:
    return find(request.param)


@pytest.fixture(scope="module")
def simulator(model: Physiology) -> Simulator:
    return model.simulator()


def prior(model: Physiology, members: int) -> Floats:
    """Parameters drawn as the manifest's spread says."""
    z = np.random.default_rng(3).normal(size=(members, len(model.parameters)))
    drawn = [
        np.clip(p.default * np.exp(p.spread * z[:, k]) if p.log else p.default + p.spread * z[:, k], p.low, p.high)
        for k, p in enumerate(model.parameters)
    ]
    return np.stack(drawn, axis=1)


def test_defaults_lie_within_their_bounds_and_logarithms_are_of_positive_numbers(model: Physiology) -> None:
    for p in model.parameters:
        assert p.low <= p.default <= p.high, p.key
        assert p.spread >= 0.0
        assert p.low > 0.0 or not p.log, p.key


def test_keys_are_unique_and_every_reading_has_a_noise(model: Physiology) -> None:
    for things in (model.parameters, model.readings, model.drives):
        assert len({t.key for t in things}) == len(things)
    assert all(r.noise > 0.0 for r in model.readings)


def test_readings_with_a_code_are_in_its_unit(model: Physiology) -> None:
    known = {loinc: code.unit for loinc, code in CODES.items()}
    for reading in model.readings:
        if reading.loinc in known:
            assert reading.unit == known[reading.loinc], reading.key


def test_the_data_sheet_names_verification_that_exists(model: Physiology) -> None:
    assert model.sheet.verified_by
    assert set(model.sheet.verified_by) <= set(cases())
    assert all((model.sheet.purpose, model.sheet.sources, model.sheet.validity, model.sheet.bias))


def test_a_manifest_is_read_without_what_the_model_needs_to_run() -> None:
    code = (
        "import sys; from organtwin.physiology.model import find; find('circulation'); sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_typical_persons_are_within_bounds_and_give_finite_readings(model: Physiology, simulator: Simulator) -> None:
    for name in model.persons:
        person = model.person(name)
        for value, p in zip(person, model.parameters, strict=True):
            assert p.low <= value <= p.high, (name, p.key)
        run = simulator.run(person[None], model.at_rest(), np.zeros(1))
        assert np.isfinite(run.readings).all(), name


def test_an_unknown_person_is_refused_with_those_known(model: Physiology) -> None:
    with pytest.raises(BadInput, match="knows no typical person"):
        model.person("nobody")


def test_persons_drawn_from_the_prior_have_finite_readings(model: Physiology, simulator: Simulator) -> None:
    run = simulator.run(prior(model, 100), model.at_rest(), np.zeros(1))
    assert run.readings.shape == (100, 1, len(model.readings))
    assert np.isfinite(run.readings).all()


def test_parameters_anywhere_within_bounds_seldom_fail_and_say_so(model: Physiology, simulator: Simulator) -> None:
    low, high = (np.array([getattr(p, end) for p in model.parameters]) for end in ("low", "high"))
    drawn = low + (high - low) * np.random.default_rng(5).uniform(size=(200, len(low)))
    run = simulator.run(drawn, model.at_rest(), np.zeros(1))
    failed = ~np.isfinite(run.readings).all((1, 2))
    assert failed.mean() <= 0.03
    assert np.isnan(run.readings[failed, 0, 0]).all()


def test_a_member_without_a_number_fails_alone(model: Physiology, simulator: Simulator) -> None:
    persons = np.repeat(model.defaults(), 3, axis=0)
    persons[1, 0] = np.nan
    run = simulator.run(persons, model.at_rest(2), np.array([0.0, HOUR_S]))
    assert np.isnan(run.readings[1, :, 0]).all()
    assert np.isfinite(run.readings[[0, 2]]).all()
    np.testing.assert_array_equal(run.readings[0], run.readings[2])


def test_members_do_not_know_of_each_other(model: Physiology, simulator: Simulator) -> None:
    persons = prior(model, 70)  # enough for several threads
    times = np.array([0.0, HOUR_S])
    together = simulator.run(persons, model.at_rest(2), times).readings
    for member in (0, 37, 69):
        alone = simulator.run(persons[member : member + 1], model.at_rest(2), times).readings[0]
        np.testing.assert_allclose(together[member], alone, rtol=1e-12)


def test_drives_of_each_member_and_of_all_agree(model: Physiology, simulator: Simulator) -> None:
    persons, times = prior(model, 2), np.array([0.0, HOUR_S, 2 * HOUR_S])
    drives = model.at_rest(3)
    drives[1:, model.drive("exercise")] = 0.3
    shared = simulator.run(persons, drives, times).readings
    own = simulator.run(persons, np.repeat(drives[None], 2, axis=0), times).readings
    np.testing.assert_array_equal(shared, own)
    assert not np.allclose(shared[:, 0], shared[:, 2])


def test_the_given_state_is_left_as_it_was(model: Physiology, simulator: Simulator) -> None:
    first = simulator.run(model.defaults(), model.at_rest(), np.zeros(1)).state
    kept = first.copy()
    drives = model.at_rest(2)
    drives[:, model.drive("exercise")] = 0.4
    simulator.run(model.defaults(), drives, np.array([0.0, HOUR_S]), first)
    np.testing.assert_array_equal(first, kept)


def test_curves_are_finite_and_as_long_as_their_time(model: Physiology, simulator: Simulator) -> None:
    curves = simulator.curves(np.repeat(model.defaults(), 2, axis=0), model.at_rest())
    time = curves["time_s"]
    assert np.all(np.diff(time) > 0.0)
    for name, values in curves.items():
        assert np.isfinite(values).all(), name
        assert values.shape[-1] in (1, len(time)), name
