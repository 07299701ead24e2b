"""What drugs and habits that lower blood pressure have in common: a published change of pressure and heart rate, brought about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from organtwin.physiology.model import Floats, Physiology
from organtwin.twin.intervention import Draw, When
from organtwin.twin.matching import Lever, Matched, MiddlePerson, match

BELL = "People differ in their true systolic response by an sd of 2.6 mmHg (Bell et al., Hypertension 56, 2010; ACE inhibitors)."
BELL_SD_MMHG = 2.6

# what acts: resistance for the mean, stiffness for the pulse, and the reflex's setpoint for the heart rate
RESISTANCE = Lever({"resistance_change": 1.0}, most=0.8)
COMPLIANCE = Lever({"compliance_change": 1.0}, most=0.8)
SETPOINT = Lever({"setpoint_shift": 30.0}, most=1.5)
RATE = Lever({"heart_rate_change": 30.0}, most=1.5)
VOLUME = Lever({"volume_change": 400.0}, most=1.0)


@dataclass(frozen=True)
class Fall:
    """A published change in mmHg and /min (negative: a fall) in those whose pressure before was ``reference``.

    ``slope``: how much more it is for each mmHg that the pressure before is higher. ``sd_mmhg``: between people, of the
    systolic change, the uncertainty of the mean included. ``most``: no further than those with the highest pressure fell.
    """

    systolic: float
    diastolic: float
    heart_rate: float = 0.0
    reference: tuple[float, float] | None = None
    slope: tuple[float, float] = (0.0, 0.0)
    most: tuple[float, float] = (-1e9, -1e9)
    sd_mmhg: float = BELL_SD_MMHG
    levers: tuple[Lever, Lever, Lever] = (RESISTANCE, COMPLIANCE, SETPOINT)
    fixed: Sequence[Lever] = field(default_factory=tuple)

    def in_one(self, systolic: float, diastolic: float) -> tuple[float, float]:
        """The change in a person with these pressures before; it does not turn into a rise."""
        if self.reference is None:
            return self.systolic, self.diastolic
        first = self.systolic - self.slope[0] * (systolic - self.reference[0])
        second = self.diastolic - self.slope[1] * (diastolic - self.reference[1])
        return min(max(first, self.most[0]), 0.0), min(max(second, self.most[1]), 0.0)


def bring_about(
    fall: Fall, model: Physiology, parameters: Floats, drives: Floats, when: When, draw: Draw, share: Floats
) -> Matched | None:
    """Change ``drives`` (m, nt, d) in place so that pressure falls as published; ``share`` (nt) is how much of it at each time."""
    person = MiddlePerson.amid(parameters, drives, when)
    if person is None:
        return None
    now = person.readings(model)
    systolic, diastolic = fall.in_one(now["systolic"], now["diastolic"])
    wanted = {"systolic": systolic, "diastolic": diastolic, "heart_rate": fall.heart_rate}
    found = match(model, person, wanted, fall.levers, fall.fixed)
    response = responses(draw("response"), fall.sd_mmhg, abs(systolic))
    for lever, strength in [*zip(fall.levers, found.strengths, strict=True), *((lever, 1.0) for lever in fall.fixed)]:
        lever.pull(model, parameters, drives, strength * response[:, None] * share[None])
    return found


def responses(normal: Floats, sd: float, mean: float) -> Floats:
    """How many times the mean effect each member (m) has: mean 1, and nobody has the opposite of more than a tenth."""
    if mean < 1e-9:
        return np.ones_like(normal)
    return np.asarray(np.maximum(1.0 + min(sd / mean, 0.7) * normal, -0.1))


def said(found: Matched | None, title: str) -> tuple[str, ...]:
    """What was brought about, in a sentence with numbers."""
    if found is None:
        return (f"{title} does not begin within the time looked at.",)
    change = ", ".join(
        f"{name.replace('_', ' ')} {found.change[name]:+.1f} {unit}"
        for name, unit in (("systolic", "mmHg"), ("diastolic", "mmHg"), ("heart_rate", "per min"))
        if abs(found.change[name]) >= 0.05
    )
    short = "" if found.whole else ", which is as near as the model comes to what is published for this person"
    return (
        f"{title}, in full: {change} at {found.before['systolic']:.0f}/{found.before['diastolic']:.0f} mmHg before{short}.",
    )
