"""Plan: what would be taken with a tumour, what would stay, and which vessels that costs."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSpinBox,
    QToolButton,
    QWidget,
)

from organtwin.errors import BadInput, OrganTwinError
from organtwin.jobs import Job, JobState
from organtwin.model import OrganMesh, ResectionPlan
from organtwin.operations import find, names
from organtwin.resection.anatomy import is_tumour
from organtwin.resection.cut import plane_along
from organtwin.resection.opening import opening_case
from organtwin.resection.settings import CutPlane, Push, Settings, Stroke
from organtwin.store import Entry
from organtwin.store.relations import organ_trees
from organtwin_gui import theme
from organtwin_gui.forms import form, quiet
from organtwin_gui.planning import turning
from organtwin_gui.planning.board import Board
from organtwin_gui.planning.candidates import Candidates
from organtwin_gui.planning.changes import Changes
from organtwin_gui.planning.compare import ComparePlans
from organtwin_gui.planning.live import Drawn, Ground, LivePlan
from organtwin_gui.planning.numbers import Numbers
from organtwin_gui.steps.flow_fields import Field, Fold, calm, show_row, tidy
from organtwin_gui.steps.step import Step, fill, primary, relabel
from organtwin_gui.views.state import Tool
from organtwin_gui.views.viewport import Viewport

STRATEGIES = (
    ("By margin", "margin", "Take the tumours with the margin around them, and a way to the surface"),
    (
        "By territories",
        "territories",
        "Take whole vascular territories: those the tumours touch, or those ticked below",
    ),
    ("By a plane", "plane", "Take what lies beyond a plane"),
)
CONDITIONS = (("Healthy", "healthy"), ("After chemotherapy", "chemotherapy"), ("Cirrhosis", "cirrhosis"))
SEEDS = (
    ("a tumour", "tumour_seeds_mm"),
    ("the portal vein", "portal_seeds_mm"),
    ("a hepatic vein", "hepatic_seeds_mm"),
)
PUSH_RADIUS_MM = 30.0
WEDGE_DEG = 60.0  # between a plane and the one that is added to it


class PlanStep(Step):
    """Find, propose, adjust, keep, compare, solve."""

    name = "Plan"
    icon = "plan"
    purpose = "Plan a liver resection: what is taken, what stays, and which vessels that costs."

    changed_by_hand = Signal()  # what can be undone and done again may be another

    def build(self) -> None:
        self.live = LivePlan(self.bridge, self)
        self.board: Board | None = None
        self.plan: ResectionPlan | None = None  # the newest one of the settings in the form
        self._settings = Settings()
        self._base: CutPlane | None = None
        self._changes = Changes()
        self._going_on: str | None = None  # a job of finding, after which the next one begins by itself
        self._propose_next = False
        self._held_from: Settings | None = None
        self._drawn: Drawn | None = None
        self._filling = False
        self._solve_next: str | None = None
        self._seeds: dict[str, list[tuple[float, float, float]]] = {}
        self._build_structures()
        self._build_question()
        self._build_numbers()
        self._build_adjustments()
        self._build_foot()
        for button in (self.find, self.divide, self.pick, self.drag, self.back, self.forth):
            self._free_key(button)
        live = self.live
        live.grounded.connect(self._take_ground)
        live.drew.connect(self._take_drawn)
        live.exact.connect(self._take_exact)
        live.proposed.connect(self._take_proposals)
        live.failed.connect(self._failed)
        live.busy_changed.connect(self._show_buttons)
        self.scene.picked.connect(self._take_seed)
        self.scene.tool_changed.connect(self._tool_changed)
        self.bridge.job_ended.connect(self._job_over)
        self.bridge.closed.connect(self._closed)

    # -- the page -----------------------------------------------------------------------------------------------------

    def _build_structures(self) -> None:
        self.segmentation, self.territories = calm(QComboBox()), calm(QComboBox())
        self.segmentation.setToolTip("The structures to plan on: a liver, its tumours and veins")
        self.territories.setToolTip("The vascular territories, where they have been found")
        self.segmentation.currentIndexChanged.connect(lambda _i: self._offer_territories())
        for box in (self.segmentation, self.territories):
            box.currentIndexChanged.connect(lambda _i: self._take_inputs())
        self.structures = Fold("Structures", "What the plan is made on, and how it is found", opened=True)
        rows = self.structures.rows
        rows.addRow("On", self.segmentation)
        rows.addRow("Territories", self.territories)
        self.page.addWidget(self.structures)
        self.find = _button(
            "Find veins, tumours",
            "segment",
            "Find the tumours, the portal and the hepatic veins of the liver as a job; territories and proposals follow",
            "Ctrl+Shift+L",
        )
        self.find.clicked.connect(self._find)
        self.level = tidy(QSpinBox())
        self.level.setRange(1, 6)
        self.level.setValue(3)
        self.level.setPrefix("level ")
        self.level.setToolTip(
            "How fine: 1 right and left, 2 sectors, 3 about Couinaud's segments, more: numbered parts"
        )
        self.divide = _button(
            "Territories",
            "slices",
            "Give each part of the liver to its nearest portal branch, as a job",
            "Ctrl+Shift+K",
        )
        self.divide.clicked.connect(self._divide)
        rows.addRow(self.find)
        rows.addRow(_row(self.divide, self.level))
        self.pick = _button(
            "Point at", "pick", "Then click on it, in a slice or in 3D; the next search begins there", "Ctrl+Shift+J"
        )
        self.pick.setCheckable(True)
        self.pick.clicked.connect(self._pick)
        self.seed_of = calm(QComboBox())
        for label, key in SEEDS:
            self.seed_of.addItem(label, key)
        self.seed_of.setToolTip(
            "What the next click points at, where the search did not find it or found something else"
        )
        self.forget = QToolButton()
        self.forget.setIcon(theme.icon("delete"))
        self.forget.setToolTip("Forget what was pointed at")
        self.forget.clicked.connect(self._forget_seeds)
        rows.addRow(_row(self.pick, self.seed_of, self.forget))
        self._seeds_said = quiet("")
        self._structures_said = quiet("")
        rows.addRow(self._seeds_said)
        rows.addRow(self._structures_said)

    def _build_question(self) -> None:
        self.margin = Field("10 mm", "length", "How much of healthy liver is to be taken around the tumours")
        self.margin.changed.connect(self._changed)
        self.condition = calm(QComboBox())
        for label, key in CONDITIONS:
            self.condition.addItem(label, key)
        self.condition.setToolTip("The state of the liver: it decides how much should stay at least")
        self.condition.currentIndexChanged.connect(lambda _i: self._changed())
        self.question = form()
        self.question.addRow("Margin", self.margin)
        self.question.addRow("Liver", self.condition)
        self.page.addLayout(self.question)
        self.propose = _button("Propose", "plan", "Work out several plans, to choose from", "Ctrl+Shift+Return")
        self.propose.clicked.connect(self._propose)
        self.page.addWidget(self.propose)
        self.candidates = Candidates()
        self.candidates.chosen.connect(self._take_candidate)
        self.page.addWidget(self.candidates)

    def _build_numbers(self) -> None:
        self.numbers = Numbers()
        self.page.addWidget(self.numbers)

    def _build_adjustments(self) -> None:
        self.fold = Fold("Adjust by hand", "Change the plan: how it cuts, how far, and where")
        rows = self.fold.rows
        self.strategy = calm(QComboBox())
        for label, key, tip in STRATEGIES:
            self.strategy.addItem(label, key)
            self.strategy.setItemData(self.strategy.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.strategy.currentIndexChanged.connect(lambda _i: self._strategy_changed())
        rows.addRow("Cut", self.strategy)
        self.which = calm(QComboBox())
        self.which.setToolTip("Which plane is moved by the fields below and by its handles")
        self.which.currentIndexChanged.connect(lambda _i: self._plane_chosen())
        self.add_plane, self.drop_plane = QToolButton(), QToolButton()
        for tool, icon, tip, act in (
            (
                self.add_plane,
                "add",
                "Another plane: only what lies beyond all of them is taken, a wedge",
                self._more_planes,
            ),
            (self.drop_plane, "delete", "Remove this plane", self._fewer_planes),
        ):
            tool.setIcon(theme.icon(icon))
            tool.setToolTip(tip)
            tool.clicked.connect(act)
        self.planes = QWidget()
        self.planes.setLayout(_row(self.which, self.add_plane, self.drop_plane))
        rows.addRow("Plane", self.planes)
        self.offset = self._spin(-30, 60, " mm", "Move the whole cut: more than zero takes more")
        rows.addRow("Offset", self.offset)
        self.shift = self._spin(-120, 120, " mm", "Move the plane along its direction: more than zero takes less")
        self.tilt = self._spin(-89, 89, " °", "Tilt the plane up or down")
        self.turn = self._spin(-180, 180, " °", "Turn the plane about the long axis of the body")
        for label, box in (("Shift", self.shift), ("Tilt", self.tilt), ("Turn", self.turn)):
            rows.addRow(label, box)
        self.tumours, self.parts = _checks("Which tumours are taken"), _checks("Which territories are taken as a whole")
        self.tumours.itemChanged.connect(lambda _i: self._changed())
        self.parts.itemChanged.connect(lambda _i: self._changed())
        rows.addRow("Tumours", self.tumours)
        rows.addRow("Take also", self.parts)
        self.drag = _button(
            "Drag the cut", "grasp", "Show points on the cut; drag one to push the cut there", "Ctrl+Shift+H"
        )
        self.drag.setCheckable(True)
        self.drag.toggled.connect(self._show_handles)
        self.take_here = _button(
            "Take here", "pick", "Click where more is to be taken, in a slice or in 3D; clicks make a line", ""
        )
        self.leave_here = _button(
            "Leave here", "pick", "Click on what is to stay, in a slice or in 3D; clicks make a line", ""
        )
        for button, other in ((self.take_here, self.leave_here), (self.leave_here, self.take_here)):
            button.setCheckable(True)
            button.clicked.connect(lambda on, other=other: self._stroke_begins(on, other))
        self.stroke_radius = self._spin(3, 40, " mm", "How far around the clicks; it is of the next line")
        with QSignalBlocker(self.stroke_radius):
            self.stroke_radius.setValue(10)
        self._stroke_open = False
        self.back = _button("Back", "undo", "Take the last change by hand back (Ctrl+Z)", "Alt+Backspace")
        self.back.clicked.connect(self.undo)
        self.forth = _button("Again", "redo", "Make it again (Ctrl+Shift+Z)", "Alt+Shift+Backspace")
        self.forth.clicked.connect(self.redo)
        buttons = QWidget()
        buttons.setLayout(_row(self.back, self.forth))
        rows.addRow(self.drag)
        strokes = QWidget()
        strokes.setLayout(_row(self.take_here, self.leave_here))
        rows.addRow(strokes)
        rows.addRow("Around", self.stroke_radius)
        rows.addRow(buttons)
        self._pushed_said = quiet("")
        rows.addRow(self._pushed_said)
        self.page.addWidget(self.fold)

    def _free_key(self, button: QPushButton) -> None:
        """Let a key work while the fold that its button lies in is closed."""
        key = QShortcut(button.shortcut(), self)
        button.setShortcut(QKeySequence())
        key.activated.connect(button.click)

    def _spin(self, low: float, high: float, unit: str, tip: str) -> QDoubleSpinBox:
        box = tidy(QDoubleSpinBox())
        box.setRange(low, high)
        box.setDecimals(1)
        box.setSuffix(unit)
        box.setToolTip(tip)
        box.valueChanged.connect(lambda _v: self._changed())
        return box

    def _build_foot(self) -> None:
        self.keep = primary(
            "Keep this plan", "keep", "Work the plan out exactly and keep it in the project", "Ctrl+Shift+S"
        )
        self.keep.clicked.connect(self._keep)
        self.compare = _button("Compare", "compare", "Two plans of the project side by side", "Ctrl+Shift+D")
        self.compare.clicked.connect(self._compare)
        self.solve = _button(
            "Solve opened",
            "run",
            "Cut a mesh of the organ open along the plan, and solve how its lips part when they are drawn aside, as two jobs",
            "Ctrl+Shift+T",
        )
        self.solve.clicked.connect(self._solve)
        self._said = quiet("")
        foot = self.foot()
        foot.addWidget(self.keep)
        foot.addLayout(_row(self.compare, self.solve))
        foot.addWidget(self._said)

    def attach(self, viewport: Viewport) -> None:
        """The 3D view that plans are shown in."""
        self.board = Board(viewport)
        self.board.dragged.connect(self._dragged)
        self.board.dropped.connect(self._dropped)
        view_key = QShortcut(QKeySequence("H"), viewport)
        view_key.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        view_key.activated.connect(lambda: self.drag.toggle() if self.isVisible() else None)

    # -- following ----------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        before = self.segmentation.currentData(), self.territories.currentData()
        segmented = self.bridge.entries("segmentation")
        livers = [e for e in segmented if not _is_divided(e) and "liver" in _keys(e)]
        livers.sort(key=lambda e: any(is_tumour(k) for k in _keys(e)))  # with tumours before without
        fill(self.segmentation, livers)
        self._offer_territories()
        if before != (self.segmentation.currentData(), self.territories.currentData()) or not self.live.inputs:
            self._take_inputs()
        self._show_buttons()

    def _offer_territories(self) -> None:
        """Those of the chosen structures only: another search may have found other veins."""
        chosen = self.segmentation.currentData()
        divided = [e for e in self.bridge.entries("segmentation") if _is_divided(e)]
        fill(self.territories, [e for e in divided if e.recipe and chosen in e.recipe.inputs.values()])

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._take_inputs()
        self._put_up()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if self.board is not None:
            self.board.close()

    def _closed(self) -> None:
        self.plan, self._drawn, self._settings, self._base = None, None, Settings(), None
        self._going_on, self._propose_next = None, False
        self._changes.forget()
        self._seeds.clear()
        self.candidates.show_plans([])
        self.numbers.clear()
        if self.board is not None:
            self.board.close()

    def inputs(self) -> dict[str, str]:
        """The objects that a plan is made from, by role."""
        segmentation = self.segmentation.currentData()
        if segmentation is None or not self.bridge.is_open:
            return {}
        made = {"segmentation": segmentation}
        if self.territories.currentData():
            made["territories"] = self.territories.currentData()
        return made | {f"tree-{n}": tree.uuid for n, tree in enumerate(self._trees().values(), start=1)}

    def _trees(self) -> dict[str, Entry]:
        """The vessel trees of the chosen segmentation, by structure."""
        document, chosen = self.bridge.document, self.segmentation.currentData()
        if document is None or chosen is None:
            return {}
        return organ_trees(chosen, self.bridge.entries("centerline"), document.project.root)

    def _take_inputs(self) -> None:
        if self.isVisible():
            inputs = self.inputs()
            if inputs != self.live.inputs:
                self.plan = self._drawn = None
                self._changes.forget()
                self.candidates.show_plans([])
                self.numbers.clear()
                self.live.take(inputs)
        self._show_buttons()

    def _take_ground(self, ground: Ground) -> None:
        anatomy = ground.anatomy
        self._filling = True
        _offer(self.tumours, {k: anatomy.known(k) for k in anatomy.tumours}, set(anatomy.tumours))
        _offer(self.parts, {k: anatomy.known(k) for k in anatomy.territories}, set())
        show_row(self.fold.rows, self.tumours, len(anatomy.tumours) > 1)
        self._filling = False
        self._put_up()
        self._structures_said.setText(_what_is_there(ground))
        self.structures.button.setChecked(not anatomy.tumours)
        if anatomy.tumours:
            fresh = {"tumours": None, "territories": None, "add_territories": (), "remove_territories": ()}
            self._ask(self._settings.model_copy(update=fresh))
            if self._propose_next:
                self._propose()
        else:
            self._show_buttons()
        self._propose_next = False

    def _put_up(self) -> None:
        """Show the organ, and the plan where there is one."""
        if self.board is None or not self.isVisible() or self.live.ground is None:
            return
        self.board.open(self.live.ground)
        if self._drawn is not None:
            self._draw(self._drawn)

    # -- from the form to the plan, and back ---------------------------------------------------------------------------

    def settings(self) -> Settings:
        """The settings as they stand in the form.

        Raises
        ------
        BadInput
            Naming what is wrong.
        """
        strategy = self.strategy.currentData()
        ticked = _ticked(self.parts)
        planes: tuple[CutPlane, ...] = ()
        if strategy == "plane" and self._base is not None:
            moved = turning.moved(self._base, self.shift.value(), self.tilt.value(), self.turn.value())
            planes = self._with_plane(self._settings, moved)
        tumours = _ticked(self.tumours)
        return self._settings.model_copy(
            update={
                "margin": self.margin.quantity,
                "condition": self.condition.currentData(),
                "strategy": strategy,
                "offset": f"{self.offset.value():g} mm",
                "tumours": tuple(tumours) if self.tumours.count() else None,
                "territories": tuple(ticked) if strategy == "territories" and ticked else None,
                "add_territories": () if strategy == "territories" else tuple(ticked),
                "planes": planes,
            }
        )

    def _changed(self) -> None:
        """Something in the form is another."""
        if self._filling:
            return
        try:
            wanted = self.settings()
        except BadInput as error:
            self._say(error.sentence)
            return
        if wanted != self._settings:
            self._changes.remember(self._settings)
            self._ask(wanted)

    def _strategy_changed(self) -> None:
        self._show_rows()
        if self._filling:
            return
        self._base = None
        with QSignalBlocker(self.shift), QSignalBlocker(self.tilt), QSignalBlocker(self.turn):
            for box in (self.shift, self.tilt, self.turn):
                box.setValue(0.0)
        self._filling = True
        for n in range(self.parts.count()):
            self.parts.item(n).setCheckState(Qt.CheckState.Unchecked)
        self._filling = False
        self._settings = self._settings.model_copy(update={"pushes": (), "strokes": ()})
        self._changed()

    def _ask(self, settings: Settings) -> None:
        self._settings = settings
        self._say("")
        self.live.ask(settings)
        self._show_buttons()

    # -- changes by hand, back and again ------------------------------------------------------------------------------

    @property
    def can_undo(self) -> bool:
        """Whether a change by hand was the last thing done here; before that the plan was kept, which is the project's to undo."""
        return self._changes.since_kept

    @property
    def can_redo(self) -> bool:
        return self._changes.can_go_forth

    def undo(self) -> None:
        """Take the last change by hand back."""
        if self._changes.can_go_back:
            self._fill(self._changes.back(self._settings))
            self._ask(self._settings)

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        if self._changes.can_go_forth:
            self._fill(self._changes.forth(self._settings))
            self._ask(self._settings)

    def _fill(self, settings: Settings) -> None:
        """Show settings in the form."""
        self._settings = settings
        self._filling = True
        self.margin.setText(settings.margin)
        for box, value in ((self.condition, settings.condition), (self.strategy, settings.strategy)):
            box.setCurrentIndex(max(box.findData(value), 0))
        self.offset.setValue(float(settings.offset.split()[0]))
        self._show_planes(len(settings.planes))
        for n in range(self.tumours.count()):
            item = self.tumours.item(n)
            _tick(item, settings.tumours is None or item.data(Qt.ItemDataRole.UserRole) in settings.tumours)
        taken = {*(settings.territories or ()), *settings.add_territories}
        for n in range(self.parts.count()):
            item = self.parts.item(n)
            _tick(item, item.data(Qt.ItemDataRole.UserRole) in taken)
        self._filling = False
        self._show_rows()

    def _show_rows(self) -> None:
        strategy = self.strategy.currentData()
        for box in (self.planes, self.shift, self.tilt, self.turn):
            show_row(self.fold.rows, box, strategy == "plane")
        show_row(self.fold.rows, self.parts, self.parts.count() > 0)
        label = self.fold.rows.labelForField(self.parts)
        if label is not None:
            label.setText("Take" if strategy == "territories" else "Take also")

    # -- planes and strokes -------------------------------------------------------------------------------------------

    @property
    def _plane(self) -> int:
        """Which of the planes is moved."""
        return max(self.which.currentIndex(), 0)

    def _with_plane(self, settings: Settings, plane: CutPlane) -> tuple[CutPlane, ...]:
        """The planes of some settings, the chosen one replaced."""
        return (*settings.planes[: self._plane], plane, *settings.planes[self._plane + 1 :])

    def _show_planes(self, count: int, chosen: int | None = None) -> None:
        chosen = self._plane if chosen is None else chosen
        with QSignalBlocker(self.which):
            self.which.clear()
            self.which.addItems([f"{n + 1} of {count}" for n in range(count)])
            self.which.setCurrentIndex(min(chosen, count - 1))
        self.drop_plane.setEnabled(count > 1)
        self._level_fields(self._settings.planes[self._plane] if count else None)

    def _level_fields(self, base: CutPlane | None) -> None:
        """Shift, tilt and turn are counted from where this plane is."""
        self._base = base
        for box in (self.shift, self.tilt, self.turn):
            with QSignalBlocker(box):
                box.setValue(0.0)

    def _plane_chosen(self) -> None:
        if self._settings.planes:
            self._level_fields(self._settings.planes[self._plane])
            if self._drawn is not None:
                self._draw(self._drawn)

    def _more_planes(self) -> None:
        planes, ground = self._settings.planes, self.live.ground
        if not planes or ground is None:
            return
        turned = turning.moved(planes[0], 0.0, 0.0, WEDGE_DEG * len(planes))
        tumours = self._settings.tumours or tuple(ground.anatomy.tumours)
        added = plane_along(ground.anatomy, tumours, self._margin_mm(), np.asarray(turned.normal))
        self._set_planes((*planes, added), len(planes))

    def _fewer_planes(self) -> None:
        planes = self._settings.planes
        if len(planes) > 1:
            self._set_planes((*planes[: self._plane], *planes[self._plane + 1 :]), 0)

    def _set_planes(self, planes: tuple[CutPlane, ...], chosen: int) -> None:
        self._changes.remember(self._settings)
        wanted = self._settings.model_copy(update={"planes": planes})
        self._settings = wanted
        self._show_planes(len(planes), chosen)
        self._ask(wanted)

    def _stroke_begins(self, on: bool, other: QPushButton) -> None:
        other.setChecked(False)
        self._stroke_open = False
        button = self.leave_here if other is self.take_here else self.take_here
        self.scene.tool = Tool.PICK if on else Tool.NAVIGATE
        self.pick.setChecked(False)
        button.setChecked(on)

    def _stroke_on(self, at: tuple[float, float, float]) -> None:
        """Go on with the line, or begin one."""
        self._changes.remember(self._settings)
        strokes = list(self._settings.strokes)
        if self._stroke_open and strokes:
            strokes[-1] = strokes[-1].model_copy(update={"points_mm": (*strokes[-1].points_mm, at)})
        else:
            radius = f"{self.stroke_radius.value():g} mm"
            strokes.append(Stroke(points_mm=(at,), radius=radius, take=self.take_here.isChecked()))
            self._stroke_open = True
        self._ask(self._settings.model_copy(update={"strokes": tuple(strokes)}))

    def _tool_changed(self, tool: Tool) -> None:
        picking = tool is Tool.PICK and self.isVisible()
        if not picking:
            for button in (self.pick, self.take_here, self.leave_here):
                button.setChecked(False)
        elif not (self.take_here.isChecked() or self.leave_here.isChecked()):
            self.pick.setChecked(True)

    # -- answers ------------------------------------------------------------------------------------------------------

    def _take_drawn(self, made: Drawn) -> None:
        found = Settings.model_validate(made.plan.settings)
        if self._settings.strategy == "plane" and self._base is None and found.planes:
            self._settings = self._settings.model_copy(update={"planes": found.planes})
            self._show_planes(len(found.planes))
        if self._settings.strategy == "territories" and self._settings.territories is None and found.territories:
            self._filling = True  # show which ones were touched
            for n in range(self.parts.count()):
                item = self.parts.item(n)
                _tick(item, item.data(Qt.ItemDataRole.UserRole) in found.territories)
            self._filling = False
            self._settings = self._settings.model_copy(update={"territories": found.territories})
        self.plan = made.plan
        self._draw(made)
        self.numbers.show_plan(made.plan, rough=True)
        self._show_buttons()

    def _draw(self, made: Drawn) -> None:
        self._drawn = made
        if self.board is None or not self.isVisible():
            return
        self.board.show(made, self._margin_mm())
        if self._settings.strategy == "plane" and self._settings.planes:
            self.board.set_handles(*turning.handles(self._settings.planes[self._plane]))

    def _take_exact(self, plan: ResectionPlan) -> None:
        self.plan = plan
        self.numbers.show_plan(plan, rough=False)
        self.live.show(plan, self._draw)
        self._show_buttons()

    def _take_proposals(self, plans: list[ResectionPlan]) -> None:
        self.candidates.show_plans(plans)
        self._show_buttons()
        if plans:
            self.candidates.selectRow(0)

    def _take_candidate(self, plan: ResectionPlan) -> None:
        self._changes.remember(self._settings)
        settings = Settings.model_validate(plan.settings)
        self._fill(settings)
        self._say("")
        self.live.know(settings)
        self._take_exact(plan)

    def _margin_mm(self) -> float:
        from organtwin.units import parse

        return parse(self._settings.margin, "length")

    # -- dragging -----------------------------------------------------------------------------------------------------

    def _show_handles(self, on: bool) -> None:
        if self.board is not None:
            self.board.show_handles(on)
        self._show_buttons()

    def _dragged(self, handle: int, way_mm: float) -> None:
        if self.board is None:
            return
        held = self.board.held_at()
        if held is None:
            return
        if self._held_from is None:
            self._held_from = self._settings
            self._changes.remember(self._settings)
        start = self._held_from
        if start.strategy == "plane" and start.planes:
            plane = turning.moved(start.planes[self._plane], *turning.dragged(handle, way_mm))
            self._level_fields(plane)
            self._ask(start.model_copy(update={"planes": self._with_plane(start, plane)}))
            return
        _, at, normal = held
        move = way_mm * np.asarray(normal)
        push = Push(at_mm=_triple(at), move_mm=_triple(move), radius=f"{max(PUSH_RADIUS_MM, 3 * abs(way_mm)):.0f} mm")
        self._ask(start.model_copy(update={"pushes": (*start.pushes, push)}))

    def _dropped(self) -> None:
        self._held_from = None
        if self._drawn is not None:
            self._draw(self._drawn)

    # -- finding ------------------------------------------------------------------------------------------------------

    def _pick(self, on: bool) -> None:
        for button in (self.take_here, self.leave_here):
            button.setChecked(False)
        self.scene.tool = Tool.PICK if on else Tool.NAVIGATE

    def _take_seed(self, xyz_mm: Any) -> None:
        if not self.isVisible():
            return
        if self.take_here.isChecked() or self.leave_here.isChecked():
            self._stroke_on(_triple(np.asarray(xyz_mm, float)))
            return
        if not self.pick.isChecked():
            return
        key = self.seed_of.currentData()
        self._seeds.setdefault(key, []).append(_triple(np.asarray(xyz_mm, float)))
        self._say_seeds()

    def _forget_seeds(self) -> None:
        self._seeds.clear()
        self.scene.tool = Tool.NAVIGATE
        self._say_seeds()

    def _say_seeds(self) -> None:
        said = [f"{label} {len(self._seeds[key])}×" for label, key in SEEDS if self._seeds.get(key)]
        self._seeds_said.setText(f"Pointed at: {', '.join(said)}. Press Find." if said else "")
        self._seeds_said.setVisible(bool(said))
        self.forget.setEnabled(bool(said))

    def _find(self) -> None:
        segmentation, volume = self.segmentation.currentData(), self.scene.volume
        if segmentation is None or volume is None:
            return
        self.scene.tool = Tool.NAVIGATE
        job = self.bridge.start(
            "liver", {"volume": volume.uuid, "segmentation": segmentation}, dict(self._seeds), "Veins and tumours"
        )
        self._going_on = job.id if job is not None else None

    def _go_on(self, job: Job) -> None:
        """After the veins the territories, and then the proposals."""
        self._going_on = None
        if job.state is not JobState.DONE:
            return
        self.refresh()
        if job.spec.operation == "liver" and "portal_vein" in self._trees():
            next_one = self._divide()
            self._going_on = next_one.id if next_one is not None else None
        elif self.live.ground is None:
            self._propose_next = True
        elif self.live.ground.anatomy.tumours:
            self._propose()

    def _divide(self) -> Job | None:
        with self.bridge.guarded():
            operation = find("territories")
            known = {
                "segmentation": self.segmentation.currentData(),
                "volume": self.scene.volume and self.scene.volume.uuid,
            }
            inputs = {role: known[kind] for role, kind in operation.inputs.items() if known.get(kind)}
            portal = self._trees().get("portal_vein")
            if portal is not None and "tree" in operation.optional:
                inputs["tree"] = portal.uuid
            parameters = {"level": self.level.value()} if "level" in operation.parameters.model_fields else {}
            return self.bridge.start("territories", inputs, parameters, "Vascular territories")
        return None

    def _propose(self) -> None:
        try:
            settings = self.settings()
        except OrganTwinError as error:
            self._say(error.sentence)
            return
        self._say("")
        self.live.propose(settings)

    # -- keeping ------------------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        if self._start_plan(opened=False) is not None:
            self._changes.keep()
            self._show_buttons()

    def _start_plan(self, *, opened: bool) -> Job | None:
        try:
            settings = self.settings()
        except OrganTwinError as error:
            self._say(error.sentence)
            return None
        parameters: dict[str, Any] = {**settings.model_dump(mode="json"), "name": self._name(settings)}
        if opened:
            parameters["opened"] = "open"
        return self.bridge.start("resection-plan", self.live.inputs, parameters, "Plan of a resection")

    def _name(self, settings: Settings) -> str:
        """What the plan is called: told apart from those there are."""
        base = self.plan.name if self.plan is not None else "Plan"
        if settings.pushes or settings.strokes or settings.offset != "0 mm":
            base = f"{base}, by hand" if "by hand" not in base else base
        taken = {e.name for e in self.bridge.entries("plan")}
        number = next(n for n in range(1, 1000) if (f"{base} ({n})" if n > 1 else base) not in taken)
        return f"{base} ({number})" if number > 1 else base

    def _compare(self) -> None:
        if self.live.ground is None:
            return
        opengl = self.board is None or self.board.viewport.canvas.ready
        dialog = ComparePlans(self.bridge, self.live.ground, self.window(), opengl=opengl)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()

    def _solve(self) -> None:
        job = self._start_plan(opened=True)
        self._solve_next = job.id if job is not None else None

    def _job_over(self, job: Job) -> None:
        """A mesh or a result takes the place of the plan; the mesh of the opened organ is solved as soon as it is there."""
        if job.id == self._going_on:
            self._go_on(job)
        if job.done is not None and self.board is not None and self.isVisible():
            new = {e.uuid for e in self.bridge.entries() if e.kind in ("mesh", "result")}
            if new & set(job.done.objects):
                self.board.step_aside()
        if job.id != self._solve_next or job.done is None or job.state is not JobState.DONE:
            return
        self._solve_next = None
        with self.bridge.guarded():
            made = [self.bridge.get(uuid) for uuid in job.done.objects]
            plan = next(thing for thing in made if isinstance(thing, ResectionPlan))
            mesh = next(thing for thing in made if isinstance(thing, OrganMesh))
            self.bridge.start(
                "tissue", {"mesh": mesh.uuid}, {"case": opening_case(plan, mesh)}, "Solve the opened organ"
            )

    # -- words --------------------------------------------------------------------------------------------------------

    def _failed(self, sentence: str) -> None:
        """The settings make no plan: what is shown is of others, and cannot be kept as these."""
        self.plan = None
        self._say(sentence)

    def _say(self, sentence: str) -> None:
        self._said.setText(sentence)
        self._said.setStyleSheet(f"color: {theme.current().danger};" if sentence else "")
        self._show_buttons()

    def dress(self) -> None:
        """In the colours of another theme."""
        if self.plan is not None:
            self.numbers.show_plan(self.plan, rough=self.live.refining)
        self.candidates.dress()
        for button in self.findChildren(QPushButton):
            if name := button.property("icon_name"):
                button.setIcon(theme.icon(name))
        self.keep.setIcon(theme.icon("keep", theme.current().accent_text))
        if self._said.text() and not self._said.text().startswith("·"):
            self._said.setStyleSheet(f"color: {theme.current().danger};")

    def _show_buttons(self) -> None:
        ground = self.live.ground
        there = ground is not None
        known = set(names())
        finding, dividing = self.busy("liver"), self.busy("territories")
        working = self.busy("resection-plan")
        liver = self.segmentation.currentData() is not None
        self.find.setEnabled(liver and self.scene.volume is not None and "liver" in known and not finding)
        relabel(self.find, "Searching" if finding else "Find veins and tumours")
        _emphasise(self.find, there and ground is not None and not ground.anatomy.tumours)
        veins = there and ground is not None and "portal_vein" in ground.anatomy.vessels
        self.divide.setEnabled(veins and "territories" in known and not dividing)
        relabel(self.divide, "Dividing" if dividing else "Territories")
        for widget in (self.pick, self.seed_of):
            widget.setEnabled(liver)
        self.forget.setEnabled(bool(self._seeds))
        self._seeds_said.setVisible(bool(self._seeds))
        tumours = ground is not None and bool(ground.anatomy.tumours)
        self.propose.setEnabled(tumours and not self.live.proposing)
        relabel(self.propose, "Proposing" if self.live.proposing else "Propose")
        for widget in (self.fold, self.margin, self.condition):
            widget.setEnabled(there)
        self.keep.setEnabled(self.plan is not None and not working)
        relabel(self.keep, "Working" if working else "Keep this plan")
        self.solve.setEnabled(self.plan is not None and not working and not self.busy("tissue") and "tissue" in known)
        self.compare.setEnabled(there and len(self.bridge.entries("plan")) > 1)
        self.back.setEnabled(self._changes.can_go_back)
        self.forth.setEnabled(self.can_redo)
        self.changed_by_hand.emit()
        for button in (self.drag, self.take_here, self.leave_here):
            button.setEnabled(self.plan is not None)
        pushes, strokes = len(self._settings.pushes), len(self._settings.strokes)
        by_hand = [
            f"{n} {what}{'es' if n > 1 and what == 'push' else 's' if n > 1 else ''}"
            for n, what in ((pushes, "push"), (strokes, "line"))
            if n
        ]
        self._pushed_said.setText(f"Changed by {' and '.join(by_hand)}." if by_hand else "")
        self._pushed_said.setVisible(bool(by_hand))
        if not self._said.text() or self._said.text().startswith("·"):
            self._said.setStyleSheet("")
            self._said.setText(self._hint(ground))
        self._structures_said.setVisible(there)
        self.place_foot()

    def _hint(self, ground: Ground | None) -> str:
        """What comes next, in a few words; it begins with a dot, so that it is told from a failure."""
        if self.segmentation.currentData() is None:
            return "· Segment a liver first (step Segment)."
        if self.live.reading:
            return "· Reading the structures …"
        if ground is None:
            return ""
        if not ground.anatomy.tumours and not self.busy("liver"):
            return "· No tumour is known yet: press Find, or point at one."
        if self.live.refining:
            return "· Working out the exact numbers …"
        return ""


def _keys(entry: Any) -> list[str]:
    return [s["key"] for s in entry.facts.get("segments", ())]


def _is_divided(entry: Entry) -> bool:
    return entry.recipe is not None and entry.recipe.operation == "territories"


def _emphasise(button: QPushButton, on: bool) -> None:
    """Make a button the one that moves on, or one of many."""
    name = "primary" if on else ""
    if button.objectName() != name:
        button.setObjectName(name)
        button.style().unpolish(button)
        button.style().polish(button)


def _button(text: str, icon: str, tip: str, shortcut: str) -> QPushButton:
    button = QPushButton(text)
    button.setIcon(theme.icon(icon))
    button.setProperty("icon_name", icon)
    button.setToolTip(f"{tip} ({shortcut})" if shortcut else tip)
    if shortcut:
        button.setShortcut(shortcut)
    return button


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(8)
    for widget in widgets:
        row.addWidget(widget, 0 if isinstance(widget, QSpinBox | QToolButton) else 1)
    return row


def _checks(tip: str) -> QListWidget:
    made = QListWidget()
    made.setToolTip(f"{tip} (space ticks)")
    made.setMaximumHeight(132)
    made.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    made.setTextElideMode(Qt.TextElideMode.ElideRight)
    return made


def _offer(box: QListWidget, items: dict[str, str], ticked: set[str]) -> None:
    box.clear()
    for key, label in items.items():
        item = QListWidgetItem(label)
        item.setToolTip(label)
        item.setData(Qt.ItemDataRole.UserRole, key)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        _tick(item, key in ticked)
        box.addItem(item)
    box.setFixedHeight(min(132, 26 * max(len(items), 1) + 6))


def _tick(item: QListWidgetItem, on: bool) -> None:
    item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)


def _ticked(box: QListWidget) -> list[str]:
    items = [box.item(n) for n in range(box.count())]
    return [str(i.data(Qt.ItemDataRole.UserRole)) for i in items if i.checkState() is Qt.CheckState.Checked]


def _what_is_there(ground: Ground) -> str:
    anatomy = ground.anatomy
    said = [f"{anatomy.organ_name} {anatomy.organ_ml:.0f} mL"]
    count = len(anatomy.tumours)
    said.append("no tumour" if not count else "1 tumour" if count == 1 else f"{count} tumours")
    said += [anatomy.known(key).lower() for key in anatomy.vessels]
    if anatomy.territories:
        said.append(f"{len(anatomy.territories)} territories")
    return ", ".join(said) + "."


def _triple(vector: Any) -> tuple[float, float, float]:
    x, y, z = (round(float(v), 3) for v in vector)
    return x, y, z
