"""What would go wrong, or be believed wrongly, said before a flow is solved.

``check`` looks at the mesh, the case and what the 0D loop says about the flow to come. Errors stop a solve; warnings say
what will be poor; notes say what is worth knowing.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.mesh.quality import volumes
from organtwin.model import FlowCase, OrganMesh
from organtwin.model.centerline import Centerline
from organtwin.monitor import Monitor
from organtwin.units import convert, show
from organtwin_solvers.flow.rheology import rheology
from organtwin_solvers.flow.setup.conditions import Conditions, resolve
from organtwin_solvers.flow.setup.finding import Finding
from organtwin_solvers.flow.setup.inflow import normals_mm2
from organtwin_solvers.flow.setup.mesh_check import check_mesh
from organtwin_solvers.flow.setup.targets import describe

Array = NDArray[np.float64]

LAMINAR = 2300.0  # Reynolds number of steady flow in a pipe
PULSATILE = 250.0  # peak Reynolds number over Womersley number (Nerem and Seed, Cardiovasc. Res. 6, 1972)
ACCURATE_CFL = 5.0  # cells that blood may cross in a step before the step, not the mesh, limits accuracy
FEWEST_STEPS = 100  # of a beat: systole rises within a twelfth of it
FASTEST_MM_PER_S = 5000.0  # no artery carries more, a tight stenosis apart
CELLS_ACROSS = 8  # of an opening, for a profile worth its name
BYTES_PER_CELL = 1500.0  # of the fast scheme: 900 measured between 40 and 200 thousand cells, and room
BYTES_PER_CELL_QUADRATIC = 30_000.0  # of Taylor-Hood: an estimate, not measured
DRIVEN = 3.0  # times the inflow
BEATS_S = (0.2, 3.0)  # from 300 a minute to 20
BLOOD_G_PER_MM3, BLOOD_PA_S = (0.9e-3, 1.3e-3), (0.5e-3, 50e-3)  # any blood, and what stands for it in the laboratory
MANY_STEPS = 20_000  # of a beat


def check(case: FlowCase, organ: OrganMesh) -> list[Finding]:
    """Everything worth saying about a case on a mesh, errors first."""
    found = check_mesh(organ)
    try:
        conditions = resolve(case, organ)
    except BadInput as error:
        cap = next((c.name for c in organ.caps if f"'{c.name}'" in error.what), "")
        found.append(Finding("error", error.what.rstrip("."), error.remedy, cap))
    else:
        found += check_conditions(case, organ, conditions)
    order = ("error", "warning", "note")
    return sorted(found, key=lambda finding: order.index(finding.level))


def check_conditions(
    case: FlowCase, organ: OrganMesh, conditions: Conditions, line: Centerline | None = None
) -> list[Finding]:
    """What the flow to come will be like: pressures, speeds, Reynolds numbers, steps, memory.

    With the middle line of the vessel, its narrow places are looked at as well.
    """
    if not any(inflow.peak_mm3_per_s for inflow in conditions.inflows):
        return [Finding("error", "Nothing flows in at any time", "Give an inlet a flow other than zero.")]
    passages = _passages(organ, conditions, line)
    return [
        *_blood(conditions),
        *_pressures(case, organ, conditions),
        *_speeds(case, conditions, passages),
        *_openings(organ, conditions),
        *_steps(case, organ, conditions, passages),
        *_memory(case, organ),
    ]


def _pressures(case: FlowCase, organ: OrganMesh, conditions: Conditions) -> list[Finding]:
    found = []
    ends = conditions.loop.terminals
    plain = [end for end in ends if end.resistance == 0.0]
    if not plain:
        found.append(
            Finding("note", f"The outlets and the inflow make about {describe(conditions.loop)} before the vessel's own drop")
        )  # fmt: skip
        mean = convert(conditions.loop.mean_pa, "pressure", "mmHg")
        if not -20.0 < mean < 250.0:
            found.append(
                Finding(
                    "warning",
                    f"Outlets and inflow make a mean pressure of {mean:.0f} mmHg",
                    "Check the resistances and their units, or give target pressures instead.",
                )
            )
    if len(plain) > 1 or (plain and len(ends) > len(plain)):
        high, low = max(e.distal_pressure_pa for e in ends), min(e.distal_pressure_pa for e in plain)
        total = sum(inflow.flow_mm3_per_s for inflow in conditions.inflows)
        driven = _driven(organ, conditions, max(e.distal_pressure_pa for e in plain) - low)
        if driven > DRIVEN * max(abs(total), 1e-300):
            apart = show(max(e.distal_pressure_pa for e in plain) - low, "pressure", "mmHg")
            found.append(
                Finding(
                    "warning",
                    f"The outlets stand at pressures {apart} apart, which alone drive about {driven / max(abs(total), 1e-300):.0f}"
                    " times the inflow from one to the other",
                    "Give outlets the same pressure, or target pressures and a flow split.",
                )
            )
        elif high == low:
            found.append(
                Finding(
                    "note",
                    "Outlets of one pressure: only the resistance of the meshed vessel divides the flow among them",
                    "Target pressures and a flow split stand for the vessels beyond.",
                )
            )
    if case.numerics.mode == "pulsatile" and all(inflow.waveform.steady for inflow in conditions.inflows):
        found.append(
            Finding(
                "note",
                "The inflow of this pulsatile case is constant: nothing pulsates",
                "Choose a waveform, or solve a steady case.",
            )
        )
    return found


def _blood(conditions: Conditions) -> list[Finding]:
    """Density and viscosities that no blood has: units that were meant otherwise."""
    found = []
    density, blood = conditions.density, rheology(conditions.blood)
    if not BLOOD_G_PER_MM3[0] <= density <= BLOOD_G_PER_MM3[1]:
        found.append(
            Finding("warning", f"A density of {show(density, 'density', 'g/cm^3')} is not that of blood", "It is about 1.06 g/cm^3.")
        )  # fmt: skip
    if not BLOOD_PA_S[0] <= blood.at_infinite <= BLOOD_PA_S[1]:
        viscosity = show(blood.at_infinite, "viscosity", "mPa*s")
        found.append(Finding("warning", f"A viscosity of {viscosity} is not that of blood", "It is about 3.5 mPa*s."))
    if blood.at_rest < blood.at_infinite:
        found.append(
            Finding("warning", "This blood is thinner at rest than where it is sheared", "Are the two viscosities swapped?")
        )  # fmt: skip
    return found


def _driven(organ: OrganMesh, conditions: Conditions, difference_pa: float) -> float:
    """Flow that a pressure difference makes between two outlets: no more than Bernoulli and Poiseuille allow."""
    if difference_pa <= 0.0:
        return 0.0
    caps = [organ.cap(outflow.cap) for outflow in conditions.outflows]
    area = min(cap.area_mm2 for cap in caps)
    radius = math.sqrt(area / math.pi)
    apart = max(float(np.linalg.norm(np.subtract(a.centre_mm, b.centre_mm))) for a in caps for b in caps)
    bernoulli = area * math.sqrt(2.0 * difference_pa / conditions.density)
    poiseuille = math.pi * radius**4 * difference_pa / (8.0 * conditions.viscosity * max(apart, radius))
    return min(bernoulli, poiseuille)


def _peaks(organ: OrganMesh, conditions: Conditions) -> dict[str, float]:
    """Greatest flow through each cap, mm^3/s; at outlets the inflow's peak shared like the means of the 0D loop."""
    peaks = {inflow.cap: inflow.peak_mm3_per_s for inflow in conditions.inflows}
    total = sum(abs(end.mean_flow) for end in conditions.loop.terminals)
    together = sum(peaks.values())
    areas = {end.cap: organ.cap(end.cap).area_mm2 for end in conditions.loop.terminals}
    plain = any(end.resistance == 0.0 for end in conditions.loop.terminals)
    for end in conditions.loop.terminals:
        share = areas[end.cap] / sum(areas.values()) if plain else abs(end.mean_flow) / max(total, 1e-300)
        peaks[end.cap] = together * share
    return peaks


@dataclass(frozen=True)
class _Passage:
    """A section that blood has to pass: where, the greatest flow of a beat through it (mm^3/s), its area (mm^2)."""

    where: str
    cap: str
    flow: float
    area: float

    @property
    def speed(self) -> float:
        """Mean over the section, mm/s."""
        return self.flow / self.area

    @property
    def radius(self) -> float:
        return math.sqrt(self.area / math.pi)


def _passages(organ: OrganMesh, conditions: Conditions, line: Centerline | None) -> list[_Passage]:
    """The openings, and where the middle line is known the narrowest place of every branch that is clearly narrower."""
    peaks = _peaks(organ, conditions)
    found = [_Passage(f"at '{name}'", name, peak, organ.cap(name).area_mm2) for name, peak in peaks.items()]
    for index, branch in enumerate(line.branches if line is not None else ()):
        downstream = [end for end in conditions.loop.terminals if _passes(line, end.cap, index)]
        flow = sum(peaks[end.cap] for end in downstream)
        areas = line.area_mm2[branch.first : branch.last + 1]
        narrowest = float(areas.min())
        if downstream and 0.0 < narrowest < 0.6 * float(np.median(areas)):
            ends = ", ".join(end.cap for end in downstream)
            found.append(_Passage(f"at the narrowest place on the way to {ends}", "", flow, narrowest))
    return found


def _passes(line: Centerline | None, cap: str, branch: int) -> bool:
    """Whether the way from the inlet to a cap goes along a branch."""
    assert line is not None
    at = next((index for index, one in enumerate(line.branches) if one.cap == cap), -1)
    while at >= 0 and at != branch:
        at = line.branches[at].parent
    return at == branch


def _speeds(case: FlowCase, conditions: Conditions, passages: list[_Passage]) -> list[Finding]:
    """Speeds that cannot be, and Reynolds numbers of turbulence."""
    found = []
    pulsatile = case.numerics.mode == "pulsatile"
    for passage in passages:
        reynolds = 2.0 * passage.radius * passage.speed * conditions.density / conditions.viscosity
        omega = 2.0 * math.pi / conditions.period_s
        womersley = passage.radius * math.sqrt(omega * conditions.density / conditions.viscosity)
        limit = max(LAMINAR, PULSATILE * womersley) if pulsatile else LAMINAR
        if passage.speed > FASTEST_MM_PER_S:
            found.append(
                Finding(
                    "warning",
                    f"Blood would pass {passage.where.removeprefix('at ')} at {passage.speed / 1000.0:.1f} m/s on average"
                    f" over a width of {2 * passage.radius:.1f} mm",
                    "Check the flow and its unit, and the size of the vessel there.",
                    passage.cap,
                )
            )
        elif reynolds > limit:
            found.append(
                Finding(
                    "warning",
                    f"The{' peak' if pulsatile else ''} Reynolds number {passage.where} is about {reynolds:.0f} (laminar up to"
                    f" about {limit:.0f}): the flow may become turbulent, and no model of turbulence is in use",
                    "Refine the mesh and the step, and look at several beats.",
                    passage.cap,
                )
            )
    return found


def _openings(organ: OrganMesh, conditions: Conditions) -> list[Finding]:
    found = []
    inlets = {inflow.cap for inflow in conditions.inflows}
    for name in conditions.cap_means:
        triangles = organ.boundary(name)
        normals = normals_mm2(organ, triangles)
        area = float(np.linalg.norm(normals, axis=1).sum())
        radius = math.sqrt(area / math.pi)
        across = 2.0 * radius / math.sqrt(area / len(triangles) * 4.0 / math.sqrt(3.0))
        flatness = float(np.linalg.norm(normals.sum(axis=0))) / area
        if across < CELLS_ACROSS:
            found.append(
                Finding(
                    "warning",
                    f"'{name}' is {across:.0f} cells across: profile and wall shear will be coarse there",
                    f"Mesh with an edge of {2.0 * radius / CELLS_ACROSS:.2g} mm or less.",
                    name,
                )
            )
        if flatness < 0.99:
            found.append(
                Finding("warning", f"The opening '{name}' is not flat", "Cut the vessel there with a plane.", name)
            )
    for inflow in conditions.inflows:
        if inflow.flow_mm3_per_s < 0.0:
            found.append(
                Finding(
                    "note",
                    f"Blood leaves through '{inflow.cap}', which the case calls an inlet: its flow is negative",
                    "",
                    inflow.cap,
                )
            )
    for end in conditions.loop.terminals:
        if end.mean_flow < 0.0 and end.cap not in inlets:
            found.append(
                Finding(
                    "warning",
                    f"Blood would enter through the outlet '{end.cap}': the pressure beyond it is above that of the vessel",
                    "Lower the pressure beyond that outlet.",
                    end.cap,
                )
            )
    return found


def _steps(case: FlowCase, organ: OrganMesh, conditions: Conditions, passages: list[_Passage]) -> list[Finding]:
    numerics = case.numerics
    if numerics.mode != "pulsatile":
        return []
    found = []
    if numerics.frames_per_cycle > numerics.steps_per_cycle:
        found.append(
            Finding(
                "error",
                f"{numerics.frames_per_cycle} frames cannot be kept of {numerics.steps_per_cycle} steps in a beat",
                "Keep fewer frames, or take more steps.",
            )
        )
    if not BEATS_S[0] <= conditions.period_s <= BEATS_S[1]:
        found.append(
            Finding(
                "warning",
                f"A period of {conditions.period_s:.3g} s is {60.0 / conditions.period_s:.3g} heart beats a minute",
                "Check the period and its unit.",
            )
        )
    step = conditions.period_s / numerics.steps_per_cycle
    speed = max(*(2.0 * passage.speed for passage in passages), *(i.peak_speed for i in conditions.inflows))
    edge = _edge_mm(organ)
    crossed = speed * step / edge
    wanted = max(FEWEST_STEPS, _rounded(speed * conditions.period_s / edge / ACCURATE_CFL))
    if numerics.cfl is None and crossed <= 1.2 * ACCURATE_CFL and numerics.steps_per_cycle < FEWEST_STEPS:
        found.append(
            Finding(
                "warning",
                f"{numerics.steps_per_cycle} steps are few for a beat: systole rises within a twelfth of it",
                f"Take about {wanted} steps_per_cycle, or give a cfl of {ACCURATE_CFL:g}.",
            )
        )
    elif numerics.cfl is None and crossed > 1.2 * ACCURATE_CFL:
        found.append(
            Finding(
                "warning",
                f"Steps of {1000.0 * step:.2g} ms are long: the fastest blood (about {speed / 10.0:.0f} cm/s) crosses"
                f" {crossed:.0f} cells of {edge:.2g} mm in one",
                f"Take about {wanted} steps_per_cycle, or give a cfl of {ACCURATE_CFL:g}.",
            )
        )
    if numerics.cfl is not None and (steps := speed * conditions.period_s / edge / numerics.cfl) > MANY_STEPS:
        found.append(
            Finding(
                "warning",
                f"A cfl of {numerics.cfl:g} takes about {_rounded(steps)} steps a beat",
                f"A cfl of {ACCURATE_CFL:g} is as good as the mesh.",
            )
        )
    layer = math.sqrt(conditions.viscosity / conditions.density * conditions.period_s / (2.0 * math.pi))
    if edge > 2.0 * layer:
        found.append(
            Finding(
                "note",
                f"Cells of {edge:.2g} mm are wide beside the layer that swings at the wall ({layer:.2g} mm): wall shear will be too low",
                f"Mesh with an edge of about {layer:.1g} mm at the wall.",
            )
        )
    return found


def _edge_mm(organ: OrganMesh) -> float:
    """A usual edge: that of a regular tetrahedron of the median volume."""
    return float((6.0 * math.sqrt(2.0) * np.median(np.abs(volumes(organ.points_mm, organ.tets)))) ** (1.0 / 3.0))


def _rounded(steps: float) -> int:
    """Up to two digits."""
    size = 10 ** max(int(math.log10(max(steps, 1.0))) - 1, 0)
    return int(math.ceil(steps / size) * size)


def memory_bytes(case: FlowCase, organ: OrganMesh) -> float:
    """About what a solve needs."""
    quadratic = case.numerics.scheme == "taylor-hood"
    frames = case.numerics.frames_per_cycle if case.numerics.mode == "pulsatile" else 1
    cells = len(organ.tets) * (BYTES_PER_CELL_QUADRATIC if quadratic else BYTES_PER_CELL)
    return 4e8 + cells + 2.0 * frames * len(organ.points_mm) * 8.0 * 7.0


def _memory(case: FlowCase, organ: OrganMesh) -> list[Finding]:
    try:
        there = float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # not on this system
        return []
    needed = memory_bytes(case, organ)
    if needed < 0.7 * there:
        return []
    return [
        Finding(
            "warning",
            f"This solve needs about {needed / 1e9:.1f} GB of memory, and the machine has {there / 1e9:.1f} GB",
            "Mesh with longer edges, keep fewer frames, or run it on a larger machine.",
        )
    ]


def checked(case: FlowCase, organ: OrganMesh, monitor: Monitor) -> Conditions:
    """The conditions of a case that may be solved; warnings and notes go to the log.

    Raises
    ------
    BadInput
        With the first thing that forbids a solve.
    """
    conditions = resolve(case, organ)
    for finding in [*check_mesh(organ), *check_conditions(case, organ, conditions)]:
        if finding.level == "error":
            error = BadInput(finding.sentence, remedy=finding.remedy)
            error.places_mm = finding.places_mm
            raise error
        monitor.log(str(finding))
    return conditions
