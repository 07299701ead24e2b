"""A twin of the way of patients through a hospital: who waits how long for what under which plan (discrete events, SimPy)."""

from organtwin.pathway.compare import Comparison, compare
from organtwin.pathway.durations import KNOWN, Known, of_events, planned
from organtwin.pathway.plan import Plan, read_plan
from organtwin.pathway.simulate import Outcome, simulate

__all__ = [
    "KNOWN",
    "Comparison",
    "Known",
    "Outcome",
    "Plan",
    "compare",
    "of_events",
    "planned",
    "read_plan",
    "simulate",
]
