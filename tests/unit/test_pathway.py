"""Waiting under a plan: what must hold whatever the plan, and what a mistake in one is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from organtwin.cli.main import app
from organtwin.errors import BadInput
from organtwin.model import Event, Intervention, Observations, Scenario
from organtwin.pathway import Plan, compare, of_events, planned, read_plan, simulate
from organtwin.pathway.hours import read_hours

WARD = {
    "name": "one theatre",
    "length": "12 weeks",
    "warm_up": "2 weeks",
    "replications": 6,
    "resources": {
        "theatre": {"capacity": 1, "open": "Mon-Fri 08:00-16:00"},
        "bed": {"capacity": 10},
    },
    "patients": {
        "elective": {
            "every": "4 h",
            "open": "Mon-Fri 08:00-16:00",
            "priority": 5,
            "steps": [
                {"name": "operation", "need": ["theatre", "bed"], "keep": "bed", "time": {"procedure": "stent"}},
                {"name": "ward", "need": "bed", "time": {"procedure": "stent", "part": "stay"}},
            ],
        },
        "urgent": {
            "every": "2 days",
            "priority": 1,
            "steps": [{"name": "operation", "need": "theatre", "time": {"mean": "2 h", "sd": "1 h"}}],
        },
    },
}


def test_what_is_closed_opens_at_the_next_span_and_counts_only_its_hours() -> None:
    hours = read_hours("Mon-Fri 08:00-16:00, Sat 09:00-12:00")
    assert hours.opens_in(0.0) == 480.0
    assert hours.opens_in(8.5 * 60) == 0.0
    assert hours.closes_in(15 * 60.0) == 60.0
    assert hours.opens_in(5 * 1440.0 + 13 * 60) == (11 + 24 + 8) * 60.0  # Saturday afternoon to Monday
    assert hours.open_between(0.0, 7 * 1440.0) == (5 * 8 + 3) * 60.0
    assert hours.open_between(9 * 60.0, 10 * 60.0) == 60.0


@pytest.mark.parametrize(
    "text",
    ["Mon-Fry 08:00-16:00", "Fri-Mon 08:00-16:00", "Mon 16:00-08:00", "Mon 08:00-12:00, Mon 11:00-13:00", "08:00", ""],
)
def test_hours_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(BadInput):
        read_hours(text)


def test_another_theatre_shortens_the_wait_of_the_same_patients() -> None:
    one = Plan.model_validate(WARD)
    two = Plan.model_validate(
        {
            **WARD,
            "name": "two",
            "resources": {**WARD["resources"], "theatre": {"capacity": 2, "open": "Mon-Fri 08:00-16:00"}},
        }
    )
    compared = compare([simulate(one), simulate(two)])
    wait = next(n for n in compared.differences[0] if n.name == "elective: wait for operation, mean")
    assert wait.high < 0.0
    assert compared.outcomes[0].patients == compared.outcomes[1].patients  # the same people came
    use = [outcome.number("theatre: in use").mean for outcome in compared.outcomes]
    assert use[1] == pytest.approx(use[0] / 2.0, rel=0.1)


def test_the_urgent_wait_less_and_nobody_is_lost() -> None:
    outcome = simulate(
        Plan.model_validate(
            {
                **WARD,
                "patients": {
                    **WARD["patients"],
                    "urgent": {**WARD["patients"]["urgent"], "open": "Mon-Fri 08:00-16:00"},
                },
            }
        )
    )
    assert (
        outcome.number("urgent: wait for operation, mean").mean
        < outcome.number("elective: wait for operation, mean").mean
    )
    assert outcome.number("elective: treated").mean == pytest.approx(
        10.0, rel=0.15
    )  # five days of eight hours, one in four
    assert 0.0 < outcome.number("bed: in use").mean < 100.0


def test_more_patients_than_a_plan_can_treat_are_warned_of() -> None:
    crowded = {**WARD, "patients": {"elective": {**WARD["patients"]["elective"], "every": "30 min"}}}
    assert "More come than can be treated" in simulate(Plan.model_validate(crowded)).warnings[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"resources": {"theatre": {"capacity": 0}}}, "capacity"),
        ({"length": "12"}, "unit"),
        (
            {
                "patients": {
                    "a": {"every": "1 h", "steps": [{"need": "scaner", "time": {"law": "fixed", "mean": "1 h"}}]}
                }
            },
            "scaner",
        ),
        ({"patients": {"a": {"every": "1 h", "steps": [{"need": "bed", "time": {"procedure": "magic"}}]}}}, "magic"),
        (
            {"patients": {"a": {"every": "0 h", "steps": [{"need": "bed", "time": {"law": "fixed", "mean": "1 h"}}]}}},
            "every",
        ),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_mistake_in_a_plan_is_one_sentence(tmp_path: Path, change: dict, said: str) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(yaml.safe_dump({**WARD, **change}))
    with pytest.raises(BadInput, match=said):
        read_plan(file)


@pytest.mark.parametrize(
    "content", [b"a: [1", b"\xff\xfe\x00", b"just words", b"", b"!!python/object/apply:os.system ['true']"]
)
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "plan.yaml").write_bytes(content)
    with pytest.raises(BadInput):
        read_plan(tmp_path / "plan.yaml")


def test_the_twins_own_times_take_the_place_of_published_ones() -> None:
    spans = (55.0, 60.0, 65.0, 58.0, 62.0)
    events = tuple(
        Event(
            kind="procedure",
            code="x",
            display="Stent of the left iliac artery",
            start_s=k * 1e6,
            end_s=k * 1e6 + 60.0 * span,
        )
        for k, span in enumerate(spans)
    )
    empty = {key: np.zeros(0) for key in ("times_s", "durations_s", "offset_min", "values", "code", "source")}
    times = of_events([Observations(name="t", events=events, **empty)])
    assert times["stent"].mean_min == pytest.approx(60.0)
    assert of_events([Observations(name="t", events=events[:4], **empty)]) == {}  # four are too few
    filled = Plan.model_validate(WARD).with_times(times).patients["elective"].steps
    assert "5 procedures of the twins" in filled[0].time.source
    assert "registries" in filled[1].time.source


def test_planned_procedures_of_the_twins_join_the_waiting_list(tmp_path: Path) -> None:
    stent = Scenario(name="s", interventions=(Intervention(kind="stent", options={}),))
    assert planned([stent]) == "stent"
    assert planned([]) == ""
    plan = Plan.model_validate(WARD).with_planned({"stent": 30})
    assert plan.patients["elective"].waiting == 30
    few, many = (simulate(p).number("elective: wait for operation, mean") for p in (Plan.model_validate(WARD), plan))
    assert many.low > few.mean
    with pytest.raises(BadInput, match="resection"):
        Plan.model_validate(WARD).with_planned({"resection": 1})


def test_the_command_compares_two_plans(tmp_path: Path) -> None:
    small = {**WARD, "length": "4 weeks", "replications": 3}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(small))
    (tmp_path / "b.json").write_text(
        json.dumps({**small, "name": "more beds", "resources": {**WARD["resources"], "bed": {"capacity": 20}}})
    )
    run = CliRunner().invoke(app, ["pathway", str(tmp_path / "a.yaml"), "--compare", str(tmp_path / "b.json")])
    assert run.exit_code == 0, run.output
    assert "more beds" in run.output
    assert "elective: wait for operation, mean" in run.output
    told = CliRunner().invoke(app, ["pathway", str(tmp_path / "a.yaml"), "--json"])
    assert json.loads(told.output)["outcomes"][0]["plan"] == "one theatre"


def test_the_plan_in_the_documentation_runs(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text()
    (tmp_path / "plan.yaml").write_text(page.split("```yaml\n")[1].split("```")[0])
    plan = read_plan(tmp_path / "plan.yaml").model_copy(
        update={"replications": 2, "length": "4 weeks", "warm_up": "1 weeks"}
    )
    assert simulate(plan).number("elective: treated").mean > 0.0
