"""A population under an intervention changes as the trials that its data sheet names found."""

from __future__ import annotations

import numpy as np
import pytest

from organtwin.model import Scenario
from organtwin.physiology.model import Floats, Physiology, find
from organtwin.twin import scenario
from organtwin.twin.matching import Lever, MiddlePerson, match

pytest.importorskip("organtwin_solvers.physiology.circulation.manifest")
pytest.importorskip("organtwin_solvers.physiology.glucose.manifest")
pytest.importorskip("organtwin_solvers.physiology.respiration.manifest")

PEOPLE = 120
CIRCULATION_LEVERS = (
    Lever(parameters={"systemic_resistance": 1.0}, most=1.5),
    Lever(parameters={"arterial_compliance": 1.0}, most=1.5),
)


def population(systolic: float, diastolic: float) -> Floats:
    """People whose pressures lie about a mean, (m, p): the reflex is used to it, and everybody differs."""
    model = find("circulation")
    base = model.defaults()[0]
    base[model.parameter("reflex_setpoint")] = diastolic + 0.4 * (systolic - diastolic)
    person = MiddlePerson(base, model.at_rest()[0])
    now = person.readings(model)
    wanted = {"systolic": systolic - now["systolic"], "diastolic": diastolic - now["diastolic"]}
    found = match(model, person, wanted, CIRCULATION_LEVERS)
    assert found.whole
    people = np.tile(base, (PEOPLE, 1))
    for lever, strength in zip(CIRCULATION_LEVERS, found.strengths, strict=True):
        lever.pull(model, people, np.zeros((PEOPLE, len(model.drives))), np.full(PEOPLE, strength))
    rng = np.random.default_rng(4)
    for key in ("systemic_resistance", "arterial_compliance", "contractility", "heart_rate", "stressed_volume"):
        people[:, model.parameter(key)] *= np.exp(0.06 * rng.standard_normal(PEOPLE))
    return people


def change(model: Physiology, people: Floats, line: str | list[str], day: float, **rest: float) -> dict[str, Floats]:
    """What each of the people (m, p) reads on a day of a scenario, less what he reads without it."""
    acts = tuple(scenario.read(one) for one in ([line] if isinstance(line, str) else line))
    days = np.array([0.0, 0.5 * day, day])
    drives = np.tile(model.at_rest(), (len(people), 3, 1))
    for key, value in rest.items():
        drives[:, :, model.drive(key)] = value
    parameters = np.repeat(people[:, None], 3, 1)
    then, driven, assumed = scenario.apply(Scenario(name="s", interventions=acts), model, parameters, drives, days)
    assert assumed
    run = model.simulator().run
    after, before = (
        run(p, d[:, -1:], np.zeros(1)).readings[:, 0] for p, d in ((then[:, -1], driven), (people, drives))
    )
    return {reading.key: after[:, k] - before[:, k] for k, reading in enumerate(model.readings)}


@pytest.mark.parametrize(
    ("line", "systolic", "diastolic"),
    [  # 95 % intervals at the standard dose, Law et al. 2003
        ('vasodilator drug=amlodipine dose="5 mg"', (8.3, 9.2), 5.9),
        ('vasodilator drug=enalapril dose="10 mg"', (7.9, 9.0), 4.7),
        ('vasodilator drug=losartan dose="50 mg"', (9.9, 10.8), 5.7),
        ('beta-blocker drug=atenolol dose="75 mg"', (8.6, 9.9), 6.7),
        ('diuretic dose="25 mg"', (8.3, 9.4), 4.4),
        ('vasodilator drug=amlodipine dose="2.5 mg"', (5.2, 6.6), 3.9),
        ('vasodilator drug=amlodipine dose="10 mg"', (11.0, 12.3), 7.9),
    ],
)
def test_drugs_lower_pressure_as_much_as_in_354_trials(
    line: str, systolic: tuple[float, float], diastolic: float
) -> None:
    found = change(find("circulation"), population(154.0, 97.0), line, 200.0)
    assert systolic[0] <= -found["systolic"].mean() <= systolic[1]
    assert -found["diastolic"].mean() == pytest.approx(diastolic, abs=0.6)
    expected = -11.0 if line.startswith("beta") else 0.0
    assert found["heart_rate"].mean() == pytest.approx(expected, abs=1.0)  # Wong et al. 2016
    assert np.std(found["systolic"]) == pytest.approx(2.6, abs=0.6)  # Bell et al. 2010


def test_three_drugs_add_up_each_at_the_pressure_that_the_others_leave() -> None:
    people = population(150.0, 90.0)
    three = change(find("circulation"), people, ["vasodilator", "diuretic", "beta-blocker"], 200.0)["systolic"].mean()
    assert -26.0 < three < -18.0  # Law et al. 2003 expect 20 mmHg of three drugs at half standard dose or more
    alone = [
        change(find("circulation"), people, one, 200.0)["systolic"].mean()
        for one in ("vasodilator", "diuretic", "beta-blocker")
    ]
    assert sum(alone) < three  # each does less when the others have lowered the pressure


@pytest.mark.parametrize(
    ("line", "pressure", "systolic", "diastolic"),
    [
        ('salt less="4.4 g/day"', (148.0, 93.0), (4.15, 6.62), (2.11, 3.54)),  # He 2013, high pressure
        ('salt less="4.4 g/day"', (127.0, 77.0), (1.29, 3.56), (0.3, 1.7)),  # He 2013, normal pressure
        (
            'weight change="-5.1 kg"',
            (140.0, 88.0),
            (3.37, 7.3),
            (2.8, 6.5),
        ),  # Neter 2003: 0.66 to 1.43 and 0.55 to 1.28 for a kg
        ("exercise", (150.0, 93.0), (6.0, 10.7), (3.8, 7.0)),  # Cornelissen and Smart 2013
        ("sleep cpap=true", (140.0, 88.0), (1.9, 3.3), (1.4, 2.6)),  # Fava 2014
    ],
)
def test_ways_of_life_lower_pressure_within_the_published_interval(
    line: str, pressure: tuple[float, float], systolic: tuple[float, float], diastolic: tuple[float, float]
) -> None:
    found = change(find("circulation"), population(*pressure), line, 200.0)
    assert systolic[0] <= -found["systolic"].mean() <= systolic[1]
    assert diastolic[0] <= -found["diastolic"].mean() <= diastolic[1]


def diabetic() -> Floats:
    """People with type 2 diabetes and an HbA1c of about 8 %, (m, p)."""
    model = find("glucose")
    people = np.tile(model.defaults(), (30, 1))
    rng = np.random.default_rng(2)
    for key, factor in (("beta_static", 0.4), ("beta_dynamic", 0.3), ("sensitivity", 0.5)):
        people[:, model.parameter(key)] *= factor * np.exp(0.1 * rng.standard_normal(30))
    people[:, model.parameter("fasting_glucose")] = 137.0
    return people


@pytest.mark.parametrize(
    ("line", "low", "high"),
    [
        ('metformin dose="1.5 g/day"', 0.92, 1.32),  # Hirst 2012
        ('weight change="-6 kg"', 0.4, 0.8),  # Gummesson 2017: 0.1 for each kg
        ("exercise sessions=6", 0.66, 1.26),  # Umpierre 2011, more than 150 min a week
    ],
)
def test_glucose_falls_as_in_trials_once_it_has_settled(line: str, low: float, high: float) -> None:
    model = find("glucose")
    eats = 200.0 / 1440.0
    drives = np.tile(model.at_rest(), (1, 1, 1))
    drives[..., model.drive("carbohydrates")] = eats
    people = diabetic()
    now = model.simulator().run(people, np.tile(drives, (30, 1, 1)), np.zeros(1)).readings[:, 0, model.reading("hba1c")]
    assert now.mean() == pytest.approx(8.0, abs=0.3)
    found = change(model, people, line, 400.0, carbohydrates=eats)
    assert low <= -found["hba1c"].mean() <= high


def test_metformin_does_nothing_to_those_without_diabetes() -> None:
    model = find("glucose")
    found = change(model, model.defaults(4), "metformin", 400.0, carbohydrates=0.1)
    assert np.abs(found["hba1c"]).max() < 0.05


@pytest.mark.parametrize(("drug", "low", "high"), [("tiotropium", 0.113, 0.130), ("salmeterol", 0.048, 0.098)])
def test_airways_widen_as_in_trials_of_obstructed_people(drug: str, low: float, high: float) -> None:
    model = find("respiration")
    people = model.defaults(200)
    for key, value in {"airway_resistance": 8.0, "residual_volume": 3.5, "recoil": 0.25}.items():
        people[:, model.parameter(key)] = value
    found = change(model, people, f"bronchodilator drug={drug}", 60.0)
    assert low <= found["fev1"].mean() <= high
    healthy = change(model, model.defaults(3), f"bronchodilator drug={drug}", 60.0)
    assert np.abs(healthy["fev1"]).max() < 0.02


def test_oxygen_raises_the_saturation_of_those_who_lack_it() -> None:
    model = find("respiration")
    people = model.defaults(5)
    people[:, model.parameter("shunt")] = 0.12
    found = change(model, people, 'oxygen flow="2 L/min"', 1.0)
    assert found["sao2"].min() > 1.0
