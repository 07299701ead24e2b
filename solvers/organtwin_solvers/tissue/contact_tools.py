"""Rigid tools as obstacles: how far a place is from their surface, and how they are brought to where they stand.

Sphere, rod and blade are one shape: all places within ``radius_mm`` of a core, which is a point, a line or a rectangle in
the frame of the tool. Distance, its gradient and its curvature are then exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from organtwin.errors import BadInput
from organtwin.model.tool import Blade, Plane, Pose, RigidTool, Rod, Sphere
from organtwin.units import parse
from organtwin_solvers.tissue.contact import Gap

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Core:
    """The box in the frame (across, normal, axis) of a tool, origin at its tip, that its round hull is drawn around."""

    low_mm: Array
    high_mm: Array
    radius_mm: float


def core(shape: Sphere | Rod | Blade) -> Core:
    """The core of a shape.

    Raises
    ------
    BadInput
        For a size that is not positive, or for a blade thicker than it is wide or long.
    """
    sizes = {name: parse(value, "length") for name, value in shape if name != "shape"}
    for name, size in sizes.items():
        if not size > 0:
            raise BadInput(
                f"A {shape.shape} with {name} {getattr(shape, name)} is no tool", remedy="Give a length above zero."
            )
    if isinstance(shape, Sphere):
        return Core(np.zeros(3), np.zeros(3), sizes["radius"])
    if isinstance(shape, Rod):
        radius = sizes["radius"]
        back = max(sizes["length"] - radius, radius)
        return Core(np.array([0.0, 0.0, -back]), np.array([0.0, 0.0, -radius]), radius)
    radius = sizes["thickness"] / 2
    if sizes["thickness"] > min(sizes["width"], sizes["length"]):
        raise BadInput("A blade is thicker than it is wide or long", remedy="Swap its sizes, or take a rod.")
    half, back = sizes["width"] / 2 - radius, sizes["length"] - radius
    return Core(np.array([-half, 0.0, -back]), np.array([half, 0.0, -radius]), radius)


class Tool:
    """One rigid tool on its way from start to pose: an obstacle of :mod:`organtwin_solvers.tissue.contact`."""

    def __init__(self, tool: RigidTool, name: str) -> None:
        if tool.friction > 0:
            raise BadInput(
                f"The full solve knows no friction, and the {name} has {tool.friction:g}",
                remedy="Set its friction to 0: tissue wet with blood or serum slides almost freely.",
            )
        self.name = name
        self._core = None if isinstance(tool.shape, Plane) else core(tool.shape)
        end, start = tool.pose, tool.start or tool.pose
        self._tips = np.array(start.tip_mm, float), np.array(end.tip_mm, float)
        first, last = _frame(start), _frame(end)
        self._first, self._turn = first, Rotation.from_matrix(last @ first.T).as_rotvec()
        self.move(0.0)

    @property
    def travel_mm(self) -> float:
        """Way of the tip, and of what turns around it."""
        arm = 0.0 if self._core is None else float(np.abs([self._core.low_mm, self._core.high_mm]).max())
        return float(np.linalg.norm(self._tips[1] - self._tips[0]) + arm * np.linalg.norm(self._turn))

    @property
    def reach_mm(self) -> float:
        """Depth below its surface up to which it is clear which way is out."""
        return np.inf if self._core is None else self._core.radius_mm

    def move(self, fraction: float) -> None:
        """Stand where it stands at that fraction of its way."""
        self._tip = (1 - fraction) * self._tips[0] + fraction * self._tips[1]
        self._rotation = Rotation.from_rotvec(fraction * self._turn).as_matrix() @ self._first

    def inner_places(self) -> Array:
        """Places (n, 3) along its core, which must stay outside of the tissue."""
        if self._core is None:
            return np.zeros((0, 3))
        steps = np.linspace(0, 1, 9)
        grid = np.stack(np.meshgrid(steps, [0.5], steps, indexing="ij"), axis=-1).reshape(-1, 3)
        return self._tip + (self._core.low_mm + grid * (self._core.high_mm - self._core.low_mm)) @ self._rotation.T

    def gap(self, x: Array) -> Gap:
        """Signed distance of places (n, 3) to its surface."""
        if self._core is None:
            normal = -self._rotation[:, 2]
            return Gap((x - self._tip) @ normal, np.broadcast_to(normal, x.shape), np.zeros((len(x), 3, 3)))
        local = (x - self._tip) @ self._rotation
        nearest = np.clip(local, self._core.low_mm, self._core.high_mm)
        away = local - nearest
        distance = np.maximum(np.linalg.norm(away, axis=1), 1e-9)
        normal = away / distance[:, None]
        round_ = (away != 0).astype(float)  # along the other directions the core runs beside the place: no curvature
        curvature = -normal[:, :, None] * normal[:, None, :]
        curvature[:, range(3), range(3)] += round_
        curvature /= distance[:, None, None]
        turned = self._rotation @ curvature @ self._rotation.T
        return Gap(distance - self._core.radius_mm, normal @ self._rotation.T, turned)


def _frame(pose: Pose) -> Array:
    """Columns across, normal, axis: a right-handed orthonormal frame."""
    axis = np.array(pose.axis, float)
    axis /= np.linalg.norm(axis)
    normal = np.array(pose.normal, float)
    normal -= (normal @ axis) * axis
    normal /= np.linalg.norm(normal)
    return np.stack([np.cross(normal, axis), normal, axis], axis=1)


def tools_of(tools: tuple[RigidTool, ...]) -> list[Tool]:
    """The tools of a case, named by their shape, numbered where there are several of it."""
    kinds = [tool.shape.shape for tool in tools]
    names = [kind if kinds.count(kind) == 1 else f"{kind} {kinds[: i + 1].count(kind)}" for i, kind in enumerate(kinds)]
    return [Tool(tool, name) for tool, name in zip(tools, names, strict=True)]
