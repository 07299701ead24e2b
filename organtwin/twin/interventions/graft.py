"""A graft in the aorta: a long piece that hardly stretches."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from organtwin.model import Frozen
from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Floats, Physiology
from organtwin.twin.intervention import Draw, Kind, When
from organtwin.twin.interventions import segment
from organtwin.twin.interventions.dose import Length
from organtwin.units import parse

SALACINSKI = "Salacinski et al., J Biomater Appl 15:241, 2001"
# growth of the diameter, % for each mmHg times 0.01; of the area it is twice that
COMPLIANCE = {"dacron": 1.9, "eptfe": 1.6, "vein": 4.4}


class Options(Frozen):
    """``diameter`` and ``length`` of the graft; ``vessel`` is the diameter of what it replaces; ``distensibility`` how the area of
    the aorta grows, 1/mmHg."""

    diameter: Length
    length: Length
    vessel: Length | None = None
    material: Literal["dacron", "eptfe", "vein"] = "dacron"
    distensibility: Annotated[float, Field(gt=0, lt=0.05)] = 0.002


def effect(
    options: Options, model: Physiology, parameters: Floats, drives: Floats, when: When, draw: Draw
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """The compliance of the piece that is replaced goes, that of the graft comes."""
    diameter, length = parse(options.diameter, "length"), parse(options.length, "length")
    vessel = parse(options.vessel, "length") if options.vessel else diameter
    stretch = 2.0 * COMPLIANCE[options.material] * 1e-4
    before = segment.compliance_ml_per_mmhg(vessel, length, options.distensibility)
    after = segment.compliance_ml_per_mmhg(diameter, length, stretch)
    changed = segment.pull_compliance(model, parameters, drives, before - after, when.on.astype(float))
    return (
        parameters,
        drives,
        (
            f"Graft of {options.material}, {options.diameter} wide and {options.length} long: it stretches {after:.3g} instead of "
            f"{before:.3g} mL/mmHg ({SALACINSKI}); arterial compliance {100 * changed:+.1f} %.",
            segment.DISTENSIBILITY,
            "Its resistance is taken to be nil, as that of the aorta.",
        ),
    )


KIND = Kind(
    name="graft",
    title="Graft",
    group="device",
    about="Replaces a piece of the aorta by one that hardly stretches.",
    options=Options,
    function="organtwin.twin.interventions.graft:effect",
    models=("circulation",),
    sheet=DataSheet(
        purpose="What an aortic graft does to the pulse and the load of the heart.",
        sources=(SALACINSKI, "Redheuil et al., Hypertension 55:319, 2010"),
        validity="Open or endovascular grafts of the aorta after healing.",
        bias="Waves from the ends of the graft and the impedance of the ascending aorta are left out.",
    ),
)  # fmt: skip
