"""Lumped circuits against the published results of svZeroDSolver, and against exact solutions."""

from __future__ import annotations

import cmath
import json
import math
import time
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from organtwin.monitor import Monitor
from organtwin.validation import Case, Row
from organtwin_solvers.lumped import blocks, svzerod
from organtwin_solvers.lumped.circuit import Circuit
from organtwin_solvers.lumped.march import periodic
from organtwin_solvers.lumped.stenosis import young_tsai

SOURCE = "svZeroDSolver, published results"
SLOW = (
    "closedLoopHeart_singleVessel_decomposed",
    "coupledBlock_closedLoopHeart_singleVessel",
    "piecewise_Chamber_and_Valve",
    "pulsatileFlow_CStenosis_steadyPressure",
    "pulsatileFlow_R_coronary_cycle_error",
    "pulsatileFlow_R_coronary_varres",
)
ACCEPTED = 1e-6  # the least that a reference with an absolute tolerance of its own allows

# case, vessel, end, key number of its description: least or greatest pressure of the last beat
KEYS = (
    ("steadyFlow_stenosis_R", "in", max, 3600.0),
    ("steadyFlow_stenosis_R", "out", max, 600.0),
    ("steadyFlow_R_RCR", "in", max, 10500.0),
    ("steadyFlow_R_RCR", "out", max, 10000.0),
    ("pulsatileFlow_R_RCR", "in", min, -59.1676),
    ("pulsatileFlow_R_RCR", "in", max, 9299.1676),
)

RP, C, RD = 121.0, 1.5e-5, 1212.0  # g, cm, s

# throat diameter (mm) and flow (mL/s): drop (Pa) across 8 mm in an artery of 4 mm; viscosity 3.5 mPa s, density 1060 kg/m^3
STENOSES = ((2.0, 1.0, 134.3), (2.0, 2.0, 360.5), (2.0, 4.0, 1088.3), (1.6, 2.0, 965.6))


@cache
def names() -> tuple[str, ...]:
    """The reference cases that come with the program."""
    return tuple(sorted(f.name.removesuffix(".json") for f in _folder().iterdir() if f.name.endswith(".json")))


def load(name: str) -> dict[str, Any]:
    """A reference case: ``input`` and ``result``."""
    data: dict[str, Any] = json.loads((_folder() / f"{name}.json").read_text(encoding="utf-8"))
    return data


def deviation(case: dict[str, Any], solution: svzerod.Solution) -> float:
    """Worst deviation from the reference, relative to the greatest value of that quantity in the circuit."""
    off: dict[str, float] = {}
    size: dict[str, float] = {}
    for name, columns in case["result"].items():
        for column, reference in columns.items():
            rate = column.startswith("d_") or column == "ydot"
            if column in ("y", "ydot"):
                computed, kind = solution.of(name, rate), column + name.partition(":")[0]
            else:
                what, end = column.removeprefix("d_").split("_")
                computed, kind = solution.vessel(name, end, what, rate), column
            if case["input"]["simulation_parameters"].get("output_mean_only"):
                computed = computed.mean(keepdims=True)
            expected, every = np.array(reference), case.get("every", 1)
            off[kind] = max(
                off.get(kind, 0.0), float(np.abs(computed[-1 - every * (len(expected) - 1) :: every] - expected).max())
            )
            size[kind] = max(size.get(kind, 0.0), float(np.abs(expected).max()))
    return max(off[kind] / (size[kind] or 1.0) for kind in off)


def impedance(frequency: float, steps: int = 400) -> complex:
    """Pressure over flow (dyn s/cm^5) of a windkessel driven by a sine, from the periodic state in time."""
    circuit = Circuit()
    circuit.add("pump", blocks.GivenFlow(lambda time: math.sin(2.0 * math.pi * frequency * time)))
    circuit.add("vessel", blocks.Vessel(0.0))
    circuit.add("bed", blocks.Windkessel(RP, C, RD))
    circuit.link("pump", "vessel")
    circuit.link("vessel", "bed")
    system = circuit.system()
    track, _ = periodic(system, 1.0 / frequency, steps, np.zeros(len(system.names)), tolerance=1e-12)
    wave = np.exp(-2j * math.pi * np.arange(steps) / steps)
    at = [system.index(f"{what}:vessel:bed") for what in ("pressure", "flow")]
    pressure, flow = (complex(wave @ track.y[:-1, i]) for i in at)
    return pressure / flow


def run(quick: bool, monitor: Monitor) -> list[Row]:
    """Rows of the case; ``quick`` leaves out the longest."""
    rows: list[Row] = []
    solved: dict[str, svzerod.Solution] = {}
    chosen = [name for name in names() if not (quick and name in SLOW)]
    for number, name in enumerate(chosen):
        monitor.progress(number / len(chosen), name)
        case, started = load(name), time.perf_counter()
        solved[name] = svzerod.simulate(svzerod.read(case["input"]))
        seconds = time.perf_counter() - started
        worst = deviation(case, solved[name])
        circuit = f"{len(solved[name].names)} unknowns, {len(solved[name].track.times)} points"
        rows.append(
            Row(f"{name}: worst relative deviation", 0.0, worst, "", 100.0 * ACCEPTED, SOURCE, circuit, seconds)
        )
    for name, end, pick, reference in KEYS:
        pressure = solved[name].vessel("branch0_seg0", end, "pressure")[-201:]
        rows.append(Row(f"{name}: {pick.__name__} pressure {end}", reference, float(pick(pressure)), "", 1e-4, SOURCE))
    for frequency in (1.0, 2.0):
        computed, exact = impedance(frequency), RP + RD / (1.0 + 2j * math.pi * frequency * RD * C)
        mesh = "400 steps a period"
        rows.append(
            Row(f"windkessel, {frequency:g} Hz: |Z|", abs(exact), abs(computed), "dyn s/cm^5", 0.01, "exact", mesh)
        )
        rows.append(
            Row(f"windkessel, {frequency:g} Hz: phase", cmath.phase(exact), cmath.phase(computed), "rad", 0.1, "exact", mesh)
        )  # fmt: skip
    for throat, flow, drop in STENOSES:
        law = young_tsai(4.0, throat, 8.0, viscosity=3.5e-3, density=1.06e-3)
        q = 1000.0 * flow
        computed_drop = (law.resistance + law.stenosis * q) * q
        source = "Young and Tsai 1973, evaluated"
        rows.append(Row(f"stenosis {throat:g} mm, {flow:g} mL/s: drop", drop, computed_drop, "Pa", 0.05, source))
    return rows


def _folder() -> Any:
    return files("organtwin_solvers.validation") / "data" / "svzerod"


CASE = Case("zerod", "Lumped circuits: vessels, junctions, windkessels, coronaries, heart", run)
