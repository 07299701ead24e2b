"""Scenarios of a patient side by side: the table, its intervals, and the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from organtwin_solvers.validation.pipes import pipe
from typer.testing import CliRunner

from organtwin.cli.main import app
from organtwin.document import Document
from organtwin.errors import BadInput
from organtwin.model import Observations, Scenario, Source, TwinState
from organtwin.physiology.model import find, names
from organtwin.twin import comparison, scenario
from organtwin.twin.comparison import Target, compare, read_target
from organtwin.twin.readings import Readings
from organtwin.twin.scenario_state import flow_under

pytest.importorskip("organtwin_solvers.physiology.circulation.manifest")
DAY = 86400.0
NOW = 1.75e9


def pressures(days: int = 60) -> Observations:
    """Pressures of somebody with 150/92 mmHg, one a day until now."""
    rng = np.random.default_rng(5)
    times = NOW - DAY * np.arange(days - 1, -1, -1)
    values = np.concatenate([150.0 + 6.0 * rng.standard_normal(days), 92.0 + 4.0 * rng.standard_normal(days)])
    order = np.argsort(np.tile(times, 2), kind="stable")
    n = 2 * days
    return Observations(
        name="home", codes=("8480-6", "8462-4"), sources=(Source(name="cuff", format="csv"),), times_s=np.tile(times, 2)[order],
        durations_s=np.zeros(n, np.float32), offset_min=np.zeros(n, np.int16), values=values[order],
        code=np.repeat([0, 1], days)[order].astype(np.uint16), source=np.zeros(n, np.uint16),
    )  # fmt: skip


def twin(members: int = 40) -> TwinState:
    """A twin with about these pressures."""
    known = find("circulation")
    rng = np.random.default_rng(6)
    parameters = known.defaults(members)
    for key, factor, spread in (
        ("systemic_resistance", 1.35, 0.05),
        ("arterial_compliance", 0.75, 0.08),
        ("contractility", 1.0, 0.1),
    ):
        parameters[:, known.parameter(key)] *= factor * np.exp(spread * rng.standard_normal(members))
    parameters[:, known.parameter("reflex_setpoint")] = 115.0
    return TwinState(
        name="twin", model="circulation", at_s=NOW, keys=tuple(p.key for p in known.parameters), parameters=parameters,
        state=np.zeros((members, 0)), weights=np.full(members, 1.0 / members),
    )  # fmt: skip


AMLODIPINE = Scenario(name="amlodipine", interventions=(scenario.read('vasodilator drug=amlodipine dose="5 mg"'),))
BOTH = Scenario(name="both", interventions=(*AMLODIPINE.interventions, scenario.read("diuretic")))


@pytest.fixture(scope="module")
def compared() -> comparison.Comparison:
    known = find("circulation")
    return compare(known, twin(), Readings.of(known, [pressures()]), [AMLODIPINE, BOTH], days=60.0, members=60, seed=3)


def test_going_on_as_now_comes_first_and_changes_nothing(compared: comparison.Comparison) -> None:
    assert [one.name for one in compared.scenarios] == ["as now", "amlodipine", "both"]
    for row in compared.rows:
        assert row.cells[0].change == row.cells[0].change_low == row.cells[0].change_high == 0.0


def test_the_change_of_the_same_person_is_surer_than_two_intervals(compared: comparison.Comparison) -> None:
    row = compared.row("systolic")
    now, one, two = row.cells
    assert one.change == pytest.approx(-8.2, abs=1.5)
    assert two.change < one.change < 0.0
    assert one.change_low < one.change < one.change_high < 0.0
    assert one.change_high - one.change_low < 0.8 * (now.high - now.low)
    assert one.better == pytest.approx(1.0, abs=0.05)
    assert now.at_target < one.at_target < two.at_target < 1.0
    assert one.median - now.median == pytest.approx(one.change, abs=1.5)


def test_every_scenario_says_what_it_assumes_and_has_a_series_and_a_loop(compared: comparison.Comparison) -> None:
    assert any("Law et al." in sentence for sentence in compared.assumes[1])
    assert not any("Law et al." in sentence for sentence in compared.assumes[0])
    for one, loop in zip(compared.forecasts, compared.loops, strict=True):
        assert np.asarray(one.quantiles).shape[2] == len(one.times_s) == 60
        volume = next(values for key, values in loop.curves.items() if "ventric" in key and "volume" in key)
        assert len(volume) > 50
    text = "\n".join(comparison.lines(compared))
    assert "target < 130" in text
    assert "Tarazi" in text


def test_a_target_can_be_told_and_a_wrong_one_is_refused() -> None:
    assert read_target("systolic<125") == ("systolic", Target(high=125.0))
    with pytest.raises(BadInput, match="no target"):
        read_target("systolic around 120")
    known = find("circulation")
    with pytest.raises(BadInput, match="no reading 'sistolic'"):
        compare(
            known, twin(20), Readings.of(known, [pressures(5)]), [AMLODIPINE], targets={"sistolic": Target(high=120.0)}
        )


@pytest.mark.parametrize(
    ("value", "expected"), [(0.0, 0.0), (5.0, 0.05), (25.0, 0.25), (50.0, 0.5), (95.0, 0.95), (1000.0, 1.0)]
)
def test_probabilities_follow_the_quantiles(value: float, expected: float) -> None:
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    found = comparison._below(value, levels, 100.0 * np.array(levels))
    assert found == pytest.approx(expected, abs=0.05)


def test_the_commands_make_list_and_compare(tmp_path: Path) -> None:
    folder = tmp_path / "case.otwin"
    document = Document.create(folder)
    document.add([pressures(20), twin(24)], "a patient")
    document.close()
    run = CliRunner().invoke
    made = run(
        app,
        [
            "scenario",
            "new",
            str(folder),
            "--name",
            "salt",
            "--do",
            'salt less="4 g/day"',
            "--do",
            "pacing rate=70 start=3",
        ],
    )
    assert made.exit_code == 0, made.output
    again = run(app, ["scenario", "new", str(folder), "--name", "salt", "--do", "exercise"])
    assert isinstance(again.exception, BadInput)
    assert "already" in str(again.exception)
    assert "pacing rate 70 from day 3" in run(app, ["scenario", "list", str(folder)]).output
    told = run(app, ["scenario", "compare", str(folder), "salt", "--days", "30", "--members", "24", "--json"])
    assert told.exit_code == 0, told.output
    data = json.loads(told.stdout)
    assert [one["name"] for one in data["scenarios"]] == ["as now", "salt"]
    assert any(row["key"] == "systolic" and row["cells"][1]["change"] < -2.0 for row in data["rows"])
    assert isinstance(run(app, ["scenario", "compare", str(folder), "sugar"]).exception, BadInput)
    glucose = run(app, ["scenario", "compare", str(folder), "salt", "--model", "glucose"])
    assert "Calibrate one" in str(glucose.exception)


def test_interventions_tell_their_options_and_sources() -> None:
    run = CliRunner().invoke
    every = run(app, ["interventions"])
    assert "beta-blocker" in every.output
    one = run(app, ["interventions", "pump"])
    assert "heartmate-3" in one.output
    assert "known bias" in one.output
    assert json.loads(run(app, ["interventions", "--json"]).stdout)[0]["sheet"]["sources"]
    assert isinstance(run(app, ["interventions", "magic"]).exception, BadInput)


def test_a_vessel_is_solved_with_the_circulation_of_a_scenario() -> None:
    known, state = find("circulation"), twin()
    organ = pipe(8.0, 60.0, 2, 3)
    now = flow_under(known, state, organ, None, site="infrarenal-aorta", mode="steady")
    then = flow_under(known, state, organ, BOTH, site="infrarenal-aorta", mode="steady")
    assert now.targets is not None
    assert then.targets is not None
    pressures = [float(case.targets.systolic.split()[0]) for case in (now, then)]
    assert pressures[1] < pressures[0] - 10.0
    assert "both" in then.name
    assert any("Law et al." in note for note in then.notes)


def test_targets_are_of_readings_that_some_model_has_and_what_does_not_change_says_so() -> None:
    known = {reading.key for name in names() for reading in find(name).readings} | {"time_in_range", "time_below_range"}
    assert set(comparison.TARGETS) <= known
    model = find("circulation")
    oxygen = Scenario(name="oxygen", interventions=(scenario.read("oxygen fraction=0.3"),))
    found = compare(model, twin(20), Readings.of(model, [pressures(5)]), [oxygen], days=5.0, members=20)
    assert found.row("systolic").cells[1].better is None
    assert any("no change" in line for line in comparison.lines(found))
    assert "change nothing in the model" in " ".join(found.assumes[1])


def test_readings_during_a_load_are_not_held_against_targets_at_rest():
    from organtwin.twin.scenario import during, read, titled

    cycling = Scenario(name="Rehab", interventions=(read("rehabilitation"),))
    assert titled(cycling) == "Rehab, while cycling"
    assert during(Scenario(name="Pill", interventions=(read("vasodilator"),))) == ""


def test_less_time_in_low_glucose_is_better_and_more_of_it_is_not():
    from organtwin.twin.comparison import TARGETS, _share

    low = _share(
        "time_below_range",
        "Below",
        [np.full(4, 2.0), np.full(4, 9.0), np.full(4, 0.0), np.full(4, 2.0)],
        TARGETS["time_below_range"],
    )
    assert [cell.better for cell in low.cells] == [None, 0.0, 1.0, None]
    assert [cell.at_target for cell in low.cells] == [1.0, 0.0, 1.0, 1.0]


def test_a_pressure_that_is_low_enough_is_not_called_better_when_it_falls_further():
    from organtwin.twin.comparison import Target, _nearer

    target = Target(high=130.0)
    assert _nearer(target, 104.0, np.array([96.0, 90.0])) is None
    assert _nearer(target, 150.0, np.array([140.0, 155.0])) == 0.5
