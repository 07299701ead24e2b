"""What a plan is made on: the organ, its tumours, vessels and territories on one grid of bearable size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from organtwin.errors import BadInput
from organtwin.model import Centerline, Segmentation
from organtwin.resection.distance import FAR_MM, Field, Mask, places, signed_distance
from organtwin.space import Grid

TUMOURS = ("tumour", "tumor", "lesion", "metastasis", "nodule")
INFLOW, OUTFLOW, CAVA = "portal_vein", "hepatic_vein", "inferior_vena_cava"
ARTERY = "hepatic_artery"
VESSELS = (INFLOW, OUTFLOW, ARTERY, CAVA)
MOST_VOXELS = 4_000_000
ROOM_MM = 12.0  # around the organ
CLOSING_MM = 8.0  # a vein within the organ is no wider than twice this
ISLAND_MM3 = 5_000.0  # smaller loose pieces of the organ are left out
ROOT_MM = 7.0  # a hepatic vein that comes so near to the vena cava opens into it


def is_tumour(key: str) -> bool:
    """Whether the structure of that key is one that a resection is for: not every thing that a rehearsal may drain is."""
    return key.lower().startswith(TUMOURS)


@dataclass(frozen=True)
class Tree:
    """A vessel tree: points (n, 3) mm, radius (n,) mm, the point before each on the way from the root (-1 there), and the
    name of the branch of each."""

    vessel: str
    points_mm: NDArray[np.float64]
    radius_mm: NDArray[np.float64]
    before: NDArray[np.int64]
    branch: tuple[str, ...]

    def behind(self, own: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) what each point has of something, and all points behind it as seen from the root."""
        depth = np.zeros(len(self.before), int)
        at = self.before.copy()
        while (at >= 0).any():
            depth += at >= 0
            at = np.where(at >= 0, self.before[at], -1)
        total = np.array(own, float)
        for n in np.argsort(-depth, kind="stable"):
            if self.before[n] >= 0:
                total[self.before[n]] += total[n]
        return total

    @classmethod
    def of(cls, line: Centerline) -> Tree:
        """From a centreline whose branches share their first point with the last one of their parent."""
        before = np.arange(-1, len(line.points_mm) - 1)
        names = [""] * len(line.points_mm)
        for branch in line.branches:
            start = branch.first
            before[start] = -1
            if branch.parent >= 0:  # the fork itself is the parent's
                parent = line.branches[branch.parent]
                own = np.arange(parent.first, parent.last + 1)
                away = np.linalg.norm(np.asarray(line.points_mm)[own] - np.asarray(line.points_mm)[start], axis=1)
                before[start] = own[int(np.argmin(away))]
            for n in range(branch.first, branch.last + 1):
                names[n] = branch.name
        return cls(
            line.structure, np.array(line.points_mm, float), np.array(line.radius_mm, float), before, tuple(names)
        )


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Masks are bool (nk, nj, ni) on ``grid``. ``organ`` has its tumours and the veins inside it; ``doubts`` says by key how
    far each structure can be believed (0 to 1, None where a person drew it)."""

    grid: Grid
    organ_key: str
    organ_name: str
    organ: Mask
    tumours: dict[str, Mask]
    vessels: dict[str, Mask]
    territories: dict[str, Mask]
    names: dict[str, str]
    colours: dict[str, tuple[int, int, int]]
    doubts: dict[str, float | None]
    trees: tuple[Tree, ...] = ()
    scan_spacing_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @classmethod
    def of(
        cls,
        segmentation: Segmentation,
        territories: Segmentation | None = None,
        lines: Sequence[Centerline] = (),
        *,
        organ: str = "liver",
        most_voxels: int = MOST_VOXELS,
    ) -> Anatomy:
        """Read the structures of a segmentation.

        Raises
        ------
        BadInput
            When the organ is missing or empty, or the territories belong to another place.
        """
        if organ not in {s.key for s in segmentation.segments}:
            raise BadInput(
                f"'{segmentation.name}' has no {organ.replace('_', ' ')}, so there is nothing to plan on",
                remedy="Segment it first.",
            )
        core = np.isin(
            segmentation.labels,
            [s.label for s in segmentation.segments if s.key == organ or is_tumour(s.key)],
        )
        if not (np.asarray(segmentation.labels) == segmentation.segment(organ).label).any():
            raise BadInput(
                f"The {organ.replace('_', ' ')} of '{segmentation.name}' is empty", remedy="Segment it again."
            )
        grid = _grid_around(core, segmentation.grid, most_voxels)
        labels = resampled(np.asarray(segmentation.labels), segmentation.grid, grid)
        masks = {s.key: labels == s.label for s in segmentation.segments}
        tumours = {key: mask for key, mask in masks.items() if is_tumour(key) and mask.any()}
        vessels = {key: masks[key] for key in VESSELS if key in masks and masks[key].any()}
        whole = masks[organ].copy()
        for mask in tumours.values():
            whole |= mask
        whole = _with_veins(whole, [m for k, m in vessels.items() if k != CAVA], grid)
        whole = _without_islands(whole, tumours, grid)
        tumours = {key: mask & whole for key, mask in tumours.items()}
        parts: dict[str, Mask] = {}
        names = {s.key: s.name for s in segmentation.segments}
        colours = {s.key: s.colour for s in segmentation.segments}
        if territories is not None:
            if territories.grid.frame_uid != segmentation.grid.frame_uid:
                raise BadInput(
                    "The territories and the structures belong to different scans",
                    where=f"'{territories.name}', '{segmentation.name}'",
                    remedy="Find the territories on this segmentation.",
                )
            of = resampled(np.asarray(territories.labels), territories.grid, grid)
            for s in territories.segments:
                if s.key != organ and s.key not in VESSELS and not is_tumour(s.key):
                    mask = (of == s.label) & whole
                    if mask.any():
                        parts[s.key], names[s.key], colours[s.key] = mask, s.name, s.colour
            parts = _filled_up(parts, whole, grid)
        return cls(
            grid=grid,
            organ_key=organ,
            organ_name=names[organ],
            organ=whole,
            tumours=tumours,
            vessels=vessels,
            territories=parts,
            names=names,
            colours=colours,
            doubts={s.key: s.confidence for s in segmentation.segments},
            trees=tuple(Tree.of(line) for line in lines if line.structure in VESSELS),
            scan_spacing_mm=tuple(float(x) for x in segmentation.grid.spacing_mm),  # type: ignore[arg-type]
        )

    # -- fields, found when they are asked for -----------------------------------------------------------------------

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel."""
        return self.grid.voxel_volume_mm3 / 1000.0

    @cached_property
    def organ_ml(self) -> float:
        """Volume of the organ with its tumours and the veins inside it."""
        return float(np.count_nonzero(self.organ)) * self.voxel_ml

    @property
    def voxel_mm(self) -> float:
        """Edge of a cube of a voxel's volume."""
        return float(np.cbrt(self.grid.voxel_volume_mm3))

    @cached_property
    def organ_mm(self) -> Field:
        """mm to the organ's surface, negative inside."""
        return signed_distance(self.organ, self.grid)

    @cached_property
    def _found(self) -> dict[tuple[str, ...], object]:
        return {}

    def once[T](self, key: tuple[str, ...], find: Callable[[], T]) -> T:
        """What ``find`` gives, which is asked once for each ``key``: many plans are made on one anatomy."""
        if key not in self._found:
            self._found[key] = find()
        return cast(T, self._found[key])

    def tumour_mm(self, keys: tuple[str, ...]) -> Field:
        """mm to the surface of these tumours, negative inside."""
        return self.once(("tumour", *keys), lambda: signed_distance(self._union(self.tumours, keys), self.grid))

    def vessel_mm(self, key: str) -> Field:
        """mm to the wall of a vessel, negative inside; far away everywhere when there is none."""
        mask = self.vessels.get(key)
        if mask is None:
            return np.full(self.organ.shape, FAR_MM, np.float32)
        return self.once(("vessel", key), lambda: signed_distance(mask, self.grid))

    def territory_mm(self, keys: tuple[str, ...]) -> Field:
        """mm to the border of these territories within the organ, negative inside.

        Beyond the organ they go on: each place there belongs to the nearest one.
        """
        return self.once(("territory", *keys), lambda: self._to_territories(keys))

    def _to_territories(self, keys: tuple[str, ...]) -> Field:
        union = self._union(self.territories, keys)
        rest = self.organ & ~union
        if not rest.any() or not union.any():
            return np.full(self.organ.shape, FAR_MM if rest.any() else -FAR_MM, np.float32)
        sampling = self.grid.spacing_mm[::-1]
        to_union = ndimage.distance_transform_edt(~union, sampling=sampling)
        to_rest = ndimage.distance_transform_edt(~rest, sampling=sampling)
        field = to_union - to_rest  # within the organ one of them is zero
        inside = np.sign(field) * np.maximum(np.abs(field) - 0.5 * self.voxel_mm, 0.0)
        return np.asarray(inside, np.float32)

    def _union(self, masks: Mapping[str, Mask], keys: tuple[str, ...]) -> Mask:
        made = np.zeros_like(self.organ)
        for key in keys:
            made |= masks[key]
        return made

    @cached_property
    def thin(self) -> tuple[slice, slice, slice]:
        """Every so many voxels, about 2.5 mm apart: enough for volumes of what a vessel feeds."""
        steps = np.maximum(1, np.round(2.5 / self.grid.spacing_mm[::-1])).astype(int)
        return tuple(slice(None, None, int(s)) for s in steps)  # type: ignore[return-value]

    def nearest_vessel(self, key: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The voxels of a vessel (flat, sorted), and for each voxel of the organ on :attr:`thin` the nearest of them."""

        def find() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
            flat = np.flatnonzero(self.vessels[key])
            sites = self.grid.to_world(np.stack(np.unravel_index(flat, self.organ.shape)[::-1], axis=1))
            return flat, cKDTree(sites).query(self._thin_places())[1]

        return self.once(("nearest", key), find)

    def nearest_of_tree(self, tree: Tree) -> NDArray[np.int64]:
        """For each voxel of the organ on :attr:`thin` the nearest point of a tree."""
        return self.once(("tree", str(id(tree))), lambda: cKDTree(tree.points_mm).query(self._thin_places())[1])

    def _thin_places(self) -> NDArray[np.float64]:
        """(n, 3) mm of the voxels of the organ on :attr:`thin`."""
        own = np.zeros_like(self.organ)
        own[self.thin] = self.organ[self.thin]
        return places(own, self.grid)

    def roots(self, key: str) -> Mask:
        """Where a vessel is fed from, or drains to: at the vena cava, outside the organ, or where it is widest."""
        mask = self.vessels[key]
        if key == OUTFLOW and CAVA in self.vessels:
            near = mask & (self.vessel_mm(CAVA) < ROOT_MM)
            if near.any():
                return np.asarray(near)
        out = mask & (self.organ_mm > 0)
        if out.any():
            return np.asarray(out)
        inner = np.where(mask, -self.vessel_mm(key), 0.0)
        return np.asarray(mask & (inner >= 0.9 * inner.max()))

    def roots_mm(self, key: str) -> Field:
        """mm to :meth:`roots`, negative inside."""
        return self.once(("roots", key), lambda: signed_distance(self.roots(key), self.grid))

    def known(self, key: str) -> str:
        """What to call a structure."""
        return self.names.get(key, key.replace("_", " "))


def resampled(labels: NDArray[np.uint8], source: Grid, target: Grid) -> NDArray[np.uint8]:
    """Labels of the nearest voxel. Both grids have the same axes."""
    steps = target.spacing_mm / source.spacing_mm
    first = source.to_index(target.origin_mm)
    picks = [
        np.clip(np.rint(first[axis] + steps[axis] * np.arange(target.size[axis])).astype(int), 0, source.size[axis] - 1)
        for axis in range(3)
    ]
    if source is target or source.same_as(target):
        return labels
    if not np.allclose(source.directions, target.directions, atol=1e-4):
        raise BadInput(
            "The structures lie on grids that are turned against each other", remedy="Segment them on one scan."
        )
    inside = [
        (first[axis] + steps[axis] * np.arange(target.size[axis]) > -0.75)
        & (first[axis] + steps[axis] * np.arange(target.size[axis]) < source.size[axis] - 0.25)
        for axis in range(3)
    ]
    made = labels[np.ix_(picks[2], picks[1], picks[0])]
    made[~(inside[2][:, None, None] & inside[1][None, :, None] & inside[0][None, None, :])] = 0
    return made


def _grid_around(mask: Mask, grid: Grid, most_voxels: int) -> Grid:
    """A grid over the mask with some room, beyond the scan where need be, as fine as the scan or as can be borne."""
    room = np.ceil(ROOM_MM / grid.spacing_mm).astype(int)
    spans = [np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != 2 - axis))) for axis in range(3)]
    start = np.array([span[0] for span in spans]) - room
    stop = np.array([span[-1] + 1 for span in spans]) + room
    box = grid.crop(start, stop)
    spacing = np.array(box.spacing_mm)
    fair = float(np.cbrt(np.prod(box.size * spacing) / most_voxels))
    if np.prod(box.size) <= most_voxels:
        return box
    for _ in range(20):  # axes that are coarser already stay as they are
        wanted = np.maximum(spacing, fair)
        made = box.with_spacing(wanted)
        if np.prod(made.size) <= 1.02 * most_voxels:
            return made
        fair *= float(np.cbrt(np.prod(made.size) / most_voxels)) * 1.01
    return made


def _with_veins(organ: Mask, veins: list[Mask], grid: Grid) -> Mask:
    """The organ with the parts of its veins that it encloses, and without holes."""
    if veins:
        sampling = grid.spacing_mm[::-1]
        grown = ndimage.distance_transform_edt(~organ, sampling=sampling) <= CLOSING_MM
        closed = ndimage.distance_transform_edt(grown, sampling=sampling) > CLOSING_MM
        organ = organ | (closed & np.logical_or.reduce(veins))
    return np.asarray(ndimage.binary_fill_holes(organ))


def _without_islands(organ: Mask, tumours: dict[str, Mask], grid: Grid) -> Mask:
    """The organ without small loose pieces: they are noise of the segmentation, and a cut must not bend around them."""
    number, count = ndimage.label(organ)
    if count < 2:
        return organ
    volume = np.bincount(number.ravel(), minlength=count + 1) * grid.voxel_volume_mm3
    keep = volume >= min(ISLAND_MM3, float(volume[1:].max()))
    for mask in tumours.values():
        own = np.bincount(number[mask], minlength=count + 1)
        keep[int(np.argmax(own))] = True
    keep[0] = False
    return np.asarray(keep[number])


def _filled_up(parts: dict[str, Mask], organ: Mask, grid: Grid) -> dict[str, Mask]:
    """Territories that cover the organ: a voxel of none (a vein, a tumour) goes to the nearest."""
    if not parts:
        return parts
    number = np.zeros(organ.shape, np.uint8)
    for n, mask in enumerate(parts.values(), start=1):
        number[mask] = n
    if (organ & (number == 0)).any():
        nearest = ndimage.distance_transform_edt(
            number == 0, sampling=grid.spacing_mm[::-1], return_distances=False, return_indices=True
        )
        number = np.where(organ, number[tuple(nearest)], 0).astype(np.uint8)
    return {key: number == n for n, key in enumerate(parts, start=1)}
