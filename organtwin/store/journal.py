"""The append-only list of everything the user did. It is the truth of a project; project.json is its mirror."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from organtwin.model import Frozen
from organtwin.store.atomic import said_plainly
from organtwin.store.vault import PLAIN, Vault


class Act(Frozen):
    """Objects appear and disappear in one step that can be undone as one."""

    do: Literal["act"] = "act"
    label: str
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    rename: dict[str, tuple[str, str]] = Field(default_factory=dict)  # uuid -> (old name, new name)
    job: str | None = None  # the job whose result this is


class Undo(Frozen):
    do: Literal["undo"] = "undo"


class Redo(Frozen):
    do: Literal["redo"] = "redo"


class Dismiss(Frozen):
    """A job that ended without a result has been seen."""

    do: Literal["dismiss"] = "dismiss"
    job: str


Line = Annotated[Act | Undo | Redo | Dismiss, Field(discriminator="do")]
_LINE: TypeAdapter[Act | Undo | Redo | Dismiss] = TypeAdapter(Line)


class Journal:
    """Lines on disk, each safe once :meth:`append` returns."""

    def __init__(self, path: Path, vault: Vault = PLAIN) -> None:
        self.path, self._vault = vault.path(path), vault
        self.lines: list[Act | Undo | Redo | Dismiss] = []
        self.damaged_from: int | None = None
        good = 0
        if self.path.exists():
            for number, raw in enumerate(self.path.read_bytes().splitlines(keepends=True), start=1):
                try:
                    if not raw.endswith(b"\n"):
                        raise ValueError("cut off")
                    self.lines.append(_LINE.validate_json(vault.record(raw[:-1])))
                except (ValidationError, ValueError):
                    self.damaged_from = number  # a line cut off by a crash: what stands before it counts
                    break
                good += len(raw)
        self._good_bytes = good

    def append(self, line: Act | Undo | Redo | Dismiss) -> None:
        """Write one line and wait until the disk has it."""
        with said_plainly(self.path), self.path.open("r+b" if self.path.exists() else "w+b") as stream:
            stream.truncate(self._good_bytes)
            stream.seek(self._good_bytes)
            data = self._vault.line(line.model_dump_json(exclude_defaults=False).encode()) + b"\n"
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        self._good_bytes += len(data)
        self.lines.append(line)
