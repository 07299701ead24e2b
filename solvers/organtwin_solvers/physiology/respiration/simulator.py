"""Respiration at work: persons and what they breathe become constants, blood gases settle, and a forced breath is blown."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from organtwin.physiology.model import Floats, Run
from organtwin_solvers.physiology.ensemble import each_member, in_parts
from organtwin_solvers.physiology.respiration import exchange, spirometry
from organtwin_solvers.physiology.respiration.manifest import MODEL

START = np.array([15.0, 52.0, 7.0, 40.0])  # venous contents, mL/dL, ventilation, L/min, arterial carbon dioxide, mmHg
SAMPLES, SAMPLE_STEPS = 600, 2  # of curves(): 6 s in steps of 10 ms
OUTPUT_PER_UPTAKE = 5.5  # litres of cardiac output a litre of oxygen (Astrand 1964)
QUOTIENT_RISE = 0.28  # of the respiratory quotient to full exercise
MOST_EXTRACTED = 0.8  # of the oxygen of saturated blood: the heart gives no less than that
ACUTE_BUFFER = -0.3  # of the compensation, at once: tissue takes up part of the bicarbonate that blood makes


class Respiration:
    """Simulator of the model "respiration"."""

    def run(self, parameters: Floats, drives: Floats, times_s: Floats, state: Floats | None = None) -> Run:
        """Settled at each time. A member that finds no steady state has NaN readings there and begins afresh at the next."""
        members, times = len(parameters), len(times_s)
        drives = each_member(drives, members, times)
        x = np.tile(START, (members, 1)) if state is None else np.array(state, dtype=float)
        readings = np.empty((members, times, len(MODEL.readings)))
        for k in range(times):
            if k and np.array_equal(drives[:, k], drives[:, k - 1]):
                readings[:, k] = readings[:, k - 1]
                continue
            constants = gas_constants(parameters, drives[:, k])
            found = settled(x, constants)
            blown, _traces = blow(lung_constants(parameters, drives[:, k]), 0)
            readings[:, k] = readings_of(found, blown)
        return Run(readings, x)

    def curves(self, parameters: Floats, drives: Floats, state: Floats | None = None) -> Mapping[str, Floats]:
        """Six seconds of a forced expiration: "time_s" (n), "volume_L" exhaled and "flow_L_per_s" (m, n)."""
        drives = each_member(drives, len(parameters), 1)[:, 0]
        _blown, traces = blow(lung_constants(parameters, drives), SAMPLES)
        time = np.arange(SAMPLES, dtype=np.float64) * (SAMPLE_STEPS * spirometry.STEP_S)
        return {"time_s": time, "volume_L": traces[:, :, 0], "flow_L_per_s": traces[:, :, 1]}


def gas_constants(parameters: Floats, drives: Floats) -> Floats:
    """Constants (m, k) of gas exchange of persons (m, p) under drives (m, d)."""
    p = {q.key: parameters[:, k] for k, q in enumerate(MODEL.parameters)}
    d = {q.key: drives[:, k] for k, q in enumerate(MODEL.drives)}
    c = np.zeros((len(parameters), len(exchange.CONSTANTS)))

    def put(**values: Floats | float) -> None:
        for name, value in values.items():
            c[:, exchange.C[name]] = value

    effort = np.clip(d["exercise"], 0.0, 1.0)
    height_km = np.clip(d["altitude"], -500.0, 9000.0) / 1000.0
    pressure = np.exp(6.63268 - 0.1112 * height_km - 0.00149 * height_km**2)
    rest = p["oxygen_uptake"] * np.maximum(0.5, 1.0 + d["metabolic_change"])
    uptake = rest + effort * np.maximum(p["maximal_oxygen_uptake"] - rest, 0.0)
    output = uptake * (p["respiratory_quotient"] + QUOTIENT_RISE * effort)
    vital = np.maximum(p["total_lung_capacity"] - p["residual_volume"], 0.25 * p["total_lung_capacity"])
    fev1 = blow(lung_constants(parameters, drives), 0)[0][:, 0]
    flow = p["cardiac_output"] + d["cardiac_output_change"] + OUTPUT_PER_UPTAKE * (uptake - rest)
    awake = np.maximum(0.05, 1.0 + d["drive_change"])
    put(
        barometric=pressure, inspired_o2=np.clip(d["inspired_oxygen"], 0.05, 1.0) * (pressure - exchange.WATER),
        inspired_co2=np.maximum(d["inspired_carbon_dioxide"], 0.0), uptake=uptake, output=output,
        output_rest=rest * p["respiratory_quotient"],
        flow=np.maximum(flow, uptake / (MOST_EXTRACTED * 0.0134 * p["haemoglobin"])),
        hb=p["haemoglobin"], base=p["base_excess"], compensation=1.0 - (1.0 - ACUTE_BUFFER) * np.clip(d["acute"], 0.0, 1.0),
        dead_space=p["dead_space"], alveolar_dead=p["alveolar_dead_space"], shunt=p["shunt"],
        spread=p["ventilation_perfusion_spread"], acid_gain=p["acid_gain"] * awake, acid_threshold=p["acid_threshold"],
        hypoxic_gain=p["hypoxic_gain"], exercise_gain=p["exercise_gain"], most=np.maximum(37.5 * fev1, 8.0),
        breath_offset=p["breath_offset"], breath_most=np.maximum(0.55 * vital, 2.2 * p["dead_space"]),
    )  # fmt: skip
    return c


def lung_constants(parameters: Floats, drives: Floats) -> Floats:
    """Constants (m, 5) of the forced expiration."""
    p = {q.key: parameters[:, k] for k, q in enumerate(MODEL.parameters)}
    d = {q.key: drives[:, k] for k, q in enumerate(MODEL.drives)}
    total = p["total_lung_capacity"]
    residual = np.clip(p["residual_volume"] - d["deflation"], 0.3, 0.75 * total)
    resistance = p["airway_resistance"] * np.maximum(0.1, 1.0 - d["bronchodilation"])
    return np.stack([total, residual, p["recoil"], resistance, p["peak_effort"]], axis=1)


def blow(constants: Floats, samples: int) -> tuple[Floats, Floats]:
    """Found (m, 3) and traces (m, samples, 2) of forced expirations."""
    found, traces = np.empty((len(constants), 3)), np.zeros((len(constants), samples, 2))
    in_parts(len(constants), lambda s: spirometry.expire_all(constants[s], found[s], traces[s], SAMPLE_STEPS))
    return found, traces


def settled(x: Floats, constants: Floats) -> Floats:
    """Found (m, k); ``x`` (m, 4) goes on in place. Those that fail are tried once more from the start."""
    x[~np.isfinite(x).all(1)] = START
    found = np.empty((len(x), len(exchange.FOUND)))
    in_parts(len(x), lambda s: exchange.settle_all(x[s], constants[s], found[s]))
    failed = ~np.isfinite(found[:, 0])
    if failed.any():
        again, second = np.tile(START, (int(failed.sum()), 1)), found[failed]
        exchange.settle_all(again, constants[failed], second)
        x[failed], found[failed] = again, second
    return found


def readings_of(found: Floats, blown: Floats) -> Floats:
    """Readings (m, r) in the manifest's order."""
    v = {name: found[:, k] for k, name in enumerate(exchange.FOUND)}
    columns = {
        "spo2": 100.0 * v["s_o2"],
        "sao2": 100.0 * v["s_o2"],
        "pao2": v["p_o2"],
        "paco2": v["p_co2"],
        "ph": v["ph"],
        "respiratory_rate": v["rate"],
        "minute_ventilation": v["ventilation"],
        "tidal_volume": v["tidal"],
        "fev1": blown[:, 0],
        "fvc": blown[:, 1],
        "fev1_fvc": 100.0 * blown[:, 0] / blown[:, 1],
        "peak_flow": 60.0 * blown[:, 2],
        "bicarbonate": v["bicarbonate"],
        "venous_saturation": 100.0 * v["s_venous"],
        "oxygen_gradient": v["p_o2_alveolar"] - v["p_o2"],
    }
    return np.stack([columns[r.key] for r in MODEL.readings], axis=1)
