"""Physiological models by name, found through entry points without importing what they need to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from organtwin.declared import declared, named
from organtwin.errors import BadInput
from organtwin.physiology.datasheet import DataSheet

GROUP = "organtwin.physiology"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Parameter:
    """A constant of a person. ``spread`` is the prior's sd: of its logarithm where ``log``, else in ``unit``.

    ``learned``: whether it is estimated from readings unless told otherwise.
    """

    key: str
    title: str
    unit: str
    default: float
    low: float
    high: float
    spread: float
    log: bool = True
    learned: bool = False
    about: str = ""
    source: str = ""


@dataclass(frozen=True)
class Reading:
    """Something that the model predicts and that can be measured: ``noise`` is the usual sd of measuring it, in ``unit``.

    Readings with the same ``measures`` are several ways to measure one thing: what one of them taught holds for the others.
    """

    key: str
    title: str
    unit: str
    noise: float
    loinc: str = ""
    about: str = ""
    measures: str = ""


@dataclass(frozen=True)
class Drive:
    """Something that acts on the model from outside and changes with time: meals, insulin, exercise, a drug's effect."""

    key: str
    title: str
    unit: str
    default: float = 0.0
    about: str = ""


@dataclass(frozen=True)
class Run:
    """``readings`` (m, nt, r) at the times asked for; ``state`` (m, s) at the last of them, to go on from."""

    readings: Floats
    state: Floats


class Simulator(Protocol):
    """The model at work on an ensemble of m members, in the order of its manifest's parameters, readings and drives."""

    def run(self, parameters: Floats, drives: Floats, times_s: Floats, state: Floats | None = None) -> Run:
        """From ``times_s[0]`` on. ``parameters`` (m, p); ``drives`` (nt, d) or (m, nt, d), each held from its time to the next;
        ``state`` (m, s) at ``times_s[0]``, or None to begin settled (periodic, fasting) under the first drives.

        A model of the pace "day" is settled anew at each time; one of "minute" is integrated from time to time.
        """
        ...

    def curves(self, parameters: Floats, drives: Floats, state: Floats | None = None) -> Mapping[str, Floats]:
        """What a person wants to see of one cycle: "time_s" (n) and named curves (m, n), units in their names."""
        ...


@dataclass(frozen=True)
class Physiology:
    """``function`` is "module:name" of a class or function without arguments that gives a :class:`Simulator`."""

    name: str
    title: str
    about: str
    pace: Literal["day", "minute"]
    parameters: tuple[Parameter, ...]
    readings: tuple[Reading, ...]
    drives: tuple[Drive, ...]
    function: str
    sheet: DataSheet
    cycle: str = ""  # what curves() shows: "a heart beat", "a breath", "a day"
    packages: tuple[str, ...] = field(default=("organtwin", "numpy", "numba"))
    persons: Mapping[str, Mapping[str, float]] = field(
        default_factory=dict
    )  # typical ones: parameters that differ from the defaults
    # by typical person: ICD-10 beginnings, or words of a condition's name, of those who are rather like him
    conditions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def simulator(self) -> Simulator:
        made: Simulator = resolve_name(self.function)()
        return made

    def parameter(self, key: str) -> int:
        return _place(self.parameters, key, self.name, "parameter")

    def reading(self, key: str) -> int:
        return _place(self.readings, key, self.name, "reading")

    def drive(self, key: str) -> int:
        return _place(self.drives, key, self.name, "drive")

    def defaults(self, members: int = 1) -> Floats:
        return np.tile([p.default for p in self.parameters], (members, 1))

    def person(self, name: str) -> Floats:
        """Parameters (p) of a typical person."""
        if name not in self.persons:
            raise BadInput(
                f"The model '{self.name}' knows no typical person '{name}'",
                remedy=f"It knows: {', '.join(self.persons) or 'none'}.",
            )
        found: Floats = self.defaults()[0]
        for key, value in self.persons[name].items():
            found[self.parameter(key)] = value
        return found

    def at_rest(self, times: int = 1) -> Floats:
        return np.tile([d.default for d in self.drives], (times, 1))


def _place(things: Sequence[Parameter | Reading | Drive], key: str, model: str, what: str) -> int:
    for place, thing in enumerate(things):
        if thing.key == key:
            return place
    known = ", ".join(thing.key for thing in things)
    raise BadInput(f"The model '{model}' has no {what} '{key}'", remedy=f"It has: {known}.")


def names() -> list[str]:
    return sorted(declared(GROUP))


def find(name: str) -> Physiology:
    """The model of that name.

    Raises
    ------
    BadInput
        When there is none.
    """
    found: Physiology = named(GROUP, name, "model")
    return found
