"""What the surgeon must know, live: forces, strain, distances, volumes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from numpy.typing import NDArray

from organtwin.model.result import Quantity
from organtwin.rehearsal.frame import Measures

if TYPE_CHECKING:
    from organtwin_solvers.rehearsal.engine import Engine


class Measurer:
    """Measures an engine, frame by frame."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._last = time.perf_counter()

    def __call__(self, strain: NDArray[np.float64], carried: Mapping[str, NDArray[np.float64]]) -> Measures:
        """Now, with the strain of the points (n,) and the places (k, 3) of what is carried."""
        engine = self._engine
        body, history = engine.body, engine.history
        now = time.perf_counter()
        step_ms, self._last = 1e3 * (now - self._last), now
        worst = int(strain.argmax()) if len(strain) else 0
        limit = self._limit()
        vessel, tumour = self._nearest("vessel", carried), self._nearest("tumour", carried)
        left = float(body.volume_mm3.sum())
        bleeding = tuple(s.branch for s in history.severed if not s.clipped)
        return Measures(
            time_s=engine.tick * engine.scene.step_s,
            steps=history.steps,
            force_n=max((tool.force_n for tool in engine.tools), default=0.0),
            largest_strain_percent=round(100.0 * float(strain[worst]), 6) if len(strain) else 0.0,  # not of rounding
            strain_limit_percent=None if limit is None else 100.0 * limit,
            strain_at_mm=tuple(float(c) for c in engine.stepper.x[worst]) if len(strain) else None,
            vessel=vessel[0],
            vessel_mm=vessel[1],
            tumour=tumour[0],
            tumour_mm=tumour[1],
            resected_ml=history.taken_mm3 / 1e3,
            remnant_ml=left / 1e3,
            remnant_percent=100.0 * left / history.volume_mm3,
            margin_mm=history.margin_mm,
            vessels_cut=tuple(dict.fromkeys(s.branch for s in history.severed)),
            vessels_clipped=tuple(dict.fromkeys(c.branch for c in history.closed)),
            bleeding=tuple(dict.fromkeys(bleeding)),
            unrest=float(engine.stepper.unrest()),
            step_ms=step_ms,
        )

    def _limit(self) -> float | None:
        """Strain that the organ's own tissue bears."""
        return self._engine.scene.material.tears_at

    def _nearest(self, kind: str, carried: Mapping[str, NDArray[np.float64]]) -> tuple[str, float | None]:
        """The thing of a kind that the tip of the tool is nearest to, and how near (mm)."""
        tool = self._engine.tool
        if tool is None or tool.felt is None:
            return "", None
        best: tuple[str, float | None] = ("", None)
        for thing in self._engine.carried:
            if thing.kind == kind:
                far = distance(carried[thing.name], thing.triangles, thing.gone, tool.felt[:3])
                if np.isfinite(far) and (best[1] is None or far < best[1]):
                    best = (thing.name, far)
        return best


@njit(cache=True)
def distance(points, triangles, gone, place):  # type: ignore[no-untyped-def]
    """Least distance (mm) from a place (3,) to the points of the triangles that are still there; inf when there are
    none."""
    least = np.inf
    for t in range(len(triangles)):
        if not gone[t]:
            for k in range(3):
                p = points[triangles[t, k]]
                d = (p[0] - place[0]) ** 2 + (p[1] - place[1]) ** 2 + (p[2] - place[2]) ** 2
                least = min(least, d)
    return np.sqrt(least)


def quantities(now: Measures) -> tuple[Quantity, ...]:
    """The measures as numbers of a result."""
    why = "rehearsal engine, not a full solve"
    rows = [
        ("rehearsed time", now.time_s, "s"),
        ("steps", float(now.steps), ""),
        ("force at the tool", now.force_n, "N"),
        ("largest strain", now.largest_strain_percent, "%"),
        ("resected volume", now.resected_ml, "mL"),
        ("remnant volume", now.remnant_ml, "mL"),
        ("remnant", now.remnant_percent, "%"),
        ("vessels cut", float(len(now.vessels_cut)), ""),
        ("vessels clipped", float(len(now.vessels_clipped)), ""),
        ("vessels bleeding", float(len(now.bleeding)), ""),
    ]
    if now.margin_mm is not None:
        rows.append(("least margin", now.margin_mm, "mm"))
    return tuple(
        Quantity(name=name, value=round(value, 9), unit=unit, level="fair", why=why) for name, value, unit in rows
    )
