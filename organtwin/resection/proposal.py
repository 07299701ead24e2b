"""Several ways to take the tumours, each with its numbers, the most sparing of the safe ones first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from organtwin.errors import BadInput, OrganTwinError
from organtwin.model.resection_plan import ResectionPlan
from organtwin.resection.anatomy import Anatomy
from organtwin.resection.cut import chosen_tumours, touched
from organtwin.resection.measure import MARGIN, NO_INFLOW, NO_OUTFLOW, REMNANT, protected_cut, share_percent, value_of
from organtwin.resection.plan import make_plan, short_names
from organtwin.resection.settings import Settings
from organtwin.resection.thresholds import THRESHOLDS
from organtwin.units import parse


@dataclass(frozen=True)
class Way:
    """A way to resect: what it is called, and the settings that make it."""

    title: str
    settings: Settings


def ways(anatomy: Anatomy, settings: Settings) -> tuple[Way, ...]:
    """Those worth looking at: by margin alone, by the plane that takes least, by the territories that the tumours touch,
    and by a half of the organ."""
    tumours = chosen_tumours(anatomy, settings)
    if not tumours:
        raise BadInput(
            f"Nothing can be proposed: the {anatomy.organ_name.lower()} has no tumour that is chosen",
            remedy="Find or draw one, or cut by named territories or by a plane.",
        )
    plain = settings.model_copy(
        update={
            "planes": (),
            "territories": None,
            "add_territories": (),
            "remove_territories": (),
            "pushes": (),
            "strokes": (),
        }
    )
    found = [
        Way("By margin", plain.model_copy(update={"strategy": "margin"})),
        Way("By a plane", plain.model_copy(update={"strategy": "plane"})),
    ]
    if anatomy.territories:
        hit = touched(anatomy, tumours, parse(settings.margin, "length"))
        by_parts = plain.model_copy(update={"strategy": "territories"})
        if hit and len(hit) < len(anatomy.territories):
            found.append(
                Way(short_names([anatomy.known(k) for k in hit]), by_parts.model_copy(update={"territories": hit}))
            )
        found += [
            Way(side, by_parts.model_copy(update={"territories": keys}))
            for side, keys in halves(anatomy).items()
            if set(hit) <= set(keys) and set(keys) != set(hit)
        ]
    return tuple(found)


def halves(anatomy: Anatomy) -> dict[str, tuple[str, ...]]:
    """The right and the left half of the organ as sets of territories, by their names where these say so."""
    sides: dict[str, list[str]] = {"Right hemihepatectomy": [], "Left hemihepatectomy": []}
    for key in anatomy.territories:
        side = _side(f"{key} {anatomy.known(key)}".lower())
        if side:
            sides[f"{side} hemihepatectomy"].append(key)
    return {name: tuple(keys) for name, keys in sides.items() if keys and len(keys) < len(anatomy.territories)}


_RIGHT, _LEFT = (
    ("5", "6", "7", "8", "v", "vi", "vii", "viii"),
    ("2", "3", "4", "4a", "4b", "ii", "iii", "iv", "iva", "ivb"),
)


def _side(name: str) -> str:
    """Which half a territory belongs to by its name: "right anterior", "segment 7", "Segment VI"."""
    words = name.replace("_", " ").replace("-", " ").split()
    if "right" in words or "left" in words:
        return "Right" if "right" in words else "Left"
    for before, number in pairwise(words):
        if before in ("segment", "seg", "s"):
            return "Right" if number in _RIGHT else "Left" if number in _LEFT else ""
    return ""


def propose(
    anatomy: Anatomy,
    settings: Settings,
    *,
    segmentation: str = "",
    progress: Callable[[float, str], None] = lambda fraction, what: None,
) -> tuple[ResectionPlan, ...]:
    """A plan for each of :func:`ways`, the best first; one that cannot be made is left out.

    First come those that keep the margin and the least remnant and do not cut the vena cava; among them the one that leaves
    the most liver with its blood.

    Raises
    ------
    BadInput
        When there is no tumour, or no way at all.
    """
    known = ways(anatomy, settings)
    made: list[ResectionPlan] = []
    failed: OrganTwinError | None = None
    for number, way in enumerate(known):
        progress(number / len(known), way.title.lower())
        try:
            made.append(make_plan(anatomy, way.settings, segmentation=segmentation, name=way.title))
        except BadInput as error:
            failed = error
    if not made:
        raise failed or BadInput("No way to resect was found")
    return tuple(sorted(made, key=lambda plan: rank(anatomy, plan)))


def rank(anatomy: Anatomy, plan: ResectionPlan) -> tuple[int, float]:
    """What is wrong with a plan, and how much of the remnant would lose its blood or be taken."""
    settings = Settings.model_validate(plan.settings)
    quantities = plan.quantities
    margin = value_of(quantities, MARGIN)
    wrong = int(share_percent(quantities) < THRESHOLDS[settings.condition].least_percent)
    wrong += int(margin is not None and margin < parse(settings.margin, "length") - 1.0)
    wrong += int((margin is not None and margin < 0) or bool(protected_cut(anatomy, settings, np.asarray(plan.taken))))
    lost = sum(value_of(quantities, name) or 0.0 for name in (NO_INFLOW, NO_OUTFLOW))
    return wrong, -((value_of(quantities, REMNANT) or 0.0) - lost)
