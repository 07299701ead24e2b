"""What a structure inside an organ is to a surgeon, by its key and by what a person called it."""

from __future__ import annotations

from typing import Literal

from organtwin.model.terminology import STRUCTURES

Kind = Literal["vessel", "tumour", "other"]

VESSEL = ("vein", "vena", "cava", "arter", "aorta", "vessel", "duct")
TUMOUR = ("tumour", "tumor", "lesion", "metasta", "nodule", "cyst", "abscess", "cancer")


def kind_of(structure: str, name: str = "") -> Kind:
    """Whether it bleeds when it is cut ("vessel"), or is what one is there for ("tumour": also what can be drained)."""
    known = STRUCTURES.get(structure)
    said = f"{structure} {name}".lower()
    if known is not None and known.vessel:
        return "vessel"
    if any(word in said for word in TUMOUR):
        return "tumour"
    return "vessel" if any(word in said for word in VESSEL) else "other"
