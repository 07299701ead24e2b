"""Numbers of a result as curves: along the vessel, and over the cycle."""

from organtwin_gui.plots.panel import PlotsPanel

__all__ = ["PlotsPanel"]
