"""A kept rehearsal, played again in a view of its own: once through, then to be looked through."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QRectF, QTimer, Signal
from PySide6.QtGui import QPainter

from organtwin.model import OrganMesh, Rehearsal, Surface
from organtwin.rehearsal import messages as say
from organtwin_gui.bridge import Bridge
from organtwin_gui.rehearsal.badge import Badge, paint_badge
from organtwin_gui.rehearsal.check import known_deviation
from organtwin_gui.rehearsal.readouts import paint_readouts, rows_of
from organtwin_gui.rehearsal.reel import Reel
from organtwin_gui.views.items.live import LiveItem
from organtwin_gui.views.state import ImageScene
from organtwin_gui.views.viewport import Viewport

_TICK_MS = 33
_PACE = 2.0


class Player(QObject):
    """Plays one rehearsal into one view.

    Signals
    -------
    ready()
        It was played to its end: its reel is in the view.
    failed(str)
        One sentence.
    """

    ready = Signal()
    failed = Signal(str)

    def __init__(
        self, bridge: Bridge, scene: ImageScene, viewport: Viewport, rehearsal: Rehearsal, make: Callable[..., Any]
    ) -> None:
        super().__init__(viewport)
        assert bridge.document is not None
        self.viewport, self.rehearsal = viewport, rehearsal
        inputs = {**rehearsal.inputs, "mesh": rehearsal.mesh}
        organ = bridge.get(rehearsal.mesh)
        assert isinstance(organ, OrganMesh)
        inside = [t for r, u in inputs.items() if r.startswith("inside") and isinstance(t := bridge.get(u), Surface)]
        self.item: LiveItem = viewport.show_live(
            organ,
            inside={s.name: s for s in inside},
            volume=scene.volume,
            window=(scene.level, scene.width),
        )
        QTimer.singleShot(0, viewport, viewport.reset_camera)  # the view has its size only when it is laid out
        self._reel = Reel()
        self._deviation = known_deviation(bridge, rehearsal)
        self._session: Any = make(bridge.document.project.folder, inputs, rehearsal.scene, rehearsal.script, _PACE)
        self._clock = QTimer(self)
        self._clock.setInterval(_TICK_MS)
        self._clock.timeout.connect(self._tick)
        self._clock.start()
        viewport.canvas.overpaint.append(self._paint)

    def _tick(self) -> None:
        if self._session is None:
            return
        frame = self._session.newest()
        if frame is not None:
            self._reel.add(frame)
            if self.item.take(frame):
                self.viewport.canvas.moving()
        for event in self._session.poll():
            match event:
                case say.Ready(replaying=False):
                    self._played()
                    return
                case say.Refused(sentence=sentence):
                    self.failed.emit(sentence)
                case say.Ended(sentence=sentence) if sentence:
                    self.failed.emit(sentence)

    def _played(self) -> None:
        frames = self._reel.frames
        self.stop()
        if len(frames) > 1:
            self.viewport.time_bar.seconds = max(frames[-1].measures.time_s - frames[0].measures.time_s, 0.5)
            self.item.load_reel(list(frames))
            self.viewport.refresh_time_bar()
            self.viewport.time_bar.set_fraction(1.0)
        self.ready.emit()

    def stop(self) -> None:
        """End the engine; what was played stays."""
        self._clock.stop()
        session, self._session = self._session, None
        if session is not None:
            threading.Thread(target=session.close, kwargs={"forget": True}, daemon=True).start()

    def leave(self) -> None:
        """Out of the view."""
        self.stop()
        if self._paint in self.viewport.canvas.overpaint:
            self.viewport.canvas.overpaint.remove(self._paint)
        self.viewport.hide_live()

    def _paint(self, painter: QPainter, area: QRectF) -> None:
        deviation = self._deviation
        frame = self.item.frame
        step_s = self.rehearsal.scene.step_s
        now_s = frame.tick * step_s if frame is not None else 0.0
        paint_badge(painter, Badge(deviation, deviation.tick * step_s if deviation else 0.0, now_s), area)
        if frame is not None:
            paint_readouts(painter, rows_of(frame.measures), 10.0, 50.0)
