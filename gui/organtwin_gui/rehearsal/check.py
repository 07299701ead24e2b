"""The check against the full solve: by itself when the hand rests, and by the button."""

from __future__ import annotations

import shutil
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from organtwin.model import Rehearsal, Result
from organtwin.model.rehearsal import Deviation
from organtwin.store.objects import load_object
from organtwin_gui.bridge import Bridge
from organtwin_gui.draft import Draft

OPERATION = "rehearsal-check"
REST_MS = 4000


class RestCheck(QObject):
    """Asks for a full solve of the state the tissue has come to rest in. At most one runs, and none beside another job.

    Signals
    -------
    due()
        The tissue has rested for some seconds: record it, then :meth:`start`.
    found(Deviation)
    changed()
        It began or ended.
    """

    due = Signal()
    found = Signal(object)
    changed = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(bridge)
        self._bridge = bridge
        self._draft = Draft(bridge)
        self._draft.answered.connect(self._answered)
        self._draft.failed.connect(lambda _sentence: self._ended())
        self._checked: int | None = None
        self._tick = 0
        self._running = False
        self._borrowed: Path | None = None
        self._of = 0
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._rested)

    @property
    def running(self) -> bool:
        return self._running

    def moved(self, tick: int, steps: int) -> None:
        """The tissue is not where it was."""
        self._tick = tick
        if steps:  # nothing was done yet: nothing to check
            self._rest.start()

    def _rested(self) -> None:
        if not self._running and not self._bridge.running() and self._checked != self._tick:
            self.due.emit()

    def start(self, folders: tuple[str, ...]) -> None:
        """Check a recording that the session wrote; it is not kept in the project."""
        document = self._bridge.document
        if document is None or self._running:
            return
        things = [load_object(Path(folder)) for folder in folders]
        rehearsal = next((t for t in things if isinstance(t, Rehearsal)), None)
        if rehearsal is None:
            return
        document.project.put(rehearsal)  # no act adds it: the list of objects does not know it
        self._borrowed = document.project.objects_folder / rehearsal.uuid
        self._checked, self._of, self._running = self._tick, rehearsal.ticks, True
        self._draft.ask(OPERATION, inputs_of(rehearsal), {})
        self.changed.emit()

    def _answered(self, things: list[object]) -> None:
        found = next((d for t in things if (d := deviation_of(t, self._of)) is not None), None)
        self._ended()
        if found is not None:
            self.found.emit(found)

    def _ended(self) -> None:
        self._running = False
        if self._borrowed is not None:
            shutil.rmtree(self._borrowed, ignore_errors=True)
            self._borrowed = None
        self.changed.emit()

    def forget(self) -> None:
        """The rehearsal is over."""
        self._rest.stop()
        self._draft.forget()
        self._checked = None
        self._ended()


def inputs_of(rehearsal: Rehearsal) -> dict[str, str]:
    """The inputs of a check: what lay on the table, and the recording."""
    return {**rehearsal.inputs, "mesh": rehearsal.mesh, "rehearsal": rehearsal.uuid}


def known_deviation(bridge: Bridge, rehearsal: Rehearsal) -> Deviation | None:
    """What was found of a kept rehearsal: by the newest check of it, or while it went on."""
    for entry in reversed(bridge.entries("result")):
        if entry.recipe and entry.recipe.operation == OPERATION and entry.recipe.inputs["rehearsal"] == rehearsal.uuid:
            tick = entry.recipe.parameters.get("tick")
            return deviation_of(bridge.get(entry.uuid), rehearsal.ticks if tick is None else tick)
    return rehearsal.deviation


def deviation_of(thing: object, tick: int) -> Deviation | None:
    """What a check found, in the words of a rehearsal."""
    if not isinstance(thing, Result):
        return None
    numbers = {q.unit: q.value for q in thing.quantities if q.name.startswith("deviation")}
    if not {"mm", "%"} <= numbers.keys():
        return None
    return Deviation(tick=tick, largest_mm=numbers["mm"], percent=numbers["%"], result=thing.uuid)
