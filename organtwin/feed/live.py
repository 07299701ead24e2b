"""The twin kept in memory while readings arrive: each one moves it at once; a version is stored now and then."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from organtwin.document import Document
from organtwin.errors import OrganTwinError
from organtwin.model import Observations, Recipe, TwinState
from organtwin.physiology.model import find, names
from organtwin.store import Project
from organtwin.timeline.timeline import Timeline
from organtwin.twin.assimilation import Tracker
from organtwin.twin.drives import DOSES, Driven
from organtwin.twin.readings import Readings

OPERATION = "feed"
REMEMBERED = 100_000  # readings that would be known if they came again


@dataclass(frozen=True)
class Update:
    """The twin of ``model`` after a reading; ``seconds`` that it took."""

    model: str
    state: TwinState
    readings: int
    seconds: float


class Live:
    """The newest twin of each model of a project, followed reading by reading.

    Parameters
    ----------
    states : sequence of TwinState
        Of which the newest of each model is followed; there may be none.
    observations : iterable of Observations
        What is there already: doses in it (insulin, meals) drive the models.
    """

    def __init__(self, states: Sequence[TwinState] = (), observations: Iterable[Observations] = ()) -> None:
        self._observations = list(observations)  # doses among them drive models of glucose
        self._before = Timeline(self._observations)
        self._since: dict[tuple[str, float, float], None] = {}  # in the order of their coming
        self._trackers: dict[str, Tracker] = {}
        self._begun: dict[str, TwinState] = {}
        self._stored: dict[str, str] = {}  # model: uuid of the version that this one has stored
        self._moved: dict[str, TwinState] = {}
        for state in sorted(states, key=lambda s: s.at_s):
            if state.model in names():
                self._begun[state.model] = state
        for model, state in self._begun.items():
            if state.recipe is not None and state.recipe.operation == OPERATION:
                self._stored[model] = state.uuid
            known = find(model)
            self._trackers[model] = Tracker(known, state, driven=Driven.of(known, self._observations))

    @classmethod
    def of(cls, project: Project) -> Live:
        """From the newest states of the project, brought up to the readings that came since."""
        entries = sorted(project.entries("twin-state"), key=lambda e: float(e.facts.get("at_s") or 0.0))
        newest = {str(e.facts.get("model")): e.uuid for e in entries}
        states = [s for uuid in newest.values() if isinstance(s := project.load(uuid), TwinState)]
        if not states:
            return cls()
        told = project.objects(Observations)
        live = cls(states, told)
        live.catch_up(told)
        return live

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(self._trackers)

    def catch_up(self, observations: Iterable[Observations]) -> None:
        """Readings that are later than what the twin knows."""
        told = list(observations)
        for model, tracker in self._trackers.items():
            self._take(model, Readings.of(tracker.model, told).between(np.nextafter(tracker.at_s, np.inf)))

    def update(self, observations: Observations) -> list[Update]:
        """Move each twin that has something to learn from these readings."""
        made: list[Update] = []
        observations = self._news(observations)
        if not len(observations):
            return made
        doses = not {code for code, _, _ in DOSES}.isdisjoint(observations.codes)
        if doses:
            self._observations.append(observations)
        for model, tracker in self._trackers.items():
            begun = time.perf_counter()
            if doses:
                tracker.driven = Driven.of(tracker.model, self._observations)
            readings = Readings.of(tracker.model, [observations])
            state = self._take(model, readings)
            if state is not None:
                made.append(Update(model, state, len(readings), time.perf_counter() - begun))
        return made

    def _news(self, observations: Observations) -> Observations:
        """Without what the project has, or what arrived before: a message that is delivered again teaches nothing."""
        keep = np.ones(len(observations), bool)
        rows = zip(observations.code.tolist(), observations.times_s.tolist(), observations.values.tolist(), strict=True)
        for n, (place, time_s, value) in enumerate(rows):
            code = observations.codes[place]
            there = self._before.series(code).between(time_s - 1e-3, time_s + 1e-3).values
            key = (code, round(time_s, 3), value)
            keep[n] = key not in self._since and not np.any(np.abs(there - value) <= 0.005 * abs(value))
            self._since[key] = None
            if len(self._since) > REMEMBERED:
                del self._since[next(iter(self._since))]
        if keep.all():
            return observations
        columns = ("times_s", "durations_s", "offset_min", "values", "code", "source")
        return observations.with_(**{name: np.asarray(getattr(observations, name))[keep] for name in columns})

    def _take(self, model: str, readings: Readings) -> TwinState | None:
        if not len(readings):
            return None
        try:
            state = self._trackers[model].update(readings)
        except (OrganTwinError, ArithmeticError, ValueError, np.linalg.LinAlgError):
            return None  # a reading that the model cannot explain at all leaves the twin as it was
        self._moved[model] = state
        return state

    def store(self, document: Document) -> int:
        """Store the twins that moved since the last time, each as the next version of what is stored here; returns how many."""
        things = []
        moved, self._moved = self._moved, {}  # readings go on meanwhile
        for model, state in moved.items():
            before = self._stored.get(model)
            begun = self._begun[model]
            origin = (
                begun.recipe.inputs.get("state", begun.uuid) if before == begun.uuid and begun.recipe else begun.uuid
            )
            kept = TwinState.model_validate(
                {
                    **{
                        name: getattr(state, name)
                        for name in type(state).model_fields
                        if name not in ("uuid", "created")
                    },
                    "replaces": before if before and document.project.is_live(before) else None,
                    "recipe": Recipe(operation=OPERATION, inputs={"state": origin}),
                }
            )
            things.append(kept)
            self._stored[model] = kept.uuid
        if things:
            document.add(list(things), "The twin, with the readings that arrived")
        return len(things)
