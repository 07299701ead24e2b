"""What every object of the twin has: an identity, the recipe that made it, and no way to change it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SkipValidation


def _frozen(array: Any) -> Any:
    """Read-only view: objects are immutable, and many share memory-mapped arrays."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


Array = Annotated[NDArray[Any], SkipValidation, AfterValidator(_frozen)]


class Frozen(BaseModel):
    """A record that cannot change and knows no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Recipe(Frozen):
    """How an object was made: enough to make it again, and to say whether it is stale.

    ``inputs`` maps the role of each input of the operation to the uuid of the object that played it.
    """

    operation: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    inputs: dict[str, str] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)


class TwinObject(Frozen):
    """Base of Volume, Segmentation, Surface, OrganMesh, FlowCase, TissueCase and Result."""

    kind: ClassVar[str] = "object"

    uuid: str = Field(default_factory=lambda: str(uuid4()))
    name: str
    created: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    recipe: Recipe | None = None
    replaces: str | None = None  # uuid of the version this one takes the place of
    notes: tuple[str, ...] = ()

    @property
    def derived_from(self) -> tuple[str, ...]:
        return tuple(self.recipe.inputs.values()) if self.recipe else ()

    def with_(self, **changes: Any) -> Self:
        """A copy with other values (same uuid unless one is given)."""
        return self.model_copy(update=changes)
