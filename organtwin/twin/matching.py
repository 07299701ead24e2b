"""From a published change of a reading to the change of a model that brings it about in a person.

Trials tell what a treatment did to readings (systolic pressure -9 mmHg); a model knows resistances and volumes. So the
strengths of levers (what the treatment acts on) are found with which the person in the middle of the ensemble changes as
published, by Newton's method; every member then gets these strengths times its own response.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from organtwin.errors import SolveFailed
from organtwin.physiology.model import Floats, Physiology
from organtwin.twin.intervention import When

MOST_TURNS = 15
PROBE = 0.01


@dataclass(frozen=True)
class Lever:
    """One strength that moves ``drives`` and ``parameters`` of a model together, each by its weight times the strength.

    A drive that is a relative change ("1", -0.2 is a fifth less) and a parameter take exp(weight * strength) as a factor, so
    that treatments multiply; any other drive adds weight * strength in its unit. ``most`` bounds the strength either way.
    """

    drives: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, float] = field(default_factory=dict)
    most: float = 1.0

    def pull(self, model: Physiology, parameters: Floats, drives: Floats, strength: Floats) -> None:
        """Change ``parameters`` (..., p) and ``drives`` (..., d) in place; ``strength`` (...)."""
        for key, weight in self.drives.items():
            place = model.drive(key)
            if model.drives[place].unit == "1" and key.endswith("_change"):
                drives[..., place] = (1.0 + drives[..., place]) * np.exp(weight * strength) - 1.0
            else:
                drives[..., place] += weight * strength
        for key, weight in self.parameters.items():
            parameters[..., model.parameter(key)] *= np.exp(weight * strength)


@dataclass(frozen=True)
class Matched:
    """``strengths`` of the levers, and what they bring about in the person in the middle: ``before`` and ``change`` by reading."""

    strengths: tuple[float, ...]
    before: Mapping[str, float]
    change: Mapping[str, float]
    whole: bool  # the change is the wanted one


@dataclass(frozen=True)
class MiddlePerson:
    """The person in the middle of an ensemble at a time: ``parameters`` (p) and ``drives`` (d)."""

    parameters: Floats
    drives: Floats

    @classmethod
    def amid(cls, parameters: Floats, drives: Floats, when: When) -> MiddlePerson | None:
        """At the last time that an intervention goes on, with all that was done before it; None where it never does."""
        on = np.flatnonzero(when.on)
        if not len(on):
            return None
        return cls(np.median(parameters[:, on[-1]], axis=0), np.median(drives[:, on[-1]], axis=0))

    def readings(self, model: Physiology) -> dict[str, float]:
        """Settled."""
        found = _settled(model, self.parameters[None], self.drives[None])[0]
        return {reading.key: float(value) for reading, value in zip(model.readings, found, strict=True)}


def match(
    model: Physiology,
    person: MiddlePerson,
    wanted: Mapping[str, float],
    levers: Sequence[Lever],
    fixed: Sequence[Lever] = (),
) -> Matched:
    """Strengths of as many levers as changes are wanted.

    Parameters
    ----------
    wanted : mapping
        Change by key of a reading, in its unit. Settled readings are compared.
    fixed : sequence of Lever
        Pulled with strength 1 beforehand: what is known of the treatment without matching; part of the change.

    Returns
    -------
    Matched
        ``whole`` is False where the bounds of the levers or of the model do not let it happen; it is then as near as they do.

    Raises
    ------
    SolveFailed
        When the model has no steady state for the person as he is.
    """
    keys = list(wanted)
    places = [model.reading(key) for key in keys]
    target = np.array([wanted[key] for key in keys])
    scale = np.maximum(np.abs(target), 0.5)
    bound = np.array([lever.most for lever in levers])
    count = len(levers)
    before = _settled(model, person.parameters[None], person.drives[None])[0]
    if not np.isfinite(before[places]).all():
        raise SolveFailed(
            f"The model '{model.name}' finds no steady state for the person in the middle of the ensemble",
            remedy="Calibrate the twin again, or look at what else the scenario does.",
        )
    known = np.ones(1)

    def after(strengths: Floats) -> Floats:  # (k, n) -> (k, wanted)
        parameters = np.repeat(person.parameters[None], len(strengths), 0)
        drives = np.repeat(person.drives[None], len(strengths), 0)
        for lever in fixed:
            lever.pull(model, parameters, drives, known)
        for place, lever in enumerate(levers):
            lever.pull(model, parameters, drives, strengths[:, place])
        return _settled(model, parameters, drives)[:, places] - before[places]

    strengths = np.zeros(count)
    best, least = strengths, np.inf
    for _ in range(MOST_TURNS):
        probes = np.vstack([strengths, strengths + PROBE * np.diag(bound)])
        found = after(probes)
        miss = (found[0] - target) / scale
        if not np.isfinite(found).all():
            strengths = 0.5 * (strengths + best)
            continue
        if np.abs(miss).max() < least:
            best, least = strengths, float(np.abs(miss).max())
        if least < 0.005:
            break
        slope = ((found[1:] - found[0]) / scale).T / PROBE
        step = np.linalg.lstsq(slope, -miss, rcond=1e-4)[0]
        strengths = np.clip(strengths + bound * np.clip(step, -0.5, 0.5), -bound, bound)
    change = after(best[None])[0]
    return Matched(
        tuple(float(s) for s in best),
        {key: float(before[place]) for key, place in zip(keys, places, strict=True)},
        {key: float(value) for key, value in zip(keys, change, strict=True)},
        bool(np.all(np.abs(change - target) < 0.05 * scale + 0.05)),
    )


def _settled(model: Physiology, parameters: Floats, drives: Floats) -> Floats:
    """Readings (k, r) at rest of rows of parameters (k, p) and drives (k, d)."""
    return model.simulator().run(parameters, drives[:, None], np.zeros(1)).readings[:, 0]
