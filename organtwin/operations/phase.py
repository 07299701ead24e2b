"""The operation "phase": one phase of what moves, so that every other tool works on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Field

from organtwin.model import DynamicSegmentation, DynamicVolume, TwinObject
from organtwin.monitor import Monitor
from organtwin.operations.registry import Operation, Parameters


class PhaseParameters(Parameters):
    """``phase``: which one, from 1."""

    phase: int = Field(1, ge=1)


OPERATION = Operation(
    name="phase",
    title="Take one phase",
    inputs={},
    optional={"dynamic": "dynamic", "segmentation": "dynamic-segmentation"},
    parameters=PhaseParameters,
    function="organtwin.operations.phase:run",
)


def run(inputs: Mapping[str, TwinObject], parameters: PhaseParameters, monitor: Monitor) -> Sequence[TwinObject]:
    """The :class:`Volume` or :class:`Segmentation` at that phase, of each that is given.

    Raises
    ------
    BadInput
        When nothing is given, or there is no such phase.
    """
    from organtwin.errors import BadInput

    moving = [thing for thing in inputs.values() if isinstance(thing, DynamicVolume | DynamicSegmentation)]
    if not moving:
        raise BadInput(
            "There is nothing that moves to take a phase of", remedy="Give a dynamic volume or segmentation."
        )
    monitor.progress(0.5, f"phase {parameters.phase}")
    return tuple(thing.at(parameters.phase - 1) for thing in moving)
