"""Steady flow through a blunt stenosis, a hollow plug in a pipe, against the law of Young and Tsai.

    drop = K_v mu Q / (A_0 D_0) + rho K_t / 2 (1/A_s - 1/A_0)^2 Q^2,   K_v = 32 (0.83 L_s + 1.64 D_s) / D_0 (A_0 / A_s)^2

with K_t = 1.52: fitted to measurements of hollow plugs, good to some 10 to 20 %. Young and Tsai, J. Biomech. 6, 1973;
Seeley and Young, J. Biomech. 9, 1976. (A stenosis that narrows smoothly over the same length loses about half as much:
little of it is as narrow as its throat.)

Faster flows meet the plug's edges more sharply, and need more cells there: computed drops lie above the law by 5 % at a
Reynolds number of 190 in the throat and by 30 % at 770. The drop that the straight pipe before and behind the plug would
have by itself is taken off what is computed.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from organtwin.model import FlowCase, OrganMesh
from organtwin.monitor import Monitor, NullMonitor, PartMonitor
from organtwin.validation import Case, Row
from organtwin_solvers.flow.solve import solve
from organtwin_solvers.validation.pipes import closing, closing_to_both, turned

SOURCE = "Young and Tsai 1973, an empirical law"
TURBULENT = 1.52  # K_t
ACCEPTED_PERCENT, ACCEPTED_FAST_PERCENT = 20.0, 35.0
FAST = 400.0  # Reynolds number in the throat
BEFORE, BEHIND = 3.0, 12.0  # straight pipe before and behind, in diameters


@dataclass(frozen=True)
class Stenosis:
    """A narrowing, in mm-g-s: diameters of the pipe and of the throat, its length, the flow, the blood."""

    diameter: float = 4.0
    throat: float = 2.0
    length: float = 8.0
    flow: float = 1000.0
    density: float = 1.06e-3
    viscosity: float = 3.5e-3

    @property
    def drop(self) -> float:
        """By the law, Pa."""
        wide, narrow = (math.pi / 4.0 * d**2 for d in (self.diameter, self.throat))
        viscous = 32.0 * (0.83 * self.length + 1.64 * self.throat) / self.diameter * (wide / narrow) ** 2
        return (
            viscous * self.viscosity * self.flow / (wide * self.diameter)
            + 0.5 * self.density * TURBULENT * (self.flow / narrow - self.flow / wide) ** 2
        )

    @property
    def accepted_percent(self) -> float:
        """How far the law may be trusted at this flow."""
        throat = 4.0 * self.density * self.flow / (math.pi * self.throat * self.viscosity)
        return ACCEPTED_FAST_PERCENT if throat > FAST else ACCEPTED_PERCENT

    @property
    def straight_drop_per_mm(self) -> float:
        """Poiseuille, Pa/mm."""
        return 128.0 * self.viscosity * self.flow / (math.pi * self.diameter**4)

    @property
    def name(self) -> str:
        return f"pressure drop, {self.diameter:g} mm to {self.throat:g} mm, {self.flow / 1000.0:g} mL/s"


PUBLISHED = (
    Stenosis(throat=2.0, flow=1000.0),
    Stenosis(throat=2.0, flow=2000.0),
    Stenosis(throat=1.6, flow=2000.0),
    Stenosis(throat=2.0, flow=4000.0),
)


def mesh(stenosis: Stenosis, rings: int) -> OrganMesh:
    """The pipe with its plug: ``rings`` cells along the throat's radius, layers close where it begins and ends."""
    before, behind = BEFORE * stenosis.diameter, BEHIND * stenosis.diameter
    wide, throat = 0.5 * stenosis.diameter, 0.5 * stenosis.throat
    layers = (2 * rings, 2 * round(0.25 * rings * stenosis.length / throat), 4 * rings)
    parts = (
        -before + before * closing(layers[0], 6.0)[:-1],
        stenosis.length * closing_to_both(layers[1], 3.0)[:-1],
        stenosis.length + behind * (1.0 - closing(layers[2], 8.0)[::-1]),
    )
    outer = throat + (wide - throat) * closing_to_both(2 * math.ceil(0.25 * rings), 1.5)[1:]
    radii = np.concatenate([throat * closing(rings, 2.5)[1:], outer])
    heights = np.concatenate(parts)
    plug = (layers[0], layers[0] + layers[1])
    return turned(heights, np.tile(radii, (len(heights), 1)), core=rings, narrow=plug, name="stenosis")


def compute(stenosis: Stenosis, rings: int, monitor: Monitor | None = None) -> tuple[float, OrganMesh]:
    """Pressure drop of the stenosis in Pa, and the mesh."""
    organ = mesh(stenosis, rings)
    case = FlowCase.model_validate(
        {
            "name": "stenosis",
            "blood": {"density": f"{stenosis.density!r} g/mm^3", "viscosity": f"{stenosis.viscosity!r} Pa*s"},
            "inlets": [{"cap": "inlet", "flow": f"{stenosis.flow!r} mm^3/s"}],
        }
    )
    result = solve(organ, case, monitor or NullMonitor())
    pressure, z = np.asarray(result.fields["pressure_pa"][0], float), organ.points_mm[:, 2]
    drop = pressure[z == z.min()].mean() - pressure[z == z.max()].mean()
    straight = (BEFORE + BEHIND) * stenosis.diameter * stenosis.straight_drop_per_mm
    return float(drop - straight), organ


def run(quick: bool, monitor: Monitor) -> list[Row]:
    """Rows of the published cases; ``quick`` takes the slowest flow."""
    cases = PUBLISHED[:1] if quick else PUBLISHED
    rows = []
    for k, stenosis in enumerate(cases):
        started = time.perf_counter()
        part = PartMonitor(monitor, k / len(cases), (k + 1) / len(cases))
        drop, organ = compute(stenosis, 4 if quick else 7, part)
        rows.append(
            Row(stenosis.name, stenosis.drop, drop, "Pa", stenosis.accepted_percent, SOURCE, f"{len(organ.tets)} tetrahedra",
                time.perf_counter() - started)
        )  # fmt: skip
    return rows


CASE = Case("stenosis", "Pressure drop of a stenosis", run)
