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

    For a pulsatile flow pressures, flows and wall shear are means over the frames of the last cycle unless they say "peak".
    """
    shear_of = WallShear(organ)
    velocity = np.array([frame.velocity for frame in march.frames])
    pressure = np.array([frame.pressure for frame in march.frames]) + conditions.reference_pa
    shear = np.array([np.linalg.norm(shear_of.traction(frame.reaction), axis=1) for frame in march.frames])
    times = np.array([frame.time_s for frame in march.frames])
    quantities, imbalance = _quantities(organ, conditions, velocity, pressure, shear, shear_of)
    return Result(
        name=case.name,
        physics="flow",
        mesh=organ.uuid,
        times_s=times if case.numerics.mode == "pulsatile" else np.zeros(1),
        fields={
            "velocity_mm_per_s": velocity.astype(np.float32),
            "pressure_pa": pressure.astype(np.float32),
            "wall_shear_pa": shear.astype(np.float32),
        },
        quantities=tuple(quantities),
        credibility=_credibility(organ, case, march, imbalance, seconds),
        histories=march.histories,
        notes=_notes(case, conditions, march),
    )


def _quantities(
    organ: OrganMesh,
    conditions: Conditions,
    velocity: NDArray[np.float64],
    pressure: NDArray[np.float64],
    shear: NDArray[np.float64],
    shear_of: WallShear,
) -> tuple[list[Quantity], float]:
    made: list[Quantity] = []

    def add(name: str, value: float, unit: str) -> None:
        made.append(Quantity(name=name, value=float(value), unit=unit))

    inlets = [inflow.cap for inflow in conditions.inflows]
    outlets = [outflow.cap for outflow in conditions.outflows]
    flows = {cap: np.einsum("nd,tnd->t", flux_vector(organ, cap), velocity) for cap in (*inlets, *outlets)}
    pressures = {cap: _cap_mean(organ, cap, pressure) for cap in (*inlets, *outlets)}
    mmhg = convert(1.0, "pressure", "mmHg")

    for inlet in inlets:
        for outlet in outlets:
            add(f"Pressure drop {inlet} → {outlet}", mmhg * np.mean(pressures[inlet] - pressures[outlet]), "mmHg")
    if len(velocity) > 1:
        for inlet in inlets:
            for outlet in outlets:
                add(f"Peak pressure drop {inlet} → {outlet}", mmhg * np.max(pressures[inlet] - pressures[outlet]), "mmHg")
    for cap in (*inlets, *outlets):
        add(f"Pressure {cap}", mmhg * np.mean(pressures[cap]), "mmHg")
    for cap in inlets:
        add(f"Flow {cap}", convert(-np.mean(flows[cap]), "flow", "mL/s"), "mL/s")
    total_out = sum(np.mean(flows[cap]) for cap in outlets)
    for cap in outlets:
        add(f"Flow {cap}", convert(np.mean(flows[cap]), "flow", "mL/s"), "mL/s")
    if len(outlets) > 1 and total_out:
        for cap in outlets:
            add(f"Flow share {cap}", 100.0 * np.mean(flows[cap]) / total_out, "%")
    speed = np.linalg.norm(velocity, axis=2)
    add("Peak velocity", convert(speed.max(), "velocity", "cm/s"), "cm/s")
    average = shear.mean(axis=0)
    add("Mean wall shear", shear_of.mean(average), "Pa")
    add("Peak wall shear", shear.max(), "Pa")
    add("Wall shear, 99th percentile", np.percentile(shear[:, shear_of.points], 99.0), "Pa")
    for cap in inlets:
        radius = np.sqrt(np.linalg.norm(normals_mm2(organ, organ.boundary(cap)), axis=1).sum() / np.pi)
        flow = np.max(np.abs(flows[cap]))
        add(f"Reynolds number {cap}", 2.0 * conditions.density * flow / (np.pi * radius * conditions.viscosity), "")
    imbalance = _imbalance_percent(flows)
    add("Mass imbalance", imbalance, "%")
    return made, imbalance


def _cap_mean(organ: OrganMesh, cap: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Area mean over a cap of (nt, n): (nt,)."""
    triangles = organ.boundary(cap)
    areas = np.linalg.norm(normals_mm2(organ, triangles), axis=1)
    return np.asarray(values[:, triangles].mean(axis=2) @ areas / areas.sum())


def _imbalance_percent(flows: dict[str, NDArray[np.float64]]) -> float:
    """Net flow over all caps, at its worst moment, in percent of the largest flow through a cap."""
    table = np.array(list(flows.values()))
    return float(100.0 * np.abs(table.sum(axis=0)).max() / max(np.abs(table).max(), 1e-300))


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
        "steps": f"{march.steps}, largest CFL number {march.cfl:.1f}" + (f", {march.retries} retried" if march.retries else ""),
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
