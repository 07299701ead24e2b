"""Files come into being whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from organtwin.errors import BadInput

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file beside ``path`` that takes its place when all is written; on any failure nothing is left behind.

    Raises
    ------
    BadInput
        When the disk is full or the folder may not be written: one sentence.
    """
    temporary: Path | None = None
    try:
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False) as file:
            temporary = Path(file.name)
            yield file
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # temporary files are private; a file that is asked for is not
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise _said(error, path) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()


def write_whole(path: Path, content: bytes) -> None:
    """Write bytes with :func:`whole_file`."""
    with whole_file(path) as file:
        file.write(content)


def _said(error: OSError, path: Path) -> BadInput:
    if error.errno in _FULL:
        return BadInput(
            "There is no room left on the disk, and nothing was written",
            where=str(path),
            remedy="Free some space or choose another disk.",
        )
    if isinstance(error, FileNotFoundError):
        return BadInput(
            "The folder to write to does not exist", where=str(path.parent), remedy="Make it or choose another."
        )
    if isinstance(error, IsADirectoryError | NotADirectoryError):
        return BadInput(
            "This is a folder, not a file" if path.is_dir() else "The path leads through a file",
            where=str(path),
            remedy="Give a file name.",
        )
    if isinstance(error, PermissionError):
        return BadInput("The folder may not be written to", where=str(path.parent), remedy="Choose another folder.")
    return BadInput(
        "The file could not be written", where=f"{path}: {error.strerror or error}", remedy="Choose another place."
    )
