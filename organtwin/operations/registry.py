"""Operations by name, found through entry points without importing what they need to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pkgutil import resolve_name
from typing import Any

from pydantic import BaseModel, ConfigDict

from organtwin.checked import validated
from organtwin.declared import declared, named
from organtwin.errors import BadInput
from organtwin.model import Recipe, TwinObject
from organtwin.monitor import Monitor, NullMonitor

GROUP = "organtwin.operations"


class Parameters(BaseModel):
    """Base of every operation's parameters: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Operation:
    """One thing that can be done.

    ``function`` is "module:name" of ``f(inputs, parameters, monitor) -> sequence of TwinObject``, imported when it runs.
    ``inputs`` maps roles to object kinds; ``optional`` maps the beginnings of further roles to kinds: with
    ``{"neighbour": "mesh"}`` there may be "neighbour", or "neighbour-1", "neighbour-2" and so on. ``packages`` are the
    distributions whose versions belong in the recipe.
    """

    name: str
    title: str
    inputs: dict[str, str]
    parameters: type[Parameters]
    function: str
    packages: tuple[str, ...] = ("organtwin", "numpy")
    optional: dict[str, str] = field(default_factory=dict)
    private: tuple[str, ...] = ()  # parameters that may name the patient (paths): used, never kept

    def read(self, parameters: dict[str, Any]) -> Parameters:
        """Check parameters.

        Raises
        ------
        BadInput
            Naming the first key that is unknown or wrong.
        """
        return validated(self.parameters, parameters, f"'{self.name}'")

    def check(self, kinds: Mapping[str, str]) -> None:
        """Check the kinds of the objects that are to play the roles.

        Raises
        ------
        BadInput
            When one is missing, of a wrong kind, or plays a role that the operation does not have.
        """
        for role, kind in self.inputs.items():
            if role not in kinds:
                raise BadInput(f"{self.title} needs a {kind}", remedy=f"Make or choose a {kind} first.")
        for role, kind in kinds.items():
            wanted = self.inputs.get(role) or self.optional.get(role.partition("-")[0])
            if wanted is None:
                known = ", ".join((*self.inputs, *(f"{more}-1" for more in self.optional)))
                raise BadInput(f"{self.title} has no use for '{role}'", remedy=f"It takes: {known}.")
            if kind != wanted:
                raise BadInput(f"{self.title} needs a {wanted} as '{role}', not a {kind}")

    def __call__(
        self, inputs: dict[str, TwinObject], parameters: dict[str, Any] | None = None, monitor: Monitor | None = None
    ) -> tuple[TwinObject, ...]:
        """Run it, and write the recipe into what comes out."""
        given = parameters or {}
        checked = self.read(given)
        self.check({role: thing.kind for role, thing in inputs.items()})
        run = resolve_name(self.function)
        made: Sequence[TwinObject] = run(inputs, checked, monitor or NullMonitor())
        recipe = Recipe(
            operation=self.name,
            parameters=checked.model_dump(mode="json", exclude=set(self.private)),
            inputs={role: thing.uuid for role, thing in inputs.items()},
            versions={package: version(package) for package in self.packages},
        )
        return tuple(thing.with_(recipe=recipe) for thing in made)


def names() -> list[str]:
    """Names of the operations that can run in this installation."""
    return sorted(declared(GROUP))


def find(name: str) -> Operation:
    """The operation of that name.

    Raises
    ------
    BadInput
        When there is none, or the optional part that holds it is not installed.
    """
    found: Operation = named(GROUP, name, "operation")
    return found
