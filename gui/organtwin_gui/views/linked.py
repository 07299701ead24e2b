"""Several 3D views that turn together."""

from __future__ import annotations

from collections.abc import Sequence

from organtwin_gui.views.viewport import Viewport


class Linked:
    """The camera of each view goes where that of the one in the hand went; their clocks run as one."""

    def __init__(self, views: Sequence[Viewport]) -> None:
        self.views = tuple(views)
        self._following = False
        for view in self.views:
            view.canvas.view_changed.connect(lambda leader=view: self.follow(leader))
            view.time_bar.moved.connect(lambda at, leader=view: self._follow_time(at, leader))

    def follow(self, leader: Viewport) -> None:
        """All cameras as that of ``leader``."""
        if self._following:
            return
        self._following = True
        for other in self.views:
            if other is not leader and other.isVisible():
                other.canvas.renderer.GetActiveCamera().DeepCopy(leader.canvas.renderer.GetActiveCamera())
                other.canvas.touched.emit()  # new things no longer move it
                other.canvas.moving()
        self._following = False

    def _follow_time(self, fraction: float, leader: Viewport) -> None:
        if self._following:
            return
        self._following = True
        for other in self.views:
            if other is not leader:
                other.time_bar.set_fraction(fraction)
        self._following = False
