"""Verification cases by name: each computes, and is compared with a reference whose source it names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import entry_points
from typing import Any

import numpy as np

from organtwin.errors import BadInput
from organtwin.monitor import Monitor

GROUP = "organtwin.validation"


@dataclass(frozen=True)
class Row:
    """One compared number. ``accepted_percent`` is the accepted deviation from the reference.

    For an order of convergence, ``at_least`` is True and ``computed`` must not fall below ``reference`` by more.
    """

    quantity: str
    reference: float
    computed: float
    unit: str
    accepted_percent: float
    source: str
    mesh: str = ""
    seconds: float = 0.0
    at_least: bool = False

    @property
    def error_percent(self) -> float:
        return (
            100.0 * (self.computed - self.reference) / abs(self.reference) if self.reference else 100.0 * self.computed
        )

    @property
    def passed(self) -> bool:
        if self.computed != self.computed:
            return False
        if self.at_least:
            return self.error_percent >= -self.accepted_percent
        return abs(self.error_percent) <= self.accepted_percent

    def to_json(self) -> dict[str, Any]:
        told = {**asdict(self), "error_percent": self.error_percent, "passed": self.passed}
        return {key: value.item() if isinstance(value, np.generic) else value for key, value in told.items()}


@dataclass(frozen=True)
class Case:
    """A verification case. ``run(quick, monitor)`` computes its rows afresh."""

    name: str
    title: str
    run: Callable[[bool, Monitor], list[Row]]


def names() -> list[str]:
    """Names of the cases of this installation."""
    return sorted(e.name for e in entry_points(group=GROUP))


def find(name: str) -> Case:
    """The case of that name.

    Raises
    ------
    BadInput
        When there is none.
    """
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            case: Case = entry.load()
            return case
    raise BadInput(f"There is no verification case '{name}'", remedy=f"There are: {', '.join(names())}.")
