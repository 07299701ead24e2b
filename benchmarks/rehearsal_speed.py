"""Speed of the rehearsal: steps a second with contact, a cut, and ratios to Newton's XPBD on the same mesh and load in the same run.

python benchmarks/rehearsal_speed.py [--cells 11] [--steps 120] [--newton PYTHON]

``--newton`` is a Python of its own that has newton and warp-lang (pip install newton warp-lang); without it the peer is left out, in a line
that says so. What counts is CPU time of one core: it says the same on a busy machine. A rate is tetrahedra times iterations of the
solver a second, all of a step counted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from organtwin_solvers.rehearsal.body import Body
from organtwin_solvers.rehearsal.stepper import Stepper
from organtwin_solvers.rehearsal.supports import Held
from organtwin_solvers.rehearsal.tools import Tool
from organtwin_solvers.validation.rehearsal import organ

from organtwin.model.rehearsal import Scene
from organtwin.model.tissues import material

HERE = Path(__file__).parent
GRAVITY = np.array([0.0, 0.0, -9806.65])


def hanging(body: Body, held: np.ndarray, **more: Any) -> Stepper:
    """The organ held at one side, under its weight from now on."""
    stepper = Stepper(body, gravity_mm_per_s2=GRAVITY, **more)
    stepper.held["side"] = Held(held, body.rest_mm[held])
    return stepper


def cpu(call: Any) -> float:
    begin = time.process_time()
    call()
    return time.process_time() - begin


def ours(body: Body, held: np.ndarray, steps: int) -> dict[str, Any]:
    """Median step, rate, time to rest, and what a new topology costs."""
    hanging(body, held).step()  # compiles
    stepper = hanging(body, held)
    each = [cpu(stepper.step) for _ in range(steps)]
    still = hanging(body, held)
    rest = cpu(lambda: still.settle(1e-6, 100))
    end = still.x
    largest = np.linalg.norm(end - body.rest_mm, axis=1).max()
    for tolerance in (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 1e-4):
        fresh = hanging(body, held)
        seconds = cpu(lambda fresh=fresh, tolerance=tolerance: fresh.settle(tolerance))
        if np.linalg.norm(fresh.x - end, axis=1).max() < 0.01 * largest:
            rest = min(rest, seconds)
            break
    cut = [cpu(lambda: stepper.adopt(body, stepper.x, stepper.v)) for _ in range(5)]
    middle = statistics.median(each)
    return {
        "step": middle, "worst": float(np.quantile(each, 0.99)), "rate": len(body.tets) * stepper.iterations / middle,
        "rest": rest, "cut": statistics.median(cut), "end": end, "largest": float(largest),
    }  # fmt: skip


def with_tool(body: Body, held: np.ndarray, steps: int) -> tuple[float, float]:
    """Median and 99th percentile of a step with a ball pressed in and drawn along."""
    stepper = hanging(body, held)
    tool = Tool(stepper, "ball")
    stepper.loads.append(tool.contact)
    each = []
    for k in range(steps):
        s = k / steps
        begin = time.process_time()
        tool.move(np.array([60.0 + 60.0 * s, 60.0, 105.0 - 25.0 * min(1.0, 4 * s), 0.0, 0.0, -1.0, 0.0, -1.0, 0.0]))
        tool.advance()
        stepper.step()
        each.append(time.process_time() - begin)
    return statistics.median(each), float(np.quantile(each, 0.99))


def peer(python: str, body: Body, held: np.ndarray, end: np.ndarray, steps: int, iterations: int, substeps: int) -> Any:
    """Run Newton's XPBD in its own Python; a sentence instead when it could not."""
    elastic = body.materials[0]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mesh.npz"
        np.savez(
            file, points=body.rest_mm, tets=body.tets, held=held, shear=elastic.shear_pa,
            lame=elastic.bulk_pa - 2 / 3 * elastic.shear_pa, density=elastic.density, gravity=GRAVITY, step_s=1 / 60, end=end,
        )  # fmt: skip
        command = [python, str(HERE / "peers" / "newton_xpbd.py"), str(file), *map(str, (steps, iterations, substeps))]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except OSError as failure:
            return str(failure)
    for line in done.stdout.splitlines():
        if line.startswith("MEASURED "):
            return json.loads(line.removeprefix("MEASURED "))
    said = (done.stderr or done.stdout).strip().splitlines()
    return said[-1] if said else "newton said nothing"


def main(cells: int, steps: int, python: str | None) -> None:
    mesh = organ(cells)
    body = Body.of(mesh, Scene(material=material("liver")))
    held = np.unique(mesh.boundary("x0")).astype(np.int32)
    own = ours(body, held, steps)
    print(f"{len(body.tets)} tetrahedra, {len(body.rest_mm)} points, Poisson 0.49, CPU time of one core\n")
    print("| what | OrganTwin |\n|---|--:|")
    print(f"| step, median (99 %) | {1e3 * own['step']:.1f} ms ({1e3 * own['worst']:.1f}) |")
    print(f"| steps a second | {1 / own['step']:.0f} |")
    tool = with_tool(body, held, steps)
    print(
        f"| step with a ball pressed in and drawn along, median (99 %) | {1e3 * tool[0]:.1f} ms ({1e3 * tool[1]:.1f}) |"
    )
    print(f"| rate | {own['rate'] / 1e6:.1f} M tet·iterations/s |")
    print(f"| to 1 % of equilibrium | {own['rest']:.2f} s |")
    print(f"| a new topology | {1e3 * own['cut']:.0f} ms |")
    if python is None:
        print("\nLeft out: newton (give --newton PYTHON)")
        return
    print(
        "\n| Newton XPBD | ms a step | rate | OrganTwin / it | to 1 % of its own rest | to 1 % of equilibrium | it / OrganTwin | off at the end |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for iterations, substeps in ((10, 1), (2, 10)):
        it = peer(python, body, held, own["end"], 4 * steps, iterations, substeps)
        if isinstance(it, str):
            print(f"\nLeft out: newton: {it}")
            return
        own_rest = "not" if it["own_rest_cpu_s"] is None else f"{it['own_rest_cpu_s']:.1f} s"
        rest = it["rest_cpu_s"]
        shown = f"not in {it['total_cpu_s']:.0f} s" if rest is None else f"{rest:.1f} s"
        sooner = f"> {it['total_cpu_s'] / own['rest']:.0f}" if rest is None else f"{rest / own['rest']:.0f}"
        print(
            f"| {it['version']}, {iterations} iterations, {substeps} substeps | {1e3 * it['step_cpu_s']:.1f} | {it['rate'] / 1e6:.2f} M/s "
            f"| {own['rate'] / it['rate']:.1f} | {own_rest} | {shown} | {sooner} | {it['away_percent']:.0f} % |",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=11)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--newton", metavar="PYTHON")
    options = parser.parse_args()
    sys.exit(main(options.cells, options.steps, options.newton))
