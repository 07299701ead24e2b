"""Oscillatory shear index of tau = W1 (a + cos theta), against its closed form.

The tractions go through the same sums as those of any solve, at 100 moments of the cycle. TAWSS / W1 =
2/pi (a asin a + sqrt(1 - a^2)), OSI = (1 - a W1 / TAWSS) / 2 for 0 <= a <= 1.
"""

from __future__ import annotations

import math
import time

import numpy as np

from organtwin.model.cases import Blood
from organtwin.operations import Monitor
from organtwin.validation import Case, Row
from organtwin_solvers.flow.cycle import CycleSums
from organtwin_solvers.flow.rheology import rheology
from organtwin_solvers.validation.pipes import pipe

AMPLITUDE_PA, PERIOD_S, SAMPLES = 1.5, 0.8, 100
OFFSETS = (0.0, 0.25, 0.5, 0.75, 1.0)
SOURCE = "closed form"


def run(quick: bool, monitor: Monitor) -> list[Row]:
    """Rows of the case; all of it is quick."""
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
    return rows


CASE = Case("osi", "Oscillatory shear index of a cosine", run)
