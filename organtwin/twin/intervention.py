"""Interventions by name: how a drug, a habit or a device changes the models' parameters and drives."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from organtwin.checked import validated
from organtwin.declared import declared, named
from organtwin.model import Frozen
from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Floats, Physiology

GROUP = "organtwin.interventions"


Draw = Callable[[str], Floats]
"""Standard normal numbers (m) by name, one for each member: the same name gives the same person the same number again."""


@dataclass(frozen=True)
class When:
    """``days`` (nt) count from the beginning of the intervention (negative before it), ``lasts`` is its length in days (inf:
    it goes on); ``hours`` (nt) is the time of day, 0 to 24."""

    days: Floats
    hours: Floats
    lasts: float = math.inf

    @property
    def on(self) -> NDArray[np.bool_]:
        """(nt) whether it goes on at each time."""
        return (self.days >= 0.0) & (self.days < self.lasts)

    def share(self, onset_days: float, washout_days: float | None = None) -> Floats:
        """(nt) how much of the full effect there is, 0 to 1: it comes with the time constant ``onset_days`` (0: at once) and
        goes with ``washout_days`` (as it came, unless given)."""
        washout = onset_days if washout_days is None else washout_days
        grown = _grown(np.minimum(self.days, self.lasts), onset_days)
        return grown * (1.0 - _grown(self.days - self.lasts, washout))

    def ramp(self, days: float, washout_days: float = 0.0) -> Floats:
        """(nt) as :meth:`share`, but straight over ``days``, and left ``washout_days`` (time constant) after the end."""
        grown = np.clip(np.minimum(self.days, self.lasts) / max(days, 1e-9), 0.0, 1.0)
        return np.asarray(grown * (1.0 - _grown(self.days - self.lasts, washout_days)))


def _grown(days: Floats, constant: float) -> Floats:
    since = np.maximum(days, 0.0)
    if constant <= 0.0:
        return np.where(days >= 0.0, 1.0, 0.0)
    return np.asarray(1.0 - np.exp(-since / constant))


class Effect(Protocol):
    """``f(options, model, parameters, drives, when, draw) -> (parameters, drives, assumed)``.

    ``parameters`` (m, nt, p) and ``drives`` (m, nt, d) of ``model`` may be changed in place (they are copies). Where a
    published effect has a spread between people, members differ by ``draw("its name")``. ``assumed`` are sentences with
    their sources. A model it does not touch comes back as it was.
    """

    def __call__(
        self, options: Any, model: Physiology, parameters: Floats, drives: Floats, when: When, draw: Draw
    ) -> tuple[Floats, Floats, tuple[str, ...]]: ...


@dataclass(frozen=True)
class Kind:
    """One thing that can be done. ``options`` is the record of its settings; ``function`` "module:name" of an :class:`Effect`.

    ``models`` are the names of those it acts on. ``during``: where readings are not those at rest, when they are ("while cycling");
    targets, which are of readings at rest, do not hold then.
    """

    name: str
    title: str
    group: Literal["medication", "lifestyle", "rehabilitation", "device", "procedure"]
    about: str
    options: type[Frozen]
    function: str
    models: tuple[str, ...]
    sheet: DataSheet
    during: str = ""

    def read(self, options: Mapping[str, Any]) -> Frozen:
        """Its settings, checked.

        Raises
        ------
        BadInput
            Naming the first that is unknown or wrong.
        """
        return validated(self.options, dict(options), f"the intervention '{self.name}'")

    def effect(self) -> Effect:
        found: Effect = resolve_name(self.function)
        return found


def names() -> list[str]:
    return sorted(declared(GROUP))


def find(name: str) -> Kind:
    """The kind of intervention of that name.

    Raises
    ------
    BadInput
        When there is none.
    """
    found: Kind = named(GROUP, name, "intervention")
    return found
