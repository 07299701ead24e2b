"""A process has 2048 MPI communicators; the solves of a long day must not use them up."""

from __future__ import annotations

import gc

from organtwin_solvers.fem.backend import MPI
from organtwin_solvers.tissue.formulation import Formulation
from organtwin_solvers.validation import cook


def communicators_left() -> int:
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
