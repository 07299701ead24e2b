"""A case with nothing left to find: what hangs at every outlet in numbers."""

from __future__ import annotations

from organtwin.model import FlowCase, OrganMesh
from organtwin.model.flow_case import Outlet, Windkessel
from organtwin.units import convert
from organtwin_solvers.flow.setup.conditions import resolve


def explicit(case: FlowCase, organ: OrganMesh) -> FlowCase:
    """The same case with every outlet named and targets turned into the resistances and windkessels that meet them.

    A steady case has only resistances.

    Raises
    ------
    BadInput
        When the case does not fit the mesh.
    """
    outlets = []
    for end in resolve(case, organ).loop.terminals:
        beyond = f"{convert(end.distal_pressure_pa, 'pressure', 'mmHg'):.9g} mmHg"
        proximal, distal, both = (
            f"{convert(r, 'resistance', 'mmHg*s/mL'):.9g} mmHg*s/mL" for r in (end.proximal, end.distal, end.resistance)
        )
        if end.compliance > 0.0:
            compliance = f"{convert(end.compliance, 'compliance', 'mL/mmHg'):.9g} mL/mmHg"
            windkessel = Windkessel(proximal=proximal, compliance=compliance, distal=distal, distal_pressure=beyond)
            outlets.append(Outlet(cap=end.cap, windkessel=windkessel))
        else:
            outlets.append(Outlet(cap=end.cap, pressure=beyond, resistance=both if end.resistance > 0.0 else None))
    return case.with_(outlets=tuple(outlets), targets=None)
