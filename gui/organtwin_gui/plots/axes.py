"""Axes of every plot in the app's colours."""

from __future__ import annotations

import pyqtgraph as pg

from organtwin_gui import theme

NO_PREFIX = ((0.0, 0.0),)  # units are in the label: 0.3 s stays 0.3 s


def dress(plot: pg.PlotWidget, across: str, up: str) -> None:
    """Take on the colours of the theme; ``across`` and ``up`` are the labels, with their units."""
    look = theme.current()
    plot.setBackground(look.surface_0)
    small = theme.font(theme.SMALL_POINTS)
    for side, text in (("bottom", across), ("left", up)):
        axis = plot.getAxis(side)
        axis.setPen(pg.mkPen(look.line))
        axis.setTextPen(pg.mkPen(look.text_quiet))
        axis.setTickFont(small)
        axis.setStyle(tickLength=-4, tickTextOffset=4)
        style = {"color": look.text_quiet, "font-size": f"{theme.SMALL_POINTS:g}pt"}
        axis.setLabel(text, siPrefixEnableRanges=NO_PREFIX, **style)
