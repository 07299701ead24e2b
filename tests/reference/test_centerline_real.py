"""The centreline of a real aorta with its iliac fork, against the one published with it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import pyvista
from scipy.spatial import cKDTree

from organtwin.mesh import quality
from organtwin.mesh import triangles as tri
from organtwin.mesh.meshers import fill
from organtwin.model import Cap, OrganMesh
from organtwin.vessel.tree import of_mesh

pytestmark = [pytest.mark.real_data, pytest.mark.slow]


def closed(path):
    """An open surface with a fan over each hole, as a mesh whose widest opening is the inlet."""
    surface = pyvista.read(path).clean().triangulate()
    points, faces = np.asarray(surface.points, float), surface.faces.reshape(-1, 4)[:, 1:]
    if tri.volume(points - points.mean(axis=0), faces) < 0:  # open, yet its sign tells which side is out
        faces = faces[:, ::-1]
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    known = set(map(tuple, directed.tolist()))
    after = {b: a for a, b in known if (b, a) not in known}
    loops = []
    while after:
        loop = [next(iter(after))]
        while loop[-1] in after:
            loop.append(after.pop(loop[-1]))
        loops.append(np.array(loop[:-1]))
    caps, shell, tags = [], [faces], [np.ones(len(faces), int)]
    for k, loop in enumerate(loops):
        rim = points[loop]
        points = np.vstack([points, rim.mean(axis=0)])
        fan = np.array([(a, b, len(points) - 1) for a, b in pairwise([*loop, loop[0]])])
        normal = 0.5 * np.cross(points[fan[:, 1]] - points[fan[:, 0]], points[fan[:, 2]] - points[fan[:, 0]]).sum(
            axis=0
        )
        area = float(np.linalg.norm(normal))
        caps.append((area, rim.mean(axis=0), normal / area))
        shell.append(fan)
        tags.append(np.full(len(fan), k + 2))
    shell, tags = np.concatenate(shell), np.concatenate(tags)
    made = fill(points, shell.astype(np.int32))
    widest = int(np.argmax([area for area, _, _ in caps]))
    names = ["inlet" if k == widest else f"end {k}" for k in range(len(caps))]
    outer = quality.boundary(made.tets)
    wanted = {tuple(sorted(face)): tag for face, tag in zip(shell.tolist(), tags, strict=True)}
    return OrganMesh(
        name="aorta",
        structure="aorta",
        points_mm=made.points,
        tets=made.tets,
        boundary_triangles=outer,
        boundary_tags=np.array([wanted[tuple(sorted(face))] for face in outer.tolist()], np.int16),
        boundaries={"wall": 1, **{name: k + 2 for k, name in enumerate(names)}},
        caps=tuple(
            Cap(name=name, role="inlet" if name == "inlet" else "outlet", centre_mm=tuple(centre), normal=tuple(normal),
                area_mm2=area, radius_mm=float(np.sqrt(area / np.pi)))
            for name, (area, centre, normal) in zip(names, caps, strict=True)
        ),
    )  # fmt: skip


def test_the_line_and_radius_of_an_aorta_agree_with_the_published_ones(real_data):
    folder = real_data / "mra-aorta"
    line = of_mesh(closed(folder / "aorta-surface-open-ends.stl"))
    assert sum(bool(b.cap) for b in line.branches) == 2
    reference = pyvista.read(folder / "aorta-centerline.vtp")
    away, at = cKDTree(np.asarray(line.points_mm)).query(reference.points)
    radius = np.asarray(reference["MaximumInscribedSphereRadius"])
    inner = away < radius  # the published line reaches a little beyond the openings
    assert inner.mean() > 0.9
    assert np.median(away[inner] / radius[inner]) < 0.12
    assert np.median(np.abs(line.radius_mm[at] / radius - 1.0)[inner]) < 0.05
