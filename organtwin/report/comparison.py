"""Two results beside each other: what a procedure changed, in one table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from organtwin.errors import BadInput
from organtwin.model import Quantity, Result

# what is asked first after a procedure; the rest follows in the order of the results
FIRST = (
    "pressure drop",
    "ffr",
    "flow share",
    "flow",
    "mean tawss",
    "tawss",
    "mean wall shear",
    "peak velocity",
    "peak pressure drop",
    "pressure",
)
ABOUT_THE_SOLVE = ("mass imbalance", "periodicity error")  # say how good a result is, not what it found


@dataclass(frozen=True)
class Row:
    """A quantity of one or both results; None where a result does not have it, as the flow to a clamped branch."""

    name: str
    unit: str
    before: Quantity | None
    after: Quantity | None

    @property
    def change(self) -> float | None:
        """After less before, in ``unit``."""
        if self.before is None or self.after is None:
            return None
        return self.after.value - self.before.value

    @property
    def change_percent(self) -> float | None:
        """The change as a part of the size before; None for shares, which change by points, and where there was nothing."""
        change = self.change
        if change is None or self.before is None or self.unit == "%" or abs(self.before.value) < 1e-12:
            return None
        return 100.0 * change / abs(self.before.value)


def compare(before: Result, after: Result) -> tuple[Row, ...]:
    """The quantities of two results, matched by name and unit, those that matter most first.

    Fractional flow reserve is taken from the end of each branch of the tables where it is not among the quantities.

    Raises
    ------
    BadInput
        When the results are of different physics.
    """
    if before.physics != after.physics:
        raise BadInput(
            f"A {before.physics} result and a {after.physics} result have nothing to compare",
            where=f"'{before.name}', '{after.name}'",
            remedy="Choose two results of one kind.",
        )
    old = {(q.name, q.unit): q for q in _found(before)}
    new = {(q.name, q.unit): q for q in _found(after)}
    rows = [Row(name, unit, old.get((name, unit)), new.get((name, unit))) for name, unit in {**old, **new}]
    return tuple(sorted(rows, key=lambda row: _rank(row.name)))


def _found(result: Result) -> Iterator[Quantity]:
    names = [q.name.lower() for q in result.quantities]
    for quantity in result.quantities:
        if not quantity.name.lower().startswith(ABOUT_THE_SOLVE):
            yield quantity
    if not any(name.startswith("ffr") for name in names):
        for branch, columns in result.tables.items():
            if columns.get("ffr"):
                yield Quantity(name=f"FFR {branch}", value=float(columns["ffr"][-1]), unit="")


def _rank(name: str) -> int:
    return next((at for at, start in enumerate(FIRST) if name.lower().startswith(start)), len(FIRST))
