"""What is known of one object: its numbers with units, what earns them, and how it was made."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from organtwin.model import Centerline
from organtwin.operations import names
from organtwin.store import Entry
from organtwin_gui import theme
from organtwin_gui.badges import badge_pixmap, said_of
from organtwin_gui.bridge import Bridge
from organtwin_gui.forms import quiet, title

CONVERGENCE = "flow-convergence"
MESH_WORDS: dict[str, tuple[str, str]] = {
    "tets": ("tetrahedra", ""),
    "nodes": ("nodes", ""),
    "min_dihedral_deg": ("smallest dihedral angle", "°"),
    "max_dihedral_deg": ("largest dihedral angle", "°"),
    "mean_quality": ("mean quality (1 is regular)", ""),
    "worst_quality": ("worst quality", ""),
    "volume_mm3": ("volume", "mL"),
    "volume_error_percent": ("volume error", "%"),
    "mean_error_mm": ("mean distance to mask", "mm"),
    "p95_error_mm": ("95 % within", "mm"),
    "area_mm2": ("area", "cm²"),
    "mean_edge_mm": ("mean edge", "mm"),
    "max_error_mm": ("largest distance to mask", "mm"),
}


Row = tuple[str, str] | tuple[str, str, str, str]


class Details(QWidget):
    """A table of facts, filled anew for each object."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)

    def show_object(self, uuid: str | None) -> None:
        """Show the facts of an object, or nothing."""
        while item := self._column.takeAt(0):
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        entry = next((e for e in self._bridge.entries() if e.uuid == uuid), None)
        if entry is None:
            return
        heading = title(entry.name)
        heading.setWordWrap(True)
        self._column.addWidget(heading)
        parts = tables(entry)
        if entry.kind == "centerline":
            line = self._bridge.get(entry.uuid)
            assert isinstance(line, Centerline)
            parts = ways(line)
        for caption, rows in parts:
            if caption:
                self._column.addWidget(quiet(caption))
            self._column.addWidget(_table(rows))
        if CONVERGENCE in names() and entry.recipe is not None and entry.recipe.operation == "flow":
            study = QPushButton("Mesh study")
            study.setIcon(theme.icon("mesh"))
            study.setToolTip("Solve this flow on finer meshes too, and say how much the numbers still change")
            study.setEnabled(not any(j.spec.operation == CONVERGENCE for j in self._bridge.running()))
            study.clicked.connect(lambda: self._study(entry))
            self._column.addWidget(study)
        for note in entry.notes:
            label = QLabel(note)
            label.setWordWrap(True)
            label.setObjectName("small")
            self._column.addWidget(label)
        if entry.recipe:
            made = QLabel(f"made by {entry.recipe.operation}, {entry.created[:16].replace('T', ' ')} UTC")
            made.setObjectName("small")
            made.setWordWrap(True)
            made.setToolTip(str(entry.recipe.parameters))
            self._column.addWidget(made)

    def _study(self, entry: Entry) -> None:
        assert entry.recipe is not None
        inputs = {"mesh": entry.recipe.inputs["mesh"]}
        self._bridge.start(CONVERGENCE, inputs, dict(entry.recipe.parameters), f"Mesh study of {entry.name}")
        self.show_object(entry.uuid)


def tables(entry: Entry) -> list[tuple[str, list[Row]]]:
    """Captions with rows (name, value) for an object; numbers of a result say how far they can be believed."""
    facts = entry.facts
    match entry.kind:
        case "volume":
            grid = facts["grid"]
            spacing = [sum(row[axis] ** 2 for row in grid["affine"][:3]) ** 0.5 for axis in range(3)]
            rows = [
                ("kind", facts["modality"]),
                ("voxels", " x ".join(str(n) for n in grid["size"])),
                ("spacing", " x ".join(f"{s:.3g}" for s in spacing) + " mm"),
            ]
            about = [(name, _short(value)) for name, value in facts["acquisition"].items()]
            return [("", rows), ("Acquisition", about)] if about else [("", rows)]
        case "segmentation":
            return [("", [(s["name"], f"{s['volume_mm3'] / 1000:.1f} mL") for s in facts["segments"]])]
        case "surface" | "mesh":
            rows = [_number(key, value) for key, value in facts["report"].items()]
            if entry.kind == "surface":
                return [("Surface quality", rows)]
            openings = [
                (c["name"].replace("_", " "), f"{c['role']}, radius {c['radius_mm']:.1f} mm")
                for c in facts.get("caps", ())
            ]
            parts = [("Mesh quality", [*rows, ("mesher", facts["mesher"])])]
            return [*parts, ("Openings", openings)] if openings else parts
        case "result" | "plan" | "rehearsal":
            numbers = [
                Fact(
                    q["name"].replace("_", " "),
                    f"{q['value']:.4g} {q['unit']}".rstrip(),
                    q.get("level", "unknown"),
                    q.get("why", ""),
                )
                for q in facts["quantities"]
            ]
            earned = list(facts.get("credibility", {}).items())
            if entry.kind == "rehearsal" and (found := facts.get("deviation")):
                earned.append(
                    ("deviation from the full solve", f"{found['largest_mm']:.2g} mm, {found['percent']:.1f} %")
                )
            return [("", numbers), ("What earns these numbers", earned)] if earned else [("", numbers)]
        case "procedure":
            return [
                (
                    "",
                    [
                        (key.replace("_mm", "").replace("_", " "), _measure(key, value))
                        for key, value in facts["action"].items()
                        if value is not None
                    ],
                )
            ]
    return []


def ways(line: Centerline) -> list[tuple[str, list[Row]]]:
    """Length and diameters of each way from the inlet."""
    made: list[tuple[str, list[Row]]] = []
    for branch in line.branches:
        if branch.cap:
            at = line.path(branch.cap)
            width = 2.0 * np.asarray(line.radius_mm)[at]
            rows: list[Row] = [
                ("length", f"{float(np.asarray(line.distance_mm)[at[-1]]):.0f} mm"),
                ("diameter, least to largest", f"{width.min():.1f} to {width.max():.1f} mm"),
            ]
            made.append((f"{_said(line.inlet)} → {_said(branch.cap)}", rows))
    return made


class Fact(NamedTuple):
    """A row with how far its number can be believed."""

    name: str
    value: str
    level: str
    why: str


def _said(name: str) -> str:
    return name.replace("_", " ")


def _measure(key: str, value: object) -> str:
    return f"{value:.1f} mm" if key.endswith("_mm") and isinstance(value, float | int) else _said(str(value))


def _short(text: str) -> str:
    """A decimal number without the digits that only its storage made."""
    try:
        return f"{float(text):.6g}" if "." in text else text
    except ValueError:
        return text


def _number(key: str, value: float) -> tuple[str, str]:
    words, unit = MESH_WORDS.get(key, (key.replace("_", " "), ""))
    value /= {"mL": 1000.0, "cm²": 100.0}.get(unit, 1.0)
    text = f"{value:,.0f}" if key in ("tets", "nodes", "triangles") else f"{value:.3g}"
    return words, f"{text}{'' if unit == '°' else ' '}{unit}".rstrip()


def _table(rows: list[Row]) -> QWidget:
    table = QWidget()
    grid = QGridLayout(table)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(10)
    grid.setVerticalSpacing(3)
    for row, fact in enumerate(rows):
        name, value = fact[:2]
        said, shown = QLabel(name), QLabel(str(value))
        if isinstance(fact, Fact):
            dot = QLabel()
            dot.setPixmap(badge_pixmap(fact.level))
            dot.setContentsMargins(0, 4, 0, 0)
            for label in (dot, said, shown):
                label.setToolTip(said_of(fact.level, fact.why))
            grid.addWidget(dot, row, 2, Qt.AlignmentFlag.AlignTop)
        said.setObjectName("quiet")
        said.setWordWrap(True)
        shown.setWordWrap(True)
        shown.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        shown.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        grid.addWidget(said, row, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(shown, row, 1)
    grid.setColumnStretch(0, 1)
    grid.setColumnStretch(1, 1)
    return table
