"""What a rehearsal shows of one moment: positions, colours, and what the surgeon must know."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

SKIN, CUT, BURNT = 0, 1, 2  # kinds of triangles


@dataclass(frozen=True)
class Measures:
    """Live numbers, in the units they are shown in; None where there is nothing to say.

    ``strain_limit_percent`` is what the tissue bears; ``vessel`` and ``tumour`` are the things the tool is nearest to.
    ``unrest`` is the out-of-balance force relative to the acting ones: small means that what is seen is at rest.
    """

    time_s: float = 0.0
    steps: int = 0
    force_n: float = 0.0
    largest_strain_percent: float = 0.0
    strain_limit_percent: float | None = None
    strain_at_mm: tuple[float, float, float] | None = None
    vessel: str = ""
    vessel_mm: float | None = None
    tumour: str = ""
    tumour_mm: float | None = None
    resected_ml: float = 0.0
    remnant_ml: float = 0.0
    remnant_percent: float = 100.0
    margin_mm: float | None = None
    vessels_cut: tuple[str, ...] = ()
    vessels_clipped: tuple[str, ...] = ()
    bleeding: tuple[str, ...] = ()  # cut and not clipped before
    unrest: float = 0.0
    step_ms: float = 0.0


@dataclass(frozen=True)
class Frame:
    """One moment. Arrays are copies that belong to the reader.

    Parameters
    ----------
    tick : int
        Of the rehearsal's clock.
    topology : int
        Grows whenever points or triangles are others than before (a cut, an undo).
    points_mm : (n, 3) float32
        Where the points of the body are, LPS.
    rest_mm : (n, 3) float32
        Where they are in the scan: what a cut face is textured by.
    triangles : (t, 3) int32
        Skin and cut faces of what is left, outward.
    kinds : (t,) uint8
        SKIN, CUT or BURNT.
    strain : (n,) float32
        Largest principal Green-Lagrange strain.
    force_n : (n,) float32
        Size of the force of tools, holds and neighbours on the point (N).
    carried_mm : mapping of names to (k, 3) float32
        Where the points of the surfaces inside are, in their own order.
    carried_gone : mapping of names to (m,) bool
        Triangles of those surfaces that were taken away or torn by a cut.
    tool : (9,) float64 or None
        Tip, axis, normal as the tissue feels them (a tool that moves too fast lags behind the hand).
    grasping : bool
    held_mm : (h, 3) float32
        Where tissue is held: fixed places, laid tools, sutures.
    measures : Measures
    """

    tick: int
    topology: int
    points_mm: NDArray[np.float32]
    rest_mm: NDArray[np.float32]
    triangles: NDArray[np.int32]
    kinds: NDArray[np.uint8]
    strain: NDArray[np.float32]
    force_n: NDArray[np.float32]
    carried_mm: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    carried_gone: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    tool: NDArray[np.float64] | None = None
    grasping: bool = False
    held_mm: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 3), np.float32))
    measures: Measures = Measures()
