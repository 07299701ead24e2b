"""Thiazides: less blood, and in time less resistance."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from organtwin.model import Frozen
from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Floats, Physiology
from organtwin.twin.intervention import Draw, Kind, When
from organtwin.twin.interventions import antihypertensive as law
from organtwin.twin.interventions.antihypertensive import THIAZIDE, Drug
from organtwin.twin.interventions.dose import Mass, Taken
from organtwin.twin.interventions.pressure import (
    BELL,
    BELL_SD_MMHG,
    RESISTANCE,
    SETPOINT,
    VOLUME,
    Fall,
    bring_about,
    said,
)

DRUGS = {
    "hydrochlorothiazide": Drug(THIAZIDE, 25.0, 100.0),
    "chlortalidone": Drug(THIAZIDE, 25.0, 100.0),
    "indapamide": Drug(THIAZIDE, 2.5, 5.0),
    "bendroflumethiazide": Drug(THIAZIDE, 2.5, 10.0),
}
TARAZI = "Tarazi, Dustan and Frohlich, Circulation 41:709, 1970"


class Options(Frozen):
    """``dose`` is that of a day; the usual one unless given."""

    drug: Literal["hydrochlorothiazide", "chlortalidone", "indapamide", "bendroflumethiazide"] = "hydrochlorothiazide"
    dose: Mass | None = None
    taken: Taken = 1.0

    @model_validator(mode="after")
    def _is_given(self) -> Self:
        law.ever_given(self.drug, DRUGS, self.dose)
        return self


def effect(
    options: Options, model: Physiology, parameters: Floats, drives: Floats, when: When, draw: Draw
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Blood volume and resistance fall together as pulse and mean pressure do in trials."""
    drug, doses = law.doses(options.drug, DRUGS, options.dose)
    systolic, diastolic = THIAZIDE.fall(doses)
    fall = Fall(
        -systolic, -diastolic, 0.0, law.BEFORE, law.SLOPE,
        sd_mmhg=(BELL_SD_MMHG**2 + THIAZIDE.error_mmhg**2) ** 0.5, levers=(RESISTANCE, VOLUME, SETPOINT),
    )  # fmt: skip
    found = bring_about(fall, model, parameters, drives, when, draw, options.taken * when.share(law.ONSET_DAYS))
    less = (
        ""
        if found is None
        else f" {-400.0 * found.strengths[1]:.0f} mL less blood brings about the fall of the pulse pressure;"
    )
    return (
        parameters,
        drives,
        (
            *said(found, f"{options.drug} {options.dose or f'{drug.standard_mg:g} mg'}"),
            f"Thiazide: {systolic:.1f}/{diastolic:.1f} mmHg in people with 154/97 mmHg, less in those with less ({law.LAW}).",
            f"Over months plasma volume stays about 5 % lower ({TARAZI});{less} resistance changes with it.",
            f"Half of it within 6 days ({law.LASSERSON}); it goes as it came.",
            BELL,
        ),
    )


KIND = Kind(
    name="diuretic",
    title="Diuretic",
    group="medication",
    about="A thiazide: less blood volume and resistance.",
    options=Options,
    function="organtwin.twin.interventions.diuretic:effect",
    models=("circulation",),
    sheet=DataSheet(
        purpose="What a thiazide does to pressure and filling at rest.",
        sources=(law.LAW, TARAZI, law.LASSERSON, "Musini et al., Cochrane CD003824, 2014 (8/3 mmHg for hydrochlorothiazide 25 mg)",
                 "Bell et al., Hypertension 56, 2010", "WHO ATC/DDD index (standard doses)"),
        validity="Adults with working kidneys, half to twice the standard dose. Not: loop diuretics, oedema, heart failure.",
        bias="How the fall divides into volume and resistance follows from pulse and mean pressure, not from a measurement: over months resistance falls in patients, while here volume bears most of it.",
    ),
)  # fmt: skip
