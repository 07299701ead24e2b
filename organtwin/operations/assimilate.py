"""The operation "assimilate": a twin's state and readings in, the state with what came since out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from organtwin.model import TwinObject, TwinState
from organtwin.monitor import Monitor
from organtwin.operations.registry import Operation, Parameters
from organtwin.timeline.days import DAY_S

MANY, LAST_S = 2000, 3 * DAY_S  # readings at once; what is looked at of a sensor's then


class AssimilateParameters(Parameters):
    """``until_date``: readings up to then count (ISO 8601). ``walk_per_day``: how far parameters may change in a day, in
    standard deviations of the prior; otherwise as the calibration learnt it. ``dates`` as in "calibrate"."""

    until_date: str = ""
    walk_per_day: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    dates: dict[str, str] = Field(default_factory=dict)


OPERATION = Operation(
    name="assimilate",
    title="Update the twin",
    inputs={"state": "twin-state"},
    optional={"observations": "observations", "heart": "dynamic-segmentation", "dynamic": "dynamic"},
    parameters=AssimilateParameters,
    function="organtwin.operations.assimilate:run",
    packages=("organtwin", "numpy", "scipy", "numba"),
)


def run(inputs: Mapping[str, TwinObject], parameters: AssimilateParameters, monitor: Monitor) -> Sequence[TwinObject]:
    """The new :class:`TwinState`, which takes the place of the one before.

    Raises
    ------
    BadInput
        When nothing is newer than the state.
    """
    import numpy as np

    from organtwin.errors import BadInput
    from organtwin.operations.calibrate import observed
    from organtwin.physiology.model import find
    from organtwin.timeline.days import seconds_of
    from organtwin.twin.assimilation import Tracker
    from organtwin.twin.drives import Driven
    from organtwin.twin.history import daily
    from organtwin.twin.imaging import from_scans, without_repeats
    from organtwin.twin.readings import Readings

    state = inputs["state"]
    assert isinstance(state, TwinState)
    model = find(state.model)
    observations = observed(inputs)
    readings = Readings.of(model, observations).with_([from_scans(model, inputs, parameters.dates)])
    until = seconds_of(parameters.until_date, at=1.0) if parameters.until_date else np.inf
    fresh = without_repeats(model, readings.between(np.nextafter(state.at_s, np.inf), until))
    if not len(fresh):
        raise BadInput(
            f"No reading of '{model.title}' is newer than the twin",
            remedy="Import newer readings first, or calibrate anew.",
        )
    if len(fresh) > MANY:
        fresh = daily(fresh) if model.pace == "day" else fresh.between(float(fresh.times_s[-1]) - LAST_S)
        monitor.log(f"So many readings are taken in as {len(fresh)}: levels of days, or the last days of a sensor.")
    tracker = Tracker(model, state, walk_per_day=parameters.walk_per_day, driven=Driven.of(model, observations))
    edges = np.unique(np.linspace(0, len(fresh), min(len(fresh), 50) + 1).astype(int))
    places = np.arange(len(fresh))
    for k in range(len(edges) - 1):
        monitor.progress(k / (len(edges) - 1), "taking in readings")
        tracker.take(fresh.where((places >= edges[k]) & (places < edges[k + 1])))
    return (tracker.state(curves=True).with_(replaces=state.uuid),)
