"""Small form pieces: a quantity with its unit, a labelled row, a section."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFormLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from organtwin.errors import BadInput
from organtwin.units import parse
from organtwin_gui import theme


class QuantityEdit(QLineEdit):
    """A quantity as people write it ("5 L/min"); red and explained while it is not one."""

    accepted = Signal()

    def __init__(self, text: str, dimension: str, tip: str, *, optional: bool = False) -> None:
        super().__init__(text)
        self._dimension, self._tip, self._optional = dimension, tip, optional
        self.setToolTip(tip)
        if optional:
            self.setPlaceholderText("automatic")
        self.textChanged.connect(self._check)

    @property
    def quantity(self) -> str | None:
        """The text when it is sound (None when optional and empty).

        Raises
        ------
        BadInput
            Saying what is wrong with it.
        """
        text = self.text().strip()
        if not text and self._optional:
            return None
        parse(text, self._dimension)
        return text

    def _check(self) -> None:
        try:
            _ = self.quantity
        except BadInput as error:
            self.setStyleSheet(f"border-color: {theme.current().danger};")
            self.setToolTip(error.sentence)
        else:
            self.setStyleSheet("")
            self.setToolTip(self._tip)


def form() -> QFormLayout:
    """An empty form with the app's spacing."""
    layout = QFormLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setHorizontalSpacing(12)
    layout.setVerticalSpacing(8)
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    layout.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
    return layout


def quiet(text: str) -> QLabel:
    """A line of small explanation."""
    label = QLabel(text)
    label.setObjectName("small")
    label.setWordWrap(True)
    return label


def title(text: str) -> QLabel:
    label = QLabel(text)
    label.setObjectName("title")
    return label


def column(*widgets: QWidget, spacing: int = 8) -> QVBoxLayout:
    layout = QVBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    for widget in widgets:
        layout.addWidget(widget)
    return layout
