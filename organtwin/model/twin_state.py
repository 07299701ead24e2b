"""What the twin believes of a patient: parameters of a physiological model at a date, with their uncertainty."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from organtwin.model.base import Array, Frozen, TwinObject
from organtwin.model.result import Quantity


class Estimate(Frozen):
    """One parameter: what was believed before any reading, and what is now. ``learned`` is 1 - sd / sd before, in [0, 1].

    ``with_`` names the parameter that the readings cannot tell it apart from, where there is one (|correlation| > 0.9).
    """

    key: str
    unit: str
    prior: float
    prior_sd: float
    value: float
    sd: float
    low: float  # 5 %
    high: float  # 95 %
    learned: float
    with_: str = ""


class TwinState(TwinObject):
    """An ensemble of m members. ``at_s`` is the time of the last reading it knows, in seconds since 1970 UTC.

    ``parameters`` (m, p) and ``state`` (m, s) are those of the model's simulator, in its order (``keys`` names the
    parameters); ``weights`` (m) sum to one. ``used`` says how many readings of each LOINC code taught it; ``fit`` how far
    the twin is from the last reading of each: quantities with the measured value in ``why``.
    ``curves`` is one cycle as the ensemble has it (a beat, a breath, a day): "time_s" (n), and each of the simulator's
    curves as quantiles (3, n) at 5, 50 and 95 % of the weights; units in the names.
    """

    kind: ClassVar[str] = "twin-state"

    model: str
    at_s: float
    keys: tuple[str, ...]
    parameters: Array
    state: Array
    weights: Array
    estimates: tuple[Estimate, ...] = ()
    quantities: tuple[Quantity, ...] = ()
    fit: tuple[Quantity, ...] = ()
    used: dict[str, int] = Field(default_factory=dict)
    curves: dict[str, Array] = Field(default_factory=dict)
    method: str = ""
