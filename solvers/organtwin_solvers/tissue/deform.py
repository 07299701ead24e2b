"""From a mesh and a case to a result: the public way to deform tissue."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput, SolveFailed
from organtwin.model import OrganMesh, Quantity, Result, TissueCase, TwinObject
from organtwin.model.tissue_case import Press
from organtwin.monitor import Monitor, NullMonitor
from organtwin.operations.registry import validated
from organtwin.units import convert, parse, show
from organtwin_solvers.fem.organ import FemMesh, fem_mesh
from organtwin_solvers.tissue import formulation, presets
from organtwin_solvers.tissue.fields import PointFields, Recovery
from organtwin_solvers.tissue.materials import parts
from organtwin_solvers.tissue.newton import Path, follow_load
from organtwin_solvers.tissue.operation import TissueParameters
from organtwin_solvers.tissue.problem import Pressure, Problem, Support, Traction
from organtwin_solvers.tissue.regions import Mask, Regions, resolve

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
    return (deform(mesh, case, monitor),)


def deform(mesh: OrganMesh, case: TissueCase, monitor: Monitor | None = None) -> Result:
    """Quasi-static deformation of ``mesh`` under ``case``.

    The first frame is the mesh at rest, then one per load step; ``times_s`` holds load fractions. Positions are those
    of the scan, taken as free of stress: the weight that the organ already bore in the scanner is not taken out.

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
    monitor.progress(0.0, "preparing the equations")
    numbered = mesh.with_(boundary_tags=np.arange(len(mesh.boundary_triangles), dtype=np.int32))
    fem = fem_mesh(numbered)  # so that the tag of a facet is its boundary triangle
    numerics = case.numerics
    poisson = max(material.poisson for material in (case.material, *case.materials.values()))
    form = formulation.choose(numerics.formulation, numerics.element, poisson, len(mesh.tets))
    problem = Problem(
        fem.mesh, parts(mesh, case, fem.cell_of_cell), form, _supports(fem, case, regions), _loads(mesh, fem, case, regions), _gravity(case)
    )
    recovery = Recovery(problem, fem)
    frames, forces = [recovery()], [_forces(problem)]
    monitor.log(f"{len(mesh.tets)} tetrahedra, {form.name}, {problem.size} unknowns")

    def keep(load: float) -> None:
        frames.append(recovery())
        forces.append(_forces(problem))
        moved = float(np.linalg.norm(frames[-1].displacement_mm, axis=1).max())
        monitor.log(f"load {100 * load:.0f} %: largest displacement {moved:.2f} mm")

    try:
        path = follow_load(
            problem,
            steps=numerics.load_steps,
            tolerance=numerics.tolerance,
            max_newton=numerics.max_newton,
            monitor=monitor,
            accepted=keep,
        )
    except SolveFailed as failure:
        raise _explained(failure, mesh, case, regions, recovery) from failure
    return _result(mesh, case, problem, path, frames, forces, recovery)


# -- the case as a problem ------------------------------------------------------------------------------------------


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


def _facets(fem: FemMesh, triangles: Mask) -> NDArray[np.int32]:
    return np.asarray(fem.facet_tags.indices[triangles[fem.facet_tags.values]], np.int32)


def _supports(fem: FemMesh, case: TissueCase, regions: Regions) -> list[Support]:
    supports = [Support(f"fixed {i}", _facets(fem, mask)) for i, mask in enumerate(regions.fixed, 1)]
    for i, (pull, mask) in enumerate(zip(case.pulls, regions.pulls, strict=True), 1):
        shift = np.array(pull.displacement_mm, float)[:, None]
        supports.append(Support(f"pull {i}", _facets(fem, mask), lambda x, shift=shift: np.tile(shift, x.shape[1])))
    return supports


def _loads(mesh: OrganMesh, fem: FemMesh, case: TissueCase, regions: Regions) -> list[Traction | Pressure]:
    loads: list[Traction | Pressure] = []
    for press, mask in zip(case.presses, regions.presses, strict=True):
        if press.pressure is not None:
            loads.append(Pressure(_facets(fem, mask), parse(press.pressure, "pressure")))
        else:
            traction = _traction_pa(mesh, press, mask)
            loads.append(Traction(_facets(fem, mask), (float(traction[0]), float(traction[1]), float(traction[2]))))
    return loads


def _traction_pa(mesh: OrganMesh, press: Press, mask: Mask) -> NDArray[np.float64]:
    """A total force spread evenly over the region."""
    direction = np.array(press.direction, float)
    length = np.linalg.norm(direction)
    if length == 0:
        raise BadInput("The direction of a pressing force is zero", remedy="Give for example [0, 1, 0] for backwards.")
    corners = np.asarray(mesh.points_mm, float)[np.asarray(mesh.boundary_triangles)[mask]]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum() / 2
    return np.asarray(parse(press.force or "", "force") * direction / length / area)


def _gravity(case: TissueCase) -> tuple[float, float, float]:
    if case.gravity is None:
        return (0.0, 0.0, 0.0)
    direction = np.array(case.gravity, float)
    length = np.linalg.norm(direction)
    if length == 0:
        raise BadInput(
            "The direction of gravity is zero", remedy="Give for example [0, 1, 0] for a patient on the back."
        )
    g = parse(case.gravity_strength, "acceleration") * direction / length
    return (float(g[0]), float(g[1]), float(g[2]))


# -- the result -----------------------------------------------------------------------------------------------------


def _forces(problem: Problem) -> dict[str, NDArray[np.float64]]:
    """Force (g mm/s²) that each support exerts on the tissue at the present state."""
    return problem.reactions()


def _result(
    mesh: OrganMesh,
    case: TissueCase,
    problem: Problem,
    path: Path,
    frames: list[PointFields],
    forces: list[dict[str, NDArray[np.float64]]],
    recovery: Recovery,
) -> Result:
    last = frames[-1]
    moved = np.linalg.norm(last.displacement_mm, axis=1)
    rest, now, energy = problem.totals()
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
        kind = f"force at the {label.replace('pull', 'pulled region').replace('fixed', 'fixed region')}"
        quantities.append(Quantity(name=kind, value=newton, unit="N"))
    quantities += [
        Quantity(name="volume change", value=100 * (now / rest - 1), unit="%"),
        Quantity(name="stored energy", value=energy * 1e-6, unit="mJ"),
    ]
    notes = ["The shape in the scan is taken as free of stress."]
    if moved.max() < NOTHING_MOVED * problem.length_mm:
        notes.append("Almost nothing moved: the load is very small for the stiffness of this tissue.")
    if moved.max() > FAR * problem.length_mm:
        notes.append("It moved by more than a quarter of its size: is it held in the case as it is in the body?")
    if mesh.caps:
        notes.append("The mesh of a vessel is its lumen: it was deformed as if it were filled with tissue.")
    if last.strain[used].max() > TEARS:
        notes.append(
            "Strain exceeds 100 % somewhere: real tissue would likely tear there, which the law does not know."
        )
    histories = {
        "newton residual": path.residuals,
        "load fraction": path.loads,
        **{
            f"force at {name} N": [convert(float(np.linalg.norm(at[name])), "force", "N") for at in forces]
            for name in forces[-1]
        },
    }
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
        times_s=np.array(path.loads),
        fields=fields,
        quantities=tuple(quantities),
        credibility=_credibility(mesh, case, problem, path, recovery.strain_error()),
        histories=histories,
        notes=tuple(notes),
    )


def _credibility(mesh: OrganMesh, case: TissueCase, problem: Problem, path: Path, error: float) -> dict[str, str]:
    material = case.material
    accuracy = "quadratic elements"
    if problem.formulation.degree == 1:
        accuracy = f"strain to about {100 * error:.0f} %, force to about {100 * error**2:.0f} % (Zienkiewicz and Zhu's estimate)"
    shape = "".join(f", {name} {value:g}" for name, value in problem.elastic.parameters.items())
    return {
        "mesh": f"{len(mesh.tets)} tetrahedra, {len(mesh.points_mm)} points",
        "formulation": f"{problem.formulation.name}, {problem.size} unknowns",
        "discretisation": f"{accuracy}; at edges of held regions the largest strain grows with refinement",
        "material": f"{problem.elastic.law.title}, E {material.young}, Poisson {material.poisson:g}{shape}",
        "source of the material": material.source or "given in the case, without a source",
        "residual": f"{path.final_residual:.1e} of the acting forces, {len(path.residuals)} Newton iterations "
        f"in {len(path.loads) - 1} load steps",
        "verification": "uniaxial (every law) and cook (four variants): organtwin validate uniaxial cook",
    }


# -- when it fails --------------------------------------------------------------------------------------------------


def _explained(
    failure: SolveFailed, mesh: OrganMesh, case: TissueCase, regions: Regions, recovery: Recovery
) -> SolveFailed:
    """Say where the tissue suffers most and what is likely wrong with the case."""
    ratios, centroids = recovery.volume_ratios()
    place = ", ".join(f"{x:.0f}" for x in centroids[ratios.min(axis=1).argmin()])
    return SolveFailed(
        f"{failure.what.rstrip('.')} because {failure.where}; the tissue is squeezed most near ({place}) mm",
        remedy=_advice(mesh, case, regions),
    )


def _advice(mesh: OrganMesh, case: TissueCase, regions: Regions) -> str:
    points, corners = np.asarray(mesh.points_mm, float), np.asarray(mesh.boundary_triangles)
    fixed = points[np.unique(corners[np.any(regions.fixed, axis=0)])]
    young = parse(case.material.young, "pressure")
    for pull, mask in zip(case.pulls, regions.pulls, strict=True):
        distance = np.linalg.norm(fixed - points[np.unique(corners[mask])].mean(axis=0), axis=1).min()
        length = float(np.linalg.norm(pull.displacement_mm))
        if length > 0.5 * distance:
            return (
                f"A pull of {length:.0f} mm on tissue that is fixed {distance:.0f} mm away is likely more than it can follow: "
                "pull less, over a larger region, or fix less."
            )
    for press, mask in zip(case.presses, regions.presses, strict=True):
        stress = (
            parse(press.pressure, "pressure") if press.pressure else np.linalg.norm(_traction_pa(mesh, press, mask))
        )
        if abs(stress) > 0.3 * young:
            return (
                f"A load of {show(float(abs(stress)), 'pressure', 'kPa')} on tissue of stiffness {case.material.young} "
                "is likely more than it can bear: press less, or over a larger region."
            )
    if case.gravity is not None and not (case.pulls or case.presses):
        return "The organ is likely too soft for its own weight where it is fixed: fix a larger region or check the stiffness."
    return "Reduce the load, enlarge the regions, use more load steps, or mesh finer where the load acts."


__all__ = ["deform", "run"]
