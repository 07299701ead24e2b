"""The one place where DOLFINx and its companions are imported.

h5py comes first: it and DOLFINx carry two builds of HDF5, and only this order lets both work. ``dolfinx_solver`` then
finds the libraries of the wheel. A form that is not cached is compiled by the C compiler, which on a busy machine takes
longer than the 10 s DOLFINx waits for; a time-out that the user has configured still has the last word.
"""

from __future__ import annotations

# ruff: noqa: I001
import gc
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py  # noqa: F401
import dolfinx_solver  # noqa: F401
import dolfinx
import dolfinx.fem.petsc
import dolfinx.jit
import basix.ufl
import ufl
from dolfinx import fem
from dolfinx import mesh as dmesh
from mpi4py import MPI
from petsc4py import PETSc

_WAIT_FOR_COMPILER_S = 300

with suppress(ValueError):  # not in the main thread: it was imported there before
    signal.signal(
        signal.SIGPIPE, signal.SIG_IGN
    )  # as Python has it; PETSc lets a listener that is gone end the process

dolfinx.jit.DOLFINX_DEFAULT_JIT_OPTIONS["timeout"] = (_WAIT_FOR_COMPILER_S, "Timeout for JIT compilation")


def forget_abandoned(cache: Path) -> int:
    """Take away what processes that were killed in the middle of a compilation left behind; returns how many there were.

    A form's source without its library says that another process compiles it: everyone else would wait for that process.
    """
    done = {library.name.partition(".")[0] for library in cache.glob("libffcx_*.so")}
    sources = [source for source in cache.glob("libffcx_*.c") if source.stem not in done]
    dead = [source for source in sources if time.time() - source.stat().st_mtime > _WAIT_FOR_COMPILER_S]
    for source in dead:
        source.unlink(missing_ok=True)
    return len(dead)


with suppress(OSError):  # of an upkeep nothing may fail
    forget_abandoned(Path(dolfinx.jit.get_options()["cache_dir"]))


def create_mesh(comm: MPI.Comm, cells: Any, element: Any, points: Any) -> Any:
    """:func:`dolfinx.mesh.create_mesh`, once the meshes that nobody needs any more are gone.

    DOLFINx compiles forms in functions that refer to themselves: such a form, its spaces, its mesh and a dozen MPI
    communicators live on until Python looks for cycles, which it does the less often the more it holds. A process has
    2048 communicators, and ends with the last.
    """
    gc.collect()
    return dmesh.create_mesh(comm, cells, element, points)


__all__ = ["MPI", "PETSc", "basix", "create_mesh", "dmesh", "dolfinx", "fem", "ufl"]
