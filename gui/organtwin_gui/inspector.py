"""The right side: all objects of the project, and what is known of the one that is chosen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QColor, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QInputDialog,
    QLabel,
    QMenu,
    QScrollArea,
    QSplitter,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from organtwin.document.sheets import sheet_of
from organtwin.model import structure
from organtwin.store import Entry
from organtwin_gui import theme
from organtwin_gui.bridge import Bridge
from organtwin_gui.details import Details
from organtwin_gui.forms import title
from organtwin_gui.stage import Stage, seen_in_3d
from organtwin_gui.steps.segment_list import swatch
from organtwin_gui.twin.sheet import SheetDialog
from organtwin_gui.view_options import ViewOptions

GROUPS = (
    ("volume", "Scans", "study", ".nii.gz"),
    ("dynamic", "Moving scans", "loop", ".nii.gz"),
    ("segmentation", "Segmentations", "segment", ".seg.nrrd"),
    ("dynamic-segmentation", "Moving structures", "segment", ".csv"),
    ("surface", "Surfaces", "only_3d", ".stl"),
    ("mesh", "Meshes", "mesh", ".vtu"),
    ("centerline", "Centrelines", "centerline", ".csv"),
    ("procedure", "Procedures", "procedure", ""),
    ("plan", "Plans", "plan", ""),
    ("rehearsal", "Rehearsals", "rehearse", ""),
    ("result", "Results", "flow", ".vtu"),
    ("flow_case", "Flow cases", "flow", ""),
    ("observations", "Readings", "readings", ""),
    ("course", "Courses", "plots", ""),
    ("twin-state", "Twins", "twin", ""),
    ("scenario", "Scenarios", "try_out", ""),
    ("forecast", "Forecasts", "forecast", ""),
    ("alert", "Alerts", "warning", ""),
)
UUID = Qt.ItemDataRole.UserRole


class Inspector(QFrame):
    """Objects above, details and how it is shown below."""

    def __init__(self, bridge: Bridge, stage: Stage, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setMinimumWidth(250)
        self.setMaximumWidth(440)
        self.bridge, self.stage = bridge, stage
        self.tree = QTreeWidget()
        self.tree.setHeaderHidden(True)
        self.tree.setIndentation(12)
        self.tree.setStyleSheet("QTreeView::item { padding: 1px 4px; }")
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.setToolTip("Tick to show in 3D; right-click for more (F2 in the list: rename, Del: remove)")
        self.tree.customContextMenuRequested.connect(self._menu)
        self.tree.currentItemChanged.connect(lambda item, _before: self._chosen(item))
        self.tree.itemChanged.connect(self._ticked)
        for keys, slot in (("Del", self.remove), ("Ctrl+Shift+R", self.rename)):
            shortcut = QShortcut(QKeySequence(keys), self.tree)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(slot)
        self.details = Details(bridge)
        self.options = ViewOptions(bridge, stage)
        lower = QWidget()
        lower.setObjectName("panel")
        column = QVBoxLayout(lower)
        column.setContentsMargins(14, 8, 14, 14)
        column.setSpacing(12)
        column.addWidget(self.options)
        column.addWidget(self.details)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(lower)
        upper = QWidget()
        above = QVBoxLayout(upper)
        above.setContentsMargins(14, 16, 6, 4)
        above.addWidget(title("Objects"))
        above.addWidget(self.tree)
        self._empty = QLabel("Nothing here yet")
        self._empty.setObjectName("quiet")
        above.addWidget(self._empty)
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(upper)
        split.addWidget(scroll)
        split.setSizes([330, 370])
        split.setChildrenCollapsible(False)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(split)
        for signal in (bridge.opened, bridge.closed, stage.changed):
            signal.connect(self.refresh)
        self._soon = QTimer(self)  # strokes of the workbench come many a minute
        self._soon.setSingleShot(True)
        self._soon.setInterval(400)
        self._soon.timeout.connect(self.refresh)
        bridge.changed.connect(lambda c: self._soon.start() if bridge.only_edited(c) else self.refresh())
        bridge.selected.connect(self._select)
        self.refresh()

    # -- the list -------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Fill the list again."""
        document = self.bridge.document
        stale = document.stale() if document else set()
        entries = self.bridge.entries()
        self.tree.blockSignals(True)
        self.tree.clear()
        for kind, heading, icon, _ in GROUPS:
            members = [e for e in entries if e.kind == kind]
            if not members:
                continue
            group = QTreeWidgetItem([heading])
            group.setIcon(0, theme.icon(icon))
            group.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.tree.addTopLevelItem(group)
            for entry in reversed(members):
                group.addChild(self._item(entry, entry.uuid in stale))
            group.setExpanded(kind != "surface" or len(members) <= 4)
        self._empty.setVisible(not entries)
        self.tree.setVisible(bool(entries))
        self._mark(self.bridge.selection)
        self.tree.blockSignals(False)

    def _item(self, entry: Entry, stale: bool) -> QTreeWidgetItem:
        item = QTreeWidgetItem([entry.name])
        item.setData(0, UUID, entry.uuid)
        item.setToolTip(0, entry.name)
        if seen_in_3d(entry):
            shown = self.stage.is_shown(entry.uuid)
            item.setCheckState(0, Qt.CheckState.Checked if shown else Qt.CheckState.Unchecked)
        if entry.kind in ("surface", "mesh"):
            item.setIcon(0, swatch(structure(entry.facts["structure"]).colour))
        if stale:
            item.setIcon(0, theme.icon("stale", theme.current().warning))
            item.setForeground(0, QColor(theme.current().warning))
            item.setToolTip(0, f"{entry.name}: out of date, its input has changed. Right-click to make it again.")
        return item

    def _items(self) -> list[QTreeWidgetItem]:
        groups = (self.tree.topLevelItem(n) for n in range(self.tree.topLevelItemCount()))
        return [g.child(n) for g in groups if g is not None for n in range(g.childCount())]

    def _mark(self, uuid: str | None) -> None:
        self.tree.setCurrentItem(next((i for i in self._items() if i.data(0, UUID) == uuid), None))

    def _select(self, uuid: str | None) -> None:
        self.tree.blockSignals(True)
        self._mark(uuid)
        self.tree.blockSignals(False)
        self.details.show_object(uuid)
        self.options.show_object(uuid)

    def _chosen(self, item: QTreeWidgetItem | None) -> None:
        if item is not None and item.data(0, UUID):
            self.bridge.select(item.data(0, UUID))

    def _ticked(self, item: QTreeWidgetItem) -> None:
        uuid = item.data(0, UUID)
        if uuid:
            self.stage.set_shown(uuid, item.checkState(0) is Qt.CheckState.Checked)

    # -- what can be done with an object --------------------------------------------------------------------------

    @property
    def _current(self) -> Entry | None:
        uuid = self.bridge.selection
        return next((e for e in self.bridge.entries() if e.uuid == uuid), None)

    def _menu(self, at: QPoint) -> None:
        item = self.tree.itemAt(at)
        if item is None or not item.data(0, UUID):
            return
        self.bridge.select(item.data(0, UUID))
        entry, document = self._current, self.bridge.document
        if entry is None or document is None:
            return
        menu = QMenu(self)
        for icon, text, slot in self.choices(entry):
            menu.addAction(theme.icon(icon), text, slot)
        if not menu.isEmpty():
            menu.exec(self.tree.viewport().mapToGlobal(at))

    def choices(self, entry: Entry) -> list[tuple[str, str, Callable[[], None]]]:
        """What the menu of an object offers to the role of this session: icon, words, what it does."""
        document = self.bridge.document
        if document is None:
            return []
        may, found = document.project.role.may, []
        if sheet_of(entry) is not None:
            found.append(("sheet", "Data sheet …", self.show_sheet))
        if entry.uuid in document.stale() and "run" in may:
            found.append(("stale", "Make it again", self.update_stale))
        if "edit" in may:
            found.append(("edit", "Rename …", self.rename))
        if "export" in may and next(ending for kind, _, _, ending in GROUPS if kind == entry.kind):
            found.append(("export", "Export …", self.export))
        if "edit" in may:
            found.append(("delete", "Remove", self.remove))
        return found

    def show_sheet(self) -> None:
        """What the chosen prediction rests on, where it holds, what is known to be wrong with it."""
        named = sheet_of(self._current) if self._current else None
        if named is not None:
            model, sheet = named
            assumes = tuple(map(str, self._current.facts.get("assumes", ()))) if self._current else ()
            SheetDialog(model, sheet, assumes, self).show()

    def update_stale(self) -> None:
        """Make the chosen object again from the newest inputs."""
        if self._current and self.bridge.document:
            with self.bridge.guarded():
                self.bridge.document.refresh(self._current.uuid)

    def rename(self) -> None:
        entry = self._current
        if entry and self.bridge.document:
            name, good = QInputDialog.getText(self, "Rename", "Name", text=entry.name)
            if good:
                with self.bridge.guarded():
                    self.bridge.document.rename(entry.uuid, name)

    def remove(self) -> None:
        """Remove the chosen object; undo brings it back."""
        entry = self._current
        if entry and self.bridge.document:
            with self.bridge.guarded():
                self.bridge.document.remove([entry.uuid])
            self.bridge.select(None)

    def export(self) -> None:
        entry = self._current
        if entry is None:
            return
        ending = next(e for kind, _, _, e in GROUPS if kind == entry.kind)
        proposed = Path.home() / f"{entry.name.replace('/', '-')}{ending}"
        file, _ = QFileDialog.getSaveFileName(self, "Export (the ending decides the format)", str(proposed))
        if file:
            self.stage.export(entry.uuid, Path(file))
