"""The data sheet of a model or an intervention: what stands behind a prediction."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QScrollArea, QToolButton, QVBoxLayout, QWidget

from organtwin.physiology.datasheet import DataSheet
from organtwin_gui import theme
from organtwin_gui.forms import title
from organtwin_gui.redress import Redress


class SheetButton(QToolButton):
    """Asks for the data sheet of what a board shows."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("tool")
        self.setText("Data sheet")
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setToolTip("Sources of the model, where it holds, its known bias, what verifies it (Alt+S)")
        self.setShortcut("Alt+S")
        self._dress()
        Redress(self, self._dress)

    def _dress(self) -> None:
        self.setIcon(theme.icon("sheet"))


class SheetDialog(QDialog):
    """Purpose, where it holds, known bias, sources, and what it was verified by."""

    def __init__(
        self, heading: str, sheet: DataSheet, assumes: tuple[str, ...] = (), parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Data sheet: {heading}")
        self.resize(620, 560)
        self.text = QLabel(html_of(sheet, assumes))
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.text.setContentsMargins(0, 0, 10, 0)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self.text)
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 18, 14, 12)
        column.setSpacing(10)
        column.addWidget(title(heading))
        column.addWidget(scroll, 1)
        column.addWidget(close)


def html_of(sheet: DataSheet, assumes: tuple[str, ...] = ()) -> str:
    """The sheet as rich text."""
    quiet = theme.current().text_quiet
    verified = ", ".join(sheet.verified_by)
    parts = [
        ("What it is for", escape(sheet.purpose)),
        ("Where it holds", escape(sheet.validity)),
        ("Known bias", escape(sheet.bias)),
        ("Sources", _listed(sheet.sources)),
        ("Verified by", f"{escape(verified)} &nbsp;(organtwin validate {escape(' '.join(sheet.verified_by))})" if verified else ""),
        ("What this prediction assumes", _listed(assumes)),
    ]  # fmt: skip
    return "".join(
        f"<p style='margin:0 0 2px 0; color:{quiet}'>{head}</p><div style='margin:0 0 12px 0'>{body}</div>"
        for head, body in parts
        if body
    )


def _listed(lines: tuple[str, ...]) -> str:
    return "".join(f"<div style='margin:0 0 3px 0'>•&nbsp;{escape(line)}</div>" for line in lines)
