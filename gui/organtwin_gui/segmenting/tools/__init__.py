"""The tools of the workbench, in the order of the palette."""

from organtwin_gui.segmenting.tools.base import ToolPage
from organtwin_gui.segmenting.tools.brush import ErasePage, PaintPage
from organtwin_gui.segmenting.tools.clicks import FloodPage, LesionPage, TracePage
from organtwin_gui.segmenting.tools.lines import ContourPage, CutPage, ScissorsPage
from organtwin_gui.segmenting.tools.shape import CombinePage, HolesPage, HollowPage, IslandsPage, MarginPage
from organtwin_gui.segmenting.tools.strokes import CorrectPage, SeedsPage
from organtwin_gui.segmenting.tools.threshold import ThresholdPage
from organtwin_gui.segmenting.tools.whole import BetweenPage, SmoothPage

PAGES: tuple[type[ToolPage], ...] = (
    PaintPage, ErasePage, CorrectPage, TracePage, FloodPage, ThresholdPage, SeedsPage, ScissorsPage, CutPage,
    ContourPage, LesionPage, BetweenPage, SmoothPage, MarginPage, IslandsPage, HolesPage, HollowPage, CombinePage,
)  # fmt: skip

__all__ = ["PAGES", "PaintPage", "ScissorsPage", "ToolPage"]
