"""The operation "calibrate": a patient's readings in, the twin of a physiological model out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from organtwin.model import Observations, TwinObject
from organtwin.monitor import Monitor
from organtwin.operations.registry import Operation, Parameters


class CalibrateParameters(Parameters):
    """``model`` is a registered physiological model. ``learn``: its parameters to estimate (else those it says are). Readings
    ``from_date`` to ``until_date`` count (ISO 8601); without them the last weeks. ``dates``: the day of a scan by its number,
    where it does not say so itself."""

    model: str = "circulation"
    learn: tuple[str, ...] = ()
    from_date: str = ""
    until_date: str = ""
    dates: dict[str, str] = Field(default_factory=dict)
    members: Annotated[int, Field(ge=40, le=5000)] = 200
    seed: int = 0


OPERATION = Operation(
    name="calibrate",
    title="Calibrate the twin",
    inputs={},
    optional={"observations": "observations", "heart": "dynamic-segmentation", "dynamic": "dynamic"},
    parameters=CalibrateParameters,
    function="organtwin.operations.calibrate:run",
    packages=("organtwin", "numpy", "scipy", "numba"),
)


def run(inputs: Mapping[str, TwinObject], parameters: CalibrateParameters, monitor: Monitor) -> Sequence[TwinObject]:
    """One :class:`TwinState`.

    Raises
    ------
    BadInput
        When there are no readings of the model, of several patients, or a date or parameter is wrong.
    """
    from organtwin.physiology.model import find
    from organtwin.timeline.days import seconds_of
    from organtwin.twin.calibration import Settings, calibrate
    from organtwin.twin.drives import Driven
    from organtwin.twin.imaging import from_scans
    from organtwin.twin.person import suited
    from organtwin.twin.readings import Readings

    observations = observed(inputs)
    model, begun = suited(find(parameters.model), observations)
    readings = Readings.of(model, observations).with_([from_scans(model, inputs, parameters.dates)])
    settings = Settings(
        keys=parameters.learn,
        from_s=seconds_of(parameters.from_date, at=0.0) if parameters.from_date else None,
        until_s=seconds_of(parameters.until_date, at=1.0) if parameters.until_date else None,
        members=parameters.members,
        seed=parameters.seed,
    )
    state = calibrate(model, readings, settings, driven=Driven.of(model, observations), monitor=monitor)
    return (state.with_(notes=(*begun, *state.notes)),)


def observed(inputs: Mapping[str, TwinObject]) -> tuple[Observations, ...]:
    """The observations among the inputs.

    Raises
    ------
    BadInput
        When they are of different patients.
    """
    from organtwin.timeline.timeline import Timeline

    found = tuple(thing for thing in inputs.values() if isinstance(thing, Observations))
    Timeline(found)
    return found
