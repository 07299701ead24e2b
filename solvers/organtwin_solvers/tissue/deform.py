"""From a mesh and a case to a result: the public way to deform tissue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from organtwin.checked import validated
from organtwin.errors import BadInput, SolveFailed
from organtwin.model import OrganMesh, Quantity, Result, TissueCase, TwinObject
from organtwin.model.tissue_case import Material
from organtwin.monitor import Monitor, NullMonitor
from organtwin.units import convert
from organtwin_solvers.fem.backend import MPI
from organtwin_solvers.fem.organ import fem_mesh
from organtwin_solvers.tissue import case as case_terms
from organtwin_solvers.tissue import formulation, presets
from organtwin_solvers.tissue.contact import Contact
from organtwin_solvers.tissue.contact_case import contacts_of, names, steps_for
from organtwin_solvers.tissue.contact_organs import OrganContact
from organtwin_solvers.tissue.dynamics import Course, follow_time
from organtwin_solvers.tissue.explain import explained
from organtwin_solvers.tissue.fields import Recovery
from organtwin_solvers.tissue.gravity import acceleration
from organtwin_solvers.tissue.laws import law
from organtwin_solvers.tissue.materials import parts
from organtwin_solvers.tissue.newton import Path, follow_load
from organtwin_solvers.tissue.operation import TissueParameters
from organtwin_solvers.tissue.problem import Problem
from organtwin_solvers.tissue.record import Record, times
from organtwin_solvers.tissue.regions import resolve
from organtwin_solvers.tissue.together import together

NOTHING_MOVED = 1e-5  # of the organ's size
FAR = 0.25  # of the organ's size
TEARS = 1.0  # Green-Lagrange strain


def run(inputs: dict[str, TwinObject], parameters: TissueParameters, monitor: Monitor) -> Sequence[TwinObject]:
    """The operation "tissue"."""
    mesh = inputs["mesh"]
    assert isinstance(mesh, OrganMesh)
    if (parameters.case is None) == (parameters.preset is None):
        raise BadInput("'tissue' needs either a case or a preset", remedy='Give for example {"preset": "liver-pull"}.')
    if parameters.preset is not None:
        case = presets.preset(parameters.preset)
    else:
        case = validated(TissueCase, parameters.case, "the tissue case")
    neighbours = {role: other for role, other in inputs.items() if role != "mesh" and isinstance(other, OrganMesh)}
    return (deform(mesh, case, monitor, neighbours),)


def deform(
    mesh: OrganMesh,
    case: TissueCase,
    monitor: Monitor | None = None,
    neighbours: Mapping[str, OrganMesh] | None = None,
) -> Result:
    """Deformation of ``mesh`` under ``case``; ``neighbours`` are organs that it may touch.

    The first frame is the mesh at rest, then one per load step, and ``times_s`` holds load fractions; with ``dynamics``
    one per step in time (of many steps only some), and ``times_s`` holds seconds. Positions are those of the scan, taken
    as free of stress: the weight that the organ already bore in the scanner is not taken out.

    Raises
    ------
    BadInput
        For a case that makes no sense on this mesh.
    SolveFailed
        When no equilibrium is found, with the load it was found up to.
    """
    monitor = monitor or NullMonitor()
    monitor.progress(0.0, "checking the case")
    _check_cells(mesh)
    regions = resolve(mesh, case)
    neighbours = names(neighbours or {})
    joined, whole, everywhere = None, mesh, regions
    if neighbours and case.neighbour_material is not None:
        _check_neighbours(neighbours)
        joined = together(mesh, case, neighbours)
        whole, case, everywhere = joined.mesh, joined.case, joined.regions(regions)
    monitor.progress(0.0, "preparing the equations")
    numbered = whole.with_(boundary_tags=np.arange(len(whole.boundary_triangles), dtype=np.int32))
    fem = fem_mesh(numbered)  # so that the tag of a facet is its boundary triangle
    numerics = case.numerics
    poisson = max(material.poisson for material in (case.material, *case.materials.values()))
    element = numerics.element
    if element == "auto" and any(pull.each_mm is not None for pull in case.pulls):
        element = "linear"  # points of the mesh are all that is prescribed: between them nothing may stay free
    form = formulation.choose(numerics.formulation, element, poisson, len(whole.tets))
    if poisson == 0.5 and not form.mixed:
        raise BadInput(
            "Tissue with a Poisson ratio of 0.5 is incompressible, and displacement alone cannot keep its volume",
            remedy='Choose the formulation "mixed" or "auto".',
        )
    made_of = parts(whole, case, fem.cell_of_cell)
    supports = case_terms.supports(whole, fem, case, everywhere)
    if joined is not None:
        supports += [
            case_terms.held_points(f"far side of the {name}", fem, held) for name, held in joined.behind.items()
        ]
    problem = Problem(
        fem.mesh,
        made_of,
        form,
        supports,
        case_terms.loads(whole, fem, case, everywhere),
        acceleration(case.gravity, case.gravity_strength),
        directions=case_terms.directions(whole, fem, case, made_of.materials),
        inertia=case.dynamics is not None and case.dynamics.inertia,
    )
    contacts, contact_notes = contacts_of(problem, fem, mesh, case, neighbours, joined)
    for contact in contacts:
        problem.add(contact)
    recovery = Recovery(problem, fem, len(mesh.points_mm))
    seconds = None if case.dynamics is None else times(case.dynamics)
    load_steps = steps_for(case)
    steps = load_steps if seconds is None else round(seconds["duration_s"] / seconds["step_s"])
    record = Record(recovery, lambda: _forces(problem), steps, monitor, "%" if seconds is None else "s")
    monitor.log(f"{len(whole.tets)} tetrahedra, {form.name}, {problem.size} unknowns")
    solver = {
        "tolerance": numerics.tolerance,
        "max_newton": numerics.max_newton,
        "monitor": monitor,
        "accepted": record,
    }
    try:
        if case.dynamics is None or seconds is None:
            path = follow_load(problem, steps=load_steps, **solver)
        else:
            motion = {"spectral_radius": case.dynamics.spectral_radius, "damping_per_s": case.dynamics.damping_per_s}
            path = follow_time(problem, **seconds, **motion, **solver)
    except SolveFailed as failure:
        raise explained(failure, mesh, case, regions, recovery) from failure
    record.close()
    own = None if joined is None else fem.cell_of_cell < len(mesh.tets)
    return _result(mesh, case, problem, path, record, recovery, contact_notes, own)


# -- the case as a problem ------------------------------------------------------------------------------------------


def _check_neighbours(neighbours: Mapping[str, OrganMesh]) -> None:
    """Refuse what cannot be solved together with the organ."""
    for name, mesh in neighbours.items():
        if not len(mesh.tets):
            raise BadInput(f"The neighbour '{name}' has no tetrahedra", remedy="Mesh its structure again.")
        _check_cells(mesh)
    if MPI.COMM_WORLD.size > 1:
        raise BadInput(
            "Neighbours that give way are solved in one process only",
            remedy="Start it without mpirun, or leave out neighbour_material: rigid neighbours can be shared.",
        )


def _check_cells(mesh: OrganMesh) -> None:
    corners = np.asarray(mesh.points_mm, float)[np.asarray(mesh.tets)]
    volumes = np.linalg.det(corners[:, 1:] - corners[:, :1]) / 6
    bad = np.flatnonzero(volumes <= 0)
    if bad.size:
        place = ", ".join(f"{x:.1f}" for x in corners[bad[0]].mean(axis=0))
        raise BadInput(
            f"The mesh '{mesh.name}' has {bad.size} flat or inverted tetrahedra",
            where=f"the first is {bad[0]}, at ({place}) mm",
            remedy="Mesh the structure again.",
        )


# -- the result -----------------------------------------------------------------------------------------------------


def _forces(problem: Problem) -> dict[str, NDArray[np.float64]]:
    """Force (g mm/s²) that each support, spring, tool and neighbour exerts on the tissue at the present state."""
    forces = problem.reactions() | problem.spring_forces()
    for contact in _contacts(problem):
        forces |= contact.forces(problem.state.x.array, problem.domain.comm)
    return forces


def _result(
    mesh: OrganMesh,
    case: TissueCase,
    problem: Problem,
    path: Path,
    record: Record,
    recovery: Recovery,
    contact_notes: list[str],
    own: NDArray[np.bool_] | None,
) -> Result:
    last, forces, frames = record.last, record.forces, record.frames
    moved = np.linalg.norm(last.displacement_mm, axis=1)
    rest, now, energy = problem.totals(own)
    used = np.unique(mesh.tets)
    quantities = [
        Quantity(name="largest displacement", value=float(moved.max()), unit="mm"),
        Quantity(name="largest strain", value=100 * float(last.strain[used].max()), unit="%"),
        Quantity(
            name="strain exceeded in 1 % of the points",
            value=100 * float(np.quantile(last.strain[used], 0.99)),
            unit="%",
        ),
        Quantity(
            name="largest stress", value=convert(float(last.stress_pa[used].max()), "pressure", "kPa"), unit="kPa"
        ),
    ]
    for name, force in forces[-1].items():
        newton = convert(float(np.linalg.norm(force)), "force", "N")
        label = name.removesuffix(" 1") if f"{name[:-1]}2" not in forces[-1] else name
        for short, long in (("pull", "pulled region"), ("fixed", "fixed region"), ("spring", "springs")):
            label = label.replace(short, long)
        kind = f"force at the {label}"
        quantities.append(Quantity(name=kind, value=newton, unit="N"))
    quantities.append(Quantity(name="volume change", value=100 * (now / rest - 1), unit="%"))
    if problem.memory is None:
        quantities.append(Quantity(name="stored energy", value=energy * 1e-6, unit="mJ"))
    if case.dynamics is not None:
        peak = int(np.argmax(record.moved))
        quantities.append(Quantity(name="largest displacement in time", value=record.moved[peak], unit="mm"))
        quantities.append(Quantity(name="time of the largest displacement", value=record.at[peak], unit="s"))
    notes = ["The shape in the scan is taken as free of stress.", *contact_notes]
    if moved.max() < NOTHING_MOVED * problem.length_mm:
        notes.append("Almost nothing moved: the load is very small for the stiffness of this tissue.")
    if moved.max() > FAR * problem.length_mm:
        notes.append("It moved by more than a quarter of its size: is it held in the case as it is in the body?")
    if problem.memory is not None and case.dynamics is None:
        notes.append("Without time, the tissue answers at once: its relaxation is not seen.")
    if mesh.caps:
        notes.append("The mesh of a vessel is its lumen: it was deformed as if it were filled with tissue.")
    if last.strain[used].max() > TEARS:
        notes.append(
            "Strain exceeds 100 % somewhere: real tissue would likely tear there, which the law does not know."
        )
    histories = {"newton residual": path.residuals, "load fraction": path.loads, **record.histories()}
    if isinstance(path, Course):
        histories |= {"time s": path.times_s, "kinetic energy mJ": [1e-6 * energy for energy in path.kinetic]}
    fields = {
        "displacement_mm": np.stack([f.displacement_mm for f in frames]),
        "strain": np.stack([f.strain for f in frames]),
        "stress_pa": np.stack([f.stress_pa for f in frames]),
        "pressure_pa": np.stack([f.pressure_pa for f in frames]),
    }
    return Result(
        name=case.name,
        physics="tissue",
        mesh=mesh.uuid,
        times_s=np.array(record.times),
        fields=fields,
        quantities=tuple(quantities),
        credibility=_credibility(mesh, case, problem, path, recovery.strain_error()),
        histories=histories,
        notes=tuple(notes),
    )


def _credibility(mesh: OrganMesh, case: TissueCase, problem: Problem, path: Path, error: float) -> dict[str, str]:
    materials = {"": case.material, **{f" of {name}": material for name, material in case.materials.items()}}
    accuracy = "quadratic elements"
    if problem.formulation.degree == 1:
        accuracy = f"strain to about {100 * error:.0f} %, force to about {100 * error**2:.0f} % (Zienkiewicz and Zhu's estimate)"
    return {
        "mesh": f"{len(mesh.tets)} tetrahedra, {len(mesh.points_mm)} points",
        "formulation": f"{problem.formulation.name}, {problem.size} unknowns",
        "discretisation": f"{accuracy}; at edges of held regions the largest strain grows with refinement",
        **{f"material{of}": _described(material) for of, material in materials.items()},
        **_contact_credibility(problem),
        **{
            f"source of the material{of}": material.source or "given in the case, without a source"
            for of, material in materials.items()
        },
        "residual": f"{path.final_residual:.1e} of the acting forces, {len(path.residuals)} Newton iterations "
        f"in {len(path.loads) - 1} steps",
        "verification": "organtwin validate uniaxial (every law), cook (four variants), land2015-p1 to p3 (heart muscle)",
    }


def _described(material: Material) -> str:
    chosen = law(material.law)
    text = f"{chosen.title}, E {material.young}, Poisson {material.poisson:g}"
    text += "".join(f", {name} {value:g}" for name, value in chosen.read(material.parameters).items())
    if material.active:
        text += f", active tension {material.active}"
    return text + "".join(f", {100 * term.share:g} % relaxes in {term.time}" for term in material.relaxation)


def _contacts(problem: Problem) -> list[Contact | OrganContact]:
    return [term for term in problem.terms if isinstance(term, Contact | OrganContact)]


def _contact_credibility(problem: Problem) -> dict[str, str]:
    contacts = _contacts(problem)
    if not contacts:
        return {}
    state, comm = problem.state.x.array, problem.domain.comm
    deepest, relative = (max(both) for both in zip(*(c.penetration(state, comm) for c in contacts), strict=True))
    return {
        "contact": f"without friction, augmented Lagrangian; largest penetration {deepest:.3f} mm, "
        f"{100 * relative:.1f} % of a triangle; verified by: organtwin validate hertz"
    }


__all__ = ["deform", "run"]
