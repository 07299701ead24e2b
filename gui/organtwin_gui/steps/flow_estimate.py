"""The answer of the 0D model, beside the form, before the 3D solve is started."""

from __future__ import annotations

import html

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QLabel, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from organtwin.model import Quantity, Result
from organtwin_gui import theme
from organtwin_gui.steps.flow_fields import caption
from organtwin_gui.steps.flow_outlets import said

# heading, start of the quantity's name, what it is
COLUMNS = (
    ("mL/s", "flow", "Mean flow"),
    ("mmHg", "pressure", "Mean pressure"),
    ("FFR", "ffr", "Fractional flow reserve"),
)
LEVELS = ("error: ", "warning: ", "note: ")  # gravest first


class Estimate(QWidget):
    """A table by opening, and what the check before the run found."""

    def __init__(self) -> None:
        super().__init__()
        self._checked: list[str] = []
        self._notes: list[str] = []
        self._state = QLabel()
        self._state.setObjectName("small")
        self._state.setWordWrap(True)
        self.table = QTableWidget(0, 1 + len(COLUMNS))
        self.table.setHorizontalHeaderLabels(["Opening", *(heading for heading, _, _ in COLUMNS)])
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        self.table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.table.setShowGrid(False)
        self.table.setFont(theme.font(theme.SMALL_POINTS))
        self.table.setStyleSheet("QHeaderView::section { padding: 3px 4px; } QTableView::item { padding: 2px 4px; }")
        self.table.horizontalHeader().setFont(theme.font(theme.SMALL_POINTS))
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column, (_, _, what) in enumerate(COLUMNS, start=1):
            self.table.horizontalHeaderItem(column).setToolTip(what)
        self.table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.setToolTip("Means over a beat, from the 0D model of this vessel; the 3D solve is the finer answer")
        self.findings = Findings()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(caption("Estimate (0D)"))
        column.addWidget(self._state)
        column.addWidget(self.table)
        column.addWidget(self.findings)
        self.clear()

    def clear(self, why: str = "") -> None:
        """Nothing is known."""
        self.table.hide()
        self.findings.show_lines([])
        self._say(why)

    def wait(self) -> None:
        """A new answer is on its way; the old one fades meanwhile."""
        self.table.setEnabled(False)
        self._say("Estimating …")

    def fail(self, sentence: str) -> None:
        """It cannot be estimated: what the sentence says is mostly wrong for the 3D solve as well."""
        self._notes = []
        self.table.hide()
        self._say("")
        self.findings.show_lines([f"error: {sentence}"])

    def show_result(self, result: Result, openings: list[str]) -> None:
        """Show what a 0D model found at some openings."""
        found_at = by_opening(result.quantities)
        rows = {name: found_at[name] for name in openings if name in found_at}
        self.table.setEnabled(True)
        self.table.setRowCount(len(rows))
        known = [any(prefix in found for found in rows.values()) for _, prefix, _ in COLUMNS]
        for column, shown in enumerate(known, start=1):
            self.table.setColumnHidden(column, not shown)
        for row, (cap, found) in enumerate(rows.items()):
            name = QTableWidgetItem(said(cap))
            name.setToolTip(said(cap))
            self.table.setItem(row, 0, name)
            for column, (_, prefix, _) in enumerate(COLUMNS, start=1):
                value = found.get(prefix)
                item = QTableWidgetItem("" if value is None else f"{value:.3g}")
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(row, column, item)
            self.table.setRowHeight(row, 22)
        self.table.setFixedHeight(22 * len(rows) + self.table.horizontalHeader().sizeHint().height() + 4)
        self.table.setVisible(bool(rows))
        self._say("")
        self._notes = [note if note.startswith(LEVELS) else f"note: {note}" for note in result.notes]
        self._show_findings()

    def show_findings(self, lines: list[str]) -> None:
        """Say what the check before the run found: "warning: ..."."""
        self._checked = lines
        self._show_findings()

    def _show_findings(self) -> None:
        """Of warnings those of the 0D model, which knows the narrow places as well, stand for those of the check."""
        checked = [line for line in self._checked if not (self._notes and line.startswith("warning: "))]
        order = {level: number for number, level in enumerate(LEVELS)}
        lines = [*checked, *self._notes]
        self.findings.show_lines(sorted(lines, key=lambda line: order.get(line.partition(": ")[0] + ": ", 0)))

    def _say(self, text: str) -> None:
        self._state.setText(text)
        self._state.setVisible(bool(text))


class Findings(QWidget):
    """Sentences with the sign of how grave they are. ``places`` turns words into links: {words: (key, words shown)}.

    Signals
    -------
    picked(key)
        A place that a sentence speaks of was clicked.
    """

    picked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 2, 0, 0)
        self._column.setSpacing(6)
        self.lines: list[str] = []
        self.places: dict[str, tuple[str, str]] = {}

    def show_lines(self, lines: list[str]) -> None:
        """Each line begins with "error: ", "warning: " or "note: "."""
        self.lines = lines
        while item := self._column.takeAt(0):
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        for line in lines:
            level, _, sentence = line.partition(": ")
            self._column.addWidget(self._finding(level, sentence))
        self.setVisible(bool(lines))

    def _linked(self, sentence: str) -> str:
        text = html.escape(sentence, quote=False)
        for words, (key, shown) in self.places.items():
            link = f'<a style="color: {theme.current().accent}" href="{html.escape(key)}">{html.escape(shown)}</a>'
            text = text.replace(html.escape(words, quote=False), link, 1)
        return text

    def _finding(self, level: str, sentence: str) -> QWidget:
        look = theme.current()
        icon, colour = {"error": ("error", look.danger), "warning": ("warning", look.warning)}.get(
            level, ("info", look.text_quiet)
        )
        sign, text = QLabel(), QLabel(self._linked(sentence))
        sign.setPixmap(theme.icon(icon, colour).pixmap(14, 14))
        text.setWordWrap(True)
        text.setObjectName("danger" if level == "error" else "small")
        text.setFont(theme.font(theme.SMALL_POINTS))
        text.setTextFormat(Qt.TextFormat.RichText)
        text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.LinksAccessibleByMouse
        )
        text.linkActivated.connect(self.picked)
        made = QWidget()
        row = QHBoxLayout(made)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(text, 1)
        return made


def by_opening(quantities: tuple[Quantity, ...]) -> dict[str, dict[str, float]]:
    """Mean flow (mL/s), pressure (mmHg) and FFR of each opening, from quantities called "Flow left_iliac"."""
    rows: dict[str, dict[str, float]] = {}
    for quantity in quantities:
        first, _, cap = quantity.name.partition(" ")
        prefix = first.lower()
        cap = cap.rpartition(" → ")[2] if prefix == "ffr" else cap  # "FFR inlet → left" is that of left
        if any(prefix == known for _, known, _ in COLUMNS) and cap and " " not in cap:  # "Pressure drop inlet → left"
            rows.setdefault(cap, {})[prefix] = quantity.value
    return rows
