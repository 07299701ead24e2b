"""Incompressible Navier-Stokes with quadratic velocity and linear pressure (Taylor-Hood), in two and three dimensions.

Find u (continuous, quadratic) and p (continuous, linear) with, for all tests v and q,

    rho (a0 u - past)/dt . v  +  rho (a.grad u + 1/2 (div a) u) . v  +  mu grad u : grad v  -  p div v
        - rho/2 min(a.n, 0) u . v (outlets)  =  - sum_k (P_k + R_k Q_k) int_k n.v
    q div u  =  0

The pair is stable as it is: nothing is added but what keeps blood that re-enters through an outlet from gaining energy
(Bertoglio and Caiazzo, J. Comput. Phys. 261, 2014, beta = 1 for the skew form). a is u extrapolated in time, then
once more the u so found: a step is two linear systems; Newton's method is there for a flow that is steady. Cells may be curved (geometry of degree 2).

The force that holds a boundary is the residual of the momentum equation tested with its own shape functions, which
converges with twice the order of the gradient at the wall (Babuska and Miller, Int. J. Numer. Methods Eng. 20, 1984;
John, Int. J. Numer. Methods Fluids 44, 2004).

Arrays hold owned degrees of freedom: velocity (d, nodes), pressure (corners).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from organtwin_solvers.fem.backend import dmesh, dolfinx, fem, ufl
from organtwin_solvers.flow.fast.coupled import NotConverged
from organtwin_solvers.flow.taylor_hood.linear import CoupledSystem, multiply

Array = NDArray[np.float64]
la = dolfinx.la

LARGEST_DIRECT = {2: 400_000, 3: 6_000}  # unknowns up to which factors are cheaper than many iterations
MAX_NEWTON = 25
SWEPT = 0.5  # of the rate at which cells are crossed, in the preconditioner: measured
ROBIN = 1.0  # pressure falls to the outlet's over about one cell, in the preconditioner


class TaylorHoodEquations:
    """The discrete equations on one mesh.

    Parameters
    ----------
    mesh, facet_tags : dolfinx mesh of triangles or tetrahedra, and the tags of its outer facets
    density : float
    viscosity : float or callable
        A law takes the (UFL) shear rate, and gives the viscosity there.
    held : sequence of int
        Tags of the facets where velocity is prescribed.
    outlets : sequence of int
        Tags of the facets where pressure is prescribed.
    """

    def __init__(
        self,
        mesh: dmesh.Mesh,
        facet_tags: dmesh.MeshTags,
        *,
        density: float,
        viscosity: float | Callable[[ufl.core.expr.Expr], ufl.core.expr.Expr],
        held: Sequence[int],
        outlets: Sequence[int],
        direct: bool | None = None,
    ) -> None:
        self.mesh, self.facet_tags, self.dim, self.density = mesh, facet_tags, mesh.geometry.dim, density
        self.space = fem.functionspace(mesh, ("Lagrange", 2))
        self.vectors = fem.functionspace(mesh, ("Lagrange", 2, (self.dim,)))
        self.pressures = fem.functionspace(mesh, ("Lagrange", 1))
        self.size = self.space.dofmap.index_map.size_local
        self.corners = self.pressures.dofmap.index_map.size_local
        self.held = np.zeros(self.size, bool)
        for tag in held:
            self.held[self.nodes(tag)] = True
        self.outlets = tuple(outlets)
        self.iterations = 0
        self._preassemble(viscosity)
        corner = mesh.geometry.x[mesh.geometry.dofmaps[0][:, : self.dim + 1]][..., : self.dim]
        inverse = np.linalg.inv(corner[:, 1:] - corner[:, :1])  # columns are gradients of the barycentric coordinates
        self._slopes = np.concatenate([-inverse.sum(axis=2, keepdims=True), inverse], axis=2)
        total = mesh.comm.allreduce(self.dim * self.size + self.corners)
        self._system = CoupledSystem(self, direct=total < LARGEST_DIRECT[self.dim] if direct is None else direct)

    def nodes(self, tag: int) -> NDArray[np.int32]:
        """Owned velocity nodes on the facets of a tag."""
        found = fem.locate_dofs_topological(self.space, self.dim - 1, self.facet_tags.find(tag))
        return found[found < self.size]

    @property
    def places(self) -> Array:
        """Where the velocity nodes are, (nodes, 3)."""
        return self.space.tabulate_dof_coordinates()[: self.size]

    @property
    def corner_places(self) -> Array:
        """Where the pressure nodes are, (corners, 3)."""
        return self.pressures.tabulate_dof_coordinates()[: self.corners]

    # -- preassemble ------------------------------------------------------------------------------------------------

    def _preassemble(self, viscosity: float | Callable[[ufl.core.expr.Expr], ufl.core.expr.Expr]) -> None:
        mesh, dim = self.mesh, self.dim
        curved = mesh.geometry.cmaps[0].degree > 1
        dx = ufl.Measure("dx", domain=mesh, metadata={"quadrature_degree": 6 if curved else 5})
        u, v, q = ufl.TrialFunction(self.space), ufl.TestFunction(self.space), ufl.TestFunction(self.pressures)
        normal = ufl.FacetNormal(mesh)
        zero = np.zeros(dim)
        self._axis, self._other = fem.Constant(mesh, zero), fem.Constant(mesh, zero)
        self._inertia, self._rho = fem.Constant(mesh, 0.0), fem.Constant(mesh, 0.0)
        self._a = a = fem.Function(self.vectors)
        if callable(viscosity):
            strain = ufl.sym(ufl.grad(a))
            mu = viscosity(ufl.sqrt(2.0 * ufl.inner(strain, strain)))
        else:
            mu = fem.Constant(mesh, float(viscosity))

        open_ends = self._only(self.outlets, degree=6)
        divergence = fem.form(q * ufl.dot(self._axis, ufl.grad(u)) * dx)
        self.divergences = []
        for direction in np.eye(dim):
            self._axis.value[:] = direction
            self.divergences.append(_assembled(divergence))
        self.fluxes = self.flux(self.outlets)

        self._momentum = fem.form(
            (self._inertia * u * v + mu * ufl.dot(ufl.grad(u), ufl.grad(v))) * dx
            + self._rho * (ufl.dot(a, ufl.grad(u)) + 0.5 * ufl.div(a) * u) * v * dx
            - 0.5 * self._rho * ufl.min_value(ufl.dot(a, normal), 0.0) * u * v * open_ends
        )
        self._turning = fem.form(  # Newton: the derivative with respect to a
            self._rho
            * (u * ufl.dot(self._axis, ufl.grad(a) * self._other) + 0.5 * ufl.dot(self._other, ufl.grad(u)) * ufl.dot(self._axis, a))
            * v
            * dx
        )  # fmt: skip
        self._transposed = None
        if callable(
            viscosity
        ):  # div(mu grad(u)^T) does not vanish where viscosity varies: taken from the last velocity
            w = ufl.TestFunction(self.vectors)
            self._transposed = fem.form(
                mu * ufl.inner(ufl.grad(a).T, ufl.grad(w)) * dx - mu * ufl.dot(ufl.grad(a).T * normal, w) * open_ends
            )
        self.mass = _assembled(fem.form(u * v * dx))
        self.K = fem.petsc.create_matrix(self._momentum)
        p = ufl.TrialFunction(self.pressures)
        self._weight = weight = fem.Function(fem.functionspace(mesh, ("DG", 0)))
        linear = {"quadrature_degree": 2}
        fall = ROBIN * ufl.FacetArea(mesh) / (dim * ufl.CellVolume(mesh)) if not curved else fem.Constant(mesh, 1.0)
        self._laplace = fem.form(
            weight * ufl.dot(ufl.grad(p), ufl.grad(q)) * dx(metadata=linear)
            + fall * weight * p * q * open_ends(metadata=linear)
        )
        self._lumps = fem.form(q * dx)
        self.viscosity_scale = float(viscosity) if not callable(viscosity) else 0.0

    def schur(self) -> object:
        """Stands for B K^-1 B': (w grad p, grad q), w the local inverse of K's symbol less its viscous part.

        At outlets pressure falls to zero over about one cell.
        """
        rates = self.density * self.crossing_rates()
        self._weight.x.array[: len(rates)] = 1.0 / (self.inertia + SWEPT * rates)
        return _assembled(self._laplace)

    def crossing_rates(self) -> Array:
        """sum |a.grad N| over the linear shape functions of each local cell, for a as last assembled, 1/s."""
        a = self._a.x.array.reshape(-1, self.dim)[self.vectors.dofmap.list[:, : self.dim + 1]].mean(axis=1)
        return np.abs(np.einsum("ci,cik->ck", a, self._slopes)).sum(axis=1)

    def pressure_mass(self) -> Array:
        """(1, q) for each test q."""
        vector = fem.assemble_vector(self._lumps)
        vector.scatter_reverse(la.InsertMode.add)
        return vector.array[: self.corners].copy()

    def _only(self, tags: Sequence[int], *, degree: int) -> ufl.Measure:
        """The surface of these tags; always under one number, so that the form is the same whatever the mesh."""
        facets = np.unique(np.concatenate([np.zeros(0, np.int32), *(self.facet_tags.find(tag) for tag in tags)]))
        chosen = dmesh.meshtags(self.mesh, self.dim - 1, facets.astype(np.int32), np.ones(len(facets), np.int32))
        return ufl.Measure(
            "ds", domain=self.mesh, subdomain_data=chosen, subdomain_id=1, metadata={"quadrature_degree": degree}
        )

    def flux(self, tags: Sequence[int]) -> list[Array]:
        """b (d, nodes) by tag with sum(b * u) = the flow out through its facets (add the ranks); openings share no node."""
        v, normal = ufl.TestFunction(self.space), ufl.FacetNormal(self.mesh)
        form = fem.form(v * ufl.dot(self._axis, normal) * self._only(tags, degree=4))
        rows = []
        for direction in np.eye(self.dim):
            self._axis.value[:] = direction
            vector = fem.assemble_vector(form)
            vector.scatter_reverse(la.InsertMode.add)
            rows.append(vector.array[: self.size].copy())
        parts = []
        for tag in tags:
            part = np.zeros((self.dim, self.size))
            part[:, self.nodes(tag)] = np.array(rows)[:, self.nodes(tag)]
            parts.append(part)
        return parts

    # -- assemble ---------------------------------------------------------------------------------------------------

    def assemble(self, a: Array, inertia: float) -> None:
        """K with this convecting velocity (d, nodes) and rho a0 / dt."""
        self._put(a)
        self._inertia.value, self._rho.value = inertia, self.density
        _fill(self.K, self._momentum)

    @property
    def inertia(self) -> float:
        """rho a0 / dt of the matrix K as it is."""
        return float(self._inertia.value)

    def _put(self, a: Array) -> None:
        self._a.x.array.reshape(-1, self.dim)[: self.size] = a.T
        self._a.x.scatter_forward()

    # -- apply ------------------------------------------------------------------------------------------------------

    def operate(self, velocity: Array, pressure: Array, resistances: Sequence[float] = ()) -> tuple[Array, Array]:
        """Momentum (d, nodes) and continuity (corners) of the coupled system, without regard to what is held."""
        momentum = np.array([multiply(self.K, component) for component in velocity]) - self.weak_gradient(pressure)
        for resistance, flux in zip(resistances, self.fluxes, strict=False):
            if resistance:
                momentum += resistance * self.mesh.comm.allreduce(float(np.sum(flux * velocity))) * flux
        return momentum, self.divergence(velocity)

    def divergence(self, velocity: Array) -> Array:
        """(q, div u) for each test q."""
        return np.sum([multiply(b, c) for b, c in zip(self.divergences, velocity, strict=True)], axis=0)

    def weak_gradient(self, pressure: Array) -> Array:
        """(p, div v) for each test v."""
        return np.array([multiply(b, pressure, transpose=True) for b in self.divergences])

    def flows(self, velocity: Array) -> Array:
        """Flow out through each outlet."""
        return self.mesh.comm.allreduce(np.array([float(np.sum(flux * velocity)) for flux in self.fluxes]))

    def norm(self, velocity: Array) -> float:
        """Root of the integral of |u|^2."""
        square = sum(float(c @ multiply(self.mass, c)) for c in velocity)
        return float(np.sqrt(self.mesh.comm.allreduce(square)))

    # -- solve ------------------------------------------------------------------------------------------------------

    def step(
        self,
        extrapolated: Array,
        pressure: Array,
        prescribed: Array,
        past: Array,
        a0: float,
        dt: float,
        *,
        resistances: Sequence[float] = (),
        outlet_pressures: Sequence[float] = (),
        tolerance: float = 1e-6,
        sweeps: int = 2,
    ) -> tuple[Array, Array]:
        """Velocity and pressure at the end of a step of dt: the equations above, from a good guess of both.

        The second of two ``sweeps`` takes what the first has found for the convecting velocity: with the extrapolated one
        alone, steps of more than one cell make the forces oscillate. ``prescribed`` (d, nodes) is looked at where velocity is held; ``past`` is the sum of earlier velocities.

        Raises
        ------
        NotConverged
        """
        velocity, self.iterations = np.where(self.held, prescribed, extrapolated), 0
        if not np.isfinite(self.mesh.comm.allreduce(float(velocity.sum() + past.sum() + pressure.sum()))):
            raise NotConverged("the velocity is no longer a number")
        convecting = extrapolated
        for _ in range(sweeps):
            self.assemble(convecting, self.density * a0 / dt)
            self._set_rhs(past, dt, outlet_pressures)
            self._resistances = tuple(resistances)
            momentum, continuity = self.operate(velocity, pressure, resistances)
            scale = float(np.sqrt(self.mesh.comm.allreduce(float(np.sum(velocity**2))))) or 1.0
            du, dp, iterations = self._system.solve(
                np.where(self.held, 0.0, self._rhs - momentum), -continuity, resistances, tolerance=tolerance * scale
            )
            self.iterations += iterations
            velocity, pressure = velocity + du, pressure + dp
            convecting = velocity
        return velocity, pressure

    def _set_rhs(self, past: Array, dt: float, outlet_pressures: Sequence[float]) -> None:
        self._rhs = np.array([multiply(self.mass, self.density / dt * component) for component in past])
        for value, flux in zip(outlet_pressures, self.fluxes, strict=False):
            self._rhs -= value * flux
        if self._transposed is not None:
            vector = fem.assemble_vector(self._transposed)
            vector.scatter_reverse(la.InsertMode.add)
            self._rhs -= vector.array.reshape(-1, self.dim)[: self.size].T

    def reaction(self, velocity: Array, pressure: Array) -> Array:
        """Force (d, nodes) of the boundary on the blood, of the step just made; zero where nothing is held."""
        force = self.operate(velocity, pressure, self._resistances)[0] - self._rhs
        return np.where(self.held, force, 0.0)

    def steady(
        self, velocity: Array, pressure: Array, prescribed: Array, *, tolerance: float = 1e-10
    ) -> tuple[Array, Array]:
        """The steady flow, by two steps of Picard and then Newton's method, with factors (serial).

        Raises
        ------
        NotConverged
        """
        velocity = np.where(self.held, prescribed, velocity)
        self._rhs, self._resistances = np.zeros_like(velocity), ()
        for iteration in range(MAX_NEWTON):
            self.assemble(velocity, 0.0)
            momentum, continuity = self.operate(velocity, pressure)
            turning = self._newton_blocks() if iteration > 1 else None
            self._system.factor(turning)
            du, dp = self._system.backsolve(np.where(self.held, 0.0, -momentum), -continuity)
            velocity, pressure = velocity + du, pressure + dp
            change = self.norm(du) / (self.norm(velocity) or 1.0)
            if not np.isfinite(change):
                break
            if change < tolerance:
                self.iterations = iteration + 1
                self.assemble(velocity, 0.0)
                return velocity, pressure
        raise NotConverged("Newton's method finds no steady flow")

    def _newton_blocks(self) -> list[list[object]]:
        blocks = []
        for i in range(self.dim):
            row = []
            for j in range(self.dim):
                self._axis.value[:], self._other.value[:] = np.eye(self.dim)[i], np.eye(self.dim)[j]
                row.append(_assembled(self._turning))
            blocks.append(row)
        return blocks


def _assembled(form: fem.Form) -> object:
    matrix = fem.petsc.assemble_matrix(form)
    matrix.assemble()
    return matrix


def _fill(matrix: object, form: fem.Form) -> None:
    matrix.zeroEntries()
    fem.petsc.assemble_matrix(matrix, form)
    matrix.assemble()
