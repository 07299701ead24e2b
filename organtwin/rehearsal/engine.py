"""What a rehearsal needs of an engine, and how engines are found by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model import OrganMesh, TissueCase, TwinObject
from organtwin.model.rehearsal import Command, Scene
from organtwin.model.result import Quantity
from organtwin.rehearsal.frame import Frame

GROUP = "organtwin.rehearsal_engines"


class Engine(Protocol):
    """Tissue that is stepped. The same calls give the same bytes.

    Made from the objects by role ("mesh", "inside-1", "neighbour-1", "tree-1", "plan") and the scene.
    """

    tick: int

    def move(self, pose: NDArray[np.float64]) -> None:
        """Where the hand wants the tool (9,): tip, axis, normal."""

    def do(self, command: Command) -> str:
        """Do a command; one sentence on what happened.

        Raises
        ------
        BadInput
            When it cannot be done; nothing has changed.
        """

    def warm(self) -> None:
        """Have everything ready (compiled) that would make a first step or cut wait; nothing changes."""

    def step(self) -> str:
        """One tick; what came up in it without being asked for, in sentences, mostly nothing."""

    @property
    def resting(self) -> bool:
        """Whether nothing moves and nothing pulls: further steps would change nothing to be seen."""

    def frame(self) -> Frame:
        """What is to be shown of this moment."""

    def snapshot(self) -> object:
        """All that further steps depend on, for :meth:`restore` of this engine alone."""

    def restore(self, snapshot: Any) -> None:
        """Go back to a snapshot, to the last digit."""

    def digest(self) -> str:
        """SHA-256 of positions and connections."""

    def mesh(self) -> OrganMesh:
        """The organ as it now is, at rest: itself when nothing was cut."""

    def displacement_mm(self) -> NDArray[np.float64]:
        """(n, 3) of the points of :meth:`mesh`."""

    def strain(self) -> NDArray[np.float64]:
        """(n,) largest principal strain at the points of :meth:`mesh`."""

    def case(self) -> TissueCase:
        """The present state of tools and holds, for the full solve on :meth:`mesh`."""

    def quantities(self) -> tuple[Quantity, ...]:
        """The measures of this moment, as numbers of a result."""


def make(objects: Mapping[str, TwinObject], scene: Scene, name: str = "tissue") -> Engine:
    """The engine of that name, with the organ on its table.

    Raises
    ------
    BadInput
        When it is not installed, or the scene makes no sense on this mesh.
    """
    found = next(iter(entry_points(group=GROUP, name=name)), None)
    if found is None:
        raise BadInput("The rehearsal engine is not installed", remedy="Install organtwin[solvers].")
    return found.load()(objects, scene)


def of_role(objects: Mapping[str, TwinObject], role: str) -> Sequence[TwinObject]:
    """The objects whose role begins so, in order."""
    return [objects[key] for key in sorted(objects, key=_number) if key.partition("-")[0] == role]


def _number(role: str) -> tuple[str, int]:
    head, _, tail = role.partition("-")
    return head, int(tail) if tail.isdigit() else 0
