"""Flow past a cylinder in a square channel: the DFG benchmarks 3D-1Z (steady) and 3D-3Z (a pulse).

Both schemes go through it on tetrahedra: the fast one, and Taylor-Hood. Forces are those that hold the cylinder. Converged
values: John, Int. J. Numer. Methods Fluids 40, 2002 (3D-1Z); Bayraktar, Mierka and Turek, Int. J. Comput. Sci. Eng. 7,
2012 (3D-3Z).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from organtwin.model import FlowCase, OrganMesh
from organtwin.model.flow_case import FlowNumerics
from organtwin.monitor import Monitor, PartMonitor
from organtwin.validation import Case, Row
from organtwin_solvers.fem.organ import fem_mesh
from organtwin_solvers.flow.fast.scheme import Scheme
from organtwin_solvers.flow.march import steady as march
from organtwin_solvers.flow.setup.conditions import Conditions, Inflow, resolve
from organtwin_solvers.flow.setup.waveforms import Waveform
from organtwin_solvers.flow.taylor_hood.scheme import TaylorHood
from organtwin_solvers.validation.channel_mesh import HEIGHT, RADIUS, box

VISCOSITY, LENGTH, CENTRE, PERIOD = 1e-3, 2.5, (0.5, 0.2), 8.0
MEAN = 4.0 / 9.0  # mean speed of the inflow over its greatest

Array = NDArray[np.float64]


def conditions_of(organ: OrganMesh, greatest: float, *, pulse: bool) -> Conditions:
    """Inflow 16 U y z (H - y)(H - z) / H^4, steady or times sin(pi t / 8); no stress at the outlet."""
    case = FlowCase.model_validate(
        {
            "blood": {"density": "1 g/mm^3", "viscosity": f"{VISCOSITY} g/(mm*s)"},
            "inlets": [{"cap": "inlet", "flow": "1 mm^3/s"}],
            "numerics": {"period": f"{PERIOD} s"},
        }
    )
    conditions = resolve(case, organ)
    points = conditions.inflows[0].points
    _, y, z = np.asarray(organ.points_mm)[points].T
    through = MEAN * HEIGHT**2  # for a greatest speed of 1
    profile = np.zeros((len(points), 3))
    profile[:, 0] = 16.0 * y * z * (HEIGHT - y) * (HEIGHT - z) / HEIGHT**4 / through
    wave = (
        Waveform("pulse", PERIOD, greatest * through, lambda phase: np.sin(np.pi * phase))
        if pulse
        else Waveform("constant", PERIOD, greatest * through, np.ones_like)
    )
    inflow = Inflow("inlet", points, profile, np.array([1.0, 0.0, 0.0]), wave, len(organ.points_mm))
    return replace(conditions, inflows=(inflow,))


def coefficients(organ: OrganMesh, reaction: Array, mean_speed: float) -> Array:
    """Drag and lift from the forces (n_points, 3) that hold the walls."""
    x, y = np.asarray(organ.points_mm)[:, :2].T
    on_cylinder = np.hypot(x - CENTRE[0], y - CENTRE[1]) < 1.02 * RADIUS
    force = -reaction[on_cylinder, :2].sum(axis=0)
    return 2.0 * force / (mean_speed**2 * 2.0 * RADIUS * HEIGHT)


def steady(organ: OrganMesh, kind: type[Scheme] | type[TaylorHood], monitor: Monitor) -> tuple[Array, float]:
    """Drag and lift of 3D-1Z, and the seconds it took."""
    begin = time.perf_counter()
    conditions = conditions_of(organ, 0.45, pulse=False)
    numerics = FlowNumerics(tolerance=2e-4)
    marched = march.steady(kind(fem_mesh(organ), conditions), numerics, monitor)
    return coefficients(organ, marched.frames[-1].reaction, 0.2), time.perf_counter() - begin


def run_3d1z(quick: bool, monitor: Monitor) -> list[Row]:
    """Reynolds number 20, with both schemes."""
    rows: list[Row] = []
    meshes = {
        "fast": (Scheme, (10, 10) if quick else (20, 20), (3.0, 40.0) if quick else (1.0, 10.0)),
        "Taylor-Hood": (TaylorHood, (6, 6) if quick else (10, 10), (1.0, 20.0) if quick else (0.3, 5.0)),
    }
    for k, (name, (kind, (cells, layers), accepted)) in enumerate(meshes.items()):
        organ = box(cells, layers, centre=CENTRE, length=LENGTH, growth=1.15, slender=1.5)
        found, seconds = steady(organ, kind, PartMonitor(monitor, k / 2, (k + 1) / 2))
        mesh = f"{len(organ.tets)} tetrahedra, {name} scheme"
        source = "John 2002; Schaefer and Turek 1996"
        for quantity, reference, computed, spread in zip(
            ("drag coefficient", "lift coefficient"), (6.18533, 0.009401), found, accepted, strict=True
        ):
            rows.append(Row(f"{quantity}, {name}", reference, float(computed), "", spread, source, mesh, seconds))
    return rows


def pulse(organ: OrganMesh, kind: type[Scheme] | type[TaylorHood], steps: int) -> Iterator[tuple[float, float, float]]:
    """Time, drag and lift of 3D-3Z after each of the steps."""
    conditions = conditions_of(organ, 2.25, pulse=True)
    scheme = kind(fem_mesh(organ), conditions)
    state = scheme.rest()
    for _ in range(steps):
        state = scheme.step(state, PERIOD / steps)
        drag, lift = coefficients(organ, scheme.to_points(scheme.reaction(state)), 1.0)
        yield state.time_s, float(drag), float(lift)


def run_3d3z(quick: bool, monitor: Monitor) -> list[Row]:
    """A pulse of inflow over 8 s, up to Reynolds number 100, with Taylor-Hood elements; minutes long, so only in the
    full run."""
    if quick:
        return []
    cells, layers, steps = 8, 8, 320
    begin = time.perf_counter()
    organ = box(cells, layers, centre=CENTRE, length=LENGTH, growth=1.15, slender=1.5)
    history = []
    for k, row in enumerate(pulse(organ, TaylorHood, steps)):
        history.append(row)
        monitor.progress((k + 1) / steps, f"t = {row[0]:.2f} s")
    _, drag, lift = np.array(history).T
    mesh = f"{len(organ.tets)} tetrahedra, Taylor-Hood, step {1000 * PERIOD / steps:g} ms"
    seconds, source = time.perf_counter() - begin, "Bayraktar, Mierka and Turek 2012"
    return [
        Row("drag coefficient, greatest", 3.2978, float(drag.max()), "", 1.0, source, mesh, seconds),
        Row("lift coefficient, least", -0.010999, float(lift.min()), "", 25.0, source, mesh, seconds),
    ]


DFG_3D1Z = Case("dfg-3d1z", "Steady flow past a cylinder in a square channel, Re 20", run_3d1z)
DFG_3D3Z = Case("dfg-3d3z", "A pulse of flow past a cylinder in a square channel, Re up to 100", run_3d3z)
