"""Taylor-Hood elements behind the same door as the fast scheme: the reference for accuracy on a vessel's mesh.

Velocity is quadratic: it has a node at every corner and on every edge of the tetrahedra. What is prescribed at the corners of
an inlet is carried over to its edges by quadratics fitted to the corners around, and scaled to the same flow. Results are shown at
the corners; the forces that hold the wall are shared out to the corners so that sums, and moments, stay.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.spatial import cKDTree

from organtwin_solvers.fem.backend import MPI, ufl
from organtwin_solvers.fem.organ import FemMesh
from organtwin_solvers.flow.rheology import Rheology, rheology
from organtwin_solvers.flow.setup.conditions import Conditions, Inflow, resistances_and_pressures
from organtwin_solvers.flow.setup.inflow import rim
from organtwin_solvers.flow.state import State
from organtwin_solvers.flow.taylor_hood.equations import TaylorHoodEquations

Array = NDArray[np.float64]

# corners at the ends of each edge, in the order of the elements
EDGES = [(2, 3), (1, 3), (1, 2), (0, 3), (0, 2), (0, 1)]
NEIGHBOURS = 14  # corners that a quadratic on a cap is fitted to (it has 6 coefficients)


class TaylorHood:
    """The discrete equations on one mesh; what it offers is what :class:`~organtwin_solvers.flow.fast.scheme.Scheme` does.

    Velocities are (owned nodes, 3), pressures (owned corners,).
    """

    restartable = False  # values at mid-edges have no place in the mesh's point order

    def __init__(self, mesh: FemMesh, conditions: Conditions, *, direct: bool | None = None) -> None:
        self.mesh, self.conditions = mesh, conditions
        blood = rheology(conditions.blood)
        inlets = [inflow.cap for inflow in conditions.inflows]
        outlets = [outflow.cap for outflow in conditions.outflows]
        self.equations = TaylorHoodEquations(
            mesh.mesh,
            mesh.facet_tags,
            density=blood.density,
            viscosity=blood.at_infinite if blood.newtonian else _law(blood),
            held=[mesh.tag(name) for name in ("wall", *inlets)],
            outlets=[mesh.tag(name) for name in outlets],
            direct=direct,
        )
        self.size, self.corners = self.equations.size, self.equations.corners
        self.held = self.equations.held
        self._corner_points = mesh.point_of_dof(self.equations.pressures)[: self.corners]
        self._ends = self._ends_of_nodes()
        fluxes = self.equations.flux([mesh.tag(name) for name in inlets])
        self._inlets = [_Inlet(self, i, flux) for i, flux in zip(conditions.inflows, fluxes, strict=True)]
        self._cap_means = {cap: weights[self._corner_points] for cap, weights in conditions.cap_means.items()}
        self._volume = self.mesh.comm.allreduce(float(self.equations.pressure_mass().sum()))
        self.cfl_rate = 0.0
        self.iterations = 0

    def _ends_of_nodes(self) -> NDArray[np.int64]:
        """OrganMesh points (owned nodes, 2) at the ends of each node's edge; a corner is both ends."""
        points = self.mesh.point_of_node[self.mesh.mesh.geometry.dofmaps[0]]
        dofs = np.asarray(self.equations.space.dofmap.list)
        ends = np.full((dofs.max(initial=-1) + 1, 2), -1, np.int64)
        for corner in range(4):
            ends[dofs[:, corner]] = points[:, corner, None]
        for edge, pair in enumerate(EDGES):
            ends[dofs[:, 4 + edge]] = points[:, pair]
        return ends[: self.size]

    # -- solve ------------------------------------------------------------------------------------------------------

    def step(self, state: State, dt_s: float, *, steady: bool = False, tolerance: float = 3e-6) -> State:
        """One step of ``dt_s``, solved until the velocity is right to about ``tolerance`` of itself.

        Raises
        ------
        NotConverged
        """
        ahead = state.ahead(dt_s, steady=steady)
        resistances, known = resistances_and_pressures(
            self.conditions.outflows, ahead.stored, ahead.a0, np.inf if steady else dt_s
        )
        u, pressure = self.equations.step(
            np.ascontiguousarray(ahead.convecting.T), ahead.pressure, self.prescribed(state.time_s + dt_s),
            np.ascontiguousarray(ahead.past.T), ahead.a0, dt_s,
            resistances=resistances, outlet_pressures=known, tolerance=tolerance, sweeps=1 if steady else 2,
        )  # fmt: skip
        self.iterations = self.equations.iterations
        rates = self.equations.crossing_rates()  # a quadratic element counts for two cells
        self.cfl_rate = self.mesh.comm.allreduce(float(rates.max(initial=0.0)), op=MPI.MAX)
        proximal = np.array([outflow.proximal for outflow in self.conditions.outflows])
        stored = known + (resistances - proximal) * self.equations.flows(u)
        return state.followed_by(ahead, np.ascontiguousarray(u.T), pressure, stored)

    def prescribed(self, time_s: float) -> Array:
        """Velocity (3, owned nodes) at a time, zero where nothing is prescribed."""
        velocity = np.zeros((3, self.size))
        for inlet in self._inlets:
            inlet.put(velocity, time_s)
        return velocity

    # -- look -------------------------------------------------------------------------------------------------------

    def rest(self) -> State:
        """Blood that stands still, with the windkessels as charged as the conditions say."""
        stored = np.array([outflow.stored_pa for outflow in self.conditions.outflows])
        return State(0.0, np.zeros((self.size, 3)), np.zeros(self.corners), stored)

    def reaction(self, state: State) -> Array:
        """Force (owned corners, 3) of the boundary on the blood, of the step just made, in g mm/s^2.

        It is tested with the linear shape function of each corner: its own quadratic one and half of those of its edges.
        """
        force = self.equations.reaction(np.ascontiguousarray(state.velocity.T), state.pressure).T
        at_points = np.zeros((self.mesh.n_points, 3))
        for end in (0, 1):
            np.add.at(at_points, self._ends[:, end], 0.5 * force)
        if self.mesh.comm.size > 1:
            self.mesh.comm.Allreduce(MPI.IN_PLACE, at_points)
        return at_points[self._corner_points]

    def to_points(self, values: Array) -> Array:
        """Values (owned corners,), (owned corners, 3) or (owned nodes, 3) at the mesh's points, on every rank."""
        if len(values) == self.corners:
            points = self._corner_points
        else:
            at_corner = self._ends[:, 0] == self._ends[:, 1]
            points, values = self._ends[at_corner, 0], values[at_corner]
        every = np.zeros((self.mesh.n_points, *values.shape[1:]))
        every[points] = values
        if self.mesh.comm.size > 1:
            self.mesh.comm.Allreduce(MPI.IN_PLACE, every)
        return every

    def divergence(self, velocity: Array) -> Array:
        """(q, div u) for each test q."""
        return self.equations.divergence(np.ascontiguousarray(velocity.T))

    def flows(self, velocity: Array) -> Array:
        """Flow out through each outlet, mm^3/s."""
        return self.equations.flows(velocity.T)

    def norm(self, velocity: Array) -> float:
        """Root of the integral of |u|^2, mm^(5/2)/s."""
        return self.equations.norm(np.ascontiguousarray(velocity.T))

    def flows_by_cap(self, state: State) -> dict[str, float]:
        """Flow through each cap, mm^3/s: in through inlets, out through outlets."""
        inflows = {inflow.cap: inflow.at(state.time_s) for inflow in self.conditions.inflows}
        outflows = zip(self.conditions.outflows, self.flows(state.velocity), strict=True)
        return inflows | {outflow.cap: float(flow) for outflow, flow in outflows}

    def pressures_by_cap(self, state: State) -> dict[str, float]:
        """Mean pressure over each cap, Pa."""
        local = np.array([float(np.sum(weights * state.pressure)) for weights in self._cap_means.values()])
        means = self.mesh.comm.allreduce(local) + self.conditions.reference_pa
        return dict(zip(self._cap_means, (float(mean) for mean in means), strict=True))

    def residence_s(self) -> float:
        """Volume over flow."""
        return self._volume / max(sum(abs(inflow.flow_mm3_per_s) for inflow in self.conditions.inflows), 1e-300)

    def inflow_speed(self) -> float:
        """The greatest prescribed speed over a period, mm/s."""
        return max((inflow.peak_speed for inflow in self.conditions.inflows), default=0.0)

    def fastest(self, state: State) -> tuple[float, tuple[float, float, float]]:
        """The greatest speed in mm/s and where it is (mm)."""
        speed = np.linalg.norm(state.velocity, axis=1)
        at = int(np.argmax(speed)) if speed.size else 0
        place = self.equations.places[at] if speed.size else np.zeros(3)
        return max(self.mesh.comm.allgather((float(speed.max(initial=0.0)), tuple(float(c) for c in place))))


class _Inlet:
    """What is prescribed on the owned nodes of an inlet's cap."""

    def __init__(self, scheme: TaylorHood, inflow: Inflow, flux: Array) -> None:
        self._inflow, self._comm = inflow, scheme.mesh.comm
        on_cap = np.zeros(scheme.mesh.n_points, bool)
        on_cap[inflow.points] = True
        nodes = scheme.equations.nodes(scheme.mesh.tag(inflow.cap))
        self._nodes = nodes[on_cap[scheme._ends[nodes]].all(axis=1)]
        self._flux = flux[:, self._nodes].T
        organ = scheme.mesh.organ
        triangles = organ.boundary(inflow.cap)
        self._carry = _carry(organ.points_mm, inflow, triangles, scheme._ends[self._nodes])
        self._unit = self._carry @ inflow.profile
        self._factor = 1.0 / self._flow(self._unit)
        self._unit = self._factor * self._unit

    def put(self, velocity: Array, time_s: float) -> None:
        """Into ``velocity`` (3, owned nodes)."""
        values = self._factor * (self._carry @ self._inflow.velocity_at_points(time_s))
        if self._inflow.womersley is not None:
            values += (self._inflow.at(time_s) - self._flow(values)) * self._unit
        velocity[:, self._nodes] = values.T

    def _flow(self, values: Array) -> float:
        return -self._comm.allreduce(float(np.sum(self._flux * values)))


def _carry(points: Array, inflow: Inflow, triangles: NDArray[np.integer], ends: NDArray[np.int64]) -> csr_array:
    """Matrix from values at a cap's corners (in the order of ``inflow.points``) to those at nodes with these ``ends``.

    A flat profile, which no quadratic meets at the rim, is carried over linearly. Edges of the rim belong to the wall.
    """
    number = np.full(len(points), -1, np.int64)
    number[inflow.points] = np.arange(len(inflow.points))
    ends = number[ends]
    cap = points[inflow.points]
    on_rim = np.zeros(len(inflow.points), bool)
    on_rim[number[rim(triangles)]] = True
    sides = np.sort(number[triangles][:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    unique, count = np.unique(sides, axis=0, return_counts=True)
    rim_sides = {tuple(side) for side in unique[count == 1]}
    speed = np.linalg.norm(inflow.profile, axis=1)[~on_rim]
    flat = np.ptp(speed) < 1e-6 * speed.max()

    _, _, axes = np.linalg.svd(cap - cap.mean(axis=0), full_matrices=False)
    plane = (cap - cap.mean(axis=0)) @ axes[:2].T
    near = cKDTree(plane)
    rows, columns, values = [], [], []
    for row, (a, b) in enumerate(ends):
        if a == b:
            rows, columns, values = [*rows, row], [*columns, a], [*values, 1.0]
        elif (min(a, b), max(a, b)) in rim_sides:
            continue
        elif flat:
            rows, columns, values = [*rows, row, row], [*columns, a, b], [*values, 0.5, 0.5]
        else:
            middle = plane[[a, b]].mean(axis=0)
            distance, who = near.query(middle, min(NEIGHBOURS, len(cap)))
            x, y = ((plane[who] - middle) / distance[-1]).T
            weight = np.exp(-2.0 * (distance / distance[-1]) ** 2)
            fit = np.linalg.pinv(weight[:, None] * np.column_stack([np.ones_like(x), x, y, x * x, x * y, y * y]))
            rows += [row] * len(who)
            columns += list(who)
            values += list(fit[0] * weight)
    return coo_array((values, (rows, columns)), shape=(len(ends), len(cap))).tocsr()


def _law(blood: Rheology):
    """Carreau-Yasuda in the language of forms."""

    def viscosity(shear_rate: ufl.core.expr.Expr) -> ufl.core.expr.Expr:
        stretched = 1.0 + (blood.relaxation_s * shear_rate) ** blood.transition
        return blood.at_infinite + (blood.at_rest - blood.at_infinite) * stretched ** (
            (blood.exponent - 1.0) / blood.transition
        )

    return viscosity
