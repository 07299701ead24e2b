"""A tool in the surgeon's hand, or left standing: where the hand wants it, and where the tissue feels it.

The tissue feels the tool move no faster than it can give way: in a step the tool goes no deeper than a part of its own
thickness, and where it meets more than the tissue bears it gives way itself. It lags behind the hand then, and catches up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.model.tool import Blade, Pose, RigidTool, Rod, Shape, Sphere
from organtwin_solvers.rehearsal.contact.shapes import Form, frame_of
from organtwin_solvers.rehearsal.contact.tool_contact import ToolContact
from organtwin_solvers.rehearsal.stepper import Stepper
from organtwin_solvers.rehearsal.supports import Held

Floats = NDArray[np.float64]

USUAL: dict[str, Shape] = {"probe": Rod(), "grasper": Rod(), "retractor": Blade(), "ball": Sphere()}
GRASP = "grasp"  # what is held by the jaws, among what the stepper holds

NEWTON = 1e6  # g mm/s^2
_HAND = 40 * NEWTON  # a hand pushes and pulls no harder
_MOST_MM = 3.0  # of travel against tissue in a step
_AWAY = np.array([0.0, 0.0, 1e6, 0.0, 0.0, -1.0, 0.0, -1.0, 0.0])


@dataclass(frozen=True)
class ToolState:
    """What a tool remembers."""

    felt: Floats | None
    wanted: Floats | None
    touching: bool
    force: Floats
    swell_mm: float


class Tool:
    """A rigid tool on the tissue of a stepper.

    Poses are nine numbers: tip, axis, normal (LPS mm). ``felt`` and ``wanted`` are None until the hand first moves it.

    Parameters
    ----------
    stepper : Stepper
    kind : "probe", "grasper", "retractor" or "ball"
    shape : Shape, optional
        The usual one of its kind when left out.
    friction : float
        Coefficient of Coulomb.
    """

    def __init__(self, stepper: Stepper, kind: str, shape: Shape | None = None, friction: float = 0.0) -> None:
        self.kind, self.shape = kind, shape or USUAL[kind]
        self.form = Form.of(self.shape)
        self.contact = ToolContact(stepper, self.form, _AWAY, friction)
        self.contact.touching = False
        self.felt: Floats | None = None
        self.wanted: Floats | None = None
        self._stepper = stepper

    # -- moving ---------------------------------------------------------------------------------------------------------

    def move(self, pose: Floats) -> None:
        """Where the hand wants it (9,). What is no pose (not finite, axis along the normal) is left unheard."""
        pose = np.array(pose, float)
        if pose.shape == (9,) and np.isfinite(pose).all():
            a, b = pose[3:6], pose[6:9]
            if (a @ a) * (b @ b) - (a @ b) ** 2 > 1e-12 * (a @ a) * (b @ b):
                self.wanted = pose

    def advance(self) -> str:
        """Follow the hand as far as the tissue allows. Once before each step; says what has to be said, mostly nothing."""
        if self.wanted is None:
            return ""
        x, contact = self._stepper.x, self.contact
        said = ""
        if self.felt is None:
            self.felt = self.wanted
            contact.touching = self._is_free(x)
            if not contact.touching:
                said = f"The {self.kind} stands inside the organ: it touches nothing until it has been drawn out"
        before = self.felt
        if self.grasping and np.linalg.norm(self.force) > 2 * self._most_force():
            del self._stepper.held[GRASP]
            said = "The tissue has slipped out of the jaws: they pulled harder than it bears"
            contact.touching = self._is_free(x)
        if self.grasping:
            self.felt = self._followed(before, self._share_of_held(before), _MOST_MM)
            self._carry(before)
        elif not contact.touching:
            self.felt = self.wanted
            contact.touching = self._is_free(x)
            before = self.felt
        else:
            depth = -contact.clearance_mm(x, before)
            if depth > 0.9 * self.form.radius_mm:  # on its core no way out is shorter than another
                contact.touching = False
                said = f"The tissue has closed around the {self.kind}: it touches nothing until it has been drawn out"
            give = self._give_mm(depth)
            share = contact.free_share(x, before, self.wanted, max(give, 0.0))
            self.felt = self._followed(before, share, give)
        contact.move(before, self.felt)
        return said

    def _give_mm(self, depth: float) -> float:
        """How far it may go into the tissue in a step, at a depth: never to its own core, even if nothing gives way; at half
        of that it stops, and deeper it is pushed back."""
        radius = self.form.radius_mm
        give = np.interp(max(depth, 0.0), [0.0, 0.3 * radius, 0.5 * radius], [0.9 * radius, 0.4 * radius, 0.0])
        return float(np.clip(give - 0.7 * max(depth - 0.5 * radius, 0.0), -_MOST_MM, _MOST_MM))

    def _is_free(self, x: Floats) -> bool:
        assert self.felt is not None
        least = self.contact.clearance_mm(x, self.felt)
        if least < -0.5 * self.form.radius_mm:
            return False
        return not self.contact.holds_inside(x, self.felt)

    def _followed(self, pose: Floats, share: float, give: float) -> Floats:
        """The pose after that share of the way, but no farther against the force of the tissue than ``give`` (mm), and less
        where that force is more than it bears."""
        assert self.wanted is not None
        force = self.force
        size = float(np.linalg.norm(force))
        if size < 1e-6 * NEWTON:
            return between(pose, self.wanted, share)
        out, most = force / size, self._most_force()
        ease = float(np.clip((most - size) / (0.3 * most), -1.0, 1.0))
        new = between(pose, self.wanted, share * max(ease, 0.1))
        give = min(give, _MOST_MM * ease)
        inward = -float(out @ (new[:3] - pose[:3]))
        if inward > give:
            new = new.copy()
            new[:3] += (inward - give) * out
        return new

    def _most_force(self) -> float:
        """What the tissue in the jaws bears: ten times its modulus; and what a hand can do."""
        if not self.grasping:
            return _HAND
        skin = self.contact.skin
        area = float(skin.node_area_mm2[self._stepper.held[GRASP].nodes].sum())
        return min(_HAND, max(10 * skin.young_pa * area, 0.01 * NEWTON))

    # -- holding --------------------------------------------------------------------------------------------------------

    @property
    def grasping(self) -> bool:
        held = self._stepper.held.get(GRASP)
        return self.kind == "grasper" and held is not None and len(held.nodes) > 0

    def _share_of_held(self, before: Floats) -> float:
        """So much of the way that nothing held goes farther than a step allows."""
        assert self.wanted is not None
        targets = self._stepper.held[GRASP].targets_mm
        way = np.linalg.norm(carried(targets, before, self.wanted) - targets, axis=1).max()
        return float(min(1.0, _MOST_MM / max(way, 1e-12)))

    def _carry(self, before: Floats) -> None:
        """What is held goes with the jaws as if it were part of them."""
        assert self.felt is not None
        held = self._stepper.held[GRASP]
        self._stepper.held[GRASP] = Held(held.nodes, carried(held.targets_mm, before, self.felt))

    # -- feeling --------------------------------------------------------------------------------------------------------

    @property
    def force(self) -> Floats:
        """What the tissue does to the tool (3,), g mm/s^2."""
        if self.grasping:
            return self.contact.force - self._stepper.reaction(GRASP)
        return self.contact.force

    @property
    def force_n(self) -> float:
        """Its size in newtons."""
        return float(np.linalg.norm(self.force)) / NEWTON

    # -- being remembered -----------------------------------------------------------------------------------------------

    def snapshot(self) -> ToolState:
        contact = self.contact
        return ToolState(self.felt, self.wanted, contact.touching, contact.force, contact.swell_mm)

    def restore(self, state: ToolState) -> None:
        self.felt, self.wanted = state.felt, state.wanted
        self.contact.touching = state.touching
        pose = _AWAY if self.felt is None else self.felt
        self.contact.move(pose, pose)
        self.contact.recall(state.force, state.swell_mm)

    def rigid(self) -> RigidTool | None:
        """As the full solve takes it; None when it touches nothing."""
        if self.felt is None or not self.contact.touching:
            return None
        tip, axis, normal = (tuple(float(c) for c in self.felt[i : i + 3]) for i in (0, 3, 6))
        return RigidTool(
            shape=self.shape, pose=Pose(tip_mm=tip, axis=axis, normal=normal), friction=self.contact.friction
        )


def carried(points_mm: Floats, before: Floats, after: Floats) -> Floats:
    """Points (n, 3) as a rigid motion from one pose (9,) to another takes them with it."""
    old, new = frame_of(before), frame_of(after)
    return np.asarray((points_mm - old[0]) @ old[1:].T @ new[1:] + new[0])


def between(pose: Floats, other: Floats, share: float) -> Floats:
    """The pose after a share of the way: the tip goes straight, the directions turn evenly about one axis."""
    if share >= 1:
        return other
    old, new = frame_of(pose), frame_of(other)
    turn = new[1:].T @ old[1:]  # takes the old directions to the new ones
    angle = float(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1)))
    about = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
    size = np.linalg.norm(about)
    tip = pose[:3] + share * (other[:3] - pose[:3])
    if size < 1e-9:  # none, or half a turn: any axis across will do for that
        if angle < 1.0:
            return np.concatenate([tip, other[3:]])
        about, size = old[1], 1.0
    about = about / size
    axes = []
    for direction in (old[2], old[3]):
        c, s = np.cos(share * angle), np.sin(share * angle)
        axes.append(direction * c + np.cross(about, direction) * s + about * (about @ direction) * (1 - c))
    return np.concatenate([tip, *axes])
