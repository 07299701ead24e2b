"""Segment: find structures by themselves, by a range of values, or from a few strokes."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QPushButton,
    QWidget,
)

from organtwin.model import STRUCTURES
from organtwin.model.terminology import structure
from organtwin_gui import theme
from organtwin_gui.forms import column, form, quiet
from organtwin_gui.steps.segment_list import SegmentList
from organtwin_gui.steps.step import Step, primary, relabel
from organtwin_gui.views.state import Brush, Tool

BACKGROUND = "background"


class SegmentStep(Step):
    name = "Segment"
    icon = "segment"
    purpose = "Say where each structure is. Each structure tells how sure the program is."

    ENGINES = (("Automatic (contrast CT)", "ct"), ("From strokes", "grow"), ("Range of values", "threshold"))

    def build(self) -> None:
        self.engine = QComboBox()
        for label, key in self.ENGINES:
            self.engine.addItem(label, key)
        self.engine.setToolTip("How to find the structures")
        self.page.addWidget(self.engine)
        self._options = (self._automatic(), self._strokes(), self._range())
        self.engine.currentIndexChanged.connect(self._engine_chosen)
        for options in self._options:
            self.page.addWidget(options)
        self._show_options(0)
        self.run = primary("Segment", "run", "Start the segmentation as a job", "Ctrl+Return")
        self.run.clicked.connect(self._start)
        self.page.addWidget(self.run)
        self.list = SegmentList(self.bridge, self.scene)
        self.page.addWidget(self.list)
        self.scene.stroke_drawn.connect(lambda _s: self._count_strokes())

    def _automatic(self) -> QWidget:
        page = QWidget()
        page.setLayout(
            column(
                quiet(
                    "Body, lungs, bone, heart, great vessels, liver, spleen and kidneys of a contrast CT. About a minute."
                )
            )
        )
        return page

    def _strokes(self) -> QWidget:
        page = QWidget()
        self.structure = QComboBox()
        self.structure.setEditable(True)
        for key, s in STRUCTURES.items():
            self.structure.addItem(s.name, key)
        self.structure.setCurrentIndex(self.structure.findData("liver"))
        self.structure.setToolTip("What the next strokes stand for: choose, or type a name of your own")
        self.structure.currentTextChanged.connect(lambda _t: self._take_brush())
        self._draw = QPushButton("Draw inside")
        self._draw_out = QPushButton("Draw outside")
        for button, icon, tip in (
            (self._draw, "seed", "Draw strokes inside the structure, in any slice view"),
            (self._draw_out, "erase", "Draw strokes outside, where the structure must not go"),
        ):
            button.setCheckable(True)
            button.setIcon(theme.icon(icon))
            button.setToolTip(tip)
        self._draw.clicked.connect(lambda on: self._pick_up(on, outside=False))
        self._draw_out.clicked.connect(lambda on: self._pick_up(on, outside=True))
        clear = QPushButton("Clear strokes")
        clear.setIcon(theme.icon("delete"))
        clear.setToolTip("Take all strokes away")
        clear.clicked.connect(self._clear_strokes)
        row = QHBoxLayout()
        row.addWidget(self._draw)
        row.addWidget(self._draw_out)
        self._strokes_said = quiet("")
        layout = column(
            quiet("Draw one or two short strokes inside each structure and one outside, then press Segment."),
            self.structure,
        )
        layout.addLayout(row)
        layout.addWidget(clear)
        layout.addWidget(self._strokes_said)
        page.setLayout(layout)
        self.scene.tool_changed.connect(self._tool_changed)
        return page

    def _range(self) -> QWidget:
        page = QWidget()
        self.low, self.high = QDoubleSpinBox(), QDoubleSpinBox()
        for box, value, tip in (
            (self.low, 150.0, "Lowest value that belongs"),
            (self.high, 3000.0, "Highest value that belongs"),
        ):
            box.setRange(-32768, 65535)
            box.setDecimals(0)
            box.setValue(value)
            box.setSuffix(" HU")
            box.setToolTip(tip)
        self.range_structure = QComboBox()
        for key, s in STRUCTURES.items():
            self.range_structure.addItem(s.name, key)
        self.range_structure.setCurrentIndex(self.range_structure.findData("bone"))
        self.range_structure.setToolTip("What the result is called")
        self.largest = QCheckBox("Only the largest connected part")
        self.largest.setChecked(True)
        self.largest.setToolTip("Leave out everything that does not hang together with the largest part")
        rows = form()
        rows.addRow("From", self.low)
        rows.addRow("To", self.high)
        rows.addRow("As", self.range_structure)
        rows.addRow(self.largest)
        page.setLayout(rows)
        return page

    # -- strokes --------------------------------------------------------------------------------------------------

    @property
    def _structure_key(self) -> str:
        text = self.structure.currentText().strip()
        index = self.structure.findText(text, Qt.MatchFlag.MatchFixedString)
        return str(self.structure.itemData(index)) if index >= 0 else text.lower().replace(" ", "_")

    def _pick_up(self, on: bool, outside: bool) -> None:
        if not on:
            self.scene.tool = Tool.NAVIGATE
            return
        self._outside = outside
        self._take_brush()
        self.scene.tool = Tool.SEED
        self._draw.setChecked(not outside)
        self._draw_out.setChecked(outside)

    _outside = False

    def _take_brush(self) -> None:
        if self._outside:
            self.scene.set_brush(Brush(BACKGROUND, (150, 150, 150), self.scene.brush.radius_mm))
        else:
            key = self._structure_key
            self.scene.set_brush(Brush(key, structure(key).colour, self.scene.brush.radius_mm))

    def _tool_changed(self, tool: Tool) -> None:
        if tool is not Tool.SEED:
            self._draw.setChecked(False)
            self._draw_out.setChecked(False)

    def _clear_strokes(self) -> None:
        self.scene.clear_strokes()
        self._count_strokes()

    def _count_strokes(self) -> None:
        keys = [s.key for s in self.scene.strokes.values()]
        said = [f"{structure(k).name if k != BACKGROUND else 'Outside'}: {keys.count(k)}" for k in dict.fromkeys(keys)]
        self._strokes_said.setText("Strokes: " + ", ".join(said) if said else "")
        self.refresh()

    def _show_options(self, index: int) -> None:
        for number, options in enumerate(self._options):
            options.setVisible(number == index)

    # -- running --------------------------------------------------------------------------------------------------

    def _engine_chosen(self, index: int) -> None:
        self._show_options(index)
        if self.engine.currentData() != "grow" and self.scene.tool is Tool.SEED:
            self.scene.tool = Tool.NAVIGATE
        self.refresh()

    def _start(self) -> None:
        volume = self.scene.volume
        if volume is None:
            return
        engine = str(self.engine.currentData())
        options: dict[str, Any] = {}
        if engine == "threshold":
            if self.low.value() >= self.high.value():
                self.bridge.failed.emit("The range is empty. Make the upper value larger than the lower one.")
                return
            options = {
                "key": self.range_structure.currentData(),
                "low": self.low.value(),
                "high": self.high.value(),
                "largest": self.largest.isChecked(),
            }
        elif engine == "grow":
            options = {
                "strokes": [
                    {"key": s.key, "points_mm": [list(map(float, p)) for p in s.points_mm], "radius_mm": s.radius_mm}
                    for s in self.scene.strokes.values()
                ]
            }
        self.bridge.start(
            "segment", {"volume": volume.uuid}, {"engine": engine, "options": options}, f"Segment {volume.name}"
        )
        self.scene.tool = Tool.NAVIGATE

    def refresh(self) -> None:
        volume = self.scene.volume is not None
        strokes = bool(self.scene.strokes) or self.engine.currentData() != "grow"
        self.run.setEnabled(volume and strokes and not self.busy("segment"))
        relabel(self.run, "Segmenting" if self.busy("segment") else "Segment")
        self.list.refresh()
