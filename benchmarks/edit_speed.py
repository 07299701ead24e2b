"""Speed of editing by hand: strokes, undo and the tools on a segmentation of 512 x 512 x 400, and ratios to the plain way with
scipy.ndimage in the same run.

python benchmarks/edit_speed.py [--slices 400] [--strokes 200] [--json FILE]

A time is that of the whole edit, kept on the disk and synchronised: what the user waits for. The worst counts as well as the median.
The time of the core says the same on a busy machine; ratios are of that.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from organtwin.document import Document
from organtwin.document.workbench import Answer, Workbench
from organtwin.edit.boxes import box_of
from organtwin.edit.edit import Edit
from organtwin.model import Segment, Segmentation, Volume
from organtwin.space import Grid

SPACING_MM = (0.75, 0.75, 1.0)
ORGANS = {  # middle (fractions of i, j, k) and half axes in mm
    "body": ((0.5, 0.5, 0.5), (170, 120, 0.48)),
    "liver": ((0.35, 0.47, 0.5), (70, 60, 75)),
    "spleen": ((0.68, 0.5, 0.57), (35, 40, 50)),
    "aorta": ((0.5, 0.6, 0.5), (10, 10, 0.46)),
}


def phantom(slices: int) -> tuple[Grid, np.ndarray, np.ndarray]:
    """Grid, labels and a scan with noise."""
    grid = Grid.make((512, 512, slices), SPACING_MM, (-190, -190, -500))
    labels = np.zeros(grid.shape, np.uint8)
    k, j, i = np.ogrid[: grid.size[2], : grid.size[1], : grid.size[0]]
    for label, (middle, half) in enumerate(ORGANS.values(), 1):
        size = [h if h >= 1 else h * slices * SPACING_MM[2] for h in half]
        d = [
            (n - m * count) * s / h
            for n, m, count, s, h in zip((i, j, k), middle, grid.size, SPACING_MM, size, strict=True)
        ]
        labels[d[0] ** 2 + d[1] ** 2 + d[2] ** 2 <= 1] = label
    noise = np.random.default_rng(0).normal(0, 15, grid.shape[1:])
    values = np.stack([(40 * layer + np.roll(noise, n, 0)).astype(np.int16) for n, layer in enumerate(labels)])
    return grid, labels, values


Cost = tuple[float, float]  # seconds by the clock, and of one core


def seconds(call: Callable[[], Any]) -> Cost:
    wall, core = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - core


def resident() -> int:
    """Memory of this process in bytes, as it is now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def strokes(grid: Grid, count: int) -> list[Edit]:
    """As a hand draws them: short and long, thin and thick, in slices and in space."""
    rng = np.random.default_rng(1)
    made = []
    for n in range(count):
        start = grid.to_world(rng.uniform(0.2, 0.8, 3) * grid.size)
        way = start + np.cumsum(rng.normal(0, 1.5, (int(rng.integers(1, 60)), 3)) * (1, 1, n % 2), axis=0)
        options: dict[str, Any] = {
            "points_mm": way.tolist(),
            "radius_mm": float(rng.uniform(1, 20)),
            "erase": n % 5 == 4,
        }
        if n % 2 == 0:
            options["normal"] = (0.0, 0.0, 1.0)
        made.append(Edit(tool="paint", segment=("liver", "spleen", "aorta")[n % 3], options=options))
    return made


def camera(grid: Grid) -> np.ndarray:
    """World to clip, from the front right."""
    eye, at = grid.centre_mm + np.array([300, -900, 100]), grid.centre_mm
    f = (at - eye) / np.linalg.norm(at - eye)
    r = np.cross(f, (0, 0, 1))
    r /= np.linalg.norm(r)
    view = np.eye(4)
    view[:3, :3] = r, np.cross(r, f), -f
    view[:3, 3] = -view[:3, :3] @ eye
    t, near, far = 1 / np.tan(0.25), 100.0, 3000.0
    w = [[t, 0, 0, 0], [0, t, 0, 0], [0, 0, (far + near) / (near - far), 2 * far * near / (near - far)], [0, 0, -1, 0]]
    return np.asarray(w @ view)


def tools(grid: Grid) -> dict[str, Edit]:
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    line = np.stack([0.4 * np.cos(angle), 0.5 * np.sin(angle)], 1) * (1 + 0.2 * np.sin(9 * angle))[:, None]
    scissors = {"line": line.tolist(), "to_clip": camera(grid).tolist()}
    liver = grid.to_world(np.array(ORGANS["liver"][0]) * grid.size).tolist()
    plane = {"point_mm": liver, "normal": (1, 2, 0.5)}

    def on(segment: str, tool: str, **options: Any) -> Edit:
        return Edit(tool=tool, segment=segment, options=options)

    return {
        "scissors, liver": on("liver", "scissors", **scissors),
        "scissors, all segments": on("", "scissors", **scissors, keys=list(ORGANS)),
        "cut by plane, body": on("body", "cut-plane", **plane),
        "threshold, everywhere": on("aorta", "threshold", values=(100, 200)),
        "threshold, ball of 40 mm": on(
            "aorta", "threshold", values=(60, 200), within={"centre_mm": liver, "radius_mm": 40}
        ),
        "islands, liver": on("liver", "islands"),
        "islands, body": on("body", "islands"),
        "fill holes, body": on("body", "fill-holes"),
        "fill holes, body, each axial": on("body", "fill-holes", each="axial"),
        "margin +5 mm, liver": on("liver", "margin", margin_mm=5),
        "margin -5 mm, liver": on("liver", "margin", margin_mm=-5),
        "hollow 3 mm, liver": on("liver", "hollow", thickness_mm=3),
        "union, liver and spleen": on("liver", "combine", action="union", others=["spleen"]),
        "contour, one slice": on(
            "spleen", "contour", points_mm=[(liver[0] + 60 * x, liver[1] + 60 * y, liver[2]) for x, y in line]
        ),
    }


def plain(labels: np.ndarray) -> dict[str, Callable[[], Any]]:
    """The same on the same box by scipy.ndimage."""

    def mask(label: int, margin: tuple[int, int, int] = (0, 0, 0)) -> np.ndarray:
        return np.asarray(labels[box_of(labels, label, margin=margin)] == label)

    spacing = SPACING_MM[::-1]
    return {
        "islands, liver": lambda: ndimage.label(mask(2)),
        "fill holes, body": lambda: ndimage.binary_fill_holes(mask(1)),
        "margin +5 mm, liver": lambda: ndimage.distance_transform_edt(~mask(2, (5, 7, 7)), spacing) <= 5,
        "margin -5 mm, liver": lambda: ndimage.distance_transform_edt(mask(2, (1, 1, 1)), spacing) > 5,
    }


def answered(bench: Workbench, edit: Edit, volume: str) -> None:
    """Ask the hand for a preview and wait."""
    got: list[Any] = []
    stop = [bench.answered.connect(got.append), bench.failed.connect(got.append)]
    bench.preview(edit, volume)
    while bench.poll():
        time.sleep(0.001)
    for each in stop:
        each()
    assert isinstance(got[0], Answer)


def measured(folder: Path, slices: int, count: int) -> dict[str, Any]:
    grid, labels, values = phantom(slices)
    document = Document.create(folder / "speed.otwin")
    table = tuple(
        Segment.of(n, key, float((labels == n).sum()) * grid.voxel_volume_mm3) for n, key in enumerate(ORGANS, 1)
    )
    scan = Volume(name="scan", grid=grid, values=values)
    document.add([scan, Segmentation(name="s", grid=grid, labels=labels, segments=table)], "begin")
    del values
    volume = scan.uuid
    del scan
    bench = document.workbench(document.entries("segmentation")[-1].uuid)
    asked = strokes(grid, count)
    for edit in asked[:2]:
        bench.do(edit)  # compiles, and loads what was compiled
    base = resident()
    each = [seconds(lambda edit=edit: bench.do(edit)) for edit in asked[2:]]
    undo, redo = [], []
    while document.undo_label != "begin":
        undo.append(seconds(document.undo))
    while document.redo_label:
        redo.append(seconds(document.redo))
    more = resident() - base
    kept = [sum(f.stat().st_size for f in d.iterdir()) for d in document.project.objects_folder.iterdir() if not (d / "labels.npy").exists() and not (d / "values.npy").exists()]  # fmt: skip
    while document.undo_label != "begin":
        document.undo()
    times: dict[str, Cost] = {}
    for name, edit in tools(grid).items():
        best = []
        for _ in range(3):
            version = bench.uuid
            best.append(seconds(lambda edit=edit: bench.do(edit, volume)))
            if bench.uuid != version:
                document.undo()
        times[name] = min(best[1:])
    assert np.array_equal(bench.labels, labels)
    peers = {name: seconds(call) for name, call in plain(labels).items()}
    islands = tools(grid)["islands, liver"]
    answered(bench, islands, volume)  # begins the process
    hand = min(seconds(lambda: answered(bench, islands, volume)) for _ in range(3))
    document.close()
    return {
        "strokes_s": each, "undo_s": undo, "redo_s": redo, "tools_s": times, "peers_s": peers, "hand_s": hand,
        "labels_bytes": labels.nbytes, "more_bytes": more, "stroke_bytes": statistics.median(kept), "grid": grid.size,
    }  # fmt: skip


def told(found: dict[str, Any]) -> str:
    """As a table."""

    def ms(s: float) -> str:
        return f"{1000 * s:.0f} ms"

    ni, nj, nk = found["grid"]
    lines = [f"Labels of {ni} x {nj} x {nk}: {found['labels_bytes'] / 1e6:.0f} MB, one copy.", ""]
    lines += ["| what | median | worst | median of the core | worst |", "|---|---|---|---|---|"]
    for name in ("strokes", "undo", "redo"):
        wall, core = zip(*found[f"{name}_s"], strict=True)
        cells = [ms(f(each)) for each in (wall, core) for f in (statistics.median, max)]
        lines.append(f"| {name} ({len(wall)}) | {' | '.join(cells)} |")
    lines += ["", "| tool | by the clock | of the core | ratio to scipy.ndimage |", "|---|---|---|---|"]
    for name, (wall_s, core_s) in found["tools_s"].items():
        peer = found["peers_s"].get(name)
        lines.append(f"| {name} | {ms(wall_s)} | {ms(core_s)} | {f'{core_s / peer[1]:.2f}' if peer else ''} |")
    lines.append(f"| islands, liver, asked of the hand | {ms(found['hand_s'][0])} | | |")
    more, kept = found["more_bytes"] / 1e6, found["stroke_bytes"] / 1e3
    lines += [
        "",
        f"After all strokes, undo and redo {more:.0f} MB more memory are in use; a stroke takes {kept:.1f} kB on the disk.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=400)
    parser.add_argument("--strokes", type=int, default=200)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as parent:
        found = measured(Path(parent), asked.slices, asked.strokes)
    print(told(found))
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1))
