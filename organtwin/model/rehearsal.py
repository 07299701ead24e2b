"""A rehearsal: what lies on the table, what was done to it, and what came of it. Enough to replay it exactly.

A rehearsal is a list of commands at ticks of a clock; the engine is deterministic, so the same commands on the same mesh
give the same bytes. Between commands the tool moves: poses are recorded apart, as an array.
"""

from __future__ import annotations

from math import isfinite
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field, model_validator

from organtwin.model.base import Array, Frozen, TwinObject
from organtwin.model.result import Quantity
from organtwin.model.tissue_case import Material, Region, Spring
from organtwin.model.tool import Shape, Vector
from organtwin.units import Acceleration, Length

Share = Annotated[float, Field(ge=0, le=1)]
Tick = Annotated[int, Field(ge=0, le=10_000_000)]  # at 60 a second two days: more is a slip of the pen
POSE = 10  # numbers in a row of poses


class Scene(Frozen):
    """The organ as it lies: materials by part of the mesh, what holds it, its weight.

    What it carries inside (surfaces of vessels and tumours) and its neighbours are inputs by role: "inside-1", "neighbour-1".
    """

    material: Material = Material()
    materials: dict[str, Material] = Field(default_factory=dict)
    fixed: tuple[Region, ...] = ()
    springs: tuple[Spring, ...] = ()
    gravity: Vector | None = None
    gravity_strength: Acceleration = "9.80665 m/s^2"
    step_s: Annotated[float, Field(gt=0, le=0.1)] = 1 / 60
    iterations: Annotated[int, Field(ge=1, le=1000)] = 12  # of the linear solver in a step
    damping_per_s: Annotated[float, Field(ge=0, le=1e6)] = 2.0


# -- what can be done: one class a command ------------------------------------------------------------------------------


class Take(Frozen):
    """Take a tool in hand; poses move it from now on. A ``grasper`` closes by :class:`Close` and holds what it reaches."""

    do: Literal["take"] = "take"
    tool: Literal["probe", "grasper", "retractor", "ball"] = "probe"
    shape: Shape | None = None  # None: the usual one of that tool


class Lay(Frozen):
    """Lay the tool in hand away; a retractor may be left where it stands."""

    do: Literal["lay"] = "lay"
    leave: bool = False


class Close(Frozen):
    """Close the jaws on the tissue within ``reach`` of the tip."""

    do: Literal["close"] = "close"
    reach: Length = "6 mm"


class Open(Frozen):
    """Open the jaws and let go."""

    do: Literal["open"] = "open"


class Fix(Frozen):
    """Hold the surface around a place where it is now; ``free`` takes what is held there away."""

    do: Literal["fix"] = "fix"
    at_mm: Vector
    radius: Length = "8 mm"
    free: bool = False


class Clip(Frozen):
    """Close a vessel that the organ carries, at the place on it nearest to ``at_mm``."""

    do: Literal["clip"] = "clip"
    at_mm: Vector


class Incise(Frozen):
    """Cut along a path drawn on the surface, ``depth`` deep along ``direction`` (None: against the surface normal)."""

    do: Literal["incise"] = "incise"
    path_mm: tuple[Vector, ...]
    depth: Length = "15 mm"
    direction: Vector | None = None


class PlaneResection(Frozen):
    """Cut through by a plane and take away what lies on the side of its normal."""

    do: Literal["resect-plane"] = "resect-plane"
    point_mm: Vector
    normal: Vector


class SurfaceResection(Frozen):
    """Cut through by the sheet swept from a drawn curve along ``direction``, and take away the piece at ``take_mm``."""

    do: Literal["resect-surface"] = "resect-surface"
    path_mm: tuple[Vector, ...]
    direction: Vector
    take_mm: Vector


class MarginResection(Frozen):
    """Take a tumour that the organ carries away with a margin around it; ``planned`` in the scan's own places."""

    do: Literal["resect-margin"] = "resect-margin"
    inside: str  # name of the thing inside
    margin: Length = "10 mm"


class PlanResection(Frozen):
    """Cut along the surface of a resection plan (role "plan" of the inputs)."""

    do: Literal["resect-plan"] = "resect-plan"


class Ablate(Frozen):
    """Burn an ellipsoid around the tip of a needle: half axes along and across it. What is burnt becomes stiff."""

    do: Literal["ablate"] = "ablate"
    tip_mm: Vector
    axis: Vector
    along: Length = "18 mm"
    across: Length = "14 mm"


class Suture(Frozen):
    """Draw two places of the surface together by a thread."""

    do: Literal["suture"] = "suture"
    from_mm: Vector
    to_mm: Vector
    radius: Length = "3 mm"


class Drain(Frozen):
    """Empty a thing inside (a cyst, an abscess) down to this share of its volume."""

    do: Literal["drain"] = "drain"
    inside: str
    keep: Share = 0.2


class Settle(Frozen):
    """Nothing is done: let the tissue come to rest. For scripts."""

    do: Literal["settle"] = "settle"


Command = Annotated[
    Take
    | Lay
    | Close
    | Open
    | Fix
    | Clip
    | Incise
    | PlaneResection
    | SurfaceResection
    | MarginResection
    | PlanResection
    | Ablate
    | Suture
    | Drain
    | Settle,
    Field(discriminator="do"),
]


COMMANDS: dict[str, type[Frozen]] = {cls.model_fields["do"].default: cls for cls in get_args(get_args(Command)[0])}


class Step(Frozen):
    """A command at a tick. Positions are those of the tissue as it stands at that tick, in LPS mm."""

    tick: Tick
    command: Command


class Script(Frozen):
    """What is done. ``poses``: rows of tick, tip x y z, axis x y z, normal x y z; a pose holds until the next."""

    scene: Scene
    steps: tuple[Step, ...] = ()
    poses: tuple[tuple[float, ...], ...] = ()
    ticks: Tick = 0  # where it ends

    @model_validator(mode="after")
    def _poses_are_ten_numbers(self) -> Script:
        for number, row in enumerate(self.poses):
            if len(row) != POSE:
                raise ValueError(
                    f"pose {number} has {len(row)} numbers; it needs {POSE}: tick, tip x y z, axis x y z, normal x y z"
                )
            if not all(isfinite(x) for x in row):
                raise ValueError(f"pose {number} has a number that is not finite")
        return self


class Deviation(Frozen):
    """How far the rehearsal is from the full solve of the same state: largest distance, and as share of the largest
    displacement; ``result`` is that solve."""

    tick: int
    largest_mm: float
    percent: float
    result: str


class Rehearsal(TwinObject):
    """A recorded rehearsal on a mesh.

    ``poses`` (k, 10) float64 as in :class:`Script`. ``digest`` is the SHA-256 of all positions at the end: a replay
    must give it again on the same kind of machine. ``quantities`` are those of the end: force, strain, volumes, margins,
    vessels cut by name, steps, time.
    """

    kind: ClassVar[str] = "rehearsal"

    mesh: str  # uuid
    inputs: dict[str, str]  # uuids by role: what it was made with
    scene: Scene
    steps: tuple[Step, ...]
    poses: Array
    ticks: int
    digest: str = ""
    quantities: tuple[Quantity, ...] = ()
    deviation: Deviation | None = None
    histories: dict[str, list[float]] = Field(default_factory=dict)

    @property
    def script(self) -> Script:
        """What was done, as plain data."""
        return Script(
            scene=self.scene,
            steps=self.steps,
            poses=tuple(tuple(float(x) for x in row) for row in self.poses),
            ticks=self.ticks,
        )
