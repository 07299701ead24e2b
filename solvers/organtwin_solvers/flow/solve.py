"""From a case and a mesh to a result."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from organtwin.errors import OrganTwinError
from organtwin.model import Centerline, FlowCase, OrganMesh, Result, TwinObject
from organtwin.monitor import Monitor, NullMonitor, PartMonitor
from organtwin_solvers.fem.organ import FemMesh, fem_mesh
from organtwin_solvers.flow.fast.scheme import Scheme
from organtwin_solvers.flow.flow_scheme import FlowScheme
from organtwin_solvers.flow.march.pulsatile import pulsatile
from organtwin_solvers.flow.march.steady import steady
from organtwin_solvers.flow.operation import FlowParameters
from organtwin_solvers.flow.request import mesh_and_case
from organtwin_solvers.flow.results.along import line_of
from organtwin_solvers.flow.results.quantities import result_of
from organtwin_solvers.flow.setup.conditions import Conditions
from organtwin_solvers.flow.setup.preflight import checked
from organtwin_solvers.flow.taylor_hood.scheme import TaylorHood
from organtwin_solvers.lumped.start import periodic_state

SCHEMES: dict[str, Callable[[FemMesh, Conditions], FlowScheme]] = {"fast": Scheme, "taylor-hood": TaylorHood}


def run(inputs: Mapping[str, TwinObject], parameters: FlowParameters, monitor: Monitor) -> tuple[Result]:
    """The operation "flow"."""
    organ, case = mesh_and_case(inputs, parameters)
    return (solve(organ, case, monitor),)


def solve(organ: OrganMesh, case: FlowCase, monitor: Monitor | None = None) -> Result:
    """Solve a flow case on a vessel mesh.

    Returns
    -------
    Result
        Fields in the mesh's point order: velocity_mm_per_s (nt, n, 3), pressure_pa (nt, n), wall_shear_pa (nt, n), the
        magnitude, zero off the wall. One frame for a steady flow, those of the last cycle for a pulsatile one.

    Raises
    ------
    BadInput
        When the case does not fit the mesh.
    SolveFailed
        When no step, however short, could be solved.
    """
    monitor = monitor or NullMonitor()
    monitor.progress(0.0, "checking the case")
    conditions = checked(case, organ, monitor)
    started = time.perf_counter()

    monitor.progress(0.01, "middle line of the vessel")
    line = line_of(organ)
    if case.numerics.mode == "pulsatile" and case.numerics.start == "lumped" and line is not None:
        conditions = _charged(organ, case, conditions, line, monitor)
    monitor.progress(0.02, "preparing the equations")
    scheme = SCHEMES[case.numerics.scheme](fem_mesh(organ), conditions)
    part = PartMonitor(monitor, 0.04, 0.98)
    if case.numerics.mode == "steady":
        marched, wall = steady(scheme, case.numerics, part), None
    else:
        marched, wall = pulsatile(scheme, case.numerics, part)
    monitor.progress(0.98, "quantities")
    seconds, last = time.perf_counter() - started, PartMonitor(monitor, 0.98, 1.0)
    return result_of(organ, case, conditions, marched, seconds=seconds, cycle=wall, line=line, monitor=last)


def _charged(
    organ: OrganMesh, case: FlowCase, conditions: Conditions, line: Centerline, monitor: Monitor
) -> Conditions:
    """Windkessels charged as in the periodic state of the lumped model, so that few beats are lost to filling them."""
    if not any(outflow.compliance for outflow in conditions.outflows):
        return conditions
    try:
        start = periodic_state(organ, case, conditions, line)
    except OrganTwinError as error:
        monitor.log(
            f"The lumped model gave no start ({error.sentence}); windkessels start from the outlets' own periodic state."
        )
        return conditions
    charged = (replace(o, stored_pa=start.stored_pa.get(o.cap, o.stored_pa)) for o in conditions.outflows)
    return replace(conditions, outflows=tuple(charged))
