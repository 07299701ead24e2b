"""What a solve found, with what is needed to believe it."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from organtwin.model.base import Array, Frozen, TwinObject


class Quantity(Frozen):
    """A number that is shown: value in ``unit``, ready for people (mmHg, mL/s, Pa, mm, %).

    ``level`` says how far it can be believed, ``why`` what that rests on, in a few words.
    """

    name: str
    value: float
    unit: str
    level: Literal["good", "fair", "poor", "unknown"] = "unknown"
    why: str = ""


class Result(TwinObject):
    """Fields in the mesh's own point order, whatever the number of ranks.

    ``fields`` maps names to float32 arrays (nt, n) or (nt, n, 3) in house units (mm, g, s): for flow
    velocity_mm_per_s, pressure_pa, wall_shear_pa; for tissue displacement_mm, strain (largest principal
    Green-Lagrange), stress_pa (von Mises of Cauchy).
    ``credibility`` says what earns the numbers: mesh size, residual, mass balance, verification it rests on.
    ``tables`` maps a branch of the centreline ("inlet → left iliac") to columns of one length along it: distance_mm,
    x_mm, y_mm, z_mm, and what was found there (pressure_pa, ffr, area_mm2 ...).
    ``histories`` maps names to plain columns over time or iteration (residual, flow through each cap).
    """

    kind: ClassVar[str] = "result"

    physics: Literal["flow", "lumped", "tissue", "rehearsal"]
    mesh: str  # uuid
    times_s: Array
    fields: dict[str, Array]
    quantities: tuple[Quantity, ...] = ()
    credibility: dict[str, str] = Field(default_factory=dict)
    tables: dict[str, dict[str, list[float]]] = Field(default_factory=dict)
    histories: dict[str, list[float]] = Field(default_factory=dict)
