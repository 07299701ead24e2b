"""A plan of a care pathway as data: what there is, who comes, and what each needs in turn."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from organtwin.checked import plain_yaml, validated
from organtwin.errors import BadInput
from organtwin.model import Frozen
from organtwin.pathway.durations import KNOWN
from organtwin.pathway.hours import Hours, read_hours
from organtwin.pathway.laws import Duration, Span, minutes


class Resource(Frozen):
    """``capacity`` of it side by side; what was begun before it closes is finished."""

    capacity: Annotated[int, Field(ge=1, le=10000)]
    open: str = "always"

    @model_validator(mode="after")
    def _readable(self) -> Resource:
        try:
            read_hours(self.open)
        except BadInput as error:
            raise ValueError(error.sentence) from error
        return self

    @property
    def hours(self) -> Hours:
        return read_hours(self.open)


class Of(Frozen):
    """The time that a procedure takes in the theatre, or the stay after it: that of the twins, else published."""

    procedure: str
    part: Literal["theatre", "stay"] = "theatre"

    @model_validator(mode="after")
    def _known(self) -> Of:
        if self.procedure not in KNOWN:
            raise ValueError(f"there is no procedure '{self.procedure}' with a known duration: {', '.join(KNOWN)}")
        return self


def _which(data: Any) -> str:
    return "procedure" if isinstance(data, Of) or (isinstance(data, dict) and "procedure" in data) else "law"


Timed = Annotated[Annotated[Duration, Tag("law")] | Annotated[Of, Tag("procedure")], Discriminator(_which)]


class Step(Frozen):
    """``need`` names resources that are taken together for a time; those in ``keep`` stay taken for the steps to come."""

    name: str = ""
    need: tuple[str, ...] = ()
    time: Timed
    keep: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _one_is_a_list(cls, data: Any) -> Any:
        if isinstance(data, dict):
            data = {k: (v,) if k in ("need", "keep") and isinstance(v, str) else v for k, v in data.items()}
        return data

    @property
    def title(self) -> str:
        return self.name or " and ".join(self.need) or "at home"


class Patients(Frozen):
    """A group that comes with exponential gaps of mean ``every``, on ``open`` hours. Of two that wait, the one of the lower
    ``priority`` goes first; of two alike, the one that came first. ``waiting``: how many are there when the watch begins."""

    every: Span
    arrive: Literal["random", "regular"] = "random"
    open: str = "always"
    priority: int = 5
    waiting: Annotated[int, Field(ge=0, le=100000)] = 0
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _makes_sense(self) -> Patients:
        try:
            gap = minutes(self.every)
            read_hours(self.open)
        except BadInput as error:
            raise ValueError(error.sentence) from error
        if gap <= 0.0:
            raise ValueError("'every' must be above zero")
        return self


class Plan(Frozen):
    """``length`` is what is watched after ``warm_up``; both are repeated ``replications`` times with other patients."""

    name: str
    about: str = ""
    length: Span = "26 weeks"
    warm_up: Span = "8 weeks"
    replications: Annotated[int, Field(ge=2, le=1000)] = 20
    seed: int = 0
    resources: Annotated[dict[str, Resource], Field(min_length=1)]
    patients: Annotated[dict[str, Patients], Field(min_length=1)]

    @model_validator(mode="after")
    def _fits_together(self) -> Plan:
        try:
            length, warm_up = minutes(self.length), minutes(self.warm_up)
        except BadInput as error:
            raise ValueError(error.sentence) from error
        if length <= 0.0 or warm_up < 0.0:
            raise ValueError("'length' must be above zero, and 'warm_up' not below")
        for group, patients in self.patients.items():
            for step in patients.steps:
                for what in (*step.need, *step.keep):
                    if what not in self.resources:
                        raise ValueError(
                            f"'{group}' needs '{what}', which is not among the resources: {', '.join(self.resources)}"
                        )
                for what in step.keep:
                    if what not in step.need:
                        raise ValueError(f"'{group}' keeps '{what}' at a step that does not need it")
        return self

    def with_planned(self, planned: Mapping[str, int]) -> Plan:
        """The same with patients on the waiting list: each of ``planned`` (a number by kind of procedure) joins the first group
        that has this procedure.

        Raises
        ------
        BadInput
            When no group has it.
        """
        groups = dict(self.patients)
        for kind, count in planned.items():
            mine = next(
                (
                    g
                    for g, p in groups.items()
                    if any(isinstance(s.time, Of) and s.time.procedure == kind for s in p.steps)
                ),
                None,
            )
            if mine is None:
                raise BadInput(
                    f"A twin has a planned '{kind}', and no group of the plan '{self.name}' has this procedure",
                    remedy=f"Give a step of a group the time {{procedure: {kind}}}.",
                )
            groups[mine] = groups[mine].model_copy(update={"waiting": groups[mine].waiting + count})
        return self.model_copy(update={"patients": groups})

    def with_times(self, known: Mapping[str, Duration]) -> Plan:
        """The same with every named procedure's time filled in: from ``known`` (the twins), else as published."""

        def filled(step: Step) -> Step:
            if isinstance(step.time, Duration):
                return step
            published = KNOWN[step.time.procedure]
            own = known.get(step.time.procedure) if step.time.part == "theatre" else None
            return step.model_copy(update={"time": own or getattr(published, step.time.part)})

        return self.model_copy(
            update={
                "patients": {
                    group: patients.model_copy(update={"steps": tuple(filled(step) for step in patients.steps)})
                    for group, patients in self.patients.items()
                }
            }
        )


def read_plan(file: Path) -> Plan:
    """A plan from YAML or JSON.

    Raises
    ------
    BadInput
        When the file cannot be read, or the plan makes no sense.
    """
    import yaml

    try:
        text = file.read_text(encoding="utf-8")
        data = json.loads(text) if file.suffix.lower() == ".json" else plain_yaml(text)
    except (OSError, UnicodeDecodeError) as error:
        said = "it is not text" if isinstance(error, UnicodeDecodeError) else str(error.strerror or error)
        raise BadInput(f"The plan cannot be read: {said}", where=str(file)) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        said = " ".join(str(getattr(error, "problem", None) or error).split())
        raise BadInput(f"The plan is neither YAML nor JSON: {said}", where=str(file)) from error
    if not isinstance(data, dict):
        raise BadInput(
            "The plan is no list of keys and values", where=str(file), remedy="It needs resources and patients."
        )
    return validated(Plan, {"name": file.stem, **data}, f"The plan '{file.name}'")
