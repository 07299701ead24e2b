"""Tissue values from the literature by structure, and ready-made cases: "liver-pull", "kidney_left-press", "spleen-sag".

Elastography gives a shear modulus μ; tissue being nearly incompressible, Young's modulus is 3 μ to within 1 %.
The values are means over healthy adults; a patient's own may differ by half or more.
"""

from __future__ import annotations

from collections.abc import Callable

from organtwin.errors import BadInput
from organtwin.model import TissueCase
from organtwin.model.cases import Material, Press, Pull, Region

_VENKATESH = "Venkatesh 2008, AJR 190:1534 (MR elastography, {})"

MATERIALS: dict[str, Material] = {
    "liver": Material(
        young="6.9 kPa", poisson=0.49, density="1.06 g/cm^3", source=_VENKATESH.format("normal liver, shear 2.3 kPa")
    ),
    "liver_fibrotic": Material(
        young="17.7 kPa", poisson=0.49, density="1.06 g/cm^3", source=_VENKATESH.format("fibrotic liver, shear 5.9 kPa")
    ),
    "tumour": Material(
        young="30.3 kPa",
        poisson=0.49,
        density="1.06 g/cm^3",
        source=_VENKATESH.format("malignant tumours, shear 10.1 kPa"),
    ),
    "kidney": Material(
        young="14.7 kPa",
        poisson=0.49,
        density="1.05 g/cm^3",
        source="Rouviere 2011, JMRI 34:880 (MR elastography at 45 Hz, parenchyma, shear 4.9 kPa)",
    ),
    "spleen": Material(
        young="10.7 kPa",
        poisson=0.49,
        density="1.06 g/cm^3",
        source="Mannelli 2010, AJR 195:387 (MR elastography, shear 3.57 kPa)",
    ),
    "myocardium": Material(
        young="15 kPa",
        poisson=0.49,
        density="1.06 g/cm^3",
        source="Land 2015, Proc R Soc A 471:20150641 (isotropic passive wall of problem 2, C 10 kPa, b 1: shear 5 kPa)",
    ),
    "aorta": Material(
        law="yeoh",
        parameters={"second": 10.81, "third": 0.0},
        young="1044 kPa",
        poisson=0.49,
        density="1.1 g/cm^3",
        source="Raghavan and Vorp 2000, J Biomech 33:475 (aneurysm wall, alpha 174 kPa, beta 1881 kPa)",
    ),
    "fat": Material(
        young="3.25 kPa", poisson=0.49, density="0.92 g/cm^3", source="Samani 2007, Phys Med Biol 52:1565 (breast fat)"
    ),
}

# structures of a segmentation that share a tissue
_SAME_AS = {"kidney_left": "kidney", "kidney_right": "kidney", "heart": "myocardium"}

_HANGS_FROM = Region(toward=(0.0, 0.5, 1.0), fraction=0.2)  # the dome and the back, where ligaments and vessels hold
_MARGIN = Region(toward=(0.0, -0.5, -1.0), fraction=0.08)  # the front lower margin, where a grasper takes hold


def material(structure: str) -> Material:
    """Literature values of a structure.

    Raises
    ------
    BadInput
        When there are none.
    """
    known = MATERIALS.get(_SAME_AS.get(structure, structure))
    if known is None:
        raise BadInput(
            f"There are no tissue values for '{structure}'",
            remedy=f"Give the material in the case. There are values for: {', '.join((*MATERIALS, *_SAME_AS))}.",
        )
    return known


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


_ACTIONS: dict[str, Callable[[str], TissueCase]] = {"pull": _pull, "press": _press, "sag": _sag}


def names() -> list[str]:
    """Every preset."""
    return [f"{structure}-{action}" for structure in (*MATERIALS, *_SAME_AS) for action in _ACTIONS]


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
