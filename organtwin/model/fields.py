"""Field types that know how to go to JSON and back."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, InstanceOf, PlainSerializer

from organtwin.space import Grid


def _read(value: Any) -> Any:
    if isinstance(value, dict):
        return Grid(tuple(value["size"]), np.array(value["affine"]), value.get("frame_uid", ""))
    return value


def _write(grid: Grid) -> dict[str, Any]:
    return {"size": list(grid.size), "affine": grid.affine.tolist(), "frame_uid": grid.frame_uid}


GridField = Annotated[InstanceOf[Grid], BeforeValidator(_read), PlainSerializer(_write)]
