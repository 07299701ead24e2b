"""One writer per project. The lock is the kernel's, so a killed program leaves none behind."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from organtwin.errors import BadInput
from organtwin.store.atomic import said_plainly


class Lock:
    """Holds ``path`` until closed."""

    def __init__(self, path: Path) -> None:
        with said_plainly(path.parent):
            self._stream = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._stream.seek(0)
            holder = self._stream.read().strip() or "another program"
            self._stream.close()
            raise BadInput(
                f"This project is open in {holder}",
                where=str(path.parent),
                remedy="Close it there first, or work on a copy.",
            ) from error
        self._stream.truncate(0)
        self._stream.write(f"another OrganTwin (process {os.getpid()})")
        self._stream.flush()

    def close(self) -> None:
        if not self._stream.closed:
            self._stream.truncate(0)
            fcntl.flock(self._stream, fcntl.LOCK_UN)
            self._stream.close()
