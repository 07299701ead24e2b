"""What every model of an ensemble shares: the shapes of drives, and members spread over the processors."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from organtwin.physiology.model import Floats

FEWEST = 32  # members that are worth a thread


def each_member(drives: Floats, members: int, times: int) -> Floats:
    """Drives (nt, d) or (m, nt, d) as (m, nt, d)."""
    drives = np.asarray(drives, dtype=float)
    if drives.ndim == 2:
        drives = drives[None]
    return np.broadcast_to(drives, (members, times, drives.shape[-1]))


def in_parts(members: int, work: Callable[[slice], None]) -> None:
    """``work`` on slices of the members, one a processor; the kernels let go of the interpreter's lock."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = min(processors, members // FEWEST)
    if workers < 2:
        work(slice(0, members))
        return
    edges = np.linspace(0, members, workers + 1).astype(int)
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, [slice(int(a), int(b)) for a, b in pairwise(edges)]))
