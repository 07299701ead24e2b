"""Which voxel belongs to which structure."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model.base import Array, Frozen, TwinObject
from organtwin.model.fields import GridField
from organtwin.model.terminology import WHOLES, structure


class Segment(Frozen):
    """One structure of a segmentation.

    ``confidence`` is 0 to 1 (None where a person drew it); ``doubt`` says in words why it is not higher.
    """

    label: int
    key: str
    name: str
    colour: tuple[int, int, int]
    code: str
    volume_mm3: float
    confidence: float | None = None
    doubt: str = ""
    locked: bool = False

    @classmethod
    def of(cls, label: int, key: str, volume_mm3: float, confidence: float | None = None, doubt: str = "") -> Segment:
        s = structure(key)
        return cls(
            label=label,
            key=key,
            name=s.name,
            colour=s.colour,
            code=s.code,
            volume_mm3=volume_mm3,
            confidence=confidence,
            doubt=doubt,
        )


class Segmentation(TwinObject):
    """A label map: ``labels`` is uint8, or uint16 beyond 255 of them, (nk, nj, ni) in the order of ``grid``; 0 is background."""

    kind: ClassVar[str] = "segmentation"

    grid: GridField
    labels: Array
    segments: tuple[Segment, ...]

    def segment(self, key: str) -> Segment:
        """The segment of that key.

        Raises
        ------
        BadInput
            When there is none.
        """
        for segment in self.segments:
            if segment.key == key:
                return segment
        found = ", ".join(s.key for s in self.segments) or "none"
        raise BadInput(f"The segmentation '{self.name}' has no structure '{key}'", remedy=f"It has: {found}.")

    def mask(self, key: str) -> NDArray[np.bool_]:
        """Boolean (nk, nj, ni) of one structure."""
        return np.asarray(self.labels == self.segment(key).label)

    def with_whole(self, key: str) -> Segmentation:
        """The same, with a structure that was painted only in parts painted as one: a dissected aorta from its two lumina.

        Where the structure is painted, or none of its parts is, nothing changes.
        """
        parts = [s for s in self.segments if s.key in WHOLES.get(key, ()) and s.volume_mm3 > 0]
        if not parts or any(s.key == key for s in self.segments):
            return self
        first = parts[0].label
        sure = [s.confidence for s in parts if s.confidence is not None]
        volume_mm3 = sum(s.volume_mm3 for s in parts)
        doubt = "; ".join(dict.fromkeys(s.doubt for s in parts if s.doubt))
        whole = Segment.of(first, key, volume_mm3, min(sure, default=None), doubt)
        labels = np.where(np.isin(self.labels, [s.label for s in parts]), self.labels.dtype.type(first), self.labels)
        return self.with_(labels=labels, segments=(whole, *(s for s in self.segments if s not in parts)))
