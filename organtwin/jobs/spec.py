"""What a job is to do."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from organtwin.model import Frozen

CHECKPOINT = "checkpoint.npz"  # in the job's folder: what it takes to go on after a kill


class JobSpec(Frozen):
    """``inputs`` maps roles to uuids in the project; ``replaces`` names objects the result takes the place of."""

    id: str
    operation: str
    label: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    inputs: dict[str, str] = Field(default_factory=dict)
    replaces: tuple[str, ...] = ()
    ranks: Annotated[int, Field(ge=1, le=4096)] = 1
    created: str = ""
