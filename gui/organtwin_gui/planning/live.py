"""A plan worked out beside the window while it is changed: roughly at once, and then as the operation has it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from organtwin.errors import OrganTwinError
from organtwin.model import Centerline, ResectionPlan, Segmentation
from organtwin.resection.anatomy import CAVA, Anatomy
from organtwin.resection.distance import FAR_MM, at
from organtwin.resection.plan import make_plan
from organtwin.resection.settings import Settings
from organtwin.resection.shapes import EMPTY, Shape, organ_shape, parts, structure_shape
from organtwin.resection.sheet import inside
from organtwin_gui.bridge import Bridge
from organtwin_gui.draft import Draft
from organtwin_gui.views.background import Background

ROUGH_VOXELS = 260_000  # of the grid that is worked on while one drags: about 3 mm in a liver
FINE_VOXELS = 1_500_000  # of that on which vessels are drawn
EXACT_AFTER_MS = 900
HANDLES = 9


@dataclass(frozen=True, eq=False)
class Drawn:
    """A plan with what it takes to draw it. ``margin_mm`` (n,) is the distance to a tumour at each point of the cut sheet
    within the organ; ``handles`` (k, 3) are places on it to drag, along ``normals`` (k, 3)."""

    plan: ResectionPlan
    taken: Shape
    stays: Shape
    sheet: Shape
    margin_mm: NDArray[np.float64]
    handles: NDArray[np.float64]
    normals: NDArray[np.float64]
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Ground:
    """What a plan is drawn on: the rough anatomy, the organ's surface, and surfaces of what lies inside by key."""

    anatomy: Anatomy
    organ: Shape
    inner: dict[str, Shape]


def ground_of(
    segmentation: Segmentation, territories: Segmentation | None, lines: Sequence[Centerline], organ: str
) -> Ground:
    """Read the objects; takes about a second."""
    anatomy = Anatomy.of(segmentation, territories, lines, organ=organ, most_voxels=ROUGH_VOXELS)
    finer = Anatomy.of(segmentation, organ=organ, most_voxels=FINE_VOXELS)
    inner = {key: structure_shape(finer, key) for key in (*finer.vessels, *finer.tumours)}
    for key in anatomy.tumours:  # what every change will ask for
        anatomy.tumour_mm((key,))
    anatomy.tumour_mm(tuple(anatomy.tumours))
    for key in anatomy.vessels:
        anatomy.vessel_mm(key)
        if key != CAVA:
            anatomy.nearest_vessel(key)
    return Ground(anatomy, organ_shape(anatomy), inner)


def draw(ground: Ground, settings: Settings) -> Drawn:
    """The rough plan of some settings, drawn."""
    started = time.perf_counter()
    plan = make_plan(ground.anatomy, settings)
    return drawn(ground, plan, time.perf_counter() - started)


def drawn(ground: Ground, plan: ResectionPlan, seconds: float = 0.0) -> Drawn:
    """A plan on any grid, drawn on this ground."""
    anatomy = ground.anatomy
    rough = on_grid(plan, anatomy)
    taken, stays = parts(anatomy, ground.organ, rough)
    points, triangles = inside(anatomy, np.asarray(plan.cut_points_mm), np.asarray(plan.cut_triangles))
    tumours = tuple(k for k in plan.tumours if k in anatomy.tumours)
    away = (
        at(anatomy.tumour_mm(tumours), anatomy.grid, points)
        if tumours and len(points)
        else np.full(len(points), FAR_MM)
    )
    handles, normals = _handles(points, triangles)
    return Drawn(
        plan, taken, stays, Shape(points, triangles) if len(points) else EMPTY, away, handles, normals, seconds
    )


def on_grid(plan: ResectionPlan, anatomy: Anatomy) -> NDArray[np.bool_]:
    """What a plan takes, on the grid of an anatomy."""
    if plan.grid.same_as(anatomy.grid):
        return np.asarray(plan.taken)
    from organtwin.resection.anatomy import resampled

    return resampled(np.asarray(plan.taken).view(np.uint8), plan.grid, anatomy.grid).astype(bool) & anatomy.organ


def _handles(
    points: NDArray[np.float64], triangles: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points spread over the sheet, the first in its middle, and the normals there."""
    if not len(points):
        return np.zeros((0, 3)), np.zeros((0, 3))
    a, b, c = (points[triangles[:, n]] for n in range(3))
    of_faces = np.cross(b - a, c - a)
    normals = np.zeros_like(points)
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], of_faces)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    first = int(np.argmin(np.linalg.norm(points - points.mean(axis=0), axis=1)))
    chosen, away = [first], np.linalg.norm(points - points[first], axis=1)
    while len(chosen) < min(HANDLES, len(points)):
        chosen.append(int(np.argmax(away)))
        away = np.minimum(away, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return points[chosen], normals[chosen]


class LivePlan(QObject):
    """Follows inputs and settings.

    Signals
    -------
    grounded(Ground)
        The structures have been read.
    drew(Drawn)
        A rough plan, a moment after the last change.
    exact(ResectionPlan)
        The plan of the operation itself, when nothing has changed for a while.
    proposed(list of ResectionPlan)
        The answer to :meth:`propose`.
    failed(str)
        One sentence.
    """

    grounded = Signal(object)
    drew = Signal(object)
    exact = Signal(object)
    proposed = Signal(object)
    failed = Signal(str)
    busy_changed = Signal()

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.bridge = bridge
        self.ground: Ground | None = None
        self.inputs: dict[str, str] = {}
        self.settings: Settings | None = None
        self._background = Background(self)
        self._exact, self._propose = Draft(bridge), Draft(bridge)
        self._exact.answered.connect(self._take_exact)
        self._exact.failed.connect(lambda _s: self.busy_changed.emit())
        self._propose.answered.connect(self._take_proposals)
        self._propose.failed.connect(self._fail)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(EXACT_AFTER_MS)
        self._later.timeout.connect(self._ask_exact)
        self._wanted = False
        bridge.closed.connect(self.forget)

    @property
    def reading(self) -> bool:
        return self._background.has("ground")

    @property
    def refining(self) -> bool:
        """Whether the exact numbers are still to come."""
        return self._later.isActive() or self._exact.busy

    @property
    def proposing(self) -> bool:
        return self._propose.busy

    def take(self, inputs: dict[str, str], organ: str = "liver") -> None:
        """Read other structures."""
        if inputs == self.inputs and (self.ground is not None or self.reading):
            return
        self.forget()
        self.inputs = dict(inputs)
        if not inputs:
            return
        with self.bridge.guarded():
            things = {role: self.bridge.get(uuid) for role, uuid in inputs.items()}
            segmentation, territories = things["segmentation"], things.get("territories")
            assert isinstance(segmentation, Segmentation)
            assert territories is None or isinstance(territories, Segmentation)
            lines = [t for role, t in things.items() if role.startswith("tree") and isinstance(t, Centerline)]
            self._run("ground", lambda: ground_of(segmentation, territories, lines, organ), self._take_ground)
            self.busy_changed.emit()

    def ask(self, settings: Settings) -> None:
        """Work this out; asking again takes the place of it."""
        self.settings = settings
        self._exact.forget()
        self._later.stop()
        if self.ground is None:
            self._wanted = True
            return
        ground = self.ground
        self._run("plan", lambda: draw(ground, settings), self._take_drawn)

    def know(self, settings: Settings) -> None:
        """These settings are worked out already; what was asked before is no longer wanted."""
        self.settings = settings
        self._exact.forget()
        self._later.stop()
        self._background.forget("plan")

    def propose(self, settings: Settings) -> None:
        """Ask for several plans."""
        self._propose.ask("resection-plan", self.inputs, {**settings.model_dump(mode="json"), "propose": True})
        self.busy_changed.emit()

    def forget(self) -> None:
        """Nothing is wanted any more."""
        self.ground, self.settings, self.inputs, self._wanted = None, None, {}, False
        self._later.stop()
        for draft in (self._exact, self._propose):
            draft.forget()
        for key in ("ground", "plan", "show"):
            self._background.forget(key)

    def show(self, plan: ResectionPlan, done: Callable[[Drawn], None]) -> None:
        """Draw a finished plan on this ground."""
        ground = self.ground
        if ground is not None:
            self._run("show", lambda: drawn(ground, plan), done)

    def shut_down(self) -> None:
        self.forget()
        self._background.shut_down()

    # -- answers ------------------------------------------------------------------------------------------------------

    def _run(self, key: str, function: Callable[[], Any], done: Callable[[Any], None]) -> None:
        def guarded() -> Any:
            try:
                return function()
            except OrganTwinError as error:
                return error

        def take(answer: Any) -> None:
            if isinstance(answer, OrganTwinError):
                self._fail(answer.sentence)
            else:
                done(answer)

        self._background.submit(key, guarded, take)

    def _take_ground(self, ground: Ground) -> None:
        self.ground = ground
        self.grounded.emit(ground)
        if self._wanted and self.settings is not None:
            self._wanted = False
            self.ask(self.settings)
        self.busy_changed.emit()

    def _take_drawn(self, made: Drawn) -> None:
        self.drew.emit(made)
        self._later.start()
        self.busy_changed.emit()

    def _ask_exact(self) -> None:
        if self.settings is not None and self.inputs:
            self._exact.ask("resection-plan", self.inputs, self.settings.model_dump(mode="json"))
            self.busy_changed.emit()

    def _take_exact(self, made: list[Any]) -> None:
        plans = [thing for thing in made if isinstance(thing, ResectionPlan)]
        if plans and self.settings is not None:
            self.exact.emit(plans[0])
        self.busy_changed.emit()

    def _take_proposals(self, made: list[Any]) -> None:
        self.proposed.emit([thing for thing in made if isinstance(thing, ResectionPlan)])
        self.busy_changed.emit()

    def _fail(self, sentence: str) -> None:
        self.failed.emit(sentence)
        self.busy_changed.emit()


__all__ = ["Drawn", "Ground", "LivePlan", "draw", "drawn", "ground_of"]
