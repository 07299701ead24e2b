"""Doses and other amounts with units, checked when they are read."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from organtwin.errors import BadInput
from organtwin.timeline.days import DAY_S
from organtwin.units import parse


def milligrams(text: str) -> float:
    """ "20 mg" as 20."""
    return parse(text, "mass") * 1e3


def grams_per_day(text: str) -> float:
    """ "2 g/day" as 2."""
    return parse(text, "mass rate") * DAY_S


def kilograms(text: str) -> float:
    """ "-5 kg" as -5."""
    return parse(text, "mass") * 1e-3


def minutes_of(text: str) -> float:
    """ "1 h" as 60."""
    return parse(text, "time") / 60.0


def days_of(text: str) -> float:
    """ "2 weeks" as 14."""
    return parse(text, "time") / DAY_S


def _change(text: Any) -> Any:
    try:
        value = kilograms(text)
    except BadInput as error:
        raise ValueError(error.sentence) from error
    if not 0.0 < abs(value) <= 60.0:
        raise ValueError(f"'{text}' is no change of weight between 0 and 60 kg either way")
    return text


def _checked(dimension: str, least: float = 0.0) -> BeforeValidator:
    def check(text: Any) -> Any:
        try:
            value = parse(text, dimension)
        except BadInput as error:
            raise ValueError(error.sentence) from error
        if value <= least:
            raise ValueError(f"'{text}' is not above zero")
        return text

    return BeforeValidator(check)


Mass = Annotated[str, _checked("mass")]
Span = Annotated[str, _checked("time")]
PerDay = Annotated[str, _checked("mass rate")]
Length = Annotated[str, _checked("length")]
Area = Annotated[str, _checked("area")]
Flow = Annotated[str, _checked("flow")]
Power = Annotated[str, _checked("power")]
Stiffness = Annotated[str, _checked("foundation")]
Drop = Annotated[str, _checked("pressure", least=-1e-9)]
Weight = Annotated[str, _checked("mass")]
Kilograms = Annotated[str, BeforeValidator(_change)]
Taken = Annotated[
    float, Field(gt=0, le=1, description="part of the doses that are taken: 1 is every one", title="Doses taken")
]
"""Part of the doses that are taken; the effect is taken to go with it."""
