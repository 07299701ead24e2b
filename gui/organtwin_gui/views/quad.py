"""The three slices and the 3D view side by side."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QByteArray, QSettings, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from organtwin_gui.views.slice_render import Plane
from organtwin_gui.views.slice_view import SliceView
from organtwin_gui.views.state import ImageScene
from organtwin_gui.views.viewport import Viewport


class Layout(StrEnum):
    """How the views share the room."""

    FOUR_UP = "four_up"
    BIG_3D = "big_3d"
    ONLY_3D = "only_3d"


class QuadView(QWidget):
    """Axial, 3D, coronal and sagittal, with splitters; a double click gives one view all the room and back.

    Signals
    -------
    layout_changed(object)
        The :class:`Layout` that is shown.
    maximised_changed(str)
        "axial", "coronal", "sagittal", "3d", or "" when several share the room.
    """

    layout_changed = Signal(object)
    maximised_changed = Signal(str)

    def __init__(self, scene: ImageScene, parent: QWidget | None = None, *, opengl: bool = True) -> None:
        super().__init__(parent)
        self.scene = scene
        self.axial = SliceView(Plane.AXIAL, scene)
        self.coronal = SliceView(Plane.CORONAL, scene)
        self.sagittal = SliceView(Plane.SAGITTAL, scene)
        self.viewport = Viewport(scene, opengl=opengl)
        self.views: dict[str, SliceView | Viewport] = {
            "axial": self.axial,
            "3d": self.viewport,
            "coronal": self.coronal,
            "sagittal": self.sagittal,
        }
        self._layout = Layout.FOUR_UP
        self._maximised = ""
        self._sizes: dict[Layout, tuple[QByteArray, ...]] = {}
        self._splitters: tuple[QSplitter, ...] = ()
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        for name, view in self.views.items():
            view.maximise_requested.connect(lambda name=name: self.toggle_maximised(name))
        self._arrange()

    # -- layouts --------------------------------------------------------------------------------------------------

    @property
    def view_layout(self) -> Layout:
        return self._layout

    def set_layout(self, layout: Layout | str) -> None:
        """Share the room another way."""
        self._keep_sizes()
        self._take_layout(layout)

    def _take_layout(self, layout: Layout | str) -> None:
        self._layout = Layout(layout)
        self._arrange()
        self._maximise("")
        self.layout_changed.emit(self._layout)

    @property
    def maximised(self) -> str:
        """Name of the view that has all the room, or ""."""
        return self._maximised

    def toggle_maximised(self, name: str) -> None:
        """Give a view all the room, or share it again."""
        self._maximise("" if self._maximised == name else name)

    def _maximise(self, name: str) -> None:
        self._maximised = name
        shown = {name} if name else ({"3d"} if self._layout is Layout.ONLY_3D else set(self.views))
        for other, view in self.views.items():
            view.setVisible(other in shown)
        for splitter in self._splitters[1:]:
            splitter.setVisible(
                any(splitter.widget(n) in {self.views[s] for s in shown} for n in range(splitter.count()))
            )
        if name:
            self.views[name].setFocus()
        self.maximised_changed.emit(name)

    def _keep_sizes(self) -> None:
        if self._splitters and not self._maximised:
            self._sizes[self._layout] = tuple(s.saveState() for s in self._splitters)

    def _arrange(self) -> None:
        old = self._splitters[0] if self._splitters else None
        if self._layout is Layout.BIG_3D:
            root = _splitter(Qt.Orientation.Horizontal)
            side = _splitter(Qt.Orientation.Vertical)
            for name in ("axial", "coronal", "sagittal"):
                side.addWidget(self.views[name])
            root.addWidget(self.viewport)
            root.addWidget(side)
            root.setStretchFactor(0, 3)
            root.setStretchFactor(1, 1)
            root.setSizes([3000, 1000])
            self._splitters = (root, side)
        else:
            root = _splitter(Qt.Orientation.Vertical)
            top, bottom = _splitter(Qt.Orientation.Horizontal), _splitter(Qt.Orientation.Horizontal)
            for row, names in ((top, ("axial", "3d")), (bottom, ("coronal", "sagittal"))):
                for name in names:
                    row.addWidget(self.views[name])
                row.setSizes([1000, 1000])
                root.addWidget(row)
            root.setSizes([1000, 1000])
            top.splitterMoved.connect(lambda *_: bottom.setSizes(top.sizes()))
            bottom.splitterMoved.connect(lambda *_: top.setSizes(bottom.sizes()))
            self._splitters = (root, top, bottom)
        self._box.addWidget(root)
        root.show()
        for splitter, state in zip(self._splitters, self._sizes.get(self._layout, ()), strict=False):
            splitter.restoreState(state)
        if old is not None:
            old.setParent(None)
            old.deleteLater()

    # -- memory ---------------------------------------------------------------------------------------------------

    def save_to(self, settings: QSettings) -> None:
        """Keep the layout and the sizes."""
        self._keep_sizes()
        settings.setValue("views/layout", self._layout.value)
        for layout, states in self._sizes.items():
            settings.setValue(f"views/{layout.value}", list(states))

    def restore_from(self, settings: QSettings) -> None:
        """Take up what :meth:`save_to` kept; nonsense is passed over."""
        for layout in Layout:
            states = settings.value(f"views/{layout.value}")
            if isinstance(states, list) and all(isinstance(s, QByteArray) for s in states):
                self._sizes[layout] = tuple(states)
        name = settings.value("views/layout")
        if name in set(Layout):
            self._take_layout(str(name))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._maximised:
            self._maximise("")
        else:
            super().keyPressEvent(event)

    def reset_views(self) -> None:
        """Whole slices and the whole scene."""
        for view in (self.axial, self.coronal, self.sagittal):
            view.reset()
        self.viewport.reset_camera()

    def shut_down(self) -> None:
        """Free threads and OpenGL; call before the widget goes."""
        self.viewport.shut_down()


def _splitter(orientation: Qt.Orientation) -> QSplitter:
    splitter = QSplitter(orientation)
    splitter.setHandleWidth(4)
    splitter.setChildrenCollapsible(False)
    return splitter
