"""Segment: find structures by an engine, and put them right by hand."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QShowEvent

from organtwin_gui.segmenting.desk import Desk
from organtwin_gui.segmenting.finder import Finder
from organtwin_gui.segmenting.lasso import Lasso
from organtwin_gui.segmenting.palette import Keys, Palette
from organtwin_gui.segmenting.rules_panel import RulesPanel
from organtwin_gui.segmenting.surfaces import LiveSurfaces
from organtwin_gui.segmenting.tools import ScissorsPage
from organtwin_gui.segmenting.warm_up import warm_up
from organtwin_gui.segmenting.widgets import Choice, Strip
from organtwin_gui.steps.segment_list import SegmentList
from organtwin_gui.steps.step import Step
from organtwin_gui.views.state import Tool
from organtwin_gui.views.viewport import Viewport

FIND, CORRECT = "find", "correct"


class SegmentStep(Step):
    name = "Segment"
    icon = "segment"
    purpose = "Find structures with an engine, then put them right by hand."
    terse = True

    def build(self) -> None:
        self.desk = Desk(self.bridge, self.scene, self)
        self.part = Choice(
            (
                (FIND, "Find", "Engines that find structures by themselves, or from strokes and clicks"),
                (CORRECT, "Correct by hand", "Tools for the segment in hand"),
            )
        )
        self.finder = Finder(self.bridge, self.scene)
        self.list = SegmentList(self.desk)
        self.palette = Palette(self.desk)
        self.rules = RulesPanel(self.desk)
        self.strip = Strip()
        for widget in (self.part, self.finder, self.list, self.palette, self.rules):
            self.page.addWidget(widget)
        foot = self.foot()  # what it says must not move the tools away from under the pointer
        foot.addWidget(self.strip)
        self.strip.seen.connect(self.place_foot)
        self.keys = Keys(self.palette, self.list)
        self.part.changed.connect(lambda part: self.show_part(part))
        self.keys.hand_wanted.connect(lambda: self.show_part(CORRECT) if self.part.taken != CORRECT else None)
        self.strip.stop_wanted.connect(self.desk.stop)
        self.desk.told.connect(
            lambda text, trouble, way, do: self.strip.tell(text, trouble=trouble, way_out=way, do=do)
        )
        self.desk.progressed.connect(self._progressed)
        self.desk.paint_wanted.connect(lambda: self.palette.take("paint"))
        for signal in (self.desk.opened, self.desk.in_hand_changed, self.palette.taken, self.desk.touched):
            signal.connect(lambda *_: None if self.desk.busy else self.strip.tell(""))  # what was said is over
        # what the window and scripts know the page by
        self.engine, self.run, self.structure = self.finder.engine, self.finder.run, self.finder.structure
        self._draw, self._draw_out = self.finder._draw, self.finder._draw_out
        self._later = QTimer(self)  # once the document has settled: in the middle of an undo nothing may be asked
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.timeout.connect(self._settle)
        self.surfaces: LiveSurfaces | None = None
        self.show_part(FIND)

    def show_part(self, part: str) -> None:
        """Find, or correct by hand."""
        self.part.take(part)
        finding = part == FIND
        self.finder.setVisible(finding)
        for widget in (self.palette, self.rules):
            widget.setVisible(not finding)
        if finding:
            self.palette.take("")
            self.strip.tell("")
            self.finder.refresh()
        elif self.scene.tool is Tool.SEED:
            self.scene.tool = Tool.NAVIGATE
        self._give_3d()

    def place_foot(self) -> None:
        if self._foot is not None:
            self._foot.setVisible(not self.strip.isHidden())
        if self.strip.isHidden():
            self.setViewportMargins(0, 0, 0, 0)
        else:
            super().place_foot()

    def _progressed(self, fraction: float, what: str) -> None:
        if fraction < 0:
            self.strip.tell("")
        else:
            self.strip.progress(fraction, what)

    def refresh(self) -> None:
        self.finder.refresh()
        if self.bridge.document is None:
            self._settle()
        else:
            self._later.start()

    def _settle(self) -> None:
        self.list.refresh()
        self.list.setVisible(self.scene.volume is not None or self.desk.bench is not None)

    def hideEvent(self, event: QHideEvent) -> None:
        self.palette.take("")
        super().hideEvent(event)
        self._give_3d()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()
        self._give_3d()

    def attach(self, viewport: Viewport) -> None:
        """The 3D view, for scissors and for the surface of what is worked on."""
        self.surfaces = LiveSurfaces(self.desk, viewport)
        self.list.glass.toggled.connect(self.surfaces.set_glass)
        scissors = self.palette.pages[ScissorsPage.name]
        assert isinstance(scissors, ScissorsPage)
        self.lasso = Lasso(viewport.canvas, scissors.ready, lambda line, to_clip: scissors.cut(line, to_clip))
        self.palette.taken.connect(lambda name: self.lasso.set_on(name == ScissorsPage.name))
        self.desk.opened.connect(self._give_3d)
        viewport.background.submit("warm up", warm_up, lambda _n: None)

    def _give_3d(self) -> None:
        """The 3D view shows the segments while they are worked on by hand."""
        if self.surfaces is not None:
            working = self.isVisible() and self.part.taken == CORRECT
            self.surfaces.set_on(working)
            if working and self.desk.bench is not None:
                self.desk.bench.warm()

    def dress(self) -> None:
        """In the colours of another theme."""
        self.palette.dress()
        self.list.dress()

    def shut_down(self) -> None:
        """Before the window goes."""
        self.keys.shut_down()
        self.desk.shut_down()
