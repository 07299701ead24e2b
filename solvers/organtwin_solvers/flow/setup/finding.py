"""What a check has to say about a case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One sentence about a case; ``places_mm`` are points that a view can show."""

    level: Literal["error", "warning", "note"]
    sentence: str
    remedy: str = ""
    cap: str = ""
    places_mm: tuple[tuple[float, float, float], ...] = ()

    def __str__(self) -> str:
        return f"{self.level}: {self.sentence}." + (f" {self.remedy}" if self.remedy else "")
