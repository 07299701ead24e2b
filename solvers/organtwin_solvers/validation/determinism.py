"""The same input gives the same bytes: in a second run, with other numbers of threads, and after a step back."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time

from organtwin.monitor import Monitor
from organtwin.validation import Case, Row
from organtwin_solvers.validation.rehearsal import CASES, organ, stepper_of

STEPS = 40
_ELSEWHERE = "from organtwin_solvers.validation.determinism import digest; print(digest({cells}))"


def digest(cells: int, back: bool = False) -> str:
    """SHA-256 of all positions and velocities of a grasp of ``STEPS`` steps; ``back`` goes half the way twice."""
    stepper = stepper_of(organ(cells), CASES["grasp"])
    start = {name: held for name, held in stepper.held.items() if name.startswith("pull")}
    kept = None
    for k in range(STEPS):
        if k == STEPS // 2:
            kept = stepper.snapshot()
        _follow(stepper, start, k)
    if back and kept is not None:
        stepper.restore(kept)
        for k in range(STEPS // 2, STEPS):
            _follow(stepper, start, k)
    return hashlib.sha256(stepper.x.tobytes() + stepper.v.tobytes()).hexdigest()


def _follow(stepper, start, k):  # type: ignore[no-untyped-def]
    """One step with what is pulled at the fraction of its way that belongs to step ``k``."""
    from organtwin_solvers.rehearsal.supports import Held

    for name, held in start.items():
        rest = stepper.body.rest_mm[held.nodes]
        stepper.held[name] = Held(held.nodes, rest + min(1.0, (k + 1) / 20) * (held.targets_mm - rest))
    stepper.step()


def elsewhere(cells: int, threads: int) -> str:
    """The digest from a process of its own with that many threads."""
    counts = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", _ELSEWHERE.format(cells=cells)], env=os.environ | counts, capture_output=True, text=True
    )
    return done.stdout.strip() or done.stderr.strip()


def run(quick: bool, monitor: Monitor) -> list[Row]:
    """Count the runs that differ from the first."""
    cells = 3 if quick else 6
    first = digest(cells)
    rows = []
    ways = {
        "in the same process": lambda: digest(cells),
        "after a step back in time": lambda: digest(cells, back=True),
        "in another process, one thread": lambda: elsewhere(cells, 1),
        "in another process, two threads": lambda: elsewhere(cells, 2),
    }
    for i, (label, again) in enumerate(ways.items()):
        monitor.progress(i / len(ways), label)
        begin = time.perf_counter()
        differs = float(again() != first)
        rows.append(
            Row(
                f"runs that differ, {label}", 0.0, differs, "", 0.0, "the same input must give the same bytes",
                f"{len(organ(cells).tets)} tetrahedra, {STEPS} steps", time.perf_counter() - begin,
            )
        )  # fmt: skip
    return rows


CASE = Case("determinism", "The same input gives the same bytes", run)
