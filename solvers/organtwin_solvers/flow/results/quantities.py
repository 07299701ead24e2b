"""Numbers for the clinic, and what earns them, from the frames of a march."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.model import Centerline, FlowCase, OrganMesh, Quantity, Result
from organtwin.monitor import Monitor, NullMonitor, PartMonitor
from organtwin.units import convert
from organtwin_solvers.flow.march.advance import March
from organtwin_solvers.flow.results import along, badges, derived
from organtwin_solvers.flow.results.cycle import CycleSums
from organtwin_solvers.flow.results.wall_shear import WallShear
from organtwin_solvers.flow.rheology import rheology
from organtwin_solvers.flow.setup.conditions import Conditions
from organtwin_solvers.flow.setup.inflow import flux_vector, normals_mm2
from organtwin_solvers.flow.setup.targets import summary

Array = NDArray[np.float64]

EQUATIONS = {
    "fast": "P1-P1, orthogonal subscales, coupled velocity-pressure",
    "taylor-hood": "P2-P1 Taylor-Hood, shown at the corners",
}
VERIFIED = {
    "fast": "organtwin validate poiseuille womersley osi dfg-3d1z fda-nozzle stenosis windkessel",
    "taylor-hood": "organtwin validate dfg-2d1 dfg-2d2 dfg-2d3 dfg-3d1z dfg-3d3z",
}
LOW_SHEAR_PA = 0.4  # below it endothelium turns atherogenic (Malek, Alper and Izumo, JAMA 282, 1999)


@dataclass(frozen=True)
class Caps:
    """Flow in mL/s (in through inlets, out through outlets) and mean pressure in mmHg by cap, over moments with weights."""

    flows: dict[str, Array]
    pressures: dict[str, Array]
    weights: Array

    def mean(self, values: Array) -> float:
        """Time mean of a column."""
        return float(np.average(values, weights=self.weights))


def result_of(
    organ: OrganMesh,
    case: FlowCase,
    conditions: Conditions,
    march: March,
    *,
    seconds: float,
    cycle: CycleSums | None = None,
    line: Centerline | None = None,
    monitor: Monitor | None = None,
) -> Result:
    """Fields, tables, quantities, credibility and histories of a finished march.

    For a pulsatile flow, pressures and flows are means over the steps of the last cycle, and wall shear over the
    moments in ``cycle`` (the frames, when it is not given), unless they say "peak". Fields over the whole cycle
    (tawss_pa, osi, rrt_per_pa) have one frame. Tables run along ``line``; without one there are none.
    """
    monitor = monitor or NullMonitor()
    velocity = np.array([frame.velocity for frame in march.frames])
    pressure = np.array([frame.pressure for frame in march.frames]) + conditions.reference_pa
    blood = rheology(case.blood)
    shear_of = cycle.shear_of if cycle is not None else WallShear(organ, blood)
    monitor.progress(0.2, "wall shear")
    traction = [shear_of.traction(frame.velocity) for frame in march.frames]
    shear = np.array([np.linalg.norm(vectors, axis=1) for vectors in traction])
    if cycle is None or not cycle.samples:
        cycle = CycleSums(organ, blood, shear_of)
        for vectors, frame in zip(traction, march.frames, strict=True):
            cycle.add_traction(0.0, 1.0 / len(traction), vectors)
            cycle.pressure += frame.pressure / len(traction)
    pulsatile = case.numerics.mode == "pulsatile"
    caps = _at_caps(organ, conditions, march, velocity, pressure, pulsatile=pulsatile)
    imbalance = _imbalance_percent(caps.flows, conditions)
    fields = {
        "velocity_mm_per_s": velocity.astype(np.float32),
        "pressure_pa": pressure.astype(np.float32),
        "wall_shear_pa": shear.astype(np.float32),
        **_vortices(organ, velocity, PartMonitor(monitor, 0.3, 0.7)),
    }
    if pulsatile:
        for name, values in (("tawss_pa", cycle.tawss_pa), ("osi", cycle.osi), ("rrt_per_pa", cycle.rrt_per_pa)):
            fields[name] = values[None].astype(np.float32)
    monitor.progress(0.7, "along the vessel")
    tables = {}
    if line is not None and line.inlet in conditions.cap_means:
        mean = cycle.pressure_pa + conditions.reference_pa
        inlet_pressure = float(mean @ conditions.cap_means[line.inlet])
        tables = along.tables(along.Along(organ, line), velocity, pressure, mean, inlet_pressure)
    monitor.progress(0.9, "quantities")
    judged = badges.judge(organ, case, conditions, march, shear, imbalance, line)
    return Result(
        name=case.name,
        physics="flow",
        mesh=organ.uuid,
        times_s=np.array([frame.time_s for frame in march.frames]) if pulsatile else np.zeros(1),
        fields=fields,
        quantities=(
            *_pressures_and_flows(conditions, caps, tables, judged, pulsatile=pulsatile),
            *_in_the_blood(organ, conditions, caps, velocity, imbalance, march, judged, pulsatile=pulsatile),
            *_at_the_wall(shear, shear_of, cycle, judged, pulsatile=pulsatile),
        ),
        credibility=_credibility(organ, case, march, imbalance, seconds)
        | {"wall resolution": judged.wall_resolution, "outlets": summary(conditions.loop)},
        tables=tables,
        histories=march.histories,
        notes=_notes(case, conditions, march, tables),
    )


def _vortices(organ: OrganMesh, velocity: Array, monitor: Monitor) -> dict[str, NDArray[np.float32]]:
    gradients = derived.Gradients(organ)
    made: dict[str, list[Array]] = {"vorticity_per_s": [], "q_criterion_per_s2": [], "lambda2_per_s2": []}
    for at, frame in enumerate(velocity):
        monitor.progress(at / len(velocity), "vortices")
        jacobian = gradients(frame)
        made["vorticity_per_s"].append(derived.vorticity(jacobian))
        made["q_criterion_per_s2"].append(derived.q_criterion(jacobian))
        made["lambda2_per_s2"].append(derived.lambda2(jacobian))
    return {name: np.array(frames, np.float32) for name, frames in made.items()}


def _at_caps(
    organ: OrganMesh, conditions: Conditions, march: March, velocity: Array, pressure: Array, *, pulsatile: bool
) -> Caps:
    """Of the one frame of a steady flow; of every step of the last cycle of a pulsatile one."""
    names = list(conditions.cap_means)
    if pulsatile:
        column = {name: np.array(values) for name, values in march.histories.items()}
        time = column["time_s"]
        last = time > time[-1] - conditions.period_s * (1.0 - 1e-6)
        weights = np.diff(time, prepend=0.0)[last]
        return Caps(
            {cap: column[f"flow {cap} (mL/s)"][last] for cap in names},
            {cap: column[f"pressure {cap} (mmHg)"][last] for cap in names},
            weights,
        )
    if (
        march.histories and not march.fluctuation
    ):  # the scheme's own: corners alone do not tell a quadratic velocity's flow
        last = {name: np.array(values[-1:]) for name, values in march.histories.items()}
        return Caps(
            {cap: last[f"flow {cap} (mL/s)"] for cap in names},
            {cap: last[f"pressure {cap} (mmHg)"] for cap in names},
            np.ones(1),
        )
    inlets = {inflow.cap for inflow in conditions.inflows}
    flows, pressures = {}, {}
    for cap, means in conditions.cap_means.items():
        out = np.einsum("nd,tnd->t", flux_vector(organ, cap), velocity)
        flows[cap] = convert(1.0, "flow", "mL/s") * (-out if cap in inlets else out)
        pressures[cap] = convert(1.0, "pressure", "mmHg") * (pressure @ means)
    return Caps(flows, pressures, np.ones(len(velocity)))


def _pressures_and_flows(
    conditions: Conditions,
    caps: Caps,
    tables: dict[str, dict[str, list[float]]],
    judged: badges.Judgement,
    *,
    pulsatile: bool,
) -> list[Quantity]:
    made: list[Quantity] = []
    inlets = [inflow.cap for inflow in conditions.inflows]
    outlets = [outflow.cap for outflow in conditions.outflows]
    ways = [(inlet, outlet) for inlet in inlets for outlet in outlets]

    def add(name: str, value: float, unit: str) -> None:
        made.append(judged.bulk(name, value, unit))

    for inlet, outlet in ways:
        add(f"Pressure drop {inlet} → {outlet}", caps.mean(caps.pressures[inlet] - caps.pressures[outlet]), "mmHg")
    if pulsatile:
        for inlet, outlet in ways:
            peak = np.max(caps.pressures[inlet] - caps.pressures[outlet])
            add(f"Peak pressure drop {inlet} → {outlet}", float(peak), "mmHg")
    for way, table in tables.items():
        if "ffr" in table:
            add(f"FFR {way}", table["ffr"][-1], "")
            add(f"Lowest FFR {way}", min(table["ffr"]), "")
    for cap in (*inlets, *outlets):
        add(f"Pressure {cap}", caps.mean(caps.pressures[cap]), "mmHg")
    if pulsatile:
        for cap in (*inlets, *outlets):
            add(f"Systolic pressure {cap}", float(caps.pressures[cap].max()), "mmHg")
            add(f"Diastolic pressure {cap}", float(caps.pressures[cap].min()), "mmHg")
    for cap in (*inlets, *outlets):
        add(f"Flow {cap}", caps.mean(caps.flows[cap]), "mL/s")
    total_out = sum(caps.mean(caps.flows[cap]) for cap in outlets)
    if len(outlets) > 1 and total_out:
        for cap in outlets:
            add(f"Flow share {cap}", 100.0 * caps.mean(caps.flows[cap]) / total_out, "%")
    return made


def _in_the_blood(
    organ: OrganMesh,
    conditions: Conditions,
    caps: Caps,
    velocity: Array,
    imbalance: float,
    march: March,
    judged: badges.Judgement,
    *,
    pulsatile: bool,
) -> list[Quantity]:
    speed = np.linalg.norm(velocity, axis=2)
    energy = derived.kinetic_energy(organ, conditions.density, velocity)
    made = [
        judged.bulk("Peak velocity", convert(float(speed.max()), "velocity", "cm/s"), "cm/s"),
        judged.bulk("Mean kinetic energy", float(energy.mean()), "mJ"),
    ]
    if pulsatile:
        made.append(judged.bulk("Peak kinetic energy", float(energy.max()), "mJ"))
    for inflow in conditions.inflows:
        triangles = organ.boundary(inflow.cap)
        radius = np.sqrt(np.linalg.norm(normals_mm2(organ, triangles), axis=1).sum() / np.pi)
        flow = np.max(np.abs(caps.flows[inflow.cap])) / convert(1.0, "flow", "mL/s")
        number = 2.0 * conditions.density * flow / (np.pi * radius * conditions.viscosity)
        made.append(judged.given(f"Reynolds number {inflow.cap}", float(number), ""))
    made.append(judged.mass("Mass imbalance", imbalance, "%"))
    if pulsatile and np.isfinite(march.residual):
        made.append(judged.state("Periodicity error", 100.0 * march.residual, "%"))
    return made


def _at_the_wall(
    shear: Array, shear_of: WallShear, cycle: CycleSums, judged: badges.Judgement, *, pulsatile: bool
) -> list[Quantity]:
    wall = shear_of.points
    tawss = cycle.tawss_pa
    made = [
        judged.wall("Mean wall shear", shear_of.mean(tawss), "Pa"),
        judged.wall("Peak wall shear", float(shear.max()), "Pa"),
        judged.wall("Wall shear, 99th percentile", float(np.percentile(shear[:, wall], 99.0)), "Pa"),
        judged.wall("Wall with low shear", 100.0 * shear_of.mean((tawss < LOW_SHEAR_PA).astype(float)), "%"),
    ]
    if pulsatile:
        osi, rrt = cycle.osi, cycle.rrt_per_pa
        made += [
            judged.wall("Mean TAWSS", shear_of.mean(tawss), "Pa"),
            judged.wall("TAWSS, 99th percentile", float(np.percentile(tawss[wall], 99.0)), "Pa"),
            judged.wall("Mean OSI", shear_of.mean(osi), ""),
            judged.wall("OSI, 99th percentile", float(np.percentile(osi[wall], 99.0)), ""),
            judged.wall("Median RRT", float(np.median(rrt[wall])), "1/Pa"),
        ]
    return made


def _imbalance_percent(flows: dict[str, Array], conditions: Conditions) -> float:
    """Net flow over all caps, at its worst moment, in percent of the largest flow through a cap."""
    outlets = {outflow.cap for outflow in conditions.outflows}
    net = np.sum([flow if cap in outlets else -flow for cap, flow in flows.items()], axis=0)
    return float(100.0 * np.abs(net).max() / max(np.abs(list(flows.values())).max(), 1e-300))


def _credibility(organ: OrganMesh, case: FlowCase, march: March, imbalance: float, seconds: float) -> dict[str, str]:
    steady = case.numerics.mode == "steady"
    if not steady:
        residual = "each step solved to its tolerance"
    elif march.residual < case.numerics.tolerance:
        residual = f"steady: velocity changes by {march.residual:.1e} (tolerance {case.numerics.tolerance:.1e})"
    else:
        residual = f"NOT steady: mean of a flow that fluctuates by {100 * march.fluctuation:.1f} % (residual {march.residual:.1e})"
    if steady:
        periodicity = "steady flow"
    elif np.isfinite(march.residual):
        periodicity = f"last two cycles differ by {100 * march.residual:.2f} % of the greatest velocity"
    else:
        periodicity = "one cycle only: not known to be periodic"
    return {
        "mesh": f"{len(organ.tets)} tetrahedra, {len(organ.points_mm)} points",
        "scheme": EQUATIONS[case.numerics.scheme] + (", implicit Euler to steady state" if steady else ", BDF2"),
        "step": f"{march.steps} steps, largest CFL number {march.cfl:.1f}"
        + (f", {march.retries} retried" if march.retries else ""),
        "residual": residual,
        "mass balance": f"{imbalance:.2g} %",
        "periodicity": periodicity,
        "verified": VERIFIED[case.numerics.scheme],
        "time": f"{seconds:.0f} s",
    }


def _notes(
    case: FlowCase, conditions: Conditions, march: March, tables: dict[str, dict[str, list[float]]]
) -> tuple[str, ...]:
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
    if tables and not any("ffr" in table for table in tables.values()):
        notes.append(
            "No FFR: the mean pressure at the inlet is below 20 mmHg. Give the outlets blood pressures or targets."
        )
    return tuple(notes)
