"""Glucose and insulin against the S2008 simulator, the meal model's own table, and what must hold of the equations."""

from __future__ import annotations

import csv
import time
from importlib.resources import files

import numpy as np

from organtwin.monitor import Monitor
from organtwin.physiology.model import Floats
from organtwin.validation import Case, Row
from organtwin_solvers.physiology.glucose import kernel
from organtwin_solvers.physiology.glucose.manifest import MODEL
from organtwin_solvers.physiology.glucose.simulator import Glucose, constants_of, fasting

S2008 = "simglucose 0.2.11 (S2008, Kovatchev et al. 2009)"
MEAL_MODEL = "Dalla Man et al. 2007, IEEE Trans Biomed Eng 54:1740, table 1 (normal)"
EATEN_G_PER_MIN = 5.0
# meals g and boluses U by minute, basal change; children and adolescents take parts of them
COURSES: dict[str, tuple[dict[int, float], dict[int, float], float]] = {
    "60 g, basal only": ({60: 60.0}, {}, 0.0),
    "three meals with boluses": ({60: 45.0, 360: 70.0, 720: 80.0}, {60: 4.0, 360: 6.0, 720: 7.0}, 0.0),
    "bolus 3 U, fasting": ({}, {30: 3.0}, 0.0),
    "a third less basal": ({}, {}, -0.33),
    "two meals close": ({60: 30.0, 90: 60.0}, {60: 5.0}, 0.0),
}
MINUTES = 1080
# From the reference file of the benchmark: fasting, highest (sensor) and after 8 h, mg/dL, of 60 g at minute 60
PUBLISHED = {
    "adult#001": (138.56, 226.39, 187.06),
    "adult#005": (142.67, 238.74, 195.80),
    "adolescent#001": (149.02, 202.22, 164.38),
    "child#001": (141.205, 446.82, 350.17),
}


def patients() -> dict[str, Floats]:
    """Parameters (p) of the simulator's virtual patients by name."""
    with files("organtwin_solvers.validation").joinpath("data/s2008/patients.csv").open(encoding="utf-8") as file:
        found = {}
        for row in csv.DictReader(file):
            person = MODEL.defaults()[0]
            for key, value in row.items():
                if key != "patient":
                    person[MODEL.parameter(key)] = float(value)
            person[MODEL.parameter("own_insulin")] = person[MODEL.parameter("production_by_portal_insulin")] = 0.0
            found[row["patient"]] = person
    return found


def course(
    person: Floats, meals: dict[int, float], boluses: dict[int, float], basal: float, minutes: int = MINUTES
) -> Floats:
    """Readings (minutes + 1, r), a minute apart."""
    drives = MODEL.at_rest(minutes + 1)
    left = 0.0
    for minute in range(minutes + 1):
        left += meals.get(minute, 0.0)
        eaten = min(left, EATEN_G_PER_MIN)
        drives[minute, MODEL.drive("carbohydrates")] = eaten
        left -= eaten
    for minute, units in boluses.items():
        drives[minute, MODEL.drive("insulin")] = units
    drives[:, MODEL.drive("basal_change")] = basal
    start = fasting(constants_of(person[None], MODEL.at_rest()))  # the pump stops at once: not settled without it
    readings: Floats = (
        Glucose().run(person[None], drives, 60.0 * np.arange(minutes + 1, dtype=np.float64), start).readings[0]
    )
    return readings


def run(quick: bool, monitor: Monitor) -> list[Row]:
    known = patients()
    sensor, insulin = MODEL.reading("sensor_glucose"), MODEL.reading("insulin")
    rows = []
    for name, (at_first, highest, at_last) in PUBLISHED.items():
        found = course(known[name], {60: 60.0}, {}, 0.0, 480)[:, sensor]
        rows += [
            Row(f"{name}: {what}", wanted, float(got), "mg/dL", 2.0, S2008)
            for what, wanted, got in (
                ("fasting", at_first, found[0]),
                ("highest after 60 g", highest, found.max()),
                ("8 h", at_last, found[480]),
            )
        ]
    monitor.progress(0.3, "glucose: courses of virtual patients")
    with files("organtwin_solvers.validation").joinpath("data/s2008/courses.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    for name in dict.fromkeys(row["patient"] for row in table):
        started, worst = time.perf_counter(), {"interstitial glucose": 0.0, "plasma insulin": 0.0}
        meal_part, bolus_part = (
            (0.5, 1.0 / 3.0) if name.startswith("child") else (1.0, 1.0 / 1.5 if name.startswith("adol") else 1.0)
        )
        for title, (meals, boluses, basal) in COURSES.items():
            got = course(
                known[name],
                {t: g * meal_part for t, g in meals.items()},
                {t: u * bolus_part for t, u in boluses.items()},
                basal,
            )
            for row in table:
                if row["patient"] == name and row["course"] == title:
                    wanted, place = (
                        float(row["value"]),
                        sensor if row["quantity"] == "interstitial glucose" else insulin,
                    )
                    if wanted > 1.0:
                        error = abs(got[int(row["minute"]), place] / wanted - 1.0)
                        worst[row["quantity"]] = max(worst[row["quantity"]], float(error))
        seconds = time.perf_counter() - started
        rows += [
            Row(f"{name}: greatest deviation of {what} in five courses", 0.0, error, "", 2.0, S2008, "1 min", seconds)
            for what, error in worst.items()
        ]
    monitor.progress(0.8, "glucose: the meal model's table, order, balance")
    return rows + table_rows() + [order_row(known["adult#001"]), steady_row(known["adult#001"]), a1c_row()]


def table_rows() -> list[Row]:
    """What follows from the fasting state of the normal subject against the published table."""
    c = constants_of(MODEL.defaults(), MODEL.at_rest())[0]
    return [
        Row("normal: production at nothing (kp1)", 2.70, float(c[kernel.C["kp1"]]), "mg/kg/min", 2.0, MEAL_MODEL),
        Row("normal: uptake without insulin (Vm0)", 2.50, float(c[kernel.C["vm0"]]), "mg/kg/min", 2.0, MEAL_MODEL),
        Row("normal: extraction without secretion (m6)", 0.6471, float(c[kernel.C["heb"]] + c[kernel.C["m5"]] * c[kernel.C["sb"]]), "",
            2.0, MEAL_MODEL),
    ]  # fmt: skip


def order_row(person: Floats) -> Row:
    """Of the state four hours after an infusion of insulin."""
    started = time.perf_counter()
    c = constants_of(person[None], MODEL.at_rest())
    inputs = np.array([[[0.0, 0.002, 0.0]]])

    def state(step_min: float) -> Floats:
        y = fasting(c)
        kernel.march(y, c, inputs, np.array([240.0]), step_min, 1e9, np.empty((1, 1, len(kernel.SEEN))))
        return y[0, : kernel.SC2 + 1]

    exact = state(0.0625)
    coarse, fine = (float(np.linalg.norm(state(h) - exact)) for h in (2.0, 1.0))
    return Row(
        "order of convergence: state in time", 4.0, float(np.log2(coarse / fine)), "", 10.0, "theory, Runge-Kutta", "2 and 1 min",
        time.perf_counter() - started, at_least=True,
    )  # fmt: skip


def steady_row(person: Floats) -> Row:
    fasted = course(person, {}, {}, 0.0)[:, MODEL.reading("plasma_glucose")]
    return Row(
        "fasting stays: greatest move in 18 h, of glucose",
        0.0,
        float(np.abs(fasted / fasted[0] - 1.0).max()),
        "",
        0.01,
        "steady state",
    )


def a1c_row() -> Row:
    person = MODEL.defaults()
    person[0, MODEL.parameter("fasting_glucose")] = 154.0
    found = (
        Glucose().run(person, MODEL.at_rest(2), np.array([0.0, 30 * 86400.0])).readings[0, 1, MODEL.reading("hba1c")]
    )
    return Row(
        "HbA1c at a mean of 154 mg/dL",
        7.0,
        float(found),
        "%",
        1.0,
        "Nathan et al. 2008, Diabetes Care 31:1473, table 2",
    )


CASE = Case("glucose", "Glucose and insulin of virtual patients", run)
