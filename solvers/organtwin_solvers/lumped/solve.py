"""From a case and a mesh to a lumped result."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from organtwin.model import FlowCase, OrganMesh, Quantity, Result, TwinObject
from organtwin.model.centerline import Centerline
from organtwin.monitor import Monitor, NullMonitor, PartMonitor
from organtwin.units import convert
from organtwin.vessel.tree import of_mesh
from organtwin_solvers.flow.operation import FlowParameters
from organtwin_solvers.flow.request import mesh_and_case
from organtwin_solvers.flow.results.along import MIN_PRESSURE_PA
from organtwin_solvers.flow.setup.conditions import Conditions, resolve
from organtwin_solvers.flow.setup.preflight import check_conditions
from organtwin_solvers.lumped.vessel import Beat, solve_vessel

VERIFIED = "zerod: 34 published circuits to 1e-6, windkessel impedance and stenosis law"
EXPECTED = "1-10 % from the 3D solve on 72 vessels (Pfaller et al., 2022); drops in three aortas tried here came out 11 to 41 % low"

Array = NDArray[np.float64]


def run(inputs: Mapping[str, TwinObject], parameters: FlowParameters, monitor: Monitor) -> tuple[Result]:
    """The operation "lumped". The middle line is found, unless one of this mesh is among the inputs as "line"."""
    organ, case = mesh_and_case(inputs, parameters)
    line = inputs.get("line")
    known = line if isinstance(line, Centerline) and line.mesh == organ.uuid else None
    return (solve(organ, case, monitor, known),)


def solve(organ: OrganMesh, case: FlowCase, monitor: Monitor | None = None, line: Centerline | None = None) -> Result:
    """Solve a flow case on the tree of a vessel mesh; the centreline is found when it is not given.

    Returns
    -------
    Result
        Without fields. ``tables`` run from the inlet to each opening; ``histories`` over the last beat.

    Raises
    ------
    BadInput
        When the case does not fit the mesh.
    SolveFailed
        When the circuit has no answer.
    """
    monitor = monitor or NullMonitor()
    monitor.progress(0.0, "checking the case")
    conditions = resolve(case, organ)
    if line is None:
        line = of_mesh(organ, PartMonitor(monitor, 0.1, 0.9).progress)
    monitor.progress(0.9, "solving the circuit")
    started = time.perf_counter()
    beat = solve_vessel(case, conditions, line)
    seconds = time.perf_counter() - started
    result = result_of(organ, case, conditions, line, beat, seconds)
    findings = [f for f in check_conditions(case, organ, conditions, line) if f.level != "note"]
    return result.with_(notes=(*(str(finding) for finding in findings), *result.notes))


def result_of(
    organ: OrganMesh, case: FlowCase, conditions: Conditions, line: Centerline, beat: Beat, seconds: float
) -> Result:
    """Quantities, tables and histories of a solved tree.

    Names and columns are those of a 3D result. FFR at a place is its mean pressure over that of the inlet, both over the whole
    beat; it is left out where the inlet's is below 20 mmHg: then the outlets' pressures are no blood pressures.
    """
    pressures = [beat.pressure(index) + conditions.reference_pa for index in range(len(line.branches))]
    caps = _caps(line, conditions, beat, pressures)
    tables = {
        f"{line.inlet} → {branch.cap}": _table(line, beat, pressures, index)
        for index, branch in enumerate(line.branches)
        if branch.cap
    }
    histories = {"time_s": beat.times_s.tolist()}
    for cap, (flow, pressure) in caps.items():
        histories[f"flow {cap} (mL/s)"] = (flow * convert(1.0, "flow", "mL/s")).tolist()
        histories[f"pressure {cap} (mmHg)"] = (pressure * convert(1.0, "pressure", "mmHg")).tolist()
    return Result(
        name=f"{case.name}, lumped",
        physics="lumped",
        mesh=organ.uuid,
        times_s=beat.times_s,
        fields={},
        quantities=tuple(_quantities(conditions, line, beat, caps, tables)),
        credibility={
            "model": f"rigid tree of {len(line.branches)} branches, {beat.unknowns} unknowns: Poiseuille friction "
            "and White's of bends, inertia, Young-Tsai narrowings, Borda-Carnot losses at forks",
            "time": "steady" if len(beat.times_s) == 1 else f"{len(beat.times_s) - 1} steps, periodic after {beat.beats} beats",
            "expected error": EXPECTED,
            "verified": VERIFIED,
            "time to solve": f"{seconds:.2g} s",
        },
        tables=tables,
        histories=histories,
        notes=_notes(line, beat, tables),
    )  # fmt: skip


def _caps(
    line: Centerline, conditions: Conditions, beat: Beat, pressures: list[Array]
) -> dict[str, tuple[Array, Array]]:
    """Flow (in through inlets, out through outlets) and pressure of each opening over the beat, mm^3/s and Pa."""
    inflows = {inflow.cap for inflow in conditions.inflows}
    found = {}
    for index, branch in enumerate(line.branches):
        if branch.parent < 0:
            sign = 1.0 if line.inlet in inflows else -1.0
            found[line.inlet] = (sign * beat.flow[:, index], pressures[index][:, 0])
    for index, branch in enumerate(line.branches):
        if branch.cap:
            sign = -1.0 if branch.cap in inflows else 1.0
            found[branch.cap] = (sign * beat.flow[:, index], pressures[index][:, -1])
    return found


def _quantities(
    conditions: Conditions,
    line: Centerline,
    beat: Beat,
    caps: dict[str, tuple[Array, Array]],
    tables: dict[str, dict[str, list[float]]],
) -> list[Quantity]:
    made: list[Quantity] = []

    def add(name: str, value: float | np.floating | Array, unit: str) -> None:
        made.append(Quantity(name=name, value=float(value), unit=unit, level="fair", why="lumped model"))

    mmhg, ml = convert(1.0, "pressure", "mmHg"), convert(1.0, "flow", "mL/s")
    outlets = [outflow.cap for outflow in conditions.outflows]
    mean = {cap: (beat.over_beat(flow), beat.over_beat(pressure)) for cap, (flow, pressure) in caps.items()}
    at_inlet = mean[line.inlet][1]
    others = [cap for cap in caps if cap != line.inlet]
    for cap in others:
        add(f"Pressure drop {line.inlet} → {cap}", mmhg * (at_inlet - mean[cap][1]), "mmHg")
    if len(beat.times_s) > 1:
        for cap in others:
            drop = caps[line.inlet][1] - caps[cap][1]
            add(f"Peak pressure drop {line.inlet} → {cap}", mmhg * drop.max(), "mmHg")
    for way, table in tables.items():
        if "ffr" in table:
            add(f"FFR {way}", table["ffr"][-1], "")
            add(f"Lowest FFR {way}", min(table["ffr"]), "")
    for cap in caps:
        add(f"Pressure {cap}", mmhg * mean[cap][1], "mmHg")
    if len(beat.times_s) > 1:
        for cap, (_, pressure) in caps.items():
            add(f"Systolic pressure {cap}", mmhg * pressure.max(), "mmHg")
            add(f"Diastolic pressure {cap}", mmhg * pressure.min(), "mmHg")
    for cap in caps:
        add(f"Flow {cap}", ml * mean[cap][0], "mL/s")
    out = sum(mean[cap][0] for cap in outlets)
    if len(outlets) > 1 and out:
        for cap in outlets:
            add(f"Flow share {cap}", 100.0 * mean[cap][0] / out, "%")
    for index, course in enumerate(beat.courses):
        for narrowing in course.narrowings:
            at = f"{course.branch.name} at {course.distance_mm[narrowing.throat]:.0f} mm"
            lost = beat.pressure(index)[:, [narrowing.first, narrowing.last]]
            add(f"Narrowing {at}", narrowing.percent, "%")
            add(f"Pressure drop of the narrowing {at}", mmhg * beat.over_beat(lost[:, 0] - lost[:, 1]), "mmHg")
    return made


def _table(line: Centerline, beat: Beat, pressures: list[Array], index: int) -> dict[str, list[float]]:
    """Columns from the inlet to the end of a branch; means over the beat."""
    way = []
    at = index
    while at >= 0:
        way.append(at)
        at = line.branches[at].parent
    way.reverse()
    start = beat.over_beat(pressures[way[0]])[0]
    columns: dict[str, list[float]] = {}
    for number, branch in enumerate(way):
        part = slice(1 if number else 0, None)  # the fork itself belongs to the parent
        one, course = line.branches[branch], beat.courses[branch]
        span = slice(one.first, one.last + 1)
        points, over_time = np.asarray(line.points_mm)[span], pressures[branch]
        pressure, flow = beat.over_beat(over_time), beat.over_beat(beat.flow[:, branch])
        values = {
            "distance_mm": course.distance_mm,
            "x_mm": points[:, 0],
            "y_mm": points[:, 1],
            "z_mm": points[:, 2],
            "pressure_pa": pressure,
            "pressure_drop_pa": start - pressure,
            "area_mm2": course.area_mm2,
            "radius_mm": np.asarray(line.radius_mm)[span],
            "speed_mm_per_s": np.abs(flow) / course.area_mm2,
            "flow_mm3_per_s": np.full(len(points), flow),
        }
        if start >= MIN_PRESSURE_PA:
            values["ffr"] = pressure / start
        if len(beat.times_s) > 1:
            values["systolic_pa"], values["diastolic_pa"] = over_time.max(axis=0), over_time.min(axis=0)
        for name, value in values.items():
            columns.setdefault(name, []).extend(float(v) for v in value[part])
    return columns


def _notes(line: Centerline, beat: Beat, tables: dict[str, dict[str, list[float]]]) -> tuple[str, ...]:
    notes = list(line.notes)
    notes += [
        f"The branch to {course.branch.name} is {narrowing.percent:.0f} % narrower at "
        f"{course.distance_mm[narrowing.throat]:.0f} mm: its loss follows an empirical law, good to 10-20 %."
        for course in beat.courses
        for narrowing in course.narrowings
        if narrowing.percent >= 20.0
    ]
    if not any("ffr" in table for table in tables.values()):
        notes.append(
            "No FFR: the mean pressure at the inlet is below 20 mmHg. Give the outlets blood pressures or targets."
        )
    return tuple(notes)
