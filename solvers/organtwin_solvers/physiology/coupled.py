"""Circulation and respiration of one person, each told what the other does.

The output of the heart carries the gases; want of oxygen makes the heart faster and narrows the vessels of the lung. Two passes are
enough: what passes between them is weak. (Exercise is the same drive of every model, of glucose too.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from organtwin.physiology.model import Floats, Physiology
from organtwin_solvers.physiology.circulation.manifest import MODEL as CIRCULATION
from organtwin_solvers.physiology.circulation.simulator import Circulation
from organtwin_solvers.physiology.ensemble import each_member
from organtwin_solvers.physiology.respiration.manifest import MODEL as RESPIRATION
from organtwin_solvers.physiology.respiration.simulator import OUTPUT_PER_UPTAKE, Respiration

PASSES = 2
FULL_SATURATION = 97.0
# Slutsky and Rebuck 1978, Am J Physiol 234:H129: about 0.8 /min for a percent of saturation lost, at once; persons differ twofold
BEATS_PER_PERCENT = 0.8
# mean pulmonary pressure about 14 mmHg at sea level and 25 at 4500 m (Penaloza and Arias-Stella 2007, Circulation 115:1132)
LUNG_BEGINS_MMHG, LUNG_PER_MMHG, LUNG_MOST = 70.0, 0.05, 2.0


@dataclass(frozen=True)
class Together:
    """Readings (m, r) of both, in the order of their manifests."""

    circulation: Floats
    respiration: Floats


def settled(
    circulation: Floats,
    respiration: Floats,
    drives: Mapping[str, Mapping[str, float]] | None = None,
    exercise: float = 0.0,
) -> Together:
    """Both settled together.

    Parameters
    ----------
    circulation, respiration
        Parameters (m, p) of each model for the same m persons; ``cardiac_output`` of the second is not used.
    drives
        By name of the model and of the drive; the others at rest.
    exercise
        Part of the maximal oxygen uptake.
    """
    members = len(circulation)
    heart, lungs = Circulation(), Respiration()
    acting = {
        model.name: np.array(each_member(_drives(model, (drives or {}).get(model.name, {}), exercise), members, 1))
        for model in (CIRCULATION, RESPIRATION)
    }
    breathing = np.array(respiration)
    rate, vessels = (CIRCULATION.drive(key) for key in ("heart_rate_change", "pulmonary_resistance_change"))
    rate_given, vessels_given = (acting["circulation"][:, 0, k].copy() for k in (rate, vessels))
    rest_uptake, most_uptake = (RESPIRATION.parameter(k) for k in ("oxygen_uptake", "maximal_oxygen_uptake"))
    # the model of respiration adds what exercise asks of the heart: only the rest is handed over
    added = OUTPUT_PER_UPTAKE * exercise * np.maximum(breathing[:, most_uptake] - breathing[:, rest_uptake], 0.0)
    flow, blood = (None, None)
    at_zero = np.zeros(1)
    for _ in range(PASSES):
        beaten = heart.run(circulation, acting["circulation"], at_zero, flow)
        output = beaten.readings[:, 0, CIRCULATION.reading("cardiac_output")]
        low, high = _bounds(RESPIRATION, "cardiac_output")
        breathing[:, RESPIRATION.parameter("cardiac_output")] = np.clip(output - added, low, high)
        breathed = lungs.run(breathing, acting["respiration"], at_zero, blood)
        flow, blood = beaten.state, breathed.state
        lost = np.maximum(FULL_SATURATION - breathed.readings[:, 0, RESPIRATION.reading("spo2")], 0.0)
        short = np.maximum(LUNG_BEGINS_MMHG - breathed.readings[:, 0, RESPIRATION.reading("pao2")], 0.0)
        acting["circulation"][:, 0, rate] = rate_given + np.minimum(BEATS_PER_PERCENT * lost, 40.0)
        acting["circulation"][:, 0, vessels] = vessels_given + np.minimum(LUNG_PER_MMHG * short, LUNG_MOST)
    beaten = heart.run(circulation, acting["circulation"], at_zero, flow)
    return Together(beaten.readings[:, 0], breathed.readings[:, 0])


def _drives(model: Physiology, given: Mapping[str, float], exercise: float) -> Floats:
    acting = model.at_rest()
    acting[0, model.drive("exercise")] = exercise
    for key, value in given.items():
        acting[0, model.drive(key)] = value
    return acting


def _bounds(model: Physiology, key: str) -> tuple[float, float]:
    parameter = model.parameters[model.parameter(key)]
    return parameter.low, parameter.high
