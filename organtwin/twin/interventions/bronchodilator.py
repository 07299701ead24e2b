"""Inhaled drugs that widen the airways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from organtwin.model import Frozen
from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Floats, Physiology
from organtwin.twin.intervention import Draw, Kind, When
from organtwin.twin.interventions.dose import Taken
from organtwin.twin.interventions.pressure import responses
from organtwin.twin.matching import Lever, MiddlePerson, match

KARNER = "Karner, Chong and Poole, Cochrane CD009285, 2014"
KEW = "Kew, Mavergames and Walters, Cochrane CD010177, 2013"
FARNE = "Farne and Cates, Cochrane CD008989, 2015"
ALBERT = "Albert et al., Thorax 67:701, 2012"
CELLI = "Celli, ZuWallack, Wang and Kesten, Chest 124:1743, 2003"
SD_L = 0.10  # between people; half of what single tests show, the rest is their noise (assumed)
OBSTRUCTED, FREE = 60.0, 80.0  # FEV1/FVC, %: full effect below the first, none above the second
# the airways widen, and air that was trapped comes out
AIRWAYS = Lever({"bronchodilation": 1.0, "deflation": 1.0}, most=0.8)


@dataclass(frozen=True)
class Inhaled:
    """Rise of FEV1 (L) in chronic obstructive disease, and how fast it comes and goes (days)."""

    fev1_l: float
    onset_days: float
    source: str


DRUGS = {
    "tiotropium": Inhaled(0.119, 2.0, f"{KARNER}: 119 mL (113 to 125) before the next dose"),
    "salmeterol": Inhaled(0.073, 1.0, f"{KEW}: 73 mL (48 to 98), long-acting beta-agonists together"),
    "formoterol": Inhaled(0.073, 1.0, f"{KEW}: 73 mL (48 to 98), long-acting beta-agonists together"),
    "indacaterol": Inhaled(0.073, 1.0, f"{KEW}: 73 mL (48 to 98), long-acting beta-agonists together"),
    "tiotropium-olodaterol": Inhaled(0.179, 2.0, f"{KARNER} and {FARNE}: 119 mL, and 60 more (50 to 70)"),
    "salbutamol": Inhaled(0.12, 0.0, f"{ALBERT}: 120 mL half an hour after 400 micrograms"),
}


class Options(Frozen):
    drug: Literal["tiotropium", "salmeterol", "formoterol", "indacaterol", "tiotropium-olodaterol", "salbutamol"] = (
        "tiotropium"
    )
    taken: Taken = 1.0


def effect(
    options: Options, model: Physiology, parameters: Floats, drives: Floats, when: When, draw: Draw
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """The airways' resistance and the trapped air fall until FEV1 has risen as in trials."""
    person = MiddlePerson.amid(parameters, drives, when)
    if person is None:
        return parameters, drives, (f"{options.drug} does not begin within the time looked at.",)
    drug = DRUGS[options.drug]
    now = person.readings(model)
    part = float(np.clip((FREE - now["fev1_fvc"]) / (FREE - OBSTRUCTED), 0.0, 1.0))
    found = match(model, person, {"fev1": part * drug.fev1_l}, (AIRWAYS,))
    strength = found.strengths[0] * responses(draw("response"), SD_L, drug.fev1_l)
    share = options.taken * when.share(drug.onset_days)
    AIRWAYS.pull(model, parameters, drives, strength[:, None] * share[None])
    short = "" if found.whole else ", as near as the model comes"
    return (
        parameters,
        drives,
        (
            f"{options.drug}, in full: FEV1 {1000 * found.change['fev1']:+.0f} mL at {now['fev1']:.2f} L and FEV1/FVC "
            f"{now['fev1_fvc']:.0f} % before{short}.",
            f"{drug.source}; trapped air comes out with it ({CELLI}; as many L as the resistance falls in parts of one).",
            "Full effect at FEV1/FVC below 60 %, none above 80 % (assumed); people differ by an sd of 0.1 L (assumed). Drugs of two "
            "classes add up to about four fifths.",
        ),
    )


KIND = Kind(
    name="bronchodilator",
    title="Bronchodilator",
    group="medication",
    about="An inhaled drug that widens the airways in chronic obstructive disease.",
    options=Options,
    function="organtwin.twin.interventions.bronchodilator:effect",
    models=("respiration",),
    sheet=DataSheet(
        purpose="What an inhaled bronchodilator does to spirometry and breathing.",
        sources=(KARNER, KEW, FARNE, ALBERT, CELLI),
        validity="Chronic obstructive disease, moderate to very severe. Not: asthma, where the effect is larger.",
        bias="Rises are those before the next dose; the peak after it is about twice that. Two drugs given as two interventions add "
        "up fully: use the combination for tiotropium with a beta-agonist.",
        verified_by=("respiration",),
    ),
)  # fmt: skip
