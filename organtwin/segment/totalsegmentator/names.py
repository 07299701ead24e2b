"""TotalSegmentator's class names and OrganTwin's keys."""

from __future__ import annotations

from collections.abc import Sequence

SAME = (
    "spleen", "kidney_right", "kidney_left", "gallbladder", "liver", "stomach", "pancreas", "esophagus", "trachea", "duodenum",
    "colon", "urinary_bladder", "prostate", "heart", "aorta", "pulmonary_vein", "pulmonary_artery", "brachiocephalic_trunk",
    "superior_vena_cava", "inferior_vena_cava", "iliac_artery_left", "iliac_artery_right", "brain", "spinal_cord", "body", "skin",
)  # fmt: skip
RENAMED = {
    "adrenal_gland_right": "adrenal_right",
    "adrenal_gland_left": "adrenal_left",
    "small_bowel": "small_intestine",
    "subclavian_artery_right": "subclavian_right",
    "subclavian_artery_left": "subclavian_left",
    "common_carotid_artery_right": "carotid_right",
    "common_carotid_artery_left": "carotid_left",
    "portal_vein_and_splenic_vein": "portal_vein",
    "heart_myocardium": "myocardium",
    "heart_atrium_left": "left_atrium",
    "heart_atrium_right": "right_atrium",
    "heart_ventricle_left": "left_ventricle",
    "heart_ventricle_right": "right_ventricle",
    "coronary_arteries": "coronary_artery",
    "liver_vessels": "hepatic_vein",
    "liver_tumor": "tumour",
    "subcutaneous_fat": "fat",
    "torso_fat": "fat",
    "skeletal_muscle": "muscle",
}
# what is put together unless each is wanted by itself: key, and how the names of its parts begin
TOGETHER = {
    "lung_left": ("lung_upper_lobe_left", "lung_lower_lobe_left"),
    "lung_right": ("lung_upper_lobe_right", "lung_middle_lobe_right", "lung_lower_lobe_right"),
    "bone": ("vertebrae", "sacrum", "rib_", "humerus_", "scapula_", "clavicula_", "femur_", "hip_", "skull", "sternum", "costal_cartilages"),
    "muscle": ("gluteus_", "autochthon_", "iliopsoas_", "quadriceps_", "thigh_", "sartorius_"),
}  # fmt: skip
DOUBTS = {
    "portal_vein": "with the splenic vein, which TotalSegmentator does not tell apart",
    "hepatic_vein": "hepatic and portal vessels, which TotalSegmentator does not tell apart",
}


def key_of(name: str, detail: bool) -> str:
    """OrganTwin's key of a class; of one that it does not know, the name itself."""
    if name in SAME:
        return name
    if name in RENAMED:
        return RENAMED[name]
    if not detail:
        for key, beginnings in TOGETHER.items():
            if name.startswith(beginnings):
                return key
    return name


def names_of(keys: Sequence[str], detail: bool) -> list[str] | None:
    """Classes to ask for; None where all of them must be run, because the parts of a key are many."""
    names: list[str] = []
    for key in keys:
        if not detail and key in ("bone", "muscle"):
            return None
        if not detail and key in TOGETHER:
            names += TOGETHER[key]
            continue
        names += [name for name, known in RENAMED.items() if known == key and name != "liver_vessels"][:1] or [key]
    return names
