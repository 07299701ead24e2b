"""How long things take: laws of probability with a mean that people can say."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from organtwin.errors import BadInput
from organtwin.model import Frozen
from organtwin.units import parse

Span = Annotated[str, Field(description='a time with a unit, as in "45 min" or "3 days"')]


@lru_cache(maxsize=1024)
def minutes(text: str) -> float:
    """A time with a unit, in minutes."""
    return parse(text, "time") / 60.0


class Duration(Frozen):
    """``mean`` and ``sd`` of a law; "fixed" needs no sd, and that of "exponential" is its mean. ``source`` says who measured it.

    "lognormal" fits operations (Strum, May and Vargas, Anesthesiology 92, 2000) and lengths of stay.
    """

    law: Literal["fixed", "exponential", "lognormal", "gamma"] = "lognormal"
    mean: Span
    sd: Span | None = None
    least: Span | None = None
    source: str = ""

    @model_validator(mode="after")
    def _makes_sense(self) -> Duration:
        try:
            mean = minutes(self.mean)
            sd = None if self.sd is None else minutes(self.sd)
            least = 0.0 if self.least is None else minutes(self.least)
        except BadInput as error:
            raise ValueError(error.sentence) from error
        if mean <= 0.0 or (sd is not None and sd <= 0.0) or least < 0.0:
            raise ValueError("a duration needs a mean and an sd above zero")
        if self.law in ("lognormal", "gamma") and sd is None:
            raise ValueError(f"a {self.law} duration needs an sd")
        if self.law in ("fixed", "exponential") and sd is not None:
            raise ValueError(f"the sd of a {self.law} duration follows from its mean: leave it out")
        return self

    @property
    def mean_min(self) -> float:
        return minutes(self.mean)

    def draw(self, stream: np.random.Generator) -> float:
        """One duration, minutes."""
        mean, sd = self.mean_min, minutes(self.sd) if self.sd else 0.0
        if self.law == "fixed":
            drawn = mean
        elif self.law == "exponential":
            drawn = float(stream.exponential(mean))
        elif self.law == "gamma":
            drawn = float(stream.gamma((mean / sd) ** 2, sd**2 / mean))
        else:
            spread = math.log1p((sd / mean) ** 2)
            drawn = float(stream.lognormal(math.log(mean) - 0.5 * spread, math.sqrt(spread)))
        return max(drawn, minutes(self.least)) if self.least else drawn
