"""The closed loop of the circulation against the published one, and what must hold of any such loop."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from organtwin.monitor import Monitor
from organtwin.validation import Case, Row
from organtwin_solvers.physiology.circulation.beat import MEASURED, STEP_S, M
from organtwin_solvers.physiology.circulation.circuit import NAMES, PLACE, REGAZZONI, REGAZZONI_START, volume_ml
from organtwin_solvers.physiology.circulation.settle import MOST_BEATS, beats_in_time, settle

Array = NDArray[np.float64]
SOURCE = "Regazzoni et al. 2022, as the package circulation 0.4 computes it (20 beats)"
BEATS = 20


def reference_circuit() -> Array:
    """The published circuit, filled with the blood of its published initial state."""
    circuit = np.array([REGAZZONI[name] for name in NAMES])
    circuit[PLACE["volume"]] = volume_ml(circuit[None], REGAZZONI_START[None])[0]
    return circuit


def lived(beats: int, steps: int = 0) -> tuple[Array, Array]:
    """State (13) after some beats from the published initial state, and what was measured of each (beats, k)."""
    state, measured = np.append(REGAZZONI_START, 93.0), np.empty((beats, len(MEASURED)))
    beats_in_time(state, reference_circuit(), beats, STEP_S, steps, measured)
    return state, measured


def run(quick: bool, monitor: Monitor) -> list[Row]:
    started = time.perf_counter()
    circuit = reference_circuit()
    state, measured = lived(BEATS)
    last = {name: float(measured[-1, k]) for name, k in M.items()}
    stroke = last["v_lv_max"] - last["v_lv_min"]
    seconds = time.perf_counter() - started
    label = f"{1e3 * STEP_S:g} ms"
    compared = (
        ("left ventricular end-diastolic volume", 136.84, last["v_lv_max"], "mL"),
        ("left ventricular end-systolic volume", 66.99, last["v_lv_min"], "mL"),
        ("stroke volume", 69.85, stroke, "mL"),
        ("ejection fraction", 51.05, 100.0 * stroke / last["v_lv_max"], "%"),
        ("cardiac output", 5.239, 0.06 * last["ejected"] / last["period"], "L/min"),
        ("systemic arterial pressure, lowest", 79.86, last["p_sys_min"], "mmHg"),
        ("systemic arterial pressure, highest", 118.84, last["p_sys_max"], "mmHg"),
        ("systemic arterial pressure, mean", 99.87, last["p_sys_mean"], "mmHg"),
        ("left ventricular pressure, highest", 119.79, last["p_lv_max"], "mmHg"),
        ("right ventricular pressure, highest", 25.06, last["p_rv_max"], "mmHg"),
        ("left atrial pressure, lowest", 13.65, last["p_la_min"], "mmHg"),
        ("left atrial pressure, highest", 18.24, last["p_la_max"], "mmHg"),
        ("pulmonary arterial pressure, lowest", 18.50, last["p_pa_min"], "mmHg"),
        ("pulmonary arterial pressure, highest", 21.38, last["p_pa_max"], "mmHg"),
    )
    rows = [Row(name, wanted, got, unit, 1.0, SOURCE, label, seconds) for name, wanted, got, unit in compared]
    monitor.progress(0.4, "circulation: volume and order")
    drift = abs(float(volume_ml(circuit[None], state[None])[0] - circuit[PLACE["volume"]])) / circuit[PLACE["volume"]]
    rows.append(Row("blood lost or made, of all", 0.0, drift, "", 1e-8, "conservation", label))
    rows.append(order_row(quick))
    rows += settled_rows(measured)
    return rows


def order_row(quick: bool) -> Row:
    """Of the state after three beats; valves open and shut within steps, so that two is the most that is asked for."""
    started = time.perf_counter()
    counts = (400, 800) if quick else (800, 1600)
    exact = lived(3, 12800)[0][:12]
    coarse, fine = (float(np.linalg.norm((lived(3, n)[0][:12] - exact) / exact)) for n in counts)
    return Row(
        "order of convergence: state in time", 2.0, float(np.log2(coarse / fine)), "", 15.0, "theory, midpoint rule",
        f"{counts[0]} and {counts[1]} steps a beat", time.perf_counter() - started, at_least=True,
    )  # fmt: skip


def settled_rows(measured: Array) -> list[Row]:
    """The accelerated steady state against that which time comes to."""
    started = time.perf_counter()
    exact = lived(400)[1][-1]
    state, found = np.append(REGAZZONI_START, 93.0), np.empty(len(MEASURED))
    beats = settle(state, reference_circuit(), STEP_S, found, MOST_BEATS)
    seconds = time.perf_counter() - started
    source = "400 beats without acceleration"
    return [
        Row(
            f"settled: {name}",
            float(exact[M[key]]),
            float(found[M[key]]),
            unit,
            0.05,
            source,
            f"{beats} beats",
            seconds,
        )
        for name, key, unit in (
            ("mean systemic pressure", "p_sys_mean", "mmHg"),
            ("end-diastolic volume", "v_lv_max", "mL"),
            ("mean left atrial pressure", "p_la_mean", "mmHg"),
        )
    ]


CASE = Case("circulation", "The heart and the vessels in a closed loop", run)
