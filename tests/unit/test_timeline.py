"""The table of readings, who a patient is, a timeline of several imports, and its windows."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from organtwin.errors import BadInput
from organtwin.io.observations.times import many_from_wall
from organtwin.model import Event, Observations, Person, Source
from organtwin.timeline import codes
from organtwin.timeline.days import DAY_S
from organtwin.timeline.identity import disagree, identity, together
from organtwin.timeline.pyramid import Pyramid
from organtwin.timeline.timeline import Timeline
from organtwin.timeline.ucum import UNITS, conversion, ucum

START = datetime(2024, 3, 1, tzinfo=UTC).timestamp()


def made(code: str, times, values, *, source: str = "a", durations=0.0, offset: int = 0, **more) -> Observations:
    count = len(times)
    return Observations(
        name=source, codes=(code,), sources=(Source(name=source, format="table", device=source),),
        times_s=np.asarray(times, float), values=np.asarray(values, float), durations_s=np.full(count, durations, np.float32),
        offset_min=np.full(count, offset, np.int16), code=np.zeros(count, np.uint16), source=np.zeros(count, np.uint16), **more,
    )  # fmt: skip


# -- codes


def test_every_reading_knows_its_own_unit_and_its_limits_are_in_order():
    for code in codes.TABLE:
        assert code.turned(code.unit) == (1.0, 0.0), code
        assert code.possible[0] < code.possible[1]
        if code.usual:
            assert min(code.possible[0], code.usual[0]) in (0, code.possible[0])
            assert code.usual[0] < code.usual[1] <= code.possible[1]
            assert code.source, f"{code.title}: what is usual has no source"


def test_no_name_stands_for_two_readings():
    names = [name.lower() for code in codes.TABLE for name in {code.loinc, *code.same, *map(str.lower, code.names)}]
    assert len(names) == len(set(names))


def test_every_loinc_code_has_its_right_check_digit():
    """The last digit is that of Luhn over those before it: a slip in the table does not pass."""
    for code in codes.TABLE:
        for loinc in (code.loinc, *code.same):
            if code.system == codes.LOINC:
                number, _, check = loinc.partition("-")
                doubled = [int(d) * (1 + (n % 2 == 0)) for n, d in enumerate(reversed(number))]
                assert (10 - sum(d // 10 + d % 10 for d in doubled) % 10) % 10 == int(check), f"{code.title}: {loinc}"


@pytest.mark.parametrize(
    ("code", "value", "unit", "expected"),
    [
        ("2339-0", 5.5, "mmol/L", 99.1), ("41653-7", 5.5, "mmol/l", 99.1), ("29463-7", 150, "lbs", 68.04), ("29463-7", 12, "st", 76.2),
        ("8310-5", 98.6, "degF", 37.0), ("8310-5", 310.15, "K", 37.0), ("2019-8", 5.33, "kPa", 39.98), ("4548-4", 53, "mmol/mol", 7.0),
        ("2160-0", 88.4, "umol/L", 1.0), ("33762-6", 100, "pmol/L", 845.7), ("2093-3", 5.0, "mmol/L", 193.3), ("2571-8", 1.7, "mmol/L", 150.5),
        ("8302-2", 1.8, "m", 180), ("8302-2", 71, "[in_i]", 180.34), ("59408-5", 0.97, "1", 97), ("93832-4", 420, "min", 7),
        ("8867-4", 72, "{beats}/min", 72), ("8867-4", 1.2, "Hz", 72), ("41981-2", 418.4, "kJ", 100), ("41981-2", 100, "Cal", 100),
        ("2823-3", 4.2, "meq/L", 4.2), ("insulin-rapid", 6, "IU", 6), ("94122-9", 41, "mL/min·kg", 41), ("8741-1", 5000, "mL/min", 5),
    ],
)  # fmt: skip
def test_units_turn_into_the_readings_own(code, value, unit, expected):
    assert codes.in_unit(code, value, unit) == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize(
    ("code", "unit"), [("8867-4", "kg"), ("29463-7", "mmol/L"), ("2339-0", "furlong"), ("2951-2", "mg/dL")]
)
def test_a_unit_of_something_else_is_refused(code, unit):
    with pytest.raises(BadInput, match="cannot be in"):
        codes.in_unit(code, 1.0, unit)


@given(st.sampled_from(sorted(UNITS)), st.sampled_from(sorted(UNITS)), st.floats(-1e3, 1e3))
def test_a_conversion_and_its_way_back_change_nothing(one, other, value):
    there, back = conversion(one, other, 180.156), conversion(other, one, 180.156)
    assert (there is None) == (back is None)
    if there is not None and back is not None:
        assert back[0] * (there[0] * value + there[1]) + back[1] == pytest.approx(value, rel=1e-9, abs=1e-6)


@given(st.text(max_size=20))
def test_any_text_is_a_unit_or_none(text):
    assert ucum(text) in {None, *UNITS}


# -- clocks


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]),
    st.integers(1_600_000_000, 1_780_000_000), st.integers(5, 15), st.booleans(),
)  # fmt: skip
def test_a_log_by_the_wall_clock_reads_back_to_the_moments_it_was_of(zone, start, minutes, falling):
    """Three days of a log that never pauses, wherever summer time may begin or end within them."""
    moments = np.arange(start, start + 3 * 86400, 60 * minutes)[:: -1 if falling else 1]
    wall = np.array([datetime.fromtimestamp(int(m), ZoneInfo(zone)).replace(tzinfo=UTC).timestamp() for m in moments])
    found, offsets = many_from_wall(wall, zone)
    np.testing.assert_array_equal(found, moments)
    np.testing.assert_array_equal(wall - 60.0 * offsets, moments)


# -- identity


def test_an_identity_tells_patients_apart_without_saying_who_they_are():
    a = Person(identity=identity("Erika Müller", "1960-05-17", [("mrn", "7")]), birth_year=1960)
    assert "Erika" not in a.identity
    assert "1960" not in a.identity
    same = Person(identity=identity("MULLER, Erika", "1960-05-17"))
    married = Person(identity=identity("Schulz Erika", "1960-05-17", [("mrn", "7")]))
    other = Person(identity=identity("Maier", "1960-05-17", [("elsewhere", "9")]))
    assert not disagree(a, same)
    assert not disagree(a, married)
    assert disagree(a, other)
    assert disagree(a, Person(identity=identity(numbers=[("mrn", "8")])))
    assert not disagree(a, Person(identity=identity(numbers=[("another hospital", "8")])))
    assert disagree(a, Person(birth_year=1961))
    assert not disagree(a, Person())
    assert not disagree(together(a, married), Person(identity=identity("Schulz Erika", "1960-05-17")))


# -- timeline


def test_imports_are_merged_in_order_and_what_came_twice_is_there_once():
    one = made("8867-4", START + np.arange(5) * 60, [60, 61, 62, 63, 64])
    other = made("8867-4", START + np.arange(3, 8) * 60, [63, 64, 65, 66, 67], source="b")
    timeline = Timeline([other, one])
    series = timeline.series("8867-4")
    assert series.values.tolist() == [60, 61, 62, 63, 64, 65, 66, 67]
    assert (np.diff(series.times_s) > 0).all()
    assert len(timeline) == 8
    assert timeline.span_s == (START, START + 7 * 60)


def test_the_last_reading_and_a_range_of_time():
    timeline = Timeline([made("29463-7", START + np.arange(4) * DAY_S, [80, 81, 82, 83])])
    last = timeline.last("weight")
    assert last is not None
    assert (last.value, last.source.device) == (83, "a")
    before = timeline.last("29463-7", START + 1.5 * DAY_S)
    assert before is not None
    assert before.value == 81
    assert timeline.last("29463-7", START - 1) is None
    assert timeline.series("29463-7", START + DAY_S, START + 3 * DAY_S).values.tolist() == [81, 82]
    assert "29463-7" in timeline
    assert "8867-4" not in timeline
    assert not len(timeline.series("8867-4"))


def test_observations_of_two_patients_are_no_timeline():
    people = [Person(identity=identity(name, "1960-01-01")) for name in ("A", "B")]
    with pytest.raises(BadInput, match="different patients"):
        Timeline([made("8867-4", [START], [60], person=person) for person in people])


def test_events_come_once_and_keep_their_source():
    event = Event(kind="condition", code="1", display="x", start_s=START)
    one, other = (made("8867-4", [START], [60 + n], source=s, events=(event,)) for n, s in enumerate("ab"))
    later = made(
        "8867-4", [START], [70], source="c", events=(Event(kind="note", code="2", display="y", start_s=START - 1),)
    )
    timeline = Timeline([one, other, later])
    assert [e.display for e in timeline.events] == ["y", "x"]
    assert [timeline.sources[e.source].name for e in timeline.events] == ["c", "a"]


def test_steps_of_two_devices_are_not_added_up_and_a_night_belongs_to_the_day_it_ends():
    hours = START + 3600 * np.arange(8, 12)
    watch = made("55423-8", hours, [100, 200, 300, 400], source="watch", durations=3600)
    phone = made("55423-8", hours + 5, [90, 150, 0, 0], source="phone", durations=3600)
    days, steps = Timeline([watch, phone]).series("55423-8").daily()
    assert steps.tolist() == [1000]
    assert days.tolist() == [START + 12 * 3600]
    night = made("93832-4", [START - 3600], [7.0], durations=8 * 3600)
    assert Timeline([night]).series("93832-4").daily()[0].tolist() == [START + 12 * 3600]


@pytest.mark.parametrize(
    ("how", "expected"), [("mean", 62), ("median", 61), ("min", 60), ("max", 65), ("last", 65), ("count", 3)]
)
def test_a_day_by_the_patients_own_clock(how, expected):
    late = START + 23.5 * 3600  # in Berlin half past midnight of the next day
    series = Timeline([made("8867-4", [late - 7200, late, late + 60, late + 120], [99, 60, 61, 65], offset=60)]).series(
        "8867-4"
    )
    days, values = series.daily(how)
    assert values.tolist()[1] == expected
    assert np.diff(days).tolist() == [DAY_S]


# -- windows


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=3000),
    st.floats(-1e5, 1e6),
    st.floats(1, 1.2e6),
    st.integers(1, 40),
)
def test_a_window_shows_every_extreme_and_counts_every_sample_once(times, first, length, pixels):
    times = np.sort(np.array(times))
    values = np.sin(times * 1e3) * 100
    found = Pyramid(times, values).window(first, first + length, pixels)
    inside = values[(times >= first) & (times <= first + length)]
    assert len(found) <= max(pixels, 1)
    assert (np.diff(found.times_s) >= 0).all()
    if len(times) <= 32 * pixels:  # nothing is grouped
        assert found.count.sum() == len(inside)
        if len(inside):
            assert found.low.min() == inside.min()
            assert found.high.max() == inside.max()
            assert np.sum(found.mean * found.count) == pytest.approx(inside.sum(), abs=1e-6)


def test_a_spike_among_a_million_is_never_lost_and_a_gap_stays_a_gap():
    times = START + np.arange(1_000_000) * 60.0
    values = np.full(1_000_000, 70.0)
    values[654_321] = 190.0
    keep = np.ones(1_000_000, bool)
    keep[300_000:400_000] = False
    series = Timeline([made("8867-4", times[keep], values[keep])])
    whole = series.window("8867-4", times[0], times[-1], 1000)
    assert len(whole) == pytest.approx(900, abs=3)
    assert whole.high.max() == 190
    assert whole.count.sum() == 900_000
    assert not ((whole.times_s > times[301_000]) & (whole.times_s < times[399_000])).any()
    near = series.window("8867-4", times[654_000], times[655_000], 500)
    assert whole.times_s[np.argmax(whole.high)] == pytest.approx(times[654_321], abs=600 * 60)
    assert near.times_s[np.argmax(near.high)] == pytest.approx(times[654_321], abs=180)


def test_stretches_are_the_same_whether_joined_from_samples_or_from_finer_stretches():
    rng = np.random.default_rng(3)
    times = START + np.cumsum(rng.uniform(1, 9, 300_001))
    values = rng.standard_normal(300_001)
    zoomed = Pyramid(times, values)
    for last in (2_000, 20_000, 100_000):  # finer ones first
        zoomed.window(times[0], times[last], 10)
    fresh, found = Pyramid(times, values).window(times[0], times[-1], 100), zoomed.window(times[0], times[-1], 100)
    for one in (fresh, found):
        assert one.count.sum() == len(values)
        assert np.sum(one.mean * one.count) == pytest.approx(values.sum(), abs=1e-8)
        assert np.sum((one.times_s - START) * one.count) == pytest.approx((times - START).sum(), rel=1e-12)
        assert (one.low.min(), one.high.max()) == (values.min(), values.max())
    np.testing.assert_array_equal(found.count, fresh.count)
    np.testing.assert_allclose(found.mean, fresh.mean, atol=1e-12)


def test_a_window_of_nothing_is_empty():
    assert not len(Timeline([]).window("8867-4", 0, 1, 100))
    assert not len(Pyramid(np.array([5.0]), np.array([1.0])).window(6, 7, 100))
