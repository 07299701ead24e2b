"""Vessels: the tree of a vessel, its diameters, and its narrow and wide places."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHeaderView, QLabel, QTreeWidget, QTreeWidgetItem

from organtwin.model import Centerline
from organtwin.model.terminology import structure
from organtwin.store.relations import scan_behind
from organtwin_gui.badges import badge_icon
from organtwin_gui.forms import form, quiet
from organtwin_gui.steps.step import Step, fill, primary, relabel
from organtwin_gui.vessels import curves
from organtwin_gui.vessels.trees import branches_of

PLACE = Qt.ItemDataRole.UserRole


class VesselsStep(Step):
    name = "Vessels"
    icon = "centerline"
    purpose = "Measure a vessel: branches by name, diameters by true sections, narrow and wide places."

    line_wanted = Signal(object)  # Centerline to be shown, or None
    place_wanted = Signal(int, float)  # branch, mm from the inlet

    def build(self) -> None:
        self.source = QComboBox()
        self.source.setToolTip("Which segmentation the vessel is in")
        self.source.currentIndexChanged.connect(lambda _i: self._offer())
        self.structure = QComboBox()
        self.structure.setToolTip("Which vessel to measure")
        self.structure.currentIndexChanged.connect(lambda _i: self._offer_branches())
        rows = form()
        rows.addRow("From", self.source)
        rows.addRow("Vessel", self.structure)
        self.page.addLayout(rows)
        self.with_branches = QCheckBox("With its branches")
        self.with_branches.setShortcut("Alt+N")
        self.with_branches.setChecked(True)
        self.page.addWidget(self.with_branches)
        self.by_scan = QCheckBox("Walls where the scan has them")
        self.by_scan.setToolTip(
            "Draw the wall to where the scan is half way between blood and surroundings; else it is as segmented (Alt+W)"
        )
        self.by_scan.setShortcut("Alt+W")
        self.by_scan.setChecked(True)
        self.page.addWidget(self.by_scan)
        self.run = primary("Measure", "run", "Find the tree, and measure along it", "Ctrl+Return")
        self.run.clicked.connect(self._start)
        self.page.addWidget(self.run)
        self._heading = QLabel("Measured")
        self.page.addWidget(self._heading)
        self.lines = QComboBox()
        self.lines.setToolTip("Which measured vessel is shown")
        self.lines.currentIndexChanged.connect(lambda _i: self._show())
        self.page.addWidget(self.lines)
        self.findings = QTreeWidget()
        self.findings.setHeaderLabels(["Narrow and wide places"])
        self.findings.setRootIsDecorated(False)
        self.findings.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.findings.setToolTip("Click to go there")
        self.findings.itemClicked.connect(lambda item, _c: self._go(item))
        self.page.addWidget(self.findings)
        self._said = quiet("")
        self.page.addWidget(self._said)
        self.branches = QTreeWidget()
        self.branches.setColumnCount(4)
        self.branches.setHeaderLabels(["Branch", "mm", "ø", "least"])
        self.branches.setRootIsDecorated(False)
        self.branches.setMinimumHeight(180)
        self.branches.setToolTip("Length, middle and least diameter of each branch in mm; click to go to its beginning")
        header = self.branches.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.branches.itemClicked.connect(lambda item, _c: self._go(item))
        self.page.addWidget(self.branches)
        self._filled: str | None = None

    def refresh(self) -> None:
        fill(self.source, [e for e in self.bridge.entries("segmentation") if _vessels(e.facts["segments"])])
        self._offer()
        measured = [e for e in self.bridge.entries("centerline") if e.recipe and e.recipe.operation == "vessel"]
        fill(self.lines, measured)
        for widget in (self._heading, self.lines, self.findings, self.branches, self._said):
            widget.setVisible(bool(measured))
        self.run.setEnabled(self.structure.count() > 0 and not self.busy("vessel"))
        relabel(self.run, "Measuring" if self.busy("vessel") else "Measure")
        self.by_scan.setEnabled(self._scan() is not None)
        self._show()

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        self._filled = None
        self._show()

    def hideEvent(self, event: object) -> None:
        super().hideEvent(event)  # type: ignore[arg-type]
        self.line_wanted.emit(None)

    def _offer(self) -> None:
        chosen = self.structure.currentData()
        self.structure.clear()
        for segment in self._segments():
            self.structure.addItem(segment["name"], segment["key"])
        wanted = chosen if self.structure.findData(chosen) >= 0 else "aorta"
        self.structure.setCurrentIndex(max(self.structure.findData(wanted), 0))
        self._offer_branches()

    def _segments(self) -> list[dict]:
        uuid = self.source.currentData()
        if uuid is None or self.bridge.document is None:
            return []
        return _vessels(self.bridge.document.entry(uuid).facts["segments"])

    def _branches(self) -> dict[str, str]:
        """Names by key of what belongs to the tree of the chosen vessel."""
        names = {segment["key"]: segment["name"] for segment in self._segments()}
        return {key: names[key] for key in branches_of(self.structure.currentData() or "", names)}

    def _offer_branches(self) -> None:
        branches = self._branches()
        self.with_branches.setVisible(bool(branches))
        self.with_branches.setToolTip(f"Measure as one tree: {', '.join(branches.values())} (Alt+N)")

    def _scan(self) -> str | None:
        """uuid of the scan behind the chosen segmentation."""
        uuid = self.source.currentData()
        if uuid is None or self.bridge.document is None:
            return None
        scan = scan_behind(self.bridge.document.entry(uuid), self.bridge.entries("volume"))
        return scan.uuid if scan else None

    def _start(self) -> None:
        inputs = {"segmentation": self.source.currentData()}
        scan = self._scan()
        if self.by_scan.isChecked() and scan is not None:
            inputs["volume"] = scan
        key = self.structure.currentData()
        if key is None:
            return
        parameters: dict[str, object] = {"structure": key}
        if self.with_branches.isChecked() and (branches := self._branches()):
            parameters["also"] = list(branches)
        self.bridge.start("vessel", inputs, parameters, f"Measure {self.structure.currentText()}")

    # -- what was found -------------------------------------------------------------------------------------------

    def _show(self) -> None:
        uuid = self.lines.currentData()
        if not self.isVisible() or uuid == self._filled:
            return
        self._filled = uuid
        self.findings.clear()
        self.branches.clear()
        self._said.setText("")
        if uuid is None:
            self.line_wanted.emit(None)
            return
        with self.bridge.guarded():
            line = self.bridge.get(uuid)
            assert isinstance(line, Centerline)
            for finding in line.findings:
                item = QTreeWidgetItem([curves.said(finding)])
                level = "good" if finding.confidence >= 0.75 else "fair" if finding.confidence >= 0.5 else "poor"
                item.setIcon(0, badge_icon(level))
                item.setToolTip(0, curves.explained(finding))
                item.setData(0, PLACE, (finding.branch, finding.at_mm))
                self.findings.addTopLevelItem(item)
            if not line.findings:
                self.findings.addTopLevelItem(QTreeWidgetItem(["None: as wide as it should be throughout"]))
            rows = min(self.findings.topLevelItemCount(), 5)
            self.findings.setFixedHeight(self.findings.header().height() + 8 + rows * max(self.findings.sizeHintForRow(0), 20))  # fmt: skip
            least = line.least_mm if line.least_mm is not None else 2 * line.radius_mm
            for index, branch in enumerate(line.branches):
                own = slice(branch.first, branch.last + 1)
                along = line.distance_mm[own]
                wide = float(sorted(line.diameter_mm[own])[len(along) // 2])
                cells = [
                    curves.called(branch.name),
                    f"{along[-1] - along[0]:.0f}",
                    f"{wide:.1f}",
                    f"{min(least[own]):.1f}",
                ]
                item = QTreeWidgetItem(cells)
                for column in (1, 2, 3):
                    item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight)
                item.setToolTip(0, branch.doubt or curves.called(branch.name))
                item.setData(0, PLACE, (index, float(along[0])))
                self.branches.addTopLevelItem(item)
            self._said.setText("\n".join(f"• {note}" for note in line.notes))
            self.line_wanted.emit(line)

    def _go(self, item: QTreeWidgetItem) -> None:
        place = item.data(0, PLACE)
        if place is not None:
            self.place_wanted.emit(*place)
            if "\n" in item.toolTip(0) or " " in item.toolTip(0).removeprefix(item.text(0)):
                self._said.setText(item.toolTip(0))


def _vessels(segments: list[dict]) -> list[dict]:
    return [s for s in segments if structure(s["key"]).vessel]
