"""What a workbench and its hand say to each other: a line of JSON each, and after an answer the bytes of its patch."""

from __future__ import annotations

import json
from typing import Annotated, Any, BinaryIO, Literal

from pydantic import Field, TypeAdapter

from organtwin.edit.edit import Edit
from organtwin.edit.patch import Patch
from organtwin.model import Frozen, Segment
from organtwin.model.fields import GridField

PARTS = ("where", "before", "after")  # of a patch, in this order behind its line

# -- to the hand --------------------------------------------------------------------------------------------------------


class Begin(Frozen):
    """Which labels: the number of an open file, their type, and the grid they lie on."""

    say: Literal["begin"] = "begin"
    number: int
    dtype: str
    grid: GridField


class Work(Frozen):
    """Work an edit out; whatever was asked before is dropped. ``volume``: folder of the scan, "" for none."""

    say: Literal["work"] = "work"
    ticket: int
    edit: Edit
    segments: tuple[Segment, ...]
    volume: str = ""


class Stop(Frozen):
    """Drop what was asked. Each :class:`Work` is answered, refused or dropped once."""

    say: Literal["stop"] = "stop"


Request = Annotated[Begin | Work | Stop, Field(discriminator="say")]
REQUEST: TypeAdapter[Request] = TypeAdapter(Request)

# -- from the hand ------------------------------------------------------------------------------------------------------


class Ready(Frozen):
    """It listens."""

    say: Literal["ready"] = "ready"


class Progress(Frozen):
    say: Literal["progress"] = "progress"
    ticket: int
    fraction: float
    what: str


class Answered(Frozen):
    """Box and type of the patch, the sizes of its parts, the table, and what the tool said."""

    say: Literal["answered"] = "answered"
    ticket: int
    start: tuple[int, int, int]
    stop: tuple[int, int, int]
    dtype: str
    sizes: tuple[int, int, int]
    segments: tuple[Segment, ...]
    said: str = ""


class Refused(Frozen):
    """Why it cannot be done. ``places_mm`` can be shown."""

    say: Literal["refused"] = "refused"
    ticket: int
    what: str
    where: str = ""
    remedy: str = ""
    places_mm: tuple[tuple[float, float, float], ...] = ()
    input: bool = True  # the input is wrong; else something failed


class Dropped(Frozen):
    """It stopped, or never began."""

    say: Literal["dropped"] = "dropped"
    ticket: int


Event = Annotated[Ready | Progress | Answered | Refused | Dropped, Field(discriminator="say")]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)


def line(message: Frozen) -> bytes:
    """As it is sent. Infinities pass, which JSON itself has not."""
    return json.dumps(message.model_dump(mode="json")).encode() + b"\n"


def request(text: bytes) -> Begin | Work | Stop:
    made: Begin | Work | Stop = REQUEST.validate_python(json.loads(text))
    return made


def heard(stream: BinaryIO) -> tuple[Any, Patch | None] | None:
    """The next event, and the patch of an answer; None at the end, or when a process died within a line."""
    text = stream.readline()
    try:
        event = EVENT.validate_python(json.loads(text))
    except ValueError:
        return None
    if not isinstance(event, Answered):
        return event, None
    parts = [stream.read(size) for size in event.sizes]
    if any(len(part) != size for part, size in zip(parts, event.sizes, strict=True)):
        return None
    return event, Patch(event.start, event.stop, event.dtype, *parts)
