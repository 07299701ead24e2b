"""The numbers of a plan: volumes, margin, distances, and what of the remnant keeps its blood."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from organtwin.model import Quantity
from organtwin.model.resection_plan import CutVessel
from organtwin.resection import supply
from organtwin.resection.anatomy import CAVA, INFLOW, OUTFLOW, Anatomy
from organtwin.resection.cut import Cut
from organtwin.resection.distance import Mask, at
from organtwin.resection.settings import Settings
from organtwin.resection.sheet import area_mm2, inside
from organtwin.resection.thresholds import FORMULA, THRESHOLDS
from organtwin.units import parse

Level = Literal["good", "fair", "poor", "unknown"]

RESECTED, REMNANT, REMNANT_SHARE = "resected volume", "remnant volume", "remnant of functional liver"
MARGIN, CUT_AREA, CUTS = "margin", "cut surface", "vessels cut"
WIDEST = "widest vessel cut"
NO_INFLOW, NO_OUTFLOW = "remnant without portal inflow", "remnant without venous drainage"
SUPPLIED = "remnant with inflow and drainage"


def measure(
    anatomy: Anatomy,
    cut: Cut,
    points: NDArray[np.float64],
    triangles: NDArray[np.int32],
    vessels: tuple[CutVessel, ...],
) -> tuple[Quantity, ...]:
    """All quantities, in the order in which they are asked for. ``points`` and ``triangles`` are the sheet."""
    own = inside(anatomy, points, triangles)
    share = _remnant_share(anatomy, cut)
    return (
        *_volumes(anatomy, cut, share),
        *_tumours(anatomy, cut, points, triangles),
        _area(anatomy, *own),
        *_vessels(anatomy, vessels),
        *_blood(anatomy, cut, share),
        *_distances(anatomy, cut, own[0]),
    )


def _remnant_share(anatomy: Anatomy, cut: Cut) -> float:
    """What stays in percent, both without tumour."""
    return 100 * _ml(anatomy, ~cut.taken & ~_tumour(anatomy)) / max(_ml(anatomy, ~_tumour(anatomy)), 1e-9)


def _volumes(anatomy: Anatomy, cut: Cut, share: float) -> Iterator[Quantity]:
    level, why = level_of(anatomy, anatomy.organ_key)
    remnant = _ml(anatomy, ~cut.taken & ~_tumour(anatomy))
    yield Quantity(name=RESECTED, value=_ml(anatomy, cut.taken), unit="mL", level=level, why=why)
    yield Quantity(name=REMNANT, value=remnant, unit="mL", level=level, why=f"without tumour; {why}")
    name = REMNANT_SHARE if anatomy.organ_key == "liver" else REMNANT_SHARE.replace("liver", _organ(anatomy))
    yield Quantity(name=name, value=share, unit="%", level=level, why=f"{FORMULA}; {why}")


def _tumours(
    anatomy: Anatomy, cut: Cut, points: NDArray[np.float64], triangles: NDArray[np.int32]
) -> Iterator[Quantity]:
    if not cut.tumours:
        return
    level, why = level_of(anatomy, *cut.tumours)
    yield Quantity(
        name=MARGIN,
        value=margin_mm(anatomy, cut, points, triangles),
        unit="mm",
        level=level,
        why=f"least distance of a tumour to the cut, ± {0.5 * anatomy.voxel_mm:.1f} mm; {why}",
    )
    chosen = np.logical_or.reduce([anatomy.tumours[key] for key in cut.tumours])
    volume = float(np.count_nonzero(chosen)) * anatomy.voxel_ml
    yield Quantity(name="tumour volume", value=volume, unit="mL", level=level, why=why)


def _area(anatomy: Anatomy, points: NDArray[np.float64], triangles: NDArray[np.int32]) -> Quantity:
    level, why = level_of(anatomy, anatomy.organ_key)
    area = area_mm2(points, triangles) / 100 if len(points) else 0.0
    return Quantity(name=CUT_AREA, value=area, unit="cm²", level=level, why=why)


def _vessels(anatomy: Anatomy, vessels: tuple[CutVessel, ...]) -> Iterator[Quantity]:
    if not anatomy.vessels:
        return
    level, why = level_of(anatomy, *anatomy.vessels)
    yield Quantity(
        name=CUTS, value=len(vessels), unit="", level=level, why=f"of {supply.SMALLEST_MM} mm and more; {why}"
    )
    if vessels:
        yield Quantity(name=WIDEST, value=vessels[0].diameter_mm, unit="mm", level=level, why=vessels[0].name)


def _blood(anatomy: Anatomy, cut: Cut, share: float) -> Iterator[Quantity]:
    """What of the remnant loses its inflow or its drainage, and how much keeps both."""
    estimate = "each voxel to its nearest branch; an estimate"
    named = [(key, name) for key, name in ((INFLOW, NO_INFLOW), (OUTFLOW, NO_OUTFLOW)) if key in anatomy.vessels]
    for key, name in named:
        lost = supply.lost_ml(anatomy, cut, (key,))
        _, why = level_of(anatomy, key)
        yield Quantity(name=name, value=lost, unit="mL", level="fair", why=f"{estimate}; {why}")
    if len(named) == 2:
        whole = _ml(anatomy, ~cut.taken)
        kept = (whole - supply.lost_ml(anatomy, cut, (INFLOW, OUTFLOW))) / max(whole, 1e-9)
        why = f"of the functional {_organ(anatomy)}; {estimate}"
        yield Quantity(name=SUPPLIED, value=share * kept, unit="%", level="fair", why=why)


def _distances(anatomy: Anatomy, cut: Cut, cut_points: NDArray[np.float64]) -> Iterator[Quantity]:
    for key in anatomy.vessels:
        level, why = level_of(anatomy, key)
        yield Quantity(
            name=f"distance to {anatomy.known(key).lower()}",
            value=distance_mm(anatomy, key, cut, cut_points),
            unit="mm",
            level=level,
            why=f"from the cut; 0 where it is cut; {why}",
        )


def _organ(anatomy: Anatomy) -> str:
    return anatomy.organ_name.lower()


def _tumour(anatomy: Anatomy) -> Mask:
    """All tumours, also those that are not meant to be taken."""
    return np.logical_or.reduce([np.zeros_like(anatomy.organ), *anatomy.tumours.values()])


def _ml(anatomy: Anatomy, mask: Mask) -> float:
    """Volume of the organ within a mask."""
    return float(np.count_nonzero(anatomy.organ & mask)) * anatomy.voxel_ml


def share_percent(quantities: tuple[Quantity, ...]) -> float:
    """The remnant in percent of the functional organ."""
    return next(q.value for q in quantities if q.name.startswith("remnant of functional"))


def value_of(quantities: tuple[Quantity, ...], name: str) -> float | None:
    """The number of that name, None where there is none."""
    return next((q.value for q in quantities if q.name == name), None)


def margin_mm(anatomy: Anatomy, cut: Cut, points: NDArray[np.float64], triangles: NDArray[np.int32]) -> float:
    """Least distance from a tumour's surface to the cut within the organ; negative where the cut goes through a tumour."""
    field = anatomy.tumour_mm(cut.tumours)
    left = anatomy.organ & ~cut.taken
    nearest = float(field[left].min())
    if nearest < 0:
        return nearest
    own, _ = inside(anatomy, points, triangles)
    return float(at(field, anatomy.grid, own).min()) if len(own) else nearest


def distance_mm(anatomy: Anatomy, key: str, cut: Cut, cut_points: NDArray[np.float64]) -> float:
    """Least distance from the cut to a vessel, 0 where it goes through it or takes some of it."""
    if not len(cut_points) or (anatomy.vessels[key] & cut.taken).any():
        return 0.0
    return max(0.0, float(at(anatomy.vessel_mm(key), anatomy.grid, cut_points).min()))


def warnings(
    anatomy: Anatomy, settings: Settings, cut: Cut, quantities: tuple[Quantity, ...], points: NDArray[np.float64]
) -> tuple[str, ...]:
    """What a surgeon must not miss, each a sentence."""
    told = list(cut.notes)
    threshold = THRESHOLDS[settings.condition]
    share = share_percent(quantities)
    if anatomy.organ_key == "liver" and share < threshold.ample_percent:
        said = "below" if share < threshold.least_percent else "near"
        told.insert(
            0,
            f"The remnant is {share:.0f} %, {said} the {threshold.least_percent:.0f} % that is held to be the least for "
            f"{threshold.said} ({threshold.source}). A warning, not a verdict: function is not volume.",
        )
    supplied = value_of(quantities, SUPPLIED)
    if anatomy.organ_key == "liver" and supplied is not None and supplied < threshold.least_percent <= share:
        told.append(f"Only {supplied:.0f} % would keep both inflow and drainage: vessels of the remnant are cut.")
    asked, margin = parse(settings.margin, "length"), value_of(quantities, MARGIN)
    if margin is not None and margin < 0:
        told.insert(0, "The cut goes through a tumour.")
    elif margin is not None and margin < asked - 0.75 * anatomy.voxel_mm:
        told.append(f"The margin is {margin:.1f} mm, less than the {settings.margin} asked for.")
    left_out = [
        anatomy.known(k) for k in anatomy.tumours if k not in cut.tumours and (anatomy.tumours[k] & ~cut.taken).any()
    ]
    if left_out:
        told.append(f"What stays has tumour in it: {', '.join(left_out)}.")
    gone_through = protected_cut(anatomy, settings, cut.taken)
    for key, wanted in settings.protect.items():
        if key not in anatomy.vessels and key not in anatomy.territories:
            continue
        name = anatomy.known(key).lower()
        if key in anatomy.vessels:
            away = next((q.value for q in quantities if q.name == f"distance to {name}"), None)
            if key in gone_through:
                told.append(f"The cut goes through the {name}.")
            elif away is not None and away < parse(wanted, "length"):
                told.append(f"The cut comes within {away:.1f} mm of the {name} (wanted: {wanted}).")
        elif (anatomy.territories[key] & cut.taken).any():
            told.append(f"Some of {name} is taken, which was to be spared.")
    if cut.tumours and CAVA in anatomy.vessels:
        touching = float(anatomy.tumour_mm(cut.tumours)[anatomy.vessels[CAVA]].min(initial=np.inf))
        if touching <= anatomy.voxel_mm:
            told.append("A tumour touches the vena cava: no margin is possible there without taking its wall.")
    return tuple(dict.fromkeys(told))


def protected_cut(anatomy: Anatomy, settings: Settings, taken: Mask) -> tuple[str, ...]:
    """Vessels to be protected of which something is taken."""
    return tuple(key for key in settings.protect if key in anatomy.vessels and (anatomy.vessels[key] & taken).any())


def level_of(anatomy: Anatomy, *keys: str) -> tuple[Level, str]:
    """How far a number can be believed that rests on these structures: as far as the least certain of them."""
    known = [(anatomy.doubts.get(key), key) for key in keys]
    sure = [(c, k) for c, k in known if c is not None]
    if not sure:
        return "fair", "drawn by hand"
    least, key = min(sure)
    level: Level = "good" if least >= 0.85 else "fair" if least >= 0.6 else "poor"
    return level, f"{anatomy.known(key).lower()} segmented with confidence {least:.2f}"
