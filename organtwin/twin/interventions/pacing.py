"""A pacemaker's rate."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from organtwin.model import Frozen
from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Floats, Physiology
from organtwin.twin.intervention import Draw, Kind, When


class Options(Frozen):
    """``rate`` in beats a minute."""

    rate: Annotated[float, Field(ge=30, le=180)]


def effect(
    options: Options, model: Physiology, parameters: Floats, drives: Floats, when: When, draw: Draw
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """The heart beats at the rate of the device; the reflex still acts on the vessels."""
    drives[:, when.on, model.drive("pacing_rate")] = options.rate
    return (
        parameters,
        drives,
        (f"Every beat is paced, {options.rate:g} a minute, atria before ventricles, with the same strength as now.",),
    )


KIND = Kind(
    name="pacing",
    title="Pacing",
    group="device",
    about="The heart beats at a set rate.",
    options=Options,
    function="organtwin.twin.interventions.pacing:effect",
    models=("circulation",),
    sheet=DataSheet(
        purpose="What another heart rate does to output and filling at rest.",
        sources=("The model's own (Heldt et al., J Appl Physiol 92:1239, 2002: durations against rate)",),
        validity="Atrioventricular pacing at rest.",
        bias="Ventricles that contract out of step (pacing from the right apex) are left out: output with such a lead is lower.",
        verified_by=("circulation",),
    ),
)  # fmt: skip
