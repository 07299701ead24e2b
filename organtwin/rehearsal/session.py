"""A rehearsal as the window sees it: a process to talk to, the newest frame, and what it had to say."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from organtwin.model import TwinObject
from organtwin.model.rehearsal import Command, Scene, Script
from organtwin.model.tool import Pose
from organtwin.rehearsal import messages as say
from organtwin.rehearsal.frame import Frame
from organtwin.rehearsal.shared_frames import Reader
from organtwin.store.vault import vault_of

FOLDER = "rehearsals"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Session:
    """One rehearsal in a process of its own. No call waits; call :meth:`poll` and :meth:`newest` regularly.

    Parameters
    ----------
    project : Path
        Folder of the project; the recording grows in ``rehearsals/<id>`` there.
    inputs : mapping of roles to uuids
        "mesh", and as many "inside-1", "neighbour-1", "tree-1", "plan" as there are.
    scene : Scene
    replay : Script, optional
        Played first; what is done afterwards goes on from there.
    pace : float
        Of the replay: 1 as it was, 2 twice as fast, 0 as fast as can be.
    """

    def __init__(
        self,
        project: Path,
        inputs: Mapping[str, str],
        scene: Scene,
        replay: Script | None = None,
        pace: float = 1.0,
    ) -> None:
        identity = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-") + uuid4().hex[:6]
        self.folder = Path(project) / FOLDER / identity
        self.folder.mkdir(parents=True)
        vault = vault_of(self.folder)
        self._log = vault.log_file(self.folder / "log.txt")
        self._process: subprocess.Popen[str] = subprocess.Popen(
            [sys.executable, "-m", "organtwin.rehearsal.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            start_new_session=True,
            env={
                **vault.environment(),
                **dict.fromkeys(THREADS, "1"),
            },  # small products: threads would only wait for each other
        )
        self._heard: deque[say.Event] = deque()
        self._reader: Reader | None = None
        self.ended = False
        threading.Thread(target=self._listen, daemon=True).start()
        objects = {role: str(Path(project) / "objects" / uuid) for role, uuid in inputs.items()}
        self._ask(
            say.Begin(
                objects=objects,
                inputs=dict(inputs),
                scene=scene,
                folder=str(self.folder),
                script=replay,
                pace=pace,
            )
        )

    # -- asking -----------------------------------------------------------------------------------------------------

    def move(self, pose: Pose) -> None:
        """Where the hand wants the tool; of many the newest counts."""
        self._ask(say.Move(pose=(*pose.tip_mm, *pose.axis, *pose.normal)))

    def do(self, command: Command) -> None:
        """Do something; :class:`~messages.Said` or :class:`~messages.Refused` follows."""
        self._ask(say.Do(command=command))

    def undo(self) -> None:
        """To the moment before the last command."""
        self._ask(say.Back())

    def redo(self) -> None:
        """Have the last undone command back."""
        self._ask(say.Forth())

    def go_to(self, steps: int) -> None:
        """Undo or redo until so many commands are done."""
        self._ask(say.GoTo(steps=steps))

    def pause(self, on: bool) -> None:
        """Let the clock of the rehearsal stand, or go on."""
        self._ask(say.Pause(on=on))

    def record(self, name: str) -> None:
        """Have the rehearsal written as objects; :class:`~messages.Recorded` follows, for :meth:`take`."""
        self._ask(say.Record(name=name))

    def _ask(self, request: say.Request) -> None:
        if self._process.stdin is None or self.ended:
            return
        try:
            self._process.stdin.write(request.model_dump_json() + "\n")
            self._process.stdin.flush()
        except OSError:  # it is gone: poll tells
            return

    # -- hearing ----------------------------------------------------------------------------------------------------

    def poll(self) -> list[say.Event]:
        """What it said since; a process that died is told as :class:`~messages.Ended` with a sentence."""
        gone = self._process.poll()
        fresh: list[say.Event] = []
        while self._heard:
            event = self._heard.popleft()
            match event:
                case say.Frames(path=path):
                    if self._reader is not None:
                        self._reader.close()
                    self._reader = Reader(Path(path)) if Path(path).exists() else None
                    continue
                case say.Ended():
                    self.ended = True
            fresh.append(event)
        if gone is not None and not self.ended and not self._listening:
            self.ended = True
            how = f" by signal {-gone}" if gone < 0 else ""
            fresh.append(say.Ended(sentence=f"The rehearsal was ended{how}; it can go on from its last step."))
        return fresh

    def newest(self) -> Frame | None:
        """The newest whole frame, None when there is no newer one than at the last call."""
        return self._reader.newest() if self._reader is not None else None

    def take(self, recorded: say.Recorded) -> list[TwinObject]:
        """The objects of a recording: the rehearsal, the mesh it left if it was cut, its result."""
        from organtwin.store.objects import load_object

        return [load_object(Path(folder)) for folder in recorded.folders]

    def close(self, *, forget: bool = False) -> None:
        """End the process; ``forget`` takes its folder away as well (kept, or not worth keeping)."""
        self._ask(say.End())
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        self.ended = True
        if forget:
            shutil.rmtree(self.folder, ignore_errors=True)

    _listening = True

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                self._heard.append(say.EVENT.validate_json(line))
            except ValueError:
                continue  # half a line of a process that died
        self._listening = False
