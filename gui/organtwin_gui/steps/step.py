"""What the pages of the workflow have in common."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QFrame, QPushButton, QScrollArea, QVBoxLayout, QWidget

from organtwin.jobs import Job
from organtwin.store import Entry
from organtwin_gui import theme
from organtwin_gui.bridge import Bridge, Change
from organtwin_gui.forms import quiet, title
from organtwin_gui.views.state import ImageScene


class Step(QScrollArea):
    """One page. Subclasses fill :attr:`page` in ``build`` and read the document in ``refresh``."""

    name: ClassVar[str] = ""
    icon: ClassVar[str] = ""
    purpose: ClassVar[str] = ""
    terse: ClassVar[bool] = False  # the page needs all its room: the purpose is told by the rail alone
    patient: ClassVar[bool] = False  # nobody else asks this page anything: it follows changes when it is seen

    def __init__(self, bridge: Bridge, scene: ImageScene, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bridge, self.scene = bridge, scene
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        inner.setObjectName("panel")
        self.page = QVBoxLayout(inner)
        self.page.setContentsMargins(16, 16, 16, 16)
        self.page.setSpacing(10)
        self._foot: QFrame | None = None
        self.page.addWidget(title(self.name))
        if not self.terse:
            self.page.addWidget(quiet(self.purpose))
        self.build()
        self.page.addStretch(1)
        self.setWidget(inner)
        for box in inner.findChildren(QComboBox):  # a long name must not widen the page
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(6)
        for signal in (bridge.opened, bridge.closed):
            signal.connect(self.refresh)
        self._due = False  # something was edited while nobody looked
        bridge.changed.connect(self._document_changed)
        bridge.job_changed.connect(self._job_changed)
        self.refresh()

    def build(self) -> None:
        raise NotImplementedError

    def refresh(self) -> None:
        raise NotImplementedError

    def foot(self) -> QVBoxLayout:
        """A place below the page for the buttons that move on: always in sight, however long the form."""
        self._foot = QFrame(self)
        self._foot.setObjectName("panel")
        column = QVBoxLayout(self._foot)
        column.setContentsMargins(16, 8, 16, 12)
        column.setSpacing(8)
        return column

    def dress(self) -> None:
        """In the colours of another theme."""
        for button in self.findChildren(QPushButton, "primary"):
            if button.property("drawn"):
                button.setIcon(theme.icon(button.property("drawn"), theme.current().accent_text))

    def place_foot(self) -> None:
        """Give the foot the height that its words need at this width."""
        column = self._foot.layout() if self._foot is not None else None
        if self._foot is None or column is None:
            return
        high = column.heightForWidth(self.width()) if column.hasHeightForWidth() else column.sizeHint().height()
        self.setViewportMargins(0, 0, 0, high)
        self._foot.setGeometry(0, self.height() - high, self.width(), high)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.place_foot()

    def _document_changed(self, change: Change) -> None:
        """Strokes of the workbench come many a minute: a page that nobody sees waits until it is seen."""
        if not self.isVisible() and (self.patient or self.bridge.only_edited(change)):
            self._due = True
        else:
            self.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._due:
            self._due = False
            self.refresh()

    def _job_changed(self, job: Job) -> None:
        if job.state.ended or job.fraction == 0:
            self.refresh()

    def busy(self, operation: str) -> bool:
        """Whether such a job runs now: its button waits then."""
        return any(j.spec.operation == operation for j in self.bridge.running())


def primary(text: str, icon: str, tip: str, shortcut: str) -> QPushButton:
    """The one button of a page that moves on."""
    button = QPushButton(text)
    button.setObjectName("primary")
    button.setProperty("drawn", icon)
    button.setIcon(theme.icon(icon, theme.current().accent_text))
    button.setToolTip(f"{tip} ({shortcut})")
    button.setShortcut(shortcut)
    return button


def relabel(button: QPushButton, text: str) -> None:
    """Another text on a button, which keeps its key: Qt takes that away with the old text."""
    key = button.shortcut()
    button.setText(text)
    button.setShortcut(key)


def fill(box: QComboBox, entries: list[Entry]) -> None:
    """Offer objects, newest first; what was chosen stays chosen, and something newer is chosen by itself."""
    newest = entries[-1].uuid if entries else None
    chosen = box.currentData()
    known = {box.itemData(n) for n in range(box.count())}
    box.blockSignals(True)
    box.clear()
    for entry in reversed(entries):
        box.addItem(entry.name, entry.uuid)
    keep = newest if newest not in known else chosen
    index = box.findData(keep)
    box.setCurrentIndex(max(index, 0) if entries else -1)
    box.setEnabled(bool(entries))
    box.blockSignals(False)
