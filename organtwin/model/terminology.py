"""The structures OrganTwin knows by name: SNOMED CT code, name and colour of each.

Codes and colours are those of the DICOM/SNOMED general anatomy context group used across the field.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Structure:
    """One anatomical structure. ``laterality`` is a SNOMED CT code or empty."""

    key: str
    name: str
    code: str
    meaning: str
    colour: tuple[int, int, int]
    laterality: str = ""
    vessel: bool = False


RIGHT, LEFT = "24028007", "7771000"

STRUCTURES: dict[str, Structure] = {
    s.key: s
    for s in (
        Structure("body", "Body", "123037004", "Body structure", (177, 122, 101)),
        Structure("lung_right", "Right lung", "39607008", "Lung", (197, 165, 145), RIGHT),
        Structure("lung_left", "Left lung", "39607008", "Lung", (202, 164, 140), LEFT),
        Structure("bone", "Bone", "272673000", "Bone", (241, 214, 145)),
        Structure("aorta", "Aorta", "15825003", "Aorta", (216, 108, 54), vessel=True),
        Structure("heart", "Heart", "80891009", "Heart", (180, 0, 40)),
        Structure("left_ventricle", "Left ventricle", "87878005", "Left ventricle", (161, 0, 92)),
        Structure("right_ventricle", "Right ventricle", "53085002", "Right ventricle", (90, 60, 180)),
        Structure("left_atrium", "Left atrium", "82471001", "Left atrium", (219, 80, 120)),
        Structure("right_atrium", "Right atrium", "73829009", "Right atrium", (120, 110, 210)),
        Structure("myocardium", "Myocardium", "74281007", "Myocardium", (192, 104, 88)),
        Structure("pulmonary_artery", "Pulmonary artery", "81040000", "Pulmonary artery", (0, 122, 171), vessel=True),
        Structure(
            "superior_vena_cava", "Superior vena cava", "48345005", "Superior vena cava", (0, 90, 220), vessel=True
        ),
        Structure(
            "inferior_vena_cava", "Inferior vena cava", "64131007", "Inferior vena cava", (0, 70, 200), vessel=True
        ),
        Structure(
            "brachiocephalic_trunk",
            "Brachiocephalic trunk",
            "12691009",
            "Brachiocephalic trunk",
            (196, 121, 79),
            vessel=True,
        ),
        Structure(
            "carotid_left",
            "Left common carotid artery",
            "32062004",
            "Common carotid artery",
            (0, 112, 165),
            LEFT,
            vessel=True,
        ),
        Structure(
            "subclavian_left",
            "Left subclavian artery",
            "36765005",
            "Subclavian artery",
            (216, 101, 79),
            LEFT,
            vessel=True,
        ),
        Structure("portal_vein", "Portal vein", "32764006", "Portal vein", (166, 110, 214), vessel=True),
        Structure("hepatic_vein", "Hepatic veins", "8993003", "Hepatic vein", (72, 132, 226), vessel=True),
        Structure("liver", "Liver", "10200004", "Liver", (40, 140, 40)),
        Structure("tumour", "Tumour", "108369006", "Neoplasm", (240, 200, 60)),
        Structure("spleen", "Spleen", "78961009", "Spleen", (50, 170, 160)),
        Structure("kidney_right", "Right kidney", "64033007", "Kidney", (60, 150, 190), RIGHT),
        Structure("kidney_left", "Left kidney", "64033007", "Kidney", (46, 138, 184), LEFT),
        Structure("blood_pool", "Contrast-filled blood pool", "256905009", "Blood pool", (200, 60, 60), vessel=True),
        Structure("fat", "Fat", "55603005", "Adipose tissue", (230, 220, 70)),
        Structure("muscle", "Muscle", "91727004", "Muscle", (192, 104, 88)),
        Structure("skin", "Skin", "39937001", "Skin", (177, 122, 101)),
    )
}

# other shades keep user-made segments apart
PALETTE: tuple[tuple[int, int, int], ...] = (
    (111, 184, 210),
    (221, 130, 101),
    (144, 238, 144),
    (192, 160, 255),
    (255, 200, 87),
    (240, 128, 180),
    (120, 200, 190),
    (200, 200, 120),
)


def structure(key: str) -> Structure:
    """The structure of that key; one of several ("tumour_2") is as the first; an unknown key becomes a plain "Tissue"
    with a stable colour."""
    known = STRUCTURES.get(key)
    if known is not None:
        return known
    first, _, number = key.rpartition("_")
    if number.isdigit() and first in STRUCTURES:
        return replace(STRUCTURES[first], key=key, name=f"{STRUCTURES[first].name} {number}")
    colour = PALETTE[sum(key.encode()) % len(PALETTE)]
    return Structure(key, key.replace("_", " ").capitalize(), "85756007", "Tissue", colour)
