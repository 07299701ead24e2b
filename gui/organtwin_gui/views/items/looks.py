"""How the things in the viewport may look: small records that panels make and items obey."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Clip:
    """A plane that opens a thing: all beyond it, in the direction of ``normal`` (LPS), is taken away.

    ``position`` goes from 0 (everything gone) to 1 (nothing gone) along the thing's extent in that direction.
    """

    normal: Vector = (1.0, 0.0, 0.0)
    position: float = 0.5


@dataclass(frozen=True)
class MeshLook:
    """A mesh: plain, its boundary regions in colours with their names, or its cells by quality (mean ratio)."""

    colour_by: Literal["plain", "boundary", "quality"] = "boundary"
    edges: bool = True
    names: bool = True
    opacity: float = 1.0
    clip: Clip | None = None


@dataclass(frozen=True)
class PlaneLook:
    """A plane through a vessel, at a ``share`` (0 to 1) of the way from the inlet along one of its ``path``s.

    It stands across the vessel, or as one of the scan's planes, and can be tilted. Coloured by a key of the result's
    shades, or by "through": the velocity through it.
    """

    path: int = 0
    share: float = 0.5
    facing: Literal["across", "axial", "coronal", "sagittal"] = "across"
    tilt_deg: float = 0.0
    turn_deg: float = 0.0
    colour_by: str = "speed"
    contours: bool = True


@dataclass(frozen=True)
class FlowLook:
    """A flow: what colours the wall ("plain", "none" or a key of the result's shades), and how the blood inside is shown."""

    wall: str = "plain"
    wall_opacity: float | None = None  # None: solid, but open towards the eye where something inside is shown
    streamlines: bool = True
    particles: bool = False
    glyphs: bool = False
    plane: PlaneLook | None = None
    seeds: int = 160
    at_once: int = 1800  # particles
    glyph_count: int = 1500
    names: bool = True


@dataclass(frozen=True)
class TissueLook:
    """A deformation: what colours it, how much it is exaggerated, and whether the rest shape stays as a ghost."""

    colour_by: Literal["displacement", "strain", "stress"] = "displacement"
    scale: float = 1.0
    ghost: bool = True
    edges: bool = False
    opacity: float = 1.0


Look = MeshLook | FlowLook | TissueLook
