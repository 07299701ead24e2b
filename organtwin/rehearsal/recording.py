"""A rehearsal on disk while it goes on: one line for every move and command, so that a crash loses two seconds at most."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from organtwin.errors import BadInput
from organtwin.model.rehearsal import Scene, Script, Step
from organtwin.store.vault import vault_of

FILE = "recording.jsonl"
SYNC_S = 1.0


class Recording:
    """Writes to ``folder/recording.jsonl``; where the disk has no room it goes on without, and ``failed`` says so."""

    def __init__(self, folder: Path, inputs: dict[str, str], scene: Scene) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.failed = ""
        self._vault = vault_of(folder)
        self._stream = self._vault.path(folder / FILE).open("ab")
        self._synced = time.monotonic()
        self({"inputs": inputs, "scene": scene.model_dump(mode="json")})

    def __call__(self, line: dict[str, Any]) -> None:
        try:
            self._stream.write(self._vault.line(json.dumps(line).encode()) + b"\n")
            if time.monotonic() - self._synced > SYNC_S or "pose" not in line:
                self._stream.flush()
                os.fsync(self._stream.fileno())
                self._synced = time.monotonic()
        except OSError as error:
            self.failed = f"The rehearsal can no longer be written to disk: {error.strerror}."

    def close(self) -> None:
        """Write what is left."""
        try:
            self._stream.close()
        except OSError as error:
            self.failed = f"The rehearsal could not be written to disk: {error.strerror}."


def read(folder: Path) -> tuple[dict[str, str], Script]:
    """Inputs by role and script of a recording; a line torn at the end is left out.

    Raises
    ------
    BadInput
        When it is missing or says nothing.
    """
    steps: list[Step] = []
    poses: list[tuple[float, ...]] = []
    head: dict[str, Any] | None = None
    ticks = 0
    vault = vault_of(folder)
    try:
        if not vault.exists(folder / FILE):
            raise FileNotFoundError
        lines = vault.records(folder / FILE)
    except OSError as error:
        raise BadInput(
            "The recording of a rehearsal is missing", where=str(folder), remedy="Rehearse again."
        ) from error
    for line in lines:
        try:
            said = json.loads(line)
        except ValueError:
            break  # torn by the end of the process
        match said:
            case {"inputs": _, "scene": _}:
                head = said
            case {"pose": row}:
                if poses and poses[-1][0] == row[0]:
                    poses.pop()
                poses.append(tuple(row))
            case {"step": step}:
                steps.append(Step.model_validate(step))
            case {"back": [kept_steps, kept_poses]}:
                del steps[kept_steps:]
                del poses[kept_poses:]
            case {"ticks": count}:
                ticks = count
    if head is None:
        raise BadInput("The recording of a rehearsal says nothing", where=str(folder), remedy="Rehearse again.")
    ticks = max([ticks, *(step.tick for step in steps), *(int(row[0]) for row in poses)])
    return head["inputs"], Script(
        scene=Scene.model_validate(head["scene"]), steps=tuple(steps), poses=tuple(poses), ticks=ticks
    )


def unfinished(rehearsals: Path) -> list[Path]:
    """Folders of recordings that were neither kept nor put away, oldest first."""
    return sorted(one for one in rehearsals.glob("*/") if vault_of(one).exists(one / FILE))
