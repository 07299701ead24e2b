"""The channel with a cylinder of the DFG benchmark, made from a formula: graded to the cylinder, no mesher needed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.model import OrganMesh
from organtwin_solvers.fem.backend import MPI, basix, create_mesh, dmesh, ufl
from organtwin_solvers.validation.pipes import _outer_faces, vessel

HEIGHT, RADIUS = 0.41, 0.05
WALL, INLET, OUTLET, CYLINDER = 1, 2, 3, 4

Points = NDArray[np.float64]


def channel(
    cells: int,
    *,
    centre: tuple[float, float],
    length: float,
    growth: float = 1.03,
    slender: float = 1.0,
    radius: float = RADIUS,
) -> tuple[Points, NDArray[np.int64]]:
    """Points (n, 2) and triangles (m, 3), turned to the left, of the channel less the disc.

    ``cells`` on each side of the square around the cylinder, whose sides the channel's height gives; four times as many
    around the cylinder. Between circle and square cells grow in proportion to their distance from the axis; they are
    ``slender`` times longer along the circle than across. Beyond the square they grow by ``growth``.
    Corners around the cylinder lie at ``radius``.
    """
    left = centre[0] - 0.2
    square = np.array([[left, 0.0], [left + HEIGHT, 0.0], [left + HEIGHT, HEIGHT], [left, HEIGHT]])
    s = np.linspace(0.0, 1.0, cells + 1)[:-1, None]
    outer = np.concatenate([a + s * (b - a) for a, b in zip(square, np.roll(square, -1, axis=0), strict=True)])
    around = 4 * cells
    angle = -0.75 * np.pi + 2 * np.pi * np.arange(around) / around
    inner = np.array(centre) + radius * np.column_stack([np.cos(angle), np.sin(angle)])
    radial = round(slender * 0.9 * np.log(0.205 / RADIUS) / (2 * np.pi / around)) + 1
    ratio = (0.205 / RADIUS) ** (1.0 / radial)
    depth = (ratio ** np.arange(radial + 1) - 1) / (ratio**radial - 1)
    ring = inner[None] * (1 - depth)[:, None, None] + outer[None] * depth[:, None, None]
    points, number = [ring.reshape(-1, 2)], np.arange((radial + 1) * around).reshape(radial + 1, around)
    number = np.hstack([number, number[:, :1]])
    quads = [_quads(number)]

    def block(side: NDArray[np.integer], x: NDArray[np.float64]) -> None:
        """Columns of points beyond a side of the square (numbers of points, from below upwards), at these x."""
        start = sum(len(part) for part in points)
        y = np.concatenate(points)[side, 1]
        points.append(np.column_stack([np.repeat(x, len(y)), np.tile(y, len(x))]))
        columns = np.vstack([side, start + np.arange(len(x) * len(y)).reshape(len(x), -1)])
        quads.append(_quads(columns))

    right = number[-1, cells : 2 * cells + 1]
    block(right, _spaced(left + HEIGHT, length, HEIGHT / cells, growth))
    if left > 1e-9:
        block(number[-1, 3 * cells : 4 * cells + 1][::-1], _spaced(left, 0.0, HEIGHT / cells, 1.1))
    where, corners = np.concatenate(points), np.concatenate(quads)
    triangles = np.concatenate([_halved(where, corners)])
    a, b, c = (where[triangles[:, i]] for i in range(3))
    clockwise = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0] < 0
    return where, np.where(clockwise[:, None], triangles[:, [0, 2, 1]], triangles)


def curved(points: Points, triangles: NDArray[np.int64], centre: tuple[float, float]) -> dmesh.Mesh:
    """A DOLFINx mesh of triangles with six nodes, whose sides on the cylinder are arcs (parabolas)."""
    sides = np.sort(triangles[:, [[1, 2], [0, 2], [0, 1]]].reshape(-1, 2), axis=1)
    edges, of_side = np.unique(sides, axis=0, return_inverse=True)
    middle = points[edges].mean(axis=1)
    on = np.isclose(np.linalg.norm(points - centre, axis=1), RADIUS)[edges].all(axis=1)
    out = middle[on] - centre
    middle[on] = centre + RADIUS * out / np.linalg.norm(out, axis=1, keepdims=True)
    cells = np.hstack([triangles, len(points) + of_side.reshape(-1, 3)])
    element = basix.ufl.element("Lagrange", "triangle", 2, shape=(2,))
    return create_mesh(MPI.COMM_SELF, cells, ufl.Mesh(element), np.concatenate([points, middle]))


def box(
    cells: int, layers: int, *, centre: tuple[float, float], length: float, growth: float, slender: float
) -> OrganMesh:
    """The channel with a cylinder along z from wall to wall, of tetrahedra, as a vessel (lengths taken for mm).

    Caps "inlet" and "outlet"; ``layers`` (an even number) along z are thinner at the walls. Sides are straight: the
    polygon has the area of the disc.
    """
    sector = np.pi / (2 * cells)
    radius = RADIUS * float(np.sqrt(sector / np.sin(sector)))
    flat, triangles = channel(cells, centre=centre, length=length, growth=growth, slender=slender, radius=radius)
    s = np.linspace(0.0, 1.0, layers + 1)
    z = HEIGHT * (s - 0.5 * np.sin(2 * np.pi * s) / (2 * np.pi))
    points = np.column_stack([np.tile(flat, (layers + 1, 1)), np.repeat(z, len(flat))])
    a, b, c = np.sort(triangles, axis=1).T  # sorted corners: neighbours cut their common quadrilateral alike
    tets = []
    for layer in range(layers):
        low, high = layer * len(flat), (layer + 1) * len(flat)
        tets += [
            np.column_stack([a + low, b + low, c + low, c + high]),
            np.column_stack([a + low, b + low, b + high, c + high]),
            np.column_stack([a + low, a + high, b + high, c + high]),
        ]
    every = np.concatenate(tets)
    x = points[_outer_faces(every)][..., 0]
    regions = np.where(np.isclose(x, 0.0).all(axis=1), 1, np.where(np.isclose(x, length).all(axis=1), 2, 0))
    return vessel(points, every, regions, ["inlet", "outlet"], "channel with a cylinder")


def tagged(mesh: dmesh.Mesh, length: float) -> dmesh.MeshTags:
    """Its outer sides by name."""
    mesh.topology.create_connectivity(1, 2)
    sides = dmesh.exterior_facet_indices(mesh.topology)
    middle = dmesh.compute_midpoints(mesh, 1, sides)
    tags = np.full(len(sides), CYLINDER, np.int32)
    tags[np.isclose(middle[:, 1], 0.0) | np.isclose(middle[:, 1], HEIGHT)] = WALL
    tags[np.isclose(middle[:, 0], 0.0)] = INLET
    tags[np.isclose(middle[:, 0], length)] = OUTLET
    return dmesh.meshtags(mesh, 1, sides, tags)


def _spaced(start: float, end: float, first: float, growth: float) -> NDArray[np.float64]:
    """Places from start (not included) to end, the first cell about ``first`` long, the others growing."""
    span = abs(end - start)
    n = int(np.ceil(span / first if growth == 1.0 else np.log1p(span / first * (growth - 1)) / np.log(growth)))
    steps = np.cumsum(growth ** np.arange(n))
    return start + (end - start) * steps / steps[-1]


def _quads(number: NDArray[np.integer]) -> NDArray[np.int64]:
    """Corners, in turn, of the cells of a grid of point numbers."""
    return np.stack([number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]], axis=-1).reshape(-1, 4)


def _halved(points: Points, quads: NDArray[np.int64]) -> NDArray[np.int64]:
    """Two triangles of each quadrilateral, cut along its shorter diagonal."""
    p = points[quads]
    short = np.linalg.norm(p[:, 0] - p[:, 2], axis=1) <= np.linalg.norm(p[:, 1] - p[:, 3], axis=1) * (1 + 1e-9)
    cut = np.where(short[:, None, None], quads[:, [[0, 1, 2], [0, 2, 3]]], quads[:, [[0, 1, 3], [1, 2, 3]]])
    return cut.reshape(-1, 3)
