"""What a job says while it runs: a closed set, one JSON object a line in ``events.jsonl``."""

from __future__ import annotations

import time
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from organtwin.model import Frozen


class _Said(Frozen):
    at: float = Field(default_factory=time.time)


class Started(_Said):
    """The worker lives. ``born`` is the kernel's start time of the process: a recycled pid is not mistaken for it."""

    event: Literal["started"] = "started"
    pid: int
    born: int


class Progress(_Said):
    event: Literal["progress"] = "progress"
    fraction: float
    what: str = ""
    eta_s: float | None = None


class Residual(_Said):
    event: Literal["residual"] = "residual"
    name: str
    step: int
    value: float


class Log(_Said):
    event: Literal["log"] = "log"
    text: str


class Done(_Said):
    event: Literal["done"] = "done"
    objects: tuple[str, ...]
    seconds: float
    peak_memory_mb: float


class Failed(_Said):
    event: Literal["failed"] = "failed"
    sentence: str
    exit_code: int = 4
    places_mm: tuple[tuple[float, float, float], ...] = ()


class Cancelled(_Said):
    event: Literal["cancelled"] = "cancelled"


Event = Started | Progress | Residual | Log | Done | Failed | Cancelled
EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])
