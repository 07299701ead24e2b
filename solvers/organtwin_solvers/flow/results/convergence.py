"""What a mesh costs in accuracy: one case on three meshes of one vessel, extrapolated to cells of no size.

Grid convergence index after Celik et al., J. Fluids Eng. 130, 078001 (2008), which follows Roache.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.mesh import quality
from organtwin.mesh.resize import resized
from organtwin.model import FlowCase, OrganMesh, Quantity, Result, TwinObject
from organtwin.monitor import Monitor, NullMonitor, PartMonitor
from organtwin_solvers.flow.convergence_operation import ConvergenceParameters
from organtwin_solvers.flow.request import mesh_and_case
from organtwin_solvers.flow.solve import solve

# factors on the error estimate; the second where the order found is not to be trusted (Roache)
SAFETY, DOUBTFUL_SAFETY = 1.25, 3.0
LOWEST_ORDER, FORMAL_ORDER = 0.5, 2.0
SMALLEST_RATIO = 1.1  # of cell sizes from mesh to mesh
GOOD_PERCENT, FAIR_PERCENT = 3.0, 10.0
STUDIED = (
    "Pressure drop", "Peak pressure drop", "FFR", "Lowest FFR", "Flow share", "Peak velocity", "Mean wall shear", "Wall shear, 99th",
    "Mean TAWSS", "TAWSS, 99th", "Mean OSI", "Mean kinetic energy", "Peak kinetic energy",
)  # fmt: skip


@dataclass(frozen=True)
class Study:
    """What three meshes say of one number, from the finest to the coarsest.

    ``order`` as observed; ``extrapolated`` to cells of no size; ``gci_percent`` of each of the three, an error bar for its
    value; ``oscillating`` when the value went up and down, ``trusted`` when it did not and the order is one that the
    scheme can have.
    """

    values: tuple[float, float, float]
    order: float
    extrapolated: float
    gci_percent: tuple[float, float, float]
    oscillating: bool
    trusted: bool


def study(values: Sequence[float], sizes: Sequence[float]) -> Study:
    """The index for a number found on three meshes, finest first, with cells of these sizes.

    The order p solves p ln(r21) = |ln|e32/e21| + q(p)|, q = ln((r21^p - s) / (r32^p - s)), by fixed-point iteration. Where it
    is not between 0.5 and 3, or values oscillate, the errors are estimated with the order nearest to it between 0.5 and 2
    and carry a safety factor of 3 instead of 1.25.

    Raises
    ------
    BadInput
        When there are not three meshes that get coarser by a tenth each.
    """
    if len(values) != 3 or len(sizes) != 3:
        raise BadInput("A convergence study needs three meshes")
    (fine, middle, coarse), (h1, h2, h3) = map(float, values), map(float, sizes)
    r21, r32 = h2 / h1, h3 / h2
    if min(r21, r32) < SMALLEST_RATIO:
        raise BadInput(
            f"The meshes are too much alike: their cells differ by {100 * (min(r21, r32) - 1):.0f} % in size",
            remedy="Use factors that are further apart.",
        )
    e21, e32 = middle - fine, coarse - middle
    scale = max(abs(fine), abs(middle), abs(coarse))
    if scale == 0.0 or max(abs(e21), abs(e32)) <= 1e-12 * scale:
        return Study((fine, middle, coarse), math.inf, fine, (0.0, 0.0, 0.0), False, True)
    order = _order(e21, e32, r21, r32)
    oscillating = e21 * e32 < 0.0
    trusted = not oscillating and LOWEST_ORDER <= order <= 1.5 * FORMAL_ORDER
    used = order if trusted else float(np.clip(order, LOWEST_ORDER, FORMAL_ORDER))
    extrapolated = fine - e21 / (r21**used - 1.0)
    if trusted:
        errors = [abs(extrapolated - value) for value in (fine, middle, coarse)]
    else:  # the spread of the three bounds what the extrapolation cannot say
        spread = max(abs(e21), abs(e32))
        errors = [max(abs(extrapolated - value), 0.5 * spread) for value in (fine, middle, coarse)]
    safety = SAFETY if trusted else DOUBTFUL_SAFETY
    percent = [100.0 * safety * e / max(abs(v), 1e-300) for e, v in zip(errors, (fine, middle, coarse), strict=True)]
    return Study(
        (fine, middle, coarse), order, extrapolated, (percent[0], percent[1], percent[2]), oscillating, trusted
    )


def _order(e21: float, e32: float, r21: float, r32: float) -> float:
    """Observed order of convergence; infinite or 0 where one of the two changes is nothing."""
    if e21 == 0.0:
        return math.inf
    if e32 == 0.0:
        return 0.0
    sign, ratio = math.copysign(1.0, e32 / e21), math.log(abs(e32 / e21))
    order = abs(ratio) / math.log(r21)
    for _ in range(200):
        above, below = r21**order - sign, r32**order - sign
        if above <= 0.0 or below <= 0.0:
            return 0.0
        following = abs(ratio + math.log(above / below)) / math.log(r21)
        if abs(following - order) < 1e-10:
            return following
        order = min(0.5 * (order + following), 50.0)
    return order


def run(inputs: Mapping[str, TwinObject], parameters: ConvergenceParameters, monitor: Monitor) -> tuple[Result]:
    """The operation "flow-convergence"."""
    organ, case = mesh_and_case(inputs, parameters)
    return (converge(organ, case, (parameters.coarse, parameters.fine), monitor),)


def converge(
    organ: OrganMesh, case: FlowCase, factors: tuple[float, float] = (1.5, 0.7), monitor: Monitor | None = None
) -> Result:
    """A case on a mesh, on a coarser and on a finer one of the same vessel.

    Returns
    -------
    Result
        That of the given mesh. The level of each studied quantity comes from its grid convergence index, and further
        quantities give the index, the order observed and the value for cells of no size; the table "mesh study" has the
        values on the three meshes.

    Raises
    ------
    BadInput
        When a factor is not on its side of 1, or the vessel cannot be meshed so.
    """
    monitor = monitor or NullMonitor()
    coarse, fine = factors
    if not fine < 1.0 < coarse:
        raise BadInput("A study needs a factor above 1 for the coarser mesh and one below 1 for the finer")
    work = np.cumsum([0.0, *(1.0 / np.array([coarse, 1.0, fine]) ** 4)])
    share = work / work[-1]
    results: list[Result] = []
    meshes: list[OrganMesh] = []
    for at, factor in enumerate((coarse, 1.0, fine)):
        part = PartMonitor(monitor, float(share[at]), float(share[at + 1]))
        name = ("coarser", "given", "finer")[at]
        part.progress(0.0, f"{name} mesh")
        beat = _Beat(part, f"{name} mesh")
        meshes.append(organ if factor == 1.0 else resized(organ, factor, beat))
        _apart(organ, meshes[-1], name)
        monitor.log(f"{name} mesh: {len(meshes[-1].tets)} tetrahedra")
        results.append(solve(meshes[-1], case, _Named(PartMonitor(part, 0.15, 1.0), f"{name} mesh")))
    return _studied(case, meshes[::-1], results[::-1])


def _apart(given: OrganMesh, made: OrganMesh, name: str) -> None:
    """Refuse a mesh that tells nothing new, before it is solved on."""
    sizes = _cell_size(given), _cell_size(made)
    ratio = sizes[1] / sizes[0] if name == "coarser" else sizes[0] / sizes[1]
    if made is not given and ratio < SMALLEST_RATIO:
        raise BadInput(
            f"The {name} mesh came out with cells of {sizes[1]:.2g} mm beside {sizes[0]:.2g} mm of the given one: too much alike",
            remedy="Begin from a finer mesh." if name == "coarser" else "Begin from a coarser mesh.",
        )


class _Beat:
    """Progress while a mesher runs: towards 0.15 of its part."""

    def __init__(self, monitor: Monitor, what: str) -> None:
        self._monitor, self._what, self._left = monitor, what, 1.0

    def __call__(self) -> None:
        self._left *= 0.99
        self._monitor.progress(0.15 * (1.0 - self._left), self._what)


class _Named:
    """A monitor that says on which mesh the solve is; a study keeps no checkpoints, for those of one mesh fit no other."""

    def __init__(self, monitor: Monitor, name: str) -> None:
        self._monitor, self._name = monitor, name

    def progress(self, fraction: float, what: str = "") -> None:
        self._monitor.progress(fraction, f"{self._name}: {what}")

    def residual(self, name: str, step: int, value: float) -> None:
        self._monitor.residual(f"{name}, {self._name}", step, value)

    def log(self, text: str) -> None:
        self._monitor.log(f"{self._name}: {text}")

    def keep(self, arrays: Mapping[str, NDArray[Any]]) -> None: ...

    def kept(self) -> None:
        return None


def _studied(case: FlowCase, meshes: Sequence[OrganMesh], results: Sequence[Result]) -> Result:
    """The result of the middle mesh with what the three (finest first) say."""
    sizes = [_cell_size(mesh) for mesh in meshes]
    found = [{q.name: q for q in result.quantities} for result in results]
    kept: list[Quantity] = []
    added: list[Quantity] = []
    table = {"tetrahedra": [float(len(m.tets)) for m in meshes], "cell_size_mm": sizes}
    for quantity in results[1].quantities:
        name = quantity.name
        if not name.startswith(STUDIED) or not all(name in one for one in found):
            kept.append(quantity)
            continue
        one = study([f[name].value for f in found], sizes)
        level, why = _level(one)
        kept.append(quantity.model_copy(update={"level": level, "why": why}))
        table[f"{name} ({quantity.unit})" if quantity.unit else name] = list(one.values)
        for title, value, unit in (
            ("Grid convergence index", one.gci_percent[1], "%"),
            ("Order observed", one.order, ""),
            ("Extrapolated", one.extrapolated, quantity.unit),
        ):
            if math.isfinite(value):
                added.append(Quantity(name=f"{title}: {name}", value=value, unit=unit, level=level, why=why))
    cells = " / ".join(str(len(mesh.tets)) for mesh in meshes)
    return results[1].with_(
        name=f"{case.name}, mesh study",
        quantities=(*kept, *added),
        credibility=results[1].credibility | {"mesh study": f"grid convergence index from {cells} tetrahedra"},
        tables=results[1].tables | {"mesh study": table},
    )


def _cell_size(mesh: OrganMesh) -> float:
    """Cube root of the mean cell volume, mm."""
    volume = quality.volumes(np.asarray(mesh.points_mm, float), np.asarray(mesh.tets)).sum()
    return float((volume / len(mesh.tets)) ** (1.0 / 3.0))


def _level(one: Study) -> tuple[Literal["good", "fair", "poor"], str]:
    """Level and reason for a value on the middle mesh."""
    percent = one.gci_percent[1]
    level: Literal["good", "fair", "poor"] = (
        "good" if percent <= GOOD_PERCENT else "fair" if percent <= FAIR_PERCENT else "poor"
    )
    if not one.trusted and level == "good":
        level = "fair"
    how = "values oscillate" if one.oscillating else f"order {one.order:.1f}"
    return level, f"mesh study: within {percent:.2g} % ({how})"
