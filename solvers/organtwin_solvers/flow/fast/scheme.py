"""Incompressible Navier-Stokes on linear tetrahedra, fast: assemble once over the cells, solve once, per step.

Find velocity u and pressure p, both continuous and linear, with for all tests v, q

    rho (a0 u + a1 u' + a2 u'')/dt . v  +  rho (a.grad u + 1/2 (div a) u) . v  +  mu grad u : grad v  -  p div v
        + tau rho^2 (a.grad u - P[a.grad u']) . (a.grad v)  =  - sum_k p_k int_k n.v + backflow
    q div u  +  tau (grad p - P[grad p]) . grad q  =  0

u', u'' are earlier times (BDF2 of variable step, BDF1 at the start and when marching to a steady state), a is u
extrapolated in time, so each step is one linear system. P is the lumped L2 projection on continuous linear functions:
only what the mesh cannot resolve of convection and of the pressure gradient is damped (term-by-term orthogonal
subscales, Codina, Comput. Methods Appl. Mech. Eng. 191, 2002 and 197, 2008), which keeps second order and lets equal order
elements live. Backflow at outlets is stabilised by +rho/2 |u.n| u.v where blood re-enters (Bertoglio and Caiazzo, J. Comput.
Phys. 261, 2014, beta = 1 for the skew form). Outlets are windkessels, integrated by the same formula as the velocity and part
of the linear system: p_k = r_k Q_k + what is known from earlier times.

The tau of the pressure counts blood that is slower than the inflow as fast as it. There tau lives on nodes, and P[.] weighs
it there; on cells it is the mean of their nodes, so that the term is never negative (Cauchy-Schwarz). A viscosity that varies
(Carreau-Yasuda) is that of the extrapolated velocity, constant in each cell, with mu (grad a)^T on the right-hand side. The
three velocity components share one scalar matrix K.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from organtwin_solvers.fem.backend import MPI
from organtwin_solvers.fem.nodes import nodes_of
from organtwin_solvers.fem.organ import FemMesh
from organtwin_solvers.flow.fast import kernels
from organtwin_solvers.flow.fast.coupled import CoupledSolver, NotConverged
from organtwin_solvers.flow.fast.operators import Operators
from organtwin_solvers.flow.rheology import rheology
from organtwin_solvers.flow.setup.conditions import Conditions, resistances_and_pressures
from organtwin_solvers.flow.state import Ahead, State

Array = NDArray[np.float64]

ROBIN = 1.0  # pressure falls to the outlet's over about one cell: symbol of B K^-1 B' there
SLOWER = 1.3  # times as many iterations as after a renewal make the next one worth its while
PATIENCE = 3  # iterations more that are never worth it
MANY = 12  # iterations from which on fresh factors of K are worth their while in each step
FACTORS_SERVE = 4  # steps that incomplete factors of K serve: it changes little from one to the next
PACKED = ("velocity", "pressure", "before", "pressure_before", "older", "pressure_older")  # fields of a state


class Scheme:
    """The discrete equations on one mesh. Arrays hold owned nodes; see :meth:`to_points`."""

    restartable = True

    def __init__(self, mesh: FemMesh, conditions: Conditions) -> None:
        self.mesh, self.conditions = mesh, conditions
        self.nodes = nodes_of(mesh)
        self.size = self.nodes.owned
        self._blood = rheology(conditions.blood)
        self.operators = Operators(mesh, self.nodes, [outflow.cap for outflow in conditions.outflows])
        own = self.nodes.from_points
        self.held = own(conditions.held)
        self.fluxes = [own(outflow.flux) for outflow in conditions.outflows]
        self._cap_means = {cap: own(weights) for cap, weights in conditions.cap_means.items()}
        self._inlets = []
        for inflow in conditions.inflows:
            local = self.nodes.local_of_point[inflow.points]
            mine = (local >= 0) & (local < self.size)
            self._inlets.append((inflow, mine, local[mine]))
        cells = len(self.nodes.cells)
        self._viscosity, self._taus = np.full(cells, self._blood.at_infinite), np.empty((cells, 2))
        self._slowest = self.inflow_speed()  # counts as the least speed in tau of the pressure
        self._rhs = np.empty((self.size, 3))
        self._spread, self._convected = np.empty((self.size, 2)), np.empty((self.size, 3))
        self._proximal = np.array([outflow.proximal for outflow in conditions.outflows])
        self._resistances = np.zeros(len(self.fluxes))
        self._nodal_tau = np.empty(self.size)
        self._solver = CoupledSolver(self.nodes, self.operators, self._core, self.held, self.fluxes)
        self._made: tuple[float, int, int] | None = None  # inertia, iterations and age of the preconditioner
        self._curved = True  # whether a parabola was the better first guess in the last step
        self.iterations = 0
        self.cfl_rate = 0.0

    # -- solve ------------------------------------------------------------------------------------------------------

    def step(self, state: State, dt_s: float, *, steady: bool = False, tolerance: float = 3e-6) -> State:
        """One step of ``dt_s``, solved until the velocity is right to about ``tolerance`` of itself.

        Raises
        ------
        NotConverged
        """
        ahead = state.ahead(dt_s, steady=steady)
        self._assemble(ahead)
        resistances, known = resistances_and_pressures(
            self.conditions.outflows, ahead.stored, ahead.a0, np.inf if steady else dt_s
        )
        self._resistances = resistances
        for pressure_pa, flux in zip(known, self.fluxes, strict=True):
            self._rhs -= pressure_pa * flux
        self._solver.set_resistances(resistances)

        curve = None if steady else state.parabola(dt_s)
        first = curve if curve is not None and self._curved else (ahead.convecting, ahead.pressure)
        guess = first[0].copy()
        guess[self.held] = 0.0
        for inflow, mine, local in self._inlets:
            guess[local] = inflow.velocity_at_points(state.time_s + dt_s)[mine]
        start = np.column_stack([guess, first[1]])
        residual = np.column_stack([self._rhs, np.zeros(self.size)]) - self._operator(start)
        residual[self.held, :3] = 0.0
        scale = max(self._length(start[:, :3]), 1e-3 * self.inflow_speed() * np.sqrt(self.nodes.sum(self.size)))
        correction, self.iterations = self._solver.solve(residual, tolerance=tolerance * scale)
        start += correction
        velocity, pressure = np.ascontiguousarray(start[:, :3]), np.ascontiguousarray(start[:, 3])
        if not np.isfinite(self.nodes.sum(float(velocity.sum() + pressure.sum()))):
            raise NotConverged("the velocity is no longer a number")
        if curve is not None:  # where steps are so short that the solver's own error rules, a line is the better guess
            self._curved = self._length(velocity - curve[0]) < self._length(velocity - ahead.convecting)
        stored = known + (resistances - self._proximal) * self.flows(velocity)
        return state.followed_by(ahead, velocity, pressure, stored)

    def _assemble(self, ahead: Ahead) -> None:
        nodes, o, rho = self.nodes, self.operators, self._blood.density
        inertia = rho * ahead.a0 / ahead.dt_s
        a = nodes.with_ghosts(ahead.convecting)
        if not self._blood.newtonian:
            kernels.shear_rates(nodes.cells, o.gradients, a, self._viscosity)
            self._viscosity[:] = self._blood.viscosity(self._viscosity)
        along = kernels.subscales(
            nodes.cells, o.gradients, o.volumes, o.heights2, o.positions, a, self._viscosity, rho,
            self._slowest, self._taus, self._spread, self._convected,
        )  # fmt: skip
        self.cfl_rate = 0.5 * nodes.max(along)
        shared = np.empty((len(nodes.points), 4))
        shared[: self.size, :3] = rho * self._convected / o.lumped[:, None]
        self._nodal_tau = self._spread[:, 0] / self._spread[:, 1]
        shared[: self.size, 3] = self._nodal_tau
        kernels.assemble(
            nodes.cells, o.gradients, o.volumes, o.positions, a, self._viscosity, rho, inertia,
            nodes.with_ghosts(rho / ahead.dt_s * ahead.past), self._taus, nodes.share(shared), not self._blood.newtonian,
            o.blocks, self._rhs,
        )  # fmt: skip
        kernels.backflow(o.outlets.facets, o.outlets.normals, o.outlet_positions, a, rho, o.blocks)
        stale = self._stale(inertia)
        if stale or self._made[2] % FACTORS_SERVE == 0 or self.iterations > MANY:
            self._solver.set_momentum(o.blocks)
        if stale:
            self._solver.forget_answers()
            self._solver.set_schur(self._laplacian(inertia))
            self._made = (inertia, self.iterations, 0)

    def _stale(self, inertia: float) -> bool:
        """Whether the preconditioner is to be made again: when the step has changed, or iterations have grown."""
        if self._made is None:
            return True
        made_at, iterations, age = self._made
        if age == 1:
            iterations = self.iterations
        self._made = (made_at, iterations, age + 1)
        changed = not 0.7 < inertia / made_at < 1.4
        return changed or (age > 1 and self.iterations > SLOWER * iterations + PATIENCE)

    def _laplacian(self, inertia: float) -> Array:
        """Stands for the Schur complement: int (dt' + tau) grad p.grad q, dt' the local inverse of K's diagonal symbol."""
        nodes, o = self.nodes, self.operators
        weights = self._taus[:, 1] + 1.0 / (inertia + 0.25 / self._taus[:, 0])  # measured: fewest iterations
        values = np.zeros(len(o.columns))
        kernels.weighted_laplace(nodes.cells, o.gradients, o.volumes, o.positions, weights, values)
        patch = o.outlets
        total = np.zeros(len(nodes.points))
        count = np.zeros(len(nodes.points))
        np.add.at(total, nodes.cells, np.repeat(weights[:, None], 4, axis=1))
        np.add.at(count, nodes.cells, 1.0)
        mean = total / count
        area = np.linalg.norm(patch.normals, axis=1)
        weight = ROBIN / np.sqrt(area) * mean[patch.facets].mean(axis=1) * area / 12.0
        for i in range(3):
            for j in range(3):
                at = o.outlet_positions[:, i, j]
                kept = at >= 0
                np.add.at(values, at[kept], (2.0 if i == j else 1.0) * weight[kept])
        return values

    def _core(self, values: Array) -> Array:
        """The coupled system, less the resistances, times velocity and pressure (owned, 4), without regard to held nodes."""
        o = self.operators
        result, slopes = o.product(self.nodes.with_ghosts(values))
        resolved = self.nodes.with_ghosts((self._nodal_tau / o.lumped)[:, None] * slopes)
        q = np.zeros(self.size)
        o.add_transposed(resolved, q, sign=-1.0)
        result[:, 3] += q
        return result

    def _operator(self, values: Array) -> Array:
        """The coupled system times velocity and pressure (owned, 4), without regard to held nodes."""
        result = self._core(values)
        for resistance, flux, flow in zip(self._resistances, self.fluxes, self.flows(values[:, :3]), strict=True):
            if resistance:
                result[:, :3] += resistance * flow * flux
        return result

    # -- look ---------------------------------------------------------------------------------------------------------

    def rest(self) -> State:
        """Blood that stands still, with the windkessels as charged as the conditions say."""
        stored = np.array([outflow.stored_pa for outflow in self.conditions.outflows])
        return State(0.0, np.zeros((self.size, 3)), np.zeros(self.size), stored)

    def reaction(self, state: State) -> Array:
        """Force (owned, 3) of the boundary on the blood that holds the held nodes, of the step just made; in g mm/s^2."""
        force = self._operator(np.column_stack([state.velocity, state.pressure]))[:, :3] - self._rhs
        force[~self.held] = 0.0
        # the operator leaves out the pressure that a held boundary carries: (p, div v) = -(grad p, v) + (p n, v)
        pressure = self.nodes.with_ghosts(state.pressure)
        o = self.operators
        every = np.zeros((self.size, 3))
        kernels.boundary_pressure(o.boundary.facets, o.boundary.normals, self.size, pressure, -1.0, every)
        kernels.boundary_pressure(o.outlets.facets, o.outlets.normals, self.size, pressure, 1.0, every)
        every[~self.held] = 0.0
        return force + every

    def to_points(self, values: Array) -> Array:
        """Owned values (owned,) or (owned, 3) in the mesh's point order, on every rank."""
        return self.nodes.to_points(values)

    def from_points(self, values: Array) -> Array:
        """The owned part of values in the mesh's point order."""
        return self.nodes.from_points(values)

    def pack(self, state: State) -> dict[str, Array]:
        """A state as arrays in the mesh's point order, the same on every rank."""
        given = {name: getattr(state, name) for name in PACKED}
        arrays = {name: self.to_points(values) for name, values in given.items() if values is not None}
        arrays |= {"stored": state.stored, "times": np.array([state.time_s, state.dt_s, state.dt_before_s])}
        return arrays if state.stored_before is None else arrays | {"stored_before": state.stored_before}

    def unpack(self, arrays: Mapping[str, Array]) -> State:
        """The state that :meth:`pack` made."""
        parts = {name: self.from_points(arrays[name]) for name in PACKED if name in arrays}
        time_s, dt_s, dt_before_s = (float(number) for number in arrays["times"])
        parts |= {"stored": arrays["stored"], "stored_before": arrays.get("stored_before")}
        return State(time_s, dt_s=dt_s, dt_before_s=dt_before_s, **parts)

    def divergence(self, velocity: Array) -> Array:
        """(q, div u) for each test q."""
        result = np.zeros(self.size)
        self.operators.add_divergence(self.nodes.with_ghosts(velocity), result)
        return result

    def flows(self, velocity: Array) -> Array:
        """Flow out through each outlet, mm^3/s."""
        return np.asarray(self.nodes.sum(np.array([np.sum(flux * velocity) for flux in self.fluxes])))

    def _length(self, values: Array) -> float:
        return float(np.sqrt(self.nodes.sum(float(np.sum(values**2)))))

    def norm(self, velocity: Array) -> float:
        """Root of the integral of |u|^2 (lumped), mm^(5/2)/s."""
        return float(np.sqrt(self.nodes.sum(float(np.einsum("n,nk,nk->", self.operators.lumped, velocity, velocity)))))

    def flows_by_cap(self, state: State) -> dict[str, float]:
        """Flow through each cap, mm^3/s: in through inlets, out through outlets."""
        inflows = {inflow.cap: inflow.at(state.time_s) for inflow in self.conditions.inflows}
        outflows = zip(self.conditions.outflows, self.flows(state.velocity), strict=True)
        return inflows | {outflow.cap: float(flow) for outflow, flow in outflows}

    def pressures_by_cap(self, state: State) -> dict[str, float]:
        """Mean pressure over each cap, Pa."""
        local = np.array([float(np.sum(weights * state.pressure)) for weights in self._cap_means.values()])
        means = np.asarray(self.nodes.sum(local)) + self.conditions.reference_pa
        return dict(zip(self._cap_means, (float(mean) for mean in means), strict=True))

    def residence_s(self) -> float:
        """Volume over flow."""
        volume = float(self.nodes.sum(float(self.operators.lumped.sum())))
        return volume / max(sum(abs(inflow.flow_mm3_per_s) for inflow in self.conditions.inflows), 1e-300)

    def inflow_speed(self) -> float:
        """The greatest prescribed speed over a period, mm/s."""
        return max((inflow.peak_speed for inflow in self.conditions.inflows), default=0.0)

    def fastest(self, state: State) -> tuple[float, tuple[float, float, float]]:
        """The greatest speed in mm/s and where it is (mm)."""
        squares = np.einsum("nk,nk->n", state.velocity, state.velocity)
        at = int(np.argmax(squares)) if squares.size else 0
        place = tuple(float(x) for x in self.operators.points[at]) if squares.size else (0.0, 0.0, 0.0)
        mine = (float(np.sqrt(squares.max(initial=0.0))), place)
        return mine if self.nodes.comm.size == 1 else self.nodes.comm.allreduce(mine, op=MPI.MAX)
