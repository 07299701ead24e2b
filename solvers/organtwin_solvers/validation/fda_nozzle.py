"""The FDA nozzle at Re 500: flow through a cone, a throat and a sudden expansion, against particle images of five laboratories.

Inlet of 12 mm, a cone of 20 degrees, a throat of 4 mm over 40 mm, a sudden expansion to 12 mm at z = 0. Hariharan et al.,
J. Biomech. Eng. 133, 2011 (geometry, experiments); Stewart et al., Cardiovasc. Eng. Technol. 3, 2012 (codes). The numbers
below are computed from the laboratories' files (github.com/OSEL-DAM/CFD-and-Blood-Damage-Benchmarks, Nozzle/Data,
SE_exp_0500): profiles are the means of both sides, means and standard deviations those over laboratories.

Bands on the axis are 95 % prediction intervals: where one more laboratory would measure, t(n - 1) SD sqrt(1 + 1/n). The laboratories'
own profiles carry 3 to 8 % less than the flow they set, which no solver can follow: computed values lie high in the bands.
The drop of pressure is taken to 32 mm behind the expansion. At its edge, z = 0, three laboratories read 131 to 145 Pa less
than there and the fourth 7 Pa more; the balance of momentum over the expansion permits a recovery of about 20 Pa.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from organtwin.model import FlowCase, OrganMesh
from organtwin.monitor import Monitor
from organtwin.validation import Case, Row
from organtwin_solvers.flow.solve import solve
from organtwin_solvers.validation.pipes import closing, closing_to_both, turned

Array = NDArray[np.float64]

WIDE_MM, THROAT_MM, THROAT_LENGTH_MM = 6.0, 2.0, 40.0  # radii, length
CONE_MM = (WIDE_MM - THROAT_MM) / np.tan(np.deg2rad(10.0))
START_MM, END_MM = -96.0, 110.0
DENSITY, VISCOSITY, FLOW = "1056 kg/m^3", "3.5 mPa*s", "5.21 mL/s"
SOURCE = "Hariharan et al. 2011, five laboratories"
CODES = "Stewart et al. 2012, seven laminar codes: 0.34 +- 0.30"

# z mm: radii mm, mean axial velocity m/s there, standard deviation over laboratories
PROFILES: dict[float, tuple[Sequence[float], Sequence[float], Sequence[float]]] = {
    -88.0: ((0, 1, 2, 3, 4, 5), (0.0871, 0.0846, 0.0774, 0.0656, 0.0486, 0.0266), (0.0040, 0.0037, 0.0037, 0.0030, 0.0023, 0.0016)),
    -64.0: ((0, 1, 2, 3, 4, 5), (0.0878, 0.0855, 0.0780, 0.0658, 0.0488, 0.0268), (0.0018, 0.0020, 0.0018, 0.0015, 0.0015, 0.0014)),
    -48.0: ((0, 1, 2, 3), (0.1995, 0.1964, 0.1848, 0.1142), (0.0206, 0.0207, 0.0210, 0.0246)),
    -20.0: ((0, 0.5, 1, 1.5), (0.6804, 0.6727, 0.6099, 0.4030), (0.0228, 0.0245, 0.0303, 0.0295)),
    -8.0: ((0, 0.5, 1, 1.5), (0.7333, 0.7092, 0.6017, 0.3667), (0.0302, 0.0284, 0.0198, 0.0146)),
    0.0: ((0, 0.5, 1, 1.5), (0.7280, 0.7006, 0.5878, 0.3508), (0.0216, 0.0219, 0.0208, 0.0178)),
    8.0: ((0, 0.5, 1, 1.5, 2, 2.5), (0.7257, 0.6928, 0.5687, 0.3498, 0.1468, 0.0437), (0.0191, 0.0188, 0.0147, 0.0110, 0.0072, 0.0032)),
    16.0: ((0, 0.5, 1, 1.5, 2, 2.5), (0.7032, 0.6649, 0.5411, 0.3491, 0.1748, 0.0706), (0.0223, 0.0206, 0.0181, 0.0112, 0.0048, 0.0023)),
    24.0: ((0, 0.5, 1, 1.5, 2, 2.5), (0.6671, 0.6269, 0.5072, 0.3418, 0.1919, 0.0906), (0.0111, 0.0085, 0.0037, 0.0021, 0.0011, 0.0012)),
    32.0: ((0, 0.5, 1, 1.5, 2, 2.5), (0.6378, 0.5957, 0.4862, 0.3384, 0.2006, 0.1013), (0.0110, 0.0097, 0.0073, 0.0049, 0.0033, 0.0027)),
    60.0: ((0, 0.5, 1, 1.5, 2, 2.5), (0.5367, 0.5041, 0.4213, 0.3138, 0.2073, 0.1181), (0.0565, 0.0520, 0.0458, 0.0353, 0.0238, 0.0150)),
    80.0: ((0, 0.5, 1, 1.5, 2, 2.5), (0.4591, 0.4358, 0.3714, 0.2882, 0.2007, 0.1207), (0.0410, 0.0360, 0.0343, 0.0250, 0.0176, 0.0138)),
}  # fmt: skip
LABORATORIES, ONE_MISSING = 5, (16.0, 24.0, 80.0)
JET_WIDTH_MM = {0.0: (2.96, 0.03), 32.0: (3.13, 0.02), 60.0: (3.41, 0.05), 80.0: (3.66, 0.05)}  # at half its speed
DROP_PA = (353.4, 399.4, 413.0, 229.8)  # p(-90.3 mm) - p(32 mm) by laboratory: 243, 468, 763, 999


@dataclass(frozen=True)
class Grid:
    """Cells: along the radius of the throat, from there to the wide wall, and along z in each part."""

    core: int
    ring: int
    inlet: int
    cone: int
    throat: int
    jet: int


QUICK = Grid(core=6, ring=4, inlet=6, cone=8, throat=10, jet=24)
FULL = Grid(core=10, ring=6, inlet=10, cone=16, throat=24, jet=52)
MESH_PERCENT = {QUICK: 3.0, FULL: 1.0}  # error of each mesh, as two of them show it: added to the laboratories' band


def mesh(grid: Grid) -> OrganMesh:
    """The nozzle by formula: thin cells at the wall of the throat and in the shear layer behind it, layers close to z = 0."""
    cone, throat = -THROAT_LENGTH_MM - CONE_MM, -THROAT_LENGTH_MM
    parts = (
        np.linspace(START_MM, cone, grid.inlet + 1)[:-1],
        cone + CONE_MM * closing(grid.cone, 1.8)[:-1],
        throat * (1.0 - closing_to_both(grid.throat, 2.5))[:-1],
        END_MM * (1.0 - closing(grid.jet, 4.0)[::-1]),
    )
    heights = np.concatenate(parts)
    step = len(heights) - grid.jet - 1
    bound = np.interp(heights, [START_MM, cone, throat, END_MM], [WIDE_MM, WIDE_MM, THROAT_MM, THROAT_MM])
    inner = bound[:, None] * closing(grid.core, 1.6)[1:]
    outer = THROAT_MM + (WIDE_MM - THROAT_MM) * (1.0 - closing(grid.ring, 2.5)[::-1][1:])
    radii = np.column_stack([inner, np.tile(outer, (len(heights), 1))])
    return turned(heights, radii, core=grid.core, narrow=(0, step), name="FDA nozzle")


def run(quick: bool, monitor: Monitor) -> list[Row]:
    """Rows of the case."""
    grid = QUICK if quick else FULL
    organ = mesh(grid)
    case = FlowCase.model_validate(
        {
            "name": "FDA nozzle, Re 500",
            "blood": {"density": DENSITY, "viscosity": VISCOSITY},
            "inlets": [{"cap": "inlet", "flow": FLOW}],
            "numerics": {"tolerance": 2e-3 if quick else 1e-3},
        }
    )
    started = time.perf_counter()
    result = solve(organ, case, monitor)
    seconds = time.perf_counter() - started
    axial = 1e-3 * np.asarray(result.fields["velocity_mm_per_s"][0][:, 2], float)
    pressure = np.asarray(result.fields["pressure_pa"][0], float)
    return judge(organ, axial, pressure, seconds, MESH_PERCENT[grid])


def judge(organ: OrganMesh, axial: Array, pressure: Array, seconds: float, mesh_percent: float) -> list[Row]:
    """Compare axial velocity (m/s) and pressure (Pa) at the points with what was measured."""
    points = organ.points_mm
    radius = np.hypot(points[:, 0], points[:, 1])
    label = f"{len(organ.tets)} tetrahedra"
    on_axis = radius < 1e-9
    z, order = points[on_axis, 2], np.argsort(points[on_axis, 2])

    def centre(values: Array, place: float) -> float:
        return float(np.interp(place, z[order], values[on_axis][order]))

    rows = []
    for place, (_, mean, deviation) in PROFILES.items():
        count = LABORATORIES - (place in ONE_MISSING)
        rows.append(
            Row(f"axial velocity on the axis, z = {place:g} mm", mean[0], centre(axial, place), "m/s",
                _band_percent(mean[0], deviation[0], count) + mesh_percent, SOURCE, label, seconds)
        )  # fmt: skip
    drop = float(np.mean(DROP_PA))
    rows.append(
        Row("pressure drop from z = -90.3 mm to 32 mm (within 1 SD)", drop, centre(pressure, -90.3) - centre(pressure, 32.0),
            "Pa", 100.0 * float(np.std(DROP_PA, ddof=1)) / drop, "Hariharan et al. 2011, four laboratories", label, seconds)
    )  # fmt: skip
    levels = np.unique(points[:, 2])
    profile = {level: _profile(radius, axial, points[:, 2] == level) for level in levels}

    def at(place: float, radii: Sequence[float] | Array) -> Array:
        upper = int(np.clip(np.searchsorted(levels, place), 1, len(levels) - 1))
        low, high = levels[upper - 1], levels[upper]
        share = (place - low) / (high - low)
        ends = [np.interp(radii, *profile[level]) for level in (low, high)]
        return (1.0 - share) * ends[0] + share * ends[1]

    for place, (width, deviation) in JET_WIDTH_MM.items():
        fine = np.linspace(0.0, WIDE_MM, 2001)
        speed = at(place, fine)
        computed = 2.0 * float(fine[np.argmax(speed < 0.5 * speed[0])])
        rows.append(
            Row(f"jet width at half its speed, z = {place:g} mm", width, computed, "mm", max(5.0, 200.0 * deviation / width),
                SOURCE, label, seconds)
        )  # fmt: skip
    errors = [
        np.mean(np.abs(at(place, radii) - np.array(mean)) / np.array(mean))
        for place, (radii, mean, _) in PROFILES.items()
    ]  # fmt: skip
    rows.append(
        Row("E: mean relative deviation from the measured profiles", 0.34, float(np.mean(errors)), "",
            100.0 * 0.30 / 0.34, CODES, label, seconds)
    )  # fmt: skip
    return rows


def _band_percent(mean: float, deviation: float, count: int) -> float:
    """Half the 95 % prediction interval, in percent of the mean."""
    return float(100.0 * student.ppf(0.975, count - 1) * deviation * np.sqrt(1.0 + 1.0 / count) / mean)


def _profile(radius: Array, axial: Array, level: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Radii of the rings of points in a layer, and the mean axial velocity on each."""
    radii, ring = np.unique(np.round(radius[level], 6), return_inverse=True)
    return radii, np.bincount(ring, axial[level]) / np.bincount(ring)


CASE = Case("fda-nozzle", "The FDA nozzle at Re 500", run)
