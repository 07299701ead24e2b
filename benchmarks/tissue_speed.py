"""Speed of the full tissue solve, as ratios to a peer in the same run; and what an organ of a scan takes.

python benchmarks/tissue_speed.py [--cells 8 12 16] [--rounds 3] [--project CASE.otwin --mesh liver --preset liver-pull]

The peer is FElupe (SciPy's direct solver) in an environment of its own, see peers/felupe_tissue.py: same mesh, law, load
steps and tolerance. When it is not there it is left out, in a line that says so. What counts is CPU time: it says the same
on a busy machine. With --project an organ mesh of that project is deformed through the command line, as a user would.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from peers.hanging_block import Measured  # noqa: E402

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


def measure(python: str, module: str, cells: int) -> Measured | str:
    """Run one solver in a process of its own; a sentence instead when it could not."""
    if not Path(python).exists():
        return f"there is no {python}"
    command = [python, "-m", module, str(cells)]
    done = subprocess.run(command, cwd=HERE, env=os.environ | ONE_THREAD, capture_output=True, text=True)
    for line in done.stdout.splitlines():
        if line.startswith("MEASURED "):
            return Measured(**json.loads(line.removeprefix("MEASURED ")))
    said = (done.stderr or done.stdout).strip().splitlines()
    return said[-1] if said else f"{module} said nothing"


def against_peer(sizes: list[int], rounds: int) -> None:
    """Ratios are medians over rounds, ours and the peer's one after the other in each."""
    peer_python = os.environ.get("FELUPE_PYTHON", sys.executable)
    print(
        "| tetrahedra | unknowns | OrganTwin CPU s | MB | FElupe CPU s | MB | FElupe / OrganTwin | difference in the middle |"
    )
    print("|--:|--:|--:|--:|--:|--:|--:|--:|")
    for cells in sizes:
        pairs = []
        for _ in range(rounds):
            own = measure(sys.executable, "peers.organtwin_tissue", cells)
            if isinstance(own, str):
                raise SystemExit(own)
            it = measure(peer_python, "peers.felupe_tissue", cells)
            if isinstance(it, str):
                print(f"| {own.tets} | {own.unknowns} | {own.cpu_s:.2f} | {own.memory_mb:.0f} | left out: {it} |")
                return
            pairs.append((own, it))
        own, it = pairs[-1]
        ratio = statistics.median(peer.cpu_s / ours.cpu_s for ours, peer in pairs)
        size = sum(x * x for x in own.middle_mm) ** 0.5
        apart = sum((x - y) ** 2 for x, y in zip(own.middle_mm, it.middle_mm, strict=True)) ** 0.5
        print(
            f"| {own.tets} | {own.unknowns} | {own.cpu_s:.2f} | {own.memory_mb:.0f} | {it.cpu_s:.2f} | {it.memory_mb:.0f} | "
            f"{ratio:.2f} | {100 * apart / size:.2f} % |",
            flush=True,
        )


def organ(project: Path, mesh: str, preset: str) -> None:
    """One deformation by the command line, which says itself what time and memory the job took."""
    organtwin = str(Path(sys.executable).with_name("organtwin"))
    print(flush=True)
    subprocess.run([organtwin, "deform", str(project), "--mesh", mesh, "--preset", preset], check=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, nargs="+", default=[8, 12, 16])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--project", type=Path)
    parser.add_argument("--mesh", default="liver")
    parser.add_argument("--preset", default="liver-pull")
    options = parser.parse_args()
    against_peer(options.cells, options.rounds)
    if options.project:
        organ(options.project, options.mesh, options.preset)
