"""The formats, in the order in which they are tried. A new one is a file of its own and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from organtwin.io.observations import fhir
from organtwin.io.observations.opening import Opened
from organtwin.io.observations.tray import Tray


@dataclass(frozen=True)
class Format:
    """``knows`` looks at the beginning of a file; ``read`` puts all of it into the tray, and raises BadInput with one
    sentence when the file is broken."""

    name: str
    title: str
    knows: Callable[[Opened], bool]
    read: Callable[[Opened, Tray], None]


FORMATS: tuple[Format, ...] = (
    Format("fhir", "FHIR R4 (JSON)", fhir.knows, fhir.read),
    Format("fhir-ndjson", "FHIR R4 (NDJSON)", fhir.knows_lines, fhir.read_lines),
)
