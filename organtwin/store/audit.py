"""Who did what with a project, and when: a chain of records that cannot be changed, cut or put in another order unnoticed.

Each record holds the SHA-256 of the one before it and of itself. How many there are and the hash of the last stand in a file
of their own and in the project's head, so that an end that was cut off is missed. In a sealed project each record also has a
code that needs the key (HMAC-SHA-256). Without a key, who can write all files can also write a whole new chain: compare
the last hash with one that was noted elsewhere (``organtwin audit PROJECT --verify --noted HASH``).
"""

from __future__ import annotations

import errno
import fcntl
import getpass
import hashlib
import json
import os
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from organtwin.errors import BadInput
from organtwin.model import Frozen
from organtwin.store.atomic import said_plainly
from organtwin.store.vault import Vault

START = "0" * 64
CANNOT_WRITE = (errno.EROFS, errno.EACCES, errno.EPERM)
BLOCK = 2**16
LOST = "lost"  # what an opening found missing at the end, and went on from


class Record(Frozen):
    """``did`` is one word, ``what`` a few for people, ``objects`` uuids, ``detail`` plain data."""

    n: int
    at: str
    who: str
    role: str = ""
    did: str
    what: str = ""
    objects: tuple[str, ...] = ()
    detail: dict[str, Any] = Field(default_factory=dict)
    before: str
    hash: str = ""
    seal: str = ""

    def digest(self) -> str:
        """The hash that it must have."""
        said = self.model_dump(mode="json", exclude={"hash", "seal"})
        return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class Anchor(Frozen):
    """How many records there are, and the hash of the last."""

    count: int = 0
    head: str = START


class AuditLog:
    """Grows by :meth:`append`, also under the hands of several processes at once."""

    def __init__(self, path: Path, vault: Vault) -> None:
        self._path, self._vault = path, vault
        self._file, self._anchor_file = vault.path(path), vault.path(path.with_name(f"{path.name}.head"))
        self._size = -1
        self.anchor = Anchor()
        self.also: tuple[Anchor, ...] = ()  # what other places know of how far it went

    def append(
        self, did: str, what: str = "", objects: Sequence[str] = (), role: str = "", **detail: Any
    ) -> Record | None:
        """Add a record; None where the project lies on a disk that cannot be written to."""
        try:
            stream = os.fdopen(os.open(self._file, os.O_RDWR | os.O_CREAT, 0o644), "r+b")
        except OSError as error:
            if error.errno in CANNOT_WRITE:
                return None
            raise
        with said_plainly(self._file), stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            size = stream.seek(0, os.SEEK_END)
            if size != self._size:  # another process wrote, or nothing was read yet
                self.anchor, self._size = self._last(stream, size), size
                if (lost := self._lost(size)) is not None:  # going on as if nothing were would hide it
                    self._add(
                        stream, role, LOST, f"the log ended once with record {lost.count}", detail=lost.model_dump()
                    )
            return self._add(stream, role, did, what, objects, detail)

    def _add(
        self,
        stream: Any,
        role: str,
        did: str,
        what: str,
        objects: Sequence[str] = (),
        detail: dict[str, Any] | None = None,
    ) -> Record:
        record = Record(
            n=self.anchor.count + 1, at=datetime.now(UTC).isoformat(timespec="milliseconds"), who=_who(), role=role,
            did=did, what=what, objects=tuple(objects), detail=detail or {}, before=self.anchor.head,
        )  # fmt: skip
        digest = record.digest()
        record = record.model_copy(update={"hash": digest, "seal": self._vault.seal_of(digest.encode())})
        line = self._vault.line(record.model_dump_json(exclude_defaults=True).encode()) + b"\n"
        if self._size and os.pread(stream.fileno(), 1, self._size - 1) != b"\n":
            line = b"\n" + line  # the last one was torn by a crash, and stays so
        stream.seek(self._size)
        stream.write(line)
        stream.flush()
        os.fsync(stream.fileno())
        self._size, self.anchor = self._size + len(line), Anchor(count=record.n, head=digest)
        self._write_anchor()
        return record

    def _lost(self, size: int) -> Anchor | None:
        """How far the log went once, where its end is gone; None where nothing is missing."""
        if not size and not self._anchor_file.exists():  # nothing yet; or all is gone, which others may know
            known: list[Anchor] = []
        else:
            known = [self._read_anchor() or Anchor(count=self.anchor.count + 1, head="")]  # taken away or damaged
        here = self.anchor
        for one in (*known, *self.also):
            if one.count > here.count or (one.count == here.count and one.head != here.head):
                return one
        return None

    def records(self) -> list[Record]:
        """All of them that can be read."""
        return [record for record in self._read() if record is not None]

    def verify(self, anchors: Sequence[Anchor] = (), noted: str = "") -> list[str]:
        """What is wrong with the chain, a sentence each; nothing where it is whole.

        ``anchors``: other places that know how far it went. ``noted``: a hash that was written down elsewhere.
        """
        wrong: list[str] = []
        before, count, torn = START, 0, 0
        known = {0: START}
        found = self._read()
        # what was written before the project was sealed the last time has no seal, or that of an older key
        sealed_since = max((r.n for r in found if r is not None and r.did == "seal"), default=0)
        for record in found:
            if record is None:
                torn += 1
                continue
            count += 1
            if record.n != count:
                wrong.append(f"Record {count} says that it is number {record.n}: records are missing or were moved.")
                count = record.n
            if record.before != before:
                wrong.append(f"Record {record.n} does not follow the one before it.")
            if record.hash != record.digest():
                wrong.append(f"Record {record.n} ({record.at}) was changed.")
            keyed = self._vault.sealed and record.n > sealed_since
            if keyed and record.seal != self._vault.seal_of(record.hash.encode()):
                wrong.append(f"Record {record.n} ({record.at}) was not written with the project's key.")
            if record.did == LOST:
                wrong.append(f"Before record {record.n} ({record.at}) something was missing: {record.what}.")
            before = known[record.n] = record.hash
        own = self._read_anchor()
        if own is None:
            wrong.append("The file that tells how far the log went is missing or damaged.")
        for anchor in (*((own,) if own else ()), *anchors):
            if known.get(anchor.count) != anchor.head:
                wrong.append(
                    f"The log ended once with record {anchor.count}, which is not in it any more: it was cut off or replaced."
                )
        if noted and noted not in known.values():
            wrong.append("The hash that was noted is not in the log: it was rewritten or cut off.")
        if torn and wrong:
            wrong.append(f"{torn} lines cannot be read.")
        return list(dict.fromkeys(wrong))

    # -- inside ---------------------------------------------------------------------------------------------------

    def _read(self) -> list[Record | None]:
        try:
            lines = self._file.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        return [self._of(line) for line in lines if line]

    def _of(self, line: bytes) -> Record | None:
        try:
            return Record.model_validate_json(self._vault.record(line))
        except (ValidationError, ValueError):
            return None

    def _last(self, stream: Any, size: int) -> Anchor:
        """The last whole record of a file, found from its end."""
        back = BLOCK
        while size:
            start = max(0, size - back)
            lines = os.pread(stream.fileno(), size - start, start).splitlines(keepends=True)
            for line in reversed(lines if start == 0 else lines[1:]):
                record = self._of(line.rstrip(b"\n")) if line.endswith(b"\n") and line.strip() else None
                if record is not None:
                    return Anchor(count=record.n, head=record.hash)
            if start == 0:
                break
            back *= 8
        return Anchor()

    def _write_anchor(self) -> None:
        # in place and not waited for: after a power cut it may be behind the log, never before it
        data = self._vault.line(self.anchor.model_dump_json().encode())
        with self._anchor_file.open("r+b" if self._anchor_file.exists() else "w+b", buffering=0) as stream:
            stream.write(data)
            stream.truncate(len(data))

    def _read_anchor(self) -> Anchor | None:
        if not self._anchor_file.exists() and not self._file.exists():
            return Anchor()
        try:
            return Anchor.model_validate_json(self._vault.record(self._anchor_file.read_bytes()))
        except (OSError, ValueError):
            return None


@cache
def _who() -> str:
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = f"user {os.getuid()}"
    return f"{name} at {socket.gethostname()}"


def anchor_of(head: dict[str, Any]) -> tuple[Anchor, ...]:
    """What a project's head says of its log."""
    said = head.get("audit")
    if said is None:
        return ()
    try:
        return (Anchor.model_validate(said),)
    except ValidationError as error:
        raise BadInput("The project's description is damaged") from error
