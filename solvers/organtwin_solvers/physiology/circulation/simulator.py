"""The circulation at work: a person's parameters and what acts on them become circuits, and circuits settle."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from organtwin.physiology.model import Floats, Run
from organtwin_solvers.physiology.circulation.beat import MEASURED, STEP_S, TRACED, M
from organtwin_solvers.physiology.circulation.circuit import NAMES, PLACE
from organtwin_solvers.physiology.circulation.manifest import MODEL
from organtwin_solvers.physiology.circulation.settle import MOST_BEATS, settle_all, trace_all
from organtwin_solvers.physiology.ensemble import each_member, in_parts

SAMPLES = 200  # of a beat that curves() gives
START = np.array([60.0, 120.0, 55.0, 130.0, 92.0, 8.0, 15.0, 9.0, 84.0, 84.0, 84.0, 84.0, 93.0])
PUMP_HEAD_MMHG, PUMP_RESISTANCE = (
    105.0,
    0.5,
)  # at full speed; of the order of a rotary pump (compare Noor et al. 2016, Artif Organs 40:549)

# Of full exercise, fitted to Higginbotham 1986 and to 5 to 6 L of cardiac output per L of oxygen (Astrand 1964).
EXERCISE_CONDUCTANCE, EXERCISE_CONTRACTILITY, EXERCISE_VEINS_ML, EXERCISE_SETPOINT_MMHG = 2.2, 1.4, 730.0, 25.5
EXERCISE_PULMONARY, EXERCISE_SHORTENING = 1.0, 0.5


class Circulation:
    """Simulator of the model "circulation"."""

    def run(self, parameters: Floats, drives: Floats, times_s: Floats, state: Floats | None = None) -> Run:
        """Settled at each time. A member that finds no steady state has NaN readings there and begins afresh at the next."""
        members, times = len(parameters), len(times_s)
        drives = each_member(drives, members, times)
        x = np.tile(START, (members, 1)) if state is None else np.array(state, dtype=float)
        readings = np.empty((members, times, len(MODEL.readings)))
        last_circuits: Floats | None = None
        for k in range(times):
            circuits = circuits_of(parameters, drives[:, k])
            if last_circuits is None or not np.array_equal(circuits, last_circuits):
                measured = settled(x, circuits)
                last_circuits = circuits
            readings[:, k] = readings_of(measured)
        return Run(readings, x)

    def curves(self, parameters: Floats, drives: Floats, state: Floats | None = None) -> Mapping[str, Floats]:
        """A settled beat from the onset of ventricular contraction: "phase" (n) of 0 .. 1, "time_s" (n) of the first member's
        beat, "period_s" (m, 1) and the rest (m, n)."""
        members = len(parameters)
        x = np.tile(START, (members, 1)) if state is None else np.array(state, dtype=float)
        circuits = circuits_of(parameters, each_member(drives, members, 1)[:, 0])
        measured = settled(x, circuits)
        traces = np.full((members, SAMPLES, len(TRACED)), np.nan)
        fine = np.isfinite(x).all(1)
        taken, out = traces[fine], np.empty((int(fine.sum()), len(MEASURED)))
        trace_all(x[fine], circuits[fine], SAMPLES, out, taken)
        traces[fine] = taken
        phase = np.arange(SAMPLES) / SAMPLES
        period = measured[:, M["period"]]
        first = period[np.isfinite(period)]
        return {
            "time_s": phase * (first[0] if len(first) else np.nan),
            "phase": phase,
            "period_s": period[:, None],
            **{name: traces[:, :, k] for k, name in enumerate(TRACED)},
        }


def circuits_of(parameters: Floats, drives: Floats) -> Floats:
    """Circuits (m, c) of persons (m, p) under what acts on them (m, d)."""
    p = {q.key: parameters[:, k] for k, q in enumerate(MODEL.parameters)}
    d = {q.key: drives[:, k] for k, q in enumerate(MODEL.drives)}
    c = np.zeros((len(parameters), len(NAMES)))

    def put(**values: Floats | float) -> None:
        for name, value in values.items():
            c[:, PLACE[name]] = value

    effort = np.clip(d["exercise"], 0.0, 1.0)
    strength = np.maximum(0.1, (1.0 + d["contractility_change"]) * (1.0 + EXERCISE_CONTRACTILITY * effort))
    paced = d["pacing_rate"] > 0.0
    most = np.maximum(p["maximal_heart_rate"], p["heart_rate"])
    rate = p["heart_rate"] + effort * (most - p["heart_rate"]) + d["heart_rate_change"]
    dilation = np.maximum(0.1, 1.0 + d["resistance_change"]) / (1.0 + EXERCISE_CONDUCTANCE * effort)
    lungs = np.maximum(0.1, 1.0 + d["pulmonary_resistance_change"]) / (1.0 + EXERCISE_PULMONARY * effort)
    systole = p["systole"] / (1.0 + EXERCISE_SHORTENING * effort)
    put(
        rate_per_min=np.clip(np.where(paced, d["pacing_rate"], rate), 25.0, 220.0),
        paced=paced.astype(float), rate_max=most,
        elv_active=p["contractility"] * strength, elv_passive=p["stiffness"], v0_lv=p["unloaded_volume"],
        erv_active=p["right_contractility"] * strength, erv_passive=p["right_stiffness"], v0_rv=15.0,
        ela_active=0.8 * p["atrial_stiffness"] * strength, ela_passive=p["atrial_stiffness"], v0_la=4.0,
        era_active=0.4 * p["atrial_stiffness"] * strength, era_passive=0.5 * p["atrial_stiffness"], v0_ra=4.0,
        contract_v=systole, relax_v=0.5 * systole, contract_a=0.12, relax_a=0.12, lead_a=0.19,
        r_sys=p["systemic_resistance"] * dilation,
        c_sys=p["arterial_compliance"] * np.maximum(0.2, 1.0 + d["compliance_change"]), l_sys=0.005,
        z_aorta=p["aortic_impedance"] + np.maximum(0.0, d["aortic_resistance"]),
        r_vein=p["venous_resistance"] / (1.0 + EXERCISE_CONDUCTANCE * effort), c_vein=p["venous_compliance"], l_vein=0.0005,
        r_pul=p["pulmonary_resistance"] * lungs, c_pul=p["pulmonary_compliance"], l_pul=0.0005,
        r_pvein=0.003, c_pvein=16.0, l_pvein=0.0005,
        r_valve=0.0075, area_mitral=p["mitral_valve_area"], area_aortic=p["aortic_valve_area"], area_tricuspid=7.0,
        area_pulmonary=4.0, leak_mitral=p["mitral_leak"], leak_aortic=p["aortic_leak"],
        pump_head=PUMP_HEAD_MMHG * np.clip(d["pump_speed"], 0.0, 1.5) ** 2,
        pump_resistance=np.where(d["pump_resistance"] > 0.0, d["pump_resistance"], PUMP_RESISTANCE),
        volume=p["stressed_volume"] + d["volume_change"] - d["venous_capacity"] + EXERCISE_VEINS_ML * effort,
        reflex_gain=p["reflex_gain"], reflex_reset=p["reflex_reset"],
        reflex_setpoint=p["reflex_setpoint"] + d["setpoint_shift"] + EXERCISE_SETPOINT_MMHG * effort,
    )  # fmt: skip
    return c


def settled(x: Floats, circuits: Floats) -> Floats:
    """Measured (m, k) of the settled beat; ``x`` (m, 13) goes on in place. Those that fail are tried once more from the start."""
    lost = ~np.isfinite(x).all(1)
    x[lost] = START
    measured = _settled(x, circuits)
    failed = ~np.isfinite(measured[:, 0])
    if failed.any():
        again = np.tile(START, (int(failed.sum()), 1))
        measured[failed] = _settled(again, circuits[failed])
        x[failed] = again
    return measured


def _settled(x: Floats, circuits: Floats) -> Floats:
    members = len(x)
    measured, beats = np.empty((members, len(MEASURED))), np.empty(members, dtype=np.int64)
    in_parts(members, lambda s: settle_all(x[s], circuits[s], STEP_S, measured[s], beats[s], MOST_BEATS))
    return measured


def readings_of(measured: Floats) -> Floats:
    """Readings (m, r) in the manifest's order."""
    v = {name: measured[:, k] for name, k in M.items()}
    stroke = v["v_lv_max"] - v["v_lv_min"]
    columns = {
        "systolic": v["p_ao_max"],
        "diastolic": v["p_ao_min"],
        "mean_pressure": v["p_ao_mean"],
        "heart_rate": 60.0 / v["period"],
        "stroke_volume": stroke,
        "cardiac_output": 0.06 * v["ejected"] / v["period"],
        "ejection_fraction": 100.0 * stroke / v["v_lv_max"],
        "end_diastolic_volume": v["v_lv_max"],
        "end_systolic_volume": v["v_lv_min"],
        "central_venous_pressure": v["p_ra_mean"],
        "wedge_pressure": v["p_la_mean"],
        "pulmonary_systolic": v["p_pa_max"],
        "pulmonary_diastolic": v["p_pa_min"],
        "pulmonary_mean": v["p_pa_mean"],
        "peak_ventricular_pressure": v["p_lv_max"],
        "valve_gradient": np.maximum(v["gradient_max"], 0.0),  # where a pump empties the ventricle it stays shut
        "pump_flow": 0.06 * v["pumped"] / v["period"],
    }
    return np.stack([columns[r.key] for r in MODEL.readings], axis=1)
