"""Plans side by side, on the same patients."""

from __future__ import annotations

from collections.abc import Sequence

from organtwin.errors import BadInput
from organtwin.model import Frozen
from organtwin.pathway.simulate import Number, Outcome


class Comparison(Frozen):
    """``differences`` are plan minus the first plan, replication by replication, for the numbers that both have."""

    outcomes: tuple[Outcome, ...]
    differences: tuple[tuple[Number, ...], ...]


def compare(outcomes: Sequence[Outcome]) -> Comparison:
    """Every plan against the first.

    Raises
    ------
    BadInput
        When they were not repeated equally often.
    """
    first, *others = outcomes
    made = []
    for other in others:
        differences = []
        known = {number.name: number for number in first.numbers}
        for number in other.numbers:
            base = known.get(number.name)
            if base is None:
                continue
            if len(base.each) != len(number.each):
                raise BadInput("Plans to be compared need the same number of replications")
            scale = 1.0 if base.unit == number.unit else {"h": 1.0 / 24.0, "days": 24.0}[base.unit]
            paired = [b - scale * a for a, b in zip(base.each, number.each, strict=True)]
            differences.append(Number.of(number.name, number.unit, paired))
        made.append(tuple(differences))
    return Comparison(outcomes=tuple(outcomes), differences=tuple(made))
