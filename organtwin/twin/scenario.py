"""What a scenario does to a model: its interventions one after the other, in the order of their beginning."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any
from zlib import crc32

import numpy as np

from organtwin.errors import BadInput
from organtwin.model import Intervention, Observations, Scenario
from organtwin.physiology.model import Floats, Physiology
from organtwin.timeline.days import DAY_S
from organtwin.twin import intervention as interventions
from organtwin.twin.intervention import Draw, When

AS_NOW = Scenario(name="as now", about="Nothing is changed.")


def check(scenario: Scenario) -> None:
    """Whether everything in it can be done.

    Raises
    ------
    BadInput
        Naming the first intervention or option that is not known, or makes no sense.
    """
    for act in scenario.interventions:
        interventions.find(act.kind).read(act.options)
        if not act.start_day >= 0.0 or math.isinf(act.start_day):
            raise BadInput(
                f"The intervention '{act.kind}' of '{scenario.name}' begins on day {act.start_day:g}",
                remedy="Give a day from the beginning of the scenario: 0 or later.",
            )
        if act.end_day is not None and not act.end_day > act.start_day:
            raise BadInput(
                f"The intervention '{act.kind}' of '{scenario.name}' ends before it begins",
                remedy="Give an end that is later than its start, in days from the beginning of the scenario.",
            )


def apply(
    scenario: Scenario | None,
    model: Physiology,
    parameters: Floats,
    drives: Floats,
    days: Floats,
    seed: int = 0,
    hour: float = 0.0,
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Parameters and drives of an ensemble under a scenario.

    Parameters
    ----------
    scenario : Scenario or None
        None and one without interventions change nothing.
    model : Physiology
        Whose parameters and drives these are.
    parameters, drives : (m, nt, p) and (m, nt, d)
        As they would be without it; not changed.
    days : (nt)
        From the beginning of the scenario; may be parts of days.
    seed : int
        Members draw their response to each intervention from it: with the same seed the same member answers the same drug
        alike in every scenario, so that scenarios can be compared person by person.
    hour : float
        The local time of day at day 0.

    Returns
    -------
    parameters, drives : as given, changed
    assumed : tuple of str
        What was taken for granted, with sources.

    Raises
    ------
    BadInput
        For an unknown intervention or option, and where one cannot bring about what is published in this person.
    """
    if scenario is None or not scenario.interventions:
        return parameters, drives, ()
    check(scenario)
    days = np.asarray(days, np.float64)
    parameters, drives = np.array(parameters, np.float64), np.array(drives, np.float64)
    assumed: list[str] = []
    acts = sorted(scenario.interventions, key=lambda act: act.start_day)
    for place, act in enumerate(acts):
        kind = interventions.find(act.kind)
        if model.name not in kind.models:
            assumed.append(f"{kind.title} is taken to change nothing in the model '{model.name}'.")
            continue
        lasts = math.inf if act.end_day is None else act.end_day - act.start_day
        when = When(days - act.start_day, np.mod(hour + 24.0 * days, 24.0), lasts)
        again = sum(earlier.kind == act.kind for earlier in acts[:place])
        draw = _draws(len(parameters), seed, f"{act.kind} {again}")
        effect = kind.effect()
        parameters, drives, said = effect(kind.read(act.options), model, parameters, drives, when, draw)
        assumed += said
    for place, parameter in enumerate(model.parameters):
        np.clip(parameters[..., place], parameter.low, parameter.high, out=parameters[..., place])
    return parameters, drives, tuple(dict.fromkeys(assumed))


def _draws(members: int, seed: int, name: str) -> Draw:
    def draw(what: str) -> Floats:
        stream = np.random.default_rng([seed, crc32(f"{name} {what}".encode())])
        return np.clip(stream.standard_normal(members), -3.0, 3.0)

    return draw


def already(scenario: Scenario, timelines: Iterable[Observations], at_s: float) -> tuple[str, ...]:
    """Sentences on drugs that a scenario would begin and that the patient's records say he takes at a time: the twin has learned
    their effect, so that it would be counted twice."""
    said = []
    for act in scenario.interventions:
        drug = _drug_of(act).lower()
        if not drug:
            continue
        for event in (event for timeline in timelines for event in timeline.events):
            taken = event.kind == "medication" and event.start_s <= at_s and (event.end_s is None or event.end_s > at_s)
            if (
                taken
                and drug in event.display.lower()
                and event.status not in ("stopped", "completed", "entered-in-error", "not-taken")
            ):
                said.append(
                    f"'{scenario.name}' begins {drug}, which the patient takes already ('{event.display}'): what it shows is a second "
                    "dose of the same."
                )
                break
    return tuple(said)


def _drug_of(act: Intervention) -> str:
    """The drug an intervention gives, the usual one where none is told; nothing where it is none."""
    told = act.options.get("drug", act.kind if act.kind in ("metformin", "insulin") else "")
    if not told:
        field = interventions.find(act.kind).options.model_fields.get("drug")
        told = field.default if field is not None and isinstance(field.default, str) else ""
    return str(told)


def read(text: str) -> Intervention:
    """One intervention from a line such as ``vasodilator drug=amlodipine dose="5 mg" start=7 end=90``.

    Raises
    ------
    BadInput
        When it cannot be read, or is not known.
    """
    import shlex

    try:
        kind, *words = shlex.split(text)
    except ValueError as error:
        raise BadInput(f"'{text}' cannot be read", remedy='Write: KIND option=value option="2 words" ...') from error
    options: dict[str, Any] = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not key:
            raise BadInput(
                f"'{word}' in '{text}' is no option", remedy="Write option=value, without spaces around '='."
            )
        if key in options:
            raise BadInput(f"'{key}' stands twice in '{text}'")
        options[key] = _plain(value)
    days = {key: _day(options.pop(key), key) for key in ("start", "end") if key in options}
    act = Intervention(kind=kind, options=options, start_day=days.get("start", 0.0), end_day=days.get("end"))
    check(Scenario(name=kind, interventions=(act,)))
    return act


def _plain(text: str) -> str | float | bool:
    if text.lower() in ("true", "yes"):
        return True
    if text.lower() in ("false", "no"):
        return False
    try:
        return float(text)
    except ValueError:
        return text


def _day(value: Any, key: str) -> float:
    """A day of the scenario: a number, or text with a unit ("2 weeks")."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    from organtwin.units import parse

    if isinstance(value, str):
        return parse(value, "time") / DAY_S
    raise BadInput(f"'{value}' is no day for '{key}'", remedy='Write a number of days, or "2 weeks".')


def during(one: Scenario) -> str:
    """When its readings are taken, where that is not at rest: "while cycling"."""
    return next((found for act in one.interventions if (found := interventions.find(act.kind).during)), "")


def titled(one: Scenario) -> str:
    """Its name, and when its readings are taken where that is not at rest."""
    return f"{one.name}, {when}" if (when := during(one)) else one.name


def described(acts: Iterable[Intervention]) -> str:
    """Things done, in words: "vasodilator amlodipine 5 mg from day 7"."""
    return "; ".join(_words(act) for act in acts) or "nothing is changed"


def _words(act: Intervention) -> str:
    options: Mapping[str, Any] = act.options
    values = " ".join(
        str(v) if isinstance(v, str) else f"{k} {v:g}" if isinstance(v, float) else k for k, v in options.items()
    )
    start = f" from day {act.start_day:g}" if act.start_day else ""
    end = f" to day {act.end_day:g}" if act.end_day is not None else ""
    return f"{act.kind} {values}".strip() + start + end
