"""Two plans side by side: two views that turn together, and a table of their numbers."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from organtwin.model import ResectionPlan
from organtwin.resection.comparison import PlanComparison, compare_plans
from organtwin.resection.settings import Settings
from organtwin.units import parse
from organtwin_gui import theme
from organtwin_gui.badges import badge_icon, said_of
from organtwin_gui.bridge import Bridge
from organtwin_gui.forms import quiet
from organtwin_gui.planning.live import Drawn, Ground, drawn
from organtwin_gui.views.camera import zoom
from organtwin_gui.views.items.plan import PlanItem
from organtwin_gui.views.viewport import Viewport


class ComparePlans(QDialog):
    """Choose two of the project's plans; the newest two at first."""

    def __init__(self, bridge: Bridge, ground: Ground, parent: QWidget | None = None, *, opengl: bool = True) -> None:
        super().__init__(parent)
        self.bridge, self.ground = bridge, ground
        self.setWindowTitle("Two plans side by side")
        self.resize(1180, 690)
        self.boxes = (self._box("The plan at the left"), self._box("The plan at the right"))
        self.other_cut = QCheckBox("Both cuts in both views")
        self.other_cut.setToolTip("Lay the cut of the other plan over each (O)")
        self.other_cut.setShortcut("O")
        self.other_cut.toggled.connect(lambda _on: self._show())
        top = QHBoxLayout()
        for box in self.boxes:
            top.addWidget(box, 1)
        top.addWidget(self.other_cut)
        self.views = [Viewport(opengl=opengl) for _ in range(2)]
        self._following = False
        pair = QSplitter(Qt.Orientation.Horizontal)
        pair.setChildrenCollapsible(False)
        for view, other in (self.views, self.views[::-1]):
            pair.addWidget(view)
            view.canvas.view_changed.connect(lambda a=view, b=other: self._follow(a, b))
        self.table = PlanTable()
        self.said = quiet("")
        down = QSplitter(Qt.Orientation.Vertical)
        down.setChildrenCollapsible(False)
        down.addWidget(pair)
        down.addWidget(self.table)
        down.setSizes([400, 250])
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        column.addLayout(top)
        column.addWidget(down, 1)
        column.addWidget(self.said)
        self._drawn: list[Drawn] = []
        self._offer()
        self._take()
        QTimer.singleShot(0, self._frame)

    def _box(self, tip: str) -> QComboBox:
        box = QComboBox()
        box.setToolTip(tip)
        box.setMinimumContentsLength(12)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.currentIndexChanged.connect(lambda _i: self._take())
        return box

    def _offer(self) -> None:
        entries = self.bridge.entries("plan")
        for box, back in zip(self.boxes, (2, 1), strict=True):
            box.blockSignals(True)
            box.clear()
            for entry in entries:
                box.addItem(entry.name, entry.uuid)
            box.setCurrentIndex(max(len(entries) - back, 0))
            box.blockSignals(False)

    def _take(self) -> None:
        with self.bridge.guarded():
            plans = [self.bridge.get(box.currentData()) for box in self.boxes if box.currentData()]
            plans = [p for p in plans if isinstance(p, ResectionPlan)]
            if len(plans) < 2:
                return
            compared = compare_plans(plans[0], plans[1])
            self._drawn = [drawn(self.ground, plan) for plan in plans]
            self.table.show_comparison(compared, (plans[0].name, plans[1].name))
            self.said.setText(said(compared))
            self._show()

    def _show(self) -> None:
        for view, mine, other in zip(self.views, self._drawn, self._drawn[::-1], strict=True):
            asked = parse(Settings.model_validate(mine.plan.settings).margin, "length")
            item = view.items.get("plan")
            if not isinstance(item, PlanItem):
                item = PlanItem(view._around, "plan")
                item.set_inner(self.ground.inner)
                view._put(item)
            item.show_plan(mine, asked)
            item.labels = []
            ghost = view.items.get("other")
            if not isinstance(ghost, PlanItem):
                ghost = PlanItem(view._around, "other")
                view._put(ghost)
            ghost.show_cut_only(other)
            ghost.set_visible(self.other_cut.isChecked())
            view.canvas.contents_changed()

    def _frame(self) -> None:
        if not self._drawn:
            return
        self.views[0].look_from("A")
        zoom(self.views[0].canvas.renderer.GetActiveCamera(), 0.9)
        self._follow(*self.views)

    def _follow(self, leader: Viewport, other: Viewport) -> None:
        if self._following:
            return
        self._following = True
        other.canvas.renderer.GetActiveCamera().DeepCopy(leader.canvas.renderer.GetActiveCamera())
        other.canvas.touched.emit()
        other.canvas.moving()
        self._following = False

    def done(self, result: int) -> None:
        for view in self.views:
            view.shut_down()
        super().done(result)


def said(compared: PlanComparison) -> str:
    """What the two share, in a line."""
    text = (
        f"Both take {compared.both_ml:.0f} mL; only the left one {compared.only_one_ml:.0f} mL more, "
        f"only the right one {compared.only_other_ml:.0f} mL more."
    )
    for names, side in ((compared.vessels_only_one, "left"), (compared.vessels_only_other, "right")):
        if names:
            text += f" Only the {side} one cuts {', '.join(names[:4])}{' and more' if len(names) > 4 else ''}."
    return text


class PlanTable(QTableWidget):
    """A number, its value in both plans; the better one is bold."""

    def __init__(self) -> None:
        super().__init__(0, 3)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(24)
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setStyleSheet("QTableView::item { padding: 2px 10px; }")
        self.setToolTip(
            "The numbers of both plans; the more sparing one of each line is bold. A dot says how far it can be believed"
        )
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)

    def show_comparison(self, compared: PlanComparison, names: tuple[str, str]) -> None:
        self.setHorizontalHeaderLabels(["Quantity", *names])
        self.setRowCount(len(compared.rows))
        for number, row in enumerate(compared.rows):
            self.setItem(number, 0, QTableWidgetItem(row.name))
            for column, (quantity, side) in enumerate(((row.one, "one"), (row.other, "other")), start=1):
                text = "–" if quantity is None else f"{quantity.value:.4g} {row.unit}".rstrip().replace("-", "−")
                item = QTableWidgetItem(text)
                if quantity is not None:
                    item.setIcon(badge_icon(quantity.level))
                    item.setToolTip(said_of(quantity.level, quantity.why))
                if row.better == side:
                    item.setFont(theme.font(bold=True))
                self.setItem(number, column, item)
