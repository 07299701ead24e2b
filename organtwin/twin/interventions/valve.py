"""A new valve, or a mended one: its orifice, and what leaks back."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from organtwin.model import Frozen
from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Floats, Physiology
from organtwin.twin.intervention import Draw, Kind, When
from organtwin.twin.interventions.dose import Area
from organtwin.units import convert, parse

HAHN = "Hahn et al., JACC Cardiovasc Imaging 12:25, 2019"
# effective orifice area (mean, sd), cm^2
PROSTHESES = {
    "sapien-3-20": (1.22, 0.22), "sapien-3-23": (1.45, 0.26), "sapien-3-26": (1.74, 0.35), "sapien-3-29": (1.89, 0.37),
    "evolut-r-23": (1.09, 0.26), "evolut-r-26": (1.69, 0.40), "evolut-r-29": (1.97, 0.54), "evolut-r-34": (2.60, 0.75),
}  # fmt: skip


class Options(Frozen):
    """Either a ``prosthesis`` (transcatheter, aortic) or the effective ``area`` of the valve; ``leak`` is its regurgitant orifice."""

    position: Literal["aortic", "mitral"] = "aortic"
    prosthesis: Literal[
        "sapien-3-20", "sapien-3-23", "sapien-3-26", "sapien-3-29", "evolut-r-23", "evolut-r-26", "evolut-r-29", "evolut-r-34"
    ] | None = None  # fmt: skip
    area: Area | None = None
    leak: Annotated[float, Field(ge=0, le=1, description="cm^2")] = 0.0

    @model_validator(mode="after")
    def _one(self) -> Options:
        if (self.area is None) == (self.prosthesis is None):
            raise ValueError('give either area="1.7 cm^2" or a prosthesis')
        if self.prosthesis is not None and self.position != "aortic":
            raise ValueError("these prostheses are for the aortic valve")
        if self.area is not None and not 0.2 <= convert(parse(self.area, "area"), "area", "cm^2") <= 8.0:
            raise ValueError(f"an orifice of {self.area} is not between 0.2 and 8 cm^2")
        return self


def effect(
    options: Options, model: Physiology, parameters: Floats, drives: Floats, when: When, draw: Draw
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """The orifice of the valve is another from the day on."""
    if options.prosthesis is not None:
        mean, sd = PROSTHESES[options.prosthesis]
        area = (mean + sd * draw("area")).clip(0.4 * mean)
        said = f"{options.prosthesis}: effective orifice {mean:.2f} cm^2, sd {sd:.2f} between people ({HAHN})."
    else:
        area = 0.0 * draw("area") + convert(parse(options.area or "", "area"), "area", "cm^2")
        said = f"Effective orifice of the {options.position} valve {options.area} (told by the scenario)."
    for key, value in ((f"{options.position}_valve_area", area[:, None]), (f"{options.position}_leak", options.leak)):
        place = model.parameter(key)
        parameters[:, :, place] = parameters[:, :, place] * ~when.on + value * when.on
    return (
        parameters,
        drives,
        (
            said,
            f"Regurgitant orifice {options.leak:g} cm^2.",
            "The heart muscle does not remodel afterwards: only its load changes.",
        ),
    )


KIND = Kind(
    name="valve",
    title="Valve",
    group="device",
    about="A prosthesis, or another orifice of the aortic or mitral valve.",
    options=Options,
    function="organtwin.twin.interventions.valve:effect",
    models=("circulation",),
    sheet=DataSheet(
        purpose="What another orifice of a valve does to gradient, load and output.",
        sources=(HAHN,),
        validity="Aortic and mitral stenosis and regurgitation, soon after the procedure.",
        bias="Growth of the ventricle back to normal over months, conduction block and leaks beside the valve are left out unless told.",
    ),
)  # fmt: skip
