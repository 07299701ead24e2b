"""Files that are either the old one or the new one, never half of each."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from organtwin.errors import OrganTwinError


@contextmanager
def said_plainly(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals into one sentence."""
    try:
        yield
    except OSError as error:
        cut_short = error.errno is None and "requested and" in str(error)  # how numpy tells of a full disk
        if cut_short or error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OrganTwinError(
                "The disk is full, so nothing was written",
                where=str(path),
                remedy="Free some space and try again; what was there is unchanged.",
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise OrganTwinError(
                "This place cannot be written to", where=str(path), remedy="Choose a folder that is yours."
            ) from error
        raise


def sync_folder(folder: Path) -> None:
    """Make a rename or a new name in ``folder`` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """A stream whose content takes the place of ``path`` at once when all of it is written."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with said_plainly(path):
        try:
            with temporary.open("wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
            sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """A stream to a file in a folder that nobody sees yet: half the way of :func:`replaced` to the disk. Afterwards the folder is
    to be synchronised and to get its name."""
    with said_plainly(path), path.open("wb") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())


def write_text(path: Path, text: str) -> None:
    """Replace ``path`` by ``text`` at once."""
    with replaced(path) as stream:
        stream.write(text.encode("utf-8"))


def write_json(path: Path, data: Any) -> None:
    """Replace ``path`` by JSON at once."""
    write_text(path, json.dumps(data, indent=1) + "\n")
