"""Things to look at in the 3D view, and the view itself on a real OpenGL window."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytest

from organtwin.model import Cap, OrganMesh, Result, Segment, Segmentation, Surface, Volume
from organtwin.space import Grid

if not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(scope="session")
def gl():
    """Skips where 3D pictures cannot be drawn."""
    from organtwin_gui.views import probe

    found = probe()
    if not found.works:
        pytest.skip(f"no OpenGL: {found.reason}")
    return found


def _ball(centre, radius: float, structure: str, steps: int = 24) -> Surface:
    """A sphere of triangles, outward."""
    theta = np.linspace(0, np.pi, steps + 1)[1:-1]
    phi = np.linspace(0, 2 * np.pi, 2 * steps, endpoint=False)
    ring = np.stack(
        [
            np.outer(np.sin(theta), np.cos(phi)),
            np.outer(np.sin(theta), np.sin(phi)),
            np.repeat(np.cos(theta)[:, None], len(phi), axis=1),
        ],
        axis=-1,
    ).reshape(-1, 3)
    points = np.concatenate([[(0, 0, 1)], ring, [(0, 0, -1)]])
    count, triangles = len(phi), []
    for n in range(count):
        m = (n + 1) % count
        triangles.append((0, 1 + n, 1 + m))
        triangles.append((len(points) - 1, len(points) - 1 - count + m, len(points) - 1 - count + n))
        for row in range(len(theta) - 1):
            a, b = 1 + row * count + n, 1 + row * count + m
            triangles += [(a, a + count, b), (b, a + count, b + count)]
    return Surface(
        name=structure,
        structure=structure,
        points_mm=np.array(centre) + radius * points,
        triangles=np.array(triangles, np.int32),
    )


@pytest.fixture(scope="session")
def ball() -> Callable[..., Surface]:
    """Makes spheres."""
    return _ball


@pytest.fixture(scope="session")
def vessel() -> OrganMesh:
    """A straight tube of tetrahedra along z, from an inlet below to an outlet above; radius 8 mm, length 60 mm."""
    layers, radius, length = 24, 8.0, 60.0
    ring = [(0.0, 0.0)] + [
        (r / 4 * np.cos(a), r / 4 * np.sin(a))
        for r in range(1, 5)
        for a in np.linspace(0, 2 * np.pi, 6 * r, endpoint=False)
    ]
    from organtwin_gui.views.mesh_faces import MeshFaces
    from scipy.spatial import Delaunay

    flat = np.array(ring) * radius
    triangles = np.sort(Delaunay(flat).simplices, axis=1)
    n = len(flat)
    points = np.concatenate([np.column_stack([flat, np.full(n, z)]) for z in np.linspace(0, length, layers + 1)])
    tets = []
    for layer in range(layers):
        (a, b, c), (d, e, f) = (triangles + layer * n).T, (triangles + (layer + 1) * n).T
        tets += [np.stack(t, axis=1) for t in ((a, b, c, f), (a, b, f, e), (a, d, e, f))]
    tets = np.concatenate(tets)
    p, q, r, s = (points[tets[:, k]] for k in range(4))
    wrong = np.einsum("ij,ij->i", q - p, np.cross(r - p, s - p)) < 0
    tets[wrong] = tets[wrong][:, [1, 0, 2, 3]]
    faces = MeshFaces.of(tets, np.empty((0, 3), int))
    outer = faces.faces[faces.other < 0]
    level = outer // n
    tags = np.where((level == 0).all(axis=1), 1, np.where((level == layers).all(axis=1), 2, 0)).astype(np.int16)
    area = np.pi * radius**2
    caps = (
        Cap(name="inlet", role="inlet", centre_mm=(0, 0, 0), normal=(0, 0, -1), area_mm2=area, radius_mm=radius),
        Cap(name="outlet", role="outlet", centre_mm=(0, 0, length), normal=(0, 0, 1), area_mm2=area, radius_mm=radius),
    )
    return OrganMesh(
        name="tube", structure="aorta", points_mm=points, tets=tets.astype(np.int32), boundary_triangles=outer,
        boundary_tags=tags, boundaries={"wall": 0, "inlet": 1, "outlet": 2}, caps=caps,
    )  # fmt: skip


@pytest.fixture(scope="session")
def flow(vessel) -> Result:
    x, y, z = vessel.points_mm.T
    profile = np.zeros((len(x), 3))
    profile[:, 2] = 600 * (1 - (x**2 + y**2) / 64)
    pulse = np.array([0.3, 1.0, 0.5])
    return Result(
        name="flow", physics="flow", mesh=vessel.uuid, times_s=np.array([0.0, 0.4, 0.8]),
        fields={
            "velocity_mm_per_s": (pulse[:, None, None] * profile).astype(np.float32),
            "pressure_pa": (pulse[:, None] * (13332.2 - 20 * z)).astype(np.float32),
            "wall_shear_pa": (pulse[:, None] * np.linspace(0, 5, len(z))).astype(np.float32),
        },
    )  # fmt: skip


@pytest.fixture(scope="session")
def tissue(vessel) -> Result:
    moved = np.zeros((2, len(vessel.points_mm), 3), np.float32)
    moved[:, :, 0] = np.array([0.5, 1.0])[:, None] * 12 * np.sin(np.pi * vessel.points_mm[:, 2] / 60)
    return Result(
        name="tissue", physics="tissue", mesh=vessel.uuid, times_s=np.array([0.5, 1.0]),
        fields={"displacement_mm": moved, "strain": np.abs(moved[..., 0]) / 60},
    )  # fmt: skip


@pytest.fixture
def viewport(qtbot, gl):
    from organtwin_gui import theme
    from organtwin_gui.views import ImageScene, Viewport
    from PySide6.QtWidgets import QApplication

    theme.apply(QApplication.instance(), theme.DARK)
    made = Viewport(ImageScene())
    made.resize(500, 400)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    made.canvas.show_cube = False
    yield made
    made.shut_down()


@pytest.fixture
def scan() -> tuple[Volume, Segmentation]:
    grid = Grid.make((40, 40, 30), (3, 3, 3), (-58.5, -58.5, -43.5), frame_uid="1")
    k, j, i = np.indices(grid.shape)
    at = grid.to_world(np.stack([i, j, k], axis=-1))
    values = np.full(grid.shape, -1000, np.int16)
    values[np.linalg.norm(at - (25, 0, 0), axis=-1) < 18] = 1200
    labels = (values > 0).astype(np.uint8)
    volume = Volume(name="scan", grid=grid, values=values, modality="CT")
    return volume, Segmentation(name="s", grid=grid, labels=labels, segments=(Segment.of(1, "liver", 1.0),))
