"""The process that does a job: ``python -m organtwin.worker JOBDIR``.

It knows the job folder and the project's objects, writes what it makes to ``result/`` and what it has to say to
``events.jsonl``, and never touches the project itself.
"""

from __future__ import annotations

import os
import resource
import signal
import stat
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from numpy.typing import NDArray

from organtwin.errors import Cancelled, OrganTwinError
from organtwin.jobs import events as said
from organtwin.jobs.process import born
from organtwin.jobs.spec import CHECKPOINT, JobSpec
from organtwin.store.vault import vault_of

CANCEL_PATIENCE_S = 1.2


class EventMonitor:
    """A monitor that writes events, at most ten progress lines a second, and raises when the job was cancelled."""

    def __init__(self, folder: Path, silent: bool = False) -> None:
        self._vault = vault_of(folder)
        self._path, self._cancel = self._vault.path(folder / "events.jsonl"), folder / "cancel"
        self._checkpoint, self._silent = folder / CHECKPOINT, silent
        self._began = self._last = time.monotonic()
        self._guard = threading.Lock()
        self._what = ""
        self._torn = False

    def progress(self, fraction: float, what: str = "") -> None:
        self._check()
        now = time.monotonic()
        if now - self._last < 0.1 and what in ("", self._what) and fraction < 1.0:
            return
        self._last, self._what = now, what or self._what
        elapsed = now - self._began
        eta = elapsed * (1 - fraction) / fraction if fraction > 0.02 and elapsed > 1 else None
        self.write(said.Progress(fraction=min(max(fraction, 0.0), 1.0), what=self._what, eta_s=eta))

    def residual(self, name: str, step: int, value: float) -> None:
        self._check()
        self.write(said.Residual(name=name, step=step, value=value))

    def log(self, text: str) -> None:
        self._check()
        self.write(said.Log(text=text))

    def keep(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write the checkpoint; when that fails, the one before stays."""
        self._check()
        if self._silent:
            return
        try:
            self._vault.save_arrays(self._checkpoint, arrays)
        except (OSError, OrganTwinError) as error:
            why = error.what if isinstance(error, OrganTwinError) else error.strerror
            self.log(f"The checkpoint could not be written ({why}); the one before it stays.")

    def kept(self) -> dict[str, NDArray[Any]] | None:
        try:
            return self._vault.load_arrays(self._checkpoint)
        except (OSError, ValueError, BadZipFile):  # none, or not a whole one
            return None

    def write(self, event: said.Event) -> None:
        """One line; where the disk has no room for it, the work goes on without."""
        if self._silent:
            return
        line = self._vault.line(event.model_dump_json().encode()) + b"\n"
        with self._guard:
            try:
                with self._path.open("ab") as stream:
                    stream.write(b"\n" + line if self._torn else line)
                self._torn = False
            except OSError:
                self._torn = True  # perhaps half a line was written

    def _check(self) -> None:
        if self._cancel.exists():
            raise Cancelled


def _watch_cancel(folder: Path, monitor: EventMonitor, ended: threading.Event) -> None:
    """End the process when a cancel was not heard in time by the operation itself."""
    while not ended.wait(0.2):
        if (folder / "cancel").exists():
            if not ended.wait(CANCEL_PATIENCE_S):
                monitor.write(said.Cancelled())
                os.killpg(os.getpgid(0), signal.SIGKILL)
            return


def run(folder: Path) -> int:
    """Do the job; returns the exit code (0 done, 3 bad input, 4 failed, 5 cancelled)."""
    vault = vault_of(folder)
    rank = int(os.environ.get("PMI_RANK", os.environ.get("OMPI_COMM_WORLD_RANK", "0")))
    monitor = EventMonitor(folder, silent=rank > 0)
    group = os.getpgid(0)
    monitor.write(said.Started(pid=group if born(group) else os.getpid(), born=born(group) or born(os.getpid()) or 0))
    ended = threading.Event()
    threading.Thread(target=_watch_cancel, args=(folder, monitor, ended), daemon=True).start()
    began = time.monotonic()
    try:
        from organtwin.operations import find
        from organtwin.store.objects import load_object, save_object

        spec = JobSpec.model_validate_json(vault.read_bytes(folder / "spec.json"))
        objects = folder.parent.parent / "objects"
        inputs = {role: load_object(objects / uuid) for role, uuid in spec.inputs.items()}
        made = find(spec.operation)(inputs, spec.parameters, monitor)
        if rank == 0:
            for thing in made:
                save_object(thing, folder / "result")
        if rank == 0:
            vault.path(folder / CHECKPOINT).unlink(missing_ok=True)
        usage = (
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        )
        ended.set()
        monitor.write(
            said.Done(
                objects=tuple(t.uuid for t in made), seconds=time.monotonic() - began, peak_memory_mb=usage / 1024
            )
        )
        return 0
    except Cancelled:
        ended.set()
        monitor.write(said.Cancelled())
        return Cancelled.exit_code
    except OrganTwinError as error:
        ended.set()
        monitor.write(said.Failed(sentence=error.sentence, exit_code=error.exit_code, places_mm=error.places_mm))
        return error.exit_code
    except MemoryError:
        ended.set()
        monitor.write(
            said.Failed(sentence="There is not enough memory for this. Use a smaller region or a coarser mesh.")
        )
        return 4
    except Exception as error:  # the last line of defence: the traceback goes to the log, one sentence to the user
        ended.set()
        traceback.print_exc()
        monitor.write(
            said.Failed(
                sentence=f"An unexpected error stopped '{folder.name}': {error or type(error).__name__}. The log in the job folder tells more."
            )
        )
        return 4


def _keep_output(folder: Path) -> None:
    """Of a sealed project's job: what was printed went to memory. Keep it, for the window may be gone."""
    vault = vault_of(folder)
    if vault.sealed and stat.S_ISREG(os.fstat(1).st_mode):  # no rank of several, whose output goes through mpiexec
        sys.stdout.flush()
        with suppress(OSError, OrganTwinError):
            vault.keep_log(folder / "stdout.log", os.fdopen(os.dup(1), "r+b"))


if __name__ == "__main__":
    code = run(Path(sys.argv[1]))
    _keep_output(Path(sys.argv[1]))
    sys.exit(code)
