"""Insulin that is injected: steadily (basal), and before meals (bolus)."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, model_validator

from organtwin.errors import BadInput
from organtwin.model import Frozen
from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Floats, Physiology
from organtwin.twin.intervention import Draw, Kind, When
from organtwin.twin.interventions.clock import per_minute, read_times
from organtwin.twin.interventions.dose import Taken

PADOVA = "Kovatchev et al., J Diabetes Sci Technol 3:44, 2009 (S2008 simulator: absorption under the skin)"
_UNITS = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*(?:U|IU|units?)\s*(/\s*day)?\s*")


def units(text: str) -> float:
    """ "12 U" or "20 U/day" as a number.

    Raises
    ------
    BadInput
        When it has no such unit, or is more than anybody is given.
    """
    found = _UNITS.fullmatch(text)
    if found is None:
        raise BadInput(f"'{text}' is no dose of insulin", remedy='Write for example "12 U", or "20 U/day".')
    if float(found.group(1)) > 300.0:
        raise BadInput(f"{text} of insulin is more than is ever given")
    return float(found.group(1))


def _units(text: str) -> str:
    try:
        units(text)
    except BadInput as error:
        raise ValueError(error.sentence) from error
    return text


def _times(text: str) -> str:
    try:
        read_times(text)
    except BadInput as error:
        raise ValueError(error.sentence) from error
    return text


class Options(Frozen):
    """``basal`` is added steadily over the day; ``bolus`` is that of each of the ``times``. Beside what is injected now."""

    basal: Annotated[str, AfterValidator(_units)] | None = None
    bolus: Annotated[str, AfterValidator(_units)] | None = None
    times: Annotated[str, AfterValidator(_times)] = "08:00, 13:00, 19:00"
    taken: Taken = 1.0

    @model_validator(mode="after")
    def _something(self) -> Options:
        if self.basal is None and self.bolus is None:
            raise ValueError('give basal="10 U/day", bolus="4 U", or both')
        return self


def effect(
    options: Options, model: Physiology, parameters: Floats, drives: Floats, when: When, draw: Draw
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """The units go into the model's depot under the skin; the model says what they do."""
    place = model.drive("insulin")
    told = []
    if options.basal:
        drives[:, when.on, place] += options.taken * units(options.basal) / 1440.0
        told.append(
            f"{options.basal.removesuffix('/day').strip()} of basal insulin a day, spread evenly as a long-acting one is meant to act."
        )
    if options.bolus:
        for hour in read_times(options.times):
            drives[:, :, place] += options.taken * units(options.bolus) * per_minute(when, hour, 1.0)
        told.append(f"{options.bolus} of rapid insulin at {options.times}.")
    told.append(f"Absorbed as in {PADOVA}; how people differ is in their parameters.")
    return parameters, drives, tuple(told)


KIND = Kind(
    name="insulin",
    title="Insulin",
    group="medication",
    about="Basal insulin, a bolus at times of the day, or both, beside what is injected now.",
    options=Options,
    function="organtwin.twin.interventions.insulin:effect",
    models=("glucose",),
    sheet=DataSheet(
        purpose="What injected insulin does to glucose.",
        sources=(PADOVA,),
        validity="Rapid analogues under the skin, and a long-acting one as an even supply. Hours to days.",
        bias="No missed or mistimed doses but as a part that is not taken; peaks of long-acting insulins are left out; values under "
        "50 mg/dL come out too low, as nothing in the model defends against them.",
        verified_by=("glucose",),
    ),
)  # fmt: skip
