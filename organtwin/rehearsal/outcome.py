"""What stays of a rehearsal: the recording, the organ as it was left, and how far it was moved."""

from __future__ import annotations

import numpy as np

from organtwin.model import OrganMesh, Quantity, Recipe, Rehearsal, Result, TwinObject
from organtwin.rehearsal.performance import Performance


def outcome(performance: Performance, inputs: dict[str, str], name: str) -> list[TwinObject]:
    """The :class:`Rehearsal`; the :class:`OrganMesh` it left when something was cut; a :class:`Result` on that mesh.

    ``inputs`` are the uuids by role. The recording is a record of what a person did and has no recipe; what follows from
    it has the recipe to replay it.
    """
    engine, script = performance.engine, performance.script()
    quantities = engine.quantities()
    mesh = engine.mesh()
    rehearsal = Rehearsal(
        name=name,
        mesh=inputs["mesh"],
        inputs=inputs,
        scene=script.scene,
        steps=script.steps,
        poses=np.array(script.poses, np.float64).reshape(-1, 10),
        ticks=script.ticks,
        digest=engine.digest(),
        quantities=quantities,
    )
    recipe = Recipe(operation="rehearse", parameters={}, inputs={**inputs, "rehearsal": rehearsal.uuid})
    things: list[TwinObject] = [rehearsal]
    if mesh.uuid != inputs["mesh"]:
        things.append(mesh.with_(name=f"{mesh.name}, after {name}", recipe=recipe))
    things.append(_result(performance, mesh, name, quantities).with_(recipe=recipe))
    return things


def _result(performance: Performance, mesh: OrganMesh, name: str, quantities: tuple[Quantity, ...]) -> Result:
    frame = performance.engine.frame()
    return Result(
        name=name,
        physics="rehearsal",
        mesh=mesh.uuid,
        times_s=np.array([performance.engine.tick * performance.scene.step_s]),
        fields={
            "displacement_mm": performance.engine.displacement_mm()[None].astype(np.float32),
            "strain": performance.engine.strain()[None].astype(np.float32),
        },
        quantities=quantities,
        credibility={
            "mesh": f"{len(mesh.tets)} tetrahedra, {len(mesh.points_mm)} points",
            "rehearsal": "real-time engine; not a full solve",
            "unrest": f"{frame.measures.unrest:.1e} of the acting forces",
        },
    )
