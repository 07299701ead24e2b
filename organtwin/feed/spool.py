"""Where readings wait: files that only grow, inside the project folder and outside its lock.

A reading is on the disk before whoever sent it hears that it was taken. Each process writes a file of its own, so none can tear
what another writes; a record that was cut off by a crash was never acknowledged, and is the last of its file. How far the files
have been taken in is kept beside them, and in the recipe of what was made of them, so that nothing is taken in twice.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from organtwin.errors import BadInput
from organtwin.store.atomic import said_plainly, sync_folder
from organtwin.store.vault import Vault, vault_of

FOLDER = "feed"
TAKEN = "taken.json"
SETTINGS = "settings.json"
LARGEST_BYTES = 2 * 1024**3  # of all that waits: a disk is not filled by whoever can send
ENDING = ".spool"
LONGEST = 5000  # records of a file


class Full(BadInput):
    """So much waits that nothing more is accepted."""


@dataclass(frozen=True)
class Record:
    """The ``number``-th record of a file, counted from one."""

    file: str
    number: int
    data: Mapping[str, Any]


class Spool:
    """Writes records of one process; safe to call from several threads."""

    def __init__(self, project: Path) -> None:
        self.project, self.folder = project, project / FOLDER
        self._guard = threading.Lock()
        self._stream: BinaryIO | None = None
        self._count = self._others = 0

    def append(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Write records; when this returns, a power cut does not lose them.

        Raises
        ------
        Full
            When too much waits already; nothing was written.
        OrganTwinError
            When the disk is full, or the project was sealed meanwhile; nothing that was written counts.
        """
        vault = vault_of(self.project)
        plain = [json.dumps(r, separators=(",", ":"), ensure_ascii=True).encode() for r in records]
        block = b"".join(vault.line(line) + b"\n" for line in plain)
        with self._guard, said_plainly(self.folder):
            stream = self._open(vault)
            if self._others + stream.tell() + len(block) > LARGEST_BYTES:
                raise Full(
                    "Too many readings wait to be taken in",
                    where=str(self.folder),
                    remedy="Open the project, so that they are.",
                )
            begun = stream.tell()
            try:
                stream.write(block)
                stream.flush()
                os.fsync(stream.fileno())
            except OSError:
                os.ftruncate(stream.fileno(), begun)  # half a record would hide those after it
                stream.seek(begun)
                raise
            self._count += len(records)
            if self._count >= LONGEST:
                self._close()

    def _open(self, vault: Vault) -> BinaryIO:
        if self._stream is not None and not os.fstat(self._stream.fileno()).st_nlink:
            self._close()  # the project was sealed or thrown away: its files are others now
        while self._stream is None:
            self.folder.mkdir(exist_ok=True)
            self._others = sum(vault.path(p).stat().st_size for p in _files(self.folder, vault))
            path = vault.path(self.folder / f"{time.time_ns():020d}-{uuid4().hex[:12]}{ENDING}")
            stream = path.open("xb", buffering=0)
            fcntl.flock(stream, fcntl.LOCK_EX)  # whoever tidies up leaves it alone
            if os.fstat(stream.fileno()).st_nlink:
                self._stream, self._count = stream, 0
                sync_folder(self.folder)
            else:  # tidied up between its making and its locking
                stream.close()
        return self._stream

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def rest(self) -> None:
        """Let go of the file at hand, so that it can be thrown away when it is taken in; the next record begins a new one."""
        with self._guard:
            self._close()


def waiting(project: Path, vault: Vault, taken: Mapping[str, int] | None = None) -> Iterator[Record]:
    """Records that have not been taken in, file by file in the order of their making."""
    taken = taken if taken is not None else taken_so_far(project, vault)
    for path in _files(project / FOLDER, vault):
        skip = taken.get(path.stem, 0)
        for number, raw in enumerate(vault.records(path), start=1):
            if number > skip:
                yield Record(path.stem, number, _record(raw))


def taken_so_far(project: Path, vault: Vault) -> dict[str, int]:
    """How many records of each file were taken in, as far as the note beside them knows."""
    try:
        told = vault.read_json(project / FOLDER / TAKEN)
        return {str(file): int(count) for file, count in told.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def note_taken(project: Path, vault: Vault, taken: Mapping[str, int]) -> None:
    """Note how far was taken in, and throw away files that nobody writes to any more and that are taken in whole."""
    folder = project / FOLDER
    left = {}
    for path in _files(folder, vault):
        count = taken.get(path.stem, 0)
        if not _thrown_away(path, vault, count) and count:
            left[path.stem] = count
    vault.write_json(folder / TAKEN, left)


def _files(folder: Path, vault: Vault) -> list[Path]:
    """The files by the names that the vault knows them by, oldest first."""
    end = vault.path(Path(ENDING)).name
    return sorted(p.with_name(p.name.removesuffix(end) + ENDING) for p in folder.glob(f"*{end}"))


def _thrown_away(path: Path, vault: Vault, taken: int) -> bool:
    """Throw away a file that was taken in whole, unless the process that writes it lives."""
    try:
        with vault.path(path).open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if len(vault.records(path)) > taken:
                return False
            vault.path(path).unlink()  # under the lock: whoever began to write just now sees that the file is gone
        return True
    except OSError:
        return False


def _record(raw: bytes) -> dict[str, Any]:
    try:
        data = json.loads(raw)
    except ValueError:
        data = None
    return data if isinstance(data, dict) else {"raw": raw[:300].decode("utf-8", "replace")}
