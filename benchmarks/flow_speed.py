"""Speed of the flow solver, as ratios to peers in the same run, with the error of each against Womersley.

python benchmarks/flow_speed.py [--rings 12] [--steps 40] [--rounds 3] [--scaling]

Peers: OpenFOAM's icoFoam (apt install openfoam) on hexahedra with about as many unknowns, and on a finer mesh, to see what its
error costs to bring down; oasisx on the very mesh and step (see peers/oasisx.py). One that is not installed is left out, in
a line that says so. What counts is CPU time: it says the same on a busy machine. --scaling adds the cost per step over the size of the mesh,
and one rank against two (wall time: let nothing else run).
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

from peers.pipe_flow import Measured, step_s  # noqa: E402

OURS = "peers.organtwin_fast"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


def measure(module: str, *arguments: int, ranks: int = 1) -> Measured | str:
    """Run one solver in a process of its own; a sentence instead when it could not."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    if ranks > 1:
        command = [str(Path(sys.executable).with_name("mpiexec")), "-n", str(ranks), *command]
    done = subprocess.run(command, cwd=HERE, env=os.environ | ONE_THREAD, capture_output=True, text=True)
    for line in done.stdout.splitlines():
        if line.startswith("MEASURED "):
            return Measured(**json.loads(line.removeprefix("MEASURED ")))
    said = (done.stderr or done.stdout).strip().splitlines()
    return said[-1] if said else f"{module} said nothing"


def rate(measured: Measured) -> float:
    """Unknowns times steps per second of one core."""
    return measured.unknowns * measured.steps / measured.cpu_s


def per_simulated_second(measured: Measured, rings: int) -> float:
    """CPU seconds that a second of blood flow takes."""
    return measured.cpu_s / measured.steps / step_s(rings)


def against_peers(rings: int, steps: int, rounds: int) -> None:
    """The table of peers; ratios are medians over rounds, ours and the peer's one after the other in each."""
    print(
        f"Womersley's flow, pipe of {rings} cells along the radius, steps of {1e3 * step_s(rings):.2f} ms, one core\n"
    )
    print(
        "| solver | mesh | unknown·steps/s/core | OrganTwin / it | CPU s per simulated s | OrganTwin / it | error | memory MB |"
    )
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    peers = [
        ("peers.icofoam", rings, (rings, steps)),
        ("peers.icofoam", 2 * rings, (2 * rings, steps)),
        ("peers.oasisx", rings, (rings, steps, 1)),
        ("peers.oasisx", rings, (rings, max(steps // 4, 5), 2)),
    ]
    ours: list[Measured] = []
    absent: dict[str, str] = {}
    lines = []
    for module, its_rings, arguments in peers:
        pairs = []
        for _ in range(rounds):
            if module in absent:
                break
            own, it = measure(OURS, rings, steps), measure(module, *arguments)
            if isinstance(own, str):
                raise SystemExit(own)
            ours.append(own)
            if isinstance(it, str):
                absent[module] = it
                break
            pairs.append((own, it))
        if pairs:
            faster = statistics.median(rate(own) / rate(it) for own, it in pairs)
            cheaper = statistics.median(
                per_simulated_second(it, its_rings) / per_simulated_second(own, rings) for own, it in pairs
            )
            lines.append(row(pairs[-1][1], its_rings, faster, cheaper))
    print(row(min(ours, key=lambda m: m.cpu_s), rings, 1.0, 1.0))
    print("\n".join(lines))
    for module, why in absent.items():
        print(f"\nLeft out: {module.removeprefix('peers.')}: {why}")


def row(measured: Measured, rings: int, faster: float, cheaper: float) -> str:
    return (
        f"| {measured.name} | {measured.note} | {rate(measured):.3g} | {faster:.2f} | "
        f"{per_simulated_second(measured, rings):.3g} | {cheaper:.2f} | {measured.error:.2e} | {measured.memory_mb:.0f} |"
    )


def scaling(sizes: list[int], steps: int) -> None:
    """Cost per step over the size of the mesh, and what a second rank brings."""
    print("\n| mesh | ranks | CPU ms per step | us per unknown | wall ms per step | one rank / it | memory MB |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for rings in sizes:
        alone = None
        for ranks in (1, 2):
            m = measure(OURS, rings, steps, ranks=ranks)
            if isinstance(m, str):
                print(f"| {rings} rings | {ranks} | {m} |")
                continue
            alone = alone or m
            each = 1e3 / m.steps
            print(
                f"| {m.note} | {ranks} | {each * m.cpu_s:.1f} | {1e3 * each * m.cpu_s / m.unknowns:.2f} | {each * m.wall_s:.1f} | "
                f"{alone.wall_s / m.wall_s:.2f} | {m.memory_mb:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rings", type=int, default=12)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scaling", action="store_true")
    options = parser.parse_args()
    against_peers(options.rings, options.steps, options.rounds)
    if options.scaling:
        scaling([8, 12, 16, 24], max(options.steps // 2, 10))
