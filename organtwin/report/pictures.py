"""Pictures of a project's objects, drawn without a display: ``python -m organtwin.report.pictures PROJECT FOLDER``.

Each picture is named ``<uuid>-<what>.png``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.model import OrganMesh, ResectionPlan, Result, Segmentation, Volume
from organtwin.store import Project
from organtwin.units import factor

BACKGROUND, INK, SOFT = "#ffffff", "#1b2129", "#5c6875"  # on paper
STREAMLINES, POINTS_OF_LINES = 160, 60_000
FIELDS = {
    "flow": (
        ("pressure_pa", "pressure [mmHg]", factor("pressure", "mmHg"), "cividis"),
        ("wall_shear_pa", "wall shear [Pa]", 1.0, "inferno"),
    ),
    "tissue": (
        ("displacement_mm", "displacement [mm]", 1.0, "viridis"),
        ("strain", "largest strain [%]", 100.0, "inferno"),
    ),
}
FIELDS["rehearsal"] = FIELDS["tissue"]


def draw_all(project: Project, folder: Path) -> None:
    """Draw every live volume, segmentation, mesh and result."""
    volumes: list[Volume] = []
    for entry in project.entries():
        thing = project.load(entry.uuid)
        match thing:
            case Volume():
                volumes.append(thing)
                _slices(thing, None, folder / f"{thing.uuid}-slices.png")
            case Segmentation():
                under = next((v for v in reversed(volumes) if v.grid.same_as(thing.grid)), None)
                if under is not None:
                    _slices(under, thing, folder / f"{thing.uuid}-slices.png")
            case OrganMesh():
                _mesh(thing, folder / f"{thing.uuid}-mesh.png")
            case ResectionPlan():
                from organtwin.report.plan_pictures import draw_plan

                draw_plan(project, thing, volumes, folder)
            case Result():
                mesh = project.load(thing.mesh)
                if isinstance(mesh, OrganMesh):
                    _result(thing, mesh, folder)


def _slices(volume: Volume, segments: Segmentation | None, path: Path) -> None:
    """Axial, coronal and sagittal slices through the middle of what is segmented (or of the scan)."""
    from matplotlib.figure import Figure

    grid = volume.grid.canonical()
    values = volume.grid.to_canonical(volume.values)
    labels = volume.grid.to_canonical(segments.labels) if segments is not None else None
    level, width = volume.window or (40.0, 400.0)
    if volume.modality != "CT" and volume.window is None:
        low, high = np.percentile(values[::4, ::4, ::4], (1, 99))
        level, width = (low + high) / 2, max(high - low, 1e-6)
    middle = [n // 2 for n in values.shape]
    if labels is not None and labels.any():
        inner = np.argwhere(labels[::2, ::2, ::2] > 0)
        middle = [int(m) for m in np.median(inner, axis=0) * 2]
    si, sj, sk = grid.spacing_mm
    cuts = (
        ((middle[0], slice(None), slice(None)), sj / si, False, "axial"),
        ((slice(None), middle[1], slice(None)), sk / si, True, "coronal"),
        ((slice(None), slice(None), middle[2]), sk / sj, True, "sagittal"),
    )
    figure = Figure(figsize=(13, 4.6), facecolor=BACKGROUND, layout="constrained")
    for axes, (cut, aspect, up, title) in zip(figure.subplots(1, 3), cuts, strict=True):
        grey = np.clip((np.asarray(values[cut], np.float64) - level) / width + 0.5, 0, 1)
        picture = np.repeat(grey[..., None], 3, axis=2)
        if segments is not None and labels is not None:
            picture = _tinted(picture, np.asarray(labels[cut]), segments)
        axes.imshow(picture, origin="lower" if up else "upper", aspect=aspect, interpolation="bilinear")
        left, right = ("R", "L") if title != "sagittal" else ("A", "P")
        for x, letter in ((0.02, left), (0.94, right)):
            axes.text(x, 0.5, letter, transform=axes.transAxes, color="#c9d6e2", fontsize=12)
        axes.set_title(title, color=SOFT, fontsize=11)
        axes.axis("off")
    figure.savefig(path, dpi=110, facecolor=BACKGROUND)


def _tinted(picture: NDArray[np.float64], labels: NDArray[np.uint8], segments: Segmentation) -> NDArray[np.float64]:
    table = np.zeros((256, 4), np.float32)
    for s in segments.segments:
        if s.key != "body":
            table[s.label] = (*(c / 255 for c in s.colour), 0.45)
    tint = table[labels]
    return np.asarray(picture * (1 - tint[..., 3:]) + tint[..., :3] * tint[..., 3:])


def _plotter(title: str) -> Any:
    import pyvista as pv

    plotter: Any = pv.Plotter(off_screen=True, window_size=[1300, 820])
    plotter.set_background(BACKGROUND)
    plotter.add_text(title, font_size=11, color=SOFT)
    return plotter


def _shoot(plotter: Any, path: Path) -> None:
    """Seen from the front, head up: LPS has y to the back."""
    plotter.view_vector((0.25, -1.0, 0.15), viewup=(0, 0, 1))
    plotter.screenshot(str(path))
    plotter.close()


def _skin(mesh: OrganMesh, points: NDArray[np.float64]) -> Any:
    import pyvista as pv

    return pv.PolyData.from_regular_faces(np.asarray(points), np.asarray(mesh.boundary_triangles))


def _mesh(mesh: OrganMesh, path: Path) -> None:
    plotter = _plotter(f"{mesh.name}: {len(mesh.tets):,} tetrahedra")
    skin = _skin(mesh, mesh.points_mm)
    wall = np.isin(mesh.boundary_tags, [mesh.boundaries[c.name] for c in mesh.caps], invert=True)
    plotter.add_mesh(
        skin.extract_cells(np.flatnonzero(wall)),
        color="#c96f4a" if mesh.caps else "#4f9d5c",
        show_edges=True,
        line_width=0.4,
        edge_opacity=0.25,
    )
    for number, cap in enumerate(mesh.caps):
        faces = np.flatnonzero(mesh.boundary_tags == mesh.boundaries[cap.name])
        plotter.add_mesh(
            skin.extract_cells(faces), color=("#2bb3b5", "#e0b13a", "#8f7ae5", "#5b9bd5", "#d86ca0")[number % 5]
        )
    if mesh.caps:
        names = [c.name.replace("_", " ") for c in mesh.caps]
        plotter.add_point_labels(
            np.array([c.centre_mm for c in mesh.caps]), names, font_size=15, shape_opacity=0.5, always_visible=True
        )
    _shoot(plotter, path)


def _result(result: Result, mesh: OrganMesh, folder: Path) -> None:
    points = np.array(mesh.points_mm)
    if "displacement_mm" in result.fields:
        points = points + result.fields["displacement_mm"][-1]
    for name, title, scale, colours in FIELDS[result.physics]:
        if name not in result.fields:
            continue
        values = np.asarray(result.fields[name][-1], np.float64)
        values = (np.linalg.norm(values, axis=1) if values.ndim == 2 else values) * scale
        plotter = _plotter(result.name)
        skin = _skin(mesh, points)
        skin[title] = values
        low, high = np.percentile(values, (1, 99.5))
        bar = {"color": INK, "fmt": "%.3g", "vertical": True, "position_x": 0.9, "position_y": 0.2, "height": 0.6}
        plotter.add_mesh(
            skin,
            scalars=title,
            cmap=colours,
            clim=(low, max(high, low + 1e-9)),
            scalar_bar_args=bar,
            smooth_shading=True,
        )
        if "displacement_mm" in result.fields:
            plotter.add_mesh(_skin(mesh, mesh.points_mm), color="#8fa3b8", opacity=0.2)
        _shoot(plotter, folder / f"{result.uuid}-{name}.png")
    if "velocity_mm_per_s" in result.fields:
        _streamlines(result, mesh, folder / f"{result.uuid}-streamlines.png")


def _streamlines(result: Result, mesh: OrganMesh, path: Path) -> None:
    import pyvista as pv

    cells = np.hstack([np.full((len(mesh.tets), 1), 4), mesh.tets]).ravel()
    grid = pv.UnstructuredGrid(cells, np.full(len(mesh.tets), pv.CellType.TETRA), np.asarray(mesh.points_mm))
    grid["velocity"] = np.asarray(result.fields["velocity_mm_per_s"][-1], np.float64) / 10.0
    random = np.random.default_rng(0)
    count = min(STREAMLINES, len(mesh.points_mm))
    seeds = pv.PolyData(np.asarray(mesh.points_mm)[random.choice(len(mesh.points_mm), count, replace=False)])
    size = float(np.ptp(mesh.points_mm, axis=0).max())
    lines = grid.streamlines_from_source(  # what goes round in an eddy for ever is cut: it would take minutes to draw
        seeds,
        vectors="velocity",
        integration_direction="both",
        max_length=3.0 * size,
        max_steps=POINTS_OF_LINES // count,
    )
    plotter = _plotter(result.name)
    plotter.add_mesh(_skin(mesh, mesh.points_mm), color="#8fa3b8", opacity=0.18)
    if lines.n_points:
        lines["speed [cm/s]"] = np.linalg.norm(lines["velocity"], axis=1)
        bar = {"color": INK, "fmt": "%.3g", "vertical": True, "position_x": 0.9, "position_y": 0.2, "height": 0.6}
        plotter.add_mesh(lines, line_width=1.8, scalars="speed [cm/s]", cmap="viridis", scalar_bar_args=bar)
    _shoot(plotter, path)


if __name__ == "__main__":
    with Project(Path(sys.argv[1]), read_only=True) as opened:
        draw_all(opened, Path(sys.argv[2]))
