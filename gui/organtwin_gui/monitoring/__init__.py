"""Many patients at once: who changed, why, since when; and one of them in more detail."""

from organtwin_gui.monitoring.cohort_window import CohortWindow

__all__ = ["CohortWindow"]
