"""The operating room: one live rehearsal in the 3D view, with the hand, the read-outs and the badge over it."""

from __future__ import annotations

import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QRectF, QTimer, Signal
from PySide6.QtGui import QPainter

from organtwin.model import OrganMesh, Rehearsal, Surface
from organtwin.model.kinds import kind_of
from organtwin.model.rehearsal import Deviation, Lay, Script, Step, Take
from organtwin.model.rehearsal import Scene as Table
from organtwin.model.tool import Blade, Pose, Shape
from organtwin.rehearsal import messages as say
from organtwin.rehearsal.frame import Frame, Measures
from organtwin.rehearsal.recording import read, unfinished
from organtwin.rehearsal.session import FOLDER, Session
from organtwin_gui.bridge import Bridge
from organtwin_gui.rehearsal.badge import Badge, paint_badge
from organtwin_gui.rehearsal.check import RestCheck, known_deviation
from organtwin_gui.rehearsal.hand import Hand
from organtwin_gui.rehearsal.instruments import Grip
from organtwin_gui.rehearsal.readouts import Row, paint_readouts, rows_of
from organtwin_gui.rehearsal.reel import Reel
from organtwin_gui.rehearsal.refusal import SHOWN_S, paint_refusal
from organtwin_gui.views.items.live import LiveItem, LiveLook
from organtwin_gui.views.state import ImageScene
from organtwin_gui.views.viewport import Viewport

_TICK_MS = 16
_LATE_S = 0.7
_CHECK = "check"  # name of recordings that are made for a check only


class State(StrEnum):
    """What goes on."""

    EMPTY = "empty"
    STARTING = "starting"
    LIVE = "live"
    REPLAYING = "replaying"
    LOOKING_BACK = "looking back"
    BROKEN = "broken"


class Room(QObject):
    """Owns the session and everything that stands in the picture while it lasts.

    Signals
    -------
    changed()
        :attr:`state` or the instrument in hand is another.
    stepped()
        :attr:`steps` or :attr:`undone` are others.
    said(str), refused(str)
        One sentence.
    progressed(float, str)
        Of getting ready, or of a replay.
    """

    changed = Signal()
    stepped = Signal()
    said = Signal(str)
    refused = Signal(str)
    progressed = Signal(float, str)
    kept = Signal(str)  # uuid

    def __init__(self, bridge: Bridge, scene: ImageScene, viewport: Viewport) -> None:
        super().__init__(viewport)
        self.bridge, self.scene, self.viewport = bridge, scene, viewport
        self.make_session: Callable[..., Any] = Session
        self.state = State.EMPTY
        self.steps: tuple[Step, ...] = ()
        self.undone: tuple[Step, ...] = ()
        self.why = ""
        self.inside: tuple[str, ...] = ()
        self.has_plan = False
        self.item: LiveItem | None = None
        self.measures = Measures()
        self.deviation: Deviation | None = None
        self._session: Any = None
        self._inputs: dict[str, str] = {}
        self._table = Table()
        self._reel = Reel()
        self._drawn: deque[float] = deque(maxlen=90)
        self._newest: Frame | None = None
        self._moved_at = self._waiting_since = 0.0
        self._waiting = 0  # answers
        self._in_hand = ""
        self._tool_at: NDArray[np.float64] | None = None
        self._left_at: dict[int, NDArray[np.float64] | None] = {}  # retractors, by number of step
        self._is_kept = False
        self._done_with: set[Path] = set()
        self.refusal = ""
        self._refused = QTimer(self)
        self._refused.setSingleShot(True)
        self._refused.setInterval(round(1000 * SHOWN_S))
        self._refused.timeout.connect(lambda: self._refuse(""))
        self.hand = Hand(viewport.canvas, lambda: self.item)
        self.hand.posed.connect(self._move)
        self.hand.wanted.connect(self.do)
        self.hand.changed.connect(self.changed)
        self.check = RestCheck(bridge)
        self.check.due.connect(lambda: self._ask("record", _CHECK))
        self.check.found.connect(self._checked)
        self.check.changed.connect(viewport.canvas.update)
        self._clock = QTimer(self)
        self._clock.setInterval(_TICK_MS)
        self._clock.timeout.connect(self._tick)
        viewport.canvas.overpaint.append(self._paint)
        bridge.closed.connect(lambda: self.leave())

    @property
    def busy(self) -> bool:
        """Whether a rehearsal is on the table."""
        return self.state is not State.EMPTY

    @property
    def step_s(self) -> float:
        """Seconds of a tick."""
        return self._table.step_s

    @property
    def can_undo(self) -> bool:
        return self.state is State.LIVE and bool(self.steps)

    @property
    def can_redo(self) -> bool:
        return self.state is State.LIVE and bool(self.undone)

    # -- beginning and ending ---------------------------------------------------------------------------------------

    def begin(self, inputs: Mapping[str, str], table: Table, replay: Script | None = None, pace: float = 1.0) -> None:
        """Lay an organ on the table; with ``replay`` what was done before is done again first.

        Raises
        ------
        BadInput
            When an input is missing.
        """
        self.leave()
        document = self.bridge.document
        assert document is not None
        organ = self.bridge.get(inputs["mesh"])
        assert isinstance(organ, OrganMesh)
        by_role = {role: self.bridge.get(uuid) for role, uuid in inputs.items()}
        inside = [thing for role, thing in by_role.items() if role.startswith("inside") and isinstance(thing, Surface)]
        beside = [thing for role, thing in by_role.items() if role.startswith("neigh") and isinstance(thing, OrganMesh)]
        self._inputs, self._table = dict(inputs), table
        self.inside = tuple(s.name for s in inside if kind_of(s.structure, s.name) != "vessel")
        self.has_plan = "plan" in inputs
        self._session = self.make_session(document.project.folder, self._inputs, table, replay, pace)
        self.item = self.viewport.show_live(
            organ,
            inside={s.name: s for s in inside},
            neighbours=tuple(beside),
            volume=self.scene.volume,
            window=(self.scene.level, self.scene.width),
        )
        self.viewport.keys = self._key
        self._light()
        self._reel = Reel()
        self.steps = self.undone = ()
        self.why, self._is_kept, self.deviation, self.refusal = "", False, None, ""
        self.measures, self._newest = Measures(), None
        self._tool_at, self._left_at = None, {}
        self._waiting, self._in_hand = 0, ""
        self._clock.start()
        self._enter(State.STARTING)
        self.stepped.emit()

    def replay(self, rehearsal: Rehearsal, pace: float = 1.0) -> None:
        """Do again what was recorded; when it is over, one can look through it or go on."""
        inputs = {**rehearsal.inputs, "mesh": rehearsal.mesh}
        self.begin(inputs, rehearsal.scene, rehearsal.script, pace)
        self._is_kept = True
        self.deviation = known_deviation(self.bridge, rehearsal)

    def go_on(self, folder: Path | None = None) -> None:
        """Take up a rehearsal whose engine ended, from its recording."""
        folder = folder or (self._session.folder if self._session is not None else None)
        if folder is None:
            return
        inputs, script = read(folder)
        self.begin(inputs, script.scene, script, 0.0)
        shutil.rmtree(folder, ignore_errors=True)  # all of it is in the new recording

    def interrupted(self) -> Path | None:
        """The newest recording that was neither kept nor put away."""
        document = self.bridge.document
        if document is None or self.busy:
            return None
        found = [f for f in unfinished(document.project.folder / FOLDER) if f not in self._done_with]
        return found[-1] if found else None

    def leave(self, *, wait: bool = False) -> None:
        """End the rehearsal. What was not kept stays on the disk, to go on with."""
        if not self.busy:
            return
        self._clock.stop()
        self.hand.take(None)
        self.check.forget()
        session, self._session = self._session, None
        forget = self._is_kept or not self.steps
        if forget:  # its folder goes a moment later
            self._done_with.add(session.folder)
        if wait:
            session.close(forget=forget)
        else:  # beside the window
            threading.Thread(target=session.close, kwargs={"forget": forget}, daemon=True).start()
        self.viewport.keys = None
        self.viewport.hide_live()
        self.item = None
        self.steps = self.undone = ()
        self._enter(State.EMPTY)
        self.stepped.emit()

    def shut_down(self) -> None:
        """The window closes."""
        self.leave(wait=True)
        self.hand.detach()

    def _enter(self, state: State) -> None:
        if state is not State.LIVE:
            self.hand.take(None)
        self.state = state
        self.viewport.canvas.hurried = state in (State.STARTING, State.LIVE, State.REPLAYING)
        self.changed.emit()
        self.viewport.canvas.update()

    # -- doing --------------------------------------------------------------------------------------------------------

    def take(self, grip: Grip | None) -> None:
        """An instrument in hand, or none."""
        if self.state is State.LIVE:
            self.hand.take(grip)
            self.viewport.canvas.setFocus()

    def do(self, command: Any) -> None:
        """Have a command done."""
        if self.state is not State.LIVE or (isinstance(command, Lay) and not self._in_hand):
            return
        self._is_kept = False
        match command:
            case Take(tool=tool):
                self._in_hand = tool
            case Lay():
                self._in_hand = ""
        self._await("do", command)

    def undo(self) -> None:
        self._await("undo")

    def redo(self) -> None:
        self._await("redo")

    def go_to(self, steps: int) -> None:
        """Undo or redo until so many steps are done."""
        self._await("go_to", steps)

    def keep(self, name: str) -> None:
        """Put the rehearsal, and the organ it left, into the project."""
        self._ask("record", name)

    def look_back(self, on: bool) -> None:
        """Look through what was done so far; the tissue waits."""
        if self.item is None:
            return
        self.viewport.canvas.setFocus()  # Space plays, and does not press the button again
        if on and self.state is State.LIVE and len(self._reel.frames) > 1:
            self._ask("pause", True)
            self._enter(State.LOOKING_BACK)
            frames = self._reel.frames
            self.viewport.time_bar.seconds = max(frames[-1].measures.time_s - frames[0].measures.time_s, 0.5)
            self.item.load_reel(list(frames))
            self.viewport.refresh_time_bar()
            self.viewport.time_bar.set_fraction(0.0)
        elif not on and self.state is State.LOOKING_BACK:
            self.viewport.time_bar.pause()
            self.item.load_reel([])
            self.viewport.refresh_time_bar()
            if self._newest is not None:
                self.item.take(self._newest)
            self._ask("pause", False)
            self._enter(State.LIVE)

    def set_look(self, look: LiveLook) -> None:
        if self.item is not None:
            self.item.set_look(look)
            self.viewport.canvas.contents_changed()

    def _move(self, pose: Pose) -> None:
        self._ask("move", pose)

    def _await(self, what: str, *arguments: Any) -> None:
        """Ask for something that the steps will tell of."""
        if self.state is State.LIVE:
            if what != "do":  # what was said and is being found out of a step that is undone is no longer so
                self.said.emit("")
                self.check.forget()
            if not self._waiting:
                self._waiting_since = time.perf_counter()
            self._waiting += 1
            self._ask(what, *arguments)

    def _answered(self) -> None:
        """The steps are as asked for: the hand holds what they say, or nothing."""
        self._waiting = max(self._waiting - 1, 0)
        self._waiting_since = time.perf_counter()
        if not self._waiting:
            self._in_hand = in_hand(self.steps)
            if self.hand.tool and self.hand.tool != self._in_hand:
                self.hand.drop()

    @property
    def is_late(self) -> bool:
        """Whether an answer has been long in coming."""
        return bool(self._waiting) and time.perf_counter() - self._waiting_since > _LATE_S

    def _ask(self, what: str, *arguments: Any) -> None:
        if self._session is not None and self.state in (State.LIVE, State.LOOKING_BACK):
            getattr(self._session, what)(*arguments)

    def _key(self, event: Any) -> bool:
        return self.state is State.LIVE and self.hand.key(event)

    # -- hearing ------------------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        session = self._session
        if session is None:
            return
        if self.is_late:
            self.viewport.canvas.update()
        frame = session.newest()
        if frame is not None and self.state is not State.LOOKING_BACK:
            self._show(frame)
        for event in session.poll():
            with self.bridge.guarded():
                self._hear(event)
            if self._session is None:
                return

    def _show(self, frame: Frame) -> None:
        assert self.item is not None
        self._newest, self.measures = frame, frame.measures
        if self.state is State.LIVE and self.deviation is not None and frame.tick < self.deviation.tick:
            self.deviation = None  # of a moment that was undone
        self._tool_at = frame.tool if frame.tool is not None else self._tool_at
        self._reel.add(frame)
        self._light()
        if self.item.take(frame):
            self._moved_at = time.perf_counter()
            self.viewport.canvas.moving()
        else:
            self.viewport.canvas.update()
        if self.item.deformed and self.state is State.LIVE:
            self.check.moved(frame.tick, frame.measures.steps)

    def _light(self) -> None:
        """From above the surgeon's shoulder, whichever way one looks."""
        if self.item is not None:
            right, up, towards = self.hand.axes()
            self.item.set_light(-0.75 * up - 0.62 * towards + 0.22 * right)

    def _hear(self, event: Any) -> None:
        match event:
            case say.Progress(fraction=fraction, what=what):
                self.progressed.emit(fraction, what)
            case say.Ready(replaying=replaying):
                self._enter(State.REPLAYING if replaying else State.LIVE)
                if not replaying and self._newest is not None:  # where a replay has left it
                    self.check.moved(self._newest.tick, len(self.steps))
            case say.Said(text=text):
                self._refuse("")
                self.said.emit(text)
            case say.Refused(sentence=sentence):
                self._refuse(sentence)
                self.refused.emit(sentence)
            case say.Stepped(steps=steps, undone=undone):
                self.steps, self.undone = steps, undone
                self._answered()
                self._stand()
                self.stepped.emit()
            case say.Recorded(folders=folders):
                self._recorded(event, folders)
            case say.Ended(sentence=sentence):
                self.why = sentence
                self._clock.stop()
                self.check.forget()
                self._enter(State.BROKEN)

    def _refuse(self, sentence: str) -> None:
        """Say for a while why something was not done; "" says nothing any more."""
        if sentence:
            self._refused.start()
        if sentence != self.refusal:
            self.refusal = sentence
            self.viewport.canvas.update()

    def _stand(self) -> None:
        """Retractors that were left standing stay in the picture."""
        assert self.item is not None
        shape: Shape | None = None
        standing = []
        for number, step in enumerate(self.steps):
            if isinstance(step.command, Take):
                shape = step.command.shape or Blade()
            elif isinstance(step.command, Lay) and step.command.leave and shape is not None:
                pose = self._left_at.setdefault(number, self._tool_at)
                if pose is not None:
                    standing.append((shape, pose))
        self._left_at = {n: pose for n, pose in self._left_at.items() if n < len(self.steps)}
        self.item.stand(standing)

    def _recorded(self, event: say.Recorded, folders: tuple[str, ...]) -> None:
        things = self._session.take(event)
        rehearsal = things[0]
        if rehearsal.name == _CHECK:
            self.check.start(folders)
            return
        document = self.bridge.document
        assert document is not None
        if self.deviation is not None:
            things[0] = rehearsal.with_(deviation=self.deviation)
        document.add(things, f"Rehearsal: {rehearsal.name}")
        self._is_kept = True
        self.kept.emit(rehearsal.uuid)

    def _checked(self, deviation: Deviation) -> None:
        self.deviation = deviation
        self.viewport.canvas.update()
        self.changed.emit()

    # -- over the picture -------------------------------------------------------------------------------------------

    @property
    def badge(self) -> Badge:
        """What the picture says of itself."""
        shown = self.item.frame if self.item is not None else None
        step_s = self._table.step_s
        return Badge(
            self.deviation,
            self.deviation.tick * step_s if self.deviation else 0.0,
            shown.tick * step_s if shown is not None else 0.0,
            self.check.running,
        )

    @property
    def pictures_per_s(self) -> float:
        """While something moves; 0 at rest."""
        now, drawn = time.perf_counter(), list(self._drawn)
        recent = [at for at in drawn if now - at < 1.0]
        if len(recent) < 3 or now - self._moved_at > 0.5:
            return 0.0
        return (len(recent) - 1) / max(recent[-1] - recent[0], 1e-3)

    def _paint(self, painter: QPainter, area: QRectF) -> None:
        if not self.busy or self.item is None:
            return
        self._drawn.append(time.perf_counter())
        badge = self.badge
        paint_badge(painter, badge, area)
        frame = self.item.frame
        if frame is not None and self.state is not State.STARTING:
            rate = self.pictures_per_s if self.state is State.LIVE else None
            top = 50.0 if area.height() > 300 else 8.0
            rows = rows_of(frame.measures, rate)
            if self.is_late:
                rows.append(Row("The engine is at work …"))
            paint_readouts(painter, rows, 10.0, top)
        if self.refusal:
            paint_refusal(painter, self.refusal, area)


def in_hand(steps: tuple[Step, ...]) -> str:
    """The tool in hand after these steps, or ""."""
    tool = ""
    for step in steps:
        match step.command:
            case Take(tool=taken):
                tool = taken
            case Lay():
                tool = ""
    return tool
