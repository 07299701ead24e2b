"""The engine "lesion": one click, one lesion."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from organtwin.model.base import Frozen
from organtwin.segment.engine import Engine
from organtwin.segment.strokes import Stroke


class LesionParameters(Frozen):
    """``strokes``: a click or a short line in each lesion; those with the same key make one structure. ``reach_mm``: the
    largest radius that is looked for."""

    strokes: Annotated[tuple[Stroke, ...], Field(min_length=1)]
    reach_mm: Annotated[float, Field(gt=0, le=200)] = 60.0


ENGINE = Engine(
    name="lesion",
    title="Lesion from a click",
    licence="Apache-2.0",
    structures=(),
    parameters=LesionParameters,
    function="organtwin.segment.lesion.segment:segment",
    about="One click in a tumour of the liver, a kidney, the spleen or a lung gives its mask, darker or brighter than the organ.",
    hand=True,
)
