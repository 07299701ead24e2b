"""Which moving scan the views show, at which phase, and what lies over it."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from organtwin.model import DynamicSegmentation, DynamicVolume
from organtwin_gui.bridge import Bridge
from organtwin_gui.views.state import ImageScene


class Shown(QObject):
    """Puts one phase after the other into the scene. The phases share the memory of the whole, so this costs a repaint.

    Signals
    -------
    changed()
        Another scan, or other structures over it.
    moved(int)
        Another phase, from 0.
    """

    changed = Signal()
    moved = Signal(int)

    def __init__(self, bridge: Bridge, scene: ImageScene, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.bridge, self.scene = bridge, scene
        self.volume: DynamicVolume | None = None
        self.labels: DynamicSegmentation | None = None
        self.phase = 0
        bridge.closed.connect(lambda: self.show(None))
        bridge.changed.connect(lambda _c: self._follow())
        scene.volume_changed.connect(self._other_scan)

    @property
    def phases(self) -> int:
        return 0 if self.volume is None else len(self.volume.times_s)

    def show(self, uuid: str | None) -> None:
        """Show a moving scan from its first phase; None: none is shown any more."""
        self._hide_labels()
        self.volume = None
        if uuid is not None:
            volume = self.bridge.get(uuid)
            assert isinstance(volume, DynamicVolume)
            self.volume = volume
            self.phase = min(self.phase, self.phases - 1)
            self._take_labels()
            self._paint()
        self.changed.emit()

    def go_to(self, phase: int) -> None:
        """Show another phase."""
        if self.volume is not None and phase != self.phase and 0 <= phase < self.phases:
            self.phase = phase
            self._paint()
            self.moved.emit(phase)

    def _paint(self) -> None:
        assert self.volume is not None
        volume = self.volume.at(self.phase).with_(uuid=self.volume.uuid)
        self.scene.set_volume(volume)
        if self.labels is not None:
            self.scene.show_segmentation(self.labels.at(self.phase).with_(uuid=self.labels.uuid))

    def _take_labels(self) -> None:
        """The newest structures of this scan."""
        self.labels = None
        for entry in reversed(self.bridge.entries(DynamicSegmentation.kind)):
            if self.volume is not None and entry.facts.get("dynamic") == self.volume.uuid:
                labels = self.bridge.get(entry.uuid)
                assert isinstance(labels, DynamicSegmentation)
                self.labels = labels
                return

    def _hide_labels(self) -> None:
        if self.labels is not None:
            self.scene.hide_segmentation(self.labels.uuid)
        self.labels = None

    def _follow(self) -> None:
        """Structures that appeared or went."""
        if self.volume is None:
            return
        if all(e.uuid != self.volume.uuid for e in self.bridge.entries(DynamicVolume.kind)):
            self.show(None)
            return
        before = self.labels.uuid if self.labels else None
        old = self.labels
        self._take_labels()
        if before != (self.labels.uuid if self.labels else None):
            if old is not None:
                self.scene.hide_segmentation(old.uuid)
            self._paint()
            self.changed.emit()

    def _other_scan(self) -> None:
        """Somebody put another scan into the views."""
        shown = self.scene.volume
        if self.volume is not None and (shown is None or shown.uuid != self.volume.uuid):
            self._hide_labels()
            self.volume = None
            self.changed.emit()
