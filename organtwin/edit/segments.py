"""The table of segments: new ones, and free numbers and keys."""

from __future__ import annotations

import re
import unicodedata

from organtwin.errors import BadInput
from organtwin.model import Segment
from organtwin.model.terminology import PALETTE, STRUCTURES

MOST = 65535  # numbers that uint16 has, less the background

Table = tuple[Segment, ...]


def new_segment(table: Table, key: str = "", name: str = "", colour: tuple[int, int, int] | None = None) -> Segment:
    """A segment that the table does not have yet: a structure known by its key, or one of any name.

    Raises
    ------
    BadInput
        When there is one of that key, or no number is left.
    """
    if key and any(s.key == key for s in table):
        raise BadInput(f"There is a segment '{key}' already", remedy="Choose another key or name.")
    made = Segment.of(free_label(table), key or free_key(table, name), 0.0)
    known = made.key in STRUCTURES or made.code != "85756007"
    if name:
        made = made.model_copy(update={"name": name})
    if colour is None and not known:
        used = {s.colour for s in table}
        colour = next((c for c in PALETTE if c not in used), PALETTE[made.label % len(PALETTE)])
    return made if colour is None else made.model_copy(update={"colour": colour})


def free_label(table: Table) -> int:
    """Smallest number that no segment has."""
    used = {s.label for s in table}
    label = next(n for n in range(1, MOST + 2) if n not in used)
    if label > MOST:
        raise BadInput(f"A segmentation has at most {MOST} segments")
    return label


def free_key(table: Table, name: str) -> str:
    """A key after a name: small letters, numbers and underscores; numbered where it is taken."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    key = re.sub(r"[^a-z0-9]+", "_", plain).strip("_") or "segment"
    used = {s.key for s in table}
    return key if key not in used else next(k for n in range(2, MOST + 3) if (k := f"{key}_{n}") not in used)


def free_name(table: Table, name: str) -> str:
    """A name, numbered where it is taken."""
    used = {s.name for s in table}
    return name if name not in used else next(k for n in range(2, MOST + 3) if (k := f"{name} {n}") not in used)
