"""How far a rehearsal is from the full solve: the same state of holds and tools, solved without haste."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from organtwin.errors import BadInput
from organtwin.model import OrganMesh, Quantity, Rehearsal, TwinObject
from organtwin.monitor import Monitor, PartMonitor
from organtwin_solvers.rehearsal.check_operation import CheckParameters
from organtwin_solvers.rehearsal.replay import play

MOVED_MM = 0.05  # less than this is no state to compare


def run(inputs: dict[str, TwinObject], parameters: CheckParameters, monitor: Monitor) -> Sequence[TwinObject]:
    """The operation "rehearsal-check": the full solve, with the deviation among its quantities; and the mesh it was
    solved on when the organ was cut."""
    from organtwin_solvers.tissue.deform import deform

    rehearsal = inputs["rehearsal"]
    assert isinstance(rehearsal, Rehearsal)
    tick = rehearsal.ticks if parameters.tick is None else parameters.tick
    performance = play(inputs, rehearsal.script, PartMonitor(monitor, 0.0, 0.2), until=tick)
    engine = performance.engine
    if engine.body.size is not None:  # type: ignore[attr-defined]
        raise BadInput(
            "What was drained cannot be followed by the full solve", remedy="Check a moment before it was drained."
        )
    mesh, rehearsed = engine.mesh(), engine.displacement_mm()
    if np.linalg.norm(rehearsed, axis=1).max(initial=0.0) < MOVED_MM:
        raise BadInput("Nothing is moved in this moment of the rehearsal", remedy="Check a moment with a tool at work.")
    beside = {role: organ for role, organ in inputs.items() if role != "mesh" and isinstance(organ, OrganMesh)}
    solved = deform(mesh, engine.case(), PartMonitor(monitor, 0.2, 0.8), beside)
    exact = np.asarray(solved.fields["displacement_mm"][-1], float)
    apart = np.linalg.norm(rehearsed - exact, axis=1)
    largest, most = float(apart[np.unique(mesh.tets)].max()), float(np.linalg.norm(exact, axis=1).max())
    unrest = engine.stepper.unrest()  # type: ignore[attr-defined]
    found = (
        Quantity(
            name="deviation of the rehearsal",
            value=largest,
            unit="mm",
            level="good",
            why=f"largest distance of all points at tick {tick}",
        ),
        Quantity(
            name="deviation relative to the largest displacement",
            value=100 * largest / most,
            unit="%",
            level="good",
            why=f"largest displacement {most:.2f} mm; the rehearsal was at rest to {unrest:.1e} of the acting forces",
        ),
    )
    result = solved.with_(
        name=f"{rehearsal.name}, full solve",
        quantities=(*found, *solved.quantities),
        fields={
            **solved.fields,
            "deviation_mm": np.stack([0 * apart, apart]).astype(np.float32)[[0] * (len(solved.times_s) - 1) + [1]],
        },
    )
    if mesh.uuid == rehearsal.mesh:
        return (result,)
    return mesh.with_(name=f"{mesh.name}, after {rehearsal.name}"), result
