"""Dose and effect of the five classes of drugs against high pressure.

Law, Wald, Morris and Jordan, BMJ 326:1427, 2003 (354 trials, placebo adjusted, people with 154/97 mmHg on average) give the fall
at half, once and twice the standard dose; it is 1.0 mmHg systolic and 1.1 mmHg diastolic more for every 10 mmHg that pressure is
higher before. Drugs add up, each acting on the pressure that the others leave (the same, and Law, Morris and Wald, BMJ
338:b1665, 2009).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from organtwin.errors import BadInput
from organtwin.twin.interventions.dose import milligrams

LAW = "Law et al., BMJ 326:1427, 2003"
LASSERSON = "Lasserson, Buclin and Glasziou, Heart 97:1771, 2011"
BEFORE = (154.0, 97.0)  # mmHg, of those in the trials
SLOPE = (0.10, 0.11)
ONSET_DAYS = 6.4 / math.log(2.0)  # half of the effect after 0.91 weeks (Lasserson 2011)


@dataclass(frozen=True)
class DrugClass:
    """Fall of (systolic, diastolic) at half, once and twice the standard dose, mmHg, and the 95 % interval of the systolic one
    at the standard dose."""

    name: str
    half: tuple[float, float]
    once: tuple[float, float]
    twice: tuple[float, float]
    interval: tuple[float, float]

    def fall(self, dose: float) -> tuple[float, float]:
        """At ``dose`` standard doses: straight in its logarithm between half and twice, in proportion below, level above."""
        first, second = (self._at(dose, k) for k in (0, 1))
        return first, second

    def _at(self, dose: float, k: int) -> float:
        if dose <= 0.5:
            return self.half[k] * dose / 0.5
        if dose <= 1.0:
            return self.half[k] + (self.once[k] - self.half[k]) * (1.0 + math.log2(dose))
        return self.once[k] + (self.twice[k] - self.once[k]) * min(math.log2(dose), 1.0)

    @property
    def error_mmhg(self) -> float:
        """Standard error of the mean systolic fall."""
        return (self.interval[1] - self.interval[0]) / 3.92


THIAZIDE = DrugClass("thiazide", (7.4, 3.7), (8.8, 4.4), (10.3, 5.0), (8.3, 9.4))
BETA_BLOCKER = DrugClass("beta-blocker", (7.4, 5.6), (9.2, 6.7), (11.1, 7.8), (8.6, 9.9))
ACE_INHIBITOR = DrugClass("ACE inhibitor", (6.9, 3.7), (8.5, 4.7), (10.0, 5.7), (7.9, 9.0))
ARB = DrugClass("angiotensin receptor blocker", (7.8, 4.5), (10.3, 5.7), (12.3, 6.5), (9.9, 10.8))
CALCIUM_BLOCKER = DrugClass("calcium channel blocker", (5.9, 3.9), (8.8, 5.9), (11.7, 7.9), (8.3, 9.2))


@dataclass(frozen=True)
class Drug:
    """``standard_mg``: the usual daily dose for high pressure (WHO's defined daily dose, ATC/DDD index)."""

    kind: DrugClass
    standard_mg: float
    most_mg: float  # beyond this a slip of the unit is likelier than a dose


def ever_given(drug: str, known: dict[str, Drug], dose: str | None) -> None:
    """Check a dose where it is told.

    Raises
    ------
    ValueError
        When it is far beyond what is ever given.
    """
    try:
        doses(drug, known, dose)
    except BadInput as error:
        raise ValueError(str(error)) from error


def doses(drug: str, known: dict[str, Drug], dose: str | None) -> tuple[Drug, float]:
    """The drug and how many standard doses are taken.

    Raises
    ------
    BadInput
        When a dose is far beyond what is ever given.
    """
    found = known[drug]
    if dose is None:
        return found, 1.0
    given = milligrams(dose)
    if given > found.most_mg:
        raise BadInput(
            f"{dose} of {drug} a day is more than is ever given", remedy=f"The usual dose is {found.standard_mg:g} mg."
        )
    return found, given / found.standard_mg
