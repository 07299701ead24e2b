"""A stent: a narrowing is opened, and a piece of the artery no longer stretches."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from organtwin.model import Frozen
from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Floats, Physiology
from organtwin.twin.intervention import Draw, Kind, When
from organtwin.twin.interventions import segment
from organtwin.twin.interventions.dose import Length, Stiffness
from organtwin.twin.matching import MiddlePerson
from organtwin.units import parse

Share = Annotated[float, Field(gt=0, le=1)]
MMHG_PA = 133.322


class Options(Frozen):
    """The stent: ``diameter`` that it opens to, its ``length`` and ``radial_stiffness`` (pressure for each length of radius).

    The artery: ``vessel`` is its healthy diameter, ``narrowed`` the diameter now, ``narrow_length`` how long; ``share`` the part
    of the cardiac output that goes through it (1: the aorta), ``distensibility`` how its area grows, 1/mmHg.
    """

    diameter: Length
    length: Length
    vessel: Length
    narrowed: Length
    narrow_length: Length | None = None
    radial_stiffness: Stiffness = "100 kPa/mm"
    share: Share = 1.0
    distensibility: Annotated[float, Field(gt=0, lt=0.05)] = 0.002

    @model_validator(mode="after")
    def _fits(self) -> Options:
        stent, vessel, narrowed = (parse(text, "length") for text in (self.diameter, self.vessel, self.narrowed))
        if narrowed > vessel:
            raise ValueError("'narrowed' is wider than the vessel")
        if stent > 1.3 * vessel:
            raise ValueError(f"a stent of {self.diameter} is far too wide for a vessel of {self.vessel}")
        if stent < narrowed:
            raise ValueError(f"a stent of {self.diameter} does not open what is {self.narrowed} wide")
        return self


def stretch_left(vessel_mm: float, distensibility: float, stiffness_pa_per_mm: float) -> float:
    """Part of the stretch that is left in a stented piece: wall and stent bear the pressure side by side."""
    wall = 4.0 * MMHG_PA / (vessel_mm * distensibility)  # dP/dr = 2 / (r D)
    return wall / (wall + stiffness_pa_per_mm)


def effect(
    options: Options, model: Physiology, parameters: Floats, drives: Floats, when: When, draw: Draw
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Less resistance in series with the bed behind, less compliance of the arteries."""
    person = MiddlePerson.amid(parameters, drives, when)
    if person is None:
        return parameters, drives, ("The stent is placed after the time looked at.",)
    vessel, narrowed, stent, length = (
        parse(text, "length") for text in (options.vessel, options.narrowed, options.diameter, options.length)
    )
    narrow_length = parse(options.narrow_length, "length") if options.narrow_length else length
    flow = options.share * person.readings(model)["cardiac_output"] * 1000.0 / 60.0
    before, after = (segment.resistance(vessel, min(d, vessel), narrow_length, flow) for d in (narrowed, stent))
    left = stretch_left(vessel, options.distensibility, parse(options.radial_stiffness, "foundation"))
    lost = segment.compliance_ml_per_mmhg(vessel, length, options.distensibility) * (1.0 - left)
    on = when.on.astype(float)
    resists = segment.pull_resistance(model, parameters, drives, before - after, options.share, on)
    stretches = segment.pull_compliance(model, parameters, drives, lost, on)
    return (
        parameters,
        drives,
        (
            f"Stent of {options.diameter}, {options.length} long: the piece resists {after:.3g} instead of {before:.3g} mmHg s/mL at "
            f"{flow:.0f} mL/s ({before * flow:.1f} mmHg drop before, {after * flow:.1f} after; {segment.YOUNG_TSAI}); systemic "
            f"resistance {100 * resists:+.1f} %, arterial compliance {100 * stretches:+.2f} %.",
            f"{100 * left:.0f} % of the stretch of the stented piece is left. " + segment.DISTENSIBILITY,
            "The narrowing is taken to be in the calibrated resistance; flow divides as before; no narrowing within the stent.",
        ),
    )


KIND = Kind(
    name="stent",
    title="Stent",
    group="device",
    about="Opens a narrowing to a diameter, and stiffens a piece of the artery.",
    options=Options,
    function="organtwin.twin.interventions.stent:effect",
    models=("circulation",),
    sheet=DataSheet(
        purpose="What a stent in an artery does to pressure and work of the heart.",
        sources=(segment.YOUNG_TSAI, "Redheuil et al., Hypertension 55:319, 2010"),
        validity="One narrowing in a large artery with steady mean flow. The aorta has share 1, a renal artery about 0.1.",
        bias="Waves, autoregulation of the bed behind and recoil are left out; the flow through the bed grows in the model only as "
        "far as all resistances say. The stiffness of stents differs tenfold: give that of the device.",
    ),
)  # fmt: skip
