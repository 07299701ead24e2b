"""Blood flow in a vessel tree: its circuit, solved for a steady state or for one beat of the periodic one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model import FlowCase
from organtwin.model.centerline import Centerline
from organtwin_solvers.flow.rheology import rheology
from organtwin_solvers.flow.setup.conditions import Conditions, Inflow, Outflow
from organtwin_solvers.lumped.blocks import GivenFlow, LossyJunction, Vessel, Windkessel
from organtwin_solvers.lumped.circuit import Block, Circuit, System, Waveform
from organtwin_solvers.lumped.march import periodic, rest
from organtwin_solvers.lumped.tree import NEARLY_FLAT, PARABOLIC, Course, courses

Array = NDArray[np.float64]

STEPS = 200  # a beat
SETTLED, MAX_TURNS = 1e-3, 20
FLAT_FROM = 4.0  # Womersley number
PERIODIC = 1e-5  # of the greatest pressure and flow


@dataclass(frozen=True)
class Beat:
    """What was found: at ``times_s`` (nt,), from 0 to the end of the beat, or at 0 for a steady flow.

    ``flow`` and ``rate`` (nt, branches) in mm^3/s and mm^3/s^2; ``start_pa`` (nt, branches) total pressure at the start of
    each branch; ``stored_pa`` (nt,) by cap, behind the proximal resistance of its outlet. Pressures are less the reference of
    the conditions.
    """

    times_s: Array
    courses: tuple[Course, ...]
    flow: Array
    rate: Array
    start_pa: Array
    stored_pa: dict[str, Array]
    beats: int
    unknowns: int

    def pressure(self, branch: int) -> Array:
        """Static pressure along a branch (nt, n)."""
        return self.courses[branch].static(self.start_pa[:, branch], self.flow[:, branch], self.rate[:, branch])

    def over_beat(self, values: Array) -> Array:
        """Mean over the beat of values (nt, ...), whose last time is the first again."""
        mean: Array = values[:-1].mean(axis=0) if len(values) > 1 else values[0]
        return mean


def solve_vessel(case: FlowCase, conditions: Conditions, line: Centerline, steps: int = STEPS) -> Beat:
    """The steady or the periodic state of a case in a vessel tree.

    Raises
    ------
    BadInput
        When the centreline does not lead to every opening of the case.
    SolveFailed
        When the circuit has no answer.
    """
    ends = _ends(conditions, line)
    density, blood = conditions.density, rheology(case.blood)
    profile = _profile(case, conditions, line)
    laws = first = courses(line, density, blood.viscosity, profile)
    circuit = _circuit(line, laws, ends, conditions, steps)
    still = circuit.system(steady=True)
    y = rest(still)
    flows = _numbered(still, y[None], line, "flow")[0]
    for _ in range(MAX_TURNS):  # what forks, bends and thinning blood cost depends on the flows
        laws = courses(line, density, blood.viscosity, profile, flows, first)
        circuit = _circuit(line, laws, ends, conditions, steps)
        still = circuit.system(steady=True)
        y = rest(still, y)
        found = _numbered(still, y[None], line, "flow")[0]
        change, flows = found - flows, 0.5 * (flows + found)
        if np.abs(change).max() <= SETTLED * np.abs(found).max():
            break
    if case.numerics.mode == "steady":
        return _beat(still, np.zeros(1), y[None], np.zeros_like(y)[None], laws, ends, line, 0)
    system = circuit.system()
    track, beats = periodic(system, conditions.period_s, steps, y, PERIODIC)
    return _beat(system, track.times, track.y, track.dy, laws, ends, line, beats)


def _profile(case: FlowCase, conditions: Conditions, line: Centerline) -> float:
    """Steady flow becomes a parabola; a pulse is flat where the Womersley number is high (large arteries)."""
    radius = float(np.sqrt(np.median(line.area_mm2) / np.pi))
    womersley = radius * np.sqrt(2.0 * np.pi / conditions.period_s * conditions.density / conditions.viscosity)
    return PARABOLIC if case.numerics.mode == "steady" or womersley < FLAT_FROM else NEARLY_FLAT


def _ends(conditions: Conditions, line: Centerline) -> dict[int, Inflow | Outflow]:
    """What is at the end of each branch that has an opening; -1 is the start of the tree."""
    every: list[Inflow | Outflow] = [*conditions.inflows, *conditions.outflows]
    by_cap = {end.cap: end for end in every}
    at = {-1: line.inlet} | {index: branch.cap for index, branch in enumerate(line.branches) if branch.cap}
    missing = [cap for cap in by_cap if cap not in at.values()]
    if missing:
        raise BadInput(
            f"The centreline does not lead to: {', '.join(missing)}", remedy="Make the centreline of this mesh again."
        )
    return {index: by_cap[cap] for index, cap in at.items()}


def _circuit(
    line: Centerline,
    laws: Sequence[Course],
    ends: dict[int, Inflow | Outflow],
    conditions: Conditions,
    steps: int,
) -> Circuit:
    """Blocks "end -1" (the inlet), "trunk", and "end k" (a fork or an opening) at the end of branch k.

    A fork holds the branches that leave it: their losses are those of a junction with losses.
    """
    circuit = Circuit()
    children = [[k for k, b in enumerate(line.branches) if b.parent == index] for index in range(len(line.branches))]
    trunks = [k for k, branch in enumerate(line.branches) if branch.parent < 0]
    if len(trunks) != 1:
        raise BadInput(
            "The centreline does not begin with one branch", remedy="Make the centreline of this mesh again."
        )
    (trunk,) = trunks

    def boundary(index: int, dynamic: float) -> Block:
        end = ends[index]
        if isinstance(end, Inflow):
            sign = 1.0 if index < 0 else -1.0  # flow counts from the start of a branch to its end
            flows = end.waveform.over_period(4 * steps)
            times = np.linspace(0.0, conditions.period_s, 4 * steps + 1)
            return GivenFlow(Waveform(times, sign * np.append(flows, flows[0])))
        return Windkessel(end.proximal, end.compliance, end.distal, end.distal_pressure_pa, dynamic)

    circuit.add("end -1", boundary(-1, float(laws[trunk].dynamic[0])))
    law = laws[trunk]
    circuit.add("trunk", Vessel(law.friction[-1], 0.0, law.inertia[-1], law.loss[-1]))
    for index, course in enumerate(laws):
        below = [laws[k] for k in children[index]]
        if below:
            block: Block = LossyJunction(
                [c.friction[-1] for c in below], [c.inertia[-1] for c in below], [c.loss[-1] for c in below]
            )
        else:
            block = boundary(index, float(course.dynamic[-1]))
        circuit.add(f"end {index}", block)
    circuit.link("end -1", "trunk")
    circuit.link("trunk", f"end {trunk}")
    for index in range(len(laws)):
        for k in children[index]:
            circuit.link(f"end {index}", f"end {k}")
    return circuit


def _beat(
    system: System,
    times: Array,
    y: Array,
    dy: Array,
    laws: tuple[Course, ...],
    ends: dict[int, Inflow | Outflow],
    line: Centerline,
    beats: int,
) -> Beat:
    end_pa = _numbered(system, y, line, "pressure")
    start_pa = np.empty_like(end_pa)
    for index, branch in enumerate(line.branches):
        start_pa[:, index] = y[:, 0] if branch.parent < 0 else end_pa[:, branch.parent]
    stored = {
        end.cap: y[:, system.index(f"pressure_c:end {index}")]
        for index, end in ends.items()
        if isinstance(end, Outflow)
    }
    return Beat(
        times_s=times,
        courses=laws,
        flow=_numbered(system, y, line, "flow"),
        rate=_numbered(system, dy, line, "flow"),
        start_pa=start_pa,
        stored_pa=stored,
        beats=beats,
        unknowns=len(system.names),
    )


def _numbered(system: System, y: Array, line: Centerline, what: str) -> Array:
    """Pressure or flow (nt, branches) at the end of each branch."""
    columns = [
        system.index(f"{what}:{'trunk' if branch.parent < 0 else f'end {branch.parent}'}:end {index}")
        for index, branch in enumerate(line.branches)
    ]
    return y[:, columns]
