"""One organ on the table: its tissue, the tool in hand, what it carries, and what was done to it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model import Centerline, OrganMesh, ResectionPlan, Surface, TissueCase, TwinObject
from organtwin.model.rehearsal import Command, Scene, Take
from organtwin.model.result import Quantity
from organtwin.rehearsal.engine import of_role
from organtwin.rehearsal.frame import Frame
from organtwin_solvers.rehearsal import actions, measures
from organtwin_solvers.rehearsal.body import Body
from organtwin_solvers.rehearsal.carried import Carried
from organtwin_solvers.rehearsal.contact.cut_faces import CutFaces
from organtwin_solvers.rehearsal.contact.organs import Neighbours
from organtwin_solvers.rehearsal.history import History
from organtwin_solvers.rehearsal.stepper import Snapshot as StepperState
from organtwin_solvers.rehearsal.stepper import Stepper
from organtwin_solvers.rehearsal.supports import Springs, held_by
from organtwin_solvers.rehearsal.tools import GRASP, NEWTON, Tool, ToolState
from organtwin_solvers.rehearsal.warming import warm_up
from organtwin_solvers.tissue.gravity import acceleration

AT_REST_MM_PER_S = 0.5  # nothing moves that can be seen
STILL_TICKS = 30


@dataclass(frozen=True)
class Snapshot:
    """Everything that the next step depends on."""

    tick: int
    still: int
    stepper: StepperState
    tool: Tool | None
    laid: tuple[Tool, ...]
    tools: tuple[ToolState, ...]
    pose: NDArray[np.float64] | None
    free: dict[Tool, NDArray[np.float64]]
    carried: tuple[Carried, ...]
    history: History


class Engine:
    """See :class:`organtwin.rehearsal.engine.Engine`.

    Attributes that actions use
    ---------------------------
    organ, scene : what lies on the table
    stepper : Stepper
        Positions, velocities, holds, springs, links; ``stepper.body`` is the tissue as it now is.
    tool, laid : Tool or None, list of Tool
        The tool in hand, and those left standing.
    carried : tuple of Carried
        Surfaces inside: vessels, tumours.
    history : History
        What was cut, clipped and taken away.
    """

    def __init__(self, objects: Mapping[str, TwinObject], scene: Scene) -> None:
        organ = objects["mesh"]
        assert isinstance(organ, OrganMesh)
        self.organ, self.scene, self.tick = organ, scene, 0
        body = Body.of(organ, scene)
        self.stepper = Stepper(
            body,
            step_s=scene.step_s,
            iterations=scene.iterations,
            damping_per_s=scene.damping_per_s,
            gravity_mm_per_s2=acceleration(scene.gravity, scene.gravity_strength),
        )
        self.stepper.held |= held_by(organ, scene)
        self.stepper.springs += [Springs.of(organ, spring) for spring in scene.springs]
        if not (self.stepper.held or self.stepper.springs):
            raise BadInput("Nothing holds the organ: it would float away", remedy="Choose where it is held.")
        self.carried = tuple(
            Carried.of(surface, body) for surface in of_role(objects, "inside") if isinstance(surface, Surface)
        )
        self.trees = tuple(tree for tree in of_role(objects, "tree") if isinstance(tree, Centerline))
        self.plan = next((p for p in of_role(objects, "plan") if isinstance(p, ResectionPlan)), None)
        self.tool: Tool | None = None
        self.laid: list[Tool] = []
        self._pose: NDArray[np.float64] | None = None
        self._free: dict[Tool, NDArray[np.float64]] = {}  # where each tool last touched nothing
        neighbours = [mesh for mesh in of_role(objects, "neighbour") if isinstance(mesh, OrganMesh)]
        self.neighbours = Neighbours.of(neighbours, self.stepper)
        self._around = [
            CutFaces(self.stepper),
            *([self.neighbours] if neighbours else []),
        ]  # what is touched besides tools
        self.stepper.loads += self._around
        self._says = " ".join(map(_sentence, self.neighbours.says))  # until the first tick there is nobody to tell
        self.history = History(volume_mm3=float(body.volume_mm3.sum()))
        self._still = 0
        self._topology = 0
        self._shown: Body | None = None
        self._measure = measures.Measurer(self)

    @property
    def body(self) -> Body:
        return self.stepper.body

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The one in hand and those left standing."""
        return (*([] if self.tool is None else [self.tool]), *self.laid)

    def free_pose(self, tool: Tool) -> NDArray[np.float64] | None:
        """Where a tool last touched nothing."""
        return self._free.get(tool)

    # -- time -------------------------------------------------------------------------------------------------------

    def move(self, pose: NDArray[np.float64]) -> None:
        """Where the hand wants the tool (9,): tip, axis, normal."""
        self._pose = np.array(pose, float)
        if self.tool is not None:
            self.tool.move(self._pose)
            self._still = 0

    def do(self, command: Command) -> str:
        """Do a command; one sentence on what happened."""
        before = self.snapshot()
        try:
            said = actions.perform(self, command)
        except BadInput:
            self.restore(before)
            raise
        if self.tool is not None and self.tool.wanted is None and self._pose is not None:
            self.tool.move(self._pose)  # a tool just taken is where the hand is
        self.note(steps=self.history.steps + 1)
        self._still = 0
        return _sentence(said)

    def note(self, **changes: Any) -> None:
        """Write down what positions do not tell: fields of :class:`History`."""
        self.history = replace(self.history, **changes)

    def warm(self) -> None:
        """Have all compiled that a step, a tool, a frame and a cut need; nothing changes.

        The first time on a machine this takes a minute.
        """
        before, says = self.snapshot(), self._says
        self.step()
        self._touch()
        self.frame()
        self.restore(before)
        self._says = says
        warm_up()

    def _touch(self) -> None:
        """Touch the skin with a ball, a rod and a blade."""
        a, b, c = self.stepper.x[self.body.triangles[0]]
        side, outward = b - a, np.cross(b - a, c - a)
        side, outward = side / np.linalg.norm(side), outward / np.linalg.norm(outward)
        for tool in ("ball", "probe", "retractor"):
            self.do(Take(tool=tool))
            for clear_mm in (5.0, -0.5):
                self.move(np.concatenate([(a + b + c) / 3 + clear_mm * outward, -outward, side]))
                self.step()

    def step(self) -> str:
        """One tick; what came up in it, in sentences, mostly nothing."""
        said, self._says = self._says, ""
        for tool in self.tools:
            if came_up := tool.advance():
                said = f"{said} {_sentence(came_up)}".lstrip()
            if tool.felt is not None and not tool.force.any():
                self._free[tool] = tool.felt
        self.stepper.step()
        self.tick += 1
        speed = np.abs(self.stepper.v).max(initial=0.0)
        self._still = self._still + 1 if speed < AT_REST_MM_PER_S else 0
        return said

    @property
    def resting(self) -> bool:
        """Whether further steps would change nothing that can be seen."""
        return self._still >= STILL_TICKS

    # -- state ------------------------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        return Snapshot(
            self.tick,
            self._still,
            self.stepper.snapshot(),
            self.tool,
            tuple(self.laid),
            tuple(tool.snapshot() for tool in self.tools),
            self._pose,
            dict(self._free),
            self.carried,
            self.history,
        )

    def restore(self, snapshot: Snapshot) -> None:
        self.tick, self._still, self.carried, self.history = (
            snapshot.tick,
            snapshot.still,
            snapshot.carried,
            snapshot.history,
        )
        self.stepper.restore(snapshot.stepper)
        self.tool, self.laid = snapshot.tool, list(snapshot.laid)
        self._pose, self._free = snapshot.pose, dict(snapshot.free)
        for tool, state in zip(self.tools, snapshot.tools, strict=True):
            tool.restore(state)
        self.stepper.loads[:] = [*self._around, *(tool.contact for tool in reversed(self.tools))]

    def digest(self) -> str:
        """SHA-256 of positions, velocities and connections."""
        said = hashlib.sha256()
        for values in (self.stepper.x, self.stepper.v, self.body.tets, self.body.part):
            said.update(np.ascontiguousarray(values).tobytes())
        return said.hexdigest()

    # -- what is shown ----------------------------------------------------------------------------------------------

    def frame(self) -> Frame:
        body, x = self.body, self.stepper.x
        if body is not self._shown:
            self._shown, self._topology = body, self._topology + 1
            self._rest = body.rest_mm.astype(np.float32)
        strain = self.stepper.strain()
        carried = {c.name: c.positions(x) for c in self.carried}
        return Frame(
            tick=self.tick,
            topology=self._topology,
            points_mm=x.astype(np.float32),
            rest_mm=self._rest,
            triangles=body.triangles,
            kinds=body.kinds,
            strain=strain.astype(np.float32),
            force_n=self._point_force_n().astype(np.float32),
            carried_mm={name: self.history.pinched(name, at).astype(np.float32) for name, at in carried.items()},
            carried_gone={c.name: c.gone for c in self.carried},
            tool=None if self.tool is None else self.tool.felt,
            grasping=self.tool is not None and self.tool.grasping,
            held_mm=self._held().astype(np.float32),
            measures=self._measure(strain, carried),
        )

    def _point_force_n(self) -> NDArray[np.float64]:
        """Size of the force on every point: of contact, and of the jaws on what they hold."""
        stepper = self.stepper
        total = np.zeros_like(stepper.x)
        for load in stepper.loads:
            nodes, force, _ = load.evaluate(stepper.x)
            np.add.at(total, nodes, force)
        jaws = stepper.held.get(GRASP)
        if jaws is not None and len(jaws.nodes):
            total[jaws.nodes] += stepper.reaction(GRASP) / len(jaws.nodes)
        return np.asarray(np.linalg.norm(total, axis=1) / NEWTON)

    def _held(self) -> NDArray[np.float64]:
        """Middles of what is held, other than the fixed regions."""
        places = [h.targets_mm.mean(axis=0) for name, h in self.stepper.held.items() if not name.startswith("fixed")]
        return np.array(places).reshape(-1, 3)

    # -- what stays -------------------------------------------------------------------------------------------------

    def mesh(self) -> OrganMesh:
        """The organ as it now is, at rest: itself when nothing was cut."""
        from organtwin_solvers.rehearsal.aftermath import mesh_of

        return mesh_of(self)

    def displacement_mm(self) -> NDArray[np.float64]:
        """(n, 3) of the points of :meth:`mesh`."""
        from organtwin_solvers.rehearsal.aftermath import used_points

        return (self.stepper.x - self.body.rest_mm)[used_points(self)]

    def strain(self) -> NDArray[np.float64]:
        """(n,) of the points of :meth:`mesh`."""
        from organtwin_solvers.rehearsal.aftermath import used_points

        return np.asarray(self.stepper.strain()[used_points(self)])

    def case(self) -> TissueCase:
        """The present state of tools and holds, for the full solve on :meth:`mesh`."""
        from organtwin_solvers.rehearsal.aftermath import case_of

        return case_of(self)

    def quantities(self) -> tuple[Quantity, ...]:
        return measures.quantities(
            self._measure(self.stepper.strain(), {c.name: c.positions(self.stepper.x) for c in self.carried})
        )


def _sentence(said: str) -> str:
    return f"{said}."
