"""What a session and its process say to each other: one JSON line each."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from organtwin.model.base import Frozen
from organtwin.model.rehearsal import Command, Scene, Script, Step

# -- to the process -----------------------------------------------------------------------------------------------------


class Begin(Frozen):
    """What lies on the table (folders of objects by role), where to record, and what to replay first."""

    say: Literal["begin"] = "begin"
    objects: dict[str, str]
    inputs: dict[str, str]
    scene: Scene
    folder: str
    script: Script | None = None
    pace: float = 1.0  # of a replay: 1 as it was, 0 as fast as can be


class Move(Frozen):
    """Where the hand wants the tool: tip, axis, normal."""

    say: Literal["move"] = "move"
    pose: tuple[float, ...]


class Do(Frozen):
    """A command to do; :class:`Said` or :class:`Refused` answers."""

    say: Literal["do"] = "do"
    command: Command


class Back(Frozen):
    """Undo one command."""

    say: Literal["back"] = "back"


class Forth(Frozen):
    """Redo one command."""

    say: Literal["forth"] = "forth"


class GoTo(Frozen):
    """Undo or redo until so many commands are done."""

    say: Literal["go-to"] = "go-to"
    steps: int


class Pause(Frozen):
    """Let the clock stand, or go on."""

    say: Literal["pause"] = "pause"
    on: bool


class Record(Frozen):
    """Write the rehearsal, its mesh and its result as objects."""

    say: Literal["record"] = "record"
    name: str


class End(Frozen):
    """The last request."""

    say: Literal["end"] = "end"


Request = Annotated[Begin | Move | Do | Back | Forth | GoTo | Pause | Record | End, Field(discriminator="say")]
REQUEST: TypeAdapter[Request] = TypeAdapter(Request)

# -- from the process ---------------------------------------------------------------------------------------------------


class Frames(Frozen):
    """Where the frames are from now on."""

    say: Literal["frames"] = "frames"
    path: str


class Ready(Frozen):
    """The organ lies on the table; ``replaying`` while a script is played."""

    say: Literal["ready"] = "ready"
    replaying: bool = False


class Progress(Frozen):
    """Of getting ready, or of a replay."""

    say: Literal["progress"] = "progress"
    fraction: float
    what: str


class Said(Frozen):
    """What a command did, or what came up between commands, in a sentence."""

    say: Literal["said"] = "said"
    text: str


class Refused(Frozen):
    """Why a command was not done; nothing has changed."""

    say: Literal["refused"] = "refused"
    sentence: str


class Stepped(Frozen):
    """The commands done so far, and those that redo would bring back."""

    say: Literal["stepped"] = "stepped"
    steps: tuple[Step, ...]
    undone: tuple[Step, ...] = ()


class Recorded(Frozen):
    """Folders of the objects: the rehearsal first."""

    say: Literal["recorded"] = "recorded"
    folders: tuple[str, ...]


class Ended(Frozen):
    """The process is done; with a sentence when something went wrong."""

    say: Literal["ended"] = "ended"
    sentence: str = ""


Event = Annotated[Frames | Ready | Progress | Said | Refused | Stepped | Recorded | Ended, Field(discriminator="say")]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
