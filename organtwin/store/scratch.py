"""Where a process that has unlocked a sealed project, and the programs it runs, put their temporary files: in memory, for
nobody else to read, and gone with the process. What a kill left is swept by the next."""

from __future__ import annotations

import atexit
import os
import resource
import shutil
import tempfile
from functools import cache
from pathlib import Path

MEMORY = Path("/dev/shm")
PREFIX = "organtwin-private-"


@cache
def private() -> Path:
    """Make it the place of temporary files of this process (``tempfile``, and TMPDIR of its children)."""
    _sweep()
    where = MEMORY if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) else None
    owner = os.getpid()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{owner}-{_born(owner)}-", dir=where))  # mode 0700
    tempfile.tempdir = str(folder)
    os.environ["TMPDIR"] = str(folder)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))  # no core on the disk
    atexit.register(lambda: shutil.rmtree(folder, ignore_errors=True) if os.getpid() == owner else None)
    return folder


def _sweep() -> None:
    for parent in {MEMORY, Path("/tmp")}:
        for left in parent.glob(f"{PREFIX}*-*-*") if parent.is_dir() else ():
            pid, born = left.name.removeprefix(PREFIX).split("-")[:2]
            if not pid.isdigit() or str(_born(int(pid))) != born:
                shutil.rmtree(left, ignore_errors=True)


def _born(pid: int) -> int:
    """Start time of a process in clock ticks (proc(5), field 22): a recycled number is not mistaken for it."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0
