"""The operation "edit": one tool of the workbench on a segmentation, as a hand, a script or a batch does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from organtwin.edit.rules import Rules
from organtwin.model import Segmentation, TwinObject, Volume
from organtwin.monitor import Monitor
from organtwin.operations.registry import Operation, Parameters


class EditParameters(Parameters):
    """``tool``: its name; ``segment``: key of the segment in hand; ``options``: the tool's own; ``rules``: what it may touch."""

    tool: str
    segment: str = ""
    options: dict[str, Any] = Field(default_factory=dict)
    rules: Rules = Rules()


OPERATION = Operation(
    name="edit",
    title="Edit",
    inputs={"segmentation": "segmentation"},
    optional={"volume": "volume"},
    parameters=EditParameters,
    function="organtwin.operations.edit:run",
    packages=("organtwin", "numpy", "scipy", "scikit-image"),
)


def run(inputs: Mapping[str, TwinObject], parameters: EditParameters, monitor: Monitor) -> Sequence[TwinObject]:
    """The segmentation after the edit; it takes the place of the one before."""
    from organtwin.edit.edit import Edit, edited

    segmentation, volume = inputs["segmentation"], inputs.get("volume")
    assert isinstance(segmentation, Segmentation)
    assert volume is None or isinstance(volume, Volume)
    return (edited(segmentation, Edit(**dict(parameters)), volume, monitor),)
