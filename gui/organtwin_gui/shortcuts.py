"""All keys and mouse gestures on one page."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from organtwin_gui.forms import title

KEYS: dict[str, tuple[tuple[str, str], ...]] = {
    "Slices": (
        ("wheel, arrows, b / f", "through the slices"),
        ("right drag", "zoom"),
        ("middle drag, Shift + left drag", "pan"),
        ("Shift + move", "linked crosshair"),
        ("double click, Escape", "give a view all the room, and back"),
        ("g", "structures on or off"),
        ("r", "whole slice again"),
        ("1 … 9", "tools, in the order of the tool bar"),
        ("space", "back to the tool before"),
        ("Alt + 1 … 6, Alt + 0", "contrast presets, as in the file"),
    ),
    "3D": (
        ("left drag, wheel", "turn, zoom"),
        ("middle drag, Shift + left drag", "pan"),
        ("1 … 6", "from front, back, left, right, above, below"),
        ("p", "perspective or parallel"),
        ("click on an organ", "crosshair goes there, and the plane of a flow"),
        ("space, comma, full stop", "play or pause, a step back, a step on"),
        ("s, d, c", "streamlines, particles, plane of a flow"),
        ("[ and ]", "the plane along the vessel"),
    ),
    "Segment by hand": (
        ("1 … 9, 0", "paint, erase, correct, … contour: as in the palette"),
        ("l, i, s, a, j, e, h, c", "lesion, between slices, … combine: as in the palette"),
        ("q, w", "segment before, after"),
        ("Ctrl while drawing", "the other way: erase, not paint"),
        ("Shift + wheel", "size of the brush"),
        ("Enter, Escape, Backspace", "apply or close, put aside or stop, last seed away"),
        ("space, g, x", "tool down and up again, overlay on or off, others as glass in 3D"),
        ("Insert, Delete, F2, Home", "add, remove, rename the segment, go to it"),
        ("Ctrl + drag in 3D", "turn the view while scissors are up"),
    ),
    "Vessels and moving scans": (
        ("[ and ]", "along the measured vessel"),
        ("wheel", "over the picture turns it, over the section goes along"),
        ("Alt + B, N, W", "straightened or stretched, with branches, walls of the scan"),
        ("Alt + T, Alt + P", "save table, picture"),
        ("K; , and .", "play the cycle; a phase back, on"),
        ("Ctrl + Shift + C", "ventricles"),
        ("Ctrl + Alt + F, T", "follow, take the phase"),
    ),
    "Work": (
        ("Ctrl + 1 … 9", "Study, Segment, Vessels, Mesh, Flow, What if, …"),
        ("Ctrl + I", "import a folder"),
        ("Ctrl + O, Ctrl + Shift + O, Ctrl + W", "open a project, a batch; close"),
        ("Ctrl + Shift + Y", "patients of a folder"),
        ("Ctrl + Shift + G", "privacy: encryption, consent, role, log, copy"),
        ("Ctrl + Z, Ctrl + Shift + Z", "undo, redo"),
        ("Ctrl + Enter, M, F, T", "segment or measure, mesh, solve flow, tissue"),
        ("Ctrl + Shift + M", "extend the openings of a vessel mesh"),
        ("Ctrl + Shift + A, Ctrl + Shift + F", "apply a procedure, solve again"),
        ("Ctrl + Shift + L, K, J", "plan: find veins and tumours, territories, point at"),
        ("Ctrl + Shift + Enter, S, D, T", "plan: propose, keep, compare two, solve opened"),
        ("h, Ctrl + Z, Ctrl + Shift + Z", "plan: points on the cut to drag; changes by hand back, again"),
        ("Ctrl + D", "before and after side by side"),
        ("F2, F3, F4", "four views, large 3D, only 3D"),
        ("Ctrl + P, Ctrl + E", "picture, report"),
        ("F6, F7, F8", "plots, what was done in Python, quality of a segmentation"),
        ("Ctrl + Shift + V", "film of the 3D view"),
        ("Ctrl + L", "dark or light"),
    ),
    "The twin": (
        ("Ctrl + Alt + 1, 2, 3", "Readings, Twin, Try out"),
        ("Ctrl + Enter", "import readings, calibrate, compare"),
        ("Ctrl + Shift + Enter", "readings of a folder, forecast"),
        ("wheel, drag, Shift + wheel", "zoom in time, along it"),
        ("Alt + D, W, M, Y, A", "last day, week, month, year, all"),
        ("arrows, Home", "along and zoom, all"),
        ("Alt + Q, F, X", "what was set aside, forecasts, export"),
        ("Ctrl + U, Ctrl + Shift + U", "update the twin, use it for flow"),
        ("Alt + N, Alt + S", "new scenario, data sheet"),
    ),
    "Rehearse": (
        ("Ctrl + B, Ctrl + K", "begin, keep"),
        ("1 … 9, 0, -", "instruments, in the order of the tray"),
        ("left drag", "the instrument works, in the plane of the screen"),
        ("wheel, Shift + drag", "in and out, while it works"),
        ("middle and right drag", "the view"),
        ("space", "lift the instrument: the mouse turns the view"),
        ("Enter, Escape, f", "do it, put it aside, turn the plane round"),
        ("c, x", "colours, glass"),
        ("Ctrl + Z, Ctrl + Shift + Z", "undo, redo in the rehearsal"),
    ),
}
COLUMNS = (("Slices", "3D", "Vessels and moving scans", "Rehearse"), ("Segment by hand", "Work", "The twin"))


class ShortcutsDialog(QDialog):
    """A cheat sheet."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys and mouse")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 8, 12)
        inner = QWidget()
        columns = QHBoxLayout(inner)
        columns.setContentsMargins(0, 0, 16, 0)
        columns.setSpacing(44)
        for headings in COLUMNS:
            column = QVBoxLayout()
            column.addLayout(_table(headings))
            column.addStretch(1)
            columns.addLayout(column)
        scroll = QScrollArea()  # all of it on a high screen
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setWidget(inner)
        layout.addWidget(scroll)
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close.rejected.connect(self.reject)
        layout.addWidget(close)
        wanted = inner.sizeHint() + QSize(40 + scroll.verticalScrollBar().sizeHint().width(), 90)
        self.resize(wanted.boundedTo(self.screen().availableSize() - QSize(20, 60)))


def _table(headings: tuple[str, ...]) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(28)
    grid.setVerticalSpacing(3)
    row = 0
    for heading in headings:
        grid.addWidget(title(heading), row, 0, 1, 2)
        row += 1
        for key, meaning in KEYS[heading]:
            said = QLabel(meaning)
            said.setObjectName("quiet")
            grid.addWidget(QLabel(key), row, 0)
            grid.addWidget(said, row, 1)
            row += 1
    return grid
