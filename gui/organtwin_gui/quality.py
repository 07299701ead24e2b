"""How far each structure of a segmentation can be believed, with pictures: what needs a look first stands first."""

from __future__ import annotations

import base64
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from organtwin_gui.badges import badge_pixmap, said_of
from organtwin_gui.bridge import Bridge
from organtwin_gui.command import Command
from organtwin_gui.forms import quiet, title

ORDER = {"poor": 0, "fair": 1, "good": 2}
PICTURE_PX = 150


class QualityDialog(QDialog):
    """Measures in a process of its own while it already stands; a click on a structure goes there in the views.

    Signals
    -------
    place_wanted(str, str)
        uuid of the segmentation and key of the structure to be gone to.
    """

    place_wanted = Signal(str, str)

    def __init__(self, bridge: Bridge, segmentation: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Quality")
        self.resize(860, 700)
        self._segmentation = segmentation
        assert bridge.document is not None
        self._head = title(bridge.document.entry(segmentation).name)
        self._said = quiet("Measuring volumes, islands, holes and edges …")
        self._bar = QProgressBar()
        self._bar.setRange(0, 0)
        self._bar.setTextVisible(False)
        inner = QWidget()
        self._cards = QVBoxLayout(inner)
        self._cards.setSpacing(10)
        self._cards.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(inner)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 16, 18, 16)
        for widget in (self._head, self._said, self._bar):
            column.addWidget(widget)
        column.addWidget(scroll, 1)
        folder = str(bridge.document.project.folder)
        self._command = Command(["quality", folder, "--segmentation", segmentation, "--pictures", "--json"], self)
        self._command.answered.connect(self._measured)
        self._command.refused.connect(self._refused)

    def _refused(self, sentence: str) -> None:
        self._bar.hide()
        self._said.setText(sentence or "The measuring was ended. Close this and try again.")

    def _measured(self, found: list[dict[str, Any]]) -> None:
        self._bar.hide()
        found.sort(key=lambda q: ORDER[q["level"]])
        doubtful = sum(q["level"] != "good" for q in found)
        words = {0: "Nothing stands out.", 1: "One structure needs a look."}
        self._said.setText(words.get(doubtful, f"{doubtful} structures need a look."))
        for number, one in enumerate(found):
            self._cards.insertWidget(number, self._card(one))

    def _card(self, one: dict[str, Any]) -> QFrame:
        card = QFrame()
        card.setObjectName("card")
        row = QHBoxLayout(card)
        row.setContentsMargins(14, 12, 12, 12)
        row.setSpacing(12)
        text = QVBoxLayout()
        text.setSpacing(6)
        head = QHBoxLayout()
        dot = QLabel()
        dot.setPixmap(badge_pixmap(one["level"]))
        dot.setToolTip(said_of(one["level"], ""))
        head.addWidget(dot)
        name = QLabel(one["name"])
        name.setObjectName("title")
        head.addWidget(name)
        head.addStretch(1)
        text.addLayout(head)
        numbers = [f"{one['volume_ml']:.1f} mL"]
        if one["islands"] > 1:
            numbers.append(f"{one['islands']} pieces")
        if one["mean"] is not None:
            numbers.append(f"mean {one['mean']:.0f} ± {one['sd']:.0f}")
        text.addWidget(quiet(", ".join(numbers)))
        for flag in one["flags"]:
            if flag["level"] != "good":
                sentence = QLabel(flag["sentence"])
                sentence.setWordWrap(True)
                sentence.setObjectName("danger" if flag["level"] == "poor" else "warning")
                text.addWidget(sentence)
        go = QPushButton("Go there")
        go.setToolTip("Move the crosshair of all views into this structure")
        go.clicked.connect(lambda: self.place_wanted.emit(self._segmentation, one["key"]))
        text.addStretch(1)
        text.addWidget(go, 0, Qt.AlignmentFlag.AlignLeft)
        row.addLayout(text, 1)
        for encoded in one["pictures"]:
            picture = QPixmap()
            picture.loadFromData(base64.b64decode(encoded))
            label = QLabel()
            label.setPixmap(picture.scaled(PICTURE_PX, PICTURE_PX, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation))  # fmt: skip
            row.addWidget(label, 0, Qt.AlignmentFlag.AlignTop)
        return card

    def done(self, result: int) -> None:
        """Whatever still measures is ended."""
        self._command.stop()
        super().done(result)
