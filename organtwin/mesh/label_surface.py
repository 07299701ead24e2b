"""Labels to smooth closed surfaces that fit together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from organtwin.errors import BadInput
from organtwin.mesh import masks
from organtwin.mesh import net as nets
from organtwin.mesh import triangles as tri
from organtwin.model import Segmentation
from organtwin.space import Grid

# everything else lies in these: they do not crease the surfaces of what they surround
FILLERS = frozenset({"body", "fat", "muscle", "skin", "blood_pool"})


MOST_MEASURED = 100_000  # triangles, and points, of a surface whose distance to the voxels is measured


@dataclass(frozen=True)
class LabelSurface:
    """A closed, outward oriented surface in LPS mm, with what it came from.

    ``on_border`` (n,) bool: points in the flat parts that close it at the border of the scan. ``mask`` is what the surface
    stands for (islands dropped, cavities filled), on ``grid``, the region of interest.
    """

    key: str
    points_mm: tri.Points
    triangles: tri.Triangles
    on_border: NDArray[np.bool_]
    mask: masks.Mask
    grid: Grid
    report: dict[str, float]
    notes: tuple[str, ...]


def label_surfaces(
    segmentation: Segmentation,
    keys: Sequence[str],
    *,
    smoothing: float = 0.7,
    parts: str = "largest",
    alone: bool = False,
    fill_cavities: bool = False,
    progress: Callable[[float, str], None] = lambda fraction, what: None,
) -> list[LabelSurface]:
    """Surfaces of the structures ``keys``, smoothed together.

    Parameters
    ----------
    segmentation : Segmentation
    keys : sequence of str
    smoothing : float
        0 (voxel steps stay) to 1.
    parts : {"largest", "all"}
        Which islands of a structure to keep.
    alone : bool
        Take everything but ``keys`` as background. Otherwise other organs nearby keep their share of each boundary.
    fill_cavities : bool
        Fill enclosed cavities whatever they hold; otherwise only those that hold nothing.
    progress : callable
        Told the fraction done and what is being done; may raise to stop.

    Raises
    ------
    BadInput
        For a structure that is absent, empty or too small.
    """
    wanted = [segmentation.segment(key) for key in keys]
    if len({s.label for s in wanted}) < len(wanted):
        raise BadInput("A structure is asked for twice", where=", ".join(keys))
    labels = np.asarray(segmentation.labels)
    whole = np.isin(labels, [s.label for s in wanted])
    for segment in wanted:
        if not (labels == segment.label).any():
            raise BadInput(
                f"'{segment.name}' has no voxels, so it has no surface",
                where=segmentation.name,
                remedy="Segment it first.",
            )
    progress(0.05, "region of interest")
    box = masks.box_of(whole, margin=2)
    start = np.array([s.start for s in box])
    grid = segmentation.grid.crop(start[::-1], [s.stop for s in box][::-1])
    work = np.zeros([s.stop - s.start for s in box], np.int16)
    crop = labels[box]
    if not alone:
        for segment in segmentation.segments:
            if segment.key not in FILLERS:
                work[crop == segment.label] = segment.label
    cleaned: dict[str, masks.Cleaned] = {}
    for at, segment in enumerate(wanted):
        progress(0.05 + 0.3 * at / len(wanted), f"preparing {segment.name.lower()}")
        mask = crop == segment.label
        work[mask] = 0
        part = masks.box_of(mask, margin=2)
        free = None if fill_cavities else (work[part] == 0) & ~np.isin(crop[part], [s.label for s in wanted])
        one = masks.clean(mask[part], keep_all=parts == "all", fill=free)
        full = np.zeros_like(mask)
        full[part] = one.mask
        cleaned[segment.key] = masks.Cleaned(full, one.islands, one.island_voxels, one.cavity_voxels)
        _refuse_too_small(segment.name, full, grid)
    for segment in wanted:
        work[cleaned[segment.key].mask] = segment.label
    for segment in wanted:
        mask = work == segment.label
        part = masks.box_of(mask, margin=2)
        better = masks.well_composed(mask[part], allowed=work[part] == 0 if len(wanted) > 1 else None)
        work[part][better] = segment.label
    progress(0.4, "smoothing")
    # the region ends where the scan ends, or in a margin that no wanted label reaches
    named = np.array([s.label for s in wanted], np.int16)
    net = nets.smoothed(nets.surface_net(work, named), smoothing)
    progress(0.6, "keeping the volume")
    points, halves = _with_volumes(net, grid, {s.label: int(np.count_nonzero(cleaned[s.key].mask)) for s in wanted})
    out = []
    for at, segment in enumerate(wanted):
        progress(0.7 + 0.3 * at / len(wanted), f"measuring {segment.name.lower()}")
        faces = np.concatenate(
            [
                halves[net.inside == segment.label].reshape(-1, 3),
                halves[net.outside == segment.label][:, :, ::-1].reshape(-1, 3),
            ]
        )
        own_points, own_faces, used = tri.compact(points, faces)
        own_points, own_faces, source = split_pinched(own_points, own_faces)
        used = used[source]
        mask = cleaned[segment.key].mask
        out.append(
            LabelSurface(
                segment.key,
                own_points,
                own_faces,
                net.held[used].any(axis=1),
                mask,
                grid,
                _report(own_points, own_faces, mask, grid),
                _notes(segment.name, cleaned[segment.key], grid),
            )
        )
    return out


def _refuse_too_small(name: str, mask: masks.Mask, grid: Grid) -> None:
    count = int(np.count_nonzero(mask))
    if count < masks.MIN_VOXELS:
        raise BadInput(
            f"'{name}' has only {count} connected voxels, too few for a surface",
            remedy=f"At least {masks.MIN_VOXELS} are needed: segment more of it, or use a finer scan.",
        )


def _notes(name: str, cleaned: masks.Cleaned, grid: Grid) -> tuple[str, ...]:
    notes = []
    ml = grid.voxel_volume_mm3 / 1000
    if cleaned.islands:
        what = "one island" if cleaned.islands == 1 else f"{cleaned.islands} islands"
        notes.append(
            f"{name}: {what} of {cleaned.island_voxels * ml:.2g} mL in all left out; the largest part was kept."
        )
    if cleaned.cavity_voxels:
        notes.append(f"{name}: enclosed cavities of {cleaned.cavity_voxels * ml:.2g} mL in all were filled.")
    return tuple(notes)


# -- volume -------------------------------------------------------------------------------------------------------


def _with_volumes(net: nets.Net, grid: Grid, voxels: dict[int, int]) -> tuple[tri.Points, NDArray[np.int64]]:
    """World points moved along the normals until each label has the volume of its voxels, and the halves of the quads.

    Each interface between two labels moves by one distance: the smallest ones (weighted with area) that give every label its
    volume. So the labels still share their boundary.
    """
    points = grid.to_world(net.points[:, ::-1])
    halves = nets.triangulated(net, points)
    if np.linalg.det(grid.affine[:3, :3]) > 0:  # (k, j, i) is then left-handed
        halves = halves[:, :, ::-1]
    pairs, pair_of = np.unique(
        np.stack([np.minimum(net.inside, net.outside), np.maximum(net.inside, net.outside)]),
        axis=1,
        return_inverse=True,
    )
    pair_of = pair_of.ravel()
    outward = np.where(net.inside == pairs[0, pair_of], 1.0, -1.0)  # from the lower label to the higher
    faces = halves.reshape(-1, 3)
    face_pair, face_sign = np.repeat(pair_of, 2), np.repeat(outward, 2)
    target = np.array([count * grid.voxel_volume_mm3 for count in voxels.values()])
    names = np.array(list(voxels))
    movable = pairs[0] != nets.OUTSIDE
    axes = grid.directions[:, ::-1].T  # world direction of each (k, j, i) axis
    for _ in range(4):
        vectors = tri.area_vectors(points, faces) * face_sign[:, None]
        size = np.linalg.norm(vectors, axis=1)
        area = np.bincount(face_pair, size, minlength=pairs.shape[1])
        now = np.array(
            [
                tri.volume(
                    points,
                    np.concatenate(
                        [
                            halves[net.inside == name].reshape(-1, 3),
                            halves[net.outside == name][:, :, ::-1].reshape(-1, 3),
                        ]
                    ),
                )
                for name in names
            ]
        )
        if np.all(np.abs(now - target) < 1e-4 * target):
            break
        effect = np.where(pairs[0] == names[:, None], 1.0, 0.0) - np.where(pairs[1] == names[:, None], 1.0, 0.0)
        root = np.sqrt(np.maximum(area, 1e-12)) * movable
        scaled = np.linalg.lstsq(effect * root, target - now, rcond=1e-9)[0]
        distance = np.divide(scaled, root, out=np.zeros_like(scaled), where=root > 0)
        distance = np.clip(distance, -0.5 * grid.spacing_mm.min(), 0.5 * grid.spacing_mm.min())
        moves = vectors * distance[face_pair][:, None]
        shift, weight = np.zeros_like(points), np.zeros(len(points))
        for corner in range(3):
            weight += np.bincount(faces[:, corner], size, minlength=len(points))
            for axis in range(3):
                shift[:, axis] += np.bincount(faces[:, corner], moves[:, axis], minlength=len(points))
        shift /= np.where(weight > 0, weight, 1.0)[:, None]
        for axis in range(3):
            along = shift @ axes[axis]
            shift -= np.where(net.held[:, axis], along, 0.0)[:, None] * axes[axis]
        points = points + shift
    return points, halves


# -- how far from the voxels --------------------------------------------------------------------------------------


def _report(points: tri.Points, triangles: tri.Triangles, mask: masks.Mask, grid: Grid) -> dict[str, float]:
    areas = tri.areas(points, triangles)
    sample = slice(None, None, 1 + len(triangles) // MOST_MEASURED)
    centres, weights = points[triangles[sample]].mean(axis=1), areas[sample]
    corners = points[:: 1 + len(points) // MOST_MEASURED]
    error = distance_to_voxel_faces(np.concatenate([centres, corners]), mask, grid)
    of_centres = error[: len(centres)]
    order = np.argsort(of_centres)
    share = np.cumsum(weights[order]) / weights.sum()
    inside = float(np.count_nonzero(mask)) * grid.voxel_volume_mm3
    own = tri.volume(points, triangles)
    return {
        "mean_error_mm": float(np.average(of_centres, weights=weights)),
        "p95_error_mm": float(of_centres[order[np.searchsorted(share, 0.95)]]),
        "max_error_mm": float(error.max()),
        "volume_mm3": own,
        "volume_error_percent": 100 * (own - inside) / inside,
        "area_mm2": float(areas.sum()),
        "triangles": float(len(triangles)),
    }


def distance_to_voxel_faces(points_mm: tri.Points, mask: masks.Mask, grid: Grid) -> NDArray[np.float64]:
    """(n,) mm from each point to the nearest voxel face between mask and not-mask (the border of the scan counts)."""
    padded = np.pad(mask, 1)
    centres, normals = [], []
    for axis in range(3):
        low: list[slice] = [slice(None)] * 3
        high = list(low)
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        at = np.argwhere(padded[tuple(low)] != padded[tuple(high)]) - 1.0
        at[:, axis] += 0.5
        centres.append(at[:, ::-1])
        normals.append(np.full(len(at), 2 - axis))
    centre, normal = np.concatenate(centres), np.concatenate(normals)
    world = grid.to_world(centre)
    _, near = cKDTree(world).query(points_mm, k=min(6, len(world)))
    near = near.reshape(len(points_mm), -1)
    offset = grid.to_index(points_mm)[:, None, :] - centre[near]
    half = np.where(np.arange(3) == normal[near][..., None], 0.0, 0.5)
    gap = offset - np.clip(offset, -half, half)
    return np.asarray(np.linalg.norm(gap @ grid.affine[:3, :3].T, axis=-1).min(axis=1))


# -- topology -----------------------------------------------------------------------------------------------------


def split_pinched(points: tri.Points, triangles: tri.Triangles) -> tuple[tri.Points, tri.Triangles, NDArray[np.int64]]:
    """Give each sheet that only touches another at a point, or along an edge, points of its own.

    Returns points, triangles, and the old number of each point. Triangles around an edge with four are paired so that each
    sheet keeps its sense.
    """
    count, m = len(points), len(triangles)
    edges = tri.directed_edges(triangles)
    keys = tri.edge_keys(edges, count)
    order = np.argsort(keys, kind="stable")
    sorted_keys = keys[order]
    starts = np.flatnonzero(np.r_[True, sorted_keys[1:] != sorted_keys[:-1]])
    sizes = np.diff(np.r_[starts, len(order)])
    simple = sizes == 2
    left, right = [order[starts[simple]]], [order[starts[simple] + 1]]
    for s, size in zip(starts[~simple], sizes[~simple], strict=True):
        found = _pairs_around_edge(points, triangles, edges, order[s : s + size])
        left.append(found[:, 0])
        right.append(found[:, 1])
    a, b = np.concatenate(left), np.concatenate(right)
    # corners (triangle, place) that stay together across each joined edge
    corner = _components_of_corners(triangles, edges, a, b)
    names, renumbered = np.unique(corner, return_inverse=True)
    source = np.zeros(len(names), np.int64)
    source[renumbered] = triangles.T.ravel()  # corner id = place * m + triangle
    if len(names) == count:
        return points, triangles, np.arange(count)
    return points[source], renumbered.reshape(3, m).T.astype(np.int32), source


def _components_of_corners(
    triangles: tri.Triangles, edges: NDArray[np.int64], a: NDArray[np.int64], b: NDArray[np.int64]
) -> NDArray[np.int32]:
    m = len(triangles)

    def ends(e: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        place, triangle = e // m, e % m
        return place * m + triangle, ((place + 1) % 3) * m + triangle

    a0, a1 = ends(a)
    b0, b1 = ends(b)
    same = edges[a, 0] == edges[b, 0]
    rows = np.concatenate([a0, a1])
    columns = np.concatenate([np.where(same, b0, b1), np.where(same, b1, b0)])
    graph = coo_matrix((np.ones(len(rows), np.int8), (rows, columns)), shape=(3 * m, 3 * m))
    return np.asarray(connected_components(graph, directed=False)[1])


def _pairs_around_edge(
    points: tri.Points, triangles: tri.Triangles, edges: NDArray[np.int64], around: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Pair the triangles around an over-full edge: each with the next one around it that runs it the other way."""
    m = len(triangles)
    start, stop = sorted(edges[around[0]])
    axis = points[stop] - points[start]
    axis = axis / max(float(np.linalg.norm(axis)), 1e-30)
    third = points[triangles[around % m].sum(axis=1) - start - stop] - points[start]
    third = third - np.outer(third @ axis, axis)
    u = third[0] / max(float(np.linalg.norm(third[0])), 1e-30)
    angle = np.arctan2(third @ np.cross(axis, u), third @ u)
    forward = edges[around, 0] == start
    order = np.argsort(angle)
    around, forward = around[order], forward[order]
    # the solid lies between a triangle and its neighbour in one sense: keep that pair together
    pairs = []
    n = len(around)
    for k in range(n):
        if forward[k] and not forward[(k + 1) % n]:
            pairs.append((around[k], around[(k + 1) % n]))
    if 2 * len(pairs) != n:
        pairs = [(around[k], around[k + 1]) for k in range(0, n - 1, 2)]
    return np.array(pairs, np.int64).reshape(-1, 2)


def thickness_mm(mask: masks.Mask, grid: Grid) -> float:
    """Diameter of the largest ball inside the mask."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=grid.spacing_mm[::-1])
    return float(2 * depth.max())
