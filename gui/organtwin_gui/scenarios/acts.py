"""Scenarios and interventions in words, and their versions. No widgets."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from organtwin.model import Intervention, Scenario
from organtwin.twin import intervention as interventions
from organtwin.twin.intervention import Kind

GROUPS = {
    "medication": ("Medication", "medication"), "lifestyle": ("Way of life", "lifestyle"),
    "rehabilitation": ("Rehabilitation", "rehabilitation"), "device": ("Device", "device"), "procedure": ("Procedure", "procedure"),
}  # fmt: skip
AS_NOW = "As now"


def kinds(model: str) -> dict[str, list[Kind]]:
    """What can be done, by group; what acts on ``model`` only."""
    found: dict[str, list[Kind]] = {group: [] for group in GROUPS}
    for name in interventions.names():
        kind = interventions.find(name)
        if not model or model in kind.models:
            found.setdefault(kind.group, []).append(kind)
    return {group: members for group, members in found.items() if members}


def said(act: Intervention) -> str:
    """An intervention in a line: "Vasodilator: amlodipine, 10 mg, from day 7"; with the usual drug where none was chosen."""
    kind = interventions.find(act.kind) if act.kind in interventions.names() else None
    parts = [_value(key, value) for key, value in _options(kind, act).items()]
    if act.start_day:
        parts.append(f"from day {act.start_day:g}")
    if act.end_day is not None:
        parts.append(f"to day {act.end_day:g}")
    heading = kind.title if kind else act.kind.replace("-", " ").capitalize()
    return f"{heading}: {', '.join(parts)}" if parts else heading


def _options(kind: Kind | None, act: Intervention) -> dict[str, object]:
    try:
        usual = kind.options.model_validate(act.options).model_dump(mode="json") if kind else {}
    except ValueError:  # made by another version, or not whole yet
        usual = {}
    return {**{key: value for key, value in usual.items() if isinstance(value, str) and value}, **act.options}


def _value(key: str, value: object) -> str:
    if isinstance(value, str):
        return value.replace("_", " ")
    words = key.replace("_", " ")
    return words if value is True else f"{words} {value:g}" if isinstance(value, int | float) else f"{words} {value}"


def name_of(acts: Sequence[Intervention]) -> str:
    """A short name for what is done."""
    words = []
    for act in acts:
        drug = act.options.get("drug")
        kind = interventions.find(act.kind) if act.kind in interventions.names() else None
        words.append(str(drug).capitalize() if drug else kind.title if kind else act.kind)
    return " + ".join(words) or "New scenario"


def changed(scenario: Scenario, acts: Sequence[Intervention]) -> Scenario:
    """The next version: other things done. A name that was made of them follows, one that a person gave stays."""
    own = scenario.name != name_of(scenario.interventions)
    name = scenario.name if own else name_of(acts)
    return scenario.with_(uuid=str(uuid4()), replaces=scenario.uuid, interventions=tuple(acts), name=name, recipe=None)
