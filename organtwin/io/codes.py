"""What a segment is, in codes: category, type and side as DICOM and ``.seg.nrrd`` state them, and back to our keys.

A code alone does not say which of our structures was meant (two kidneys, five tumours): the side and the key travel too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from organtwin.model import STRUCTURES, Segment, structure
from organtwin.model.kinds import kind_of
from organtwin.model.terminology import LEFT, RIGHT


class Concept(NamedTuple):
    """A coded meaning: value, coding scheme, words."""

    value: str
    scheme: str
    meaning: str


ANATOMY = Concept("123037004", "SCT", "Anatomical Structure")
LESION = Concept("49755003", "SCT", "Morphologically Abnormal Structure")
TISSUE = Concept("85756007", "SCT", "Tissue")
SIDES = {RIGHT: Concept(RIGHT, "SCT", "Right"), LEFT: Concept(LEFT, "SCT", "Left")}
_OLD_SIDES = {"G-A100": RIGHT, "G-A101": LEFT}  # SNOMED-RT, still found in files
_SPELT = {
    "tumor": "tumour", "l": "left", "r": "right", "lt": "left", "rt": "right", "ivc": "inferior vena cava",
    "svc": "superior vena cava", "cca": "common carotid artery", "sma": "superior mesenteric artery", "celiac": "celiac trunk",
}  # fmt: skip


def category_of(segment: Segment) -> Concept:
    if kind_of(segment.key, segment.name) == "tumour":
        return LESION
    return TISSUE if segment.key in ("fat", "muscle") else ANATOMY


def type_of(segment: Segment) -> Concept:
    """The code of the segment; one of another scheme than SNOMED CT is kept as ``SCHEME:value``."""
    known = structure(segment.key)
    scheme, colon, value = segment.code.partition(":")
    if colon:
        return Concept(value, scheme, segment.name[:64])
    return Concept(
        segment.code or known.code, "SCT", known.meaning if segment.code in (known.code, "") else segment.name[:64]
    )


def side_of(segment: Segment) -> Concept | None:
    return SIDES.get(structure(segment.key).laterality)


def code_text(value: str, scheme: str) -> str:
    """How a code is kept in a segment."""
    return value if scheme in ("SCT", "SRT", "") else f"{scheme}:{value}"


def key_of(said: str, code: str, sides: Iterable[str], name: str) -> str:
    """The key of a segment of any program: what it is called by us, else by code and side, else by its name.

    Parameters
    ----------
    said : str
        A tracking identifier or key, empty where there is none.
    code : str
        SNOMED CT code of the type.
    sides : iterable of str
        Codes of the modifiers.
    name : str
        What people call it.
    """
    first, _, number = said.rpartition("_")
    if said in STRUCTURES or (number.isdigit() and first in STRUCTURES):
        return said
    named = key_of_name(name)
    told = {_OLD_SIDES.get(side, side) for side in sides}
    matching = [s for s in STRUCTURES.values() if s.code == code and (not s.laterality or s.laterality in told)]
    sided = [s.key for s in matching if s.laterality] or [s.key for s in matching if not told & {LEFT, RIGHT}]
    if named in STRUCTURES and (not sided or named in sided):
        return named
    return sided[0] if sided else plain(said) or plain(name)


def key_of_name(name: str) -> str:
    """The structure that is called so, in any order and spelling of the words; else the words joined."""
    words = _words(name)
    for known in STRUCTURES.values():
        if words in (_words(known.key), _words(known.name)):
            return known.key
    return plain(name)


def _words(text: str) -> frozenset[str]:
    parts = re.findall(r"[^\W_]+", text.lower())
    return frozenset(word for part in parts for word in _SPELT.get(part, part).split())


def plain(text: str) -> str:
    return re.sub(r"[\W_]+", "_", text.strip().lower()).strip("_")


def unused(key: str, taken: set[str] | Sequence[str]) -> str:
    """The key, or the key with the next free number."""
    if key not in taken:
        return key
    n = 2
    while f"{key}_{n}" in taken:
        n += 1
    return f"{key}_{n}"
