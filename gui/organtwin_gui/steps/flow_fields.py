"""Pieces of the flow form: a field that says beside itself what is wrong, a caption, a part that folds away."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QAbstractSpinBox, QFormLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from organtwin.errors import BadInput
from organtwin_gui import theme
from organtwin_gui.forms import QuantityEdit, form


class Field(QWidget):
    """A quantity, and under it one sentence while it is not one."""

    changed = Signal()

    def __init__(self, text: str, dimension: str, tip: str) -> None:
        super().__init__()
        self.dimension = dimension
        self.edit = QuantityEdit(text, dimension, tip)
        self.setToolTip(tip)
        self._said = QLabel()
        self._said.setObjectName("danger")
        self._said.setFont(theme.font(theme.SMALL_POINTS))
        self._said.setWordWrap(True)
        self._said.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addWidget(self.edit)
        column.addWidget(self._said)
        self.edit.textChanged.connect(self._changed)

    def text(self) -> str:
        return self.edit.text()

    def setText(self, text: str) -> None:
        self.edit.setText(text)

    @property
    def quantity(self) -> str:
        """The text when it is sound.

        Raises
        ------
        BadInput
            Saying what is wrong with it.
        """
        found = self.edit.quantity
        assert found is not None
        return found

    def _changed(self) -> None:
        try:
            _ = self.quantity
        except BadInput as error:
            self._said.setText(error.sentence)
            self._said.show()
        else:
            self._said.hide()
        self.changed.emit()


class Fold(QWidget):
    """A caption that opens and closes what is under it."""

    def __init__(self, text: str, tip: str, *, opened: bool = False) -> None:
        super().__init__()
        self.button = QToolButton()
        self.button.setText(text)
        self.button.setToolTip(tip)
        self.button.setCheckable(True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setFont(theme.font(theme.BODY_POINTS, bold=True))
        self.button.setStyleSheet("border: none; background: transparent; padding: 2px 0px;")
        self.inside = QWidget()
        self.rows = form()
        self.inside.setLayout(self.rows)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.button)
        column.addWidget(self.inside)
        self.button.toggled.connect(self._show)
        self.button.setChecked(opened)
        self._show(opened)

    def _show(self, opened: bool) -> None:
        self.button.setIcon(theme.icon("expand" if opened else "collapse"))
        self.inside.setVisible(opened)


class _CalmWheel(QObject):
    """The wheel scrolls the page; it never changes the value it happens to pass over."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel:
            event.ignore()
            return True
        return False


def calm[W: QWidget](box: W) -> W:
    """A field whose value the wheel does not change."""
    box.installEventFilter(_CalmWheel(box))
    return box


def tidy[S: QAbstractSpinBox](box: S) -> S:
    """A number box whose text begins where that of the other fields does."""
    box.lineEdit().setTextMargins(6, 0, 0, 0)
    return calm(box)


def caption(text: str) -> QLabel:
    """The heading of a part of a page."""
    label = QLabel(text)
    label.setFont(theme.font(theme.BODY_POINTS, bold=True))
    label.setContentsMargins(0, 6, 0, 0)
    return label


def show_row(rows: QFormLayout, field: QWidget, visible: bool) -> None:
    """Show or hide a row of a form with its label."""
    rows.setRowVisible(field, visible)
