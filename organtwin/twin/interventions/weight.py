"""Weight lost (or gained)."""

from __future__ import annotations

from organtwin.model import Frozen
from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Floats, Physiology
from organtwin.twin.intervention import Draw, Kind, When
from organtwin.twin.interventions.dose import Kilograms, Span, Taken, days_of, kilograms
from organtwin.twin.interventions.glycaemia import bring_down, told
from organtwin.twin.interventions.pressure import Fall, bring_about, said

NETER = "Neter et al., Hypertension 42:878, 2003"
GUMMESSON = "Gummesson et al., Diabetes Obes Metab 19:1295, 2017"
PER_KG = (1.05, 0.92)  # mmHg
ERROR = 0.20  # standard error of the systolic one: 95 % interval 0.66 to 1.43
HBA1C_PER_KG = 0.1  # percentage points, in overweight people with type 2 diabetes


class Options(Frozen):
    """``change``: "-5 kg"; it comes steadily over a time, and stays."""

    change: Kilograms
    over: Span = "12 weeks"
    taken: Taken = 1.0


def effect(
    options: Options, model: Physiology, parameters: Floats, drives: Floats, when: When, draw: Draw
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Pressure falls by resistance and stiffness; in the model of glucose the sensitivity to insulin rises."""
    change = kilograms(options.change)
    share = options.taken * when.ramp(days_of(options.over))
    if model.name == "glucose":
        found = bring_down(HBA1C_PER_KG * -change, 0.03 * abs(change), model, parameters, drives, when, draw, share)
        source = f"0.1 percentage points of HbA1c for each kg ({GUMMESSON}; people with type 2 diabetes)."
        return parameters, drives, (*told(found, f"{options.change}"), source)
    fall = Fall(PER_KG[0] * change, PER_KG[1] * change, sd_mmhg=max(ERROR, 0.25) * abs(change))
    matched = bring_about(fall, model, parameters, drives, when, draw, share)
    return (
        parameters,
        drives,
        (
            *said(matched, options.change),
            f"1.05/0.92 mmHg for each kg ({NETER}), steadily over {options.over}; people differ by a quarter of it (assumed).",
        ),
    )


KIND = Kind(
    name="weight",
    title="Weight",
    group="lifestyle",
    about="Weight lost or gained over some weeks, and kept.",
    options=Options,
    function="organtwin.twin.interventions.weight:effect",
    models=("circulation", "glucose"),
    sheet=DataSheet(
        purpose="What a change of weight does to pressure and glucose.",
        sources=(NETER, GUMMESSON),
        validity="Overweight adults, some kg to about 10 kg lost by eating less or moving more. Regained weight is taken to undo it.",
        bias="Trials on pressure lasted months: over years about half is left. The effect on glucose is that in diabetes.",
    ),
)  # fmt: skip
