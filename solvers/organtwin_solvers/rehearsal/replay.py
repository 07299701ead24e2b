"""A script or a recorded rehearsal played to its end."""

from __future__ import annotations

from collections.abc import Sequence

from organtwin.errors import BadInput, SolveFailed
from organtwin.model import Rehearsal, TwinObject
from organtwin.model.rehearsal import Script
from organtwin.monitor import Monitor
from organtwin.rehearsal.outcome import outcome
from organtwin.rehearsal.performance import Performance
from organtwin_solvers.rehearsal.engine import Engine
from organtwin_solvers.rehearsal.operation import RehearseParameters


def run(inputs: dict[str, TwinObject], parameters: RehearseParameters, monitor: Monitor) -> Sequence[TwinObject]:
    """The operation "rehearse"."""
    recorded = inputs.get("rehearsal")
    if (parameters.script is None) == (recorded is None):
        raise BadInput("A rehearsal needs either a script, or a rehearsal to replay")
    script = parameters.script or (recorded.script if isinstance(recorded, Rehearsal) else Script.model_validate({}))
    performance = play(inputs, script, monitor)
    uuids = {role: thing.uuid for role, thing in inputs.items() if role != "rehearsal"}
    made = outcome(performance, uuids, parameters.name)
    if isinstance(recorded, Rehearsal):
        if recorded.digest and made[0].digest != recorded.digest:  # type: ignore[attr-defined]
            raise SolveFailed(
                f"The replay of '{recorded.name}' does not end as the rehearsal did",
                where="it was recorded by another version or on another kind of machine",
                remedy="Rehearse again to have a recording of this version.",
            )
        return made[1:]
    return made


def play(inputs: dict[str, TwinObject], script: Script, monitor: Monitor, until: int | None = None) -> Performance:
    """A script played on the objects by role, to its end or to a tick."""
    monitor.progress(0.0, "laying the organ on the table")
    engine = Engine({role: thing for role, thing in inputs.items() if role != "rehearsal"}, script.scene)
    performance = Performance(engine, script.scene)
    if until is not None:
        script = Script(
            scene=script.scene,
            steps=tuple(step for step in script.steps if step.tick <= until),
            poses=tuple(row for row in script.poses if row[0] <= until),
            ticks=min(until, script.ticks),
        )
    last = max([script.ticks, *(s.tick for s in script.steps), 1])

    def each(tick: int, said: str) -> None:
        monitor.progress(min(tick / last, 1.0), "rehearsing")
        if said:
            monitor.log(f"tick {tick}: {said}")

    try:
        performance.play(script, each)
    except BadInput as error:
        step = sorted(script.steps, key=lambda step: step.tick)[len(performance.steps)]
        where = f"step {len(performance.steps) + 1}, {step.command.do} at tick {step.tick}"
        raise BadInput(
            error.what, where=f"{where}; {error.where}" if error.where else where, remedy=error.remedy
        ) from error
    return performance
