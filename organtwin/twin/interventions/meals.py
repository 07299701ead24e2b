"""Meals: how much carbohydrate, and when."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from organtwin.errors import BadInput
from organtwin.model import Frozen
from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Floats, Physiology
from organtwin.twin.intervention import Draw, Kind, When
from organtwin.twin.interventions.clock import per_minute, read_times
from organtwin.twin.interventions.dose import Taken

EATING_MIN = 15.0
_MEAL = re.compile(r"\s*(\d{1,2}:\d{2})\s+(\d+\.?\d*)\s*g\s*")


def read_meals(text: str) -> tuple[tuple[float, float], ...]:
    """ "08:00 40 g, 13:00 70 g" as (hour, g).

    Raises
    ------
    BadInput
        When it cannot be read.
    """
    meals = []
    for part in text.split(","):
        found = _MEAL.fullmatch(part)
        if found is None or float(found.group(2)) > 500.0:
            raise BadInput(
                f"'{part.strip()}' is no meal", remedy='Write for example "08:00 40 g, 13:00 70 g, 19:00 60 g".'
            )
        meals.append((read_times(found.group(1))[0], float(found.group(2))))
    return tuple(meals)


def _meals(text: str) -> str:
    try:
        read_meals(text)
    except BadInput as error:
        raise ValueError(error.sentence) from error
    return text


class Options(Frozen):
    """``change`` of the carbohydrates that are eaten now (-0.3: a third less), or the meals themselves instead of those."""

    change: Annotated[float, Field(ge=-1, le=2)] | None = None
    meals: Annotated[str, AfterValidator(_meals)] | None = None
    taken: Taken = 1.0

    @model_validator(mode="after")
    def _one(self) -> Options:
        if (self.change is None) == (self.meals is None):
            raise ValueError('give change=-0.3, or meals="08:00 40 g, 13:00 70 g, 19:00 60 g"')
        return self


def effect(
    options: Options, model: Physiology, parameters: Floats, drives: Floats, when: When, draw: Draw
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Other carbohydrates go into the model's stomach."""
    place = model.drive("carbohydrates")
    if options.change is not None:
        drives[:, when.on, place] *= 1.0 + options.taken * options.change
        said = f"Carbohydrates {100.0 * options.change:+.0f} % of what is eaten now, in the same meals."
    else:
        drives[:, when.on, place] *= 1.0 - options.taken
        for hour, grams in read_meals(options.meals or ""):
            drives[:, :, place] += options.taken * grams * per_minute(when, hour, EATING_MIN)
        said = f"Carbohydrates at {options.meals} instead of what is eaten now, each within {EATING_MIN:.0f} minutes."
    return parameters, drives, (said, "Fat, protein and the kind of carbohydrate are taken to stay as they are.")


KIND = Kind(
    name="meals",
    title="Meals",
    group="lifestyle",
    about="More, fewer, or other carbohydrates at times of the day.",
    options=Options,
    function="organtwin.twin.interventions.meals:effect",
    models=("glucose",),
    sheet=DataSheet(
        purpose="What other meals do to glucose.",
        sources=("Dalla Man et al., IEEE Trans Biomed Eng 54:1740, 2007 (absorption of meals)",),
        validity="Mixed meals of some 20 to 120 g of carbohydrate.",
        bias="Weight is taken to stay as it is (see 'weight'); the second meal's effect and the time of day are left out.",
        verified_by=("glucose",),
    ),
)  # fmt: skip
