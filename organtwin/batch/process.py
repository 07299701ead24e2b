"""A study in a process of its own, watched: how much memory, how long. Runs inside a worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

INTERVAL_S = 0.1
ATTEMPTS = 2  # a process that dies of a signal is tried once more: it may not have been its own fault
THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "VTK_SMP_MAX_THREADS",
)  # fmt: skip
PAGE = os.sysconf("SC_PAGE_SIZE")


def attempt(task_file: str) -> dict[str, Any]:
    """Run ``python -m organtwin.batch.study`` on a task and watch it.

    Returns
    -------
    dict
        ``end``: "ended", "cancelled", "memory", "time" or "died"; ``sentence`` for the last three; ``peak_memory_mb`` of the
        process and its children, ``seconds``.
    """
    try:
        task = json.loads(Path(task_file).read_text(encoding="utf-8"))
    except OSError:
        return {"end": "died", "sentence": "The worker cannot read the batch's folder; it must see the same disk."}
    result: dict[str, Any] = {}
    for _ in range(ATTEMPTS):
        result = _once(task_file, task)
        if result["end"] != "died":
            break
    return result


def _once(task_file: str, task: dict[str, Any]) -> dict[str, Any]:
    limits = task["protocol"]["limits"]
    most_bytes, most_s = limits["memory_gb"] * 1024**3, limits["minutes"] * 60
    cancel, log = Path(task["cancel"]), Path(task["log"])
    environment = {
        **os.environ,
        **dict.fromkeys(THREADS, str(limits["threads"])),
        "PYTHONUNBUFFERED": "1",
        "ORGANTWIN_BATCH_KEEPER": str(os.getpid()),
    }
    began, peak, why = time.monotonic(), 0, ""
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "organtwin.batch.study", task_file],
            stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True, env=environment,
        )  # fmt: skip
    try:
        while process.poll() is None:
            used = sum(_memory_bytes(pid) for pid in _family(process.pid))
            peak = max(peak, used)
            if used > most_bytes:
                why = f"It needs more memory than one study may use ({limits['memory_gb']:g} GB)."
                end = "memory"
                break
            if time.monotonic() - began > most_s:
                why = f"It takes longer than one study may ({limits['minutes']:g} minutes)."
                end = "time"
                break
            if cancel.exists():
                with suppress(subprocess.TimeoutExpired):
                    process.wait(1.0)
                end = "cancelled"
                break
            time.sleep(INTERVAL_S)
        else:
            end = {0: "ended", 5: "cancelled"}.get(process.returncode, "died")
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if end == "died":
        code = process.returncode
        how = f"by signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"with exit code {code}"
        why = f"Its process ended {how}, twice."
    return {
        "end": end, "sentence": why, "peak_memory_mb": round(peak / 1024**2, 1), "seconds": time.monotonic() - began
    }  # fmt: skip


def _family(leader: int) -> Iterator[int]:
    """Processes of the group that ``leader`` leads."""
    yield leader
    ask = [leader]
    while ask:
        pid = ask.pop()
        for thread in _threads(pid):
            try:
                children = [int(p) for p in Path(f"/proc/{pid}/task/{thread}/children").read_text().split()]
            except (OSError, ValueError):
                continue
            yield from children
            ask += children


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def _memory_bytes(pid: int) -> int:
    """Memory a process holds for itself: resident less what it shares with files."""
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * PAGE
