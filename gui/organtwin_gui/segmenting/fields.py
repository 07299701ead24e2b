"""A form for a record of options: a row for every field that a person can set."""

from __future__ import annotations

import types
from typing import Any, Literal, Union, get_args, get_origin

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QFileDialog, QHBoxLayout, QLineEdit, QWidget

from organtwin.model import Frozen
from organtwin_gui.forms import form
from organtwin_gui.segmenting.widgets import small

UNITS = {"_mm": "mm", "_ml": "mL", "_hu": "HU", "_s": "s", "_percent": "%"}
FILES = ("weights", "model", "path", "file", "folder", "program")
AUTOMATIC = "automatic"


def plain_name(field: str) -> tuple[str, str]:
    """(words, unit) of a field's name."""
    for ending, unit in UNITS.items():
        if field.endswith(ending):
            return field.removesuffix(ending).replace("_", " ").capitalize(), unit
    return field.replace("_", " ").capitalize(), ""


def about_of(record: type[Frozen], field: str) -> str:
    """What the record's own words say about a field: from its name to the next full stop or semicolon."""
    text = " ".join((record.__doc__ or "").split())
    start = text.find(f"``{field}``")
    if start < 0:
        return ""
    rest = text[start + len(field) + 4 :].lstrip(" :,")
    ends = [at for at in (rest.find(". "), rest.find("; ")) if at > 0]
    said = rest[: min(ends)] if ends else rest.rstrip(".")
    said = said.replace("``", "")
    return said[:1].upper() + said[1:]


def sentence(text: str | None) -> str:
    return (text or "")[:1].upper() + (text or "")[1:]


class OptionsForm(QWidget):
    """Numbers, choices, switches, names and files; other fields are filled by hand or left as they are."""

    def __init__(self, record: type[Frozen], leave_out: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._widgets: dict[str, tuple[QWidget, Any]] = {}
        rows = form()
        for name, field in record.model_fields.items():
            if name in leave_out:
                continue
            made = self._widget(
                name,
                field.annotation,
                None if field.is_required() else field.get_default(call_default_factory=True),
                field.metadata,
            )
            if made is None:
                continue
            words, unit = plain_name(name)
            tip = about_of(record, name) or sentence(field.description) or words
            for part in (made, *made.findChildren(QWidget)):
                part.setToolTip(tip)
            if isinstance(made, QDoubleSpinBox) and unit:
                made.setSuffix(f" {unit}")
            if isinstance(made, QCheckBox):
                made.setText(words)
                rows.addRow(made)
            else:
                rows.addRow(words, made)
        self.setLayout(rows)

    @property
    def empty(self) -> bool:
        return not self._widgets

    def _widget(self, name: str, annotation: Any, default: Any, metadata: list[Any]) -> QWidget | None:
        kinds = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
        optional = type(None) in kinds
        kind = next((k for k in kinds if k is not type(None)), None)
        while hasattr(kind, "__metadata__"):
            metadata = [*metadata, *kind.__metadata__]
            kind = get_args(kind)[0]
        widget: QWidget | None = None
        if get_origin(kind) is Literal:
            box = QComboBox()
            for value in get_args(kind):
                box.addItem(str(value).replace("_", " ").replace("-", " ").capitalize(), value)
            box.setCurrentIndex(max(0, box.findData(default)))
            box.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            widget = box
        elif kind is bool:
            check = QCheckBox()
            check.setChecked(bool(default))
            widget = check
        elif kind in (int, float) and not optional:
            widget = _spin(kind, metadata, default)
        elif kind in (int, float):
            line = QLineEdit("" if default is None else f"{default:g}")
            line.setPlaceholderText(AUTOMATIC)
            widget = line
        elif kind is str or getattr(kind, "__name__", "") == "Path":
            line = QLineEdit("" if default is None else str(default))
            widget = _with_browse(line) if any(word in name for word in FILES) else line
            if widget is not line:
                self._widgets[name] = (line, default)
                return widget
        if widget is not None:
            self._widgets[name] = (widget, default)
        return widget

    def values(self) -> dict[str, Any]:
        """What was set otherwise than the record has it by itself."""
        found: dict[str, Any] = {}
        for name, (widget, default) in self._widgets.items():
            value: Any = None
            if isinstance(widget, QComboBox):
                value = widget.currentData()
            elif isinstance(widget, QCheckBox):
                value = widget.isChecked()
            elif isinstance(widget, QDoubleSpinBox):
                value = widget.value()
                value = int(value) if widget.decimals() == 0 and float(value).is_integer() else value
            elif isinstance(widget, QLineEdit):
                text = widget.text().strip()
                if not text:
                    continue
                try:
                    value = float(text) if widget.placeholderText() == AUTOMATIC else text
                except ValueError:
                    value = text  # the record says what is wrong with it
            if value != default:
                found[name] = value
        return found

    def set_value(self, name: str, value: Any) -> None:
        """Fill in one field."""
        widget = self._widgets[name][0]
        if isinstance(widget, QComboBox):
            widget.setCurrentIndex(widget.findData(value))
        elif isinstance(widget, QCheckBox):
            widget.setChecked(bool(value))
        elif isinstance(widget, QDoubleSpinBox):
            widget.setValue(float(value))
        elif isinstance(widget, QLineEdit):
            widget.setText(str(value))


def _spin(kind: type, metadata: list[Any], default: Any) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    low, high = -1e6, 1e6
    for limit in metadata:
        low = max(
            low, getattr(limit, "ge", None) if getattr(limit, "ge", None) is not None else getattr(limit, "gt", low)
        )
        high = min(
            high, getattr(limit, "le", None) if getattr(limit, "le", None) is not None else getattr(limit, "lt", high)
        )
    value = float(default or 0)
    box.setDecimals(0 if kind is int else 2 if abs(value) < 10 else 1)
    box.setRange(low, high)
    box.setValue(value)
    box.setSingleStep(1 if kind is int or abs(value) >= 5 else 0.1 if abs(value) >= 0.5 else 0.05)
    return box


def _with_browse(line: QLineEdit) -> QWidget:
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(4)

    def browse() -> None:
        file, _ = QFileDialog.getOpenFileName(holder, "Choose a file")
        if file:
            line.setText(file)

    row.addWidget(line, 1)
    row.addWidget(small("open", "Choose a file", browse))
    return holder
