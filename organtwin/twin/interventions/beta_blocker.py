"""Beta-blockers: a slower heart, and a lower pressure."""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import model_validator

from organtwin.model import Frozen
from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Floats, Physiology
from organtwin.twin.intervention import Draw, Kind, When
from organtwin.twin.interventions import antihypertensive as law
from organtwin.twin.interventions.antihypertensive import BETA_BLOCKER, Drug
from organtwin.twin.interventions.dose import Mass, Taken
from organtwin.twin.interventions.pressure import (
    BELL,
    BELL_SD_MMHG,
    COMPLIANCE,
    RATE,
    RESISTANCE,
    Fall,
    bring_about,
    said,
)
from organtwin.twin.matching import Lever

DRUGS = {
    "atenolol": Drug(BETA_BLOCKER, 75.0, 200.0),
    "bisoprolol": Drug(BETA_BLOCKER, 10.0, 40.0),
    "carvedilol": Drug(BETA_BLOCKER, 37.5, 100.0),
    "metoprolol": Drug(BETA_BLOCKER, 150.0, 450.0),
    "nebivolol": Drug(BETA_BLOCKER, 5.0, 40.0),
    "propranolol": Drug(BETA_BLOCKER, 160.0, 640.0),
}
WONG = "Wong et al., Cochrane CD007451, 2016"
SLOWER_PER_MIN = 11.0
WEAKER = 0.1  # of the contractility; assumed


class Options(Frozen):
    """``dose`` is that of a day; the usual one unless given."""

    drug: Literal["atenolol", "bisoprolol", "carvedilol", "metoprolol", "nebivolol", "propranolol"] = "metoprolol"
    dose: Mass | None = None
    taken: Taken = 1.0

    @model_validator(mode="after")
    def _is_given(self) -> Self:
        law.ever_given(self.drug, DRUGS, self.dose)
        return self


def effect(
    options: Options, model: Physiology, parameters: Floats, drives: Floats, when: When, draw: Draw
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """The heart beats slower and more weakly; resistance and stiffness take what is left of the published fall of pressure."""
    drug, doses = law.doses(options.drug, DRUGS, options.dose)
    systolic, diastolic = BETA_BLOCKER.fall(doses)
    part = systolic / BETA_BLOCKER.once[0]
    fall = Fall(
        -systolic, -diastolic, -SLOWER_PER_MIN * part, law.BEFORE, law.SLOPE,
        sd_mmhg=(BELL_SD_MMHG**2 + BETA_BLOCKER.error_mmhg**2) ** 0.5, levers=(RESISTANCE, COMPLIANCE, RATE),
        fixed=(Lever({"contractility_change": math.log(1.0 - WEAKER) * part}),),
    )  # fmt: skip
    found = bring_about(fall, model, parameters, drives, when, draw, options.taken * when.share(law.ONSET_DAYS))
    return (
        parameters,
        drives,
        (
            *said(found, f"{options.drug} {options.dose or f'{drug.standard_mg:g} mg'}"),
            f"Beta-blocker: {systolic:.1f}/{diastolic:.1f} mmHg in people with 154/97 mmHg, less in those with less ({law.LAW}); "
            f"{SLOWER_PER_MIN * part:.0f} beats/min slower ({WONG}).",
            f"Contractility {100 * WEAKER * part:.0f} % lower (assumed).",
            f"Half of it within 6 days ({law.LASSERSON}); it goes as it came.",
            BELL,
        ),
    )


KIND = Kind(
    name="beta-blocker",
    title="Beta-blocker",
    group="medication",
    about="Slows the heart and lowers pressure.",
    options=Options,
    function="organtwin.twin.interventions.beta_blocker:effect",
    models=("circulation",),
    sheet=DataSheet(
        purpose="What a beta-blocker does to pressure and heart rate at rest.",
        sources=(law.LAW, WONG, law.LASSERSON, "Bell et al., Hypertension 56, 2010", "WHO ATC/DDD index (standard doses)"),
        validity="Adults in sinus rhythm, half to twice the standard dose. Not: heart failure, where small doses are begun and the "
        "ventricle recovers over months; a paced heart keeps its rate.",
        bias="Trials overstate the fall a little (Cochrane says so itself). The weaker contraction is assumed, and the lower heart "
        "rate in exercise is not in it.",
    ),
)  # fmt: skip
