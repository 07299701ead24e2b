"""The equilibrium of a hyperelastic body as a discrete problem: unknowns, residual, tangent.

Equilibrium is the stationary point of Π(u, p) = ∫ ψ dX − λ (∫ ρ g·u dX + ∫ t·u dS), to which a pressure that follows
the surface adds its virtual work. ψ is W_iso(F) + U(J), or in mixed form W_iso(F) + p J − U*(p); λ in [0, 1] is the
load fraction. The problem is assembled here and solved in :mod:`organtwin_solvers.tissue.newton`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin_solvers.fem.backend import MPI, basix, dolfinx, fem, ufl
from organtwin_solvers.tissue import volumetric
from organtwin_solvers.tissue.contact import Contact
from organtwin_solvers.tissue.formulation import Formulation
from organtwin_solvers.tissue.laws import Law

Field = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Elastic:
    """A law with its constants in mm-g-s: shear and bulk modulus at rest (Pa), density (g/mm³), shape parameters."""

    law: Law
    shear_pa: float
    bulk_pa: float
    density: float = 1e-3
    parameters: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def from_young(cls, law: Law, young_pa: float, poisson: float, **more: Any) -> Elastic:
        """From Young's modulus and Poisson's ratio."""
        return cls(law, young_pa / (2 * (1 + poisson)), young_pa / (3 * (1 - 2 * poisson)), **more)


@dataclass(frozen=True)
class Support:
    """Facets whose displacement is prescribed: ``displacement`` maps points (3, n) to values (3, n) at full load."""

    name: str
    facets: NDArray[np.int32]
    displacement: Field | None = None
    components: tuple[int, ...] = (0, 1, 2)


@dataclass(frozen=True)
class Traction:
    """Facets under a force per reference area that keeps its direction (Pa)."""

    facets: NDArray[np.int32]
    traction_pa: tuple[float, float, float]


@dataclass(frozen=True)
class Pressure:
    """Facets under a pressure that follows the deforming surface; positive presses inwards (Pa)."""

    facets: NDArray[np.int32]
    pressure_pa: float


class Problem:
    """Assembles residual and tangent of a body at a load fraction.

    Parameters
    ----------
    domain : dolfinx.mesh.Mesh
        Tetrahedra in mm.
    elastic : Elastic
        The material.
    formulation : Formulation
        Unknowns and element.
    supports : sequence of Support
        Where displacement is prescribed; where two meet, the first wins.
    loads : sequence of Traction or Pressure
        Surface loads.
    gravity_mm_per_s2 : 3 floats
        Body acceleration.
    """

    def __init__(
        self,
        domain: Any,
        elastic: Elastic,
        formulation: Formulation,
        supports: Sequence[Support],
        loads: Sequence[Traction | Pressure] = (),
        gravity_mm_per_s2: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> None:
        self.domain, self.elastic, self.formulation, self.supports = domain, elastic, formulation, tuple(supports)
        domain.topology.create_connectivity(2, 3)
        domain.topology.create_connectivity(3, 2)
        displacement = basix.ufl.element("Lagrange", "tetrahedron", formulation.degree, shape=(3,))
        pressure = basix.ufl.element("Lagrange", "tetrahedron", 1)
        element = basix.ufl.mixed_element([displacement, pressure]) if formulation.mixed else displacement
        self.space = fem.functionspace(domain, element)
        self.state = fem.Function(self.space)
        self._root = self.space.sub(0) if formulation.mixed else self.space
        self._numbering()
        self._forms(loads, gravity_mm_per_s2)
        self._supports()
        self.owned = self.space.dofmap.index_map.size_local * self.space.dofmap.index_map_bs
        self.tangent = fem.petsc.create_matrix(self._tangent_form)
        self.tangent.setOption(self.tangent.Option.SYMMETRIC, self.symmetric)
        self.contact: Contact | None = None
        self.set_load(0.0)

    def touch(self, contact: Contact) -> None:
        """Let the body touch obstacles."""
        self.contact = contact
        contact.set_load(self.load)

    # -- unknowns ---------------------------------------------------------------------------------------------------

    def _numbering(self) -> None:
        """Places of displacement and pressure among the unknowns."""
        if self.formulation.mixed:
            self.displacement_space, u = self.space.sub(0).collapse()
            _, p = self.space.sub(1).collapse()
            self.u_dofs, self.p_dofs = (np.asarray(dofs, np.int32).ravel() for dofs in (u, p))
        else:
            self.displacement_space = self.space
            self.u_dofs = np.arange(self.state.x.array.size, dtype=np.int32)
            self.p_dofs = np.zeros(0, np.int32)

    @property
    def size(self) -> int:
        """Number of unknowns."""
        return int(self.space.dofmap.index_map.size_global * self.space.dofmap.index_map_bs)

    @property
    def length_mm(self) -> float:
        """Extent of the body."""
        x, comm = self.domain.geometry.x, self.domain.comm
        spans = [
            comm.allreduce(x[:, k].max(), op=MPI.MAX) - comm.allreduce(x[:, k].min(), op=MPI.MIN) for k in range(3)
        ]
        return float(np.linalg.norm(spans))

    def norm(self, values: NDArray[np.float64], unknowns: NDArray[np.int32]) -> float:
        """Euclidean norm over all ranks of the values that belong to ``unknowns``."""
        own = values[unknowns < self.owned]
        return float(np.sqrt(self.domain.comm.allreduce(float(own @ own))))

    def volume_scale(self) -> float:
        """Norm of the volumes (mm³) that belong to the pressure unknowns."""
        if not self.formulation.mixed:
            return 1.0
        q = ufl.split(ufl.TestFunction(self.space))[1]
        return self.norm(self._assemble(fem.form(q * ufl.dx(domain=self.domain)))[self.p_dofs], self.p_dofs)

    def displacement(self) -> Any:
        """The displacement as a function of its own."""
        u = fem.Function(self.displacement_space)
        u.x.array[:] = self.state.x.array[self.u_dofs]
        return u

    # -- forms ------------------------------------------------------------------------------------------------------

    def _forms(self, loads: Sequence[Traction | Pressure], gravity: tuple[float, float, float]) -> None:
        domain, w, elastic = self.domain, self.state, self.elastic
        law, small = elastic.law, elastic.law.small_strain
        self._constant = lambda value: fem.Constant(domain, np.asarray(value, np.float64))
        mu, kappa = self._constant(elastic.shear_pa), self._constant(elastic.bulk_pa)
        shape = {name: self._constant(value) for name, value in elastic.parameters.items()}
        u, p = ufl.split(w) if self.formulation.mixed else (w, None)

        self.F = ufl.variable(ufl.Identity(3) + ufl.grad(u))
        self.J = volumetric.volume_ratio(self.F, small)
        distortion = law.distortion(self.F, mu, **shape)
        dx = [ufl.dx(domain=domain, metadata={"quadrature_degree": q}) for q in range(5)]
        if p is None:
            self.psi = distortion + volumetric.energy(self.J, kappa, small)
            energy = self.psi * dx[1 if self.formulation.degree == 1 else 3]
        else:
            self.psi = distortion + p * self.J - volumetric.conjugate(p, kappa, small)
            if self.formulation.degree == 1:
                energy = (distortion + p * self.J) * dx[1] - volumetric.conjugate(p, kappa, small) * dx[2]
                # Dohrmann and Bochev 2004: what of the pressure the element's constant cannot follow
                energy -= 1 / (2 * mu) * p**2 * dx[2] - 1 / (2 * mu) * p**2 * dx[1]
            else:
                energy = self.psi * dx[4]
        self.pressure = p

        density = self._constant(elastic.density)
        g = self._constant((0.0, 0.0, 0.0))
        self._scaled = [(g, np.asarray(gravity, np.float64))]
        work = density * ufl.inner(g, u) * dx[self.formulation.degree]

        ds = ufl.ds(
            domain=domain, subdomain_data=self._tags(loads), metadata={"quadrature_degree": 2 * self.formulation.degree}
        )
        v = ufl.TestFunction(self.space)
        follower = None
        for tag, load in enumerate(loads):
            if isinstance(load, Traction):
                t = self._constant((0.0, 0.0, 0.0))
                self._scaled.append((t, np.asarray(load.traction_pa, np.float64)))
                work += ufl.inner(t, u) * ds(tag)
            else:
                pressure = self._constant(0.0)
                self._scaled.append((pressure, np.asarray(load.pressure_pa, np.float64)))
                vu = ufl.split(v)[0] if self.formulation.mixed else v
                area = ufl.cofac(self.F) * ufl.FacetNormal(domain)  # deformed normal times area ratio
                follower = (follower or 0) + pressure * ufl.inner(area, vu) * ds(tag)
        self.symmetric = follower is None

        residual = ufl.derivative(energy - work, w, v)
        internal = ufl.derivative(energy, w, v)
        if follower is not None:
            residual += follower
        tangent = ufl.derivative(residual, w, ufl.TrialFunction(self.space))
        self._residual_form = fem.form(residual)
        self._internal_form = fem.form(internal)
        self._tangent_form = fem.form(tangent)

    def _tags(self, loads: Sequence[Traction | Pressure]) -> list[tuple[int, NDArray[np.int32]]]:
        """Exterior (cell, local facet) pairs of every load; loads may share facets."""
        topology = self.domain.topology
        return [
            (tag, fem.compute_integration_domains(fem.IntegralType.exterior_facet, topology, np.sort(load.facets)))
            for tag, load in enumerate(loads)
        ]

    # -- supports and loads -----------------------------------------------------------------------------------------

    def _supports(self) -> None:
        """Boundary conditions component by component, on gaps: what a state still lacks to meet the supports."""
        self.held = np.zeros(0, np.int32)
        self._target = np.zeros(0)
        nothing = np.zeros(0, np.int32)
        self._held_by = {support.name: [nothing, nothing, nothing] for support in self.supports}
        self._conditions: list[tuple[Any, NDArray[np.int32], NDArray[np.int32], Any]] = []
        taken = np.zeros(self.state.x.array.size, bool)
        held, target = [], []
        for component in range(3):
            part = self._root.sub(component)
            scalar, _ = part.collapse()
            x = scalar.tabulate_dof_coordinates().T
            for support in self.supports:
                if component not in support.components:
                    continue
                parent, own = fem.locate_dofs_topological((part, scalar), 2, support.facets)
                own, parent = own[~taken[parent]], parent[~taken[parent]]
                taken[parent] = True
                self._held_by[support.name][component] = parent
                gap = fem.Function(scalar)
                self._conditions.append((fem.dirichletbc(gap, [parent, own], part), parent, own, gap))
                held.append(parent)
                value = (
                    np.zeros(len(own)) if support.displacement is None else support.displacement(x[:, own])[component]
                )
                target.append(value)
        if held:
            self.held, self._target = np.concatenate(held), np.concatenate(target)
        self.free = np.ones(self.state.x.array.size, bool)
        self.free[self.held] = False

    def set_load(self, fraction: float) -> None:
        """Apply that fraction of every load and prescribed displacement."""
        self.load = fraction
        for constant, full in self._scaled:
            constant.value = fraction * full
        if self.contact is not None:
            self.contact.set_load(fraction)

    def prescribed(self) -> NDArray[np.float64]:
        """Values of ``held`` unknowns at the present load."""
        return self.load * self._target

    # -- assembly ---------------------------------------------------------------------------------------------------

    def residual(self) -> NDArray[np.float64]:
        """Out-of-balance force (g mm/s²) and volume (mm³) of every unknown; at held ones it is the reaction."""
        b = fem.assemble_vector(self._residual_form)
        if self.contact is not None:
            self.contact.add_residual(self.state.x.array, b.array)
        return self._shared(b)

    def internal_force(self) -> NDArray[np.float64]:
        """The part of the residual that the stresses make."""
        return self._assemble(self._internal_form)

    def _assemble(self, form: Any) -> NDArray[np.float64]:
        return self._shared(fem.assemble_vector(form))

    @staticmethod
    def _shared(b: Any) -> NDArray[np.float64]:
        b.scatter_reverse(dolfinx.la.InsertMode.add)
        b.scatter_forward()
        return np.array(b.array)

    def assemble_tangent(self) -> Any:
        """The tangent at the present state, with unit rows and columns for held unknowns."""
        self.tangent.zeroEntries()
        fem.petsc.assemble_matrix(self.tangent, self._tangent_form, bcs=[c[0] for c in self._conditions])
        self.tangent.assemble()
        if self.contact is not None:
            self.contact.add_tangent(self.state.x.array, self.tangent, self.free)
            self.tangent.assemble()
        return self.tangent

    def schur_complement(self) -> Any:
        """What the pressure is left with when the displacement is eliminated, approximately: a mass form over the stiffness."""
        p, q = ufl.split(ufl.TrialFunction(self.space))[1], ufl.split(ufl.TestFunction(self.space))[1]
        weight = self._constant(-1 / self.elastic.shear_pa - 1 / self.elastic.bulk_pa)
        return weight * ufl.inner(p, q) * ufl.dx(domain=self.domain)

    def lift(self, b: NDArray[np.float64]) -> NDArray[np.float64]:
        """Right-hand side for a step that closes the gap at the supports: b − K gap, and the gap at held unknowns."""
        now, want = self.state.x.array, np.zeros_like(self.state.x.array)
        want[self.held] = self.prescribed() - now[self.held]
        for _, parent, own, gap in self._conditions:
            gap.x.array[own] = want[parent]
        lifted = fem.Function(self.space).x
        fem.apply_lifting(lifted.array, [self._tangent_form], [[c[0] for c in self._conditions]])
        lifted.scatter_reverse(dolfinx.la.InsertMode.add)
        lifted.scatter_forward()
        out = b + lifted.array
        out[self.held] = want[self.held]
        return out

    # -- what people ask for ----------------------------------------------------------------------------------------

    def reactions(self) -> dict[str, NDArray[np.float64]]:
        """Force (3,) in g mm/s² that each support exerts on the body."""
        residual, comm = self.residual(), self.domain.comm
        forces = {}
        for name, parts in self._held_by.items():
            own = [part[part < self.owned] for part in parts]
            forces[name] = comm.allreduce(np.array([residual[part].sum() for part in own]))
        return forces

    def totals(self) -> tuple[float, float, float]:
        """Volume at rest and now (mm³), and stored energy (g mm²/s²)."""
        dx = ufl.dx(domain=self.domain, metadata={"quadrature_degree": 2 * self.formulation.degree})
        one = self._constant(1.0)
        sums = [fem.assemble_scalar(fem.form(density * dx)) for density in (one, self.J, self.psi)]
        rest, now, energy = (self.domain.comm.allreduce(s) for s in sums)
        return rest, now, energy
