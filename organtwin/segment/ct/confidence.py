"""How sure the engine is of an organ, from things that were measured, and the doubt in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

if TYPE_CHECKING:
    from organtwin.segment.ct.context import CTContext

Mask = NDArray[np.bool_]

# adults, in mL; wide, because the point is to catch what cannot be the organ
USUAL_ML = {
    "liver": (700.0, 3200.0),
    "spleen": (40.0, 900.0),
    "kidney_right": (60.0, 400.0),
    "kidney_left": (60.0, 400.0),
    "lung_right": (600.0, 4500.0),
    "lung_left": (500.0, 4000.0),
}
CLEAR_STEP_HU = 15.0
UNENHANCED_HU, UNENHANCED = 75.0, 0.75


def cut_by_scan(mask: Mask) -> tuple[str, ...]:
    """Which faces of the scan the mask touches, in words; the array is in canonical order."""
    faces = (
        ("bottom", mask[0]),
        ("top", mask[-1]),
        ("front", mask[:, 0]),
        ("back", mask[:, -1]),
        ("right", mask[:, :, 0]),
        ("left", mask[:, :, -1]),
    )
    return tuple(name for name, face in faces if np.count_nonzero(face) > 20)


def clear_border(context: CTContext, mask: Mask) -> float:
    """Share of the organ's surface where brightness changes across it, on the working grid.

    Compares local means 2 to 6 mm inside with 2 to 6 mm outside.
    """
    values = np.clip(context.hu, -150, 350)
    sigma = 3.0 / context.spacing_mm
    rim = mask & ~ndimage.binary_erosion(mask, border_value=1)
    if not rim.any():
        return 0.0
    inner, outer = context.shrink(mask, 2.0), ~context.grow(mask, 2.0) & context.trunk
    step = np.abs(_mean_near(values, inner, sigma) - _mean_near(values, outer, sigma))
    return float(np.mean(step[rim] > CLEAR_STEP_HU))


def judge_organ(context: CTContext, key: str, mask: Mask, steadiness: float) -> tuple[float, str]:
    """Confidence in an organ and the doubt, from its border, its volume and how steady the competition was.

    Parameters
    ----------
    mask : (nk, nj, ni) bool array
        On the working grid.
    steadiness : float
        Volume found with a strict decision over volume found with a generous one, 0 to 1.
    """
    doubts = []
    border = clear_border(context, mask)
    if border < 0.75:
        doubts.append(f"its border does not show on {100 * (1 - border):.0f} % of its surface")
    if steadiness < 0.85:
        doubts.append(
            f"its size depends by {100 * (1 - steadiness):.0f} % on how strictly it is told from its neighbours"
        )
    size, doubt = _size(context, key, mask)
    if doubt:
        doubts.append(doubt)
    confidence = steadiness * (0.4 + 0.6 * border) * size
    if mask.any() and float(np.median(context.smooth[mask])) < UNENHANCED_HU:
        confidence *= UNENHANCED
        doubts.append("it holds little contrast: shape and fat around it, not brightness, tell it from its neighbours")
    return round(float(confidence), 2), "; ".join(doubts)


def judge_simple(context: CTContext, key: str, mask: Mask) -> tuple[float, str]:
    """Confidence in body or lung: thresholds seldom fail, but the picture may cut them."""
    cut = [face for face in cut_by_scan(mask) if face not in (("top", "bottom") if key == "body" else ())]
    where = f"the scan cuts it at the {' and '.join(cut)}" if cut else ""
    if key == "body":
        return (0.9 if cut else 0.98), where
    size, doubt = _size(context, key, mask)
    return round(0.97 * size, 2), doubt or where


def judge_bone(context: CTContext, mask: Mask) -> tuple[float, str]:
    """Confidence in bone (``mask`` on the full grid): its share that is surely brighter than filled vessels."""
    values = context.full_hu[mask]
    if values.size == 0:
        return 0.0, ""
    dense = float(np.mean(values > 250))
    doubt = "" if dense > 0.4 else "much of it is hardly brighter than contrast-filled vessels"
    return round(float(np.clip(0.5 + dense, 0, 0.95)), 2), doubt


def _size(context: CTContext, key: str, mask: Mask) -> tuple[float, str]:
    """Factor and doubt from the organ's volume."""
    ml = context.volume_ml(mask)
    low, high = USUAL_ML[key]
    cut = cut_by_scan(mask)
    if ml > high:
        return max(0.3, high / ml), f"its {ml:.0f} mL are more than usual"
    if cut:
        return (
            0.95 if ml > low else max(0.45, 0.85 * (ml / low) ** 0.3)
        ), f"the scan cuts it at the {' and '.join(cut)}"
    if ml < low:
        return max(0.2, ml / low), f"its {ml:.0f} mL are less than usual"
    return 1.0, ""


def _mean_near(values: NDArray[np.float32], where: Mask, sigma: NDArray[np.float64]) -> NDArray[np.float32]:
    weight = ndimage.gaussian_filter(where.astype(np.float32), sigma, truncate=3)
    total = ndimage.gaussian_filter(values * where, sigma, truncate=3)
    return np.asarray(total / np.maximum(weight, 1e-4), dtype=np.float32)
