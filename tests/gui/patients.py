"""A small patient over time: two months of readings, what happened, and what was set aside."""

from __future__ import annotations

import json

import numpy as np

from organtwin.model import Estimate, Event, Forecast, Observations, Person, Quantity, Recipe, Source, TwinState
from organtwin.model.forecast import LEVELS
from organtwin.timeline.days import DAY_S

BEGIN_S = 1_700_000_000.0


def readings(pulses: int = 5000, days: int = 60) -> Observations:
    """Pressure every day, the pulse all day long, steps by the hour; UTC+1."""
    rng = np.random.default_rng(1)
    pulse_s = BEGIN_S + np.sort(rng.uniform(0, days * DAY_S, pulses))
    daily_s = BEGIN_S + np.arange(days) * DAY_S + 8 * 3600
    hourly_s = BEGIN_S + np.arange(days * 24) * 3600.0
    columns = [
        ("8480-6", daily_s, 140 + rng.normal(0, 5, days)),
        ("8462-4", daily_s, 88 + rng.normal(0, 4, days)),
        ("8867-4", pulse_s, 70 + rng.normal(0, 6, pulses)),
        ("55423-8", hourly_s, np.full(days * 24, 100.0)),
    ]
    times, values = (np.concatenate([c[k] for c in columns]) for k in (1, 2))
    code = np.concatenate([np.full(len(c[1]), n) for n, c in enumerate(columns)])
    order = np.argsort(times, kind="stable")
    n = len(times)
    aside = [
        {
            "reason": "unit",
            "said": "A heart rate cannot be in mmHg",
            "place": "a.json, entry 4",
            "raw": '{"value": 72}',
        },
        {"reason": "impossible", "said": "1200 mmHg cannot be", "place": "a.json, entry 9", "raw": '{"value": 1200}'},
        {"reason": "unit", "said": "A weight cannot be in cm", "place": "b.csv, line 3", "raw": "2024-01-01,80 cm"},
    ]
    return Observations(
        name="Readings", person=Person(identity="a", sex="female", birth_year=1961), codes=tuple(c[0] for c in columns),
        sources=(Source(name="a.json", format="fhir", device="Cuff"),), times_s=times[order],
        durations_s=np.zeros(n, np.float32), offset_min=np.full(n, 60, np.int16), values=values[order],
        code=code[order].astype(np.uint16), source=np.zeros(n, np.uint16),
        events=(
            Event(kind="condition", code="38341003", display="Hypertension", start_s=BEGIN_S - 100 * DAY_S),
            Event(kind="medication", code="x", display="Amlodipine", start_s=BEGIN_S + 20 * DAY_S),
            Event(kind="imaging", code="CT", display="CT", start_s=BEGIN_S + 30 * DAY_S, detail={"study": "1.2.3.4"}),
        ),
        quarantine=np.frombuffer("\n".join(json.dumps(q) for q in aside).encode(), np.uint8),
    )  # fmt: skip


def state(of: Observations, days: int = 60) -> TwinState:
    """A twin of the circulation as if it had been calibrated, with a beat."""
    from organtwin.physiology.model import find

    model = find("circulation")
    phase = np.linspace(0, 1, 50)
    volume = 90 + 40 * np.cos(2 * np.pi * phase)
    pressure = 60 - 55 * np.sin(2 * np.pi * phase)
    return TwinState(
        name="Twin", model="circulation", at_s=BEGIN_S + days * DAY_S, keys=tuple(p.key for p in model.parameters),
        parameters=model.defaults(20), state=np.zeros((20, 13)), weights=np.full(20, 0.05),
        estimates=(
            Estimate(key="heart_rate", unit="/min", prior=70, prior_sd=10, value=72, sd=1, low=70, high=74, learned=0.9),
            Estimate(key="contractility", unit="mm[Hg]/mL", prior=2.6, prior_sd=0.8, value=2.6, sd=0.8, low=1.3, high=4.1,
                     learned=0.03, with_="systemic_resistance"),
        ),
        quantities=(
            Quantity(name="Systolic pressure", value=138.0, unit="mm[Hg]", why="5 to 95 %: 130 to 146"),
            Quantity(name="Diastolic pressure", value=86.0, unit="mm[Hg]", why="5 to 95 %: 82 to 90"),
            Quantity(name="Heart rate", value=72.0, unit="/min", why="5 to 95 %: 70 to 74"),
            Quantity(name="Mean arterial pressure", value=103.0, unit="mm[Hg]", why="5 to 95 %: 98 to 108"),
            Quantity(name="Central venous pressure", value=4.5, unit="mm[Hg]", why="5 to 95 %: 3 to 6"),
            Quantity(name="Cardiac output", value=4.8, unit="L/min", why="5 to 95 %: 4 to 5.6"),
        ),
        fit=(Quantity(name="Systolic pressure", value=-2.0, unit="mm[Hg]", level="good", why="measured 140, twin 138"),),
        used={"8480-6": 60}, method="by hand",
        curves={
            "time_s": phase * 0.8,
            "left_ventricular_volume_mL": np.stack([0.9 * volume, volume, 1.1 * volume]),
            "left_ventricular_pressure_mmHg": np.stack([0.9 * pressure, pressure, 1.1 * pressure]),
        },
        recipe=Recipe(operation="calibrate", inputs={"observations-1": of.uuid}),
    )  # fmt: skip


def forecast(of: TwinState, scenario: str = "", change: float = 0.0, days: float = 90.0) -> Forecast:
    """Systolic pressure and heart rate over some days; ``change`` is added to the pressure, more or less in some."""
    times = of.at_s + np.arange(1, int(days) + 1) * DAY_S
    z = np.array([-1.645, -0.674, 0.0, 0.674, 1.645])[:, None]
    rows = [np.full(len(times), middle) + z * sd for middle, sd in ((138.0 + change, 6.0), (72.0, 3.0))]
    changes = np.array([np.full(len(times), change) + z * 2.0, np.zeros((5, len(times)))]) if scenario else None
    return Forecast(
        name="Forecast", model="circulation", scenario=scenario, keys=("systolic", "heart_rate"), units=("mm[Hg]", "/min"),
        loinc=("8480-6", "8867-4"), levels=LEVELS, times_s=times, quantiles=np.array(rows), changes=changes, members=20,
        assumes=("Law et al., BMJ 326:1427, 2003",) if change else (), checked="90 % intervals held 91 % of 24.",
        recipe=Recipe(operation="forecast", parameters={"days": days}, inputs={"state": of.uuid}),
    )  # fmt: skip
