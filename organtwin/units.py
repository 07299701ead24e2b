"""The one place where quantities with units become numbers of the house system (mm, g, s) and back.

In mm-g-s stress is exactly pascal: 1 g/(mm s^2) = 1 Pa. A bare number is refused where a dimension is needed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator

from organtwin.errors import BadInput

if TYPE_CHECKING:
    import pint  # takes a second to import, which processes without quantities need not wait for

# dimension name -> unit of the house system
HOUSE_UNITS: dict[str, str] = {
    "length": "mm",
    "area": "mm^2",
    "volume": "mm^3",
    "time": "s",
    "mass": "g",
    "density": "g/mm^3",
    "velocity": "mm/s",
    "acceleration": "mm/s^2",
    "flow": "mm^3/s",
    "pressure": "g/(mm*s^2)",
    "viscosity": "g/(mm*s)",
    "resistance": "g/(mm^4*s)",
    "compliance": "mm^4*s^2/g",
    "force": "g*mm/s^2",
    "rate": "1/s",
    "power": "g*mm^2/s^3",
    "mass rate": "g/s",
    "foundation": "g/(mm^2*s^2)",  # pressure for each length of displacement
}


_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*")


@lru_cache(maxsize=1)
def _registry() -> pint.UnitRegistry[Any]:
    import pint

    registry: pint.UnitRegistry[Any] = pint.UnitRegistry(cache_folder=None)
    registry.define("beats_per_minute = 1 / minute = bpm")
    return registry


def parse(text: str | float | int, dimension: str) -> float:
    """Read a quantity such as ``"120 mmHg"`` into the house system.

    Parameters
    ----------
    text : str
        A number with a unit.
    dimension : str
        A key of :data:`HOUSE_UNITS`.

    Returns
    -------
    float
        The value in mm-g-s.

    Raises
    ------
    BadInput
        When the unit is missing, unknown, or of another dimension, or the number none that is finite. A comma is refused:
        it parts thousands for some, and decimals for others.
    """
    house = HOUSE_UNITS[dimension]
    if isinstance(text, bool) or not isinstance(text, str):
        number_given = isinstance(text, (int, float)) and not isinstance(text, bool) and isfinite(text)
        raise BadInput(
            f"'{text}' has no unit, and a {dimension} is needed",
            remedy=f'Write for example "{text if number_given else 1} {EXAMPLES[dimension]}".',
        )
    example = f'Write for example "1 {EXAMPLES[dimension]}".'
    if "," in text:
        raise BadInput(f"'{text}' has a comma, which can mean two things", remedy="Write decimals with a point.")
    number = _NUMBER.match(text)
    if number is None:
        raise BadInput(f"'{text}' cannot be read as a {dimension}", remedy=example)
    try:
        quantity = _registry().Quantity(float(number.group(1)), text[number.end() :])
    except Exception as error:
        raise BadInput(f"'{text}' cannot be read as a {dimension}", remedy=example) from error
    if quantity.dimensionless:
        raise BadInput(
            f"'{text}' has no unit, and a {dimension} is needed",
            remedy=f'Write for example "{text} {EXAMPLES[dimension]}".',
        )
    if quantity.dimensionality != _registry().Quantity(1, house).dimensionality:
        raise BadInput(f"'{text}' is not a {dimension}", remedy=f"Give it in a unit such as {EXAMPLES[dimension]}.")
    value = float(quantity.to(house).magnitude)
    if not isfinite(value):
        raise BadInput(f"'{text}' is too large a number for a {dimension}", remedy=example)
    return value


def show(value: float, dimension: str, unit: str, digits: int = 3) -> str:
    """Write a house value in a unit people use, with that unit: ``show(13332, "pressure", "mmHg")`` is ``"100 mmHg"``."""
    return f"{convert(value, dimension, unit):.{digits}g} {unit}"


def convert(value: float, dimension: str, unit: str) -> float:
    """A house value as a number of ``unit``."""
    return value * factor(dimension, unit)


@lru_cache(maxsize=256)
def factor(dimension: str, unit: str) -> float:
    """Number to multiply a house value with to have it in ``unit``."""
    return float(_registry().Quantity(1.0, HOUSE_UNITS[dimension]).to(unit).magnitude)


# what a person would type for each dimension: used in messages
EXAMPLES: dict[str, str] = {
    "length": "mm",
    "area": "mm^2",
    "volume": "mL",
    "time": "s",
    "mass": "g",
    "density": "g/cm^3",
    "velocity": "cm/s",
    "acceleration": "m/s^2",
    "flow": "mL/s",
    "pressure": "mmHg",
    "viscosity": "mPa*s",
    "resistance": "mmHg*s/mL",
    "compliance": "mL/mmHg",
    "force": "N",
    "rate": "1/s",
    "power": "W",
    "mass rate": "g/day",
    "foundation": "kPa/mm",
}


def _checked(dimension: str) -> BeforeValidator:
    def check(text: Any) -> Any:  # before the type is looked at: a bare number deserves more than "not a string"
        try:
            parse(text, dimension)
        except BadInput as error:
            raise ValueError(error.sentence) from error  # pydantic adds where in the case it stands
        return text

    return BeforeValidator(check)


# field types for cases: text with a unit, checked when the case is read
Length = Annotated[str, _checked("length")]
Time = Annotated[str, _checked("time")]
Density = Annotated[str, _checked("density")]
Viscosity = Annotated[str, _checked("viscosity")]
LiquidVolume = Annotated[str, _checked("volume")]
Flow = Annotated[str, _checked("flow")]
Pressure = Annotated[str, _checked("pressure")]
Resistance = Annotated[str, _checked("resistance")]
Compliance = Annotated[str, _checked("compliance")]
Force = Annotated[str, _checked("force")]
Acceleration = Annotated[str, _checked("acceleration")]
Foundation = Annotated[str, _checked("foundation")]
