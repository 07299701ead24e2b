"""The same vessel with larger or smaller cells: the family of meshes that a convergence study needs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput, SolveFailed
from organtwin.mesh import meshers, quality
from organtwin.mesh import triangles as tri
from organtwin.mesh.build import tags_of_boundary, with_volume
from organtwin.mesh.child import ChildFailed
from organtwin.mesh.improve import improved
from organtwin.mesh.remesh import remeshed
from organtwin.mesh.repair import plugged
from organtwin.model import Cap, OrganMesh

DEVIATION = 0.12  # of the new edge: how far the new wall may lie from the old one, as when vessels are meshed


def resized(organ: OrganMesh, factor: float, beat: Callable[[], None] = lambda: None) -> OrganMesh:
    """A vessel mesh whose edges are ``factor`` times as long, with the same openings and the same volume inside.

    The wall is that of the given mesh: a finer mesh has finer cells, not a finer vessel.

    Raises
    ------
    BadInput
        When the factor leaves no sound surface.
    SolveFailed
        When no mesher could fill it.
    """
    if factor <= 0.0:
        raise BadInput("Edges must become some positive number of times as long")
    points, faces, _ = tri.compact(np.asarray(organ.points_mm, float), np.asarray(organ.boundary_triangles))
    tags = np.asarray(organ.boundary_tags, np.int16)
    volume = tri.volume(points, faces)
    sizes = factor * _edges(points, faces)
    try:
        made = plugged(
            *remeshed(points, faces, tags, sizes, deviation_mm=DEVIATION * float(np.median(sizes)), beat=beat)
        )
    except ChildFailed as failure:
        raise SolveFailed(f"The wall could not be meshed with edges {factor:g} times as long: {failure}") from failure
    points, faces, tags = made
    missing = set(organ.boundaries.values()) - set(np.unique(tags).tolist())
    if missing or not tri.is_closed(faces):
        raise BadInput(
            f"With edges {factor:g} times as long the vessel loses an opening or its tightness",
            remedy="Use factors nearer to 1, or a finer mesh to begin with.",
        )
    points = with_volume(points, faces, tags, volume)
    filled = improved(meshers.fill(points, faces, beat=beat), beat)
    shell, shell_tags = tags_of_boundary(filled, points, faces, tags)
    report = quality.report(filled.points, filled.tets)
    report["mean_edge_mm"] = float(tri.edge_lengths(filled.points, shell).mean())
    return OrganMesh(
        name=f"{organ.name}, edges x {factor:.3g}",
        structure=organ.structure,
        points_mm=filled.points,
        tets=filled.tets,
        boundary_triangles=shell,
        boundary_tags=shell_tags,
        boundaries=organ.boundaries,
        caps=tuple(_cap(cap, filled.points, shell[shell_tags == organ.boundaries[cap.name]]) for cap in organ.caps),
        frame_uid=organ.frame_uid,
        mesher=filled.mesher,
        report=report,
    )


def _edges(points: tri.Points, faces: tri.Triangles) -> NDArray[np.float64]:
    """(n,) mean length of the edges at each point."""
    edges, lengths = tri.directed_edges(faces), tri.edge_lengths(points, faces)
    count = np.bincount(edges.ravel(), minlength=len(points))
    return np.asarray(np.bincount(edges.ravel(), np.repeat(lengths, 2), minlength=len(points)) / np.maximum(count, 1))


def _cap(cap: Cap, points: tri.Points, faces: tri.Triangles) -> Cap:
    area = tri.areas(points, faces)
    x, y, z = np.average(points[faces].mean(axis=1), axis=0, weights=area).tolist()
    whole = float(area.sum())
    return cap.model_copy(
        update={"centre_mm": (x, y, z), "area_mm2": whole, "radius_mm": float(np.sqrt(whole / np.pi))}
    )
