"""A job seen from outside: start it, follow it, cancel it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Container
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from shutil import disk_usage, which
from typing import Any, BinaryIO
from uuid import uuid4

from organtwin.errors import BadInput, OrganTwinError
from organtwin.jobs import events as said
from organtwin.jobs.process import alive
from organtwin.jobs.spec import CHECKPOINT, JobSpec
from organtwin.store.atomic import said_plainly
from organtwin.store.vault import vault_of

CANCEL_PATIENCE_S = 1.5
START_PATIENCE_S = 60.0
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


class JobState(Enum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


class Job:
    """A job folder. Call :meth:`poll` now and then; it reads what the worker has said since."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._vault = vault_of(folder)
        try:
            self.spec = JobSpec.model_validate_json(self._vault.read_bytes(folder / "spec.json"))
        except (OSError, ValueError) as error:
            raise BadInput("The description of a job is missing or damaged", where=str(folder)) from error
        self.state = JobState.WAITING
        self.fraction = 0.0
        self.what = ""
        self.eta_s: float | None = None
        self.error: OrganTwinError | None = None
        self.done: said.Done | None = None
        self.residuals: dict[str, list[tuple[int, float]]] = {}
        self.log: list[str] = []
        self._started: said.Started | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._offset = 0
        self._cancel_asked: float | None = None
        self._output: BinaryIO | None = None  # what the worker prints

    @classmethod
    def create(
        cls,
        jobs_folder: Path,
        operation: str,
        inputs: dict[str, str],
        parameters: dict[str, Any],
        label: str,
        replaces: tuple[str, ...] = (),
        ranks: int = 1,
    ) -> Job:
        """Write the folder of a new job; it does not run yet."""
        vault = vault_of(jobs_folder)
        when = "" if vault.sealed else datetime.now(UTC).strftime("%Y%m%d-%H%M%S-")
        identity = when + uuid4().hex[: 16 if vault.sealed else 6]
        spec = JobSpec(
            id=identity,
            operation=operation,
            label=label,
            parameters=parameters,
            inputs=inputs,
            replaces=replaces,
            ranks=ranks,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        folder = jobs_folder / identity
        with said_plainly(folder):
            (folder / "result").mkdir(parents=True)
        vault.write_json(folder / "spec.json", json.loads(spec.model_dump_json()))
        return cls(folder)

    @property
    def id(self) -> str:
        return self.spec.id

    def start(self) -> None:
        """Run the worker in a process group of its own, so that it outlives the window and dies as a whole."""
        command = [sys.executable, "-m", "organtwin.worker", str(self.folder)]
        if self.spec.ranks > 1:
            launcher = which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
            if launcher is None:
                raise BadInput(
                    "Running on several ranks needs mpiexec", remedy="Install the solvers extra, or use one rank."
                )
            command = [launcher, "-n", str(self.spec.ranks), *command]
        environment = {**self._vault.environment(), "PYTHONUNBUFFERED": "1"}
        if self.spec.ranks > 1:  # threads of one rank would stand in the way of the others: half the speed on two cores
            environment = dict.fromkeys(THREADS, "1") | environment
        with said_plainly(self.folder):
            self._output = self._vault.log_file(self.folder / "stdout.log")
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=environment,
            )

    def poll(self) -> list[said.Event]:
        """New events since the last call; also notices a worker that died, and ends one that ignores a cancel."""
        if self.state.ended:
            return []
        gone = self._is_gone()  # asked before reading, so that last words are not missed
        fresh = self._read_events()
        for event in fresh:
            self._take(event)
        if gone:
            self._keep_output()
        if not self.state.ended:
            if self._cancel_asked is not None and (gone or time.monotonic() - self._cancel_asked > CANCEL_PATIENCE_S):
                self._kill()
                self._keep_output()
                fresh.append(self._write(said.Cancelled()))
                self._take(fresh[-1])
            elif gone:
                fresh.append(self._write(said.Failed(sentence=self._obituary())))
                self._take(fresh[-1])
        return fresh

    def cancel(self) -> None:
        """Ask the worker to stop; :meth:`poll` ends its process group if it does not within the patience."""
        if not self.state.ended and self._cancel_asked is None:
            (self.folder / "cancel").touch()
            self._cancel_asked = time.monotonic()

    @property
    def can_resume(self) -> bool:
        """Whether it ended before it was done, and left a checkpoint."""
        return self.state in (JobState.FAILED, JobState.CANCELLED) and self._vault.exists(self.folder / CHECKPOINT)

    def resume(self) -> None:
        """Go on from the last checkpoint.

        Raises
        ------
        BadInput
            When there is none.
        """
        if not self.can_resume:
            raise BadInput(f"'{self.spec.label}' has no checkpoint to go on from", remedy="Start it again.")
        (self.folder / "cancel").unlink(missing_ok=True)
        self.state, self.error, self._started, self._cancel_asked = JobState.WAITING, None, None, None
        self.start()

    def wait(self, timeout_s: float | None = None, interval_s: float = 0.05) -> JobState:
        """Poll until the job has ended."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while not self.state.ended and (until is None or time.monotonic() < until):
            self.poll()
            if not self.state.ended:
                time.sleep(interval_s)
        return self.state

    def result_folders(self) -> list[Path]:
        """Folders of the objects the job made, in order (those already moved into a project are left out)."""
        made = self.done.objects if self.done else ()
        return [self.folder / "result" / uuid for uuid in made if (self.folder / "result" / uuid).is_dir()]

    def forget(self, private: tuple[str, ...]) -> None:
        """Take parameters that may name the patient out of the folder of an ended job."""
        kept = {key: value for key, value in self.spec.parameters.items() if key not in private}
        if kept != self.spec.parameters:
            self.spec = self.spec.model_copy(update={"parameters": kept})
            self._vault.write_json(self.folder / "spec.json", json.loads(self.spec.model_dump_json()))

    # -- inside ---------------------------------------------------------------------------------------------------

    def _take(self, event: said.Event) -> None:
        match event:
            case said.Started():
                self._started = event
                self.state = JobState.RUNNING
            case said.Progress():
                self.fraction, self.what, self.eta_s = event.fraction, event.what or self.what, event.eta_s
            case said.Residual():
                self.residuals.setdefault(event.name, []).append((event.step, event.value))
            case said.Log():
                self.log.append(event.text)
            case said.Done():
                self.done, self.state, self.fraction, self.eta_s = event, JobState.DONE, 1.0, None
            case said.Failed():
                self.error = (BadInput if event.exit_code == 3 else OrganTwinError)(event.sentence.removesuffix("."))
                self.error.places_mm = event.places_mm
                self.state = JobState.FAILED
            case said.Cancelled():
                self.state = JobState.CANCELLED

    def _read_events(self) -> list[said.Event]:
        path = self._vault.path(self.folder / "events.jsonl")
        if not path.exists():
            return []
        with path.open("rb") as stream:
            stream.seek(self._offset)
            data = stream.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        fresh = []
        for line in whole.splitlines():
            try:
                fresh.append(said.EVENT.validate_json(self._vault.record(line)))
            except ValueError:
                continue  # a line torn by a crash in the middle of writing
        return fresh

    def _write(self, event: said.Event) -> said.Event:
        try:
            path = self.folder / "events.jsonl"
            self._vault.append(path, event.model_dump_json().encode(), sync=False)
            self._offset = self._vault.path(path).stat().st_size
        except (OSError, OrganTwinError):
            pass  # a full disk: whoever looks next finds the same out by himself
        return event

    def _is_gone(self) -> bool:
        if self._process is not None:
            return self._process.poll() is not None
        if self._started is not None:
            return not alive(self._started.pid, self._started.born)
        spoken = self._vault.path(self.folder / "events.jsonl")
        if spoken.exists() and spoken.stat().st_size > self._offset:
            return False  # its first words have not been read yet
        return time.time() - self._vault.path(self.folder / "spec.json").stat().st_mtime > START_PATIENCE_S

    def _keep_output(self) -> None:
        output, self._output = self._output, None
        if output is not None:
            with contextlib.suppress(OSError, OrganTwinError):  # a full disk: the log is not worth a failure
                self._vault.keep_log(self.folder / "stdout.log", output)

    def _kill(self) -> None:
        pid = self._process.pid if self._process else (self._started.pid if self._started else None)
        if pid is None or (self._process is None and self._started and not alive(pid, self._started.born)):
            return
        try:
            os.killpg(os.getpgid(pid), signal.SIGKILL)
        except ProcessLookupError:
            return
        if self._process is not None:
            self._process.wait(timeout=5)

    def _obituary(self) -> str:
        code = self._process.returncode if self._process else None
        how = f" by signal {-code}" if code is not None and code < 0 else ""
        likely = " It may have run out of memory." if code == -9 else ""
        if disk_usage(self.folder).free < 2**20:
            likely = " The disk is full: free some space."
        last = ""
        log = self.folder / "stdout.log"
        if not how and self._vault.exists(log):
            printed = self._vault.read_bytes(log).decode(errors="replace")
            lines = [line for line in printed.splitlines() if line.strip()]
            of_rank = [line.partition("EXIT STRING:")[2].strip(" ()") for line in lines if "EXIT STRING:" in line]
            words = (of_rank or lines)[-1][:200].rstrip(".") if lines else ""
            last = f" Its last words were: {words}." if words else ""
        kept = " It can go on from its last checkpoint." if self._vault.exists(self.folder / CHECKPOINT) else ""
        return (
            f"The worker of '{self.spec.label}' was ended{how} before it finished; "
            f"the project is unchanged.{likely}{last}{kept}"
        )


def unseen(folder: Path, seen: Container[str]) -> list[Job]:
    """The jobs in a folder that nobody has dismissed, and whose result nobody has taken; oldest first."""
    vault = vault_of(folder)
    found = [Job(one) for one in folder.glob("*/") if one.name not in seen and vault.exists(one / "spec.json")]
    return sorted(found, key=lambda job: (job.spec.created, job.id) if vault.sealed else ("", job.id))
