"""A procedure whose effect a flow result of the project has found: the pressure drop before and after it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from organtwin.errors import BadInput
from organtwin.model import Frozen, Result
from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Floats, Physiology
from organtwin.twin.intervention import Draw, Kind, When
from organtwin.twin.interventions import segment
from organtwin.twin.interventions.dose import Drop, Flow
from organtwin.units import convert, parse

DROP = "Pressure drop "


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


def from_results(
    before: Result, after: Result, toward: str = "", cardiac_output_l_per_min: float | None = None
) -> dict[str, Any]:
    """Options of this intervention from two flow results (3D or lumped) of a vessel, before and after a procedure.

    The way is that to the opening ``toward``, else the one whose mean drop changes most. ``share`` of the cardiac output is that
    of the flow through it, where the output is known.

    Raises
    ------
    BadInput
        When the results have no such way in common, or no flow through it.
    """
    drops = [
        {q.name: q.value for q in one.quantities if q.name.startswith(DROP) and q.unit == "mmHg"}
        for one in (before, after)
    ]
    common = [name for name in drops[0] if name in drops[1] and (not toward or name.endswith(f"→ {toward}"))]
    if not common:
        raise BadInput(
            f"'{before.name}' and '{after.name}' have no pressure drop in common"
            + (f" to '{toward}'" if toward else ""),
            remedy="Solve the same vessel before and after the procedure, with the same names of its openings.",
        )
    way = max(common, key=lambda name: abs(drops[0][name] - drops[1][name]))
    cap = way.rpartition("→ ")[2]
    flow = next((q.value for q in after.quantities if q.name == f"Flow {cap}" and q.unit == "mL/s"), 0.0)
    if flow <= 0.0:
        raise BadInput(f"'{after.name}' has no flow out of '{cap}'")
    whole = None if cardiac_output_l_per_min is None else cardiac_output_l_per_min * 1000.0 / 60.0
    return {
        "before": f"{max(drops[0][way], 0.0):.4g} mmHg",
        "after": f"{max(drops[1][way], 0.0):.4g} mmHg",
        "flow": f"{flow:.4g} mL/s",
        "share": 1.0 if whole is None else round(min(max(flow / whole, 1e-3), 1.0), 4),
        "name": f"{before.name} to {after.name}, {way.removeprefix(DROP).strip()}",
    }


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
