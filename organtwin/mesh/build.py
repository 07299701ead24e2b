"""A structure of a segmentation to a tetrahedral mesh with named boundaries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from organtwin.errors import BadInput, SolveFailed
from organtwin.mesh import meshers as chain
from organtwin.mesh import quality
from organtwin.mesh import triangles as tri
from organtwin.mesh.child import ChildFailed
from organtwin.mesh.coarse import coarse_surface
from organtwin.mesh.cut import WALL, cut_flat, extended
from organtwin.mesh.improve import improved
from organtwin.mesh.label_surface import LabelSurface, distance_to_voxel_faces
from organtwin.mesh.parts import with_parts
from organtwin.mesh.remesh import remeshed
from organtwin.mesh.repair import BadSurface, fair, plugged, untangled
from organtwin.model import Cap, Segmentation
from organtwin.vessel import centerline, naming
from organtwin.vessel import openings as ends
from organtwin.vessel.centerline import Centerline
from organtwin.vessel.openings import Opening

Progress = Callable[[float, str], None]

FACINGS = ("left", "right", "posterior", "anterior", "superior", "inferior")  # +x, -x, +y, -y, +z, -z in LPS
CELLS_PER_RADIUS = 5.0
CELLS_ACROSS_CAP = 4.0
GOOD_ANGLE_DEG = 18.0
ORGAN_TETS = 30_000
VESSEL_TETS = 120_000
SURFACE_SHARE = 0.5  # triangles on the surface of a compact organ, per tetrahedron inside, at most
TETS_PER_CUBE = 8.5  # tetrahedra of edge h in a cube of edge h, about


@dataclass(frozen=True)
class PlacedOpening:
    """An opening that a person asked for: near a found end, or anywhere in the vessel."""

    name: str
    role: str
    point_mm: tuple[float, float, float]
    normal: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Built:
    """Everything an OrganMesh holds."""

    points: tri.Points
    tets: NDArray[np.int32]
    boundary_triangles: tri.Triangles
    boundary_tags: NDArray[np.int16]
    boundaries: dict[str, int]
    caps: tuple[Cap, ...]
    mesher: str
    report: dict[str, float]
    notes: tuple[str, ...]


def vessel(
    surface: LabelSurface,
    *,
    edge_mm: float | None = None,
    openings: Sequence[PlacedOpening] | None = None,
    extension: float = 0.0,
    meshers: Sequence[chain.Mesher] = chain.MESHERS,
    progress: Progress = lambda fraction, what: None,
) -> Built:
    """A vessel: its ends cut flat, caps and wall named, cells graded with its radius.

    Parameters
    ----------
    surface : LabelSurface
    edge_mm : float, optional
        Largest edge; by default a fifth of the local radius.
    openings : sequence of PlacedOpening, optional
        Exactly these openings; by default those that are found.
    extension : float
        Straight tubes added at the openings, in diameters: room for the flow to develop.

    Raises
    ------
    BadInput
        When the vessel has no opening, or a given one is not in it.
    SolveFailed
        When no mesher could fill it.
    """
    progress(0.0, "centreline")
    line = centerline.extract(surface.mask, surface.grid, progress=lambda f, what: progress(0.15 * f, what))
    line = ends.with_surface(line, surface.points_mm)
    progress(0.15, "openings")
    found, notes = ends.find(line, surface.points_mm, surface.triangles, surface.on_border)
    chosen = naming.named(found, line, surface.key) if openings is None else _placed(openings, found, line, surface)
    if not chosen:
        raise _no_opening(surface.key, notes)
    points, faces = surface.points_mm, surface.triangles
    tags = np.full(len(faces), WALL, np.int16)
    cuts: list[Opening] = []
    for at, opening in enumerate(chosen):
        progress(0.2 + 0.05 * at / len(chosen), f"cutting {opening.name}")
        try:
            points, faces, tags = cut_flat(points, faces, tags, opening.centre_mm, opening.normal, WALL + 1 + len(cuts))
        except BadInput as failure:
            if openings is not None:
                raise
            notes.append(f"'{opening.name}' stays closed. {failure.sentence}")
        else:
            cuts.append(opening)
    if not cuts:
        raise _no_opening(surface.key, notes)
    if len(cuts) == 1:
        notes.append(f"Only one opening was found ({cuts[0].name}): flow needs at least an inlet and an outlet.")
    boundaries = {"wall": WALL, **{opening.name: WALL + 1 + at for at, opening in enumerate(cuts)}}
    chosen = cuts
    if extension > 0:
        points, faces, tags, chosen = _extended(points, faces, tags, cuts, extension)
        notes.append(f"Each opening was extended by a straight tube of {extension:g} diameters.")
    target = tri.volume(points, faces)
    sizes, coarser = _vessel_sizes(points, faces, line, chosen, edge_mm)
    if coarser > 1.05:
        notes.append(
            f"A fifth of the radius would need very many cells: edges are {coarser:.1f} times that. Give an edge to decide otherwise."
        )
    progress(0.25, "surface triangles")
    points, faces, tags = _remeshed(points, faces, tags, sizes, 0.12 * float(np.median(sizes)), progress, 0.25, 0.55)
    points = _flat(points, faces, tags, chosen)
    points = with_volume(points, faces, tags, target)
    filled, points = _filled(points, faces, tags, meshers, progress)
    progress(0.9, "boundaries and quality")
    shell, shell_tags = tags_of_boundary(filled, points, faces, tags)
    caps = []
    for opening in chosen:
        own = shell[shell_tags == boundaries[opening.name]]
        if len(own) == 0:
            raise BadInput(f"The opening '{opening.name}' was lost in the mesh", remedy="Use a smaller edge.")
        caps.append(_cap(opening, filled.points, own))
    return Built(
        filled.points,
        filled.tets,
        shell,
        shell_tags,
        boundaries,
        tuple(caps),
        filled.mesher,
        _report(filled, target, surface, _not_beyond(filled.points, shell[shell_tags == WALL], cuts, extension)),
        (*notes, *_fallbacks(filled)),
    )


def organ(
    surface: LabelSurface,
    *,
    edge_mm: float | None = None,
    meshers: Sequence[chain.Mesher] = chain.MESHERS,
    progress: Progress = lambda fraction, what: None,
) -> Built:
    """An organ: cells graded with the bending of its surface, the boundary split by the direction that it faces.

    Parameters
    ----------
    surface : LabelSurface
    edge_mm : float, optional
        Edge inside the organ; by default such that there are about 30 000 tetrahedra inside,
        and more where the surface bends.
    """
    target = tri.volume(surface.points_mm, surface.triangles)
    edge = edge_mm or (TETS_PER_CUBE * target / ORGAN_TETS) ** (1 / 3)
    progress(0.0, "surface triangles")
    rough, uneven = _organ_surface(surface, edge)
    points, faces, tags = rough, uneven, np.full(len(uneven), WALL, np.int16)
    for deviation in (0.12, 0.25, 0.5):  # a rugged surface would get many small cells: follow it less closely then
        made = _remeshed(
            rough,
            uneven,
            np.full(len(uneven), WALL, np.int16),
            np.full(len(rough), edge),
            deviation * edge,
            progress,
            0.05,
            0.5,
        )
        if len(made[1]) < len(faces):
            points, faces, tags = made
        if edge_mm is not None or len(faces) < SURFACE_SHARE * ORGAN_TETS:
            break
    points = with_volume(points, faces, tags, target)
    filled, points = _filled(points, faces, tags, meshers, progress)
    progress(0.9, "boundaries and quality")
    shell = quality.boundary(filled.tets)
    normals = tri.area_vectors(filled.points, shell)
    axis = np.abs(normals).argmax(axis=1)
    facing = (2 * axis + (normals[np.arange(len(shell)), axis] < 0)).astype(np.int16)
    names = {name: at + 1 for at, name in enumerate(FACINGS) if (facing == at).any()}
    return Built(
        filled.points,
        filled.tets,
        shell,
        (facing + 1).astype(np.int16),
        names,
        (),
        filled.mesher,
        _report(filled, target, surface, shell),
        _fallbacks(filled),
    )


def parted(
    made: Built, segmentation: Segmentation, parts: Sequence[str], edge_mm: float | None, progress: Progress
) -> tuple[Built, NDArray[np.int16], tuple[str, ...]]:
    """An organ's mesh with its parts: finer near them (``edge_mm``, or half of its edges), the number of each cell's
    part (0 for none), and notes on how well they are met. ``segmentation`` has labels for the parts only where they lie
    in the organ.
    """
    progress(0.95, "parts inside")
    one = with_parts(
        made.points, made.tets, segmentation, parts, edge_mm=edge_mm, beat=lambda: progress(0.96, "parts inside")
    )
    shell = quality.boundary(one.tets)
    tags = made.boundary_tags[
        cKDTree(made.points[made.boundary_triangles].mean(axis=1)).query(one.points[shell].mean(axis=1))[1]
    ]
    numbers = made.report | quality.report(one.points, one.tets)
    volumes = quality.volumes(one.points, one.tets)
    notes = (
        [] if one.refined else ["The cells near the parts are as large as everywhere: they could not be made smaller."]
    )
    for number, key in enumerate(parts, start=1):
        in_mesh = float(volumes[one.material == number].sum()) / 1000
        in_scan = float(np.count_nonzero(segmentation.mask(key))) * segmentation.grid.voxel_volume_mm3 / 1000
        name = segmentation.segment(key).name
        notes.append(f"{name}: {in_mesh:.1f} mL in the mesh, {in_scan:.1f} mL of it segmented inside.")
    built = replace(
        made, points=one.points, tets=one.tets, boundary_triangles=shell, boundary_tags=tags, report=numbers
    )
    return built, one.material, tuple(notes)


def _no_opening(key: str, notes: Sequence[str]) -> BadInput:
    return BadInput(
        f"No opening was found in '{key}': blood could neither enter nor leave",
        where="; ".join(note.rstrip(".") for note in notes),
        remedy="Give the openings (name, role, point_mm), segment a longer piece, or mesh it as an organ.",
    )


# -- openings -----------------------------------------------------------------------------------------------------


def _placed(
    wanted: Sequence[PlacedOpening], found: Sequence[Opening], line: Centerline, surface: LabelSurface
) -> list[Opening]:
    names = [w.name for w in wanted]
    for name in names:
        if names.count(name) > 1 or name == "wall":
            raise BadInput(f"Two boundaries would be called '{name}'", remedy="Give every opening a name of its own.")
    near = [naming.nearest(found, np.array(w.point_mm)) if w.normal is None else None for w in wanted]
    taken = {n.end for n in near if n is not None}
    out = []
    for one, opening in zip(wanted, near, strict=True):
        if opening is None:
            normal = None if one.normal is None else np.array(one.normal)
            opening = ends.at_point(line, surface.points_mm, surface.triangles, np.array(one.point_mm), normal, taken)
        out.append(replace(opening, name=one.name, role=one.role))
    return sorted(out, key=lambda o: o.role != "inlet")


def _extended(
    points: tri.Points, faces: tri.Triangles, tags: NDArray[np.int16], openings: Sequence[Opening], diameters: float
) -> tuple[tri.Points, tri.Triangles, NDArray[np.int16], list[Opening]]:
    """Every cap moved outwards on a straight tube."""
    moved = []
    for at, opening in enumerate(openings):
        length = 2 * opening.radius_mm * diameters
        shift = length * opening.normal
        layers = max(1, round(length / (0.3 * opening.radius_mm)))
        points, faces, tags = extended(points, faces, tags, WALL + 1 + at, shift, layers)
        moved.append(replace(opening, centre_mm=opening.centre_mm + shift))
    return points, faces, tags, moved


def _not_beyond(points: tri.Points, faces: tri.Triangles, cuts: Sequence[Opening], diameters: float) -> tri.Triangles:
    """The triangles without those of the added tubes."""
    kept = np.ones(len(faces), bool)
    centres = points[faces].mean(axis=1)
    for cut in cuts:
        if diameters > 0:
            height = (centres - cut.centre_mm) @ cut.normal
            beside = np.linalg.norm(centres - cut.centre_mm - height[:, None] * cut.normal, axis=1)
            kept &= ~((height > 0) & (height < 2.2 * cut.radius_mm * diameters) & (beside < 2 * cut.radius_mm))
    return faces[kept]


def _cap(opening: Opening, points: tri.Points, faces: tri.Triangles) -> Cap:
    area = tri.areas(points, faces)
    centre = np.average(points[faces].mean(axis=1), axis=0, weights=area)
    x, y, z = (float(c) for c in centre)
    nx, ny, nz = (float(c) for c in opening.normal)
    whole = float(area.sum())
    role = "inlet" if opening.role == "inlet" else "outlet"
    return Cap(
        name=opening.name,
        role=role,
        centre_mm=(x, y, z),
        normal=(nx, ny, nz),
        area_mm2=whole,
        radius_mm=float(np.sqrt(whole / np.pi)),
    )


def _flat(points: tri.Points, faces: tri.Triangles, tags: NDArray[np.int16], openings: Sequence[Opening]) -> tri.Points:
    """Cap points put exactly into their plane."""
    out = points.copy()
    for at, opening in enumerate(openings):
        own = np.unique(faces[tags == WALL + 1 + at])
        out[own] -= ((out[own] - opening.centre_mm) @ opening.normal)[:, None] * opening.normal
    return out


# -- sizes --------------------------------------------------------------------------------------------------------


def _vessel_sizes(
    points: tri.Points, faces: tri.Triangles, line: Centerline, openings: Sequence[Opening], edge_mm: float | None
) -> tuple[NDArray[np.float64], float]:
    """Wanted edges, and how much coarser they are than a fifth of the radius to keep within :data:`VESSEL_TETS`.

    With ``edge_mm`` given it is that, but fine enough for some cells across the vessel. Small caps get finer ones.
    """
    distance, at = cKDTree(line.points_mm).query(points, k=min(4, len(line.points_mm)))
    distance, at = distance.reshape(len(points), -1), at.reshape(len(points), -1)
    weight = 1.0 / np.maximum(distance, 1e-3) ** 2
    radius = (weight * line.radii_mm[at]).sum(axis=1) / weight.sum(axis=1)
    coarser = 1.0
    if edge_mm is None:
        sizes = radius / CELLS_PER_RADIUS
        share = np.zeros(len(points))  # area around each point
        area = tri.areas(points, faces)
        for corner in range(3):
            share += np.bincount(faces[:, corner], area / 3, minlength=len(points))
        expected = float((TETS_PER_CUBE * share * radius / 2 / sizes**3).sum())
        coarser = max(1.0, (expected / VESSEL_TETS) ** (1 / 3))
        sizes = np.minimum(sizes * coarser, 2 * radius / CELLS_ACROSS_CAP)
    else:
        sizes = np.minimum(edge_mm, 2 * radius / CELLS_ACROSS_CAP)
    for opening in openings:
        close = np.linalg.norm(points - opening.centre_mm, axis=1) < 2 * opening.radius_mm
        sizes[close] = np.minimum(sizes[close], 2 * opening.radius_mm / CELLS_ACROSS_CAP)
    return np.maximum(sizes, 0.2), coarser


def _organ_surface(surface: LabelSurface, edge: float) -> tuple[tri.Points, tri.Triangles]:
    """The surface to remesh: the structure's own, or a coarser one where the cells will be much larger than voxels."""
    step = 0.4 * edge
    if step > 1.3 * float(surface.grid.spacing_mm.mean()):
        points, faces = coarse_surface(surface.mask, surface.grid, step)
        if tri.is_closed(faces):
            return fair(points, faces, rounds=8), faces
    return surface.points_mm, surface.triangles


def _remeshed(
    points: tri.Points,
    faces: tri.Triangles,
    tags: NDArray[np.int16],
    sizes: NDArray[np.float64],
    deviation: float,
    progress: Progress,
    start: float,
    stop: float,
) -> tuple[tri.Points, tri.Triangles, NDArray[np.int16]]:
    beats = 0

    def beat() -> None:
        nonlocal beats
        beats += 1
        progress(stop - (stop - start) * 0.97**beats, "surface triangles")

    made = points, faces, tags
    for attempt in range(3):  # a second pass mends the few thin triangles, or the tangle, that a first may leave
        try:
            p, f, t = plugged(*remeshed(*made, sizes, deviation_mm=deviation, beat=beat))
        except ChildFailed:
            break
        if tri.is_closed(f):
            sizes = sizes[cKDTree(made[0]).query(p)[1]]
            made = p, f, t
            if tri.smallest_angles_deg(p, f).min() > GOOD_ANGLE_DEG:
                break
        elif attempt == 0:  # sheets that nearly touch: draw them apart
            caps = np.zeros(len(made[0]), bool)
            caps[made[1][made[2] != WALL]] = True
            apart = fair(untangled(made[0], made[1], caps, beat)[0], made[1], 4, caps)
            made = apart, made[1], made[2]
        else:
            break
    return made


def with_volume(points: tri.Points, faces: tri.Triangles, tags: NDArray[np.int16], target: float) -> tri.Points:
    """Points of the wall moved along their normals by one small distance, so that coarse triangles enclose the same
    volume."""
    wall = faces[tags == WALL]
    normals = tri.vertex_normals(points, wall)
    lengths = tri.edge_lengths(points, wall)
    for tag in np.unique(tags[tags != WALL]):
        cap = faces[tags == tag]
        flat = tri.area_vectors(points, cap).sum(axis=0)
        flat /= np.linalg.norm(flat)
        own = np.unique(cap)
        normals[own] -= (normals[own] @ flat)[:, None] * flat
    area = float(tri.areas(points, wall).sum())
    limit = 0.2 * float(np.median(lengths))
    moved = 0.0
    for _ in range(3):
        step = (target - tri.volume(points + moved * normals, faces)) / area
        moved = float(np.clip(moved + step, -limit, limit))
    return np.asarray(points + moved * normals)


def _filled(
    points: tri.Points,
    faces: tri.Triangles,
    tags: NDArray[np.int16],
    meshers: Sequence[chain.Mesher],
    progress: Progress,
) -> tuple[chain.Tetrahedra, tri.Points]:
    """Tetrahedra inside the surface, and the surface without crossings.

    Raises
    ------
    BadSurface
        With the failing triangles, when the surface cuts through itself and no mesher could make up for it.
    """
    progress(0.55, "checking the surface")
    caps = np.zeros(len(points), bool)
    caps[faces[tags != WALL]] = True
    points, _, crossing = untangled(points, faces, caps, progress=lambda: progress(0.57, "checking the surface"))
    try:
        filled = chain.fill(points, faces, beat=lambda: progress(0.6, "tetrahedra"), meshers=meshers)
        return improved(filled, beat=lambda: progress(0.85, "better tetrahedra")), points
    except SolveFailed as failure:
        if len(crossing) == 0:
            raise
        raise BadSurface(
            f"{len(crossing)} triangles of the surface cut through each other",
            points,
            faces,
            crossing,
            remedy="Use more smoothing or a larger edge.",
        ) from failure


# -- after filling ------------------------------------------------------------------------------------------------


def tags_of_boundary(
    filled: chain.Tetrahedra, points: tri.Points, faces: tri.Triangles, tags: NDArray[np.int16]
) -> tuple[tri.Triangles, NDArray[np.int16]]:
    """Boundary triangles of the tetrahedra with the tags of the surface that was filled."""
    shell = quality.boundary(filled.tets)
    centres = filled.points[shell].mean(axis=1)
    near = cKDTree(points[faces].mean(axis=1))
    if filled.keeps_surface:
        return shell, tags[near.query(centres)[1]]
    # another surface: a triangle is on a cap when it faces as the cap does, and lies in its plane within its outline
    out = np.full(len(shell), WALL, np.int16)
    unit = tri.area_vectors(filled.points, shell)
    unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    _, closest = near.query(centres)
    for tag in np.unique(tags[tags != WALL]):
        cap = faces[tags == tag]
        normal = tri.area_vectors(points, cap).sum(axis=0)
        normal /= np.linalg.norm(normal)
        middle = points[np.unique(cap)].mean(axis=0)
        edge = float(np.median(tri.edge_lengths(points, cap)))
        out[(tags[closest] == tag) & (unit @ normal > 0.9) & (np.abs((centres - middle) @ normal) < 0.2 * edge)] = tag
    return shell, out


def _report(filled: chain.Tetrahedra, target: float, surface: LabelSurface, wall: tri.Triangles) -> dict[str, float]:
    """Quality of the cells, volume against the smooth surface (cut as the mesh is), and distance of the wall to the
    voxels."""
    numbers = quality.report(filled.points, filled.tets)
    numbers["volume_error_percent"] = 100 * (numbers["volume_mm3"] - target) / target
    error = distance_to_voxel_faces(filled.points[np.unique(wall)], surface.mask, surface.grid)
    numbers["mean_error_mm"] = float(error.mean())
    numbers["p95_error_mm"] = float(np.percentile(error, 95))
    numbers["max_error_mm"] = float(error.max())
    numbers["mean_edge_mm"] = float(tri.edge_lengths(filled.points, quality.boundary(filled.tets)).mean())
    return numbers


def _fallbacks(filled: chain.Tetrahedra) -> tuple[str, ...]:
    return tuple(f"{failure}; {filled.mesher} was used instead." for failure in filled.failures)
