"""Metformin: the liver makes less glucose."""

from __future__ import annotations

import math

from pydantic import model_validator

from organtwin.model import Frozen
from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Floats, Physiology
from organtwin.twin.intervention import Draw, Kind, When
from organtwin.twin.interventions.dose import PerDay, Taken, grams_per_day
from organtwin.twin.interventions.glycaemia import bring_down, told

HIRST = "Hirst et al., Diabetes Care 35:446, 2012"
HUNDAL = "Hundal et al., Diabetes 49:2063, 2000"
BAILEY = "Bailey and Turner, N Engl J Med 334:574, 1996"
POINTS, ERROR = 1.12, 0.10  # of HbA1c against placebo (0.92 to 1.32), alone
PER_DOUBLING = 0.26  # more of it with higher doses
LESS_PER_POINT = 0.16  # of the production for each point of HbA1c: a quarter in people whose HbA1c fell by about 1.5
TRIED_G = 1.5
SD = 0.35
ONSET_DAYS = 5.0


class Options(Frozen):
    dose: PerDay = "2 g/day"
    taken: Taken = 1.0

    @model_validator(mode="after")
    def _usual(self) -> Options:
        if grams_per_day(self.dose) > 3.0:
            raise ValueError("more than 3 g of metformin a day is not given")
        return self


def effect(
    options: Options, model: Physiology, parameters: Floats, drives: Floats, when: When, draw: Draw
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """The liver's production falls until HbA1c settles as much lower as in trials."""
    dose = grams_per_day(options.dose)
    points = POINTS + PER_DOUBLING * math.log2(max(dose, 0.5) / TRIED_G)
    points *= min(dose / 0.5, 1.0)
    sd = math.hypot(SD, ERROR)
    share = options.taken * when.share(ONSET_DAYS)
    found = bring_down(points, sd, model, parameters, drives, when, draw, share, production=LESS_PER_POINT)
    return (
        parameters,
        drives,
        (
            *told(found, f"metformin {options.dose}"),
            f"HbA1c {points:.2f} percentage points lower in type 2 diabetes ({HIRST}: 1.12, and 0.26 more with higher doses), by "
            f"less production in the liver ({HUNDAL}: a quarter less) and some more uptake ({BAILEY}; what is left of the fall).",
            "People differ by an sd of 0.35 points (assumed); production falls within two weeks, HbA1c follows with its memory.",
        ),
    )


KIND = Kind(
    name="metformin",
    title="Metformin",
    group="medication",
    about="Lowers the liver's production of glucose.",
    options=Options,
    function="organtwin.twin.interventions.metformin:effect",
    models=("glucose",),
    sheet=DataSheet(
        purpose="What metformin does to glucose in type 2 diabetes.",
        sources=(HIRST, HUNDAL, BAILEY, "Bloomgarden et al., Diabetes Care 29:2137, 2006"),
        validity="Adults with type 2 diabetes and working kidneys, 0.5 to 3 g a day. In people without diabetes it does next to nothing.",
        bias="What the liver does not explain, sensitivity to insulin does, by more in the model than in people. The dose of the trials together (1.5 g) is rounded; added to tablets it does a little less (0.95 points) and to insulin about half (0.60), which is not told apart here.",
    ),
)  # fmt: skip
