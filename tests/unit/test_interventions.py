"""What every intervention keeps to, how scenarios are read, and what mistakes in them are told."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from organtwin.errors import BadInput, SolveFailed
from organtwin.model import Event, Intervention, Observations, Quantity, Result, Scenario
from organtwin.physiology.model import find
from organtwin.twin import intervention, scenario
from organtwin.twin.intervention import When
from organtwin.twin.interventions.clock import per_minute
from organtwin.twin.interventions.procedure import from_results
from organtwin.twin.interventions.pump import FULL_HEAD_MMHG, PUMPS
from organtwin.twin.interventions.stent import stretch_left
from organtwin.twin.matching import Lever, MiddlePerson, match

pytest.importorskip("organtwin_solvers.physiology.circulation.manifest")

LINES = {
    "vasodilator": "vasodilator", "beta-blocker": "beta-blocker", "diuretic": "diuretic", "insulin": 'insulin basal="10 U/day"',
    "metformin": "metformin", "bronchodilator": "bronchodilator", "oxygen": "oxygen fraction=0.3", "exercise": "exercise",
    "salt": 'salt less="4 g/day"', "weight": 'weight change="-4 kg"', "sleep": 'sleep now="5 h" hours="7 h" cpap=true',
    "meals": "meals change=-0.3", "rehabilitation": "rehabilitation", "pacing": "pacing rate=80", "pump": "pump",
    "stent": 'stent diameter="8 mm" length="30 mm" vessel="8 mm" narrowed="3 mm" share=0.1',
    "graft": 'graft diameter="24 mm" length="15 cm"', "valve": 'valve area="1.7 cm^2"',
    "procedure": 'procedure before="20 mmHg" after="5 mmHg" flow="5 L/min"',
}  # fmt: skip


def applied(line: str, model: str, days: list[float], seed: int = 0, **more: float):
    known = find(model)
    act = scenario.read(line).model_copy(update=more)
    members = 6
    parameters = np.tile(known.defaults(), (members, len(days), 1))
    drives = np.tile(known.at_rest(), (members, len(days), 1))
    one = Scenario(name="s", interventions=(act,))
    return parameters, drives, *scenario.apply(one, known, parameters, drives, np.array(days), seed)


def pairs() -> list[tuple[str, str]]:
    return [(name, model) for name in intervention.names() for model in intervention.find(name).models]


def test_every_declared_intervention_is_there_with_a_data_sheet() -> None:
    assert set(intervention.names()) == set(LINES)
    for name in LINES:
        kind = intervention.find(name)
        assert kind.name == name
        assert kind.sheet.sources
        assert kind.sheet.bias
        assert kind.models


@pytest.mark.parametrize(("name", "model"), pairs())
def test_nothing_happens_before_it_begins_and_what_is_given_stays_untouched(name: str, model: str) -> None:
    parameters, drives, then, driven, assumed = applied(LINES[name], model, [0.0, 5.0, 60.0], start_day=10.0)
    assert np.array_equal(then[:, :2], parameters[:, :2])
    assert np.array_equal(driven[:, :2], drives[:, :2])
    assert assumed
    assert np.isfinite(then).all()
    assert np.isfinite(driven).all()
    assert (
        not (np.array_equal(then, parameters) and np.array_equal(driven, drives))
        or "leave" in " ".join(assumed)
        or (name, model)
        in {
            ("metformin", "glucose"),
            ("bronchodilator", "respiration"),
            ("meals", "glucose"),
            ("weight", "glucose"),
            ("exercise", "glucose"),
        }
    )


@pytest.mark.parametrize(("name", "model"), pairs())
def test_an_effect_is_gone_long_after_its_end(name: str, model: str) -> None:
    parameters, drives, then, driven, _ = applied(LINES[name], model, [0.0, 20.0, 900.0], end_day=30.0)
    np.testing.assert_allclose(then[:, -1], parameters[:, -1], rtol=1e-3)
    np.testing.assert_allclose(driven[:, -1], drives[:, -1], atol=1e-2)


def test_the_same_member_answers_alike_with_the_same_seed_and_otherwise_with_another() -> None:
    first, again, other = (applied("vasodilator", "circulation", [0.0, 90.0], seed)[3] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)
    assert np.ptp(first[:, -1], axis=0).max() > 0.0  # and members differ


def test_an_empty_scenario_gives_back_what_it_got() -> None:
    known = find("circulation")
    parameters, drives = known.defaults()[:, None], known.at_rest()[None]
    for nothing in (None, Scenario(name="as now")):
        assert scenario.apply(nothing, known, parameters, drives, np.zeros(1)) == (parameters, drives, ())


def test_what_does_not_touch_a_model_is_said_and_changes_nothing() -> None:
    parameters, drives, then, driven, assumed = applied("metformin", "circulation", [0.0, 30.0])
    assert np.array_equal(then, parameters)
    assert np.array_equal(driven, drives)
    assert "change nothing" in assumed[0]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("magic", "no intervention 'magic'"),
        ("vasodilator drug=water", "drug"),
        ("vasodilator dose=5", "unit"),
        ('vasodilator dose="5 mmHg"', "mass"),
        ('vasodilator dose="5 kg"', "more than is ever given"),
        ('vasodilator dose="-5 mg"', "above zero"),
        ("vasodilator colour=red", "colour"),
        ("vasodilator drug", "no option"),
        ("vasodilator start=9 end=3", "ends before it begins"),
        ("vasodilator start=-9", "0 or later"),
        ("vasodilator start=soon", "soon"),
        ("", "cannot be read"),
        ('vasodilator "drug=amlodipine', "cannot be read"),
        ("vasodilator taken=1.5", "taken"),
        ('metformin dose="20 g/day"', "3 g"),
        ('insulin bolus="5 ml"', "insulin"),
        ('insulin bolus="4 U" times="25:00"', "time of day"),
        ("insulin", "basal"),
        ('meals meals="08:00 lots"', "meal"),
        ("salt", "less"),
        ('weight change="-200 kg"', "60 kg"),
        ('sleep now="5 h"', "both"),
        ('oxygen flow="15 L/min"', "6 L/min"),
        ("pump speed=100", "turns"),
        ("pacing rate=400", "rate"),
        ("pacing rate=nan", "NaN"),
        ('valve area="20 cm^2"', "orifice"),
        ("valve", "prosthesis"),
        ('stent diameter="30 mm" length="20 mm" vessel="8 mm" narrowed="3 mm"', "too wide"),
        ('stent diameter="2 mm" length="20 mm" vessel="8 mm" narrowed="3 mm"', "does not open"),
    ],
)
def test_a_mistake_is_one_clear_sentence(line: str, said: str) -> None:
    known = find("circulation")

    def tried() -> None:
        one = Scenario(name="s", interventions=(scenario.read(line),))
        scenario.apply(one, known, known.defaults()[:, None], known.at_rest()[None], np.zeros(1))

    with pytest.raises(BadInput, match=said) as caught:
        tried()
    assert "\n" not in str(caught.value)


def test_times_with_units_are_days() -> None:
    act = scenario.read('diuretic start="2 weeks" end=30')
    assert (act.start_day, act.end_day) == (14.0, 30.0)
    assert scenario.described([act]) == "diuretic from day 14 to day 30"


def test_half_of_an_effect_comes_within_its_half_life_and_goes_as_it_came() -> None:
    when = When(np.array([-1.0, 0.0, math.log(2.0) * 5.0, 1000.0, 1000.0 + math.log(2.0) * 5.0]), np.zeros(5), 1000.0)
    np.testing.assert_allclose(when.share(5.0), [0.0, 0.0, 0.5, 1.0, 0.5], atol=1e-9)
    np.testing.assert_allclose(When(when.days, when.hours).ramp(1000.0)[[0, 1, 3]], [0.0, 0.0, 1.0])


@settings(max_examples=40, deadline=None)
@given(hour=st.floats(0.0, 23.9), minutes=st.floats(1.0, 60.0), first=st.floats(0.0, 23.9), step=st.floats(0.02, 30.0))
def test_what_is_given_once_a_day_adds_up_to_one_a_day_at_any_step(
    hour: float, minutes: float, first: float, step: float
) -> None:
    days = np.arange(0.0, 20.0 + step / 24.0, step / 24.0)
    when = When(days, np.mod(first + 24.0 * days, 24.0))
    rate = per_minute(when, hour, minutes)
    assert (rate >= 0.0).all()
    assert np.sum(rate[:-1] * np.diff(days) * 1440.0) == pytest.approx(days[-1], abs=1.01)


def test_a_stiff_stent_leaves_no_stretch_and_a_soft_one_all() -> None:
    assert stretch_left(8.0, 0.002, 1e9) < 1e-3
    assert stretch_left(8.0, 0.002, 1.0) > 0.999


def test_pumps_lift_less_at_more_flow_and_more_at_more_speed() -> None:
    for pump in PUMPS.values():
        assert pump.head_mmhg(pump.usual, 3.0) > pump.head_mmhg(pump.usual, 6.0)
        assert pump.head_mmhg(1.1 * pump.usual, 4.0) > pump.head_mmhg(pump.usual, 4.0)
    assert PUMPS["heartmate-3"].head_mmhg(5500.0, 4.2) == pytest.approx(
        75.0, abs=8.0
    )  # maker's curve: 4.2 L/min at 75 mmHg


def test_the_circulation_gets_the_head_that_the_curve_of_the_pump_says() -> None:
    from organtwin_solvers.physiology.circulation.simulator import PUMP_HEAD_MMHG

    assert FULL_HEAD_MMHG == PUMP_HEAD_MMHG
    for name, pump in PUMPS.items():
        known = find("circulation")
        act = Intervention(kind="pump", options={"device": name})
        _, drives, _ = scenario.apply(
            Scenario(name="s", interventions=(act,)),
            known,
            known.defaults()[:, None],
            known.at_rest()[None],
            np.zeros(1),
        )
        head = PUMP_HEAD_MMHG * drives[0, 0, known.drive("pump_speed")] ** 2
        assert head == pytest.approx(pump.head_mmhg(pump.usual, 0.0))
        assert drives[0, 0, known.drive("pump_resistance")] == pump.resistance


def test_a_pump_unloads_a_failing_heart_and_more_speed_does_more() -> None:
    known = find("circulation")
    people = known.defaults(3)
    for key, value in {"contractility": 0.8, "unloaded_volume": 80.0, "stressed_volume": 1950.0}.items():
        people[:, known.parameter(key)] = value
    drives = np.tile(known.at_rest(), (3, 1, 1))
    reads = {}
    for speed in (0, 5000, 6000):
        acts = (Intervention(kind="pump", options={"speed": float(speed)}),) if speed else ()
        p, d, _ = scenario.apply(Scenario(name="s", interventions=acts), known, people[:, None], drives, np.zeros(1))
        run = known.simulator().run(p[:, 0], d, np.zeros(1)).readings[0, 0]
        reads[speed] = {r.key: run[k] for k, r in enumerate(known.readings)}
    assert reads[6000]["pump_flow"] > reads[5000]["pump_flow"] > 3.0
    assert reads[0]["end_diastolic_volume"] > reads[5000]["end_diastolic_volume"] > reads[6000]["end_diastolic_volume"]
    assert reads[0]["wedge_pressure"] > reads[6000]["wedge_pressure"]
    assert reads[6000]["cardiac_output"] > reads[0]["cardiac_output"]


def test_a_new_valve_takes_the_gradient_of_a_stenosis_away() -> None:
    known = find("circulation")
    people = known.defaults(4)
    people[:, known.parameter("aortic_valve_area")] = 0.7
    drives = np.tile(known.at_rest(), (4, 2, 1))
    one = Scenario(name="s", interventions=(scenario.read("valve prosthesis=sapien-3-26 start=1"),))
    p, d, said = scenario.apply(one, known, np.repeat(people[:, None], 2, 1), drives, np.array([0.0, 2.0]))
    run = known.simulator().run
    before, after = (
        run(p[:, k], d[:, k : k + 1], np.zeros(1)).readings[:, 0, known.reading("valve_gradient")] for k in (0, 1)
    )
    assert before.min() > 60.0
    assert after.max() < 50.0
    assert "Hahn" in said[0]


def test_a_procedure_takes_the_drop_that_flow_results_found() -> None:
    def result(name: str, drop: float) -> Result:
        quantities = (
            Quantity(name="Pressure drop inlet → left iliac", value=drop, unit="mmHg"),
            Quantity(name="Pressure drop inlet → right iliac", value=1.0, unit="mmHg"),
            Quantity(name="Flow left iliac", value=9.0, unit="mL/s"),
        )
        return Result(name=name, physics="lumped", mesh="m", times_s=np.zeros(1), fields={}, quantities=quantities)

    options = from_results(result("before", 21.0), result("after", 3.0), cardiac_output_l_per_min=5.4)
    assert (options["before"], options["after"], options["flow"]) == ("21 mmHg", "3 mmHg", "9 mL/s")
    assert options["share"] == pytest.approx(0.1)
    known = find("circulation")
    one = Scenario(name="s", interventions=(Intervention(kind="procedure", options=options),))
    _, drives, said = scenario.apply(one, known, known.defaults()[:, None], known.at_rest()[None], np.zeros(1))
    bed = 1.0 / 0.1  # the iliac's bed resists ten times as much as all; 2 mmHg s/mL of it go
    expected = 1.0 / (0.9 / 1.0 + 1.0 / (bed - 2.0)) - 1.0
    assert drives[0, 0, known.drive("resistance_change")] == pytest.approx(expected, rel=1e-6)
    assert "21 mmHg before" in said[0]
    with pytest.raises(BadInput, match="in common"):
        from_results(result("before", 21.0), result("after", 3.0), "aorta")


def test_what_the_documentation_does_can_be_done() -> None:
    page = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text()
    lines = re.findall(r"--do (?:'([^']+)'|(\w+))", page)
    assert len(lines) >= 5
    for quoted, bare in lines:
        scenario.read(quoted or bare)
    for name in intervention.names():
        assert f"| {name}" in page, f"'{name}' is missing in the table of effects"


def test_a_drug_that_the_patient_takes_already_is_warned_of() -> None:
    empty = {key: np.zeros(0) for key in ("times_s", "durations_s", "offset_min", "values", "code", "source")}
    event = Event(kind="medication", code="x", display="Amlodipine 5 MG Oral Tablet", start_s=0.0, status="active")
    one = Scenario(name="s", interventions=(scenario.read("vasodilator drug=amlodipine"), scenario.read("diuretic")))
    (said,) = scenario.already(one, [Observations(name="t", events=(event,), **empty)], 1e9)
    assert "takes already" in said
    usual = Scenario(name="s", interventions=(scenario.read("vasodilator"),))  # amlodipine is meant where none is named
    assert scenario.already(usual, [Observations(name="t", events=(event,), **empty)], 1e9)
    stopped = event.model_copy(update={"end_s": 5.0})
    assert scenario.already(one, [Observations(name="t", events=(stopped,), **empty)], 1e9) == ()


def test_a_change_that_the_model_cannot_bring_about_is_said_to_be_partial() -> None:
    known = find("circulation")
    person = MiddlePerson(known.defaults()[0], known.at_rest()[0])
    found = match(known, person, {"systolic": -80.0}, (Lever({"resistance_change": 1.0}, most=0.1),))
    assert not found.whole
    assert -20.0 < found.change["systolic"] < 0.0
    assert match(known, person, {"systolic": -8.0}, (Lever({"resistance_change": 1.0}),)).whole


def test_a_person_without_a_steady_state_is_told_so() -> None:
    known = find("circulation")
    broken = known.defaults()[0]
    broken[known.parameter("stressed_volume")] = np.nan
    with pytest.raises(SolveFailed, match="no steady state"):
        match(known, MiddlePerson(broken, known.at_rest()[0]), {"systolic": -8.0}, (Lever({"resistance_change": 1.0}),))


@pytest.mark.parametrize(
    "text",
    ['vasodilator drug=amlodipine dose="5 kg"', 'diuretic dose="2 g"', 'beta-blocker drug=bisoprolol dose="5 g"'],
)
def test_a_dose_that_nobody_takes_is_refused_when_it_is_written_down(text):
    with pytest.raises(BadInput, match="more than is ever given"):
        scenario.check(Scenario(name="x", interventions=(scenario.read(text),)))


def test_what_is_needed_is_said_by_its_name():
    with pytest.raises(BadInput, match="'diameter' is needed"):
        scenario.check(Scenario(name="x", interventions=(scenario.read("stent"),)))
