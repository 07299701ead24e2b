"""Running a mesher in a process of its own: it may hang, abort or be told to stop without harm to its caller."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class ChildFailed(Exception):
    """The process ended badly or took too long; the text says how."""


PR_SET_PDEATHSIG = 1  # prctl(2)


def _die_with_parent() -> None:
    """A mesher whose worker was killed must not go on: it can take gigabytes for an hour. Linux only; no harm elsewhere."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def run_program(
    command: Sequence[str | os.PathLike[str]],
    folder: Path,
    beat: Callable[[], None],
    timeout_s: float,
    environment: dict[str, str] | None = None,
) -> str:
    """Run a program to its end in ``folder`` and return what it printed.

    ``beat`` is called several times a second; when it raises, the program is killed and the exception goes on.

    Raises
    ------
    ChildFailed
    """
    log = folder / "log.txt"
    begun = time.monotonic()
    with log.open("wb") as sink:
        try:
            process = subprocess.Popen(
                [os.fspath(c) for c in command],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                preexec_fn=_die_with_parent,
                env={**os.environ, **(environment or {})},
            )
        except OSError as error:
            raise ChildFailed(f"{Path(os.fspath(command[0])).name} cannot be started: {error.strerror}") from error
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.1)
                    break
                beat()
                if time.monotonic() - begun > timeout_s:
                    raise ChildFailed(f"took longer than {timeout_s:.0f} s")
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    text = log.read_text(errors="replace")
    if process.returncode != 0:
        last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
        raise ChildFailed(f"ended with code {process.returncode}: {last.strip()[:200]}")
    return text


def call(
    function: str, arrays: dict[str, NDArray[Any]], beat: Callable[[], None], timeout_s: float
) -> dict[str, NDArray[Any]]:
    """``function`` ("module:name", arrays to arrays) in a Python process of its own.

    Raises
    ------
    ChildFailed
    """
    with tempfile.TemporaryDirectory(prefix="organtwin-") as name:
        folder = Path(name)
        np.savez(folder / "in.npz", **arrays)  # type: ignore[arg-type]
        run_program([sys.executable, "-m", "organtwin.mesh.child", function], folder, beat, timeout_s)
        try:
            with np.load(folder / "out.npz") as made:
                return dict(made)
        except OSError as error:
            raise ChildFailed("left no result") from error


def main() -> None:
    module, _, name = sys.argv[1].partition(":")
    with np.load("in.npz") as given:
        arrays = dict(given)
    np.savez("out.npz", **getattr(importlib.import_module(module), name)(**arrays))


if __name__ == "__main__":
    main()
