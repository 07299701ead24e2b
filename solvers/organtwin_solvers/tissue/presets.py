"""Ready-made cases by structure and action: "liver-pull", "kidney_left-press", "spleen-sag", "liver-insufflate".

The gas pressure is in the range of 12 to 14 mmHg of the guideline of the European Association for Endoscopic Surgery
(Neudecker 2002, Surgical Endoscopy 16, 1121).
"""

from __future__ import annotations

from collections.abc import Callable

from organtwin.errors import BadInput
from organtwin.model import TissueCase
from organtwin.model.tissue_case import Press, Pull, Region
from organtwin.model.tissues import MATERIALS, SAME_AS, material

_HANGS_FROM = Region(toward=(0.0, 0.5, 1.0), fraction=0.2)  # the dome and the back, where ligaments and vessels hold
_MARGIN = Region(toward=(0.0, -0.5, -1.0), fraction=0.08)  # the front lower margin, where a grasper takes hold


def _pull(structure: str) -> TissueCase:
    """The front lower margin is drawn 18 mm down and forward."""
    pull = Pull(region=_MARGIN, displacement_mm=(0.0, -8.0, -16.0))
    return TissueCase(name=f"{structure}-pull", material=material(structure), fixed=(_HANGS_FROM,), pulls=(pull,))


def _press(structure: str) -> TissueCase:
    """The front is pressed backwards with 2 N while the back lies on the body wall."""
    press = Press(region=Region(toward=(0.0, -1.0, 0.0), fraction=0.15), force="2 N", direction=(0.0, 1.0, 0.0))
    fixed = Region(boundary="posterior")
    return TissueCase(name=f"{structure}-press", material=material(structure), fixed=(fixed,), presses=(press,))


def _sag(structure: str) -> TissueCase:
    """The organ hangs from its upper surface, and its weight is turned on, as when a patient stands up."""
    fixed = Region(boundary="superior")
    return TissueCase(name=f"{structure}-sag", material=material(structure), fixed=(fixed,), gravity=(0.0, 0.0, -1.0))


def _insufflate(structure: str) -> TissueCase:
    """Gas of 12 mmHg presses on all that faces the belly's wall, while the back lies on the spine and the flanks."""
    press = Press(region=Region(toward=(0.0, -1.0, 0.0), fraction=0.6), pressure="12 mmHg")
    fixed = Region(boundary="posterior")
    return TissueCase(name=f"{structure}-insufflate", material=material(structure), fixed=(fixed,), presses=(press,))


def _retract(structure: str) -> TissueCase:
    """The lower margin is lifted 25 mm up and forward on the width of a retractor, to see what lies beneath."""
    margin = Region(toward=(0.0, -0.3, -1.0), fraction=0.12)
    pull = Pull(region=margin, displacement_mm=(0.0, -15.0, 20.0))
    return TissueCase(name=f"{structure}-retract", material=material(structure), fixed=(_HANGS_FROM,), pulls=(pull,))


_ACTIONS: dict[str, Callable[[str], TissueCase]] = {
    "pull": _pull,
    "press": _press,
    "sag": _sag,
    "insufflate": _insufflate,
    "retract": _retract,
}


def names() -> list[str]:
    """Every preset."""
    return [f"{structure}-{action}" for structure in (*MATERIALS, *SAME_AS) for action in _ACTIONS]


def preset(name: str) -> TissueCase:
    """The ready-made case of that name.

    Raises
    ------
    BadInput
        When there is none.
    """
    structure, _, action = name.rpartition("-")
    if action not in _ACTIONS or not structure:
        raise BadInput(
            f"There is no tissue preset '{name}'", remedy=f"Write a structure and an action: {', '.join(names())}."
        )
    return _ACTIONS[action](structure)
