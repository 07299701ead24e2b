"""Drugs that widen the arteries: calcium channel blockers, ACE inhibitors, angiotensin receptor blockers."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from organtwin.model import Frozen
from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Floats, Physiology
from organtwin.twin.intervention import Draw, Kind, When
from organtwin.twin.interventions import antihypertensive as law
from organtwin.twin.interventions.antihypertensive import ACE_INHIBITOR, ARB, CALCIUM_BLOCKER, Drug
from organtwin.twin.interventions.dose import Mass, Taken
from organtwin.twin.interventions.pressure import BELL, BELL_SD_MMHG, Fall, bring_about, said

DRUGS = {
    "amlodipine": Drug(CALCIUM_BLOCKER, 5.0, 20.0),
    "felodipine": Drug(CALCIUM_BLOCKER, 5.0, 20.0),
    "nifedipine": Drug(CALCIUM_BLOCKER, 30.0, 180.0),
    "enalapril": Drug(ACE_INHIBITOR, 10.0, 80.0),
    "lisinopril": Drug(ACE_INHIBITOR, 10.0, 160.0),
    "perindopril": Drug(ACE_INHIBITOR, 4.0, 32.0),
    "ramipril": Drug(ACE_INHIBITOR, 2.5, 20.0),
    "candesartan": Drug(ARB, 8.0, 64.0),
    "losartan": Drug(ARB, 50.0, 200.0),
    "telmisartan": Drug(ARB, 40.0, 160.0),
    "valsartan": Drug(ARB, 80.0, 640.0),
}  # fmt: skip


class Options(Frozen):
    """``dose`` is that of a day; the usual one unless given."""

    drug: Literal[
        "amlodipine", "felodipine", "nifedipine", "enalapril", "lisinopril", "perindopril", "ramipril",
        "candesartan", "losartan", "telmisartan", "valsartan",
    ] = "amlodipine"  # fmt: skip
    dose: Mass | None = None
    taken: Taken = 1.0

    @model_validator(mode="after")
    def _is_given(self) -> Self:
        law.ever_given(self.drug, DRUGS, self.dose)
        return self


def effect(
    options: Options, model: Physiology, parameters: Floats, drives: Floats, when: When, draw: Draw
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Resistance falls and arteries soften until pressure has fallen as in trials; the reflex's setpoint follows, so that the
    heart rate stays."""
    drug, doses = law.doses(options.drug, DRUGS, options.dose)
    systolic, diastolic = drug.kind.fall(doses)
    fall = Fall(
        -systolic, -diastolic, 0.0, law.BEFORE, law.SLOPE, sd_mmhg=(BELL_SD_MMHG**2 + drug.kind.error_mmhg**2) ** 0.5
    )
    share = options.taken * when.share(law.ONSET_DAYS)
    found = bring_about(fall, model, parameters, drives, when, draw, share)
    return (
        parameters,
        drives,
        (
            *said(found, f"{options.drug} {options.dose or f'{drug.standard_mg:g} mg'}"),
            f"{drug.kind.name[:1].upper() + drug.kind.name[1:]}: {systolic:.1f}/{diastolic:.1f} mmHg in people with 154/97 mmHg, less in those with less ({law.LAW}).",
            f"Half of it within 6 days ({law.LASSERSON}); it goes as it came.",
            BELL,
        ),
    )


KIND = Kind(
    name="vasodilator",
    title="Vasodilator",
    group="medication",
    about="A calcium channel blocker, an ACE inhibitor or an angiotensin receptor blocker.",
    options=Options,
    function="organtwin.twin.interventions.vasodilator:effect",
    models=("circulation",),
    sheet=DataSheet(
        purpose="What a drug that widens arteries does to pressure at rest.",
        sources=(law.LAW, "Law, Morris and Wald, BMJ 338:b1665, 2009", law.LASSERSON, "Bell et al., Hypertension 56, 2010",
                 "WHO ATC/DDD index (standard doses)"),
        validity="Adults with or without high pressure, half to twice the standard dose; drugs add up, each at the pressure that "
        "the others leave. Not: heart failure, pregnancy, the first hours.",
        bias="Trials measure at the arm, the model at the root of the aorta. Effects beyond pressure (kidney, remodelling) are left "
        "out. ACE inhibitors do less, and calcium channel blockers more, in older people and those of African descent.",
    ),
)  # fmt: skip
