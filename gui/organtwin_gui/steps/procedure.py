"""Procedure: what if a stent lay there? The vessel is changed, solved again, and laid beside what it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton

from organtwin.errors import BadInput
from organtwin.model import Centerline, OrganMesh
from organtwin.operations import names
from organtwin.store import Entry
from organtwin.units import convert, parse
from organtwin_gui import theme
from organtwin_gui.bridge import Bridge
from organtwin_gui.forms import form, quiet
from organtwin_gui.steps.flow_fields import Field, calm, show_row
from organtwin_gui.steps.flow_outlets import said
from organtwin_gui.steps.procedure_span import Span, Way
from organtwin_gui.steps.step import Step, fill, primary, relabel

ACTIONS = (
    ("Stent", "stent", "Widen a span to a diameter, with a stent that holds it"),
    ("Balloon", "balloon", "Widen a span to a diameter"),
    ("Remove a stenosis", "remove-stenosis", "Give a span the diameter that its ends suggest"),
    ("Clamp", "clamp", "Shut the vessel: blood no longer leaves at this opening"),
    ("Bypass", "bypass", "Lead a graft from one place to another"),
)
TITLES = {key: label for label, key, _ in ACTIONS}


class ProcedureStep(Step):
    """A form over the centreline of a vessel.

    Signals
    -------
    shown(uuid, roles)
        The mesh that the page is about; None when it is left.
    marked(surface)
        A sleeve over the chosen span, for the 3D view; None takes it away.
    compare_wanted(before, after)
        uuids of two results.
    """

    name = "What if"
    icon = "procedure"
    purpose = "Try a procedure on the vessel, solve again, and see before and after side by side."
    shown = Signal(object, dict)
    marked = Signal(object)
    compare_wanted = Signal(str, str)

    def build(self) -> None:
        self.mesh = calm(QComboBox())
        self.mesh.setToolTip("Which vessel mesh")
        self.mesh.currentIndexChanged.connect(lambda _i: self._take_mesh())
        self.action = calm(QComboBox())
        for label, key, _ in ACTIONS:
            self.action.addItem(label, key)
        self.action.currentIndexChanged.connect(lambda _i: self._show_action())
        self.branch = self._branches("Along the way from the inlet to this opening")
        self.branch.currentIndexChanged.connect(lambda _i: self._take_branch())
        self.end_branch = self._branches("The graft ends on the way from the inlet to this opening")
        self.end_branch.currentIndexChanged.connect(lambda _i: self._take_end())
        self.span = Span()
        self.span.changed.connect(self._span_changed)
        self.end = Span()
        self.end.set_single(True)
        self.end.changed.connect(self._mark)
        self.diameter = Field("10 mm", "length", 'Diameter to reach, as in "8 mm"')
        self._about = quiet("")
        self.rows = form()
        for label, field in (("Vessel", self.mesh), ("Action", self.action), ("Branch", self.branch)):
            self.rows.addRow(label, field)
        self.page.addLayout(self.rows)
        self.page.addWidget(self._about)
        self._no_line = quiet("")
        self.page.addWidget(self._no_line)
        self.page.addWidget(self.span)
        self.lower = form()
        self.lower.addRow("End on", self.end_branch)
        self.lower.addRow(self.end)
        self.lower.addRow("Diameter", self.diameter)
        self.page.addLayout(self.lower)
        self.apply = primary("Apply", "procedure", "Change the vessel as a job; undo takes it back", "Ctrl+Shift+A")
        self.apply.clicked.connect(self._start)
        self.again = QPushButton("Solve again")
        self.again.setIcon(theme.icon("run"))
        self.again.setShortcut("Ctrl+Shift+F")
        self.again.setToolTip("Solve the flow on the changed vessel with the case of the last result (Ctrl+Shift+F)")
        self.again.clicked.connect(self._solve_again)
        self.compare = QPushButton("Compare")
        self.compare.setIcon(theme.icon("compare"))
        self.compare.setToolTip("Show before and after side by side (Ctrl+D)")
        self.compare.clicked.connect(self._compare)
        self._why = quiet("")
        foot, then = self.foot(), QHBoxLayout()
        then.setSpacing(8)
        for button in (self.again, self.compare):
            then.addWidget(button, 1)
        foot.addWidget(self.apply)
        foot.addLayout(then)
        foot.addWidget(self._why)
        self.ranks: Callable[[], int] = lambda: 1  # processes of the next solve: the flow page says
        self._line: Centerline | None = None
        self._asked: set[str] = set()
        self._show_action()

    def _branches(self, tip: str) -> QComboBox:
        box = calm(QComboBox())
        box.setToolTip(tip)
        return box

    # -- following ------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        if not self.bridge.is_open:
            self._asked.clear()
        before = self.mesh.currentData()
        fill(self.mesh, [m for m in self.bridge.entries("mesh") if m.facts.get("caps")])
        if self.mesh.currentData() != before or (self._line is None and self.mesh.currentData() is not None):
            self._take_mesh()
        self._show_buttons()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._take_mesh()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.marked.emit(None)
        self.shown.emit(None, {})

    def _take_mesh(self) -> None:
        uuid = self.mesh.currentData()
        line = centerline_of(self.bridge, uuid) if uuid and self.bridge.is_open else None
        if line is None or self._line is None or line.uuid != self._line.uuid:
            self._line = line
            self._take_line()
        if line is None:
            self._ask_line(uuid)
        if self.isVisible() and uuid:
            self.shown.emit(uuid, {})
            self._mark()
        self._show_buttons()

    def _take_line(self) -> None:
        """Offer the ways of another centreline, or nothing."""
        there = self._line is not None
        self._no_line.setVisible(not there)
        self.span.setVisible(there)
        self.branch.setEnabled(there)
        for box in (self.branch, self.end_branch):
            box.blockSignals(True)
            chosen = box.currentData()
            box.clear()
            for branch in self._line.branches if self._line else ():
                if branch.cap:
                    box.addItem(said(branch.cap), branch.cap)
            box.setCurrentIndex(max(box.findData(chosen), 0) if box.count() else -1)
            box.blockSignals(False)
        if there:
            self.diameter.edit.setModified(False)
            self._go_to_worst()
            self._take_branch()
            self._take_end()
        else:
            self.span.set_way(None)
            self.marked.emit(None)

    def _go_to_worst(self) -> None:
        """Begin on the way that is narrowest beside what lies before and after."""
        assert self._line is not None
        caps = [branch.cap for branch in self._line.branches if branch.cap]
        worst = min(caps, key=lambda cap: float(Way(self._line, cap).narrowing.min()))  # type: ignore[arg-type]
        self.branch.blockSignals(True)
        self.branch.setCurrentIndex(self.branch.findData(worst))
        self.branch.blockSignals(False)

    def _ask_line(self, uuid: str | None) -> None:
        """Every mesh gets its centreline once, when this page is looked at."""
        if uuid is None:
            self._no_line.setText("Make a vessel mesh first.")
        elif "centerline" not in names():
            self._no_line.setText("The centreline is not installed.")
        elif self.busy("centerline"):
            self._no_line.setText("Finding the centreline …")
        elif uuid in self._asked:
            self._no_line.setText("This vessel has no centreline, so there is no place to choose on it.")
        elif self.isVisible():
            self._asked.add(uuid)
            self._no_line.setText("Finding the centreline …")
            self.bridge.start("centerline", {"mesh": uuid}, {}, f"Centreline of {self.mesh.currentText()}")

    def _take_branch(self) -> None:
        cap = self.branch.currentData()
        if self._line is not None and cap:
            self.span.set_way(Way(self._line, cap))

    def _take_end(self) -> None:
        cap = self.end_branch.currentData()
        if self._line is not None and cap:
            way = Way(self._line, cap)
            self.end.set_way(way, (0.8 * way.length_mm, way.length_mm))

    # -- the form -------------------------------------------------------------------------------------------------

    def _show_action(self) -> None:
        action = self.action.currentData()
        self._about.setText(f"{next(about for _, key, about in ACTIONS if key == action)}.")
        self.action.setToolTip(self._about.text())
        self.span.set_single(action in ("clamp", "bypass"))
        self.end.set_single(True)
        for field in (self.end_branch, self.end):
            show_row(self.lower, field, action == "bypass")
        show_row(self.lower, self.diameter, action in ("stent", "balloon", "bypass"))
        self._span_changed()
        self._show_buttons()

    def _span_changed(self) -> None:
        """A diameter that fits the span is proposed; what was typed since stays."""
        way = self.span.way
        if way is not None and (not self.diameter.edit.isModified()):
            start, stop = self.span.span_mm
            self.diameter.setText(f"{way.reference_mm(start, stop):.1f} mm")
        self._mark()

    def _mark(self) -> None:
        way = self.span.way
        if way is None or not self.isVisible():
            return
        start, stop = self.span.span_mm
        if self.action.currentData() in ("clamp", "bypass"):
            start, stop = max(start - 1.0, 0.0), min(start + 1.0, way.length_mm)
        self.marked.emit(way.sleeve(start, stop))

    def parameters(self) -> dict[str, Any]:
        """The action as it stands in the form.

        Raises
        ------
        BadInput
            Naming what is wrong or missing.
        """
        action, toward = self.action.currentData(), self.branch.currentData()
        if toward is None or self.span.way is None:
            raise BadInput("There is no place on the vessel yet", remedy="Wait for its centreline.")
        start, stop = (round(value, 2) for value in self.span.span_mm)
        if action == "clamp":
            return {"action": action, "toward": toward, "at_mm": start}
        if action == "bypass":
            return {
                "action": action,
                "start_toward": toward,
                "start_mm": start,
                "stop_toward": self.end_branch.currentData(),
                "stop_mm": round(self.end.span_mm[0], 2),
                "diameter": self._diameter(),
            }
        if stop <= start:
            raise BadInput("The span has no length", remedy="Drag one of its ends.")
        made = {"action": action, "toward": toward, "start_mm": start, "stop_mm": stop}
        return made if action == "remove-stenosis" else {**made, "diameter": self._diameter()}

    def _diameter(self) -> str:
        if convert(parse(self.diameter.quantity, "length"), "length", "mm") <= 0:
            raise BadInput(f"A diameter of {self.diameter.text()} is not possible", remedy="Give a positive one.")
        return self.diameter.quantity

    # -- doing ----------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        with self.bridge.guarded():
            action = self.parameters()
            label = f"{TITLES[action['action']]} in {self.mesh.currentText()}"
            self.bridge.start("procedure", {"mesh": self.mesh.currentData()}, {"action": action}, label)

    def _solve_again(self) -> None:
        procedure = latest_procedure(self.bridge)
        result = last_result(self.bridge, procedure.facts["before"]) if procedure else None
        if procedure is None or result is None or result.recipe is None:
            return
        mesh = self.bridge.get(procedure.facts["after"])
        assert isinstance(mesh, OrganMesh)
        parameters = without_caps(dict(result.recipe.parameters), {cap.name for cap in mesh.caps})
        title = f"{result.name}, {procedure.name.lower()}"
        if parameters.get("case"):
            parameters["case"] = {**parameters["case"], "name": title}
        else:
            parameters["overrides"] = {**parameters.get("overrides", {}), "name": title}
        self.bridge.start("flow", {"mesh": mesh.uuid}, parameters, f"Flow in {mesh.name}", ranks=self.ranks())

    def _compare(self) -> None:
        pair = before_and_after(self.bridge)
        if pair is not None:
            self.compare_wanted.emit(*pair)

    def _show_buttons(self) -> None:
        installed = "procedure" in names()
        working = self.busy("procedure")
        self.apply.setEnabled(installed and self.span.way is not None and not working)
        relabel(self.apply, "Working" if working else "Apply")
        procedure = latest_procedure(self.bridge)
        solved = last_result(self.bridge, procedure.facts["before"]) if procedure else None
        solving = self.busy("flow")
        self.again.setEnabled(solved is not None and not solving)
        relabel(self.again, "Solving" if solving else "Solve again")
        pair = before_and_after(self.bridge)
        self.compare.setEnabled(pair is not None)
        if not installed:
            why = "Procedures are not installed."
        elif procedure is None:
            why = "Nothing has been tried on a vessel yet."
        elif solved is None:
            why = "The vessel before the procedure has no flow result: solve it in the Flow step."
        elif pair is None:
            why = f"Last tried: {procedure.name}. It has not been solved yet."
        else:
            why = f"Last tried: {procedure.name}."
        self._why.setText(why)
        self.place_foot()


def centerline_of(bridge: Bridge, mesh: str) -> Centerline | None:
    """The newest centreline of a mesh that the project has."""
    entry = bridge.latest("centerline", mesh=mesh)
    found = bridge.get(entry.uuid) if entry is not None else None
    return found if isinstance(found, Centerline) else None


def latest_procedure(bridge: Bridge) -> Entry | None:
    """The newest procedure both of whose meshes are still there."""
    meshes = {entry.uuid for entry in bridge.entries("mesh")}
    tried = [e for e in bridge.entries("procedure") if {e.facts["before"], e.facts["after"]} <= meshes]
    return tried[-1] if tried else None


def last_result(bridge: Bridge, mesh: str) -> Entry | None:
    """The newest 3D flow on a mesh."""
    return bridge.latest("result", mesh=mesh, physics="flow")


def before_and_after(bridge: Bridge) -> tuple[str, str] | None:
    """uuids of the newest results on the two meshes of the newest procedure."""
    procedure = latest_procedure(bridge)
    if procedure is None:
        return None
    before, after = (last_result(bridge, procedure.facts[side]) for side in ("before", "after"))
    return (before.uuid, after.uuid) if before is not None and after is not None else None


def without_caps(parameters: dict[str, Any], caps: set[str]) -> dict[str, Any]:
    """The parameters of a flow, less what they say of openings that are no longer there (a clamped branch)."""
    case = parameters.get("case")
    if not case:
        return parameters
    kept = dict(case)
    for side in ("inlets", "outlets"):
        kept[side] = [part for part in case.get(side, ()) if part["cap"] in caps or part["cap"] == "*"]
    split = (case.get("targets") or {}).get("split")
    if isinstance(split, dict):
        left = {cap: share for cap, share in split.items() if cap in caps}
        total = sum(left.values()) or 1.0
        kept["targets"] = {**case["targets"], "split": {cap: 100.0 * v / total for cap, v in left.items()}}
    return {**parameters, "case": kept}
