"""Doses and other amounts with units, checked when they are read."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from organtwin.errors import BadInput
from organtwin.units import parse


def milligrams(text: str) -> float:
    """ "20 mg" as 20."""
    return parse(text, "mass") * 1e3


def _checked(dimension: str) -> BeforeValidator:
    def check(text: Any) -> Any:
        try:
            value = parse(text, dimension)
        except BadInput as error:
            raise ValueError(error.sentence) from error
        if value <= 0.0:
            raise ValueError(f"'{text}' is not above zero")
        return text

    return BeforeValidator(check)


Mass = Annotated[str, _checked("mass")]
Span = Annotated[str, _checked("time")]
Taken = Annotated[float, Field(gt=0, le=1, description="part of the doses that are taken: 1 is every one")]
"""Part of the doses that are taken; the effect is taken to go with it."""
