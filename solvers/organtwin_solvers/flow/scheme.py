"""Incompressible Navier-Stokes on linear tetrahedra: preassemble, assemble, solve.

Find velocity u and pressure p, both continuous and linear, with for all tests v, q

    rho (a0 u + a1 u' + a2 u'')/dt . v  +  rho (a.grad u + 1/2 (div a) u) . v  +  mu grad u : grad v  -  p div v
        + tau rho^2 (a.grad u - P[a.grad u']) . (a.grad v)  =  - sum_k (p_k + R_k Q_k) int_k n.v + backflow
    q div u  +  tau (grad p - P[grad p']) . grad q  =  0

u', u'' are earlier times (BDF2 of variable step, BDF1 at the start and when marching to a steady state), a is u
extrapolated in time, so each step is one linear system. P is the lumped L2 projection on continuous linear functions:
only what the mesh cannot resolve of convection and of the pressure gradient is damped (term-by-term orthogonal
subscales, Codina, Comput. Methods Appl. Mech. Eng. 191, 2002 and 197, 2008), which keeps second order and lets equal order
elements live. Backflow at outlets is stabilised by +rho/2 |u.n| u.v where blood re-enters (Bertoglio and Caiazzo, J. Comput.
Phys. 261, 2014, beta = 1 for the skew form). Each outlet's resistance is part of the linear system.

The three velocity components share one scalar matrix K. The coupled system is solved by GMRES, preconditioned by one
pressure projection: K by ILU(0), the Schur complement by an algebraic multigrid cycle for int (dt' + tau) grad p . grad q
with dt' the local inverse of K's diagonal symbol.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin_solvers.fem.backend import MPI, PETSc, fem, ufl
from organtwin_solvers.fem.organ import FemMesh
from organtwin_solvers.flow.conditions import Conditions
from organtwin_solvers.flow.coupled import CoupledSolver, NotConverged, multiply

Array = NDArray[np.float64]

MAX_AGE = 10  # steps that the pressure stabilisation and the preconditioner may lag behind
ROBIN = 1.0  # pressure falls to the outlet's over about one cell: symbol of B K^-1 B' there


@dataclass(frozen=True)
class State:
    """Velocity (3, owned) and pressure (owned) at a time, and both one step of ``dt_s`` before."""

    time_s: float
    velocity: Array
    pressure: Array
    before: Array | None = None
    pressure_before: Array | None = None
    dt_s: float = 0.0


class Scheme:
    """The discrete equations on one mesh. Arrays hold owned degrees of freedom; see :meth:`to_points`."""

    def __init__(self, mesh: FemMesh, conditions: Conditions, *, max_age: int = MAX_AGE) -> None:
        self.mesh, self.conditions, self._max_age = mesh, conditions, max_age
        self.space = fem.functionspace(mesh.mesh, ("Lagrange", 1))
        self.vectors = fem.functionspace(mesh.mesh, ("Lagrange", 1, (3,)))
        self.constants = fem.functionspace(mesh.mesh, ("DG", 0))
        self.size = self.space.dofmap.index_map.size_local
        self.points = mesh.point_of_dof(self.space)[: self.size]
        self.held = conditions.held[self.points]
        self.fluxes = [np.ascontiguousarray(outflow.flux[self.points].T) for outflow in conditions.outflows]
        self._cap_means = {cap: weights[self.points] for cap, weights in conditions.cap_means.items()}
        start = self.space.dofmap.index_map.local_range[0]
        self._held_rows = (start + np.flatnonzero(self.held)).astype(PETSc.IntType)
        self._preassemble()
        self._solver = CoupledSolver(mesh.comm, self._operator, self.gradients, self.held)
        self._made: tuple[float, int, int] | None = None  # inertia, iterations and age of what depends on tau alone
        self.iterations = 0

    # -- preassemble ------------------------------------------------------------------------------------------------

    def _preassemble(self) -> None:
        mesh, space = self.mesh, self.space
        u, v = ufl.TrialFunction(space), ufl.TestFunction(space)
        dx, ds = mesh.measure(degree=2)
        rho, mu = (fem.Constant(mesh.mesh, value) for value in (self.conditions.density, self.conditions.viscosity))
        outlets = ds(tuple(mesh.tag(outflow.cap) for outflow in self.conditions.outflows))

        axis = fem.Constant(mesh.mesh, np.zeros(3))
        gradient = fem.form(v * ufl.dot(axis, ufl.grad(u)) * dx)
        self.gradients = []
        for direction in np.eye(3):
            axis.value[:] = direction
            self.gradients.append(_assembled(gradient))
        self.mass = _assembled(fem.form(u * v * dx))
        self.lumped = multiply(self.mass, np.ones(self.size))

        self._a, self._u = fem.Function(self.vectors), fem.Function(self.vectors)
        self._weight, self._tau = fem.Function(self.constants), fem.Function(self.constants)
        self._inertia = fem.Constant(mesh.mesh, 0.0)  # rho a0 / dt
        a, w, tau = self._a, ufl.TestFunction(self.vectors), self._tau
        normal = ufl.FacetNormal(mesh.mesh)
        convection = ufl.dot(a, ufl.grad(u)) * v + 0.5 * ufl.div(a) * u * v
        self._momentum = fem.form(
            (self._inertia * u * v + rho * convection + mu * ufl.dot(ufl.grad(u), ufl.grad(v))) * dx
            + rho**2 * tau * ufl.dot(a, ufl.grad(u)) * ufl.dot(a, ufl.grad(v)) * dx
            - 0.5 * rho * ufl.min_value(ufl.dot(a, normal), 0.0) * u * v * outlets
        )
        self._K = fem.petsc.create_matrix(self._momentum)
        self._K.setOption(PETSc.Mat.Option.KEEP_NONZERO_PATTERN, True)
        height = 3.0 * ufl.CellVolume(mesh.mesh) / ufl.FacetArea(mesh.mesh)
        self._poisson = fem.form(
            self._weight * ufl.dot(ufl.grad(u), ufl.grad(v)) * dx + ROBIN / height * self._weight * u * v * outlets
        )
        self._L = fem.petsc.create_matrix(self._poisson)  # pressure stabilisation
        self._S = fem.petsc.create_matrix(self._poisson)  # Schur complement, for the preconditioner
        self._stabilisation = fem.form(self._weight * ufl.dot(ufl.grad(u), ufl.grad(v)) * dx)
        self._convected = fem.form(ufl.inner(ufl.dot(a, ufl.nabla_grad(self._u)), w) * dx)
        self._streamline = fem.form(rho * tau * ufl.inner(ufl.dot(a, ufl.nabla_grad(w)), self._u) * dx)
        self._axis = axis
        self._weighted = fem.form(self._weight * u * ufl.dot(axis, ufl.grad(v)) * dx)
        self._load = fem.form(self._weight * v * dx)
        self._P = [fem.petsc.create_matrix(self._weighted) for _ in range(3)]

        vertices = mesh.mesh.geometry.dofmaps[0]
        corner = mesh.mesh.geometry.x[vertices]
        edges = corner[:, 1:] - corner[:, :1]
        inverse = np.linalg.inv(edges)  # columns are gradients of the barycentric coordinates
        self._shape_gradients = np.concatenate([-inverse.sum(axis=2, keepdims=True), inverse], axis=2)
        self._height2 = 1.0 / np.einsum("cik,cik->ck", self._shape_gradients, self._shape_gradients).max(axis=1)
        self._cells = np.asarray(self.space.dofmap.list)
        self._node_of_dof = np.zeros(self._cells.max(initial=0) + 1, np.int64)
        self._node_of_dof[self._cells] = vertices

    # -- assemble ---------------------------------------------------------------------------------------------------

    def _put(self, function: fem.Function, values: Array) -> None:
        function.x.array.reshape(-1, 3)[: self.size] = values.T
        function.x.scatter_forward()

    def _vector(self, form: fem.Form) -> Array:
        vector = fem.petsc.assemble_vector(form)
        vector.ghostUpdate(addv=PETSc.InsertMode.ADD, mode=PETSc.ScatterMode.REVERSE)
        values = vector.array.copy()
        vector.destroy()
        return values

    def _vectors(self, form: fem.Form) -> Array:
        return np.ascontiguousarray(self._vector(form).reshape(-1, 3).T)

    def _set_subscales(self, a: Array, inertia: float) -> None:
        """Convecting velocity, tau = 1/(4 mu/h^2 + rho sum_i |a.grad N_i|) and the weight of the projection."""
        self._put(self._a, a)
        speed = self._a.x.array.reshape(-1, 3)[self._cells].mean(axis=1)
        along = np.abs(np.einsum("ci,cik->ck", speed, self._shape_gradients)).sum(axis=1)
        rate = 4.0 * self.conditions.viscosity / self._height2 + self.conditions.density * along
        count = len(rate)
        self._tau.x.array[:count] = 1.0 / rate
        self._projection_weight = 1.0 / rate + 1.0 / (inertia + 0.25 * rate)  # measured: fewest iterations
        self._inertia.value = inertia
        self.cfl_rate = self.mesh.comm.allreduce(0.5 * float(along.max(initial=0.0)), op=MPI.MAX)

    def divergence(self, velocity: Array) -> Array:
        """(q, div u) for each test q."""
        return np.sum([multiply(b, c) for b, c in zip(self.gradients, velocity, strict=True)], axis=0)

    def weak_gradient(self, pressure: Array) -> Array:
        """(p, div v) for each test v."""
        return np.array([multiply(b, pressure, transpose=True) for b in self.gradients])

    def flows(self, velocity: Array) -> Array:
        """Flow out through each outlet, mm^3/s."""
        local = np.array([np.sum(flux * velocity) for flux in self.fluxes])
        return self.mesh.comm.allreduce(local)

    # -- solve ------------------------------------------------------------------------------------------------------

    def step(self, state: State, dt_s: float, *, steady: bool = False, tolerance: float = 3e-6) -> State:
        """One step of ``dt_s``, solved until the velocity is right to about ``tolerance`` of itself.

        Raises
        ------
        NotConverged
        """
        rho = self.conditions.density
        time_s = state.time_s + dt_s
        now = state.velocity
        if steady or state.before is None:
            a0, past, extrapolated, pressure = 1.0, now, now, state.pressure
        else:
            w = dt_s / state.dt_s
            a0 = (1 + 2 * w) / (1 + w)
            past = (1 + w) * now - w * w / (1 + w) * state.before
            extrapolated = (1 + w) * now - w * state.before
            pressure = (1 + w) * state.pressure - w * state.pressure_before
        inertia = rho * a0 / dt_s
        self._set_subscales(extrapolated, inertia)
        self._assemble(inertia)

        # right-hand side: past velocities, outlet pressures, the resolved part of the two stabilised terms
        rhs = np.array([multiply(self.mass, rho / dt_s * component) for component in past])
        for outflow, flux in zip(self.conditions.outflows, self.fluxes, strict=True):
            rhs -= outflow.distal_pressure_pa * flux
        self._put(self._u, extrapolated)
        self._put(self._u, rho * self._vectors(self._convected) / self.lumped)
        rhs += self._vectors(self._streamline)

        guess = extrapolated.copy()
        prescribed = self.conditions.velocity(time_s)[self.points].T
        guess[:, self.held] = prescribed[:, self.held]
        self._rhs = rhs
        start = np.vstack([guess, pressure])
        residual = np.vstack([rhs, np.zeros(self.size)]) - self._operator(start)
        residual[:3, self.held] = 0.0
        correction, self.iterations = self._solver.solve(residual, tolerance=tolerance * self._length(guess))
        velocity, pressure = guess + correction[:3], pressure + correction[3]
        if not np.isfinite(self.mesh.comm.allreduce(float(velocity.sum() + pressure.sum()))):
            raise NotConverged("the velocity is no longer a number")
        return State(time_s, velocity, pressure, now, state.pressure, dt_s)

    def reaction(self, state: State) -> Array:
        """Force (3, owned) of the boundary on the blood that holds the held points, of the step just made; in g mm/s^2."""
        force = self._operator(np.vstack([state.velocity, state.pressure]))[:3] - self._rhs
        force[:, ~self.held] = 0.0
        return force

    def rest(self) -> State:
        """Blood that stands still."""
        return State(0.0, np.zeros((3, self.size)), np.zeros(self.size))

    def to_points(self, values: Array) -> Array:
        """Owned values (owned,) or (3, owned) in the mesh's point order, on every rank."""
        space = self.space if values.ndim == 1 else self.vectors
        return self.mesh.gather(space, np.ascontiguousarray(values.T).ravel())

    def _length(self, values: Array) -> float:
        return float(np.sqrt(self.mesh.comm.allreduce(float(np.sum(values**2)))))

    def norm(self, velocity: Array) -> float:
        """Root of the integral of |u|^2 (lumped), mm^(5/2)/s."""
        return float(np.sqrt(self.mesh.comm.allreduce(float(np.sum(self.lumped * velocity**2)))))

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
        volume = self.mesh.comm.allreduce(float(self.lumped.sum()))
        return volume / max(sum(abs(inflow.flow_mm3_per_s) for inflow in self.conditions.inflows), 1e-300)

    def inflow_speed(self) -> float:
        """The greatest prescribed speed over a period, mm/s."""
        return max(inflow.peak_speed for inflow in self.conditions.inflows)

    def fastest(self, state: State) -> tuple[float, tuple[float, float, float]]:
        """The greatest speed in mm/s and where it is (mm)."""
        speed = np.linalg.norm(state.velocity, axis=0)
        at = int(np.argmax(speed)) if speed.size else 0
        place = self.mesh.mesh.geometry.x[self._node_of_dof[at]] if speed.size else np.zeros(3)
        return max(self.mesh.comm.allgather((float(speed.max(initial=0.0)), tuple(float(c) for c in place))))

    def _assemble(self, inertia: float) -> None:
        """K anew; what depends on tau alone only when it has become stale."""
        self._fill(self._K, self._momentum)
        held = self._K.copy()
        held.zeroRows(self._held_rows, 1.0)
        self._solver.set_momentum(held)
        if self._stale(inertia):
            self._weight.x.array[:] = self._tau.x.array
            self._fill(self._L, self._stabilisation)
            for direction, matrix in zip(np.eye(3), self._P, strict=True):
                self._axis.value[:] = direction
                self._fill(matrix, self._weighted)
            self._weighted_mass = self._vector(self._load)
            self._weight.x.array[:] = self._projection_weight
            self._fill(self._S, self._poisson)
            self._solver.set_schur(self._S)
            self._made = (inertia, self.iterations, 0)

    def _stale(self, inertia: float) -> bool:
        """Whether the pressure stabilisation and the preconditioner are to be made again."""
        if self._made is None:
            return True
        made_at, iterations, age = self._made
        if age == 1:
            iterations = self.iterations
        self._made = (made_at, iterations, age + 1)
        changed = not 0.7 < inertia / made_at < 1.4
        return changed or age >= self._max_age or (age > 1 and self.iterations > 1.3 * iterations + 3)

    @staticmethod
    def _fill(matrix: PETSc.Mat, form: fem.Form) -> None:
        matrix.zeroEntries()
        fem.petsc.assemble_matrix(matrix, form)
        matrix.assemble()

    def _operator(self, values: Array) -> Array:
        """The coupled system times (velocity, pressure), (4, owned), without regard to held points."""
        velocity, pressure = values[:3], values[3]
        result = np.empty_like(values)
        for i in range(3):
            result[i] = multiply(self._K, velocity[i])
        result[:3] -= self.weak_gradient(pressure)
        for outflow, flux, flow in zip(self.conditions.outflows, self.fluxes, self.flows(velocity), strict=True):
            resistance = outflow.proximal + outflow.distal
            if resistance:
                result[:3] += resistance * flow * flux
        result[3] = self.divergence(velocity) + multiply(self._L, pressure)
        for matrix in self._P:
            result[3] -= multiply(matrix, multiply(matrix, pressure, transpose=True) / self._weighted_mass)
        return result


def _assembled(form: fem.Form) -> PETSc.Mat:
    matrix = fem.petsc.assemble_matrix(form)
    matrix.assemble()
    return matrix
