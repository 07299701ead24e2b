"""Where a 3D solve should begin: near the periodic state, which the lumped model finds in a fraction of a second."""

from __future__ import annotations

from dataclasses import dataclass

from organtwin.model import FlowCase, OrganMesh
from organtwin.model.centerline import Centerline
from organtwin_solvers.flow.setup.conditions import Conditions
from organtwin_solvers.lumped.vessel import solve_vessel


@dataclass(frozen=True)
class Start:
    """At t = 0 of the periodic state: by outlet the stored pressure (Pa, less the conditions' reference), by cap the flow.

    Flows (mm^3/s) are in through inlets and out through outlets.
    """

    stored_pa: dict[str, float]
    flow_mm3_per_s: dict[str, float]


def periodic_state(organ: OrganMesh, case: FlowCase, conditions: Conditions, line: Centerline) -> Start:
    """Windkessels as full, and flows as they are, at the start of a beat of the periodic state; the steady one of a steady case.

    The pressure that the vessel itself costs is in it. ``organ`` is the mesh of ``line``.

    Raises
    ------
    BadInput, SolveFailed
        See :func:`organtwin_solvers.lumped.vessel.solve_vessel`.
    """
    beat = solve_vessel(case, conditions, line)
    inflows = {inflow.cap for inflow in conditions.inflows}
    flows = {branch.cap: float(beat.flow[0, k]) for k, branch in enumerate(line.branches) if branch.cap}
    flows = {cap: -flow if cap in inflows else flow for cap, flow in flows.items()}
    trunk = next(k for k, branch in enumerate(line.branches) if branch.parent < 0)
    flows[line.inlet] = float(beat.flow[0, trunk]) * (1.0 if line.inlet in inflows else -1.0)
    return Start({cap: float(stored[0]) for cap, stored in beat.stored_pa.items()}, flows)
