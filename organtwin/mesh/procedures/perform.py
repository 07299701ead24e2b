"""Any procedure on the mesh of a vessel."""

from __future__ import annotations

from organtwin.errors import BadInput
from organtwin.mesh.procedures.bypass import bypassed
from organtwin.mesh.procedures.changed import Beat
from organtwin.mesh.procedures.clamp import clamped
from organtwin.mesh.procedures.widen import widened
from organtwin.model import Centerline, OrganMesh
from organtwin.model.procedure import Action, Clamp, Widen
from organtwin.units import parse, show


def perform(organ: OrganMesh, action: Action, line: Centerline, beat: Beat = lambda: None) -> OrganMesh:
    """The mesh after ``action``; ``line`` is the centreline of ``organ``.

    Its openings keep their names and places (a clamped one goes). ``report`` adds how many cells were kept (``kept_tets``; they
    may have moved with the wall) and made (``made_tets``), and the change of volume.

    Raises
    ------
    BadInput
        When it cannot be done there, or not at all.
    SolveFailed
        When the changed vessel could not be meshed.
    """
    if "wall" not in organ.boundaries or not organ.caps:
        raise BadInput(f"'{organ.name}' is not the mesh of a vessel", remedy="Choose a mesh with openings.")
    if isinstance(action, Widen):
        made = widened(organ, action, line, beat)
    elif isinstance(action, Clamp):
        made = clamped(organ, action, line, beat)
    else:
        made = bypassed(organ, action, line, beat)
    return made.mesh(organ, f"{organ.name}, {title(action)}")


def title(action: Action) -> str:
    """An action in a few words: "stent 20 mm"."""
    if isinstance(action, Clamp):
        return f"{action.toward} clamped"
    if action.diameter is None:
        return "stenosis removed"
    return f"{action.action} {show(parse(action.diameter, 'length'), 'length', 'mm')}"
