"""The structures of the segmentation that is shown: colour, name, volume, confidence, and whether they are seen."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QSlider,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from organtwin.model import Segmentation
from organtwin_gui import theme
from organtwin_gui.bridge import Bridge
from organtwin_gui.forms import quiet
from organtwin_gui.steps.step import fill
from organtwin_gui.views.state import ImageScene

UNSURE = 0.6


def swatch(colour: tuple[int, int, int], size: int = 12) -> QIcon:
    """A small square of a segment's colour."""
    picture = QPixmap(size, size)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QColor(*colour))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawRoundedRect(0, 0, size, size, 3, 3)
    painter.end()
    return QIcon(picture)


class SegmentList(QWidget):
    """Which segmentation is laid over the scan, and its structures."""

    def __init__(self, bridge: Bridge, scene: ImageScene) -> None:
        super().__init__()
        self.bridge, self.scene = bridge, scene
        self.choice = QComboBox()
        self.choice.setToolTip("Which segmentation the views show")
        self.choice.currentIndexChanged.connect(lambda _i: self._show())
        self.tree = QTreeWidget()
        self.tree.setColumnCount(3)
        self.tree.setHeaderLabels(["Structure", "mL", "Sure"])
        self.tree.setRootIsDecorated(False)
        self.tree.setMinimumHeight(260)
        header = self.tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.tree.itemChanged.connect(self._toggled)
        self.tree.itemClicked.connect(lambda item, _c: self._say(item))
        self.tree.itemDoubleClicked.connect(lambda item, _c: self._go_to(item))
        self.tree.setToolTip("Tick to show; double-click to go there (g: all on or off)")
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(0, 100)
        self.opacity.setValue(round(100 * scene.overlay_opacity))
        self.opacity.setToolTip("Opacity of the coloured areas on the slices")
        self.opacity.valueChanged.connect(lambda v: scene.set_overlay_look(opacity=v / 100))
        self._doubt = quiet("")
        row = QHBoxLayout()
        row.addWidget(QLabel("Opacity"))
        row.addWidget(self.opacity, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.choice)
        layout.addWidget(self.tree)
        layout.addLayout(row)
        layout.addWidget(self._doubt)
        self._filled: str | None = None

    @property
    def shown(self) -> str | None:
        """uuid of the segmentation that is shown."""
        return self.choice.currentData()

    def refresh(self) -> None:
        fill(self.choice, self.bridge.entries("segmentation"))
        self.setVisible(self.choice.count() > 0)
        self._show()

    def _show(self) -> None:
        uuid = self.shown
        if uuid == self._filled and (uuid is None or uuid in self.scene.overlays):
            return
        for other in [u for u in self.scene.overlays if u != uuid]:
            self.scene.hide_segmentation(other)
        self._filled = uuid
        self.tree.blockSignals(True)
        self.tree.clear()
        if uuid is not None:
            with self.bridge.guarded():
                segmentation = self.bridge.get(uuid)
                assert isinstance(segmentation, Segmentation)
                self.scene.show_segmentation(segmentation)
                self._fill(segmentation)
        self.tree.blockSignals(False)

    def _fill(self, segmentation: Segmentation) -> None:
        look = theme.current()
        for segment in segmentation.segments:
            sure = "drawn" if segment.confidence is None else f"{100 * segment.confidence:.0f} %"
            item = QTreeWidgetItem([segment.name, f"{segment.volume_mm3 / 1000:.0f}", sure])
            item.setIcon(0, swatch(segment.colour))
            item.setData(0, Qt.ItemDataRole.UserRole, segment.key)
            item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight)
            # the body would hide everything else
            item.setCheckState(0, Qt.CheckState.Unchecked if segment.key == "body" else Qt.CheckState.Checked)
            if segment.key == "body":
                self.scene.set_segment_style(segmentation.uuid, "body", visible=False)
            if segment.confidence is not None and segment.confidence < UNSURE:
                item.setForeground(2, QColor(look.warning))
            if segment.doubt:
                for column in range(3):
                    item.setToolTip(column, segment.doubt)
            self.tree.addTopLevelItem(item)
        self._doubt.setText("\n".join(f"• {note}" for note in segmentation.notes))

    def _toggled(self, item: QTreeWidgetItem) -> None:
        if self.shown:
            key = item.data(0, Qt.ItemDataRole.UserRole)
            self.scene.set_segment_style(self.shown, key, visible=item.checkState(0) is Qt.CheckState.Checked)

    def _say(self, item: QTreeWidgetItem) -> None:
        if self.shown:
            self._doubt.setText(item.toolTip(0))
            self.bridge.select(self.shown)

    def _go_to(self, item: QTreeWidgetItem) -> None:
        """Move the crosshair into the middle of the structure."""
        import numpy as np

        overlay = self.scene.overlays.get(self.shown or "")
        if overlay is None:
            return
        label = overlay.segmentation.segment(item.data(0, Qt.ItemDataRole.UserRole)).label
        inside = np.argwhere(overlay.labels[::2, ::2, ::2] == label)
        if len(inside):
            middle = inside.mean(axis=0)
            k, j, i = 2 * inside[np.argmin(((inside - middle) ** 2).sum(axis=1))]
            self.scene.cursor.move(overlay.grid.to_world((i, j, k)))
