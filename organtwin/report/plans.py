"""Plans of resections in the report: each with its numbers, and the newest two side by side."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from organtwin.errors import BadInput
from organtwin.model import ResectionPlan
from organtwin.resection.comparison import compare_plans
from organtwin.store import Entry, Project

MOST_PAIRS = 3


def compared_plans(project: Project, entries: list[Entry]) -> list[dict[str, Any]]:
    """Each plan beside the one before it, the newest pairs only; what cannot be compared is left out."""
    loaded = [project.load(e.uuid) for e in entries if e.kind == "plan"]
    plans = [p for p in loaded if isinstance(p, ResectionPlan)]
    tables = []
    for one, other in list(pairwise(plans))[-MOST_PAIRS:]:
        try:
            found = compare_plans(one, other)
        except BadInput:
            continue
        tables.append({"one": one.name, "other": other.name, "of": other.uuid, "found": found})
    return tables
