"""Readings that a feed keeps for the project that is open here: taken in now and then, and judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer

from organtwin.document import Document
from organtwin.feed.spool import FOLDER
from organtwin.model import Alert
from organtwin_gui.bridge import Bridge
from organtwin_gui.command import Command

if TYPE_CHECKING:
    from organtwin.feed.intake import Taken

EVERY_MS = 20_000


class Arrivals(QObject):
    """The feed cannot write into a project that this window holds: what it keeps beside it is taken in here."""

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._judging: Command | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY_MS)
        self._timer.timeout.connect(self.look)
        bridge.opened.connect(self._timer.start)
        bridge.closed.connect(self._stop)

    def look(self) -> Taken | None:
        """Take in what waits; where it brought readings, the patient's protocols are asked."""
        document = self._bridge.document
        if document is None or not (document.project.folder / FOLDER).is_dir():
            return None
        from organtwin.feed.intake import take_in  # with readers of all formats: only where there is a feed

        taken = None
        with self._bridge.guarded():
            taken = take_in(document)
        if taken is not None:
            aside = f", {taken.set_aside} were set aside" if taken.set_aside else ""
            self._bridge.told.emit(f"{taken.readings} readings arrived{aside}.")
            self._judge(document)
        return taken

    def _judge(self, document: Document) -> None:
        if self._judging is not None:
            return
        folder = str(document.project.folder)
        self._judging = Command(["monitor", folder, "--dry-run", "--json"], self)
        self._judging.answered.connect(lambda told: self._keep(document, told))
        self._judging.ended.connect(self._judged)

    def _judged(self) -> None:
        self._judging = None

    def _keep(self, document: Document, told: dict[str, Any]) -> None:
        if self._bridge.document is not document:
            return
        with self._bridge.guarded():
            new = keep_raised(document, told)
            if new:
                self._bridge.told.emit(f"{new[0].name}: {new[0].why}")

    def _stop(self) -> None:
        self._timer.stop()
        if self._judging is not None:
            self._judging.stop()


def keep_raised(document: Document, told: dict[str, Any]) -> list[Alert]:
    """Keep the alerts that ``organtwin monitor --dry-run --json`` would have raised or ended; those that are new come back."""
    raised = [Alert.model_validate(one) for one in told["open"] if one["uuid"] in told["raised"]]
    ended = [Alert.model_validate(one) for one in told["ended"]]
    fresh = [one for one in (*raised, *ended) if not document.project.is_live(one.uuid)]
    if fresh:
        document.add(fresh, f"Alerts: {len(raised)} new, {len(ended)} over")
    return raised
