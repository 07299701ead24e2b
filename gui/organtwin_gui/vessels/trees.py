"""Which structures belong to the tree of another, so that they are measured with it."""

from __future__ import annotations

from collections.abc import Collection

_ARCH = (
    "aortic_root", "brachiocephalic_trunk", "carotid_right", "carotid_left", "subclavian_right", "subclavian_left",
    "vertebral_right", "vertebral_left",
)  # fmt: skip
_BELLY = (
    "celiac_trunk", "hepatic_artery", "splenic_artery", "superior_mesenteric_artery", "inferior_mesenteric_artery",
    "renal_artery_right", "renal_artery_left",
)  # fmt: skip
_LEGS = tuple(
    f"{name}_{side}"
    for name in ("iliac_artery", "external_iliac_artery", "internal_iliac_artery", "femoral_artery", "popliteal_artery")
    for side in ("right", "left")
)
TREES: dict[str, tuple[str, ...]] = {
    "aorta": (*_ARCH, *_BELLY, *_LEGS),
    "aorta_true_lumen": (*_ARCH, *_BELLY, *_LEGS),
    "brachiocephalic_trunk": ("carotid_right", "subclavian_right", "vertebral_right"),
    "celiac_trunk": ("hepatic_artery", "splenic_artery"),
    "coronary_artery_left": ("coronary_lad", "coronary_lcx"),
    "portal_vein": ("splenic_vein", "superior_mesenteric_vein"),
}


def branches_of(key: str, there: Collection[str]) -> list[str]:
    """Keys among those that are ``there`` which belong to the tree of a vessel, in the order of flow."""
    return [branch for branch in TREES.get(key, ()) if branch in there]
