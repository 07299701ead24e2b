"""From settings to a plan."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from organtwin.model.resection_plan import ResectionPlan
from organtwin.resection import supply
from organtwin.resection.anatomy import INFLOW, OUTFLOW, Anatomy
from organtwin.resection.cut import Cut, make_cut
from organtwin.resection.measure import measure, warnings
from organtwin.resection.settings import Settings
from organtwin.resection.sheet import sheet
from organtwin.resection.thresholds import FORMULA, THRESHOLDS

_ABOUT = re.compile(r"about segment (\w+)", re.IGNORECASE)
TITLES = {"margin": "Atypical resection", "territories": "Resection of territories", "plane": "Resection by plane"}


def make_plan(
    anatomy: Anatomy,
    settings: Settings,
    *,
    segmentation: str = "",
    name: str = "",
    progress: Callable[[float, str], None] = lambda fraction, what: None,
) -> ResectionPlan:
    """The plan that the settings ask for, with all its numbers.

    Raises
    ------
    BadInput
        As :func:`organtwin.resection.cut.make_cut`.
    """
    progress(0.0, "cutting")
    cut = make_cut(anatomy, settings)
    progress(0.4, "the cut surface")
    points, triangles = sheet(anatomy, cut)
    progress(0.6, "vessels")
    vessels = supply.vessels_cut(anatomy, cut)
    progress(0.75, "what stays")
    quantities = measure(anatomy, cut, points, triangles, vessels)
    resolved = settings.model_copy(update={"tumours": cut.tumours, **_resolved(settings, cut)})
    return ResectionPlan(
        name=name or title(anatomy, settings, cut),
        segmentation=segmentation,
        organ=anatomy.organ_key,
        tumours=cut.tumours,
        territories=cut.territories,
        margin=settings.margin,
        grid=anatomy.grid,
        taken=cut.taken,
        cut_points_mm=points,
        cut_triangles=triangles,
        vessels_cut=vessels,
        quantities=quantities,
        settings=resolved.model_dump(mode="json"),
        warnings=warnings(anatomy, settings, cut, quantities, points),
        credibility=credibility(anatomy, settings),
    )


def title(anatomy: Anatomy, settings: Settings, cut: Cut) -> str:
    """What to call a plan."""
    if settings.strategy == "territories":
        return f"{short_names([anatomy.known(k) for k in cut.territories])}, margin {settings.margin}"
    return f"{TITLES[settings.strategy]}, margin {settings.margin}"


def short_names(names: list[str]) -> str:
    """Territories in a few words: "About segments 2, 4a, 8" where each is about a segment, else their names."""
    numbers = [found.group(1) for name in names if (found := _ABOUT.search(name))]
    if len(numbers) == len(names) > 0:
        return f"About segment{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"
    return ", ".join(names)


def _resolved(settings: Settings, cut: Cut) -> dict[str, Any]:
    """What was found rather than given, so that the plan can be made again and changed by hand."""
    if settings.strategy == "plane":
        return {"planes": cut.planes}
    if settings.strategy == "territories":
        return {"territories": tuple(t for t in cut.territories if t not in settings.add_territories)}
    return {}


def credibility(anatomy: Anatomy, settings: Settings) -> dict[str, str]:
    """What the numbers rest on, and what they do not know."""
    voxel = " × ".join(f"{s:.2g}" for s in anatomy.grid.spacing_mm)
    scan = " × ".join(f"{s:.2g}" for s in anatomy.scan_spacing_mm)
    sure = [
        f"{anatomy.known(key)} {'drawn by hand' if anatomy.doubts.get(key) is None else f'{anatomy.doubts[key]:.2f}'}"
        for key in (anatomy.organ_key, *anatomy.tumours, *anatomy.vessels)
    ]
    threshold = THRESHOLDS[settings.condition]
    made = {
        "worked out on": f"voxels of {voxel} mm (scan: {scan} mm); lengths ± {0.5 * float(np.max(anatomy.grid.spacing_mm)):.1f} mm",
        "confidence of the structures": ", ".join(sure),
        "remnant": FORMULA,
        "least remnant": f"{threshold.least_percent:.0f} % for {threshold.said} ({threshold.source}); a warning, not a verdict",
        "what this is not": "volume is not function; breathing, the state of the liver and what is found at surgery are not in it",
    }
    if INFLOW in anatomy.vessels or OUTFLOW in anatomy.vessels:
        how = "the branches of the vessel trees" if anatomy.trees else "voxels of the vessels that hang together"
        made["inflow and drainage"] = f"each voxel to its nearest branch, through {how}; collaterals are not known"
    else:
        made["inflow and drainage"] = "not known: portal and hepatic veins are not segmented"
    return made
