"""Protocols and what they make of a patient's readings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import yaml

from organtwin.document import Document
from organtwin.errors import BadInput
from organtwin.model import Alert, Event, Forecast, Observations, Source
from organtwin.monitoring import acknowledge, alerts_of, assign, cohort, evaluate, evaluate_project, keep, monitoring_of
from organtwin.monitoring.evaluate import suggestion
from organtwin.monitoring.protocol import Protocol, parse, per_day, read, shipped, shipped_text
from organtwin.monitoring.records import Evaluation
from organtwin.timeline.timeline import Timeline

WEIGHT, PULSE, SYSTOLIC, SATURATION, GLUCOSE = "29463-7", "8867-4", "8480-6", "59408-5", "99504-3"
RNG = np.random.default_rng
DAY = 86400.0
START = 1_735_689_600.0  # 1 January 2025, UTC


def observations(
    readings: Mapping[str, object], start_s: float = START, name: str = "readings", events: tuple[Event, ...] = ()
) -> Observations:
    """One value a day at eight o'clock for each code; NaN where the day is missed."""
    codes = tuple(readings)
    rows = [
        (start_s + DAY * day + 8 * 3600.0, place, value)
        for place, values in enumerate(readings.values())
        for day, value in enumerate(np.asarray(values, float))
        if np.isfinite(value)
    ]
    rows.sort()
    times, place, values = (np.array(column) for column in zip(*rows, strict=True))
    n = len(rows)
    return Observations(
        name=name, codes=codes, sources=(Source(name="test", format="fhir"),), times_s=times, durations_s=np.zeros(n, np.float32),
        offset_min=np.zeros(n, np.int16), values=values, code=place.astype(np.uint16), source=np.zeros(n, np.uint16), events=events,
    )  # fmt: skip


def steady(rng: np.random.Generator, days: int, level: float, spread: float) -> np.ndarray:
    return level + spread * rng.standard_normal(days)


def protocol(*rules: dict[str, object], **readings: object) -> Protocol:
    known = {
        "weight": {"codes": [WEIGHT], "expect": "1 a day"},
        "pulse": {"codes": ["40443-4", PULSE]},
        "systolic": {"codes": [SYSTOLIC]},
        "saturation": {"codes": [SATURATION]},
        "glucose": {"codes": [GLUCOSE]},
        **readings,
    }
    return parse(yaml.safe_dump({"name": "mine", "title": "Mine", "readings": known, "rules": list(rules)}))


def judged(rules: Protocol, days: int, /, events: tuple[Event, ...] = (), **readings: object) -> Evaluation:
    """As of the evening of the last day."""
    names = {"weight": WEIGHT, "pulse": PULSE, "systolic": SYSTOLIC, "saturation": SATURATION, "glucose": GLUCOSE}
    timeline = Timeline([observations({names[k]: v for k, v in readings.items()}, events=events)])
    return evaluate(timeline, [rules], START + DAY * (days - 1) + 20 * 3600.0)


# -- protocols ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_protocol_is_right_and_names_its_sources(name: str) -> None:
    one = parse(shipped_text(name), name)
    assert one.name == name
    assert one.sources
    assert all(rule.source for rule in one.rules)


def test_protocols_for_all_four_kinds_of_patients_are_shipped() -> None:
    assert {"diabetes", "cardiovascular", "respiratory", "rehabilitation", "heart-failure"} <= set(shipped())


@pytest.mark.parametrize(
    ("old", "new", "said", "line"),
    [
        ("rise: 2 kg", "rise: 2", "bare number", "rise: 2"),
        ("rise: 2 kg", "rise: 2 mmHg", "cannot be in 'mmHg'", "weight-up-in-3-days"),
        ("within: 3 days", "within: three", "no length of time", "name: weight-up-in-3-days"),
        ("within: 3 days", "withn: 3 days", "Unknown key", "withn"),
        ("kind: drift", "kind: drit", "drit", "name: fluid-drift"),
        ("reading: saturation", "reading: sat", "'sat', which the protocol does not have", "name: saturation-low"),
        ("severity: urgent", "severity: bad", "'note', 'warning' or 'urgent'", "bad"),
        ("all: [fluid-drift", "all: [fluid", "no rule before it", "name: decompensation"),
        ("name: heart-failure", "name: heart-failure\nname: x", "twice", "name: x"),
        ("fits:", "fits: [", "not YAML", ""),
        ("1 per 6 months", "often", "how often", "often"),
        ("codes: [29463-7]", "codes: [29463-8]", "no LOINC code", "29463-8"),
        ("title: Heart", "titel: Heart", "Unknown key 'titel'", "titel"),
        ("name: pulse-fast", "name: pressure-low", "twice", "name: pressure-low"),
        ("below: 90 %", "below: .nan", "NaN", ""),
    ],
)
def test_a_mistake_is_one_sentence_with_its_line(old: str, new: str, said: str, line: str) -> None:
    text = shipped_text("heart-failure").replace(old, new, 1)
    with pytest.raises(BadInput) as error:
        parse(text, "own.yaml")
    assert said in error.value.sentence
    assert "own.yaml" in error.value.sentence
    if line:
        number = next(n for n, each in enumerate(text.splitlines(), 1) if line in each)
        assert f"line {number}" in error.value.sentence


@pytest.mark.parametrize(
    "text",
    ["", "- 1", "a: &a [*a]", "!!python/object/apply:os.system [id]", "x: " + "[" * 3000, "a: 1\n" * 60_000,
     "a: &a [x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d]\n"
     "f: &f [*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f]"],
)  # fmt: skip
def test_hostile_yaml_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse(text)


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "x.yaml", tmp_path / "absent.yaml", tmp_path):
        with pytest.raises(BadInput):
            read(path)


def test_how_often_is_read_in_words() -> None:
    assert per_day("3 per week")[0] == pytest.approx(3 / 7)
    assert per_day("1 per 6 months")[0] == pytest.approx(1 / (6 * 365.25 / 12))


# -- rules ----------------------------------------------------------------------------------------------------------------


def test_a_last_value_beyond_its_limit_tells_since_when() -> None:
    rule = {"name": "low", "kind": "threshold", "reading": "saturation", "below": "90 %", "severity": "urgent"}
    done = judged(protocol(rule), 6, saturation=[95, 94, 89, 95, 88, 87])
    (alert,) = done.raised
    assert alert.severity == "urgent"
    assert alert.since_s == START + 4 * DAY + 8 * 3600
    assert "87" in alert.why
    assert "90 %" in alert.why
    assert alert.evidence == (SATURATION,)
    assert not judged(protocol(rule), 6, saturation=[95, 94, 89, 95, 88, 90]).raised


def test_a_last_value_of_long_ago_says_nothing_of_now() -> None:
    rule = {"name": "low", "kind": "threshold", "reading": "saturation", "below": "90 %"}
    done = judged(protocol(rule), 20, saturation=[85])
    assert not done.raised
    assert "19 days old" in done.unjudged[0]


def test_units_of_a_limit_are_turned() -> None:
    rule = {"name": "low", "kind": "threshold", "reading": "glucose", "below": "3.9 mmol/L"}
    assert judged(protocol(rule), 1, glucose=[69.0]).raised
    assert not judged(protocol(rule), 1, glucose=[71.0]).raised


def test_a_mean_over_a_week_needs_its_readings() -> None:
    rule = {
        "name": "high",
        "kind": "threshold",
        "reading": "systolic",
        "of": "mean",
        "over": "7 days",
        "least": 6,
        "above": "135 mmHg",
    }
    assert judged(protocol(rule), 14, systolic=[130] * 7 + [140] * 7).raised[0].why.count("140") == 1
    done = judged(protocol(rule), 14, systolic=[130] * 9 + [150] * 5)
    assert START + 7 * DAY < done.raised[0].since_s <= START + 11 * DAY
    few = judged(protocol(rule), 14, systolic=[130] * 7 + [np.nan, 150, np.nan, 150, np.nan, 150, 150])
    assert not few.raised
    assert "6 are needed" in few.unjudged[0]


def test_time_in_range_counts_readings() -> None:
    rule = {
        "name": "tir",
        "kind": "share",
        "reading": "glucose",
        "from": "70 mg/dL",
        "to": "180 mg/dL",
        "over": "14 days",
        "below": "70 %",
    }
    assert "50.0 %" in judged(protocol(rule), 14, glucose=[100, 200] * 7).raised[0].why
    assert not judged(protocol(rule), 14, glucose=[100, 100, 100, 200] * 3 + [70, 180]).raised


def test_two_kilograms_in_three_days_are_noticed_and_in_four_are_not() -> None:
    rule = {"name": "up", "kind": "change", "reading": "weight", "rise": "2 kg", "within": "3 days"}
    done = judged(protocol(rule), 7, weight=[80, 80.2, 80, 80, 80.5, 81, 82.1])
    assert done.raised[0].since_s == START + 3 * DAY
    assert "2.1 kg in 3 days" in done.raised[0].why
    assert not judged(protocol(rule), 7, weight=[80, 80, 80, 80.5, 81, 81.5, 82]).raised


def test_a_drift_is_explained_and_dated() -> None:
    rng = RNG(3)
    weight, pulse = steady(rng, 120, 80, 0.5), steady(rng, 120, 66, 3)
    weight[100:] += np.linspace(0.1, 2, 20)
    pulse[100:] += np.linspace(0.3, 6, 20)
    rule = {
        "name": "drift",
        "kind": "drift",
        "readings": {"weight": "rise", "pulse": "rise"},
        "at_least": {"weight": "0.5 kg"},
    }
    (alert,) = judged(protocol(rule), 120, weight=weight, pulse=pulse).raised
    assert abs(alert.since_s - (START + 100 * DAY)) < 8 * DAY
    assert "Body weight rises" in alert.why
    assert set(alert.evidence) == {WEIGHT, PULSE}
    too_small = {**rule, "at_least": {"weight": "5 kg"}}
    assert not judged(protocol(too_small), 120, weight=weight, pulse=pulse).raised


def test_a_drift_the_other_way_and_a_short_history_raise_nothing() -> None:
    rng = RNG(4)
    falling = steady(rng, 120, 80, 0.5) - np.maximum(np.arange(120) - 100, 0) * 0.1
    rule = {"name": "drift", "kind": "drift", "readings": {"weight": "rise"}}
    assert not judged(protocol(rule), 120, weight=falling).raised
    short = judged(protocol(rule), 10, weight=falling[:10])
    assert not short.raised
    assert "days with a value" in short.unjudged[0]


def test_a_patient_who_stops_measuring_is_noticed() -> None:
    silent = {"name": "none", "kind": "missing", "reading": "weight", "none_for": "4 days"}
    few = {"name": "few", "kind": "missing", "reading": "weight", "below": "50 %", "over": "14 days"}
    values = [80.0] * 20 + [np.nan] * 10
    done = judged(protocol(silent, few), 30, weight=values)
    assert {a.rule for a in done.raised} == {"none", "few"}
    assert next(a for a in done.raised if a.rule == "none").since_s == START + 19 * DAY + 8 * 3600
    (one,) = done.adherence
    assert (one.expected, one.taken) == (14, 4)
    assert one.share == pytest.approx(4 / 14)


def test_two_readings_on_one_day_do_not_make_up_for_a_day_without() -> None:
    every_other = [80.0, np.nan] * 7
    twice = Timeline([observations({WEIGHT: every_other}), observations({WEIGHT: every_other}, START + 3600.0)])
    done = evaluate(
        twice,
        [protocol({"name": "few", "kind": "missing", "reading": "weight", "none_for": "9 days"})],
        START + 14 * DAY,
    )
    assert done.adherence[0].taken == 7


def test_measured_against_a_forecast_made_before() -> None:
    times = START + DAY * np.arange(0, 40.0)
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    quantiles = np.tile(np.array([112.0, 117.0, 120.0, 123.0, 128.0])[:, None], (1, 40))[None]
    forecast = Forecast(name="f", model="circulation", keys=("systolic",), units=("mm[Hg]",), loinc=(SYSTOLIC,), levels=levels,
                        times_s=times, quantiles=quantiles)  # fmt: skip
    rule = {
        "name": "away",
        "kind": "twin",
        "reading": "systolic",
        "model": "circulation",
        "more_than": 2.5,
        "over": "5 days",
    }
    rules = protocol(rule)
    for level, fires in ((120.0, False), (131.0, True)):
        timeline = Timeline([observations({SYSTOLIC: [level] * 20})])
        done = evaluate(timeline, [rules], START + 20 * DAY, forecasts=[forecast])
        assert bool(done.raised) is fires
    assert "forecast 120" in done.raised[0].why
    assert evaluate(timeline, [rules], START + 20 * DAY).unjudged


def test_a_composite_needs_its_parts() -> None:
    low = {"name": "low", "kind": "threshold", "reading": "saturation", "below": "92 %", "alone": False}
    fast = {"name": "fast", "kind": "threshold", "reading": "pulse", "above": "100 /min", "alone": False}
    both = {"name": "both", "kind": "composite", "all": ["low", "fast"], "severity": "urgent"}
    either = {"name": "either", "kind": "composite", "of": ["low", "fast"], "count": 1}
    one = judged(protocol(low, fast, both, either), 3, saturation=[95, 91, 91], pulse=[80, 80, 80])
    assert [a.rule for a in one.raised] == ["either"]
    two = judged(protocol(low, fast, both, either), 3, saturation=[95, 91, 91], pulse=[80, 80, 110])
    assert [a.rule for a in two.open] == ["both", "either"]
    assert two.open[0].since_s == START + DAY + 8 * 3600


def test_nothing_after_now_is_looked_at() -> None:
    rule = {"name": "low", "kind": "threshold", "reading": "saturation", "below": "90 %"}
    timeline = Timeline([observations({SATURATION: [95, 95, 80]})])
    assert not evaluate(timeline, [protocol(rule)], START + DAY + 20 * 3600).raised


# -- alerts in a project --------------------------------------------------------------------------------------------------


@pytest.fixture
def document(tmp_path: Path) -> Iterator[Document]:
    made = Document.create(tmp_path / "case.otwin")
    yield made
    made.close()


def low_rule() -> str:
    return shipped_text("respiratory")


def test_an_alert_is_raised_once_seen_and_ended(document: Document) -> None:
    document.add([observations({SATURATION: [95, 95, 86, 86, 86, 95, 95, 95]})], "readings")
    assign(document, {"respiratory": low_rule()}, begun_s=START)

    def at(day: int) -> Evaluation:
        done = evaluate_project(document.project, START + day * DAY + 20 * 3600)
        keep(document, done)
        return done

    assert not at(1).open
    assert "saturation-very-low" in {a.rule for a in at(2).raised}
    again = at(3)
    assert "saturation-very-low" not in {a.rule for a in again.raised}
    first = next(a for a in again.open if a.rule == "saturation-very-low")
    seen = acknowledge(document, first.uuid[:8], "Dr Berg", "called")
    assert seen.replaces == first.uuid
    kept = next(a for a in at(4).open if a.rule == "saturation-very-low")
    assert kept.acknowledged is not None
    assert kept.acknowledged.by == "Dr Berg"
    assert kept.raised_s == first.raised_s
    assert "saturation-very-low" in {a.rule for a in at(5).open}  # one good reading is not the end of it
    over = at(7)
    assert {a.rule for a in over.ended} >= {"saturation-very-low"}
    assert "saturation-very-low" not in {a.rule for a in alerts_of(document.project, only_open=True)}
    assert "saturation-very-low" in {a.rule for a in alerts_of(document.project)}
    document.undo()
    assert "saturation-very-low" in {a.rule for a in alerts_of(document.project, only_open=True)}


def test_an_open_alert_stays_while_nothing_can_be_told(document: Document) -> None:
    document.add([observations({SATURATION: [95, 95, 86]})], "readings")
    assign(document, {"respiratory": low_rule()}, begun_s=START)
    keep(document, evaluate_project(document.project, START + 2 * DAY + 20 * 3600))
    later = evaluate_project(document.project, START + 25 * DAY)
    assert "saturation-very-low" in {a.rule for a in later.open}
    assert not later.ended


def test_a_value_near_its_limit_does_not_come_and_go(document: Document) -> None:
    values = [140.0] * 10 + [133.0] * 7 + [138.0] * 7 + [120.0] * 20
    timeline = Timeline([observations({SYSTOLIC: values})])
    rule = {
        "name": "high",
        "kind": "threshold",
        "reading": "systolic",
        "of": "mean",
        "over": "3 days",
        "least": 2,
        "above": "135 mmHg",
    }
    for quiet, times in (({}, 1), ({"quiet": "1 day"}, 2)):
        alerts: list[Alert] = []
        raised = ended = 0
        for day in range(5, 44):
            done = evaluate(timeline, [protocol({**rule, **quiet})], START + day * DAY + 20 * 3600, alerts=alerts)
            raised, ended, alerts = raised + len(done.raised), ended + len(done.ended), list(done.open)
        assert (raised, ended) == (times, times)


def test_nobody_and_nothing_can_not_be_acknowledged(document: Document) -> None:
    with pytest.raises(BadInput, match="no alert"):
        acknowledge(document, "abcdef", "x")


def test_a_patients_own_copy_of_a_protocol_is_kept(document: Document) -> None:
    own = shipped_text("heart-failure").replace("rise: 2 kg", "rise: 1 kg")
    assign(document, {"heart-failure": own})
    document.project.close()
    again = Document.open(document.project.folder)
    kept = monitoring_of(again.project)
    assert kept is not None
    assert kept.protocols == {"heart-failure": own}
    assign(again, {})
    assert len(again.entries("monitoring")) == 1
    with pytest.raises(BadInput):
        assign(again, {"x": "no: protocol"})
    again.close()


def test_protocols_are_suggested_by_conditions_then_by_readings() -> None:
    failing = Event(
        kind="condition",
        code="84114007",
        system="http://snomed.info/sct",
        display="Heart failure (disorder)",
        start_s=START,
    )
    assert [p.name for p in suggestion(Timeline([observations({WEIGHT: [80]}, events=(failing,))]))] == [
        "heart-failure"
    ]
    pressure = Timeline([observations({SYSTOLIC: [120], "8462-4": [80]})])
    assert [p.name for p in suggestion(pressure)] == ["cardiovascular"]
    assert suggestion(Timeline([observations({"8302-2": [180]})])) == ()
    assert suggestion(Timeline([])) == ()


# -- cohorts --------------------------------------------------------------------------------------------------------------


def test_a_cohort_is_sorted_by_who_needs_somebody_and_survives_a_damaged_project(tmp_path: Path) -> None:
    for name, last in (("well", 96), ("ill", 85), ("seen", 85)):
        made = Document.create(tmp_path / "ward" / f"{name}.otwin")
        made.add([observations({SATURATION: [96, 96, last], "9279-1": [15, 15, 15]})], "readings")
        if name == "seen":
            done = evaluate_project(made.project)
            keep(made, done)
            for alert in done.raised:
                acknowledge(made, alert.uuid, "me")
        made.close()
    Document.create(tmp_path / "ward" / "empty.otwin").close()
    broken = tmp_path / "ward" / "broken.otwin"
    broken.mkdir()
    (broken / "project.json").write_text("{")
    found = cohort([tmp_path])
    names = [p.name for p in found.patients]
    assert names[:2] == ["ill", "seen"]
    assert set(names) == {"ill", "seen", "well", "empty", "broken"}
    by_name = {p.name: p for p in found.patients}
    assert by_name["broken"].error
    assert by_name["ill"].severity == "urgent"
    assert by_name["ill"].waiting > 0
    assert "85 %" in by_name["ill"].why
    assert by_name["seen"].waiting == 0
    assert by_name["well"].severity is None
    assert {one.code for one in by_name["well"].latest} == {SATURATION, "9279-1"}
    with pytest.raises(BadInput):
        cohort([tmp_path / "absent"])
    (tmp_path / "nothing").mkdir()
    with pytest.raises(BadInput):
        cohort([tmp_path / "nothing"])


def test_a_cohort_reads_projects_that_are_open_elsewhere_and_writes_nothing(tmp_path: Path) -> None:
    made = Document.create(tmp_path / "a.otwin")
    made.add([observations({SATURATION: [96, 96, 85]})], "readings")
    before = {p: p.stat().st_mtime_ns for p in (made.project.folder / "objects").rglob("*")}
    journal = (made.project.folder / "journal").read_bytes()
    assert len(cohort([tmp_path])) == 1
    assert {p: p.stat().st_mtime_ns for p in (made.project.folder / "objects").rglob("*")} == before
    assert (made.project.folder / "journal").read_bytes() == journal
    made.close()
