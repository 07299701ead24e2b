"""Glucose and insulin at work: from a person's parameters to constants of the equations, a fasting state, and its course."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from organtwin.physiology.model import Floats, Run
from organtwin_solvers.physiology.ensemble import each_member, in_parts
from organtwin_solvers.physiology.glucose.kernel import (
    CONSTANTS,
    GP,
    MEAN,
    PMOL_PER_UNIT,
    SEEN,
    STATES,
    STEP_MIN,
    C,
    march,
)
from organtwin_solvers.physiology.glucose.manifest import MODEL

INPUTS = ("carbohydrates", "insulin", "exercise")
LONG_MIN = 240.0  # a longer step under constant drives stops when nothing moves any more
DAY_MIN = 1440.0
DAY_STEP_MIN = 5.0
MEALS = ((8.0, 0.25), (13.0, 0.4), (19.0, 0.35))  # hour and part of the day's carbohydrates, of curves()
USUAL_CARBOHYDRATES_G = 200.0
EATING_MIN = 15.0
MOST_ALL_DAY_G_PER_MIN = 0.5  # more than that is a meal, not the mean of a day


class Glucose:
    """Simulator of the model "glucose"."""

    def run(self, parameters: Floats, drives: Floats, times_s: Floats, state: Floats | None = None) -> Run:
        """Minute by minute from ``times_s[0]``; without a state from the steady one under the first drives (fasting as a rule)."""
        members, times = len(parameters), len(times_s)
        drives = each_member(drives, members, times)
        y = self.settled(parameters, drives[:, 0]) if state is None else np.array(state, dtype=float)
        readings = np.empty((members, times, len(MODEL.readings)))
        minutes = np.append(np.diff(np.asarray(times_s, dtype=float)) / 60.0, 0.0)
        slow = drives[:, :, [k for k, d in enumerate(MODEL.drives) if d.key not in INPUTS]]
        changes = np.flatnonzero(np.any(slow[:, 1:] != slow[:, :-1], axis=(0, 2))) + 1
        for begin, end in pairwise([0, *changes.tolist(), times]):
            constants = constants_of(parameters, drives[:, begin])
            seen = _march(y, constants, inputs_of(drives[:, begin:end]), minutes[begin:end])
            readings[:, begin:end] = readings_of(seen, constants)
        return Run(readings, y)

    def settled(self, parameters: Floats, drives: Floats) -> Floats:
        """Steady state (m, s) under drives (m, d), but for what passes: a meal, a bolus, exercise."""
        drives = np.array(drives)
        drives[:, [MODEL.drive("insulin"), MODEL.drive("exercise")]] = 0.0
        eaten = drives[:, MODEL.drive("carbohydrates")]
        eaten[eaten > MOST_ALL_DAY_G_PER_MIN] = 0.0
        y = fasting(constants_of(parameters, np.zeros_like(drives)))
        if np.any(drives):
            constants = constants_of(parameters, drives)
            _march(y, constants, inputs_of(drives[:, None]), np.array([4.0 * DAY_MIN]))
            y[:, MEAN] = y[:, GP] / constants[:, C["vg"]]
        return y

    def curves(self, parameters: Floats, drives: Floats, state: Floats | None = None) -> Mapping[str, Floats]:
        """A day from midnight with three meals of the drives' carbohydrates (200 g where there are none): "time_s" (n) and
        courses (m, n)."""
        members = len(parameters)
        drives = each_member(drives, members, 1)[:, 0]
        times_min = np.arange(0.0, DAY_MIN + DAY_STEP_MIN, DAY_STEP_MIN)
        eaten = drives[:, MODEL.drive("carbohydrates")] * DAY_MIN
        eaten = np.where(eaten > 0.0, eaten, USUAL_CARBOHYDRATES_G)
        day = np.repeat(drives[:, None], len(times_min), axis=1)
        day[:, :, MODEL.drive("carbohydrates")] = 0.0
        for hour, part in MEALS:
            eating = (times_min >= 60.0 * hour) & (times_min < 60.0 * hour + EATING_MIN)
            day[:, eating, MODEL.drive("carbohydrates")] = (eaten * part / EATING_MIN)[:, None]
        run = self.run(parameters, day, 60.0 * times_min, state)
        names = {
            "plasma_glucose": "glucose_mg_per_dL",
            "sensor_glucose": "sensor_mg_per_dL",
            "insulin": "insulin_pmol_per_L",
        }
        return {
            "time_s": 60.0 * times_min,
            **{new: run.readings[:, :, MODEL.reading(key)] for key, new in names.items()},
        }


def constants_of(parameters: Floats, drives: Floats) -> Floats:
    """Constants (m, k) of the equations of persons (m, p) under drives (m, d).

    What depends on the fasting state follows from it, as in the S2008 simulator: the person's basal insulin is that which keeps
    ``fasting_insulin`` up, and production and uptake balance at ``fasting_glucose``.
    """
    p = {q.key: parameters[:, k] for k, q in enumerate(MODEL.parameters)}
    d = {q.key: drives[:, k] for k, q in enumerate(MODEL.drives)}
    c = np.zeros((len(parameters), len(CONSTANTS)))

    def put(**values: Floats) -> None:
        for name, value in values.items():
            c[:, C[name]] = value

    vi, weight, heb, m1 = p["insulin_volume"], p["body_weight"], p["hepatic_extraction"], p["m1"]
    m2 = 0.6 * p["insulin_clearance"] / (heb * vi * weight)
    m4 = 0.4 * p["insulin_clearance"] / (vi * weight)
    m3 = m1 * heb / (1.0 - heb)
    ipb = p["fasting_insulin"] * vi
    secretion = p["own_insulin"] * ((m1 + m3) * (m2 + m4) / m1 - m2) * ipb
    liver = (m2 * ipb + secretion) / (m1 + m3)
    basal = (m2 + m4) * ipb - m1 * liver
    gpb = p["fasting_glucose"] * p["glucose_volume"]
    excreted = p["renal_rate"] * np.maximum(gpb - p["renal_threshold"], 0.0)
    gtb = (p["uptake_constant"] + excreted - p["production"] + p["k1"] * gpb) / p["k2"]
    vm0 = (p["production"] - p["uptake_constant"] - excreted) * (p["uptake_half"] + gtb) / gtb
    kp3 = p["production_by_insulin"] * p["sensitivity"]
    kp4 = p["production_by_portal_insulin"] * p["own_insulin"]
    vmx = p["uptake_by_insulin"] * p["sensitivity"]
    kp1 = (
        p["production"]
        + p["production_by_glucose"] * gpb
        + kp3 * p["fasting_insulin"]
        + kp4 * secretion / p["portal_rate"]
    )
    sensitivity = np.maximum(0.05, 1.0 + d["sensitivity_change"])
    answer = p["own_insulin"] * np.maximum(0.0, 1.0 + d["secretion_change"])
    speed = np.maximum(0.1, 1.0 + d["absorption_change"])
    now = np.maximum(10.0, weight + d["weight_change"])
    put(
        weight=now, kabs=p["absorption"] * speed, kmax=p["emptying_fast"] * np.minimum(speed, 1.0),
        kmin=np.minimum(p["emptying_slow"], p["emptying_fast"]) * np.minimum(speed, 1.0),
        b=p["emptying_b"], d=p["emptying_d"], f=p["bioavailability"], vg=p["glucose_volume"], vi=vi, k1=p["k1"], k2=p["k2"],
        kp1=kp1, kp2=p["production_by_glucose"], kp3=kp3 * sensitivity, kp4=kp4 * sensitivity, ke1=p["renal_rate"],
        ke2=p["renal_threshold"], fcns=p["uptake_constant"], vm0=vm0,
        vmx=vmx * sensitivity, vmx_rest=vmx, km0=p["uptake_half"], p2u=p["action_delay"], ki=p["production_delay"], m1=m1, m2=m2,
        m4=m4, m5=p["m5"] * p["own_insulin"], heb=heb, ib=p["fasting_insulin"], gb=p["fasting_glucose"], sb=secretion,
        alpha=p["beta_rate"], beta=p["beta_static"] * answer, k=p["beta_dynamic"] * answer, gamma=p["portal_rate"],
        ka1=p["depot_fast"], ka2=p["depot_slow"], kd=p["depot_rate"], ksc=p["sensor_rate"],
        basal=basal * np.maximum(0.0, 1.0 + d["basal_change"]) * weight / now, production=np.maximum(0.0, 1.0 + d["production_change"]),
        glycation_min=p["glycation_time"] * DAY_MIN,
        excretion=np.maximum(0.0, d["excretion"]) / (now * p["glucose_volume"]),
    )  # fmt: skip
    return c


def fasting(c: Floats) -> Floats:
    """The steady state (m, s) that the constants were made from."""
    y = np.zeros((len(c), len(STATES)))
    v = {name: c[:, k] for name, k in C.items()}
    excreted = v["ke1"] * np.maximum(v["gb"] * v["vg"] - v["ke2"], 0.0)
    production = v["kp1"] - v["kp2"] * v["gb"] * v["vg"] - v["kp3"] * v["ib"] - v["kp4"] * v["sb"] / v["gamma"]
    y[:, STATES.index("plasma")] = y[:, STATES.index("interstitial")] = v["gb"] * v["vg"]
    y[:, STATES.index("tissue")] = (v["fcns"] + excreted - production + v["k1"] * v["gb"] * v["vg"]) / v["k2"]
    y[:, STATES.index("insulin")] = v["ib"] * v["vi"]
    y[:, STATES.index("delayed")] = y[:, STATES.index("delayed_twice")] = v["ib"]
    y[:, STATES.index("liver")] = ((v["m2"] + v["m4"]) * v["ib"] * v["vi"] - v["basal"]) / v["m1"]
    y[:, STATES.index("depot")] = v["basal"] / (v["kd"] + v["ka1"])
    y[:, STATES.index("depot_slow")] = v["kd"] * y[:, STATES.index("depot")] / v["ka2"]
    y[:, STATES.index("portal")] = v["sb"] / v["gamma"]
    y[:, STATES.index("mean")] = v["gb"]
    y[~np.isfinite(c).all(1)] = np.nan
    return y


def inputs_of(drives: Floats) -> Floats:
    """(m, n, 3): carbohydrates g/min, insulin U/min, effort."""
    taken = np.stack([drives[:, :, MODEL.drive(key)] for key in INPUTS], axis=2)
    taken = np.maximum(taken, 0.0)
    taken[:, :, 2] = np.minimum(taken[:, :, 2], 1.0)
    return taken


def readings_of(seen: Floats, c: Floats) -> Floats:
    """Readings (m, n, r) in the manifest's order, of ``seen`` (m, n, 6) of the kernel."""
    plasma, interstitial, mean, insulin, depot, depot_slow = np.moveaxis(seen, 2, 0)
    vg, vi, weight = (c[:, C[name], None] for name in ("vg", "vi", "weight"))
    glucose = np.maximum(plasma, 0.0) / vg
    columns = {
        "plasma_glucose": glucose,
        "blood_glucose": glucose,
        "capillary_glucose": glucose,
        "sensor_glucose": np.maximum(interstitial, 0.0) / vg,
        "mean_glucose": mean,
        "hba1c": (mean + 46.7) / 28.7,
        "insulin": insulin / vi,
        "insulin_on_board": (depot + depot_slow) * weight / PMOL_PER_UNIT,
    }
    return np.stack([columns[r.key] for r in MODEL.readings], axis=2)


def _march(y: Floats, constants: Floats, inputs: Floats, minutes: Floats) -> Floats:
    seen = np.empty((len(y), len(minutes), len(SEEN)))
    in_parts(len(y), lambda s: march(y[s], constants[s], inputs[s], minutes, STEP_MIN, LONG_MIN, seen[s]))
    return seen
