"""The equilibrium of a hyperelastic body as a discrete problem: unknowns, residual, tangent.

Equilibrium is the stationary point of Π(u, p) = ∫ ψ dX + ½ ∫ k |u|² dS − λ (∫ ρ g·u dX + ∫ t·u dS), to which a pressure
that follows the surface adds its virtual work. ψ is W_iso(F) + U(J), or in mixed form W_iso(F) + p J − U*(p); λ in
[0, 1] is the load fraction. In time, what came before enters as fields that are constant during a step: the memory of a
viscoelastic material (:mod:`organtwin_solvers.tissue.viscoelastic`) and the momentum of a moving one
(:mod:`organtwin_solvers.tissue.dynamics`), so that every step is an equilibrium of the same form. The problem is
assembled here and solved in :mod:`organtwin_solvers.tissue.newton`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from organtwin_solvers.fem.backend import MPI, basix, dolfinx, fem, ufl
from organtwin_solvers.tissue import volumetric
from organtwin_solvers.tissue.formulation import Formulation
from organtwin_solvers.tissue.materials import Elastic, Parts
from organtwin_solvers.tissue.viscoelastic import Memory

Field = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Support:
    """Where displacement is prescribed: ``displacement`` maps points (3, n) to values (3, n) at full load.

    It holds whole ``facets``, or single ``vertices`` with the edges between them.
    """

    name: str
    facets: NDArray[np.int32]
    displacement: Field | None = None
    components: tuple[int, ...] = (0, 1, 2)
    vertices: NDArray[np.int32] | None = None


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


@dataclass(frozen=True)
class Spring:
    """Facets that elastic surroundings draw back to rest: Pa for each mm, in all directions or along the normal at rest."""

    facets: NDArray[np.int32]
    stiffness: float
    normal_only: bool = False
    name: str = "spring"


Load = Traction | Pressure | Spring


class Term(Protocol):
    """What is added to the assembled equations, such as contact.

    It couples unknowns that share a tetrahedron, or adds entries of its own to the matrix.
    """

    def set_load(self, fraction: float) -> None:
        """Take the state of that load fraction."""

    def add_residual(self, state: NDArray[np.float64], b: NDArray[np.float64]) -> None:
        """Add to the out-of-balance forces ``b``; those of other ranks are summed up afterwards."""

    def add_tangent(self, state: NDArray[np.float64], matrix: Any, free: NDArray[np.bool_]) -> None:
        """Add the derivative of that by the state, but in the rows and columns of what is held."""

    def augment(self, state: NDArray[np.float64], comm: Any) -> bool:
        """Once equilibrium is found: come closer to what is asked for, and say whether it must be found again."""


@dataclass(frozen=True)
class Group:
    """The cells whose materials share a law, and their energy ψ = primal − conjugate.

    ``smooth`` is ψ at any place of a cell, also where ``primal`` is known at its quadrature points alone.
    """

    cells: NDArray[np.int32]
    dx: Callable[[int], Any]
    shear: Any
    compliance: Any
    density: Any
    primal: Any
    conjugate: Any
    smooth: Any

    @property
    def psi(self) -> Any:
        """The energy per reference volume (Pa)."""
        return self.primal - self.conjugate


class Problem:
    """Assembles residual and tangent of a body at a load fraction.

    Parameters
    ----------
    domain : dolfinx.mesh.Mesh
        Tetrahedra in mm.
    elastic : Elastic or Parts
        The material, or several.
    formulation : Formulation
        Unknowns and element.
    supports : sequence of Support
        Where displacement is prescribed; where two meet, the first wins.
    loads : sequence of Traction, Pressure or Spring
        What acts on the surface.
    gravity_mm_per_s2 : 3 floats
        Body acceleration.
    directions : mapping of str to UFL vector
        Unit vectors at rest of "fibre" and "sheet", where a law or an active tension wants them.
    inertia : bool
        Whether the mass counts; :mod:`organtwin_solvers.tissue.dynamics` then sets the momentum.
    """

    def __init__(
        self,
        domain: Any,
        elastic: Elastic | Parts,
        formulation: Formulation,
        supports: Sequence[Support],
        loads: Sequence[Load] = (),
        gravity_mm_per_s2: tuple[float, float, float] = (0.0, 0.0, 0.0),
        *,
        directions: Mapping[str, Any] | None = None,
        inertia: bool = False,
    ) -> None:
        cells = domain.topology.index_map(3)
        self.parts = (
            elastic if isinstance(elastic, Parts) else Parts.everywhere(elastic, cells.size_local + cells.num_ghosts)
        )
        self.elastic = self.parts.materials[0]
        self.domain, self.formulation, self.supports = domain, formulation, tuple(supports)
        self.terms: list[Term] = []
        domain.topology.create_connectivity(2, 3)
        domain.topology.create_connectivity(3, 2)
        displacement = basix.ufl.element("Lagrange", "tetrahedron", formulation.degree, shape=(3,))
        pressure = basix.ufl.element("Lagrange", "tetrahedron", 1)
        element = basix.ufl.mixed_element([displacement, pressure]) if formulation.mixed else displacement
        self.space = fem.functionspace(domain, element)
        self.state = fem.Function(self.space)
        self._root = self.space.sub(0) if formulation.mixed else self.space
        self._numbering()
        self._constant = lambda value: fem.Constant(domain, np.asarray(value, np.float64))
        self._material(directions or {})
        self._forms(loads, gravity_mm_per_s2, inertia)
        self._supports()
        self.owned = self.space.dofmap.index_map.size_local * self.space.dofmap.index_map_bs
        self.tangent = fem.petsc.create_matrix(self._tangent_form)
        self.tangent.setOption(self.tangent.Option.SYMMETRIC, self.symmetric)
        self.set_load(0.0)

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

    # -- material ---------------------------------------------------------------------------------------------------

    @property
    def quadrature_degree(self) -> int:
        """Of the strain energy."""
        return 1 if self.formulation.degree == 1 else 4 if self.formulation.mixed else 3

    def _material(self, directions: Mapping[str, Any]) -> None:
        """The energy per reference volume of every group of materials that share a law."""
        parts, small = self.parts, self.parts.small_strain
        u, p = ufl.split(self.state) if self.formulation.mixed else (self.state, None)
        self.u, self.pressure = u, p
        self.F = ufl.variable(ufl.Identity(3) + ufl.grad(u))
        self.J = volumetric.volume_ratio(self.F, small)
        self._contraction = self._constant(0.0)
        self._owned_cells = np.arange(self.domain.topology.index_map(3).size_local, dtype=np.int32)
        laws = parts.of_law()
        cells = [self._owned_cells[np.isin(parts.of_cells[: len(self._owned_cells)], numbers)] for *_, numbers in laws]
        tags = list(enumerate(cells)) if len(laws) > 1 else None
        self.memory = Memory(self) if any(material.relaxation for material in parts.materials) else None
        self.groups: list[Group] = []
        for tag, (law, fixed, numbers) in enumerate(laws):
            where = {} if tags is None else {"subdomain_id": tag, "subdomain_data": tags}

            def dx(degree: int, where: dict[str, Any] = where) -> Any:
                return ufl.dx(domain=self.domain, metadata={"quadrature_degree": degree}, **where)

            shear = self._of_cells(numbers, lambda m: m.shear_pa)
            compliance = self._of_cells(numbers, lambda m: max(1 / m.bulk_pa, volumetric.INCOMPRESSIBLE / m.shear_pa))
            shape = {
                name: fixed.get(name, self._of_cells(numbers, lambda m, name=name: m.parameters[name]))
                for name in law.parameters
            }
            distortion = law.distortion(self.F, shear, **{d: directions[d] for d in law.directions}, **shape)
            if p is None:
                more, conjugate = volumetric.energy(self.J, 1 / compliance, small), 0
            else:
                more, conjugate = p * self.J, volumetric.conjugate(p, compliance, small)
            if any(parts.materials[n].active_pa for n in numbers):
                fibre = directions["fibre"]
                tension = self._contraction * self._of_cells(numbers, lambda m: m.active_pa)
                stretched = ufl.dot(fibre, self.F * fibre) if small else ufl.inner(self.F * fibre, self.F * fibre) / 2
                more += tension * stretched  # second Piola stress T f ⊗ f
            integrated = smooth = distortion
            if self.memory is not None:
                integrated, smooth = self.memory.energies(distortion)
                self.memory.watch(cells[tag], distortion)
            density = self._of_cells(numbers, lambda m: m.density)
            self.groups.append(
                Group(
                    cells[tag], dx, shear, compliance, density, integrated + more, conjugate, smooth + more - conjugate
                )
            )

    def _of_cells(self, numbers: Sequence[int], value: Callable[[Elastic], float]) -> Any:
        """A number of the materials ``numbers``: a constant, or where they differ a field that is constant per cell."""
        values = [value(self.parts.materials[n]) for n in numbers]
        if len(set(values)) == 1:
            return self._constant(values[0])
        of_materials = np.zeros(len(self.parts.materials))
        of_materials[numbers] = values
        field_ = fem.Function(fem.functionspace(self.domain, ("DG", 0)))
        field_.x.array[field_.function_space.dofmap.list[:, 0]] = of_materials[self.parts.of_cells]
        return field_

    # -- forms ------------------------------------------------------------------------------------------------------

    def _energy(self, group: Group) -> Any:
        """Integral of the strain energy."""
        dx, p = group.dx, self.pressure
        if p is None or self.formulation.degree == 2:
            return group.psi * dx(self.quadrature_degree)
        # Dohrmann and Bochev 2004: what of the pressure the element's constant cannot follow
        rest = p**2 / (2 * group.shear)
        return group.primal * dx(1) - group.conjugate * dx(2) - rest * dx(2) + rest * dx(1)

    def _forms(self, loads: Sequence[Load], gravity: tuple[float, float, float], inertia: bool) -> None:
        domain, w, u = self.domain, self.state, self.u
        v = ufl.TestFunction(self.space)
        energy = sum(self._energy(group) for group in self.groups)
        g = self._constant((0.0, 0.0, 0.0))
        self._scaled = [(g, np.asarray(gravity, np.float64)), (self._contraction, np.asarray(1.0))]
        self.mass_rate, self.momentum_rate = self._constant(0.0), None
        work = sum(group.density * ufl.inner(g, u) * group.dx(self.formulation.degree) for group in self.groups)
        if inertia:  # acceleration mass_rate u + momentum_rate
            self.momentum_rate = fem.Function(self.displacement_space)
            for group in self.groups:
                motion = self.mass_rate / 2 * ufl.inner(u, u) + ufl.inner(self.momentum_rate, u)
                work -= group.density * motion * group.dx(2 * self.formulation.degree)

        normal = ufl.FacetNormal(domain)
        ds = ufl.ds(
            domain=domain, subdomain_data=self._tags(loads), metadata={"quadrature_degree": 2 * self.formulation.degree}
        )
        follower = None
        self._spring_forms: dict[str, list[Any]] = {}
        for tag, load in enumerate(loads):
            if isinstance(load, Traction):
                t = self._constant((0.0, 0.0, 0.0))
                self._scaled.append((t, np.asarray(load.traction_pa, np.float64)))
                work += ufl.inner(t, u) * ds(tag)
            elif isinstance(load, Spring):
                pull = ufl.dot(u, normal) * normal if load.normal_only else u
                stiffness = self._constant(load.stiffness)
                work -= stiffness / 2 * ufl.inner(pull, u) * ds(tag)
                self._spring_forms[load.name] = [fem.form(-stiffness * pull[k] * ds(tag)) for k in range(3)]
            else:
                pressure = self._constant(0.0)
                self._scaled.append((pressure, np.asarray(load.pressure_pa, np.float64)))
                vu = ufl.split(v)[0] if self.formulation.mixed else v
                area = ufl.cofac(self.F) * normal  # deformed normal times area ratio
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

    def _tags(self, loads: Sequence[Load]) -> list[tuple[int, NDArray[np.int32]]]:
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
                parent, own = self._places(part, scalar, support)
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

    def _places(self, part: Any, scalar: Any, support: Support) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Unknowns of one component that a support holds: in the whole space, and in the component's own."""
        if support.vertices is None:
            parent, own = fem.locate_dofs_topological((part, scalar), 2, support.facets)
            return parent, own
        topology = self.domain.topology
        topology.create_entities(1)
        for dimension in (0, 1):
            topology.create_connectivity(dimension, 3)
        topology.create_connectivity(1, 0)
        ends = topology.connectivity(1, 0).array.reshape(-1, 2)
        edges = np.flatnonzero(np.isin(ends, support.vertices).all(axis=1)).astype(np.int32)
        found = [fem.locate_dofs_topological((part, scalar), 0, np.sort(support.vertices))]
        if self.formulation.degree == 2:
            found.append(fem.locate_dofs_topological((part, scalar), 1, edges))
        parent, own = (np.concatenate(both) for both in zip(*found, strict=True))
        parent, first = np.unique(parent, return_index=True)
        return parent, own[first]

    def set_load(self, fraction: float) -> None:
        """Apply that fraction of every load and prescribed displacement."""
        self.load = fraction
        for constant, full in self._scaled:
            constant.value = fraction * full
        for term in self.terms:
            term.set_load(fraction)

    def add(self, term: Term) -> None:
        """Let ``term`` act on the body too."""
        self.terms.append(term)
        term.set_load(self.load)

    def prescribed(self) -> NDArray[np.float64]:
        """Values of ``held`` unknowns at the present load."""
        return self.load * self._target

    # -- assembly ---------------------------------------------------------------------------------------------------

    def residual(self) -> NDArray[np.float64]:
        """Out-of-balance force (g mm/s²) and volume (mm³) of every unknown; at held ones it is the reaction."""
        b = fem.assemble_vector(self._residual_form)
        for term in self.terms:
            term.add_residual(self.state.x.array, b.array)
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
        for term in self.terms:
            term.add_tangent(self.state.x.array, self.tangent, self.free)
        if self.terms:
            self.tangent.assemble()
        return self.tangent

    def schur_complement(self) -> Any:
        """What the pressure is left with when the displacement is eliminated, approximately: a mass form over the stiffness."""
        p, q = ufl.split(ufl.TrialFunction(self.space))[1], ufl.split(ufl.TestFunction(self.space))[1]
        return sum(-(1 / group.shear + group.compliance) * ufl.inner(p, q) * group.dx(2) for group in self.groups)

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

    def spring_forces(self) -> dict[str, NDArray[np.float64]]:
        """Force (3,) in g mm/s² that each spring exerts on the body."""
        comm = self.domain.comm
        return {
            name: comm.allreduce(np.array([fem.assemble_scalar(form) for form in forms]))
            for name, forms in self._spring_forms.items()
        }

    def totals(self, cells: NDArray[np.bool_] | None = None) -> tuple[float, float, float]:
        """Volume at rest and now (mm³), and stored energy (g mm²/s²): of all, or of a mask of ``cells``."""
        dx = ufl.dx(domain=self.domain, metadata={"quadrature_degree": 2 * self.formulation.degree})
        share: Any = self._constant(1.0)
        if cells is not None:
            share = fem.Function(fem.functionspace(self.domain, ("DG", 0)))
            share.x.array[share.function_space.dofmap.list[:, 0]] = cells
        energy = sum(share * group.psi * group.dx(self.quadrature_degree) for group in self.groups)
        forms = (share * dx, share * self.J * dx, energy)
        rest, now, stored = (self.domain.comm.allreduce(fem.assemble_scalar(fem.form(form))) for form in forms)
        return rest, now, stored
