"""The operation "forecast": a twin's state in, what is to be expected out; with a scenario, what would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from organtwin.model import Scenario, TwinObject, TwinState
from organtwin.monitor import Monitor
from organtwin.operations.registry import Operation, Parameters


class ForecastParameters(Parameters):
    """``days`` ahead of the twin's time (0.04 is an hour)."""

    days: Annotated[float, Field(gt=0.0, le=3660.0)] = 7.0
    members: Annotated[int, Field(ge=20, le=5000)] = 200
    seed: int = 0


OPERATION = Operation(
    name="forecast",
    title="Forecast",
    inputs={"state": "twin-state"},
    optional={
        "scenario": "scenario",
        "observations": "observations",
        "heart": "dynamic-segmentation",
        "dynamic": "dynamic",
    },
    parameters=ForecastParameters,
    function="organtwin.operations.forecast:run",
    packages=("organtwin", "numpy", "scipy", "numba"),
)


def run(inputs: Mapping[str, TwinObject], parameters: ForecastParameters, monitor: Monitor) -> Sequence[TwinObject]:
    """One :class:`Forecast`."""
    from organtwin.operations.calibrate import observed
    from organtwin.physiology.model import find
    from organtwin.twin.drives import Driven
    from organtwin.twin.forecast import forecast
    from organtwin.twin.readings import Readings

    state, scenario = inputs["state"], inputs.get("scenario")
    assert isinstance(state, TwinState)
    model = find(state.model)
    observations = observed(inputs)
    return (
        forecast(
            model, state, Readings.of(model, observations), days=parameters.days,
            scenario=scenario if isinstance(scenario, Scenario) else None,
            driven=Driven.of(model, observations), members=parameters.members, seed=parameters.seed, monitor=monitor,
        ),
    )  # fmt: skip
