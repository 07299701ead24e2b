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
        # label numbers follow this order and are kept in files: new structures go to the end
        Structure(
            "aorta_true_lumen", "True lumen of the aorta", "67170007", "Lumen of artery", (232, 70, 60), vessel=True
        ),
        Structure(
            "aorta_false_lumen",
            "False lumen of the aorta",
            "308546005",
            "Aortic dissection",
            (80, 130, 220),
            vessel=True,
        ),
        Structure("aortic_root", "Aortic root", "8128003", "Aortic root", (236, 148, 92), vessel=True),
        Structure(
            "left_atrial_appendage", "Left atrial appendage", "33626005", "Left auricular appendage", (230, 120, 150)
        ),
        Structure("pulmonary_vein", "Pulmonary veins", "122972007", "Pulmonary vein", (186, 77, 64), vessel=True),
        Structure("coronary_artery", "Coronary arteries", "41801008", "Coronary artery", (240, 90, 40), vessel=True),
        Structure(
            "coronary_artery_left",
            "Left coronary artery",
            "50018008",
            "Left coronary artery",
            (240, 90, 40),
            vessel=True,
        ),
        Structure(
            "coronary_artery_right",
            "Right coronary artery",
            "13647002",
            "Right coronary artery",
            (245, 140, 60),
            vessel=True,
        ),
        Structure(
            "coronary_lad",
            "Left anterior descending artery",
            "59438005",
            "Left anterior descending coronary artery",
            (250, 110, 80),
            vessel=True,
        ),
        Structure(
            "coronary_lcx", "Circumflex artery", "57396003", "Circumflex coronary artery", (250, 170, 90), vessel=True
        ),
        Structure(
            "carotid_right",
            "Right common carotid artery",
            "65355003",
            "Right common carotid artery",
            (20, 130, 175),
            RIGHT,
            vessel=True,
        ),
        Structure(
            "subclavian_right",
            "Right subclavian artery",
            "29700009",
            "Right subclavian artery",
            (210, 120, 90),
            RIGHT,
            vessel=True,
        ),
        Structure(
            "internal_carotid_right",
            "Right internal carotid artery",
            "86117002",
            "Internal carotid artery",
            (30, 150, 190),
            RIGHT,
            vessel=True,
        ),
        Structure(
            "internal_carotid_left",
            "Left internal carotid artery",
            "86117002",
            "Internal carotid artery",
            (10, 140, 195),
            LEFT,
            vessel=True,
        ),
        Structure(
            "external_carotid_right",
            "Right external carotid artery",
            "22286001",
            "External carotid artery",
            (60, 170, 190),
            RIGHT,
            vessel=True,
        ),
        Structure(
            "external_carotid_left",
            "Left external carotid artery",
            "22286001",
            "External carotid artery",
            (50, 160, 185),
            LEFT,
            vessel=True,
        ),
        Structure(
            "vertebral_right",
            "Right vertebral artery",
            "85234005",
            "Vertebral artery",
            (90, 150, 160),
            RIGHT,
            vessel=True,
        ),
        Structure(
            "vertebral_left", "Left vertebral artery", "85234005", "Vertebral artery", (80, 140, 150), LEFT, vessel=True
        ),
        Structure("celiac_trunk", "Celiac trunk", "57850000", "Celiac artery", (225, 130, 60), vessel=True),
        Structure("hepatic_artery", "Hepatic artery", "76015000", "Hepatic artery", (230, 110, 70), vessel=True),
        Structure("splenic_artery", "Splenic artery", "22083002", "Splenic artery", (220, 150, 80), vessel=True),
        Structure(
            "superior_mesenteric_artery",
            "Superior mesenteric artery",
            "42258001",
            "Superior mesenteric artery",
            (205, 130, 85),
            vessel=True,
        ),
        Structure(
            "inferior_mesenteric_artery",
            "Inferior mesenteric artery",
            "33795007",
            "Inferior mesenteric artery",
            (195, 140, 95),
            vessel=True,
        ),
        Structure(
            "renal_artery_right", "Right renal artery", "2841007", "Renal artery", (215, 95, 70), RIGHT, vessel=True
        ),
        Structure(
            "renal_artery_left", "Left renal artery", "2841007", "Renal artery", (205, 85, 60), LEFT, vessel=True
        ),
        Structure(
            "iliac_artery_right",
            "Right common iliac artery",
            "73634005",
            "Common iliac artery",
            (216, 130, 80),
            RIGHT,
            vessel=True,
        ),
        Structure(
            "iliac_artery_left",
            "Left common iliac artery",
            "73634005",
            "Common iliac artery",
            (206, 120, 70),
            LEFT,
            vessel=True,
        ),
        Structure(
            "external_iliac_artery_right",
            "Right external iliac artery",
            "113269004",
            "External iliac artery",
            (226, 150, 100),
            RIGHT,
            vessel=True,
        ),
        Structure(
            "external_iliac_artery_left",
            "Left external iliac artery",
            "113269004",
            "External iliac artery",
            (220, 140, 92),
            LEFT,
            vessel=True,
        ),
        Structure(
            "internal_iliac_artery_right",
            "Right internal iliac artery",
            "90024005",
            "Internal iliac artery",
            (196, 110, 80),
            RIGHT,
            vessel=True,
        ),
        Structure(
            "internal_iliac_artery_left",
            "Left internal iliac artery",
            "90024005",
            "Internal iliac artery",
            (186, 100, 74),
            LEFT,
            vessel=True,
        ),
        Structure(
            "femoral_artery_right",
            "Right common femoral artery",
            "7657000",
            "Femoral artery",
            (230, 90, 90),
            RIGHT,
            vessel=True,
        ),
        Structure(
            "femoral_artery_left",
            "Left common femoral artery",
            "7657000",
            "Femoral artery",
            (220, 80, 84),
            LEFT,
            vessel=True,
        ),
        Structure(
            "popliteal_artery_right",
            "Right popliteal artery",
            "43899006",
            "Popliteal artery",
            (236, 110, 110),
            RIGHT,
            vessel=True,
        ),
        Structure(
            "popliteal_artery_left",
            "Left popliteal artery",
            "43899006",
            "Popliteal artery",
            (226, 100, 104),
            LEFT,
            vessel=True,
        ),
        Structure("splenic_vein", "Splenic vein", "35819009", "Splenic vein", (140, 110, 220), vessel=True),
        Structure(
            "superior_mesenteric_vein",
            "Superior mesenteric vein",
            "90771006",
            "Superior mesenteric vein",
            (130, 120, 214),
            vessel=True,
        ),
        Structure("thrombus", "Thrombus", "396339007", "Thrombus", (130, 60, 60)),
        Structure("stent", "Stent", "65818007", "Stent", (200, 205, 215)),
        Structure("stomach", "Stomach", "69695003", "Stomach", (216, 132, 105)),
        Structure("gallbladder", "Gallbladder", "28231008", "Gallbladder", (139, 150, 98)),
        Structure("pancreas", "Pancreas", "15776009", "Pancreas", (249, 180, 111)),
        Structure("adrenal_right", "Right adrenal gland", "23451007", "Adrenal gland", (249, 186, 150), RIGHT),
        Structure("adrenal_left", "Left adrenal gland", "23451007", "Adrenal gland", (244, 180, 142), LEFT),
        Structure("duodenum", "Duodenum", "38848004", "Duodenum", (255, 253, 229)),
        Structure("small_intestine", "Small intestine", "30315005", "Small intestine", (205, 167, 142)),
        Structure("colon", "Colon", "71854001", "Colon", (204, 168, 143)),
        Structure("urinary_bladder", "Urinary bladder", "89837001", "Urinary bladder", (222, 154, 132)),
        Structure("prostate", "Prostate", "41216001", "Prostate", (230, 158, 140)),
        Structure("esophagus", "Oesophagus", "32849002", "Esophagus", (211, 171, 143)),
        Structure("trachea", "Trachea", "44567001", "Trachea", (182, 228, 255)),
        Structure("brain", "Brain", "12738006", "Brain", (250, 250, 225)),
        Structure("spinal_cord", "Spinal cord", "2748008", "Spinal cord", (244, 214, 49)),
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


# what is painted in parts is whole when they are taken together
WHOLES: dict[str, tuple[str, ...]] = {"aorta": ("aorta_true_lumen", "aorta_false_lumen")}


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
