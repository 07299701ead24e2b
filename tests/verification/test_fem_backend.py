"""The physics leaves the process that it runs in as it found it."""

from __future__ import annotations

import gc
import signal
from pathlib import Path

from organtwin_solvers.fem.backend import MPI
from organtwin_solvers.tissue.formulation import Formulation
from organtwin_solvers.validation import cook


def communicators_left() -> int:
    """Of the 2048 that a process has."""
    comm = MPI.COMM_SELF.Dup()
    comm.Set_errhandler(MPI.ERRORS_RETURN)
    held = []
    try:
        while True:
            held.append(comm.Dup())
    except MPI.Exception:
        return len(held)
    finally:
        for one in held:
            one.Free()
        comm.Free()


def test_solves_one_after_the_other_do_not_use_up_the_communicators_even_where_python_never_looks_for_cycles():
    def solve() -> int:
        cook.solve(cook.VARIANTS[2], 3, Formulation(True, 1))
        return communicators_left()

    gc.collect()
    gc.disable()
    try:
        first = solve()
        assert min(solve() for _ in range(3)) >= first
    finally:
        gc.enable()


def test_a_reader_that_goes_away_does_not_end_the_process_silently():
    # PETSc lets go of the signal that Python ignores, so that a write becomes an error
    (ignored,) = (
        line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("SigIgn")
    )
    assert int(ignored, 16) >> (signal.SIGPIPE - 1) & 1
