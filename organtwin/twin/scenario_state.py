"""The twin as it would be on a day of a scenario: what other parts of the project take for the patient's own."""

from __future__ import annotations

from typing import Literal

import numpy as np

from organtwin.model import FlowCase, OrganMesh, Scenario, TwinState
from organtwin.physiology.model import Physiology
from organtwin.timeline.days import DAY_S
from organtwin.twin.comparison import at_day
from organtwin.twin.drives import Driven
from organtwin.twin.ensemble import cycle, quantities
from organtwin.twin.inflow import flow_case


def state_under(
    model: Physiology,
    state: TwinState,
    scenario: Scenario | None,
    day: float = 90.0,
    driven: Driven | None = None,
    seed: int = 0,
) -> TwinState:
    """The twin on a day of a scenario, settled: other parameters, readings and one cycle.

    What the scenario does through drives (a drug's fall of resistance) is in its readings and its cycle, not in its
    parameters; so it is a thing to look at and to solve with, not one to go on from.
    """
    parameters, drives, assumed = at_day(model, state, scenario, day, driven, seed)
    simulator, weights = model.simulator(), np.asarray(state.weights)
    run = simulator.run(parameters, drives[:, None], np.zeros(1))
    title = scenario.name if scenario and scenario.interventions else "as now"
    some = slice(None, None, max(len(weights) // 50, 1))  # enough for the band of a cycle
    settled = run.state[some] if run.state.shape[1] else None
    return TwinState(
        name=f"{state.name}, {title}, day {day:g}",
        model=state.model,
        at_s=state.at_s + day * DAY_S,
        keys=state.keys,
        parameters=parameters,
        state=run.state,
        weights=weights,
        quantities=quantities(model, run.readings[:, 0], weights),
        curves=cycle(simulator, parameters[some], drives[some, None], settled, weights[some]),
        method=f"'{state.name}' under the scenario '{title}'",
        notes=assumed,
    )


def flow_under(
    model: Physiology,
    state: TwinState,
    organ: OrganMesh,
    scenario: Scenario | None,
    *,
    day: float = 90.0,
    site: str = "",
    share: float | None = None,
    mode: Literal["steady", "pulsatile"] = "pulsatile",
    seed: int = 0,
) -> FlowCase:
    """The flow case of a vessel with the boundary conditions of the circulation under a scenario.

    The operation "lumped" solves it in about a second, "flow" in full.

    Raises
    ------
    BadInput
        As :func:`organtwin.twin.inflow.flow_case`, and for a scenario that makes no sense.
    """
    then = state_under(model, state, scenario, day, seed=seed)
    case = flow_case(model, then, organ, site=site, share=share, mode=mode)
    title = scenario.name if scenario and scenario.interventions else "as now"
    return case.model_copy(update={"name": f"{organ.name}, {title}", "notes": (*case.notes, *then.notes)})
