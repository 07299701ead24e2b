"""What moves: the phase of a cine or gated series that the views show, its structures over the cycle, and their volumes."""

from organtwin_gui.moving.panel import MotionPanel

__all__ = ["MotionPanel"]
