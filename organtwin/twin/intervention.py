"""Interventions by name: how a drug, a habit or a device changes the models' parameters and drives."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Literal, Protocol

from organtwin.errors import BadInput
from organtwin.model import Frozen
from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Floats, Physiology

GROUP = "organtwin.interventions"


class Effect(Protocol):
    """``f(options, model, parameters, drives, days) -> (parameters, drives, assumed)``.

    ``parameters`` (m, nt, p) and ``drives`` (m, nt, d) of ``model`` may be changed (they are copies), ``days`` (nt) count from
    the beginning of the intervention (negative before it; it ended where NaN). Where a published effect has a spread, members
    differ by it. ``assumed`` are sentences with their sources. A model it does not touch comes back as it was.
    """

    def __call__(
        self, options: Any, model: Physiology, parameters: Floats, drives: Floats, days: Floats
    ) -> tuple[Floats, Floats, tuple[str, ...]]: ...


@dataclass(frozen=True)
class Kind:
    """One thing that can be done. ``options`` is the record of its settings; ``function`` "module:name" of an :class:`Effect`.

    ``models`` are the names of those it acts on.
    """

    name: str
    title: str
    group: Literal["medication", "lifestyle", "rehabilitation", "device", "procedure"]
    about: str
    options: type[Frozen]
    function: str
    models: tuple[str, ...]
    sheet: DataSheet

    def effect(self) -> Effect:
        module, _, name = self.function.partition(":")
        found: Effect = getattr(importlib.import_module(module), name)
        return found


@cache
def _all() -> dict[str, Kind]:
    found: dict[str, Kind] = {}
    for entry in entry_points(group=GROUP):
        try:
            found[entry.name] = entry.load()
        except ImportError:
            continue
    return found


def names() -> list[str]:
    return sorted(_all())


def find(name: str) -> Kind:
    """The kind of intervention of that name.

    Raises
    ------
    BadInput
        When there is none.
    """
    try:
        return _all()[name]
    except KeyError:
        raise BadInput(f"There is no intervention '{name}'", remedy=f"There are: {', '.join(names())}.") from None
