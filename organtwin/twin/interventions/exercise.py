"""Regular endurance training: what it does at rest."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from organtwin.model import Frozen
from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Floats, Physiology
from organtwin.twin.intervention import Draw, Kind, When
from organtwin.twin.interventions.dose import Span, Taken, minutes_of
from organtwin.twin.interventions.glycaemia import bring_down, told
from organtwin.twin.interventions.pressure import COMPLIANCE, RATE, RESISTANCE, Fall, bring_about, said

CORNELISSEN = "Cornelissen and Smart, J Am Heart Assoc 2:e004473, 2013"
REIMERS = "Reimers, Knapp and Reimers, J Clin Med 7:503, 2018"
UMPIERRE = "Umpierre et al., JAMA 305:1790, 2011"
HIGH, NORMAL = (8.3, 5.2), (0.75, 1.1)  # mmHg
PRESSURES = (150.0, 93.0), (115.0, 74.0)  # mmHg, about those of the two groups
SLOWER_PER_MIN = 4.0  # rounded: the review gives 2 to 6, more in those with a faster heart
ENOUGH_MIN = 90.0  # a week; below, in proportion
ONSET_DAYS = 28.0


class Options(Frozen):
    """``minutes`` of a session and how many of them a week, at a brisk walk or more."""

    minutes: Span = "30 min"
    sessions: Annotated[float, Field(gt=0, le=21)] = 5.0
    taken: Taken = 1.0


def effect(
    options: Options, model: Physiology, parameters: Floats, drives: Floats, when: When, draw: Draw
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Resistance falls and the heart slows; in the model of glucose the sensitivity to insulin rises."""
    week = minutes_of(options.minutes) * options.sessions
    title = f"{options.sessions:g} times {options.minutes} of training a week"
    if model.name == "glucose":
        points = 0.89 if week > 150.0 else 0.36
        share = options.taken * when.share(ONSET_DAYS)
        found = bring_down(points, 0.2, model, parameters, drives, when, draw, share)
        source = f"HbA1c 0.89 percentage points lower with more than 150 min a week, 0.36 with less ({UMPIERRE}; type 2 diabetes)."
        return parameters, drives, (*told(found, title), source)
    part = min(week / ENOUGH_MIN, 1.0)
    slope = [part * (HIGH[k] - NORMAL[k]) / (PRESSURES[0][k] - PRESSURES[1][k]) for k in (0, 1)]
    fall = Fall(
        -part * HIGH[0], -part * HIGH[1], -part * SLOWER_PER_MIN, PRESSURES[0], (slope[0], slope[1]),
        most=(-part * HIGH[0], -part * HIGH[1]), levers=(RESISTANCE, COMPLIANCE, RATE),
    )  # fmt: skip
    matched = bring_about(fall, model, parameters, drives, when, draw, options.taken * when.share(ONSET_DAYS))
    return (
        parameters,
        drives,
        (
            *said(matched, title),
            f"Endurance training: 8.3/5.2 mmHg in those with high pressure, 0.8/1.1 in those without ({CORNELISSEN}); straight "
            "between the two, and in proportion below 90 min a week.",
            f"About 4 beats/min slower ({REIMERS}; rounded). It comes and goes over two months.",
        ),
    )


KIND = Kind(
    name="exercise",
    title="Exercise",
    group="lifestyle",
    about="Regular endurance training; what is shown is at rest.",
    options=Options,
    function="organtwin.twin.interventions.exercise:effect",
    models=("circulation", "glucose"),
    sheet=DataSheet(
        purpose="What months of endurance training do to pressure, heart rate and glucose at rest.",
        sources=(CORNELISSEN, REIMERS, UMPIERRE),
        validity="Adults who were not training, at least four weeks. What happens during a load: 'rehabilitation'.",
        bias="Trials of training cannot be blind. The pressures of the two groups and the fall of the heart rate are rounded.",
    ),
)  # fmt: skip
