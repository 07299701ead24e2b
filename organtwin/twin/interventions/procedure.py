"""A procedure whose effect a flow result of the project has found: the pressure drop before and after it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from organtwin.model import Frozen
from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Floats, Physiology
from organtwin.twin.intervention import Draw, Kind, When
from organtwin.twin.interventions import segment
from organtwin.twin.interventions.dose import Drop, Flow
from organtwin.units import convert, parse


class Options(Frozen):
    """Mean pressure drops ``before`` and ``after`` at a mean ``flow``; ``share`` of the cardiac output that goes there (1: the
    aorta). ``name`` says what was done."""

    before: Drop
    after: Drop
    flow: Flow
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    name: str = "the procedure"


def effect(
    options: Options, model: Physiology, parameters: Floats, drives: Floats, when: When, draw: Draw
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """The difference of the drops over the flow is a resistance that goes (or comes)."""
    before, after = (convert(parse(text, "pressure"), "pressure", "mmHg") for text in (options.before, options.after))
    flow = convert(parse(options.flow, "flow"), "flow", "mL/s")
    less = (before - after) / flow
    changed = segment.pull_resistance(model, parameters, drives, less, options.share, when.on.astype(float))
    return (
        parameters,
        drives,
        (
            f"{options.name[:1].upper()}{options.name[1:]}: {options.before} before, {options.after} after at {options.flow}: {less:.3g} mmHg s/mL less; "
            f"systemic resistance {100 * changed:+.1f} %.",
            "The drop is taken to be in the calibrated resistance, and to grow in proportion to flow.",
        ),
    )


KIND = Kind(
    name="procedure",
    title="Procedure",
    group="procedure",
    about="What flow results before and after a procedure say of a resistance.",
    options=Options,
    function="organtwin.twin.interventions.procedure:effect",
    models=("circulation",),
    sheet=DataSheet(
        purpose="Takes what a solve of the project found into the whole circulation.",
        sources=("The flow results themselves, with their own credibility",),
        validity="Drops of one vessel at rest.",
        bias="A drop that grows with the square of the flow (narrowings) is understated in exercise.",
        verified_by=("stenosis", "windkessel"),
    ),
)  # fmt: skip
