"""What a model takes for usual in this person, before any reading is looked at: by diagnosis, height, weight, sex and age.

A lung of 1.60 m is not that of 1.85 m, and in type 1 diabetes there is no insulin of the body's own: to begin from the model's
one healthy adult would let the readings bend parameters that are right to make up for others that are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from organtwin.model.observations import Observations
from organtwin.physiology.model import Physiology
from organtwin.timeline.conditions import named
from organtwin.timeline.timeline import Timeline
from organtwin.timeline.words import with_unit

HEIGHT, WEIGHT = "8302-2", "29463-7"
ADULT_CM = (130.0, 210.0)
# Litres: of the height in m, of the age in years, constant (Quanjer et al. 1993, Eur Respir J 6 Suppl 16:5; 18 to 70 years)
VOLUMES = {
    "total_lung_capacity": {"male": (7.99, 0.0, -7.08), "female": (6.60, 0.0, -5.79)},
    "residual_volume": {"male": (1.31, 0.022, -1.23), "female": (1.81, 0.016, -2.00)},
}


def suited(model: Physiology, observations: Sequence[Observations]) -> tuple[Physiology, tuple[str, ...]]:
    """The model with this person's usual values for its defaults, and sentences that say so.

    A typical person of the model is taken where one of his conditions stands in the record and is not over. Volumes of the lung go with
    height, sex and age, where all are known.
    """
    timeline = Timeline(observations)
    usual: dict[str, float] = {}
    said = []
    standing = [e for e in timeline.events if e.kind == "condition" and e.end_s is None]
    for name, words in model.conditions.items():
        event = next((e for e in standing if named(e, words)), None)
        if event:
            usual.update(model.persons[name])
            said.append(f"Begun from a typical person: {name}, as '{event.display}' is recorded.")
            break
    volumes, height, age = _volumes(timeline)
    reference = {p.key: p.default for p in model.parameters}
    if volumes and set(volumes) <= set(reference):
        for key, value in volumes.items():  # of a typical person: as much more than usual as he has
            usual[key] = value * usual.get(key, reference[key]) / reference[key]
        sex = "woman" if timeline.person.sex == "female" else "man"
        said.append(
            f"The volumes of the lung begin at those of a {sex} of {height:.0f} cm and {age:.0f} years (Quanjer et al. 1993)."
        )
    weight = timeline.last(WEIGHT)
    if weight is not None and "body_weight" in reference:
        usual["body_weight"] = weight.value
        said.append(f"The body weighs {with_unit(weight.value, 'kg')}, as was measured last.")
    if not usual:
        return model, ()
    # what this person does not have cannot be learned
    parameters = tuple(
        replace(p, default=min(max(usual[p.key], p.low), p.high), learned=p.learned and usual[p.key] > p.low)
        if p.key in usual
        else p
        for p in model.parameters
    )
    return replace(model, parameters=parameters), tuple(said)


def _volumes(timeline: Timeline) -> tuple[dict[str, float], float, float]:
    """Litres by parameter; none where sex, age or an adult's height is not known."""
    person, height = timeline.person, timeline.last(HEIGHT)
    if height is None or person.birth_year is None or person.sex not in ("male", "female"):
        return {}, 0.0, 0.0
    age = datetime.fromtimestamp(height.time_s, UTC).year - person.birth_year
    if age < 18 or not ADULT_CM[0] <= height.value <= ADULT_CM[1]:
        return {}, 0.0, 0.0
    found = {}
    for key, by_sex in VOLUMES.items():
        of_height, of_age, constant = by_sex[person.sex]
        found[key] = of_height * height.value / 100.0 + of_age * min(max(age, 25), 70) + constant
    return found, height.value, float(age)
