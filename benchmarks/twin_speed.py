"""How long a twin takes: calibrated, a reading taken in (with the state read from disk), a forecast of 200 members, scenarios compared.

Usage: python benchmarks/twin_speed.py [MODEL ...]

Beside each stands the plain way in the same run: for a reading, the model run once for every member instead of its quadratic; for
an ensemble, one member after the other; for three scenarios, three forecasts each by itself. Seconds are of the processor, so that
a busy machine tells the same.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import numpy as np

from organtwin.model import Intervention, Scenario, TwinState
from organtwin.physiology import model as physiology
from organtwin.store import load_object, save_object
from organtwin.timeline.days import DAY_S
from organtwin.twin.assimilation import Tracker
from organtwin.twin.calibration import Settings, calibrate
from organtwin.twin.comparison import compare
from organtwin.twin.forecast import forecast
from organtwin.twin.prior import Prior
from organtwin.twin.readings import Readings

MEASURED = {
    "circulation": ("systolic", "diastolic", "heart_rate"),
    "respiration": ("spo2", "respiratory_rate"),
    "glucose": ("sensor_glucose",),
}
START_S = 1.7e9
SCENARIOS = {
    "circulation": Scenario(
        name="amlodipine",
        interventions=(Intervention(kind="vasodilator", options={"drug": "amlodipine", "dose": "5 mg"}),),
    )
}


def patient(model: physiology.Physiology, keys: tuple[str, ...], rng: np.random.Generator) -> Readings:
    """A year at home twice a day; of a model that follows minutes two weeks of a sensor."""
    step, days = (0.5, 365.0) if model.pace == "day" else (5.0 / 1440.0, 14.0)
    times = START_S + np.arange(0.0, days, step) * DAY_S
    theta = Prior.of(model).parameters(np.zeros((1, len(Prior.of(model)))))
    level = model.simulator().run(theta, model.at_rest(), np.zeros(1)).readings[0, 0]
    parts = []
    for key in keys:
        place = model.reading(key)
        noise = np.full(len(times), model.readings[place].noise)
        values = level[place] + noise * rng.standard_normal(len(times))
        parts.append(Readings.in_order(times, values, np.full(len(times), place), noise, np.zeros(len(times))))
    return Readings.none().with_(parts)


def median(repeats: int, function: Callable[[], object]) -> tuple[float, object]:
    times, made = [], None
    for _ in range(repeats):
        began = time.process_time()
        made = function()
        times.append(time.process_time() - began)
    return float(np.median(times)), made


def main() -> None:
    for name in sys.argv[1:] or [n for n in MEASURED if n in physiology.names()]:
        model = physiology.find(name)
        readings = patient(model, MEASURED[name], np.random.default_rng(0))
        calibrate(model, readings, Settings(members=40))  # compiles
        seconds, state = median(3, lambda m=model, r=readings: calibrate(m, r))
        assert isinstance(state, TwinState)
        print(f"{name}: calibration, {len(state.weights)} members, {len(readings)} readings: {seconds:.2f} s")
        place = readings.places[0]
        with tempfile.TemporaryDirectory() as folder:
            at = save_object(state, Path(folder))

            def from_disk(at: Path = at, m: physiology.Physiology = model, p: int = int(place)) -> object:
                known = load_object(at)
                assert isinstance(known, TwinState)
                level = next(q.value for q in known.quantities if q.name == m.readings[p].title)
                fresh = Readings.from_values(m, known.at_s + 300.0, {m.readings[p].key: level})
                return Tracker(m, known).update(fresh)

            print(
                f"{name}: a reading, state read from disk, twin begun and updated: {1e3 * median(9, from_disk)[0]:.0f} ms"
            )
        tracker = Tracker(model, state)

        def held(tracker: Tracker = tracker, m: physiology.Physiology = model, p: int = int(place)) -> object:
            value = float(tracker.predicted[:, p].mean())
            fresh = Readings.from_values(m, tracker.at_s + 300.0, {m.readings[p].key: value})
            return tracker.update(fresh)

        theta, times = np.asarray(state.parameters), np.array([0.0, 300.0])
        drives, simulator = np.repeat(model.at_rest(), 2, axis=0), model.simulator()

        def together(s=simulator, p=theta, d=drives, t=times) -> object:  # type: ignore[no-untyped-def]
            return s.run(p, d, t)

        def one_by_one(s=simulator, p=theta, d=drives, t=times) -> object:  # type: ignore[no-untyped-def]
            return [s.run(p[k : k + 1], d, t) for k in range(len(p))]

        took, whole = median(50, held)[0], median(9, together)[0]
        beside = f", {took / whole:.2f} of running the model for all members" if model.pace == "day" else ""
        print(f"{name}: a reading, twin held in memory: {1e3 * took:.1f} ms{beside}")
        print(
            f"{name}: {len(theta)} members together {1e3 * whole:.0f} ms, {whole / median(3, one_by_one)[0]:.2f} of one after the other"
        )
        days = 30.0 if model.pace == "day" else 1.0
        seconds = median(3, lambda m=model, s=state, r=readings, d=days: forecast(m, s, r, days=d))[0]
        print(f"{name}: forecast, 200 members, {days:g} days, with the check on the patient's past: {seconds:.2f} s")
        tried = SCENARIOS.get(name)
        if tried is not None:
            three = [tried.with_(uuid=str(uuid4()), name=f"{n}") for n in range(3)]
            compared = median(3, lambda m=model, s=state, r=readings, x=three: compare(m, s, r, x))[0]
            apart = median(
                1,
                lambda m=model, s=state, r=readings, x=three: [
                    forecast(m, s, r, days=90.0, scenario=o) for o in (None, *x)
                ],
            )[0]
            print(
                f"{name}: three scenarios against going on as now, 90 days: {compared:.2f} s, {compared / apart:.2f} of four forecasts"
            )


if __name__ == "__main__":
    main()
