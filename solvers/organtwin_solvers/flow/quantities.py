"""Numbers for the clinic, and what earns them, from the frames of a march."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.model import FlowCase, OrganMesh, Quantity, Result
from organtwin.units import convert
from organtwin_solvers.flow.conditions import Conditions
from organtwin_solvers.flow.inflow import flux_vector, normals_mm2
from organtwin_solvers.flow.march import March
from organtwin_solvers.flow.wall_shear import WallShear

SCHEME = "P1-P1, orthogonal subscales, coupled velocity-pressure"
VERIFIED = "poiseuille: pressure drop, wall shear and velocity converge with order 2"


def result_of(organ: OrganMesh, case: FlowCase, conditions: Conditions, march: March, *, seconds: float) -> Result:
    """Fields, quantities, credibility and histories of a finished march.

    For a pulsatile flow, pressures and flows are means over the steps of the last cycle, and wall shear over its frames,
    unless they say "peak".
    """
    shear_of = WallShear(organ)
    velocity = np.array([frame.velocity for frame in march.frames])
    pressure = np.array([frame.pressure for frame in march.frames]) + conditions.reference_pa
    shear = np.array([np.linalg.norm(shear_of.traction(frame.reaction), axis=1) for frame in march.frames])
    pulsatile = case.numerics.mode == "pulsatile"
    times = np.array([frame.time_s for frame in march.frames]) if pulsatile else np.zeros(1)
    flows, pressures = _at_caps(organ, case, conditions, march, velocity, pressure)
    imbalance = _imbalance_percent(flows, conditions)
    return Result(
        name=case.name,
        physics="flow",
        mesh=organ.uuid,
        times_s=times,
        fields={
            "velocity_mm_per_s": velocity.astype(np.float32),
            "pressure_pa": pressure.astype(np.float32),
            "wall_shear_pa": shear.astype(np.float32),
        },
        quantities=tuple(_quantities(organ, conditions, flows, pressures, velocity, shear, shear_of, imbalance)),
        credibility=_credibility(organ, case, march, imbalance, seconds)
        | {"wall resolution": _wall_resolution(organ, conditions, shear)},
        histories=march.histories,
        notes=_notes(case, conditions, march),
    )


def _at_caps(
    organ: OrganMesh,
    case: FlowCase,
    conditions: Conditions,
    march: March,
    velocity: NDArray[np.float64],
    pressure: NDArray[np.float64],
) -> tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[np.float64]]]:
    """Flow in mL/s (in through inlets, out through outlets) and mean pressure in mmHg by cap.

    Of the one frame of a steady flow; of every step of the last cycle of a pulsatile one.
    """
    if case.numerics.mode == "pulsatile":
        last = slice(-case.numerics.steps_per_cycle, None)
        column = {name: np.array(values[last]) for name, values in march.histories.items()}
        caps = list(conditions.cap_means)
        return {c: column[f"flow {c} (mL/s)"] for c in caps}, {c: column[f"pressure {c} (mmHg)"] for c in caps}
    inlets = {inflow.cap for inflow in conditions.inflows}
    flows, pressures = {}, {}
    for cap, weights in conditions.cap_means.items():
        out = np.einsum("nd,tnd->t", flux_vector(organ, cap), velocity)
        flows[cap] = convert(1.0, "flow", "mL/s") * (-out if cap in inlets else out)
        pressures[cap] = convert(1.0, "pressure", "mmHg") * (pressure @ weights)
    return flows, pressures


def _quantities(
    organ: OrganMesh,
    conditions: Conditions,
    flows: dict[str, NDArray[np.float64]],
    pressures: dict[str, NDArray[np.float64]],
    velocity: NDArray[np.float64],
    shear: NDArray[np.float64],
    shear_of: WallShear,
    imbalance: float,
) -> list[Quantity]:
    made: list[Quantity] = []

    def add(name: str, value: float, unit: str) -> None:
        made.append(Quantity(name=name, value=float(value), unit=unit))

    inlets = [inflow.cap for inflow in conditions.inflows]
    outlets = [outflow.cap for outflow in conditions.outflows]
    for inlet in inlets:
        for outlet in outlets:
            add(f"Pressure drop {inlet} → {outlet}", np.mean(pressures[inlet] - pressures[outlet]), "mmHg")
    if len(velocity) > 1:
        for inlet in inlets:
            for outlet in outlets:
                add(f"Peak pressure drop {inlet} → {outlet}", np.max(pressures[inlet] - pressures[outlet]), "mmHg")
    for cap in (*inlets, *outlets):
        add(f"Pressure {cap}", np.mean(pressures[cap]), "mmHg")
    for cap in (*inlets, *outlets):
        add(f"Flow {cap}", np.mean(flows[cap]), "mL/s")
    total_out = sum(np.mean(flows[cap]) for cap in outlets)
    if len(outlets) > 1 and total_out:
        for cap in outlets:
            add(f"Flow share {cap}", 100.0 * np.mean(flows[cap]) / total_out, "%")
    add("Peak velocity", convert(np.linalg.norm(velocity, axis=2).max(), "velocity", "cm/s"), "cm/s")
    add("Mean wall shear", shear_of.mean(shear.mean(axis=0)), "Pa")
    add("Peak wall shear", shear.max(), "Pa")
    add("Wall shear, 99th percentile", np.percentile(shear[:, shear_of.points], 99.0), "Pa")
    for cap in inlets:
        radius = np.sqrt(np.linalg.norm(normals_mm2(organ, organ.boundary(cap)), axis=1).sum() / np.pi)
        flow = np.max(np.abs(flows[cap])) / convert(1.0, "flow", "mL/s")
        add(f"Reynolds number {cap}", 2.0 * conditions.density * flow / (np.pi * radius * conditions.viscosity), "")
    add("Mass imbalance", imbalance, "%")
    return made


def _imbalance_percent(flows: dict[str, NDArray[np.float64]], conditions: Conditions) -> float:
    """Net flow over all caps, at its worst moment, in percent of the largest flow through a cap."""
    outlets = {outflow.cap for outflow in conditions.outflows}
    net = np.sum([flow if cap in outlets else -flow for cap, flow in flows.items()], axis=0)
    return float(100.0 * np.abs(net).max() / max(np.abs(list(flows.values())).max(), 1e-300))


def _wall_resolution(organ: OrganMesh, conditions: Conditions, shear: NDArray[np.float64]) -> str:
    """y+ = height of the cell at the wall * sqrt(shear * density) / viscosity; 5 is the edge of the viscous sublayer."""
    wall = organ.boundary("wall")
    height = _cell_heights(organ, wall)
    plus = height * np.sqrt(shear.max(axis=0)[wall].mean(axis=1) * conditions.density) / conditions.viscosity
    middle, high = np.percentile(plus, [50.0, 95.0])
    verdict = (
        "resolved"
        if high <= 5.0
        else "fair"
        if middle <= 10.0
        else "coarse: read wall shear as a pattern, not as a value"
    )
    return f"y+ of the first cell {middle:.1f} (median), {high:.1f} (95 %): {verdict}"


def _cell_heights(organ: OrganMesh, triangles: NDArray[np.integer]) -> NDArray[np.float64]:
    """Height over each boundary triangle of the tetrahedron behind it, mm."""
    tets, points = np.asarray(organ.tets, np.int64), organ.points_mm
    n = len(points)

    def key(faces: NDArray[np.integer]) -> NDArray[np.int64]:
        a, b, c = np.sort(np.asarray(faces, np.int64), axis=1).T
        return (a * n + b) * n + c

    faces = np.concatenate([key(np.delete(tets, corner, axis=1)) for corner in range(4)])
    tip = np.concatenate([tets[:, corner] for corner in range(4)])
    order = np.argsort(faces)
    at = order[np.searchsorted(faces, key(triangles), sorter=order)]
    normal = normals_mm2(organ, triangles)
    inward = points[triangles[:, 0]] - points[tip[at]]
    return np.abs(np.einsum("ij,ij->i", inward, normal)) / np.linalg.norm(normal, axis=1)


def _credibility(organ: OrganMesh, case: FlowCase, march: March, imbalance: float, seconds: float) -> dict[str, str]:
    steady = case.numerics.mode == "steady"
    if steady and march.residual < case.numerics.tolerance:
        state = f"steady: velocity changes by {march.residual:.1e} (tolerance {case.numerics.tolerance:.1e})"
    elif steady:
        state = f"NOT steady: mean of a flow that fluctuates by {100 * march.fluctuation:.1f} % (residual {march.residual:.1e})"
    elif np.isfinite(march.residual):
        state = f"last two cycles differ by {100 * march.residual:.2f} % of the greatest velocity"
    else:
        state = "one cycle from rest: not periodic"
    return {
        "mesh": f"{len(organ.tets)} tetrahedra, {len(organ.points_mm)} points",
        "scheme": SCHEME + (", implicit Euler to steady state" if steady else ", BDF2"),
        "residual": state,
        "steps": f"{march.steps}, largest CFL number {march.cfl:.1f}"
        + (f", {march.retries} retried" if march.retries else ""),
        "mass balance": f"{imbalance:.2g} %",
        "verified": VERIFIED,
        "time": f"{seconds:.0f} s",
    }


def _notes(case: FlowCase, conditions: Conditions, march: March) -> tuple[str, ...]:
    notes = []
    if case.numerics.mode == "steady" and march.residual >= case.numerics.tolerance:
        notes.append(
            "This flow does not settle into a steady state: the fields are a time mean. A pulsatile case shows what happens."
        )
    if march.retries:
        notes.append(f"{march.retries} steps were repeated with a shorter step.")
    if len(conditions.inflows) > 1:
        shares = ", ".join(f"{i.cap} {convert(i.flow_mm3_per_s, 'flow', 'mL/s'):.3g} mL/s" for i in conditions.inflows)
        notes.append(f"Inflow: {shares}.")
    return tuple(notes)
