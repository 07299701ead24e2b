"""Change detection on one patient: what counts as evidence, and what does not fool it."""

from __future__ import annotations

import numpy as np
import pytest

from organtwin.twin.drift import Daily, Settings, daily, detect, threshold


def series(values: np.ndarray, keep: np.ndarray | None = None) -> Daily:
    kept = np.isfinite(values) if keep is None else keep
    return Daily(np.flatnonzero(kept).astype(np.int64), np.asarray(values, float)[kept])


def noise(seed: int, days: int = 120, correlation: float = 0.3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    made = rng.standard_normal(days)
    for day in range(1, days):
        made[day] = correlation * made[day - 1] + np.sqrt(1 - correlation**2) * made[day]
    return made


def test_a_ramp_is_found_and_dated() -> None:
    for seed in range(5):
        values = 80 + 0.5 * noise(seed)
        values[100:] += np.linspace(0.1, 2.0, 20)
        drift = detect([series(values)], ["rise"], 119)
        assert drift is not None
        assert drift.found
        assert abs(drift.onset_day - 100) <= 8
        assert drift.moved[0].level == pytest.approx(80, abs=0.4)
        assert drift.moved[0].change == pytest.approx(2.0, abs=0.8)


def test_a_steady_patient_and_the_other_direction_are_not() -> None:
    found = [detect([series(80 + 0.5 * noise(seed))], ["rise"], 119) for seed in range(20)]
    assert sum(d is not None and d.found for d in found) <= 2
    falling = 80 + 0.5 * noise(1)
    falling[100:] -= 2.0
    assert not detect([series(falling)], ["rise"], 119).found  # type: ignore[union-attr]
    assert detect([series(falling)], ["either"], 119).found  # type: ignore[union-attr]


def test_nothing_later_is_looked_at() -> None:
    values = 80 + 0.5 * noise(2)
    early = detect([series(values)], ["rise"], 90)
    values[91:] += 50.0
    assert detect([series(values)], ["rise"], 90) == early


def test_one_wild_reading_is_no_drift() -> None:
    values = 80 + 0.5 * noise(3)
    before = detect([series(values)], ["rise"], 119)
    values[116] = 120.0  # somebody else on the scales
    after = detect([series(values)], ["rise"], 119)
    assert before is not None
    assert after is not None
    assert after.score < before.score + 1.0


def test_a_weak_change_of_two_readings_is_found_together() -> None:
    together = 0
    for seed in range(6):
        pair = []
        for k in (0, 50):
            values = noise(seed + k)
            values[104:] += np.linspace(0.1, 2.2, 16)
            pair.append(series(values))
        alone = [detect([one], ["rise"], 119).score for one in pair]  # type: ignore[union-attr]
        joined = detect(pair, ["rise", "rise"], 119)
        assert joined is not None
        together += joined.score > max(alone)
    assert together >= 4


def test_missing_days_are_no_evidence_and_too_few_say_nothing() -> None:
    values = 80 + 0.5 * noise(4)
    keep = np.random.default_rng(0).random(120) > 0.5
    drift = detect([series(values, keep)], ["rise"], 119)
    assert drift is not None
    assert not drift.found
    assert detect([series(values[:10])], ["rise"], 9) is None
    assert detect([series(values[:60])], ["rise"], 119) is None  # nothing for weeks
    assert detect([Daily(np.zeros(0, np.int64), np.zeros(0))], ["rise"], 10) is None


def test_whole_numbers_that_hardly_vary_raise_no_false_certainty() -> None:
    values = np.full(100, 97.0)
    values[::9] = 96.0
    drift = detect([series(values)], ["fall"], 99)
    assert drift is not None
    assert not drift.found
    values[-6:] = 94.0
    assert detect([series(values)], ["fall"], 99).found  # type: ignore[union-attr]
    constant = detect([series(np.full(100, 97.0))], ["fall"], 99)
    assert constant is None or not constant.found


def test_an_old_change_becomes_the_new_level() -> None:
    values = 80 + 0.5 * noise(5, 200)
    values[100:] += 3.0
    assert detect([series(values)], ["rise"], 110).found  # type: ignore[union-attr]
    later = detect([series(values)], ["rise"], 199)
    assert later is not None
    assert not later.found


def test_days_are_the_patients_own() -> None:
    times = np.array([0.0, 23 * 3600.0, 23.5 * 3600.0, 3 * 86400.0])
    one = daily(times, np.array([1.0, 2.0, 4.0, np.nan]))
    assert one.days.tolist() == [0]
    assert one.values.tolist() == [2.0]
    east = daily(times, np.array([1.0, 2.0, 4.0, 5.0]), 120.0)
    assert east.days.tolist() == [0, 1, 3]
    assert east.values.tolist() == [1.0, 3.0, 5.0]
    assert len(daily(np.zeros(0), np.zeros(0)).days) == 0


def test_fewer_false_alarms_ask_for_more_evidence() -> None:
    for readings in (1, 2, 3, 4):
        asked = [threshold(rate, readings) for rate in (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)]
        assert asked == sorted(asked)
    assert Settings().newest_days < Settings().window_days
