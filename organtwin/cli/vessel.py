"""What the command "vessel" says and writes."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from organtwin.errors import BadInput

if TYPE_CHECKING:
    from organtwin.model import Centerline, Volume


def findings(line: Centerline) -> Iterator[str]:
    """A line for each narrow or wide place."""
    if not line.findings:
        yield "No narrow or wide place was found."
    for f in line.findings:
        place = f"{f.what.capitalize()} of {f.name}, {f.at_mm:.0f} mm from the inlet, {f.length_mm:.0f} mm long: "
        if f.what == "stenosis":
            nascet = "" if f.nascet_percent is None else f", NASCET {f.nascet_percent:.0f} %"
            size = f"{f.percent_diameter:.0f} % by diameter ({f.diameter_mm:.1f} of {f.reference_mm:.1f} mm), {f.percent_area:.0f} % by area{nascet}"
        else:
            neck = (
                ""
                if f.neck_diameter_mm is None
                else f", neck {f.neck_diameter_mm:.1f} mm wide and {f.neck_length_mm:.0f} mm long"
            )
            size = f"{f.diameter_mm:.1f} mm wide (largest {f.most_mm:.1f}; {f.ratio:.2f} times normal), {f.volume_mm3 / 1000:.1f} mL{neck}"
        yield f"{place}{size}. Confidence {f.confidence:.2f}: {f.why}."


def write_table(line: Centerline, to: str | None, path: Path) -> None:
    """What was measured at each point of the way to the end of a branch, or of all branches."""
    import numpy as np

    at = np.arange(len(line.points_mm)) if to is None else line.way(line.named(to))
    of = np.zeros(len(line.points_mm), int)
    for number, branch in enumerate(line.branches):
        of[branch.first : branch.last + 1] = number
    columns = [
        ("x_mm", np.asarray(line.points_mm)[:, 0]),
        ("y_mm", np.asarray(line.points_mm)[:, 1]),
        ("z_mm", np.asarray(line.points_mm)[:, 2]),
        ("distance_mm", line.distance_mm),
        ("diameter_mm", line.diameter_mm),
        ("least_diameter_mm", line.least_mm),
        ("most_diameter_mm", line.most_mm),
        ("area_mm2", line.area_mm2),
        ("inscribed_radius_mm", line.radius_mm),
        ("circularity", line.circularity),
        ("curvature_per_mm", line.curvature_per_mm),
        ("clear", line.clear),
    ]
    shown = [(name, np.asarray(values)) for name, values in columns if values is not None]
    try:
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["branch", *(name for name, _ in shown)])
            for point in at:
                row = (int(v[point]) if v.dtype == bool else f"{v[point]:.4g}" for _, v in shown)
                writer.writerow([line.branches[of[point]].name, *row])
    except OSError as error:
        raise BadInput(f"The table cannot be written: {error.strerror}", where=str(path)) from error


def write_reformat(
    volume: Volume, line: Centerline, to: str | None, angle_deg: float, stretched: bool, path: Path
) -> None:
    """A curved reformat with the wall and a scale along it, as PNG."""
    import numpy as np
    from matplotlib.figure import Figure

    from organtwin.vessel.reformat import curved

    made = curved(volume, line, to, angle_deg=angle_deg, kind="stretched" if stretched else "straightened")
    rows, columns = made.image.shape
    level, width = volume.window or (
        float(np.median(made.image[np.arange(rows), np.clip(made.middle, 0, columns - 1).astype(int)])) * 0.6,
        700.0 if volume.modality == "CT" else float(np.ptp(np.percentile(made.image, [1, 99]))),
    )
    figure = Figure(figsize=(1.2 + 8 * columns / rows, 8.4), layout="constrained")
    axes = figure.subplots()
    axes.imshow(made.image, cmap="gray", vmin=level - width / 2, vmax=level + width / 2, interpolation="bilinear")
    axes.plot(made.near, np.arange(rows), color="#e0564f", linewidth=0.8)
    axes.plot(made.far, np.arange(rows), color="#e0564f", linewidth=0.8)
    ticks = np.arange(0, made.distance_mm[-1], 50)
    ticks = ticks[ticks >= made.distance_mm[0]]
    axes.set_yticks(np.interp(ticks, made.distance_mm, np.arange(rows)), [f"{t:.0f}" for t in ticks])
    axes.set_xticks([])
    axes.set_ylabel("mm from the inlet")
    for f in line.findings:
        if made.distance_mm[0] <= f.at_mm <= made.distance_mm[-1]:
            row = float(np.interp(f.at_mm, made.distance_mm, np.arange(rows)))
            apart = np.linalg.norm(made.point_mm[round(row)] - np.asarray(f.point_mm))
            if apart < 3.0:
                axes.axhline(row, color="#f2c14e", linewidth=0.6)
    axes.set_title("Research only", fontsize=7)
    try:
        figure.savefig(path, dpi=130)
    except OSError as error:
        raise BadInput(f"The picture cannot be written: {error.strerror}", where=str(path)) from error
