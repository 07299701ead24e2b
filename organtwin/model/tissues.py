"""Mechanical values of tissues from the literature, by structure.

Elastography gives a shear modulus μ; tissue being nearly incompressible, Young's modulus is 3 μ to within 1 %.
The values are means over healthy adults; a patient's own may differ by half or more. Elastography works at 45 to 60 Hz,
where tissue that relaxes is stiffer than under a slow hand.
"""

from __future__ import annotations

from organtwin.errors import BadInput
from organtwin.model.tissue_case import Material

_VENKATESH = "Venkatesh 2008, AJR 190:1534 (MR elastography, {})"

MATERIALS: dict[str, Material] = {
    "liver": Material(
        young="6.9 kPa",
        poisson=0.49,
        density="1.06 g/cm^3",
        tears_at=0.34,
        source=_VENKATESH.format("normal liver, shear 2.3 kPa")
        + "; tears at 34 %: Kemper 2010, Ann Adv Automot Med 54:15 (human parenchyma in slow tension)",
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
        source="Rouviere 2011, JMRI 34:880 (MR elastography at 45 Hz, parenchyma of ten volunteers, shear 4.9 kPa)",
    ),
    "spleen": Material(
        young="10.7 kPa",
        poisson=0.49,
        density="1.06 g/cm^3",
        source="Mannelli 2010, AJR 195:387 (MR elastography at 60 Hz, sixteen volunteers, driver on the right, shear 3.57 kPa)",
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
        young="3.25 kPa",
        poisson=0.49,
        density="0.92 g/cm^3",
        source="Samani 2007, Phys Med Biol 52:1565 (indentation of fresh breast fat, Young 3.25 kPa)",
    ),
}

# structures of a segmentation that share a tissue
SAME_AS = {"kidney_left": "kidney", "kidney_right": "kidney", "heart": "myocardium"}


def material(structure: str) -> Material:
    """Literature values of a structure.

    Raises
    ------
    BadInput
        When there are none.
    """
    known = MATERIALS.get(SAME_AS.get(structure, structure))
    if known is None:
        raise BadInput(
            f"There are no tissue values for '{structure}'",
            remedy=f"Give the material in the case. There are values for: {', '.join((*MATERIALS, *SAME_AS))}.",
        )
    return known
