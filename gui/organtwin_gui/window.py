"""The main window: workflow at the left, views in the middle, objects and inspector at the right, jobs at the bottom."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QActionGroup, QCloseEvent, QDragEnterEvent, QDropEvent, QImage, QKeySequence
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QLabel,
    QMainWindow,
    QMenu,
    QMessageBox,
    QSplitter,
    QStackedWidget,
    QToolBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from organtwin.jobs import Job, JobState
from organtwin.model import Event
from organtwin.privacy.roles import OWNER, Role
from organtwin.sample import sample_folder
from organtwin_gui import theme
from organtwin_gui.arrivals import Arrivals
from organtwin_gui.batch_review import BatchDialog, is_batch
from organtwin_gui.bridge import Bridge
from organtwin_gui.compare import CompareView
from organtwin_gui.governance import PrivacyDialog, forget_role, said_of_role
from organtwin_gui.inspector import Inspector
from organtwin_gui.jobs_bar import JobsBar
from organtwin_gui.monitoring import CohortWindow
from organtwin_gui.moving import MotionPanel
from organtwin_gui.notice import Notice
from organtwin_gui.passphrase import unlocked
from organtwin_gui.plots import PlotsPanel
from organtwin_gui.preferences import Preferences
from organtwin_gui.quality import QualityDialog
from organtwin_gui.rehearsal.compare_view import RehearsalsView
from organtwin_gui.rehearsal.room import Room
from organtwin_gui.rehearsal.words import words_of
from organtwin_gui.report_dialog import ReportDialog
from organtwin_gui.scenarios.board import ScenarioBoard
from organtwin_gui.script_log import ScriptLog
from organtwin_gui.series_dialog import SeriesDialog
from organtwin_gui.shortcuts import ShortcutsDialog
from organtwin_gui.stage import Stage
from organtwin_gui.steps import (
    FlowStep,
    PlanStep,
    ProcedureStep,
    ReadingsStep,
    RehearseStep,
    SegmentStep,
    Step,
    StudyStep,
    TryOutStep,
    TwinStep,
    VesselsStep,
)
from organtwin_gui.timeline.board import TimelineBoard
from organtwin_gui.twin.board import TwinBoard
from organtwin_gui.vessels.board import VesselBoard
from organtwin_gui.video import VideoDialog
from organtwin_gui.views import WINDOW_PRESETS, ImageScene, Layout, OpenGL, QuadView, Readout, Tool
from organtwin_gui.views.slice_render import patient_text
from organtwin_gui.welcome import Welcome
from organtwin_gui.workflow import Workflow

TOOLS = (
    (Tool.NAVIGATE, "navigate", "Navigate", "N", "Click or drag to move the crosshair"),
    (Tool.WINDOW, "window", "Window/level", "W", "Drag to change contrast and brightness"),
    (Tool.PAN, "pan", "Pan", "", "Drag to move the picture (also: middle button, or Shift and left)"),
    (Tool.ZOOM, "zoom", "Zoom", "Z", "Drag up or down to zoom (also: right button)"),
    (Tool.MEASURE, "measure", "Distance", "M", "Drag a line; its length is shown in mm"),
    (Tool.PROBE, "probe", "HU probe", "U", "Drag a circle; mean and spread of the values in it are shown"),
)
READINGS = (".json", ".ndjson", ".jsonl", ".xml", ".csv", ".tsv")  # files that hold measurements
LAYOUTS = (
    (Layout.FOUR_UP, "four_up", "Four views", "F2"),
    (Layout.BIG_3D, "big_3d", "Large 3D view", "F3"),
    (Layout.ONLY_3D, "only_3d", "Only 3D", "F4"),
)


class MainWindow(QMainWindow):
    """Everything a person sees. Builds the parts and connects them; the parts do the work."""

    def __init__(self, preferences: Preferences, opengl: OpenGL) -> None:
        super().__init__()
        self.preferences = preferences
        self.bridge = Bridge(self)
        self.scene = ImageScene(self)
        self.setWindowTitle("OrganTwin")
        self.setAcceptDrops(True)
        self.resize(QSize(1480, 900).boundedTo(self.screen().availableSize()))

        self.quad = QuadView(self.scene, opengl=opengl.works)
        self.workflow = Workflow(self.bridge, self.scene)
        self.stage = Stage(self.bridge, self.scene, self.quad.viewport)
        self.room = Room(self.bridge, self.scene, self.quad.viewport)
        self.inspector = Inspector(self.bridge, self.stage)
        self.jobs = JobsBar(self.bridge)
        self.notice = Notice()
        self.welcome = Welcome()

        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.compare = CompareView(self.bridge, opengl=opengl.works)
        self._middle = QStackedWidget()
        self.rehearsals = RehearsalsView(self.bridge, self.scene, opengl=opengl.works)
        for views in (self.quad, self.compare, self.rehearsals):
            self._middle.addWidget(views)
        self.timeline = TimelineBoard(self.bridge)
        self.twin_board = TwinBoard(self.bridge)
        self.scenario_board = ScenarioBoard(self.bridge, opengl=opengl.works)
        self.boards: dict[type[Step], QWidget] = {  # in place of the views
            ReadingsStep: self.timeline,
            TwinStep: self.twin_board,
            TryOutStep: self.scenario_board,
        }
        for board in self.boards.values():
            self._middle.addWidget(board)
        column.addWidget(self._middle, 1)
        self._below = QWidget()  # strips that belong to the views
        strips = QVBoxLayout(self._below)
        strips.setContentsMargins(0, 0, 0, 0)
        strips.setSpacing(4)
        column.addWidget(self._below)
        self.motion = MotionPanel(self.bridge, self.scene)
        strips.addWidget(self.motion)
        self.vessel_board = VesselBoard(self.bridge, self.scene, self.quad.viewport)
        strips.addWidget(self.vessel_board)
        self.plots = PlotsPanel(self.bridge, self.stage)
        self.plots.hide()
        strips.addWidget(self.plots)
        self.script_log = ScriptLog(self.bridge)
        self.script_log.hide()
        column.addWidget(self.script_log)
        self._split = QSplitter(Qt.Orientation.Horizontal)
        for widget in (self.workflow, middle, self.inspector):
            self._split.addWidget(widget)
        self._split.setHandleWidth(4)
        self._split.setChildrenCollapsible(False)
        self._split.setStretchFactor(1, 1)
        self._split.setSizes([408, 810, 290])
        self._pages = QStackedWidget()
        self._pages.addWidget(self.welcome)
        self._pages.addWidget(self._split)
        outer = QWidget()
        rows = QVBoxLayout(outer)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(self.notice)
        rows.addWidget(self._pages, 1)
        rows.addWidget(self.jobs)
        self.setCentralWidget(outer)

        self._readout = QLabel("")
        self._honest = QLabel("Research and rehearsal only, not a medical device")
        self.statusBar().addWidget(self._readout, 1)
        self._role = QLabel("")
        self.statusBar().addPermanentWidget(self._role)
        self.statusBar().addPermanentWidget(self._honest)
        self.arrivals = Arrivals(self.bridge, self)
        self._make_actions()
        self._connect()
        if not opengl.works:
            self.notice.fail(f"The 3D view is off: {opengl.reason}. Slices, meshes and solves work without it.")
        self._restore()
        self._show_state()

    # -- actions --------------------------------------------------------------------------------------------------

    def _action(self, text: str, icon: str, shortcut: str, tip: str, slot: object, checkable: bool = False) -> QAction:
        action = QAction(theme.icon(icon), text, self)
        action.setData(icon)
        if shortcut:
            action.setShortcut(QKeySequence(shortcut))
        action.setToolTip(f"{tip}{f' ({shortcut})' if shortcut else ''}")
        action.setStatusTip(tip)
        action.setCheckable(checkable)
        action.triggered.connect(slot)
        return action

    def _make_actions(self) -> None:
        bar = QToolBar("Tools")
        bar.setObjectName("tools")
        bar.setMovable(False)
        bar.setIconSize(theme.ICON_SIZE)
        self.addToolBar(bar)
        self.open_action = self._action("Open project", "open", "Ctrl+O", "Open a project folder", self.choose_project)
        self.home_action = self._action(
            "Close project", "close", "Ctrl+W", "Close the project; its jobs go on", self.close_project
        )
        self.undo_action = self._action("Undo", "undo", "Ctrl+Z", "Undo", self.undo)
        self.redo_action = self._action("Redo", "redo", "Ctrl+Shift+Z", "Redo", self.redo)
        self.batch_action = self._action(
            "Look through a batch", "jobs", "Ctrl+Shift+O", "Studies done by organtwin batch", self.choose_batch
        )
        self.cohort_action = self._action(
            "Patients",
            "cohort",
            "Ctrl+Shift+Y",
            "All patients of a folder: who changed, why, since when",
            self.choose_cohort,
        )
        for action in (
            self.open_action, self.batch_action, self.cohort_action, self.undo_action, self.redo_action
        ):  # fmt: skip
            bar.addAction(action)
        bar.addSeparator()
        group = QActionGroup(self)
        self.tool_actions: dict[Tool, QAction] = {}
        for tool, icon, name, key, tip in TOOLS:
            action = self._action(
                name, icon, key, f"{name}: {tip.lower()}", lambda _c=False, t=tool: setattr(self.scene, "tool", t), True
            )
            group.addAction(action)
            bar.addAction(action)
            self.tool_actions[tool] = action
        self.tool_actions[Tool.NAVIGATE].setChecked(True)
        bar.addSeparator()
        bar.addWidget(self._window_presets())
        overlay = self._action(
            "Structures", "visible", "", "Show or hide all structures on the slices (g)", self._toggle_overlays, True
        )
        overlay.setChecked(True)
        bar.addAction(overlay)
        self.scene.overlays_changed.connect(lambda: overlay.setChecked(self.scene.overlays_visible))
        bar.addSeparator()
        layouts = QActionGroup(self)
        for layout, icon, name, key in LAYOUTS:
            action = self._action(
                name, icon, key, name, lambda _c=False, value=layout: self.quad.set_layout(value), True
            )
            action.setChecked(layout is self.quad.view_layout)
            layouts.addAction(action)
            bar.addAction(action)
        bar.addAction(self._action("Reset views", "reset", "Ctrl+R", "Show everything again", self.quad.reset_views))
        self.compare_action = self._action(
            "Before and after", "compare", "Ctrl+D", "Two results side by side", self.toggle_compare, True
        )
        bar.addAction(self.compare_action)
        bar.addSeparator()
        self.plots_action = self._action(
            "Plots", "plots", "F6", "Curves along the vessel and over the cycle", self._show_plots, True
        )
        bar.addAction(self.plots_action)
        bar.addAction(
            self._action("Quality", "quality", "F8", "How far each structure can be believed", self.show_quality)
        )
        bar.addAction(
            self._action(
                "Python", "script", "F7", "What was done, as lines of Python", self.script_log.setVisible, True
            )
        )
        self.screenshot_action = self._action(
            "Screenshot", "screenshot", "Ctrl+P", "Save a picture of the views", self.screenshot
        )
        self.film_action = self._action("Film", "video", "Ctrl+Shift+V", "Save a film of the 3D view", self.make_film)
        bar.addAction(self.screenshot_action)
        bar.addAction(self.film_action)
        self.report_action = self._action(
            "Report", "report", "Ctrl+E", "Write a report with pictures", self.write_report
        )
        bar.addAction(self.report_action)
        spacer = QWidget()
        spacer.setSizePolicy(spacer.sizePolicy().Policy.Expanding, spacer.sizePolicy().Policy.Preferred)
        bar.addWidget(spacer)
        bar.addAction(
            self._action("Dark or light", "theme", "Ctrl+L", "Change between dark and light", self.toggle_theme)
        )
        bar.addAction(self._action("Keys", "help", "F1", "All keys and mouse gestures", self.show_shortcuts))
        self.privacy_action = self._action(
            "Privacy", "locked", "Ctrl+Shift+G", "Encryption, consent, role, who did what, copies without identity",
            self.show_privacy,
        )  # fmt: skip
        bar.addAction(self.privacy_action)
        bar.addAction(self.home_action)
        self.toolbar = bar

    def _window_presets(self) -> QToolButton:
        button = QToolButton()
        button.setText("Window")
        button.setToolTip("Contrast presets (level/width)")
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        for number, (name, (level, width)) in enumerate(WINDOW_PRESETS.items(), start=1):
            action = menu.addAction(f"{name}   {level:g} / {width:g}")
            action.setShortcut(f"Alt+{number}")
            action.triggered.connect(lambda _c=False, lv=level, w=width: self.scene.set_window(lv, w))
            self.addAction(action)
        action = menu.addAction("As in the file")
        action.setShortcut("Alt+0")
        action.triggered.connect(lambda: self.scene.set_window(*self.scene.proposed_window()))
        self.addAction(action)
        button.setMenu(menu)
        return button

    def _connect(self) -> None:
        bridge = self.bridge
        for signal in (bridge.opened, bridge.closed):
            signal.connect(self._show_state)
        bridge.changed.connect(lambda _c: self._show_state())
        bridge.closed.connect(forget_role)
        bridge.failed.connect(self.notice.fail)
        bridge.told.connect(self.notice.tell)
        bridge.job_ended.connect(self._job_ended)
        self.scene.tool_changed.connect(self._tool_changed)
        self.scene.probed.connect(self._show_readout)
        self.quad.viewport.picked.connect(self._picked_in_3d)
        self.quad.viewport.screenshot_wanted.connect(self.screenshot_3d)
        study = self.workflow.step(StudyStep)
        study.import_wanted.connect(self.import_paths)
        study.sample_wanted.connect(self.open_sample)
        study.series_wanted.connect(self.choose_series)
        study.moving_wanted.connect(self.motion.shown.show)
        vessels = self.workflow.step(VesselsStep)
        vessels.line_wanted.connect(self.vessel_board.show_line)
        vessels.place_wanted.connect(self.vessel_board.go_on)
        self.vessel_board.table_wanted.connect(self.stage.export)
        readings = self.workflow.step(ReadingsStep)
        readings.attach(self.timeline)
        twin = self.workflow.step(TwinStep)
        twin.attach(self.twin_board)
        try_out = self.workflow.step(TryOutStep)
        try_out.attach(self.scenario_board)
        for step in (twin, try_out):
            self.timeline.gathered.connect(step.take_readings)
        readings.export_wanted.connect(self.stage.export_readings)
        self.timeline.study_wanted.connect(self.open_study_of)
        self.workflow.went.connect(self._went)
        self.workflow.step(FlowStep).shown.connect(self.stage.present)
        procedure = self.workflow.step(ProcedureStep)
        procedure.shown.connect(lambda uuid, roles: self.stage.present(uuid, roles, bare=True))
        procedure.marked.connect(self.stage.mark_span)
        procedure.compare_wanted.connect(self.show_compare)
        procedure.ranks = self.workflow.step(FlowStep).numerics.ranks.value
        self.workflow.step(PlanStep).attach(self.quad.viewport)
        self.workflow.step(SegmentStep).attach(self.quad.viewport)
        rehearse = self.workflow.step(RehearseStep)
        rehearse.attach(self.room)
        rehearse.film_wanted.connect(self.make_film)
        rehearse.compare_wanted.connect(self.compare_rehearsals)
        self.rehearsals.left.connect(lambda: self._show_compare(False))
        self.rehearsals.failed.connect(self.notice.fail)
        self.room.changed.connect(self._show_undo)
        self.room.stepped.connect(self._show_undo)
        self.workflow.step(PlanStep).changed_by_hand.connect(self._show_undo)
        self.compare.left.connect(lambda: self._show_compare(False))
        bridge.closed.connect(lambda: self._show_compare(False))
        self.welcome.sample_wanted.connect(self.open_sample)
        self.welcome.project_wanted.connect(self.choose_project)
        self.welcome.scan_wanted.connect(self.choose_scan)
        self.welcome.recent_wanted.connect(self.open_project)
        self.welcome.batch_wanted.connect(self.choose_batch)
        self.welcome.cohort_wanted.connect(self.choose_cohort)

    # -- projects and scans ---------------------------------------------------------------------------------------

    def open_paths(self, paths: list[Path]) -> None:
        """Projects and batches are opened, everything else is imported."""
        for path in paths:
            if (path / "project.json").exists():
                self.open_project(path)
                return
            if is_batch(path):
                self.show_batch(path)
                return
        missing = [p for p in paths if not p.exists()]
        if missing:
            self.notice.fail(f"There is nothing at this place ({missing[0]}). Check the path.")
            return
        if self.workflow.current is ReadingsStep or all(is_readings(p) for p in paths):
            self.import_readings(paths)
        else:
            self.import_paths(paths)

    def import_readings(self, paths: list[Path]) -> None:
        """Import measurements into the open project, or into a new one."""
        if self.bridge.is_open or self._create("readings"):
            self.workflow.go_to(ReadingsStep)
            self.workflow.step(ReadingsStep).import_files(paths)

    def _create(self, name: str) -> bool:
        # not the folder's name: it often is the patient's
        folder = self._new_project_folder(name or f"study-{datetime.now():%Y-%m-%d}")
        if not self.bridge.create(folder):
            return False
        self.preferences.remember_project(folder)
        return True

    def open_project(self, folder: Path) -> None:
        door = unlocked(self, folder)
        if door is not None and self.bridge.open(folder):
            self.notice.hide()
            self.preferences.remember_project(folder)
            if self.bridge.entries("observations") and not (
                self.bridge.entries("volume") or self.bridge.entries("dynamic")
            ):
                self.workflow.go_to(ReadingsStep)  # there is no scan to see

    def choose_project(self) -> None:
        folder = QFileDialog.getExistingDirectory(
            self, "Open a project (a folder that ends in .otwin)", str(self.preferences.projects_folder)
        )
        if folder:
            self.open_project(Path(folder))

    def choose_batch(self) -> None:
        """Back to the batch that is looked through, or choose one."""
        for dialog in self.findChildren(BatchDialog):
            dialog.show()
            dialog.raise_()
            return
        folder = QFileDialog.getExistingDirectory(
            self,
            "Look through a batch (the folder that 'organtwin batch' wrote)",
            str(self.preferences.projects_folder),
        )
        if folder and is_batch(Path(folder)):
            self.show_batch(Path(folder))
        elif folder:
            self.notice.fail(f"There is no batch in this folder ({folder}). Make one: organtwin batch STUDIES -o OUT.")

    def show_batch(self, folder: Path) -> None:
        """List the studies of a batch; each opens here."""

        for other in self.findChildren(BatchDialog):
            other.close()
        self._show_list(BatchDialog(self.bridge, folder, self), f"A study of the batch {folder.name}. Ctrl+Shift+O")

    def choose_cohort(self) -> None:
        """Back to the patients that are looked at, or all of a folder."""
        for dialog in self.findChildren(CohortWindow):
            dialog.show()
            dialog.raise_()
            return
        folder = QFileDialog.getExistingDirectory(
            self, "Patients (a folder with projects)", str(self.preferences.projects_folder)
        )
        if folder:
            self.show_cohort(Path(folder))

    def show_cohort(self, folder: Path) -> None:
        """List the patients of a folder; each opens here."""
        for other in self.findChildren(CohortWindow):
            other.close()
        self._show_list(CohortWindow(self.bridge, folder, self), f"A patient of {folder.name}. Ctrl+Shift+Y")

    def _show_list(self, dialog: BatchDialog | CohortWindow, told: str) -> None:
        def open_listed(project: Path) -> None:
            self.open_project(project)
            if self.bridge.document is not None and self.bridge.document.project.folder == project.resolve():
                dialog.hide()  # it would lie over the views
                self.notice.tell(f"{told} goes back to the list.")

        dialog.project_wanted.connect(open_listed)
        dialog.show()

    def choose_scan(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Import a scan from a folder")
        if folder:
            self.import_paths([Path(folder)])

    def close_project(self) -> None:
        self.bridge.close()
        self.scene.set_volume(None)

    def open_sample(self) -> None:
        with self.bridge.guarded():
            self.import_paths([sample_folder()], "sample")

    def import_paths(self, paths: list[Path], name: str = "", series: list[str] | None = None) -> None:
        """Import into the open project, or into a new one named after the scan."""
        if not self.bridge.is_open and not self._create(name):
            return
        self.notice.hide()
        parameters = {"sources": [str(p.resolve()) for p in paths], "series": series}
        self.bridge.start("import", {}, parameters, "Import the sample" if name else "Import a scan")

    def choose_series(self) -> None:
        """Let the person choose among all series of a folder."""
        folder = QFileDialog.getExistingDirectory(self, "List the series of a folder")
        if not folder:
            return
        dialog = SeriesDialog(Path(folder), self)
        if dialog.exec() and dialog.chosen:
            self.import_paths([Path(folder)], series=dialog.chosen)

    def _new_project_folder(self, name: str) -> Path:
        base = self.preferences.projects_folder
        stem = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "scan"
        folder, number = base / f"{stem}.otwin", 2
        while folder.exists():
            folder, number = base / f"{stem}-{number}.otwin", number + 1
        return folder

    # -- what the user asks for -----------------------------------------------------------------------------------

    def screenshot(self) -> None:
        """Save the views as a picture."""
        proposed = Path.home() / f"organtwin-{datetime.now():%Y%m%d-%H%M%S}.png"
        file, _ = QFileDialog.getSaveFileName(self, "Save a picture of the views", str(proposed), "Pictures (*.png)")
        if file:
            self.save_picture(Path(file))

    def save_picture(self, file: Path) -> None:
        self._save_image(self._middle.grab().toImage(), file)

    def _save_image(self, picture: QImage, file: Path) -> None:
        if picture.save(str(file), "PNG"):
            self.notice.tell(f"Saved {file}.")
        else:
            self.notice.fail(f"The picture could not be written ({file}). Choose another place.")

    def screenshot_3d(self) -> None:
        """Save the 3D view as a picture, twice as fine as the screen."""
        proposed = Path.home() / f"organtwin-3d-{datetime.now():%Y%m%d-%H%M%S}.png"
        file, _ = QFileDialog.getSaveFileName(self, "Save a picture of the 3D view", str(proposed), "Pictures (*.png)")
        if file:
            self._save_image(self.quad.viewport.screenshot(), Path(file))

    def _show_plots(self, on: bool) -> None:
        self.plots.setVisible(on)

    def show_quality(self) -> None:
        """Measure the segmentation that is worked on, or the newest, and show what needs a look."""
        desk = self.workflow.step(SegmentStep).desk
        newest = self.bridge.latest("segmentation")
        uuid = desk.uuid or (newest.uuid if newest else None)
        if uuid is None:
            self.notice.fail("There is no segmentation to measure yet. Find structures first, on the page Segment.")
            return

        def go(segmentation: str, key: str) -> None:
            self.workflow.go_to(SegmentStep)
            if desk.uuid != segmentation:
                desk.open(segmentation)
            desk.go_to(key)

        dialog = QualityDialog(self.bridge, uuid, self)
        dialog.place_wanted.connect(go)
        dialog.show()

    def show_privacy(self) -> None:
        """Encryption, consent, role, audit log and copies without identity of the open project."""
        if self.bridge.is_open:
            PrivacyDialog(self.bridge, self.close_project, self.open_project, self).open()

    def make_film(self) -> None:
        """Record a cycle of the 3D view."""
        dialog = VideoDialog(self.quad.viewport, self)
        if dialog.exec() and dialog.path is not None:
            self.notice.tell(f"Saved {dialog.path}.")

    def write_report(self) -> None:
        """Ask for whom and as what, and write the report in a process of its own."""
        document = self.bridge.document
        if document is None:
            return
        dialog = ReportDialog(document.project.folder, self)
        if dialog.exec() and dialog.file is not None:
            self.stage.write_report(dialog.file, dialog.options)
        dialog.deleteLater()

    def toggle_compare(self, on: bool) -> None:
        """Two results side by side, or the views again."""
        if on and not self.compare.open():
            self.notice.fail("There is nothing to compare yet. Solve the flow twice: before and after a change.")
            on = False
        self._show_compare(on)

    def show_compare(self, before: str, after: str) -> None:
        """Show these two results side by side."""
        self._show_compare(self.compare.open(before, after))

    def compare_rehearsals(self, one: str, other: str) -> None:
        """Two rehearsals side by side."""
        with self.bridge.guarded():
            self.rehearsals.open(one, other)
            self._middle.setCurrentWidget(self.rehearsals)

    def _show_compare(self, on: bool) -> None:
        if self._middle.currentWidget() is self.rehearsals:
            self.rehearsals.clear()
        board = self.boards.get(self.workflow.current)
        self._middle.setCurrentWidget(self.compare if on else board or self.quad)
        self._below.setVisible(board is None or on)
        self.inspector.setVisible(board is None or on)
        self.compare_action.setChecked(on)

    def _went(self, kind: type[Step]) -> None:
        """Steps of the twin have a board of their own in place of the views; the others share these."""
        if kind in self.boards or self._middle.currentWidget() in self.boards.values():
            self._show_compare(False)

    def open_study_of(self, event: Event) -> None:
        """Show the scan that an event of the timeline tells of, if it is in the project."""
        told = {str(value) for value in event.detail.values() if value}
        for entry in reversed(self.bridge.entries("volume")):
            known = {entry.uuid, *map(str, entry.facts.get("acquisition", {}).values())}
            if told & known:
                self.workflow.go_to(StudyStep)
                study = self.workflow.step(StudyStep)
                study.volumes.setCurrentIndex(study.volumes.findData(entry.uuid))
                return
        when = f"{self.timeline.span.local(event.start_s):%d %b %Y}"
        self.notice.tell(f"'{event.display}' of {when} is not in this project. Import its scan on the page Study.")

    def undo(self) -> None:
        """Undo in the rehearsal while one goes on, on the page of planning the change by hand, else in the project."""
        plan = self.workflow.step(PlanStep)
        doer = self.room if self.room.busy else plan if plan.isVisible() and plan.can_undo else self.bridge
        doer.undo()

    def redo(self) -> None:
        """Do again what :meth:`undo` took back."""
        plan = self.workflow.step(PlanStep)
        doer = self.room if self.room.busy else plan if plan.isVisible() and plan.can_redo else self.bridge
        doer.redo()

    def toggle_theme(self) -> None:
        look = theme.LIGHT if theme.current() is theme.DARK else theme.DARK
        self.preferences.theme = look.name
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        theme.apply(app, look)
        for action in self.toolbar.actions():
            if action.data():
                action.setIcon(theme.icon(action.data()))
        self.workflow.dress()
        self.workflow.step(RehearseStep).dress()
        self.workflow.step(SegmentStep).dress()
        self.workflow.step(PlanStep).dress()

    def show_shortcuts(self) -> None:
        ShortcutsDialog(self).exec()

    def _toggle_overlays(self) -> None:
        self.scene.set_overlay_look(visible=not self.scene.overlays_visible)

    # -- hearing --------------------------------------------------------------------------------------------------

    def _show_state(self) -> None:
        document = self.bridge.document
        self._pages.setCurrentIndex(1 if document else 0)
        self.home_action.setEnabled(document is not None)
        self.privacy_action.setEnabled(document is not None)
        role = document.project.role if document else OWNER
        self._as_role(role)
        self.report_action.setEnabled(bool(self.bridge.entries()) and "report" in role.may)
        if document is None:
            self.welcome.show_recent(self.preferences.recent)
            self.setWindowTitle("OrganTwin")
        else:
            self.setWindowTitle(f"{document.project.name} - OrganTwin")
        self._show_undo()

    def _as_role(self, role: Role) -> None:
        """Offer what the role of this session sees and may do, and say which it is."""
        self.workflow.offer(role)
        for action, deed in ((self.screenshot_action, "export"), (self.film_action, "export")):
            action.setEnabled(deed in role.may)
        self._role.setText(f"As {role.title.lower()}" if role != OWNER else "")
        self._role.setToolTip(said_of_role(role))

    def _show_undo(self) -> None:
        document, room = self.bridge.document, self.room
        if room.busy:
            undo = words_of(room.steps[-1].command) if room.can_undo else None
            redo = words_of(room.undone[0].command) if room.can_redo else None
        else:
            undo = document.undo_label if document else None
            redo = document.redo_label if document else None
            plan = self.workflow.step(PlanStep)
            if plan.isVisible():
                undo = "the change of the plan" if plan.can_undo else undo
                redo = "the change of the plan" if plan.can_redo else redo
        for action, label, name in ((self.undo_action, undo, "Undo"), (self.redo_action, redo, "Redo")):
            action.setEnabled(label is not None)
            action.setToolTip(f"{name}{f': {label}' if label else ''} ({action.shortcut().toString()})")

    def _job_ended(self, job: Job) -> None:
        if job.state is JobState.DONE and job.done is not None:
            self.workflow.follow(job.spec.operation)

    def _tool_changed(self, tool: Tool) -> None:
        if tool in self.tool_actions:
            self.tool_actions[tool].setChecked(True)
        else:
            for action in self.tool_actions.values():
                action.setChecked(False)

    def _show_readout(self, readout: Readout | None) -> None:
        if readout is None:
            self._readout.setText("")
            return
        names = f"   {', '.join(readout.segments)}" if readout.segments else ""
        self._readout.setText(f"{patient_text(readout.position_mm)}   {readout.value:.0f} {readout.unit}{names}")

    def _picked_in_3d(self, xyz_mm: object) -> None:
        if self.scene.tool is Tool.PICK:
            self.scene.picked.emit(xyz_mm)

    # -- dropping and closing -------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls() and any(u.isLocalFile() for u in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(u.toLocalFile()) for u in event.mimeData().urls() if u.isLocalFile()]
        event.acceptProposedAction()
        self.open_paths(paths)

    def closeEvent(self, event: QCloseEvent) -> None:
        running = self.bridge.running()
        if running and not os.environ.get("ORGANTWIN_NO_QUESTIONS"):
            text = f"{len(running)} job{'s are' if len(running) > 1 else ' is'} still running. They go on, and are here when you come back."
            box = QMessageBox(QMessageBox.Icon.Question, "Close OrganTwin", text, parent=self)
            leave = box.addButton("Close, let them run", QMessageBox.ButtonRole.AcceptRole)
            stop = box.addButton("Cancel the jobs", QMessageBox.ButtonRole.DestructiveRole)
            box.addButton("Stay", QMessageBox.ButtonRole.RejectRole)
            box.exec()
            if box.clickedButton() is stop:
                for job in running:
                    job.cancel()
            elif box.clickedButton() is not leave:
                event.ignore()
                return
        self.preferences.keep_state("geometry", self.saveGeometry())
        self.preferences.keep_state("split", self._split.saveState())
        self.workflow.step(SegmentStep).shut_down()
        self.room.shut_down()
        self.stage.shut_down()
        self.compare.shut_down()
        self.timeline.shut_down()
        self.scenario_board.shut_down()
        self.rehearsals.shut_down()
        self.bridge.close()
        self.quad.shut_down()
        event.accept()

    def _restore(self) -> None:
        if geometry := self.preferences.state("geometry"):
            self.restoreGeometry(geometry)
        if split := self.preferences.state("split"):
            self._split.restoreState(split)


def is_readings(path: Path) -> bool:
    """Whether a file holds measurements rather than a scan, by its ending."""
    return path.is_file() and path.suffix.lower() in READINGS
