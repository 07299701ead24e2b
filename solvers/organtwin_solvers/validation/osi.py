"""Oscillatory shear index of tau = W1 (a + cos theta), against its closed form.

The tractions go through the same sums as those of any solve, at 100 moments of the cycle. TAWSS / W1 =
2/pi (a asin a + sqrt(1 - a^2)), OSI = (1 - a W1 / TAWSS) / 2 for 0 <= a <= 1. The full run also solves a pipe whose flow
beats so, of a fluid so thick that the wall follows the flow at once.
"""

from __future__ import annotations

import math
import time

import numpy as np

from organtwin.model import FlowCase, Result
from organtwin.model.flow_case import Blood
from organtwin.monitor import Monitor
from organtwin.validation import Case, Row
from organtwin_solvers.flow.results.cycle import CycleSums
from organtwin_solvers.flow.rheology import rheology
from organtwin_solvers.flow.solve import solve
from organtwin_solvers.validation.pipes import pipe

AMPLITUDE_PA, PERIOD_S, SAMPLES = 1.5, 0.8, 100
OFFSETS = (0.0, 0.25, 0.5, 0.75, 1.0)
SOURCE = "closed form"


def beating_pipe(a: float, monitor: Monitor | None = None) -> Result:
    """A pipe with the flow 5 mL/s (a + cos(2 pi t / T)), solved. Womersley number 0.1: Poiseuille at every moment."""
    times = np.linspace(0.0, PERIOD_S, 81)
    values = 5.0 * (a + np.cos(2.0 * np.pi * times / PERIOD_S))
    samples = {"times_s": times.tolist(), "values": values.tolist(), "unit": "mL/s"}
    case = {
        "blood": {"viscosity": "20 Pa*s"},
        "inlets": [{"cap": "inlet", "waveform": samples}],
        "numerics": {
            "mode": "pulsatile", "period": f"{PERIOD_S} s", "cycles": 2, "steps_per_cycle": 80, "frames_per_cycle": 8, "start": "rest",
        },
    }  # fmt: skip
    return solve(pipe(5.0, 15.0, rings=4, layers=6), FlowCase.model_validate(case), monitor)


def _solved(monitor: Monitor) -> list[Row]:
    """TAWSS and OSI of the beating pipe, a third of its length away from its ends."""
    a, started = 0.5, time.perf_counter()
    result = beating_pipe(a, monitor)
    seconds = time.perf_counter() - started
    organ = pipe(5.0, 15.0, rings=4, layers=6)
    wall = np.unique(organ.boundary("wall"))
    inner = wall[np.abs(organ.points_mm[wall, 2] - 7.5) < 3.0]
    amplitude = 4.0 * 20.0 * 5e3 / (np.pi * 5.0**3)
    mean = 2.0 / math.pi * (a * math.asin(a) + math.sqrt(1.0 - a * a))
    tawss, osi = (float(result.fields[name][0][inner].mean()) for name in ("tawss_pa", "osi"))
    mesh = f"{len(organ.tets)} tetrahedra"
    return [
        Row("TAWSS of a pipe, a = 0.5", amplitude * mean, tawss, "Pa", 6.0, SOURCE, mesh, seconds),
        Row("OSI of a pipe, a = 0.5", 0.5 * (1.0 - a / mean), osi, "", 2.0, SOURCE, mesh, seconds),
    ]


def run(quick: bool, monitor: Monitor) -> list[Row]:
    """Rows of the case; the full run also solves a pipe."""
    organ = pipe(5.0, 10.0, rings=2, layers=4)
    wall = np.unique(organ.boundary("wall"))
    axial = np.zeros((len(organ.points_mm), 3))
    axial[wall] = [0.0, 0.0, 1.0]
    rows = []
    for at, a in enumerate(OFFSETS):
        monitor.progress(at / len(OFFSETS), f"a = {a:g}")
        started = time.perf_counter()
        sums = CycleSums(organ, rheology(Blood()))
        for k in range(SAMPLES):
            angle = 2.0 * math.pi * (k + 0.5) / SAMPLES
            traction = AMPLITUDE_PA * (a + math.cos(angle)) * axial
            sums.add_traction(PERIOD_S * angle / (2.0 * math.pi), PERIOD_S / SAMPLES, traction)
        mean = 2.0 / math.pi * (a * math.asin(a) + math.sqrt(1.0 - a * a))
        index = 0.5 * (1.0 - a / mean)
        seconds = time.perf_counter() - started
        mesh = f"{SAMPLES} moments"
        tawss, osi = float(sums.tawss_pa[wall].mean()), float(sums.osi[wall].mean())
        rows.append(Row(f"TAWSS, a = {a:g}", AMPLITUDE_PA * mean, tawss, "Pa", 0.1, SOURCE, mesh, seconds))
        if index:
            rows.append(Row(f"OSI, a = {a:g}", index, osi, "", 0.3, SOURCE, mesh, seconds))
        else:  # in percent of the greatest OSI
            rows.append(Row(f"0.5 - OSI, a = {a:g}", 0.5, 0.5 - osi, "", 0.3, SOURCE, mesh, seconds))
    return rows if quick else rows + _solved(monitor)


CASE = Case("osi", "Oscillatory shear index of a cosine", run)
