"""Pictures of a plan of a resection: in space from two sides, and on the slices through the tumour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from organtwin.errors import OrganTwinError
from organtwin.model import ResectionPlan, Segmentation, Volume
from organtwin.resection.anatomy import Anatomy, resampled
from organtwin.resection.distance import places
from organtwin.resection.shapes import Shape, organ_shape, parts, structure_shape
from organtwin.resection.sheet import inside
from organtwin.store import Project

VOXELS = 1_200_000
COLOURS = {
    "portal_vein": "#a66ed6",
    "hepatic_vein": "#4884e2",
    "inferior_vena_cava": "#2654b0",
    "hepatic_artery": "#dc463c",
}
TUMOUR, ORGAN, TAKEN, CUT = "#f6ce4a", "#d6a08e", "#e26054", "#e8e2d6"
BACKGROUND = "#ffffff"
VIEWS = (("front", (0.25, -1.0, 0.15), (0, 0, 1)), ("below", (0.1, -0.55, -0.85), (0, -1, 0.3)))


def anatomy_of(project: Project, plan: ResectionPlan) -> Anatomy | None:
    """What a plan was made on, rough enough to draw; None where its segmentation is gone."""
    try:
        segmentation = project.load(plan.segmentation)
    except OrganTwinError:
        return None
    assert isinstance(segmentation, Segmentation)
    return Anatomy.of(segmentation, organ=plan.organ, most_voxels=VOXELS)


def draw_plan(project: Project, plan: ResectionPlan, volumes: list[Volume], folder: Path) -> None:
    """``<uuid>-plan-front.png``, ``-below.png`` and, where the scan is there, ``<uuid>-slices.png``."""
    anatomy = anatomy_of(project, plan)
    if anatomy is None:
        return
    _in_space(plan, anatomy, folder)
    under = next((v for v in reversed(volumes) if v.grid.frame_uid == plan.grid.frame_uid), None)
    if under is not None:
        _on_slices(plan, anatomy, under, folder / f"{plan.uuid}-slices.png")


def _in_space(plan: ResectionPlan, anatomy: Anatomy, folder: Path) -> None:
    import pyvista as pv

    rough = resampled(np.asarray(plan.taken).astype(np.uint8), plan.grid, anatomy.grid).astype(bool) & anatomy.organ
    taken, stays = parts(anatomy, organ_shape(anatomy), rough)
    points, triangles = inside(anatomy, np.asarray(plan.cut_points_mm), np.asarray(plan.cut_triangles))
    for title, towards, up in VIEWS:
        plotter: Any = pv.Plotter(off_screen=True, window_size=[1100, 760])
        plotter.set_background(BACKGROUND)
        plotter.add_text(f"{plan.name[:70]}, from {title}", font_size=10, color="#5c6875")
        for key in (*anatomy.vessels, *anatomy.tumours):
            _add(plotter, structure_shape(anatomy, key), COLOURS.get(key, TUMOUR), 1.0)
        _add(plotter, Shape(points, triangles), CUT, 1.0)
        _add(plotter, stays, ORGAN, 0.22)
        _add(plotter, taken, TAKEN, 0.32)
        plotter.view_vector(towards, viewup=up)
        plotter.camera.zoom(1.25)
        plotter.screenshot(str(folder / f"{plan.uuid}-plan-{title}.png"))
        plotter.close()


def _add(plotter: Any, shape: Shape, colour: str, opacity: float) -> None:
    import pyvista as pv

    if not shape.is_empty:
        faces: Any = shape.triangles
        surface = pv.PolyData.from_regular_faces(shape.points_mm, faces)
        plotter.add_mesh(surface, color=colour, opacity=opacity, smooth_shading=True, specular=0.15, ambient=0.25)


def _on_slices(plan: ResectionPlan, anatomy: Anatomy, volume: Volume, path: Path) -> None:
    """Axial and coronal slices through the middle of the largest tumour (or of what is taken), tinted where it is taken."""
    from matplotlib.figure import Figure

    own = [anatomy.tumours[k] for k in plan.tumours if k in anatomy.tumours]
    largest = max(own, key=np.count_nonzero) if own else None
    middle = (
        places(largest, anatomy.grid).mean(axis=0)
        if largest is not None
        else places(np.asarray(plan.taken), plan.grid).mean(axis=0)
    )
    grid = volume.grid.canonical()
    values = volume.grid.to_canonical(volume.values)
    _, j, k = np.clip(np.rint(grid.to_index(middle)).astype(int), 0, np.array(grid.size) - 1)
    steps = grid.spacing_mm
    level, width = (90.0, 260.0) if volume.modality == "CT" else volume.window or (40.0, 400.0)
    figure = Figure(figsize=(13, 5.2), facecolor=BACKGROUND, layout="constrained")
    whole = ((k, slice(None), slice(None)), (slice(None), j, slice(None)))
    for axes, title, cut, aspect, upright in zip(
        figure.subplots(1, 2),
        ("axial", "coronal"),
        whole,
        (steps[1] / steps[0], steps[2] / steps[0]),
        (False, True),
        strict=True,
    ):
        grey = np.clip((np.asarray(values[cut], np.float64) - level) / width + 0.5, 0, 1)
        axes.imshow(grey, cmap="gray", vmin=0, vmax=1, origin="lower" if upright else "upper", aspect=aspect)
        rows, columns = np.meshgrid(*(np.arange(n) for n in grey.shape), indexing="ij")
        ijk = np.stack(
            [columns, np.full_like(rows, j) if upright else rows, rows if upright else np.full_like(rows, k)], axis=-1
        )
        world = grid.to_world(ijk)
        for mask, own_grid, colour in (
            (anatomy.organ, anatomy.grid, ORGAN),
            (np.asarray(plan.taken), plan.grid, TAKEN),
            *((m, anatomy.grid, TUMOUR) for m in own),
            *((m, anatomy.grid, COLOURS[key]) for key, m in anatomy.vessels.items()),
        ):
            here = _looked_up(mask, own_grid, world)
            if here.any():
                axes.contour(here.astype(float), levels=[0.5], colors=[colour], linewidths=1.4)
        axes.text(0.02, 0.5, "R", transform=axes.transAxes, color="#c9d6e2", fontsize=12)
        axes.text(0.95, 0.5, "L", transform=axes.transAxes, color="#c9d6e2", fontsize=12)
        axes.set_title(f"{title}: red is taken, yellow the tumour", color="#5c6875", fontsize=11)
        axes.axis("off")
    figure.savefig(path, dpi=110, facecolor=BACKGROUND)


def _looked_up(mask: np.ndarray, grid: Any, world: np.ndarray) -> np.ndarray:
    """Values of a mask at points (..., 3), False outside its grid."""
    ijk = np.rint(grid.to_index(world)).astype(int)
    inner = ((ijk >= 0) & (ijk < np.array(grid.size))).all(axis=-1)
    ijk = np.clip(ijk, 0, np.array(grid.size) - 1)
    return np.asarray(mask[ijk[..., 2], ijk[..., 1], ijk[..., 0]] & inner)
