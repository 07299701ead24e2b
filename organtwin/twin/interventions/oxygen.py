"""Oxygen through a nasal cannula or a mask."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from organtwin.model import Frozen
from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Floats, Physiology
from organtwin.twin.intervention import Draw, Kind, When
from organtwin.twin.interventions.dose import Flow
from organtwin.units import convert, parse

WETTSTEIN = "Wettstein, Shelledy and Peters, Respir Care 50:604, 2005"
PER_LITRE = 0.04  # the rule of thumb; measured values scatter widely about it
SD = 0.25  # of what is added, between people and breaths
MOST_L_PER_MIN = 6.0


class Options(Frozen):
    """Either a ``flow`` through a nasal cannula, or the ``fraction`` of the air of a mask."""

    flow: Flow | None = None
    fraction: Annotated[float, Field(ge=0.21, le=1.0)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Options:
        if (self.flow is None) == (self.fraction is None):
            raise ValueError('give either flow="2 L/min" or fraction=0.28')
        if self.flow is not None and convert(parse(self.flow, "flow"), "flow", "L/min") > MOST_L_PER_MIN:
            raise ValueError("a nasal cannula gives at most 6 L/min: give the fraction of a mask")
        return self


def effect(
    options: Options, model: Physiology, parameters: Floats, drives: Floats, when: When, draw: Draw
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """The air that is breathed has more oxygen."""
    place = model.drive("inspired_oxygen")
    if options.fraction is not None:
        drives[:, when.on, place] = options.fraction
        return parameters, drives, (f"{100 * options.fraction:.0f} % oxygen in the air of a mask.",)
    litres = convert(parse(options.flow or "", "flow"), "flow", "L/min")
    added = PER_LITRE * litres * np.maximum(1.0 + SD * draw("cannula"), 0.2)
    drives[:, :, place] = np.where(when.on, np.minimum(drives[:, :, place] + added[:, None], 1.0), drives[:, :, place])
    return (
        parameters,
        drives,
        (
            f"{options.flow} by nasal cannula adds {100 * PER_LITRE * litres:.0f} % oxygen (four for each litre; {WETTSTEIN} measured "
            "wide scatter: a quarter of it, sd, rounded).",
            "Breathing follows in the model: those who retain carbon dioxide retain more.",
        ),
    )


KIND = Kind(
    name="oxygen",
    title="Oxygen",
    group="medication",
    about="Oxygen by nasal cannula or mask.",
    options=Options,
    function="organtwin.twin.interventions.oxygen:effect",
    models=("respiration",),
    sheet=DataSheet(
        purpose="What added oxygen does to saturation and carbon dioxide.",
        sources=(WETTSTEIN, "West, Respir Physiol 7:88, 1969 (the model's own exchange)"),
        validity="Adults at rest, 1 to 6 L/min by cannula, or a mask with a known fraction.",
        bias="The fraction falls when one breathes harder, which is left out. Reversal of hypoxic narrowing of lung vessels is too.",
        verified_by=("respiration",),
    ),
)  # fmt: skip
