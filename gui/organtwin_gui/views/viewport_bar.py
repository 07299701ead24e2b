"""The small row of buttons over the 3D picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QToolButton, QWidget

from organtwin_gui import theme
from organtwin_gui.views.camera import VIEW_NAMES
from organtwin_gui.views.items.slices import UUID as SLICES_UUID
from organtwin_gui.views.items.volume import VolumeItem, presets_for

if TYPE_CHECKING:
    from organtwin_gui.views.viewport import Viewport

_OVER_PICTURE = f"""
QWidget#over {{ background: rgba(14, 17, 22, 190); border-radius: 6px; }}
QToolButton {{ color: {theme.IMAGE_TEXT}; border: none; border-radius: 4px; padding: 3px; }}
QToolButton:hover {{ background: rgba(255, 255, 255, 28); }}
QToolButton:checked {{ background: rgba(90, 169, 230, 70); }}
QToolButton::menu-indicator {{ image: none; }}
QLabel {{ color: {theme.PLANE_COLOURS["3d"]}; background: transparent; }}
"""


class ViewportBar(QWidget):
    """Standard views, fit, projection, slices, the scan as a volume, picture to file."""

    screenshot_wanted = Signal()

    def __init__(self, viewport: Viewport) -> None:
        super().__init__(viewport.canvas)
        self._viewport = viewport
        self.setObjectName("over")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setStyleSheet(_OVER_PICTURE)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 2, 4, 2)
        row.setSpacing(1)
        title = QLabel("3D", self)
        title.setFont(theme.font(theme.BODY_POINTS, bold=True))
        row.addWidget(title)
        row.addSpacing(6)
        self.views = self._button("front", "Look from a side (keys 1 to 6)", row)
        menu = QMenu(self.views)
        for number, (letter, name) in enumerate(VIEW_NAMES.items(), 1):
            action = menu.addAction(f"{name}\t{number}")
            action.triggered.connect(lambda _=False, letter=letter: viewport.look_from(letter))
        self._hang(self.views, menu)
        self.fit = self._button("reset", "Show everything (R)", row)
        self.fit.clicked.connect(viewport.reset_camera)
        self.parallel = self._button("perspective", "Parallel projection (P)", row, checkable=True)
        self.parallel.toggled.connect(viewport.set_parallel)
        self.slices = self._button("slices", "Slices in space", row, checkable=True)
        self.slices.toggled.connect(viewport.show_slices)
        self.volume = self._button("volume", "The scan as a volume", row)
        self._volume_menu = QMenu(self.volume)
        self._volume_menu.aboutToShow.connect(self._fill_volume_menu)
        self._hang(self.volume, self._volume_menu)
        self.camera = self._button("screenshot", "Save this view as a picture", row)
        self.camera.clicked.connect(self.screenshot_wanted)
        viewport.items_changed.connect(self._follow)
        self._follow()
        self.move(6, 6)
        self.adjustSize()

    def _button(self, icon: str, tip: str, row: QHBoxLayout, *, checkable: bool = False) -> QToolButton:
        button = QToolButton(self)
        button.setIcon(theme.icon(icon, theme.IMAGE_TEXT))
        button.setIconSize(theme.ICON_SIZE)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setCheckable(checkable)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        row.addWidget(button)
        return button

    @staticmethod
    def _hang(button: QToolButton, menu: QMenu) -> None:
        button.setMenu(menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)

    def _fill_volume_menu(self) -> None:
        """Off, and the presets that suit the scan."""
        menu, viewport = self._volume_menu, self._viewport
        menu.clear()
        volume = viewport.scene.volume if viewport.scene is not None else None
        if volume is None:
            menu.addAction("No scan is shown").setEnabled(False)
            return
        item = viewport.items.get(volume.uuid)
        now = item.preset.name if isinstance(item, VolumeItem) and item.visible else ""
        group = QActionGroup(menu)
        for name in ("", *presets_for(volume.modality)):
            action = QAction(name or "Off", group)
            action.setCheckable(True)
            action.setChecked(name == now)
            action.triggered.connect(
                lambda _=False, name=name: viewport.show_volume(volume, name) if name else viewport.remove(volume.uuid)
            )
            menu.addAction(action)

    def _follow(self) -> None:
        """Agree with what is in the scene."""
        for button, on in (
            (self.slices, SLICES_UUID in self._viewport.items),
            (self.parallel, bool(self._viewport.canvas.renderer.GetActiveCamera().GetParallelProjection())),
        ):
            button.blockSignals(True)
            button.setChecked(on)
            button.blockSignals(False)
