"""The organ as a rehearsal left it: as a mesh, and as a case for the full solve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from organtwin.model import OrganMesh, TissueCase
from organtwin.model.tissue_case import Material, Pull, Region, Spring, TissueNumerics
from organtwin.model.tool import Pose, RigidTool
from organtwin.rehearsal.frame import BURNT, CUT
from organtwin_solvers.rehearsal.body import Body

if TYPE_CHECKING:
    from organtwin_solvers.rehearsal.engine import Engine

BURNT_PART = "burnt"


def untouched(engine: Engine) -> bool:
    """Whether the organ still is the mesh that was laid on the table."""
    body = engine.body
    return (
        len(body.tets) == len(engine.organ.tets)
        and np.array_equal(body.tets, engine.organ.tets)
        and (
            np.array_equal(body.rest_mm, engine.organ.points_mm)
            and len(body.materials) == 1 + len(engine.scene.materials)
        )
    )


def used_points(engine: Engine) -> NDArray[np.int64]:
    """Points of the body that are points of :func:`mesh_of`, in its order."""
    if untouched(engine):
        return np.arange(len(engine.body.rest_mm))
    return np.unique(engine.body.tets).astype(np.int64)


def mesh_of(engine: Engine) -> OrganMesh:
    """The organ as it now is, at rest; cut faces are the boundary "cut", burnt ones "burnt"."""
    if untouched(engine):
        return engine.organ
    from uuid import uuid4

    from organtwin.mesh.quality import report  # heavy: only when something was cut

    body, organ = engine.body, engine.organ
    used = used_points(engine)
    number = np.full(len(body.rest_mm), -1, np.int64)
    number[used] = np.arange(len(used))
    points, tets = body.rest_mm[used], number[body.tets].astype(np.int32)
    triangles = number[body.triangles].astype(np.int32)
    boundaries = dict(organ.boundaries)
    tags = _tags_of(engine, triangles, points)
    for kind, name in ((CUT, "cut"), (BURNT, BURNT_PART)):
        if (body.kinds == kind).any():
            boundaries[name] = max(boundaries.values(), default=0) + 1
            tags[body.kinds == kind] = boundaries[name]
    names = [
        "",
        *engine.scene.materials,
        *([BURNT_PART] if len(body.materials) > 1 + len(engine.scene.materials) else []),
    ]
    return organ.with_(
        uuid=str(uuid4()),
        points_mm=points,
        tets=tets,
        boundary_triangles=triangles,
        boundary_tags=tags,
        boundaries=boundaries,
        materials_of_cells=np.asarray(body.part, np.int16),
        materials={name: index for index, name in enumerate(names) if name},
        replaces=None,
        recipe=None,
        notes=(f"What a rehearsal left of '{organ.name}'.",),
        mesher=f"{organ.mesher}, cut in a rehearsal",
        report=report(points, tets),
    )


def _tags_of(engine: Engine, triangles: NDArray[np.int32], points: NDArray[np.float64]) -> NDArray[np.int16]:
    """Tag of each triangle: that of the nearest triangle of the whole organ."""
    from scipy.spatial import cKDTree

    organ = engine.organ
    centres = np.asarray(organ.points_mm, float)[np.asarray(organ.boundary_triangles)].mean(axis=1)
    _, nearest = cKDTree(centres).query(points[triangles].mean(axis=1))
    return np.asarray(organ.boundary_tags, np.int16)[nearest].copy()


def case_of(engine: Engine) -> TissueCase:
    """What holds, pulls and presses at this moment. What is held is prescribed point by point; so is what a thread holds."""
    body, scene, stepper = engine.body, engine.scene, engine.stepper
    used = used_points(engine)
    number = np.full(len(body.rest_mm), -1, np.int64)
    number[used] = np.arange(len(used))
    fixed, pulls = [], []
    for held in stepper.held.values():
        mine = number[held.nodes] >= 0
        nodes = number[held.nodes[mine]]
        if not len(nodes):
            continue
        moved = held.targets_mm[mine] - body.rest_mm[held.nodes[mine]]
        region = Region(points=tuple(int(n) for n in nodes))
        if np.abs(moved).max() < 1e-9:
            fixed.append(region)
        else:
            pulls.append(Pull(region=region, each_mm=tuple((float(a), float(b), float(c)) for a, b, c in moved)))
    for link in stepper.links:
        for nodes in (link.nodes_a, link.nodes_b):
            inside = nodes[number[nodes] >= 0]
            moved = stepper.x[inside] - body.rest_mm[inside]
            pulls.append(
                Pull(
                    region=Region(points=tuple(int(n) for n in number[inside])),
                    each_mm=tuple((float(a), float(b), float(c)) for a, b, c in moved),
                )
            )
    return TissueCase(
        name="rehearsed state",
        material=scene.material,
        materials=_materials(engine, body),
        fixed=tuple(fixed),
        springs=_springs(engine, number),
        pulls=tuple(pulls),
        tools=_tools(engine),
        gravity=scene.gravity,
        gravity_strength=scene.gravity_strength,
        numerics=TissueNumerics(load_steps=6),
    )


def _materials(engine: Engine, body: Body) -> dict[str, Material]:
    materials = dict(engine.scene.materials)
    if len(body.materials) > 1 + len(materials):
        materials[BURNT_PART] = burnt(engine.scene.material)
    return materials


def _springs(engine: Engine, number: NDArray[np.int64]) -> tuple[Spring, ...]:
    """Springs of the scene, whose regions are named on the mesh that was laid on the table, on what is left of them."""
    if untouched(engine):
        return engine.scene.springs
    kept = []
    for spring, mine in zip(engine.scene.springs, engine.stepper.springs, strict=True):
        nodes = number[mine.nodes]
        kept.append(spring.model_copy(update={"region": Region(points=tuple(int(n) for n in nodes[nodes >= 0]))}))
    return tuple(kept)


def _tools(engine: Engine) -> tuple[RigidTool, ...]:
    """Tools that press, brought from where they last touched nothing. The jaws that hold tissue do so by what they hold."""
    found = []
    for tool in engine.tools:
        rigid, free = tool.rigid(), engine.free_pose(tool)
        if rigid is not None and tool.contact.force.any():
            found.append(rigid if free is None else rigid.model_copy(update={"start": _pose(free)}))
    return tuple(found)


def _pose(nine: NDArray[np.float64]) -> Pose:
    a = [float(x) for x in nine]
    return Pose(tip_mm=(a[0], a[1], a[2]), axis=(a[3], a[4], a[5]), normal=(a[6], a[7], a[8]))


def burnt(material: Material) -> Material:
    """Coagulated tissue: seven times as stiff (6.6 to 46 kPa in ultrasound elastometry of isolated porcine livers during
    radiofrequency ablation, within 1 cm of the needle)."""
    from organtwin.units import parse

    return material.model_copy(
        update={
            "young": f"{7 * parse(material.young, 'pressure'):.6g} Pa",
            "tears_at": None,
            "source": "seven times the tissue's own: elastometry during radiofrequency ablation of porcine liver",
        }
    )
