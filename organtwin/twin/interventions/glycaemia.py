"""What drugs and habits that lower glucose have in common: a published change of HbA1c, brought about."""

from __future__ import annotations

import math

import numpy as np

from organtwin.physiology.model import Floats, Physiology
from organtwin.twin.intervention import Draw, When
from organtwin.twin.interventions.pressure import responses
from organtwin.twin.matching import Lever, Matched, MiddlePerson, match

SENSITIVITY = Lever({"sensitivity_change": 1.0}, most=1.5)
USUAL_CARBOHYDRATES_G = 200.0  # a day, where none are told
MOST_LESS = 0.25  # of the liver's production: what metformin did in Hundal et al., Diabetes 49:2063, 2000
NORMAL, TRIED = 5.5, 8.0  # % of HbA1c: where nothing is left to lower, and about that of people in the trials


def in_one(points: float, hba1c: float) -> float:
    """The change of HbA1c in a person: in proportion to what is above normal, up to a third more than in the trials.

    That it is larger in those with more is published (Bloomgarden et al., Diabetes Care 29:2137, 2006); the proportion is
    assumed.
    """
    return points * float(np.clip((hba1c - NORMAL) / (TRIED - NORMAL), 0.0, 4.0 / 3.0))


def bring_down(
    points: float,
    sd: float,
    model: Physiology,
    parameters: Floats,
    drives: Floats,
    when: When,
    draw: Draw,
    share: Floats,
    production: float = 0.0,
) -> Matched | None:
    """Change ``drives`` (m, nt, d) in place so that HbA1c settles ``points`` lower, with meals as they are.

    ``sd`` is that between people, percentage points, in those of the trials; ``share`` (nt) how much of it at each time.
    ``production``: how much less the liver makes, as a part, for each point that HbA1c falls; the sensitivity to insulin rises
    until the whole fall is there.
    """
    person = MiddlePerson.amid(parameters, drives, when)
    if person is None:
        return None
    eats = model.drive("carbohydrates")
    usual = np.array(person.drives)
    mean = float(np.mean(drives[:, when.on, eats]))
    usual[eats] = mean if mean > 0.0 else USUAL_CARBOHYDRATES_G / 1440.0
    for key in ("insulin", "exercise"):  # what lasts an hour is no settled state: its mean stands for it
        usual[model.drive(key)] = float(np.mean(drives[:, when.on, model.drive(key)]))
    person = MiddlePerson(person.parameters, usual)
    now = person.readings(model)["hba1c"]
    change = in_one(points, now)
    less = min(production * change, MOST_LESS)
    fixed = (Lever({"production_change": math.log(1.0 - less)}),) if less else ()
    found = match(model, person, {"hba1c": -change}, (SENSITIVITY,), fixed)
    response = responses(draw("response"), sd, abs(points))
    for one, strength in [(SENSITIVITY, found.strengths[0]), *((lever, 1.0) for lever in fixed)]:
        one.pull(model, parameters, drives, strength * response[:, None] * share[None])
    return found


def told(found: Matched | None, title: str) -> tuple[str, ...]:
    """What was brought about, in a sentence with numbers."""
    if found is None:
        return (f"{title}: it does not begin within the time looked at.",)
    short = "" if found.whole else ", which is as near as the model comes to what is published"
    return (
        f"{title}, in full: HbA1c {found.change['hba1c']:+.2f} percentage points at {found.before['hba1c']:.1f} % before{short}.",
        "The effect goes with what HbA1c is above 5.5 % (assumed; that it is larger in those with more: Bloomgarden et al., "
        "Diabetes Care 29:2137, 2006).",
    )
